"""Short programs that use the product; each is run by a test."""
