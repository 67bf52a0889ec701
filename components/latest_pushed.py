"""Which model is live: the latest that was pushed, not the latest that was blessed.

A model that Evaluator blesses and a model server refuses is not live: no later model
has to be as good as that one.
"""

from tfx import v1 as tfx

_MODEL_ID = "pushed_model_id"
_MODEL, _PUSHED = "model", "pushed_model"
Artifacts = dict[str, list[tfx.dsl.Artifact]]


def record(pushed: tfx.dsl.Artifact, model: tfx.dsl.Artifact) -> None:
    """Notes in a `PushedModel` which model it is a copy of."""
    pushed.set_int_custom_property(_MODEL_ID, model.id)


class LatestPushedModelStrategy(tfx.dsl.experimental.ResolverStrategy):
    """Of all of `model`, takes the one that the latest `pushed_model` speaks of."""

    def resolve_artifacts(self, store: object, input_dict: Artifacts) -> Artifacts:
        """Gives one of each, or none of either."""
        models = {model.id: model for model in input_dict[_MODEL]}
        for pushed in sorted(input_dict[_PUSHED], key=lambda each: -each.id):
            model = models.get(pushed.get_int_custom_property(_MODEL_ID))
            if pushed.get_int_custom_property("pushed") and model is not None:
                return {_MODEL: [model], _PUSHED: [pushed]}
        return {_MODEL: [], _PUSHED: []}
