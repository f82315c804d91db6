"""Class names in an answer's content."""

from __future__ import annotations

from vrft.types import Fault

MAX_LABEL_CHARS = 200
MAX_UNTAGGED_WORDS = 6
"""Without answer tags a longer text is prose, whatever names it mentions."""


def read_label(content: str, tagged: bool) -> tuple[str | None, tuple[Fault, ...]]:
    """Read a class name: one line of at most 200 characters.

    Args:
        content: the answer without its tags, trimmed.
        tagged: it stood in a complete answer tag; otherwise at most six words are taken for a name.

    Returns:
        The name as written, or None, and the faults.

    Example:
        >>> read_label("garden phlox", tagged=True)
        ('garden phlox', ())
        >>> read_label("I would say that this might be a rose", tagged=False)
        (None, (<Fault.NOT_READABLE: 'not_readable'>,))
    """
    if not content:
        return None, (Fault.EMPTY,)
    too_long = len(content) > MAX_LABEL_CHARS or len(content.splitlines()) > 1
    if too_long or (not tagged and len(content.split()) > MAX_UNTAGGED_WORDS):
        return None, (Fault.NOT_READABLE,)
    return content, ()
