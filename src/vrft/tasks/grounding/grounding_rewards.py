"""Which rewards grounding offers, and their settings."""

from __future__ import annotations

from collections.abc import Mapping

from vrft.rewards import box_rewards, region_rewards
from vrft.rewards import text_rewards as texts
from vrft.rewards.papers.visual_rft_released import released_grounding as released
from vrft.rewards.papers.visual_rft_released.released_reading import format_term
from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.task import Setting

SETTINGS: Mapping[str, Setting] = {
    "paper": {"iou": region_rewards.iou_first, "format": texts.format_reward},
    "released_fixed": {"iou": region_rewards.giou_scaled, "format": texts.format_reward},
    "recommended": {"iou": region_rewards.iou_first, "format": texts.format_reward},
    "released": {
        "iou": RewardTerm(released.iou_term, high=2.0, unsafe=True),
        "format": RewardTerm(format_term, unsafe=True),
    },
}
"""``released_fixed`` rewards generalized IoU as the released script does, but within bounds; ``released``
is that script with all its holes, for the audit and for comparison."""

TERMS: Setting = {
    "giou": region_rewards.giou_scaled,
    "iou_mask": region_rewards.iou_mask,
    "point_in_box": region_rewards.point_in_box,
    "length_cosine": texts.length_cosine_by(box_rewards.iou_dense),
    "length_soft_overlong": texts.length_soft_overlong,
    "no_repetition": texts.no_repetition,
}
"""What ``reward.weights`` may add to a setting."""
