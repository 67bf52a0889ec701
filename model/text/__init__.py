"""From text to token ids: the vocabulary and the tokeniser."""
