"""Bytes that cross a process and their Python values: tensors, texts, TFRecords."""
