"""Names of fit folders: a new number a fit, and the newest one for a resume."""

from __future__ import annotations

from pathlib import Path


def fresh_folder(stem: Path) -> Path:
    """A folder that does not exist yet: the stem itself, or with the next free number.

    Example:
        >>> fresh_folder(Path("nowhere/at-all")).name
        'at-all'
    """
    number, folder = 1, stem
    while folder.exists():
        number += 1
        folder = stem.with_name(f"{stem.name}-{number}")
    return folder


def newest_folder(stem: Path) -> Path:
    """The folder with the highest number that exists; the stem where there is none."""
    number, folder = 1, stem
    while True:
        following = stem.with_name(f"{stem.name}-{number + 1}")
        if not following.exists():
            return folder
        number, folder = number + 1, following
