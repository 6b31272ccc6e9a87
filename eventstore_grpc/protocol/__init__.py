"""The messages of the service.

``storegrpc.proto`` is the source; ``storegrpc_pb2`` is made of it by ``make protocol``.
"""
