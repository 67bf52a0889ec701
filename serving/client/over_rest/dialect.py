"""What can be asked, in TF Serving's REST API."""

from __future__ import annotations

import contextlib
import json
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from .. import contract, errors, protos
from ..calls import (
    Example,
    Inputs,
    RestAnswer,
    RestCall,
    ServerConfig,
    Steps,
)
from ..config import ClientConfig
from ..prediction import Prediction
from ..results import (
    Answers,
    Classification,
    ModelMetadata,
    Outputs,
    VersionStatus,
    signature_specs,
)
from ..wire.text_tensors import MARKS, check_outputs, marked, rows
from ..wire.tf_serving_names import MODELS_PATH

T = TypeVar("T")
RestSteps = Steps[RestCall, RestAnswer, T]


class RestDialect:
    """Builds bodies and reads answers for one model.

    JSON carries no types, so the first `predict` also asks for the signatures of the
    version that answered.
    """

    def __init__(self, config: ClientConfig) -> None:
        self._endpoint = f"REST {config.endpoint}"
        self._model = f"{MODELS_PATH}/{urllib.parse.quote(config.model_name, safe='')}"
        self._path = self._model
        if config.version is not None:
            self._path += f"/versions/{config.version}"
        if config.version_label is not None:
            self._path += f"/labels/{urllib.parse.quote(config.version_label, safe='')}"
        self._known: dict[int | None, ModelMetadata] = {}

    def classify(self, texts: Sequence[str]) -> RestSteps[list[Prediction]]:
        body = {
            "signature_name": contract.Signature.SERVING_DEFAULT,
            "inputs": {contract.TEXT: list(texts)},
        }
        answer = yield RestCall("POST", f"{self._path}:predict", _json(body))
        with self._reading(answer):
            outputs = json.loads(answer.body)["outputs"]
            check_outputs(outputs)
            labels, scores = outputs[contract.LABELS], outputs[contract.SCORES]
            if not len(labels) == len(scores) == len(texts):
                raise ValueError(
                    f"{len(labels)} rows of labels and {len(scores)} of scores for "
                    f"{len(texts)} texts"
                )
            found: list[Prediction] = []
            for names, values in zip(labels, scores):
                if not len(names) == len(values) > 0:
                    raise ValueError(f"{len(names)} labels, {len(values)} scores")
                found += rows(names, values, len(names), answer.model_version)
            marks = {name: outputs[name] for name in MARKS if name in outputs}
            return marked(found, marks)

    def predict(
        self, inputs: Inputs, signature_name: str, output_filter: Sequence[str]
    ) -> RestSteps[Outputs]:
        from . import json_values

        body = {
            "signature_name": signature_name,
            "inputs": {name: json_values.encode(v) for name, v in inputs.items()},
        }
        answer = yield RestCall("POST", f"{self._path}:predict", _json(body))
        with self._reading(answer):
            outputs = json.loads(answer.body)["outputs"]
        specs = yield from self._output_specs(signature_name, answer.model_version)
        self._check_filter(output_filter, specs)
        with self._reading(answer):
            # One output comes bare; several as an object.
            named = outputs if len(specs) > 1 else {next(iter(specs)): outputs}
            wanted = output_filter or named
            arrays = {
                name: json_values.decode(named[name], specs[name].dtype)
                for name in wanted
            }
        return Outputs(arrays, answer.model_version)

    def classify_examples(
        self, examples: Sequence[Example], signature_name: str, context: Example | None
    ) -> RestSteps[Answers[Classification]]:
        answer = yield self._example_call("classify", signature_name, examples, context)
        with self._reading(answer):
            results = json.loads(answer.body)["results"]
            found = [
                Classification(tuple(n for n, _ in row), tuple(s for _, s in row))
                for row in results
            ]
        return Answers(found, answer.model_version)

    def regress(
        self, examples: Sequence[Example], signature_name: str, context: Example | None
    ) -> RestSteps[Answers[float]]:
        answer = yield self._example_call("regress", signature_name, examples, context)
        with self._reading(answer):
            found = [float(value) for value in json.loads(answer.body)["results"]]
        return Answers(found, answer.model_version)

    def multi_inference(
        self,
        tasks: Mapping[str, str],
        examples: Sequence[Example],
        context: Example | None,
    ) -> RestSteps[dict[str, Answers[Any]]]:
        raise self._not_over_rest("MultiInference")

    def metadata(self) -> RestSteps[ModelMetadata]:
        answer = yield RestCall("GET", f"{self._path}/metadata")
        return self._metadata(answer)

    def status(self) -> RestSteps[list[VersionStatus]]:
        answer = yield RestCall("GET", self._path)
        with self._reading(answer):
            return [
                VersionStatus(
                    version=int(one["version"]),
                    state=one["state"],
                    error_code=one["status"]["error_code"],
                    error_message=one["status"]["error_message"],
                )
                for one in json.loads(answer.body)["model_version_status"]
            ]

    def reload_config(self, config: ServerConfig) -> RestSteps[None]:
        raise self._not_over_rest("HandleReloadConfigRequest")

    def _output_specs(
        self, signature_name: str, version: int | None
    ) -> RestSteps[Mapping[str, Any]]:
        known = self._known.get(version)
        if known is None or signature_name not in known.signatures:
            # Which version answered may not be the one that answers now.
            numbered = f"{self._model}/versions/{version}"
            path = self._path if version is None else numbered
            answer = yield RestCall("GET", f"{path}/metadata")
            known = self._known[version] = self._metadata(answer)
        if signature_name not in known.signatures:
            raise self._invalid(f"no signature '{signature_name}' in the metadata")
        return known.signatures[signature_name].outputs

    def _metadata(self, answer: RestAnswer) -> ModelMetadata:
        from google.protobuf import json_format

        with self._reading(answer, json_format.ParseError):
            content = json.loads(answer.body)
            signatures = json_format.ParseDict(
                content["metadata"]["signature_def"],
                protos.SignatureDefMap(),
                ignore_unknown_fields=True,
                descriptor_pool=protos.pool(),
            )
            return ModelMetadata(
                name=content["model_spec"]["name"],
                version=int(content["model_spec"]["version"]),
                signatures=signature_specs(signatures.signature_def),
            )

    def _example_call(
        self,
        verb: str,
        signature_name: str,
        examples: Sequence[Example],
        context: Example | None,
    ) -> RestCall:
        from .json_values import encode_example

        body: dict[str, Any] = {
            "signature_name": signature_name,
            "examples": [encode_example(example) for example in examples],
        }
        if context is not None:
            body["context"] = encode_example(context)
        return RestCall("POST", f"{self._path}:{verb}", _json(body))

    def _check_filter(self, wanted: Sequence[str], known: Iterable[str]) -> None:
        # REST cannot filter, so all outputs came; what upstream would refuse over gRPC
        # is refused here.
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise errors.InvalidArgumentError(
                self._endpoint,
                f"output tensor alias not found in signature: {unknown[0]} Outputs "
                f"expected to be in the set {{{','.join(sorted(known))}}}.",
            )

    @contextlib.contextmanager
    def _reading(self, answer: RestAnswer, *more: type[Exception]) -> Iterator[None]:
        failures = KeyError, TypeError, ValueError, AttributeError
        try:
            yield
        except failures + more as error:
            begin = answer.body[:200].decode("utf-8", "replace")
            what = f"{type(error).__name__}: {error}, in {begin!r}"
            raise self._invalid(what) from None

    def _not_over_rest(self, what: str) -> errors.UnimplementedError:
        return errors.UnimplementedError(
            self._endpoint,
            f"{what} does not exist in TF Serving's REST API; use transport='grpc'",
        )

    def _invalid(self, what: str) -> errors.InvalidResponseError:
        return errors.InvalidResponseError(self._endpoint, f"received {what}.")


def _json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body).encode()
