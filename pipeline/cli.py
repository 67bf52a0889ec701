"""`ktp`: one command for the pipeline, the server, the client and the device.

Every command is loaded when it is called, so that asking a server does not import TFX,
and a machine with the `client` or `edge` extra alone can use its part.
"""

import importlib
import sys

import click

from pipeline.errors import Terminated, UserError
from pipeline.full_disk import why_full
from serving.text_files.shown import printable

_COMMANDS = {
    "run": "pipeline.commands.run:run",
    "report": "pipeline.commands.report:report",
    "serve": "serving.commands.serve:serve",
    "predict": "serving.commands.predict:predict",
    "edge": "serving.commands.edge:edge",
    "models": "pipeline.commands.models:models",
    "compile": "pipeline.commands.kubeflow:compile_command",
    "train": "pipeline.commands.train:train",
    "run-spec": "pipeline.commands.run_spec:run_spec",
    "submit": "pipeline.commands.kubeflow:submit_command",
    "data": "pipeline.commands.data:data",
}
_INTERRUPTED = 130
_MORE_ROOM = (
    "Free some, or write elsewhere: TMPDIR names the temporary folder, the command's "
    "options name the others."
)
_NOTHING_PUSHED = "Nothing was pushed; finished steps are kept."
_DEBUG = "--debug"


class LazyGroup(click.Group):
    """Finds its commands by dotted path, at the moment they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        return getattr(importlib.import_module(module), name)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_SUMMARIES.items()))


_SUMMARIES = {
    "run": "Train, check, export and push a classifier from labelled text.",
    "report": "Draw the report of a run anew.",
    "serve": "Serve what `run` pushed, over gRPC and REST.",
    "predict": "Ask a server.",
    "edge": "Ask a TFLite model, without TensorFlow.",
    "models": "List, promote and roll back what was pushed.",
    "compile": "Write the pipeline as a Kubeflow Pipelines v2 spec.",
    "train": "Train on what Transform made, on one host or several.",
    "run-spec": "Run a compiled spec on this machine, as a cluster would.",
    "submit": "Send a compiled spec to Kubeflow Pipelines.",
    "data": "Fetch public data sets.",
}


def _uninstalled(name: str, module: str) -> str:
    """Says which extra a command needs."""
    extras = {"predict": "client", "edge": "edge", "serve": "server"}
    extra = extras.get(name, "pipeline")
    return (
        f"'ktp {name}' needs the module '{module}', which is not installed. "
        f"Install it with: pip install 'keras-transformer-pipeline[{extra}]'"
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(_DEBUG, is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="keras-transformer-pipeline")
def ktp(debug: bool) -> None:
    """Train a Keras Transformer with TFX, serve it, and put it on devices."""
    del debug  # `main` has read it: it may also stand behind the command.


def main(arguments: list[str] | None = None) -> None:
    """Runs `ktp`; an error that a person can mend is one message, not a traceback.

    `--debug` may stand anywhere before a `--`.
    """
    words, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    try:
        status = ktp.main(words, prog_name="ktp", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except (click.Abort, KeyboardInterrupt) as error:
        cause = error.__cause__ or error  # click makes an Abort of any interruption.
        notes = getattr(cause, "__notes__", None) or [_NOTHING_PUSHED]
        click.echo(f"\nInterrupted. {' '.join(notes)}", err=True)
        sys.exit(cause.status if isinstance(cause, Terminated) else _INTERRUPTED)
    except click.ClickException as error:
        # It may repeat a word of a user. click means only subclasses by "final".
        error.message = printable(error.message)  # type: ignore[misc]
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        if debug:
            raise
        click.echo(f"Error: {printable(error)}", err=True)
    except ModuleNotFoundError as error:  # When a command is loaded, or later.
        name = next((word for word in words if not word.startswith("-")), "")
        click.echo(f"Error: {_uninstalled(name, str(error.name))}", err=True)
    except Exception as error:  # A bug; its traceback is for --debug.
        if debug:
            raise
        if why_full(error):
            told = printable(error)
            click.echo(f"Error: There is no room: {told}\n{_MORE_ROOM}", err=True)
            sys.exit(1)
        kind = type(error).__name__
        click.echo(
            f"Error: {kind}: {printable(error)}\nThis was not foreseen. Run it again "
            "with --debug for the traceback, and please report it.",
            err=True,
        )
    sys.exit(1)


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != _DEBUG]
    return kept + words[end:], len(kept) < end
