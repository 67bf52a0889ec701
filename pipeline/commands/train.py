"""`ktp train`: the Trainer's work, on one host or on several."""

from pathlib import Path

import click

from pipeline.cluster import Cluster
from pipeline.commands.key_values import key_values
from pipeline.commands.settings import PRETRAINED_OPTION, run_config
from pipeline.config import DEFAULT_PRESET, Environment
from pipeline.kubeflow.target import is_remote


@click.command("train")
@click.option(
    "--examples",
    "examples_uri",
    required=True,
    metavar="URI",
    help="What Transform made of the texts: transformed_examples/N of its outputs.",
)
@click.option(
    "--transform-graph",
    "transform_uri",
    required=True,
    metavar="URI",
    help="The graph that made it: transform_graph/N.",
)
@click.option(
    "--output",
    "output_uri",
    required=True,
    metavar="URI",
    help="Gets model/ and model_run/, as the Trainer's outputs, and checkpoints/ as "
    "long as it lasts. Where several hosts train, all of them must see it.",
)
@click.option("--preset", help=f"Model and training.  [default: {DEFAULT_PRESET}]")
@PRETRAINED_OPTION
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", callback=key_values
)
def train(
    examples_uri: str,
    transform_uri: str,
    output_uri: str,
    preset: str | None,
    pretrained: str | None,
    overrides: dict[str, str],
) -> None:
    """Train on what a pipeline's Transform made.

    The same command on every host of an Indexed Job, or wherever TF_CONFIG is set,
    trains one model on all of them.
    """
    run = run_config(preset, pretrained, overrides)
    cluster = Cluster.of(Environment.from_env().cluster_variables)
    if not is_remote(output_uri):
        output_uri = str(Path(output_uri).absolute())
    # TensorFlow and TFX only now: hosts must be joined before anything is computed.
    from pipeline.run.training import TrainingPlaces, train_here

    places = TrainingPlaces(
        examples_uri=examples_uri, transform_uri=transform_uri, output_uri=output_uri
    )
    model_uri = train_here(run, places, cluster)
    click.echo(f"The model is in {model_uri}." if model_uri else "The chief has it.")
