"""Examples whose pixels show where their labels are, so that both can be compared after a change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image as PILImage
from PIL import ImageDraw

from vrft.geometry.masks import mask_of_region
from vrft.types import Boxes, Example, Image, Label

EXAMPLE = Example("a#cup", "a", "detection", (Image(Path("a.png"), (120, 90)),), "cup", Boxes())


def asking(question="cup", *, size_wh=(120, 90), boxes=()):
    media = (Image(Path("a.png"), size_wh),)
    return replace(EXAMPLE, question=question, media=media, target=Boxes(tuple(boxes)))


def naming(name, vocabulary=()):
    return replace(EXAMPLE, task="classification", question="object", target=Label(name, vocabulary))


@st.composite
def painted_boxes(draw):
    """A black image with up to three rectangles, each bright in its own channel, and its example."""
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
    return PILImage.fromarray(pixels), asking(size_wh=(width, height), boxes=boxes)


@st.composite
def painted_masks(draw):
    """A black image with a white ellipse, which is the target's mask, and no box at all."""
    width, height = draw(st.integers(96, 220)), draw(st.integers(96, 220))
    x1, y1 = draw(st.integers(0, width - 20)), draw(st.integers(0, height - 20))
    x2, y2 = draw(st.integers(x1 + 19, width - 1)), draw(st.integers(y1 + 19, height - 1))
    image = PILImage.new("L", (width, height))
    ImageDraw.Draw(image).ellipse((x1, y1, x2, y2), fill=255)
    mask = mask_of_region(np.asarray(image) > 0)
    example = replace(asking(size_wh=(width, height)), target=Boxes(mask=mask, ignore=mask))
    return image.convert("RGB"), example


def bright_box(image, channel):
    """The box around all pixels that are bright in a channel."""
    rows, columns = np.nonzero(np.asarray(image)[..., channel] >= 60)
    return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
