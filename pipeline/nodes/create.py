"""The nodes of the pipeline, in order; the same for every orchestrator."""

import dataclasses
import json
from typing import Any, NamedTuple

from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.types import BaseChannel

from components.batch_predictor import BatchPredictor
from components.edge_exporter import EdgeExporter
from components.evaluator import Evaluator
from components.linear.baseline import LinearBaseline, LinearGate
from components.model_server_validator import ModelServerValidator
from components.pushing.live_model import LiveModel
from components.pushing.versioned_pusher import VersionedPusher
from components.settings_tuner import SettingsTuner
from components.teacher_scorer import TeacherScorer
from components.text_transform import TextTransform
from components.trainer import CHECKPOINT_ROOT, SETTINGS, Trainer
from components.vocabulary_gen import VocabularyGen
from model import contract
from pipeline.config import PUSHER, PipelineConfig
from pipeline.labelled.rules import DataRules
from pipeline.nodes.evaluation import eval_config
from pipeline.nodes.fingerprint import code_fingerprint
from pipeline.nodes.text_example_gen import TextExampleGen, splits_of

LIVE_MODEL = "LiveModel"

_PREPROCESSING_FN = "model.hooks.preprocessing_fn"
_RUN_FN = "model.hooks.run_fn"
_TUNER_FN = "model.hooks.tuner_fn"


class DataNodes(NamedTuple):
    """Is this data what we think it is, and what does it look like to a model?"""

    example_gen: BaseNode
    statistics_gen: tfx.components.StatisticsGen
    schema_gen: tfx.components.SchemaGen
    example_validator: tfx.components.ExampleValidator
    teacher_scorer: BaseNode | None
    vocabulary_gen: BaseNode
    transform: TextTransform


class ModelNodes(NamedTuple):
    """What is learnt, and is it better than what is live?"""

    linear_baseline: BaseNode
    tuner: SettingsTuner | None
    trainer: Trainer
    live_model: BaseNode
    evaluator: Evaluator
    batch_predictor: BaseNode
    linear_gate: BaseNode | None


class DeliveryNodes(NamedTuple):
    """Does it work where it will be used? Then it goes there."""

    model_server_validator: BaseNode
    edge_exporter: BaseNode
    pusher: BaseNode


def create_pipeline(config: PipelineConfig) -> tfx.dsl.Pipeline:
    """Builds the pipeline: labelled text in, two pushed models out."""
    data = _data_nodes(config)
    model = _model_nodes(config, data)
    delivery = _delivery_nodes(config, data, model)
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=config.pipeline_root,
        components=[node for node in (*data, *model, *delivery) if node is not None],
        enable_cache=True,
        metadata_connection_config=_metadata(config),
        beam_pipeline_args=list(config.beam_pipeline_args),
    )


def _data_nodes(config: PipelineConfig) -> DataNodes:
    pretrained = _pretrained(config)
    # Rows that are normalised and split.
    example_gen = _example_gen(config)
    statistics_gen = tfx.components.StatisticsGen(
        examples=example_gen.outputs["examples"],
        exclude_splits=[contract.UNLABELLED] if config.has_unlabelled else None,
    )
    schema_gen = tfx.components.SchemaGen(
        statistics=statistics_gen.outputs["statistics"], infer_feature_shape=True
    )
    # Finds what differs between the splits; the report shows it.
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"],
        schema=schema_gen.outputs["schema"],
    )
    # What a teacher says of all texts, for a student to learn.
    teacher_scorer = _teacher_scorer(config, example_gen, schema_gen)
    # Learns the sub-word vocabulary, on texts to learn from only, or takes a given one.
    vocabulary_gen = VocabularyGen(
        examples=example_gen.outputs["examples"],
        tokenizer=config.run.tokenizer.to_json(),
        vocabulary_size=config.run.model.vocabulary_size,
        code_fingerprint=code_fingerprint(["model", "components"]),
        pretrained=json.dumps(pretrained, sort_keys=True) if pretrained else "",
    )
    # Text to token ids, label to class id: the graph that the server will reuse.
    transform = TextTransform(
        **_learnt_from(example_gen, schema_gen, teacher_scorer),
        vocabulary=vocabulary_gen.outputs["vocabulary"],
        preprocessing_fn=_PREPROCESSING_FN,
        custom_config={"code_fingerprint": code_fingerprint(["model"])},
    )
    return DataNodes(
        example_gen,
        statistics_gen,
        schema_gen,
        example_validator,
        teacher_scorer,
        vocabulary_gen,
        transform,
    )


def _model_nodes(config: PipelineConfig, data: DataNodes) -> ModelNodes:
    checked_by = code_fingerprint(["model", "components"])
    # What a linear model reaches in seconds; it waits for the rows only.
    linear_baseline = LinearBaseline(
        examples=data.example_gen.outputs["examples"], code_fingerprint=checked_by
    )
    # Which settings do best on the validation split?
    tuner = _tuner(config, data) if config.run.tuner.trials else None
    trainer = Trainer(
        run_fn=_RUN_FN,
        examples=data.transform.outputs["transformed_examples"],
        transform_graph=data.transform.outputs["transform_graph"],
        train_splits=_learnt_splits(config),
        eval_splits=[contract.VALIDATION],
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        custom_config=trainer_settings(config),
        parameters=_trainer_parameters(config),
    )
    # The model to beat.
    live_model = LiveModel(
        serving_dir=_parameter(config, "serving_dir"), newest=config.live_version
    ).with_id(LIVE_MODEL)
    # Good enough, and no worse than what is live? Overall, and shown label by label.
    evaluator = Evaluator(
        examples=data.example_gen.outputs["examples"],
        example_splits=[contract.TEST],
        model=trainer.outputs["model"],
        baseline_model=live_model.outputs["model"],
        eval_config=eval_config(config),
    )
    # What the SavedModel says of the test split, for everything that must agree.
    batch_predictor = BatchPredictor(
        model=trainer.outputs["model"],
        examples=data.example_gen.outputs["examples"],
        vocabulary=data.vocabulary_gen.outputs["vocabulary"],
        split=contract.TEST,
        code_fingerprint=checked_by,
    )
    # Is it so much better than the linear model as was asked for?
    linear_gate = _linear_gate(config, linear_baseline, batch_predictor)
    return ModelNodes(
        linear_baseline,
        tuner,
        trainer,
        live_model,
        evaluator,
        batch_predictor,
        linear_gate,
    )


def _linear_gate(
    config: PipelineConfig, linear_baseline: BaseNode, batch_predictor: BaseNode
) -> BaseNode | None:
    """Makes a gate of the linear model, where that was asked for."""
    min_gain = config.run.evaluation.min_gain_over_linear
    if min_gain is None:
        return None
    return LinearGate(
        predictions=batch_predictor.outputs["predictions"],
        linear=linear_baseline.outputs["report"],
        min_gain=min_gain,
        code_fingerprint=code_fingerprint(["model", "components"]),
    )


def _tuner(config: PipelineConfig, data: DataNodes) -> SettingsTuner:
    search = {
        "trials": config.run.tuner.trials,
        "fixed": list(config.run.not_searched),
    }
    return SettingsTuner(
        tuner_fn=_TUNER_FN,
        examples=data.transform.outputs["transformed_examples"],
        transform_graph=data.transform.outputs["transform_graph"],
        train_args=tfx.proto.TrainArgs(splits=_learnt_splits(config)),
        eval_args=tfx.proto.EvalArgs(splits=[contract.VALIDATION]),
        custom_config={**trainer_settings(config), "tuner": search},
    )


def _delivery_nodes(
    config: PipelineConfig, data: DataNodes, model: ModelNodes
) -> DeliveryNodes:
    checked_by = code_fingerprint(["model", "components", "serving"])
    # Does it load, warm up and answer in a real server?
    model_server_validator = ModelServerValidator(
        model=model.trainer.outputs["model"],
        predictions=model.batch_predictor.outputs["predictions"],
        rows=config.run.evaluation.server_rows,
        max_score_difference=config.run.evaluation.max_server_score_difference,
        code_fingerprint=checked_by,
    )
    # Do the device files say the same?
    edge_exporter = EdgeExporter(
        model_run=model.trainer.outputs["model_run"],
        vocabulary=data.vocabulary_gen.outputs["vocabulary"],
        predictions=model.batch_predictor.outputs["predictions"],
        min_agreement=config.run.evaluation.min_device_agreement,
        max_score_difference=config.run.evaluation.max_device_score_difference,
        code_fingerprint=checked_by,
    )
    # Only what every check has blessed leaves the pipeline: both models, or neither.
    gate = model.linear_gate
    pusher = VersionedPusher(
        model=model.trainer.outputs["model"],
        edge_model=edge_exporter.outputs["edge_model"],
        model_blessing=model.evaluator.outputs["blessing"],
        server_blessing=model_server_validator.outputs["blessing"],
        edge_blessing=edge_exporter.outputs["blessing"],
        serving_dir=_parameter(config, "serving_dir"),
        edge_dir=_parameter(config, "edge_dir"),
        run_id=config.run_id,
        **({"linear_blessing": gate.outputs["blessing"]} if gate else {}),
    ).with_id(PUSHER)
    return DeliveryNodes(model_server_validator, edge_exporter, pusher)


def _teacher_scorer(
    config: PipelineConfig,
    example_gen: BaseNode,
    schema_gen: tfx.components.SchemaGen,
) -> BaseNode | None:
    teacher = config.run.teacher
    if teacher is None:
        return None
    return TeacherScorer(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        teacher_uri=teacher.readable_uri,
        teacher_digest=teacher.digest,
        made_up_per_text=config.run.distillation.made_up_texts,
        seed=config.run.training.seed,
        code_fingerprint=code_fingerprint(["model", "components"]),
    )


def _learnt_from(
    example_gen: BaseNode,
    schema_gen: tfx.components.SchemaGen,
    teacher_scorer: BaseNode | None,
) -> dict[str, BaseChannel]:
    """Gives the examples that are transformed, and their schema."""
    if teacher_scorer is None:
        return {
            "examples": example_gen.outputs["examples"],
            "schema": schema_gen.outputs["schema"],
        }
    return {
        "examples": teacher_scorer.outputs["scored_examples"],
        "schema": teacher_scorer.outputs["scored_schema"],
    }


def _example_gen(config: PipelineConfig) -> BaseNode:
    """Takes the rows that were read here, or reads them on the cluster."""
    if config.data:
        return TextExampleGen(
            data=_parameter(config, "data"),
            unlabelled=_parameter(config, "unlabelled") if config.unlabelled else "",
            rules=DataRules.of(config.run).to_json(),
            code_fingerprint=code_fingerprint(["model", "pipeline", "serving"]),
        )
    unlabelled = [contract.UNLABELLED] if config.has_unlabelled else []
    return tfx.components.ImportExampleGen(
        input_base=config.data_root,
        input_config=splits_of((*contract.SPLITS, *unlabelled)),
    )


def _parameter(
    config: PipelineConfig, field: str
) -> str | tfx.dsl.experimental.RuntimeParameter:
    """Gives a place of the settings; on a cluster one that each run may change."""
    place = getattr(config, field)
    if not config.data:
        return place
    return tfx.dsl.experimental.RuntimeParameter(name=field, ptype=str, default=place)


def _learnt_splits(config: PipelineConfig) -> list[str]:
    """Names what the trainer reads; without a teacher nothing is made up."""
    splits = [contract.TRAIN]
    if config.run.teacher is not None:
        if config.has_unlabelled:
            splits.append(contract.UNLABELLED)
        if config.run.distillation.made_up_texts:
            splits.append(contract.MADE_UP)
    return splits


def trainer_settings(config: PipelineConfig) -> dict[str, Any]:
    """Gives all that `model.hooks.run_fn` is told of the settings."""
    model = dataclasses.asdict(config.run.model)
    for learnt in ("vocabulary_size", "num_classes"):  # The data decides these.
        model.pop(learnt)
    return {
        "model": model,
        "training": dataclasses.asdict(config.run.training),
        "adaptation": dataclasses.asdict(config.run.adaptation),
        "distillation": _distillation_settings(config),
        "pretrained": _pretrained(config),
        "scoring": dataclasses.asdict(config.run.evaluation.scoring),
        "top_k": config.run.export.top_k,
        "checkpoint_root": config.checkpoint_root,
        "code_fingerprint": code_fingerprint(["model"]),
    }


def _trainer_parameters(config: PipelineConfig) -> dict[str, Any]:
    """Gives what each run on a cluster may change of the training."""
    if not config.data:
        return {}
    settings: dict[str, Any] = {
        key: tfx.dsl.experimental.RuntimeParameter(
            name=key, ptype=kind, default=getattr(config.run.training, key)
        )
        for key, kind in SETTINGS.items()
    }
    if config.checkpoint_root:
        settings[CHECKPOINT_ROOT] = _parameter(config, CHECKPOINT_ROOT)
    return settings


def _distillation_settings(config: PipelineConfig) -> dict[str, Any] | None:
    if config.run.teacher is None:
        return None
    return dataclasses.asdict(config.run.distillation)


def _pretrained(config: PipelineConfig) -> dict[str, Any] | None:
    source = config.run.pretrained
    return dataclasses.asdict(source) if source else None


def _metadata(config: PipelineConfig) -> Any:
    if config.metadata_path is None:
        return None
    return sqlite_metadata_connection_config(config.metadata_path)
