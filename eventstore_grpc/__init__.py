"""The event store as a service that programs in any language reach by gRPC.

``protocol/storegrpc.proto`` is what they speak.
"""
