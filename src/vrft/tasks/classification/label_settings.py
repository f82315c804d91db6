"""Which rewards classification offers, and their settings."""

from __future__ import annotations

from collections.abc import Mapping

from vrft.rewards import label_rewards as labels
from vrft.rewards import shaping
from vrft.rewards.format_reward import format_reward
from vrft.rewards.papers.visual_rft_released import released_classification as released
from vrft.rewards.papers.visual_rft_released.released_reading import format_term
from vrft.rewards.reward_term import RewardTerm, UnsafeTerm

SETTINGS: Mapping[str, Mapping[str, RewardTerm]] = {
    "paper": {"accuracy": labels.accuracy, "format": format_reward},
    "mended": {"accuracy": labels.accuracy_substring, "format": format_reward},
    "recommended": {"accuracy": labels.accuracy, "format": format_reward},
    "released": {"accuracy": UnsafeTerm(released.accuracy_term), "format": UnsafeTerm(format_term)},
}
"""``mended`` has the rule of the released code, except that an empty answer earns nothing; ``released`` is
that code with all its holes, for the audit and for comparison."""

TERMS: Mapping[str, RewardTerm] = {
    "accuracy_substring": labels.accuracy_substring,
    "length_cosine": shaping.length_cosine,
    "length_soft_overlong": shaping.length_soft_overlong,
    "no_repetition": shaping.no_repetition,
}
"""What ``reward.weights`` may add to a setting. Aliases and credit by hierarchy need tables of their own:
``vrft.rewards.label_rewards.accuracy_with`` and ``vrft.rewards.hierarchy.graded`` make terms for
``reward.custom``."""
