"""Which rewards classification offers, and their settings."""

from __future__ import annotations

from collections.abc import Mapping

from vrft.rewards import label_rewards as labels
from vrft.rewards import text_rewards as texts
from vrft.rewards.papers.visual_rft_released import released_classification as released
from vrft.rewards.papers.visual_rft_released.released_reading import format_term
from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.task import Setting

SETTINGS: Mapping[str, Setting] = {
    "paper": {"accuracy": labels.accuracy, "format": texts.format_reward},
    "released_fixed": {"accuracy": labels.accuracy_substring, "format": texts.format_reward},
    "recommended": {"accuracy": labels.accuracy, "format": texts.format_reward},
    "released": {
        "accuracy": RewardTerm(released.accuracy_term, unsafe=True),
        "format": RewardTerm(format_term, unsafe=True),
    },
}
"""``released_fixed`` has the rule of the released code, except that an empty answer is wrong; ``released``
is that code with all its holes, for the audit and for comparison."""

TERMS: Setting = {
    "accuracy_substring": labels.accuracy_substring,
    "length_cosine": texts.length_cosine_by(labels.accuracy),
    "length_soft_overlong": texts.length_soft_overlong,
    "no_repetition": texts.no_repetition,
}
"""What ``reward.weights`` may add to a setting. Aliases and credit by hierarchy need tables of their own:
``vrft.rewards.label_rewards`` has ``accuracy_with`` and ``graded``, which make terms for
``reward.custom``."""
