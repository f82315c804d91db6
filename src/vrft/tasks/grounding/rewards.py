"""Which rewards grounding offers, and their settings."""

from __future__ import annotations

from collections.abc import Mapping

from vrft.rewards import grounding as boxes
from vrft.rewards.format import format_reward
from vrft.rewards.term import RewardTerm

SETTINGS: Mapping[str, Mapping[str, RewardTerm]] = {
    "paper": {"iou": boxes.iou_first, "format": format_reward},
    "mended": {"iou": boxes.giou_scaled, "format": format_reward},
    "recommended": {"iou": boxes.iou_first, "format": format_reward},
}
"""``mended`` pays generalised IoU as the released script does, but within bounds."""

TERMS: Mapping[str, RewardTerm] = {
    "giou": boxes.giou_scaled,
}
"""What ``reward.weights`` may add to a setting."""
