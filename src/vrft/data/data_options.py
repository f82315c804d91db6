"""Which labelled images a run learns from, how they are read, and how they are split."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vrft.data.selection import SELECTIONS, SelectionRule
from vrft.types.options import Choice, Options

Coordinates = Literal["pixels", "0-1", "0-1000"]
BoxOrder = Literal["xyxy", "xywh"]


class ReadOptions(Options):
    """What labels leave open; by default they decide, and where they cannot, it is an error."""

    format: str | None = None
    """Name of the format to read the labels as, where they fit several."""
    coordinates: Coordinates | None = None
    """What the numbers of boxes are: pixels, or parts of the image from 0 to 1 or from 0 to 1000. Needed only
    where boxes in pixels look like one of the others."""
    strict: bool = False
    """Refuse data of which a label or an image would be left out or a box clipped."""
    box_order: BoxOrder | None = None
    """Whether four numbers are two corners (xyxy), or a corner with width and height (xywh), where a column
    called 'bbox' leaves it open; in YOLO's text files, by default a center with width and height."""


class DataOptions(ReadOptions):
    """Which labelled images, and how they are split."""

    path: str
    """A folder of labelled images or one label file, from the working directory."""
    shots: int = Field(4, ge=1)
    """Training images per class."""
    negatives: float = Field(0.15, ge=0, lt=1)
    """Share of questions about absent categories (detection)."""
    near_duplicates: bool = True
    """Images that look nearly the same count as one, so that none is both learned from and tested on."""
    val_max: int = Field(60, ge=1)
    """Validation questions at most; of 60 the standard error is several points, so that rates which are
    close together are ranked by chance."""
    eval_max: int = Field(200, ge=1)
    """Held-out questions at most."""
    manifest: str | None = None
    """A split written earlier; shots, negatives and seed are then not used."""
    select: Annotated[SelectionRule, Choice(SELECTIONS)] | None = None
    """Which training questions RFT asks, by how well the policy answers them: a name, or
    {name: ..., options}. By default all alike."""
