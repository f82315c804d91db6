"""Where the embedded miniature lies. Imports no torch."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from vrft.errors import InputError

MINIATURE = "miniature"
"""The name that means the embedded model wherever a model folder or hub id is expected."""
_WEIGHTS = {MINIATURE: "weights"}


def is_miniature(name: str) -> bool:
    """Whether a model's name means embedded weights."""
    return name in _WEIGHTS


def miniature_folder(name: str = MINIATURE) -> Path:
    """An embedded model, an ordinary Hugging Face folder."""
    if name not in _WEIGHTS:
        raise InputError(f"There is no embedded model '{name}'. Choose one of: {', '.join(_WEIGHTS)}.")
    return Path(str(files("vrft.miniature"))) / _WEIGHTS[name]
