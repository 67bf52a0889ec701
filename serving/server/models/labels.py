"""Version labels: which version each one means now, and when it may mean another."""

from collections.abc import Collection, Mapping

from serving.server.status import Code, StatusError

Labels = Mapping[str, int]


def settled(
    held: Labels, wanted: Labels, available: Collection[int], *, allow_unavailable: bool
) -> dict[str, int]:
    """Returns the labels that hold now.

    A wanted label waits for its version to become available; until then it keeps the
    version it has. Once given it stays, as upstream's do, when that version goes.

    Args:
        held: the labels that held so far.
        wanted: what the configuration says.
        available: versions that answer requests.
        allow_unavailable: labels that are not in use need not wait.
    """
    now: dict[str, int] = {}
    for label, version in wanted.items():
        if version in available or (allow_unavailable and label not in held):
            now[label] = version
        elif label in held:
            now[label] = held[label]
    return now


def check(
    model_name: str,
    held: Labels,
    wanted: Labels,
    available: Collection[int],
    *,
    allow_unavailable: bool,
) -> None:
    """Refuses what HandleReloadConfigRequest refuses (server_core.cc).

    Raises:
        StatusError: FAILED_PRECONDITION, a label's version cannot answer. With
            `allow_unavailable` only a label that would be moved is refused.
    """
    for label, version in wanted.items():
        is_moved = held.get(label, version) != version
        if version in available or (allow_unavailable and not is_moved):
            continue
        raise StatusError(
            Code.FAILED_PRECONDITION,
            f"Request to assign label to version {version} of model {model_name}, "
            "which is not currently available for inference",
        )
