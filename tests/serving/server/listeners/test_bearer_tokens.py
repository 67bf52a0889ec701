"""--bearer_token_file: which requests pass."""

import asyncio
import logging
import pathlib
from typing import Any

import grpc
import pytest

from serving.server.listeners.bearer_tokens import TokenGuard, TokenInterceptor
from serving.server.status import Code, StatusError

FIRST, SECOND = "first-token-of-the-file", "second-token-of-the-file="


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    written = tmp_path / "tokens"
    written.write_text(f"# clients\n\n{FIRST}\n  {SECOND}  # the other team\n")
    written.chmod(0o600)
    return written


@pytest.mark.parametrize(
    "authorization",
    [f"Bearer {FIRST}", f"bearer {SECOND}", f"BEARER   {FIRST} "],
)
def test_every_token_of_the_file_is_good(
    path: pathlib.Path, authorization: str
) -> None:
    TokenGuard(str(path)).check(authorization)


@pytest.mark.parametrize(
    "authorization, message",
    [
        (None, "A bearer token is required: send 'authorization: Bearer <token>'."),
        ("", "A bearer token is required"),
        (FIRST, "A bearer token is required"),
        (f"Basic {FIRST}", "A bearer token is required"),
        ("Bearer ", "A bearer token is required"),
        ("Bearer nobody", "The bearer token is not one of this server's."),
        (f"Bearer {FIRST}x", "The bearer token is not one of this server's."),
        (f"Bearer {FIRST} {SECOND}", "The bearer token is not one of this server's."),
        ("Bearer \udcff", "The bearer token is not one of this server's."),
        ("Bearer #", "The bearer token is not one of this server's."),
    ],
)
def test_anything_else_is_unauthenticated(
    path: pathlib.Path, authorization: str | None, message: str
) -> None:
    with pytest.raises(StatusError, match=message) as caught:
        TokenGuard(str(path)).check(authorization)
    assert caught.value.code is Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "holds no token; write one a line"),
        ("# none\n\n", "holds no token"),
        (f"{FIRST}\nVERY SECRET\n", "line 2: a token consists of letters"),
    ],
)
def test_a_file_without_good_tokens_is_refused_and_not_quoted(
    path: pathlib.Path, content: str, message: str
) -> None:
    path.write_text(content)
    with pytest.raises(StatusError, match=f"{path}.*{message}") as caught:
        TokenGuard(str(path))
    assert "SECRET" not in str(caught.value)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(StatusError, match="Cannot read bearer_token_file /nowhere"):
        TokenGuard("/nowhere")


def test_new_tokens_count_within_a_second(path: pathlib.Path) -> None:
    now_s = [0.0]
    guard = TokenGuard(str(path), clock=lambda: now_s[0])
    fresh = path.with_name("fresh")
    fresh.write_text("a-token-that-replaces-them\n")
    fresh.rename(path)
    guard.check(f"Bearer {FIRST}")
    now_s[0] = 1.0
    guard.check("Bearer a-token-that-replaces-them")
    with pytest.raises(StatusError):
        guard.check(f"Bearer {FIRST}")


@pytest.mark.parametrize("damage", ["empty", "gone"])
def test_a_bad_new_file_locks_nobody_out(path: pathlib.Path, damage: str) -> None:
    now_s = [0.0]
    guard = TokenGuard(str(path), clock=lambda: now_s[0])
    path.unlink() if damage == "gone" else path.write_text("")
    now_s[0] = 2.0
    guard.check(f"Bearer {FIRST}")


@pytest.mark.parametrize(
    "mode, words",
    [(0o644, "everybody can read it"), (0o660, "others can write it"), (0o400, "")],
)
def test_files_that_others_can_use_are_warned_of(
    path: pathlib.Path, mode: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.chmod(mode)
    with caplog.at_level(logging.WARNING):
        TokenGuard(str(path))
    assert words in caplog.text if words else not caplog.text


def test_short_tokens_are_warned_of_without_being_shown(
    path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("hunter2\n")
    TokenGuard(str(path))
    assert "line 1: the token is short enough to guess" in caplog.text
    assert "hunter2" not in caplog.text


async def _ask(guard: TokenGuard, method: str, authorization: str) -> str:
    """What a server that answers everything says to a call with that header."""

    async def answer(_request: bytes, _context: Any) -> bytes:
        return b"answer"

    class Everything(grpc.GenericRpcHandler):
        def service(self, _details: Any) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.aio.server(
        interceptors=[TokenInterceptor(guard)], handlers=[Everything()]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    metadata = [("authorization", authorization)] if authorization else []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            return (await channel.unary_unary(method)(b"", metadata=metadata)).decode()
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        finally:
            await server.stop(None)


@pytest.mark.parametrize(
    "method, authorization, said",
    [
        ("/tensorflow.serving.PredictionService/Predict", "", "UNAUTHENTICATED"),
        ("/grpc.health.v1.Healthy/Check", "", "UNAUTHENTICATED"),
        ("/tensorflow.serving.ModelService/X", f"Bearer {SECOND}", "answer"),
        ("/grpc.health.v1.Health/Check", "", "answer"),
    ],
)
def test_grpc_asks_for_a_token_everywhere_but_for_health(
    path: pathlib.Path, method: str, authorization: str, said: str
) -> None:
    assert asyncio.run(_ask(TokenGuard(str(path)), method, authorization)) == said
