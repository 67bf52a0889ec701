"""What the waiting and the asyncio client share: settings, questions, patience.

A *question* says what to ask and how long lists are cut; the clients differ only in how
they wait for its answers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MappingView,
    Sequence,
    Set,
)
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .calls import Example, Inputs, Steps
from .config import ClientConfig
from .errors import DeadlineExceededError, NotFoundError, UnavailableError
from .opening import open_dialect
from .parts import Part, parts_of, parts_of_inputs
from .prediction import Prediction
from .results import (
    Answers,
    Outputs,
    VersionStatus,
    common_version,
)
from .retry import RetryBudget, RetryPolicy
from .rows import check_name, checked_texts, listed

if TYPE_CHECKING:
    from typing import Self  # Python 3.11

T = TypeVar("T")
Items = TypeVar("Items")

NOT_READY = (UnavailableError, DeadlineExceededError, NotFoundError)
"""The errors that mean: not yet, or no longer."""


@dataclasses.dataclass(frozen=True)
class Question(Generic[Items, T]):
    """The steps of every part, and how the answers of several parts become one."""

    steps_of: Callable[[Items], Steps[Any, Any, T]]
    parts: list[Part[Items]]
    join: Callable[[Sequence[T]], T]


class BaseClient:
    """Settings, checked, and all that is made of them but the transport."""

    def __init__(self, endpoint: str = ClientConfig.endpoint, **settings: Any) -> None:
        self.config = ClientConfig(endpoint=endpoint, **settings)
        self._dialect = open_dialect(self.config)
        self._budget = RetryBudget(self.config.retry_budget)
        self._policy = RetryPolicy(self.config, self._budget)
        once = dataclasses.replace(self.config, retries=0)
        self._policy_once = RetryPolicy(once, self._budget)

    @classmethod
    def from_config(cls, config: ClientConfig) -> Self:
        """Makes a client with settings that were made before."""
        return cls(**vars(config))

    def _classify(self, texts: Iterable[str]) -> Question[list[str], list[Prediction]]:
        rows = checked_texts(texts)
        parts = self._cut(rows) if rows else []
        return Question(self._dialect.classify, parts, joined)

    def _predict(
        self,
        inputs: Inputs,
        signature_name: str,
        output_filter: Sequence[str],
        rows_are_independent: bool,
    ) -> Question[Inputs, Outputs]:
        inputs = _arrays(inputs)
        check_name(signature_name, "signature_name")
        check_filter(output_filter)
        parts = [Part(range(0), inputs)]
        if rows_are_independent:
            parts = parts_of_inputs(inputs, self.config.max_rows_per_request) or parts
        return Question(
            lambda part: self._dialect.predict(part, signature_name, output_filter),
            parts,
            joined_outputs,
        )

    def _of_examples(
        self,
        ask: Callable[
            [list[Example], str, Example | None], Steps[Any, Any, Answers[T]]
        ],
        examples: Iterable[Example],
        signature_name: str,
        context: Example | None,
    ) -> Question[list[Example], Answers[T]]:
        check_name(signature_name, "signature_name")
        context = checked_context(context)
        return Question(
            lambda part: ask(part, signature_name, context),
            self._cut(checked_examples(examples)),
            joined_answers,
        )

    def _cut(self, rows: list[T]) -> list[Part[list[T]]]:
        size = self.config.max_rows_per_request
        if len(rows) <= size:  # nearly always; also of nothing, the server is asked
            return [Part(range(len(rows)), rows)]
        return list(parts_of(rows, size))


def checked_examples(examples: Iterable[Example]) -> list[Example]:
    """Gives the tf.Examples as a list, serialised: a later one may be wrong.

    Raises:
        TypeError: `examples` is one tf.Example, or holds something else than them.
        CodecError: one cannot be sent.
    """
    from .wire.tf_examples import checked

    rows = listed(examples, "examples", "tf.Example")
    return [checked(row, f"examples[{index}]") for index, row in enumerate(rows)]


def checked_context(context: Example | None) -> Example | None:
    """Gives the features that all examples share, serialised; raises as for those."""
    from .wire.tf_examples import checked

    return None if context is None else checked(context, "context")


def checked_tasks(tasks: Mapping[str, str]) -> Mapping[str, str]:
    """Gives the tasks of a MultiInference.

    Raises:
        TypeError: they are no mapping of str to str.
        CodecError: a name holds a lone surrogate.
    """
    if not isinstance(tasks, Mapping):
        raise TypeError(
            f"tasks must map names of signatures to 'classify' or 'regress'; got a "
            f"{type(tasks).__name__}."
        )
    for signature_name, kind in tasks.items():
        check_name(signature_name, "the name of a signature in tasks")
        check_name(kind, "a task")
    return tasks


def _arrays(inputs: Inputs) -> Inputs:
    """Gives the inputs as arrays; what can only be read once is read.

    Raises:
        TypeError: they have no names.
        CodecError: an input cannot be sent.
    """
    from .wire.arrays import exact_array

    if not isinstance(inputs, Mapping):
        raise TypeError(
            f"inputs must map names to arrays; got a {type(inputs).__name__}. "
            "metadata() has the names."
        )
    for name in inputs:
        check_name(name, "the name of an input")
    return {
        name: exact_array(_readable_twice(value), f"inputs[{name!r}]")
        for name, value in inputs.items()
    }


def check_filter(output_filter: Sequence[str]) -> None:
    """Raises `TypeError` or `CodecError` unless these are names."""
    if isinstance(output_filter, (str, bytes)):
        raise TypeError("output_filter must be a list of names: [name].")
    for index, name in enumerate(output_filter):
        check_name(name, f"output_filter[{index}]")


def _readable_twice(value: Any) -> Any:
    # numpy takes a generator, a set or a view of a dict for one object.
    once = isinstance(value, (Iterator, Set, MappingView))
    return list(value) if once else value


def is_available(versions: Iterable[VersionStatus]) -> bool:
    """Tells whether one of them answers requests."""
    return any(version.state == "AVAILABLE" for version in versions)


def joined(parts: Sequence[Sequence[T]]) -> list[T]:
    """Makes one list of many."""
    return [item for part in parts for item in part]


def joined_answers(parts: Sequence[Answers[T]]) -> Answers[T]:
    """Gives the answers of all parts, in order."""
    return Answers(joined(parts), common_version(part.model_version for part in parts))


def joined_outputs(parts: Sequence[Outputs]) -> Outputs:
    """Gives the rows of all parts, in order."""
    import numpy as np

    version = common_version(part.model_version for part in parts)
    arrays = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    return Outputs(arrays, version)
