"""The client's questions as TF Serving's gRPC messages, and how they travel."""
