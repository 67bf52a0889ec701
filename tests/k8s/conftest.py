"""A server for all tests of this folder."""

from tests.support.serving.fixtures import anyio_backend, fake_server

__all__ = ["anyio_backend", "fake_server"]
