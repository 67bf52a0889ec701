"""The ways of fine-tuning that are compared, and their settings."""

import types
from collections.abc import Mapping

WAYS: Mapping[str, Mapping[str, str]] = types.MappingProxyType(
    {
        "full": {},
        "full, layer decay 0.8": {"adaptation.layer_decay": "0.8"},
        "full, gradual unfreezing": {"adaptation.unfreeze_epochs": "1"},
        "feed_forward": {"adaptation.method": "feed_forward"},
        "lora": {"adaptation.method": "lora"},
        "prefix": {"adaptation.method": "prefix"},
        "prompt": {"adaptation.method": "prompt"},
        "prompt_tuning": {"adaptation.method": "prompt_tuning"},
        "head": {"adaptation.method": "head"},
    }
)
