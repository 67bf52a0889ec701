"""What can go wrong on a device. `EdgeError` catches all of it."""


class EdgeError(Exception):
    """A model or a text cannot be used here; the message says what to do."""


class ModelFileError(EdgeError):
    """The file is missing, damaged, not a TFLite model, or not one of ours."""


class RuntimeMissingError(EdgeError):
    """No TFLite runtime is installed, or none that works with this numpy."""


class TextError(EdgeError, ValueError):
    """A text is none: it holds a lone surrogate."""


class ClosedError(EdgeError):
    """The classifier was closed."""
