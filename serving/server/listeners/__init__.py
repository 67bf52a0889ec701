"""Where requests come in: ports, TLS, bearer tokens."""
