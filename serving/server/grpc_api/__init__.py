"""gRPC: from a message to a message."""
