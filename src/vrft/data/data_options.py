"""Which labelled images a run learns from, and how they are split."""

from __future__ import annotations

from pydantic import Field

from vrft.types.options import Options


class DataOptions(Options):
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
    strict: bool = False
    """Refuse data of which a label or an image would be left out or a box clipped."""
    manifest: str | None = None
    """A split written earlier; shots, negatives and seed are then not used."""
