"""Settings of how a pretrained encoder is fine-tuned."""

import dataclasses
import enum
import json
import types
from collections.abc import Mapping

from model.settings import Settings, quoted, setting

TEXT_SLOT, MASK_SLOT = "{text}", "{mask}"
_TEMPLATE = f"{TEXT_SLOT} It was about {MASK_SLOT}."


class Method(enum.StrEnum):
    """What is trained; `docs/fine-tuning.md` says when to use which."""

    FULL = "full"
    HEAD = "head"
    FEED_FORWARD = "feed_forward"
    PREFIX = "prefix"
    PROMPT = "prompt"
    PROMPT_TUNING = "prompt_tuning"
    LORA = "lora"

    @property
    def reads_masked_word(self) -> bool:
        """True where the checkpoint's masked-LM head takes the classifier's place."""
        return self in (Method.PROMPT, Method.PROMPT_TUNING)


class LoraMatrix(enum.StrEnum):
    """A matrix of an encoder block that LoRA can change."""

    QUERY = "query"
    KEY = "key"
    VALUE = "value"
    OUTPUT = "output"
    FEED_FORWARD = "feed_forward"


_LEARNING_RATES: Mapping[Method, float] = types.MappingProxyType(
    {
        Method.HEAD: 1e-2,
        Method.FEED_FORWARD: 2e-4,
        Method.PREFIX: 1e-2,
        Method.PROMPT: 5e-5,
        Method.PROMPT_TUNING: 1e-2,
        Method.LORA: 1e-3,
    }
)


def learning_rate(config: "AdaptationConfig") -> float | None:
    """Proposes one for who sets none; None where the preset's own is right.

    The fewer weights are trained, the larger their steps may be; who trains the
    encoder's own weights too is bound to those.
    """
    if config.method is Method.PROMPT_TUNING and config.train_encoder:
        return _LEARNING_RATES[Method.PROMPT]
    return _LEARNING_RATES.get(config.method)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdaptationConfig(Settings):
    """Which weights are trained, and how much more slowly the deep ones.

    With `fit_head` a new head starts as a logistic regression on the frozen encoder:
    `model.adaptation.head_start`.
    `layer_decay` multiplies the learning rate once for every layer below the head.
    With `unfreeze_epochs` the head is trained alone for that many epochs, then the
    highest block joins, after as many more the next. `lora_matrices` are names of
    `LoraMatrix` with commas between. `prefix_hidden_dim` is the width of the network
    that makes the prefixes while they are trained; without it they are trained
    themselves. `verbalizer` is a JSON object from labels to a word or a list of words;
    a label that it leaves out has its own words.
    """

    section = "adaptation"

    method: Method = Method.FULL
    fit_head: bool = True
    layer_decay: float = setting(1.0, above=0, most=1)
    unfreeze_epochs: int = setting(0, least=0, most=100_000)
    lora_rank: int = setting(8, least=1, most=1024)
    lora_alpha: float = setting(16.0, above=0, most=10_000)
    lora_dropout: float = setting(0.0, least=0, below=1)
    lora_matrices: str = "query,key,value,output,feed_forward"
    prefix_length: int = setting(16, least=1, most=512)
    prefix_hidden_dim: int | None = setting(None, least=1, most=16_384)
    template: str = _TEMPLATE
    verbalizer: str | None = None
    prompt_length: int = setting(20, least=1, most=256)
    train_encoder: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.matrices, self.words
        for slot in (TEXT_SLOT, MASK_SLOT):
            if self.template.count(slot) != 1:
                raise ValueError(
                    f"adaptation.template is {quoted(self.template)}; allowed: a text "
                    f"with {TEXT_SLOT} once and {MASK_SLOT} once, for example "
                    f"{_TEMPLATE!r}."
                )
        if self.unfreeze_epochs and self.method is not Method.FULL:
            raise ValueError(
                f"adaptation.unfreeze_epochs is {self.unfreeze_epochs} and "
                f"adaptation.method is {self.method}; unfreezing is for the method "
                "full: the others leave the encoder as it is."
            )

    @property
    def matrices(self) -> frozenset[LoraMatrix]:
        """What `lora_matrices` names."""
        names = [name.strip() for name in self.lora_matrices.split(",")]
        known = [str(matrix) for matrix in LoraMatrix]
        unknown = sorted(set(names).difference(known))
        if unknown:
            raise ValueError(
                f"adaptation.lora_matrices is {quoted(self.lora_matrices)}; allowed: "
                f"names with commas between, of {', '.join(known)}."
            )
        return frozenset(LoraMatrix(name) for name in names)

    @property
    def soft_length(self) -> int:
        """How many vectors the method learns in front of the template."""
        return self.prompt_length if self.method is Method.PROMPT_TUNING else 0

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        """What `verbalizer` says: label -> words."""
        if self.verbalizer is None:
            return {}
        try:
            given = json.loads(self.verbalizer)
            return {label: _words(value) for label, value in given.items()}
        except (ValueError, AttributeError):
            raise ValueError(
                f"adaptation.verbalizer is {quoted(self.verbalizer)}; allowed: a JSON "
                'object from labels to words, for example {"good": ["great", "fine"], '
                '"bad": "awful"}.'
            ) from None


def _words(value: object) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not words:
        raise ValueError(value)
    if not all(isinstance(word, str) and word.strip() for word in words):
        raise ValueError(value)
    return tuple(words)
