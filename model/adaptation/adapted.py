"""A model that is fine-tuned in one of the ways, and the plain one it becomes."""

import dataclasses

import keras

from model import encoder
from model.adaptation.additions import Additions
from model.adaptation.config import AdaptationConfig, Method
from model.adaptation.low_rank import add_low_rank
from model.adaptation.masked_head import check_positions, load_masked_head
from model.adaptation.prefix import add_networks
from model.adaptation.prompt import Prompt
from model.adaptation.replacing import merged
from model.adaptation.trained import freeze_others, is_trained
from model.config import ModelConfig
from model.pretrained.folder import PretrainedFolder
from model.pretrained.weights import load_encoder

_TABLE = "token_embedding"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adapted:
    """What is built: a model of this size, fine-tuned in this way.

    `prompt` is for the methods that read a masked word. Without `pretrained` weights
    it starts from random ones. `used_ids` are the ids that training can see; none means
    that it can see all.
    """

    model: ModelConfig
    adaptation: AdaptationConfig = AdaptationConfig()
    prompt: Prompt | None = None
    pretrained: PretrainedFolder | None = None
    used_ids: tuple[int, ...] = ()

    def build(self, dtype: str = "float32") -> keras.Model:
        """The model as it is exported, with new weights."""
        return encoder.build_classifier(self.model, dtype, self._additions)

    def start(self, dtype: str = "float32") -> keras.Model:
        """The model as it is trained: with its pretrained weights, ready to compile.

        Raises:
            PretrainedError: The weights are not those of the folder's `config.json`,
                or the method needs some that it does not have.
        """
        additions = dataclasses.replace(self._additions, used_ids=self._trained_ids)
        model = encoder.build_classifier(self.model, dtype, additions)
        if self.pretrained is not None:
            if self.prompt is not None:
                check_positions(self.model, self.prompt, self.pretrained)
            load_encoder(model, self.model, self.pretrained)
            if self.prompt is not None:
                load_masked_head(model, self.model, self.prompt, self.pretrained)
        if additions.used_ids:
            model.get_layer(_TABLE).start()
        self.prepare(model)
        return model

    @property
    def _additions(self) -> Additions:
        return Additions.of(self.adaptation, self.prompt)

    @property
    def _trained_ids(self) -> tuple[int, ...]:
        """Rows that are worth a table of their own; random ones are all trained."""
        is_worth_it = 2 * len(self.used_ids) < self.model.vocabulary_size
        trains_rows = self.pretrained is not None and trains_table(self.adaptation)
        if not (trains_rows and is_worth_it):
            return ()
        return self.used_ids

    def prepare(self, model: keras.Model) -> None:
        """Adds what helps in training only, and freezes what is not trained."""
        if self.adaptation.method is Method.LORA:
            add_low_rank(model, self.adaptation)
        hidden_dim = self.adaptation.prefix_hidden_dim
        if self.adaptation.method is Method.PREFIX and hidden_dim:
            add_networks(model, hidden_dim)
        freeze_others(model, self.adaptation)

    def exported(self, model: keras.Model) -> keras.Model:
        """The trained model as `build` makes it, in float32, computing the same."""
        twin = self.build()
        values = {variable.path: variable for variable in model.weights}
        values |= merged(model)
        for variable in twin.weights:
            variable.assign(values[variable.path])
        return twin


def trains_table(adaptation: AdaptationConfig) -> bool:
    """Whether the method changes the embeddings of word pieces."""
    return is_trained(f"{_TABLE}/", adaptation)
