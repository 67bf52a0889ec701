"""`ktp report`: the page about a run, drawn anew from what the run wrote down."""

from pathlib import Path

import click

from pipeline.errors import DataError, SettingError
from pipeline.report import RunResults, write_report
from pipeline.run.workspace import Workspace


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "page_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page.  [default: report.html beside RESULTS]",
)
def report(results: Path, page_path: Path | None) -> None:
    """Draw the report of a run from RESULTS, its results.json."""
    page_path = page_path or Workspace(results.parent).report_path
    found = read_results(results)
    try:
        write_report(found, page_path)
    except OSError as error:
        raise SettingError(
            f"{page_path} cannot be written: {error.strerror}. Name another file "
            "with --output."
        ) from error
    click.echo(f"Wrote {page_path}")


def read_results(path: Path) -> RunResults:
    """Reads what a run wrote down about itself.

    Raises:
        DataError: The file is not there, damaged, or not from `ktp run`.
    """
    advice = "Give the results.json that `ktp run` writes to its output folder."
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. {advice}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text. {advice}") from error
    try:
        return RunResults.from_json(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} does not hold the results of a run of this version: {error}. "
            f"{advice}"
        ) from error
