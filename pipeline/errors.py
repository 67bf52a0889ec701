"""Errors that a person can act on; the commands print them without a traceback."""

import signal


class UserError(Exception):
    """Says what was received, what is allowed, and what to do."""


class DataError(UserError):
    """The labelled text cannot be used as it is."""


class SettingError(UserError):
    """A setting, preset or path cannot be used as it is."""


class RunError(UserError):
    """A run stopped before it had pushed a model."""


class Terminated(KeyboardInterrupt):
    """The process was told to end; as Ctrl-C, but with the signal's exit status."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.status = 128 + number


class SubmitError(UserError):
    """Kubeflow did not get the pipeline, or did not take it."""
