"""Encoders that others have trained, in Hugging Face's layout."""
