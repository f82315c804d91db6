"""COCO's compressed text of run lengths (``pycocotools.mask``), as numbers."""

from __future__ import annotations


def run_lengths(counts: str) -> list[int] | None:
    """Run lengths of the text, or None where it is something else; each may be below 0 all the same.

    Example:
        >>> run_lengths("426"), run_lengths("4²6")
        ([4, 2, 6], None)
    """
    runs: list[int] = []
    value = shift = 0
    for code in (ord(character) - 48 for character in counts):
        if not 0 <= code < 64 or shift > 30:
            return None
        value |= (code & 0x1F) << shift
        shift += 5
        if not code & 0x20:
            value -= (1 << shift) if code & 0x10 else 0
            # From the fourth on, a run is written as its difference to the last but one.
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    return None if shift else runs
