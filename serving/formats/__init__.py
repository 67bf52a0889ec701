"""How do records become a TFRecord file?"""
