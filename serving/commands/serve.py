"""`ktp serve`."""

import json
import pathlib
import shlex
import signal
from typing import TYPE_CHECKING, Any

import click

from model import contract
from serving.client.wire.tf_serving_names import GRPC_PORT, MODELS_PATH, REST_PORT

if TYPE_CHECKING:
    from serving.launch.engines import EngineChoice
    from serving.launch.running_server import RunningServer
    from serving.launch.settings import EngineSettings

# Where --print-config says that the files are, when it was not told.
PRINTED_FOLDER = "/etc/model-server"
_FILE = click.Path(exists=True, dir_okay=False, resolve_path=True)


@click.command()
@click.argument("models", metavar="[[NAME=]DIR]...", nargs=-1)
@click.option("--config", "config_path", type=_FILE, help="A models.config, not DIR.")
@click.option(
    "--engine",
    # Plain texts: of an enum, click would take the names.
    type=click.Choice([engine.value for engine in contract.Engine]),
    default=contract.Engine.AUTO.value,
    show_default=True,
)
@click.option(
    "--port", type=int, default=GRPC_PORT, show_default=True, help="gRPC; 0: any."
)
@click.option(
    "--rest-api-port",
    type=int,
    default=REST_PORT,
    show_default=True,
    help="REST; 0: any.",
)
@click.option("--grpc-socket-path", type=click.Path(resolve_path=True))
@click.option("--model-name", help=f"Name of DIR.  [default: {contract.MODEL_NAME}]")
@click.option("--versions", help="latest (default), latest:N, all, or numbers: 3,4.")
@click.option("--label", multiple=True, metavar="LABEL=VERSION", help="As stable=3.")
@click.option(
    "--enable-batching/--no-enable-batching",
    default=True,
    show_default=True,
    help="Compute waiting requests together.",
)
@click.option("--max-batch-size", type=int, help="[default: 64]")
@click.option("--batch-timeout-micros", type=int, help="[default: 0, never wait]")
@click.option("--num-batch-threads", type=int, help="[default: the server's choice]")
@click.option("--monitoring/--no-monitoring", default=True, help="Prometheus metrics.")
@click.option("--cors", is_flag=True, help="Let browsers ask from other origins.")
@click.option("--tls-cert", type=_FILE, help="PEM; encrypts what the engine can.")
@click.option("--tls-key", type=_FILE, help="PEM.")
@click.option("--tls-ca", type=_FILE, help="PEM; clients must show its certificates.")
@click.option("--bearer-token-file", type=_FILE, help="Who knows it may ask.")
@click.option("--access-log", metavar="FILE", help="JSON lines; -: into the log.")
@click.option("--flag", multiple=True, metavar="NAME=VALUE", help="Any other flag.")
@click.option("--log-dir", type=click.Path(), help="Where log and files go.")
@click.option(
    "--ready-timeout-s", type=float, default=600.0, show_default=True, help="To load."
)
@click.option(
    "--print-config",
    is_flag=True,
    help="Show the files and the command, start nothing. --log-dir gets the files.",
)
def serve(
    engine: str,
    log_dir: str | None,
    ready_timeout_s: float,
    print_config: bool,
    **options: Any,
) -> None:
    """Serve the models in DIR until Ctrl-C.

    DIR is the output folder of `ktp run`, or a folder with version directories (1/).
    Several models have names: ktp serve first=DIR second=DIR.
    """
    # As in a container: SIGTERM is a polite Ctrl-C, and the server may drain.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The terminal is gone; under nohup it is ignored, and stays so.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        from serving.launch import engines, from_options, running_server

        settings = from_options.settings_from(options)
        choice = engines.choose_engine(engine, settings.only_embedded)
        if print_config:
            _print_config(settings, choice, log_dir)
        else:
            _serve(settings, choice, log_dir, ready_timeout_s)
    except KeyboardInterrupt:
        click.echo("\nStopped.")
    except (ValueError, engines.EngineError, running_server.ServerStartError) as error:
        raise click.ClickException(str(error)) from None


def _serve(
    settings: "EngineSettings",
    choice: "EngineChoice",
    log_dir: str | None,
    ready_timeout_s: float,
) -> None:
    from serving.launch.running_server import start

    click.echo(f"Engine: {choice}.")
    with start(settings, choice, log_dir) as server:
        click.echo(f"Starting the {server.engine} server; log: {server.log_path}")
        for note in server.notes:
            click.echo(f"Note: {note}")
        server.wait_until_ready(ready_timeout_s, show=click.echo)
        click.echo(_invitation(server))
        status = server.wait()
        raise click.ClickException(
            f"The server ended with status {status}; see {server.log_path}."
        )


def _print_config(
    settings: "EngineSettings", choice: "EngineChoice", log_dir: str | None
) -> None:
    from serving.launch import engines
    from serving.launch.settings import SECRET_FILE

    folder = pathlib.Path(log_dir or PRINTED_FOLDER).absolute()
    inside = engines.seen_by(choice.engine, settings)
    command = engines.command(choice.engine, settings, folder)
    if log_dir:
        folder.mkdir(parents=True, exist_ok=True)
        inside.write_files(folder)
    for name, text in inside.files().items():
        secret = "(holds the private key: not shown)\n"
        click.echo(f"# {folder / name}\n{secret if name == SECRET_FILE else text}")
    for comment in (choice, *command.notes):
        click.echo(f"# {comment}")
    click.echo(" \\\n  ".join(map(shlex.quote, command.arguments)))


def _invitation(server: "RunningServer") -> str:
    settings = server.settings
    served = [each.name for each in settings.models if each.name not in server.failures]
    rest = f"{'https' if server.has_rest_tls else 'http'}://{server.rest_endpoint}"
    lines = [f"Ready: {', '.join(served)} on {server.engine}. Ctrl-C stops it."]
    lines += [f"Not served: {each}: {why}" for each, why in server.failures.items()]
    lines += [f"  gRPC  {server.grpc_endpoint}", f"  REST  {rest}"]
    if settings.monitoring_path:
        lines.append(f"  metrics  {rest}{settings.monitoring_path}")
    name = contract.MODEL_NAME if contract.MODEL_NAME in served else served[0]
    return "\n".join([*lines, "Ask it:", *_questions(server, name, rest)])


def _questions(server: "RunningServer", name: str, rest: str) -> list[str]:
    """Suggests commands to try, with what TLS and token ask for."""
    options, headers = f"--endpoint {server.grpc_endpoint}", ""
    if name != contract.MODEL_NAME:
        options += f" --model-name {shlex.quote(name)}"
    if server.settings.tls is not None:
        trusted = shlex.quote(server.settings.tls.certificate_path)
        options += f" --ca-path {trusted}"
        headers += f"--cacert {trusted} " if server.has_rest_tls else ""
    if token_file := server.settings.flags.bearer_token_file:
        options += f" --token-file {shlex.quote(token_file)}"
        headers += '-H "Authorization: Bearer TOKEN" '
    body = shlex.quote(json.dumps({"instances": ["your text"]}))
    return [
        f'  ktp predict "your text" {options}',
        f"  curl {headers}-d {body} {rest}{MODELS_PATH}/{name}:predict",
    ]
