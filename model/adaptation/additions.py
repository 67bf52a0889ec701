"""What a way of fine-tuning adds to the model, in training or for good."""

import dataclasses

from model.adaptation.config import AdaptationConfig, Method
from model.adaptation.prompt import Prompt


@dataclasses.dataclass(frozen=True, kw_only=True)
class Additions:
    """Nothing, unless a `prefix_length` is above 0 or there is a `prompt`.

    With `used_ids` only their rows of the table of word pieces are trained.
    """

    prefix_length: int = 0
    prompt: Prompt | None = None
    used_ids: tuple[int, ...] = ()

    @classmethod
    def of(cls, config: AdaptationConfig, prompt: Prompt | None) -> "Additions":
        """Takes what the method of the settings needs.

        Raises:
            ValueError: The method needs a prompt, and there is none.
        """
        if config.method is Method.PREFIX:
            return cls(prefix_length=config.prefix_length)
        if not config.method.reads_masked_word:
            return cls()
        if prompt is None:
            raise ValueError(
                f"adaptation.method is {config.method}, which needs the template and "
                "the labels' words as token ids; give the job a prompt."
            )
        return cls(prompt=prompt)
