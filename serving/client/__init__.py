"""How to ask a running model: over gRPC or REST, waiting or on an event loop."""
