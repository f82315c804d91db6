"""Examples whose pixels show where their labels are, so that both can be compared after a change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

from vrft.types import BoxesTarget, ClassTarget, Example, Mask

EXAMPLE = Example("a#cup", "a", Path("a.png"), (120, 90), "detection", "cup", BoxesTarget(()))


def asking(question="cup", *, image_wh=(120, 90), boxes=()):
    return replace(EXAMPLE, question=question, image_wh=image_wh, target=BoxesTarget(tuple(boxes)))


def naming(name, names=()):
    return replace(EXAMPLE, task="classification", question="object", target=ClassTarget(name, names))


@st.composite
def painted_boxes(draw):
    """A black picture with up to three rectangles, each bright in its own channel, and its example."""
    width, height = draw(st.integers(96, 220)), draw(st.integers(96, 220))
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    boxes = []
    third = width // 3
    for channel in range(draw(st.integers(1, 3))):
        x1 = channel * third + draw(st.integers(0, third - 6))
        x2 = draw(st.integers(x1 + 5, (channel + 1) * third))
        y1 = draw(st.integers(0, height - 6))
        y2 = draw(st.integers(y1 + 5, height))
        pixels[y1:y2, x1:x2, channel] = 200
        boxes.append(tuple(map(float, (x1, y1, x2, y2))))
    return Image.fromarray(pixels), asking(image_wh=(width, height), boxes=boxes)


@st.composite
def painted_masks(draw):
    """A black picture with a white ellipse, which is the target's mask, inside the target's box."""
    width, height = draw(st.integers(96, 220)), draw(st.integers(96, 220))
    x1, y1 = draw(st.integers(0, width - 20)), draw(st.integers(0, height - 20))
    x2, y2 = draw(st.integers(x1 + 19, width - 1)), draw(st.integers(y1 + 19, height - 1))
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).ellipse((x1, y1, x2, y2), fill=255)
    inside = np.asfortranarray(np.asarray(image) > 0, dtype=np.uint8)
    mask = Mask((height, width), coco_mask.encode(inside)["counts"].decode())
    target = BoxesTarget(((float(x1), float(y1), x2 + 1.0, y2 + 1.0),), mask, mask)
    return image.convert("RGB"), replace(EXAMPLE, image_wh=(width, height), target=target)


def edited(image, example):
    for edit in example.edits:
        image = edit.pixels(image)
    return image


def bright_box(image, channel):
    """The box around all pixels that are bright in a channel."""
    rows, columns = np.nonzero(np.asarray(image)[..., channel] >= 60)
    return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def decoded(mask):
    return coco_mask.decode({"size": list(mask.size_hw), "counts": mask.counts.encode()}).astype(bool)
