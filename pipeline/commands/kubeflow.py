"""`ktp compile` and `ktp submit`. TFX and kfp are imported only where they are used."""

import importlib.metadata
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from model import contract
from pipeline.beam import beam_arguments
from pipeline.commands.key_values import key_values
from pipeline.commands.settings import PRETRAINED_OPTION, run_config
from pipeline.commands.tune import TUNE_OPTION, with_trials
from pipeline.config import DEFAULT_PRESET, PipelineConfig, RunConfig
from pipeline.errors import SettingError, SubmitError
from pipeline.kubeflow.resources import StepResources
from pipeline.kubeflow.submit import Submission, submit
from pipeline.kubeflow.target import VERTEX, Target, place_problem, source_problem
from pipeline.kubeflow.vertex import VertexSubmission, console_url, submit_to_vertex
from pipeline.kubeflow.volume_claim import VolumeClaim
from pipeline.run.progress import noise_to
from pipeline.teacher import Teacher

_DISTRIBUTION = "keras-transformer-pipeline"
_MOUNT_PATH = "/data"
_LOCAL_HOST = "http://localhost:8888"
_VERTEX_ONLY = ("project", "location", "service_account", "network")


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
    "--data",
    required=True,
    metavar="PLACE",
    help="Labelled text, as for `ktp run`: a file or folder on a mounted volume, or a "
    "gs:// or s3:// URI. The first step reads it; each run may name another.",
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
    "--resources",
    multiple=True,
    metavar="NODE:…",
    help="What a step is given, such as Trainer:cpu=8,memory=16Gi,gpu=1.",
)
@click.option(
    "--beam",
    default="",
    metavar="RUNNER:…",
    help="Where Apache Beam works, such as dataflow:project=…,region=…; also flink and "
    "spark.  [default: in the step itself]",
)
@click.option(
    "--teacher",
    "teacher_uri",
    metavar="URI",
    help="A SavedModel to learn from, too, where the steps can read it.",
)
@click.option(
    "--unlabelled",
    default="",
    metavar="PLACE",
    help="Texts without labels, which the teacher scores; a place as for --data.",
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
    resources: Sequence[str],
    beam: str,
    teacher_uri: str | None,
    preset: str | None,
    pretrained: str | None,
    overrides: dict[str, str],
    tune: int | None,
    **places: str,
) -> None:
    """Compile the pipeline for Kubeflow Pipelines v2 or Vertex AI."""
    teacher = Teacher(uri=teacher_uri) if teacher_uri else None
    run = run_config(preset, pretrained, with_trials(overrides, tune), teacher)
    if places["unlabelled"] and teacher is None:
        raise SettingError("--unlabelled needs --teacher, which scores the texts.")
    for_vertex = output_path.suffix == ".json"
    claims = [VolumeClaim.parse(volume) for volume in volumes]
    if not (claims or for_vertex):
        claims = [VolumeClaim(name=_DISTRIBUTION, mount_path=_MOUNT_PATH)]
    image = _default_image() if image is None else image
    config = PipelineConfig(
        name=places["name"],
        run=run,
        data=places["data"],
        unlabelled=places["unlabelled"],
        pipeline_root=places["pipeline_root"],
        serving_dir=f"{places['push_root']}/{contract.SERVING_DIR}",
        edge_dir=f"{places['push_root']}/{contract.EDGE_DIR}",
        checkpoint_root=f"{places['push_root']}/checkpoints",
        has_unlabelled=bool(places["unlabelled"]),
        beam_pipeline_args=beam_arguments(beam, places["pipeline_root"]),
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
    _compile(config, target, _step_resources(resources))
    click.echo(f"Wrote {output_path}; every step runs in the image {image}.")


def _step_resources(texts: Sequence[str]) -> StepResources:
    nodes = [text.partition(":")[::2] for text in texts]
    return StepResources.parse(dict(nodes))


def _compile(config: PipelineConfig, target: Target, resources: StepResources) -> None:
    """Compiles without what TensorFlow and TFX print while they are imported."""
    with (
        tempfile.TemporaryDirectory() as folder,
        noise_to(Path(folder) / "compile.log", answers_on_stdout=False),
    ):
        from pipeline.kubeflow.compile import compile_pipeline
        from pipeline.nodes.create import create_pipeline

        compile_pipeline(
            create_pipeline(config),
            target.output_path,
            image=target.image,
            volumes=target.volumes,
            resources=resources,
        )


@click.command("submit")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--host",
    envvar="KF_PIPELINES_ENDPOINT",
    show_envvar=True,
    help="URL of the Kubeflow Pipelines API.  [default: http://localhost:8888]",
)
@click.option("--run-name", help="Shown in the user interface.")
@click.option("--experiment", help="The group the run belongs to.")
@click.option("--namespace", help="Yours, where Kubeflow has several users.")
@click.option("--project", help="Google Cloud project; Vertex AI only, and needed.")
@click.option("--location", help="Region, such as europe-west4; likewise.")
@click.option("--service-account", help="Whom steps act as; Vertex AI only.")
@click.option("--network", help="The network of the steps; Vertex AI only.")
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
@click.pass_context
def submit_command(context: click.Context, spec: Path, **settings: Any) -> None:
    """Start a run of the compiled pipeline SPEC.

    A .yaml file goes to Kubeflow Pipelines, a .json file to Vertex AI.
    """
    if spec.suffix in VERTEX:
        _refuse(settings, ("experiment", "namespace"), "Vertex AI")
        for name in ("host", "token"):  # The environment's are Kubeflow's.
            if context.get_parameter_source(name) is ParameterSource.ENVIRONMENT:
                settings[name] = None
        if not (settings["project"] and settings["location"]):
            raise SubmitError("Vertex AI needs a --project and a --location.")
        job = VertexSubmission(**settings)
        name = submit_to_vertex(spec, job)
        click.echo(f"Started {name}\n{console_url(name, job)}")
        return
    _refuse(settings, _VERTEX_ONLY, "Kubeflow Pipelines")
    submission = Submission(**{**settings, "host": settings["host"] or _LOCAL_HOST})
    run_id = submit(spec, submission)
    click.echo(f"Started {submission.host.rstrip('/')}/#/runs/details/{run_id}")


def _refuse(settings: dict[str, Any], names: Sequence[str], target: str) -> None:
    """Takes settings of the other target out, or refuses them."""
    for name in names:
        if settings.pop(name) is not None:
            option = name.replace("_", "-")
            raise SubmitError(f"{target} has no --{option}; leave it out.")


def _check(target: Target, places: dict[str, str], run: RunConfig) -> None:
    """Refuses at once what TFX would be asked for in vain, half a minute later."""
    problems = [
        source_problem("--data", places["data"], target.volumes),
        place_problem("--push-root", places["push_root"], target.volumes),
    ]
    if places["unlabelled"]:
        problems.append(
            source_problem("--unlabelled", places["unlabelled"], target.volumes)
        )
    if "teacher" in places:
        problems.append(place_problem("--teacher", places["teacher"], target.volumes))
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
