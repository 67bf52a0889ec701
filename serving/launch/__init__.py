"""How a model server is chosen, told what to serve, started and ended."""
