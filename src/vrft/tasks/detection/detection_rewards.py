"""Which rewards detection offers, and their settings."""

from __future__ import annotations

from collections.abc import Mapping

from vrft.rewards import box_rewards as boxes
from vrft.rewards import text_rewards as texts
from vrft.rewards.papers import vision_r1, vlm_r1
from vrft.rewards.papers.visual_rft_released import released_detection as released
from vrft.rewards.papers.visual_rft_released.released_reading import format_term
from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.task import Setting

SETTINGS: Mapping[str, Setting] = {
    "paper": {"iou": boxes.iou_paper, "confidence": boxes.confidence_paper, "format": texts.format_reward},
    "released_fixed": {
        "iou": boxes.iou_released,
        "confidence": boxes.confidence_paper,
        "format": texts.format_reward,
    },
    "recommended": {
        "iou": boxes.iou_dense,
        "confidence": boxes.confidence_margin,
        "format": texts.format_reward,
    },
    "released": {
        "iou": RewardTerm(released.iou_term, unsafe=True),
        "confidence": RewardTerm(released.confidence_term, unsafe=True),
        "format": RewardTerm(format_term, unsafe=True),
    },
}
"""``released_fixed`` has the rule of the released code without its prelude, its NaN and its unrewarded
abstention; ``released`` is that code with all its holes, for the audit and for comparison."""

TERMS: Setting = {
    "iou_paper": boxes.iou_paper,
    "iou_released": boxes.iou_released,
    "iou_dense": boxes.iou_dense,
    "iou_ladder": boxes.iou_ladder,
    "giou": boxes.giou_matched,
    "f1": boxes.f1_thresholds,
    "confidence_paper": boxes.confidence_paper,
    "confidence_brier": boxes.confidence_brier,
    "confidence_margin": boxes.confidence_margin,
    "vision_r1_recall": vision_r1.recall,
    "vision_r1_precision": vision_r1.precision,
    "vlm_r1_ap": vlm_r1.ap,
    "vlm_r1_ap50": vlm_r1.ap50,
    "vlm_r1_weighted": vlm_r1.weighted_sum,
    "length_cosine": texts.length_cosine_by(boxes.iou_dense),
    "length_soft_overlong": texts.length_soft_overlong,
    "no_repetition": texts.no_repetition,
}
"""What ``reward.weights`` may add to a setting."""
