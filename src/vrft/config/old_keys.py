"""Keys of vrft 0.1, and what they are called now: an old file is refused with these sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vrft.errors import ConfigError

RENAMED = {
    "kind": "method",
    "prompt.form": "form",
    "prompt.subject": "task.subject (task: {name: classification, subject: ...})",
    "prompt.open": "task.open_naming (task: {name: classification, open_naming: true})",
    "data.pseudo": "pseudo_labels (its 'answers' are 'predictions' now)",
    "augment.colour": "augment.color",
    "reward.permute": "grpo.shuffle_rewards",
    "grpo.std_floor": "grpo.advantage.std_floor",
    "grpo.clip": "grpo.loss.clip",
    "grpo.clip_high": "grpo.loss.clip_high",
    "grpo.tau_positive": "grpo.loss.tau_positive",
    "grpo.tau_negative": "grpo.loss.tau_negative",
    "grpo.beta": "grpo.kl.beta",
    "grpo.kl_correction": "grpo.kl.correction",
    "grpo.path": "grpo.logprob_method",
}
VALUES = {
    ("grpo.kl", "k1"): "grpo.kl.estimator: k1",
    ("grpo.kl", "k2"): "grpo.kl.estimator: k2",
    ("grpo.kl", "k3"): "grpo.kl.estimator: k3",
    ("grpo.advantage", "group_normalised"): "group_normalized",
    ("grpo.advantage", "batch_normalised"): "batch_normalized",
    ("grpo.advantage", "term_normalised"): "term_normalized",
    ("grpo.advantage", "centred"): "centered",
    ("reward.setting", "mended"): "released_fixed",
}


def refuse_old_keys(tree: Mapping[str, Any], where: str) -> None:
    """Refuse a configuration that is written with the words of vrft 0.1."""
    found = [f"'{old}' is called {new} now" for old, new in RENAMED.items() if _at(tree, old) is not _NOTHING]
    for (key, value), new in VALUES.items():
        if _at(tree, key) == value:
            found.append(f"the value '{value}' of '{key}' is called {new} now")
    if found:
        raise ConfigError(f"{where}: this configuration was written for vrft 0.1: {'; '.join(found)}.")


_NOTHING = object()


def _at(tree: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(tree, Mapping) or part not in tree:
            return _NOTHING
        tree = tree[part]
    return tree
