"""Beam's arguments: read by Beam's own option classes, and refused where they lack."""

import pytest
from apache_beam.options import pipeline_options as beam

from pipeline.beam import IN_PROCESS, beam_arguments
from pipeline.errors import SettingError

ROOT = "gs://b/root"
DATAFLOW = "dataflow:project=p,region=europe-west4,temp_location=gs://b/tmp,image=i:1"
FLINK = "flink:master=flink-jobmanager:8081,job_server_jar=/opt/flink.jar"
SPARK = "spark:master=spark://head:7077,job_server_jar=/opt/spark.jar"


def parsed(text: str) -> beam.PipelineOptions:
    """What Beam makes of it; nothing may be left that Beam does not know."""
    arguments = beam_arguments(text, ROOT)
    options = beam.PipelineOptions(list(arguments))
    kinds = beam.PipelineOptions.__subclasses__()
    known = {name for kind in kinds for name in options.view_as(kind).get_all_options()}
    given = options.get_all_options(drop_default=True, retain_unknown_options=True)
    assert given.keys() <= known
    return options


def test_without_a_runner_the_step_does_its_work_itself() -> None:
    assert beam_arguments("", "") == IN_PROCESS
    options = parsed("").view_as(beam.StandardOptions)
    assert options.runner.endswith("FnApiRunner")


def test_dataflow_is_told_where_and_with_what() -> None:
    options = parsed(f"{DATAFLOW},max_workers=8,subnetwork=regions/r/subnetworks/s")
    cloud = options.view_as(beam.GoogleCloudOptions)
    workers = options.view_as(beam.WorkerOptions)
    assert options.view_as(beam.StandardOptions).runner == "DataflowRunner"
    assert (cloud.project, cloud.region) == ("p", "europe-west4")
    assert cloud.temp_location == "gs://b/tmp"
    assert workers.sdk_container_image == "i:1"
    assert workers.max_num_workers == 8
    assert workers.use_public_ips is False


def test_flink_and_spark_hand_bundles_to_workers_beside_them() -> None:
    flink, spark = parsed(f"{FLINK},parallelism=4"), parsed(f"{SPARK},workers=w:1")
    assert (
        flink.view_as(beam.FlinkRunnerOptions).flink_master == "flink-jobmanager:8081"
    )
    assert flink.view_as(beam.FlinkRunnerOptions).parallelism == 4
    assert (
        spark.view_as(beam.SparkRunnerOptions).spark_master_url == "spark://head:7077"
    )
    pools = [each.view_as(beam.PortableOptions) for each in (flink, spark)]
    assert [pool.environment_type for pool in pools] == ["EXTERNAL"] * 2
    assert [pool.environment_config for pool in pools] == ["localhost:50000", "w:1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prism", r"'prism'; allowed: dataflow, flink, spark"),
        (
            "dataflow",
            r"needs project, region, temp_location, image: write dataflow:pro",
        ),
        ("flink:master=a:1", r"Beam on flink needs job_server_jar"),
        ("spark:color=red", r"'color=red'; allowed: master, job_server_jar, workers"),
        (f"{FLINK},parallelism=0", r"parallelism of Beam on flink is '0'"),
        (f"{FLINK},workers=pool", r"workers of Beam on flink is 'pool'; write HOST"),
        (f"{DATAFLOW},temp_location=/tmp", r"temp_location .* must be at gs://"),
        (f"{DATAFLOW},project=a b", r"'project=a b'; allowed: .* without spaces"),
    ],
)
def test_what_lacks_is_named(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        beam_arguments(text, ROOT)


def test_workers_of_dataflow_cannot_read_a_volume() -> None:
    with pytest.raises(SettingError, match=r"--pipeline-root is '/data/root'"):
        beam_arguments(DATAFLOW, "/data/root")
