"""Where the embedded models lie. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from vrft.errors import InputError

MINIATURE = "miniature"
"""The name that means the embedded model wherever a model folder or hub id is expected."""
REASONING = "miniature-reasoning"
"""The one that also adds digits, and seldom shows it."""
KINDS = "miniature-kinds"
"""The one that also answers with counts, points, regions, several categories, distances and orders."""
EMBEDDED: Mapping[str, str] = {
    MINIATURE: "it sees images of 96x96 pixels, knows eighteen digits and shapes",
    REASONING: "the miniature after lessons in adding digits, which it seldom uses when asked for a sum",
    KINDS: "the miniature after lessons in counts, points, outlines, distances and puzzles, often hasty",
}
"""What each embedded model can do, by name."""


def is_miniature(name: str) -> bool:
    """Whether a model's name means embedded weights."""
    return name in EMBEDDED


def miniature_folder(name: str = MINIATURE) -> Path:
    """An embedded model, an ordinary Hugging Face folder."""
    if name not in EMBEDDED:
        raise InputError(f"There is no embedded model '{name}'. Choose one of: {', '.join(EMBEDDED)}.")
    return Path(str(files("vrft.miniature"))) / "weights" / name


def embedded_name(folder: Path) -> str | None:
    """The name of the embedded model that lies in a folder; None for any other folder."""
    places = {miniature_folder(name).resolve(): name for name in EMBEDDED}
    return places.get(folder.resolve())
