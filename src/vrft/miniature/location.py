"""Where the embedded miniature lies. Imports no torch."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

MINIATURE = "miniature"
"""The name that stands for the embedded model wherever a model folder or hub id is expected."""


def miniature_folder() -> Path:
    """The embedded model, an ordinary Hugging Face folder."""
    return Path(str(files("vrft.miniature"))) / "weights"
