"""Which rewards detection offers, and their settings."""

from __future__ import annotations

from collections.abc import Mapping

from vrft.rewards import detection as boxes
from vrft.rewards.format import format_reward
from vrft.rewards.term import RewardTerm

SETTINGS: Mapping[str, Mapping[str, RewardTerm]] = {
    "paper": {"iou": boxes.iou_paper, "confidence": boxes.confidence_paper, "format": format_reward},
    "mended": {"iou": boxes.iou_released, "confidence": boxes.confidence_paper, "format": format_reward},
    "recommended": {"iou": boxes.iou_dense, "confidence": boxes.confidence_margin, "format": format_reward},
}
"""``mended`` has the rule of the released code without its prelude, its NaN and its unpaid abstention."""

TERMS: Mapping[str, RewardTerm] = {
    "iou_paper": boxes.iou_paper,
    "iou_released": boxes.iou_released,
    "iou_dense": boxes.iou_dense,
    "confidence_paper": boxes.confidence_paper,
    "confidence_brier": boxes.confidence_brier,
    "confidence_margin": boxes.confidence_margin,
}
"""What ``reward.weights`` may add to a setting."""
