"""Which rewards grounding offers, and their settings."""

from __future__ import annotations

from collections.abc import Mapping

from vrft.rewards import region_rewards as boxes
from vrft.rewards import shaping
from vrft.rewards.format_reward import format_reward
from vrft.rewards.papers.visual_rft_released import released_grounding as released
from vrft.rewards.papers.visual_rft_released.released_reading import format_term
from vrft.rewards.reward_term import RewardTerm, UnsafeTerm

SETTINGS: Mapping[str, Mapping[str, RewardTerm]] = {
    "paper": {"iou": boxes.iou_first, "format": format_reward},
    "mended": {"iou": boxes.giou_scaled, "format": format_reward},
    "recommended": {"iou": boxes.iou_first, "format": format_reward},
    "released": {"iou": UnsafeTerm(released.iou_term, high=2.0), "format": UnsafeTerm(format_term)},
}
"""``mended`` pays generalised IoU as the released script does, but within bounds; ``released`` is that
script with all its holes, for the audit and for comparison."""

TERMS: Mapping[str, RewardTerm] = {
    "giou": boxes.giou_scaled,
    "iou_mask": boxes.iou_mask,
    "point_in_box": boxes.point_in_box,
    "length_cosine": shaping.length_cosine,
    "length_soft_overlong": shaping.length_soft_overlong,
    "no_repetition": shaping.no_repetition,
}
"""What ``reward.weights`` may add to a setting."""
