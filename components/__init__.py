"""The TFX components that this pipeline needs and TFX does not have."""

from typing import Any

_ARTIFACTS = (
    "DeviceReport",
    "LinearReport",
    "Predictions",
    "ServerReport",
    "TeacherReport",
    "Vocabulary",
)


def __getattr__(name: str) -> Any:
    """Finds an artifact type where Kubeflow looks for it, without importing TFX before.

    TFX's Kubeflow compiler wants a `TYPE_NAME` of the form `package.Name`, and every
    step imports that.
    """
    if name not in _ARTIFACTS:
        raise AttributeError(f"module 'components' has no attribute {name!r}")
    from components import artifacts

    return getattr(artifacts, name)
