"""The trained classifier as a SavedModel and as a TFLite file."""
