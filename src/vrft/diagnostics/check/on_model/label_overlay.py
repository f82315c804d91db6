"""A few pictures with their labels drawn after a round trip through the Frame and the parser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from vrft.data.images import open_rgb
from vrft.data.label_checks import some
from vrft.data.splits.question_pool import is_positive
from vrft.data.splits.seeded_shuffle import seeded_order
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.diagnostics.check.on_model.model_case import ModelCase
from vrft.errors import InputError
from vrft.report.box_overlay import draw_boxes
from vrft.types import BoxXYXY, ClassTarget, Example

PICTURES = 3
PALETTE = ("#12a150", "#d6336c", "#1f6feb", "#e07b16", "#8a63d2", "#0b7285", "#a61e4d", "#5c940d")
"""Colours of names, in turn."""


def examine_overlay(case: ModelCase) -> list[Finding]:
    """Draw up to three pictures, and say where they lie: coordinates that are wrong are seen at a glance."""
    drawn = []
    try:
        case.out.mkdir(parents=True, exist_ok=True)
        for number, (image, boxes) in enumerate(_scenes(case), 1):
            path = case.out / f"overlay_{number}.png"
            colours = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(sorted(boxes))}
            draw_boxes(image, boxes, colours).save(path)
            drawn.append(str(path))
    except OSError as error:
        raise InputError(f"{case.out}: pictures cannot be written there: {error}") from error
    if not drawn:
        return []
    told = "The labels are drawn as they are after they were written for the model and read back."
    return [Finding(Severity.NOTE, "overlay", told, some(drawn), "Look at the pictures.")]


def _scenes(case: ModelCase) -> list[tuple[Image.Image, Mapping[str, list[BoxXYXY]]]]:
    """Pictures with everything that is labelled in them, by name."""
    labelled = {example.record_id for example in case.sound if is_positive(example)}
    shown = seeded_order(labelled, case.data.config.seed, "overlay")[:PICTURES]
    return [_scene(case, [e for e in case.sound if e.record_id == name]) for name in shown]


def _scene(case: ModelCase, examples: Sequence[Example]) -> tuple[Image.Image, Mapping[str, list[BoxXYXY]]]:
    labels: dict[str, list[BoxXYXY]] = {}
    for one in case.ask(examples):
        answer = case.data.task.parse(one.read_back, one.view, case.data.config.prompt.form)
        if isinstance(one.example.target, ClassTarget):
            width, height = one.view.original_wh
            labels[answer.label or "?"] = [(0.0, 0.0, width - 1.0, height - 1.0)]
        elif answer.boxes_xyxy_px:
            labels.setdefault(one.example.question, []).extend(answer.boxes_xyxy_px)
    return open_rgb(examples[0].image), labels


EXAMINE = examine_overlay
