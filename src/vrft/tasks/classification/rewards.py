"""Which rewards classification offers, and their settings."""

from __future__ import annotations

from collections.abc import Mapping

from vrft.rewards import classification as labels
from vrft.rewards.format import format_reward
from vrft.rewards.term import RewardTerm

SETTINGS: Mapping[str, Mapping[str, RewardTerm]] = {
    "paper": {"accuracy": labels.accuracy, "format": format_reward},
    "mended": {"accuracy": labels.accuracy_substring, "format": format_reward},
    "recommended": {"accuracy": labels.accuracy, "format": format_reward},
}
"""``mended`` has the rule of the released code, except that an empty answer earns nothing."""

TERMS: Mapping[str, RewardTerm] = {
    "accuracy_substring": labels.accuracy_substring,
}
"""What ``reward.weights`` may add to a setting."""
