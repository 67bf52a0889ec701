"""A folder whose modules bear the names of ours, as a user's script may lie beside."""

import pathlib

NAMES = ("model", "serving", "components", "pipeline", "contract", "client", "edge")
COMPLAINT = "the user's own module was imported"


def hostile_folder(directory: pathlib.Path) -> pathlib.Path:
    """Makes a folder where importing one of our names fails: files and packages."""
    directory.mkdir(parents=True)
    for name in NAMES:
        (directory / f"{name}.py").write_text(f'raise RuntimeError("{COMPLAINT}")\n')
    for name in ("serving", "components"):
        (directory / name).mkdir()
        text = f'raise RuntimeError("{COMPLAINT}")\n'
        (directory / name / "__init__.py").write_text(text)
    return directory
