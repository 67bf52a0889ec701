"""REST: from a path and a body to the JSON of an answer."""
