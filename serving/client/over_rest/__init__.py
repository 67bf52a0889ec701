"""The client's questions in TF Serving's REST API, and how they travel."""
