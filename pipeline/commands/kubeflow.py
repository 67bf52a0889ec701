"""`ktp compile` and `ktp submit`. TFX and kfp are imported only where they are used."""

import dataclasses
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

import click

from model import contract
from pipeline.commands.key_values import key_values
from pipeline.commands.settings import PRETRAINED_OPTION, run_config
from pipeline.commands.tune import TUNE_OPTION, with_trials
from pipeline.config import DEFAULT_PRESET, PipelineConfig, RunConfig
from pipeline.errors import SettingError
from pipeline.kubeflow.submit import Submission, submit
from pipeline.kubeflow.target import Target, place_problem
from pipeline.kubeflow.volume_claim import VolumeClaim
from pipeline.teacher import Teacher

_DISTRIBUTION = "keras-transformer-pipeline"
_MOUNT_PATH = "/data"


@click.command("compile")
@click.option(
    "--output",
    "output_path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file: .yaml for Kubeflow Pipelines, .json for Vertex AI.",
)
@click.option("--image", help="Container image of every step, by tag or digest.")
@click.option("--name", default="keras-transformer", show_default=True)
@click.option(
    "--data-root",
    default=f"{_MOUNT_PATH}/examples",
    show_default=True,
    help="Folder of the <split>.tfrecord files.",
)
@click.option(
    "--pipeline-root", default="", help="URI for what the steps hand to each other."
)
@click.option(
    "--push-root",
    default=_MOUNT_PATH,
    show_default=True,
    help="Folder that gets serving_model/ and edge/.",
)
@click.option(
    "--volume",
    "volumes",
    multiple=True,
    metavar="NAME:PATH",
    help=f"Volume claim and where to mount it.  [default: {_DISTRIBUTION}:{_MOUNT_PATH}"
    " where a path above needs it]",
)
@click.option(
    "--teacher",
    "teacher_uri",
    metavar="URI",
    help="A SavedModel to learn from, too, where the steps can read it.",
)
@click.option(
    "--unlabelled",
    "has_unlabelled",
    is_flag=True,
    help=f"The data root holds {contract.UNLABELLED}.tfrecord, which the teacher "
    "scores.",
)
@click.option("--preset", help=f"Model and training.  [default: {DEFAULT_PRESET}]")
@PRETRAINED_OPTION
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", callback=key_values
)
@TUNE_OPTION
def compile_command(
    output_path: Path,
    image: str | None,
    volumes: Sequence[str],
    teacher_uri: str | None,
    has_unlabelled: bool,
    preset: str | None,
    pretrained: str | None,
    overrides: dict[str, str],
    tune: int | None,
    **places: str,
) -> None:
    """Compile the pipeline for Kubeflow Pipelines v2 or Vertex AI."""
    teacher = Teacher(uri=teacher_uri) if teacher_uri else None
    run = run_config(preset, pretrained, with_trials(overrides, tune), teacher)
    if has_unlabelled and teacher is None:
        raise SettingError("--unlabelled needs --teacher, which scores the texts.")
    for_vertex = output_path.suffix == ".json"
    claims = [VolumeClaim.parse(volume) for volume in volumes]
    if not (claims or for_vertex):
        claims = [VolumeClaim(name=_DISTRIBUTION, mount_path=_MOUNT_PATH)]
    image = _default_image() if image is None else image
    config = PipelineConfig(
        name=places["name"],
        run=run,
        data_root=places["data_root"],
        pipeline_root=places["pipeline_root"],
        serving_dir=f"{places['push_root']}/{contract.SERVING_DIR}",
        edge_dir=f"{places['push_root']}/{contract.EDGE_DIR}",
        resolve_baseline=for_vertex,
        has_unlabelled=has_unlabelled,
    )
    target = Target(
        output_path=output_path,
        name=config.name,
        image=image,
        pipeline_root=config.pipeline_root,
        volumes=claims,
    )
    if teacher is not None:
        places["teacher"] = teacher.uri
    _check(target, places, run)
    # These take half a minute to import.
    from pipeline.kubeflow.compile import compile_pipeline
    from pipeline.nodes.create import create_pipeline
    from pipeline.run.node_runner import BEAM_ARGS

    config = dataclasses.replace(config, beam_pipeline_args=BEAM_ARGS)
    compile_pipeline(create_pipeline(config), output_path, image=image, volumes=claims)
    click.echo(f"Wrote {output_path}; every step runs in the image {image}.")


@click.command("submit")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--host",
    envvar="KF_PIPELINES_ENDPOINT",
    default="http://localhost:8888",
    show_default=True,
    show_envvar=True,
    help="URL of the Kubeflow Pipelines API.",
)
@click.option("--run-name", help="Shown in the user interface.")
@click.option("--experiment", help="The group the run belongs to.")
@click.option("--namespace", help="Yours, where Kubeflow has several users.")
@click.option("--pipeline-root", help="Instead of the one in the file.")
@click.option(
    "--token", envvar="KF_PIPELINES_TOKEN", show_envvar=True, help="Bearer token."
)
@click.option("--cache/--no-cache", "enable_cache", default=None)
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="KEY=VALUE",
    callback=key_values,
)
def submit_command(spec: Path, **settings: object) -> None:
    """Start a run of the compiled pipeline SPEC on Kubeflow Pipelines."""
    submission = Submission(**settings)  # type: ignore[arg-type]
    run_id = submit(spec, submission)
    click.echo(f"Started {submission.host.rstrip('/')}/#/runs/details/{run_id}")


def _check(target: Target, places: dict[str, str], run: RunConfig) -> None:
    """Refuses at once what TFX would be asked for in vain, half a minute later."""
    problems = [
        place_problem(f"--{key.replace('_', '-')}", places[key], target.volumes)
        for key in ("data_root", "push_root", "teacher")
        if key in places
    ]
    source = run.pretrained
    if source is not None and source.revision is None:  # A name works anywhere.
        problem = place_problem("--pretrained", source.place, target.volumes)
        problems.append(f"{problem} Or a name on the Hugging Face Hub." * bool(problem))
    found = [*filter(None, problems), *target.problems()]
    if found:
        raise SettingError("\n".join(found))


def _default_image() -> str:
    try:
        return f"{_DISTRIBUTION}:{importlib.metadata.version(_DISTRIBUTION)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{_DISTRIBUTION}:dev"
