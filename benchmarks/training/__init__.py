"""How fast does it train, next to other frameworks with the same model and data?"""
