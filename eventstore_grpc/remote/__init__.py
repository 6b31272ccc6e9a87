"""The recorder over gRPC: applications run on a store that they reach through a server only."""
