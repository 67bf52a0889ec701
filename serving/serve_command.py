"""`ktp serve`."""

import json
import shlex
import signal
from typing import Any

import click

from model import contract

ENGINES = ("auto", "tensorflow_model_server", "docker", "embedded")


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path())
@click.option("--port", type=int, default=8500, show_default=True, help="gRPC; 0: any.")
@click.option(
    "--rest-api-port", type=int, default=8501, show_default=True, help="REST; 0: any."
)
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True)
@click.option("--model-name", default=contract.MODEL_NAME, show_default=True)
@click.option(
    "--enable-batching", is_flag=True, help="Compute waiting requests together."
)
@click.option("--max-batch-size", type=int, default=64, show_default=True)
@click.option("--batch-timeout-micros", type=int, default=0, show_default=True)
@click.option("--log-dir", type=click.Path(), help="Where the server's log goes.")
def serve(
    directory: str,
    enable_batching: bool,
    max_batch_size: int,
    batch_timeout_micros: int,
    **settings: Any,
) -> None:
    """Serve the model in DIR until Ctrl-C.

    DIR is the output folder of `ktp run`, or a folder with version directories (1/).
    """
    from serving.engine_settings import BatchingSettings
    from serving.engines import EngineError
    from serving.launch import ServerStartError, start_server
    from serving.served_folder import find_base_path

    # As in a container: SIGTERM is a polite Ctrl-C, and the server may drain.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        batching = BatchingSettings(
            max_batch_size=max_batch_size, batch_timeout_micros=batch_timeout_micros
        )
        server = start_server(
            find_base_path(directory),
            batching=batching if enable_batching else None,
            **settings,
        )
        with server:
            click.echo(f"Starting the {server.engine} server; log: {server.log_path}")
            server.wait_until_ready()
            click.echo(_invitation(server))
            status = server.wait()
            raise click.ClickException(
                f"The server ended with status {status}; see {server.log_path}."
            )
    except (ValueError, EngineError, ServerStartError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        click.echo("\nStopped.")


def _invitation(server: Any) -> str:
    body = json.dumps({"instances": ["your text"]})
    name = server.settings.model_name
    url = f"http://{server.rest_endpoint}/v1/models/{name}:predict"
    options = f"--endpoint {server.grpc_endpoint}"
    if name != contract.MODEL_NAME:
        options += f" --model-name {name}"
    return "\n".join(
        [
            f"Ready: {name} on {server.engine}. Ctrl-C stops it.",
            f"  gRPC  {server.grpc_endpoint}",
            f"  REST  http://{server.rest_endpoint}",
            "Ask it:",
            f'  ktp predict "your text" {options}',
            f"  curl -d {shlex.quote(body)} {url}",
        ]
    )
