"""Clients that mean harm: spoiled requests, and the server under attack."""
