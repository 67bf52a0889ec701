"""A device file for the tests of this folder."""

from tests.support.serving.device_files import model_path

__all__ = ["model_path"]
