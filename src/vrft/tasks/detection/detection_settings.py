"""Which rewards detection offers, and their settings."""

from __future__ import annotations

from collections.abc import Mapping

from vrft.rewards import box_rewards as boxes
from vrft.rewards import dense_box_rewards as dense
from vrft.rewards import shaping
from vrft.rewards.format_reward import format_reward
from vrft.rewards.papers import vision_r1, vlm_r1
from vrft.rewards.papers.visual_rft_released import released_detection as released
from vrft.rewards.papers.visual_rft_released.released_reading import format_term
from vrft.rewards.reward_term import RewardTerm, UnsafeTerm

SETTINGS: Mapping[str, Mapping[str, RewardTerm]] = {
    "paper": {"iou": boxes.iou_paper, "confidence": boxes.confidence_paper, "format": format_reward},
    "mended": {"iou": boxes.iou_released, "confidence": boxes.confidence_paper, "format": format_reward},
    "recommended": {"iou": boxes.iou_dense, "confidence": boxes.confidence_margin, "format": format_reward},
    "released": {
        "iou": UnsafeTerm(released.iou_term),
        "confidence": UnsafeTerm(released.confidence_term),
        "format": UnsafeTerm(format_term),
    },
}
"""``mended`` has the rule of the released code without its prelude, its NaN and its unpaid abstention;
``released`` is that code with all its holes, for the audit and for comparison."""

TERMS: Mapping[str, RewardTerm] = {
    "iou_paper": boxes.iou_paper,
    "iou_released": boxes.iou_released,
    "iou_dense": boxes.iou_dense,
    "iou_ladder": dense.iou_ladder,
    "giou": dense.giou_matched,
    "f1": dense.f1_thresholds,
    "confidence_paper": boxes.confidence_paper,
    "confidence_brier": boxes.confidence_brier,
    "confidence_margin": boxes.confidence_margin,
    "vision_r1_recall": vision_r1.recall,
    "vision_r1_precision": vision_r1.precision,
    "vlm_r1_ap": vlm_r1.ap,
    "vlm_r1_ap50": vlm_r1.ap50,
    "vlm_r1_weighted": vlm_r1.weighted_sum,
    "length_cosine": shaping.length_cosine,
    "length_soft_overlong": shaping.length_soft_overlong,
    "no_repetition": shaping.no_repetition,
}
"""What ``reward.weights`` may add to a setting."""
