"""Class names in an answer's content."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import cache

from vrft.tasks.parsing.brackets import Group
from vrft.tasks.parsing.objects import Meaning, meaning_of
from vrft.tasks.parsing.scanner import scan
from vrft.types import Fault

MAX_LABEL_CHARS = 200
MAX_UNTAGGED_WORDS = 6
"""Without answer tags a longer text is prose, whatever names it mentions."""
MAX_WRAPPED_CHARS = 2_000

_FENCED = re.compile(r"```\w{0,20}\s(.{0,2000}?)```(?:json)?", re.DOTALL)
_KEYED = re.compile(
    r"(?:(?:suggested |likely )?(?:species|class|category|label|object|breed)(?: name)?|name"
    r"|(?:final )?answer)\s{0,3}[:：]\s{0,3}(\S.{0,250})",
    re.IGNORECASE,
)
_LAST_LINE = re.compile(
    r"(?:^|\n)\W{0,5}(?:final )?answer\W{0,5}[:：]\s{0,3}(\S[^\n]{0,250})\Z", re.IGNORECASE
)
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")


def read_label(content: str, tagged: bool) -> tuple[str | None, tuple[Fault, ...]]:
    """Read a class name: one line of at most 200 characters.

    What it is wrapped in is taken off, at the cost of ``OTHER_NOTATION``: a code fence, ``{"label": ...}``, a
    list of one name, ``**bold**``, "species name: ...", and without tags a last line "Answer: ...".

    Args:
        content: the answer without its tags, trimmed.
        tagged: it was in a complete answer tag; otherwise at most six words are taken for a name.

    Example:
        >>> read_label("garden phlox", tagged=True)
        ('garden phlox', ())
        >>> read_label('{"label": "rose"}', tagged=True)
        ('rose', (<Fault.OTHER_NOTATION: 'other_notation'>,))
        >>> read_label("I would say that this might be a rose", tagged=False)
        (None, (<Fault.NOT_READABLE: 'not_readable'>,))
    """
    if not content:
        return None, (Fault.EMPTY,)
    name = _unwrapped(content, tagged) if len(content) <= MAX_WRAPPED_CHARS else content
    if not name or len(name) > MAX_LABEL_CHARS or len(name.splitlines()) > 1:
        return None, (Fault.NOT_READABLE,)
    if not tagged and len(name.split()) > MAX_UNTAGGED_WORDS:
        return None, (Fault.NOT_READABLE,)
    return name, () if name == content else (Fault.OTHER_NOTATION,)


def _unwrapped(content: str, tagged: bool) -> str | None:
    """A name without what is around it; None where brackets hold no single name."""
    if not tagged and (last := _LAST_LINE.search(content)):
        content = last[1].strip()
    if fenced := _FENCED.fullmatch(content):
        content = fenced[1].strip()
    if content[:1] in ("{", "[") and content[-1:] in ("}", "]"):
        return _in_brackets(content)
    if (keyed := _KEYED.fullmatch(content)) or (keyed := _BOLD.fullmatch(content)):
        return keyed[1].strip()
    return content


def _in_brackets(content: str) -> str | None:
    """The one name of an object or a list; None where there are several, or none."""
    groups = [value for _, value in scan(content).root.entries if isinstance(value, Group)]
    entries = groups[0].entries if len(groups) == 1 else []
    if len(entries) == 1 and isinstance(inner := entries[0][1], Group):
        entries = inner.entries
    names = [
        value
        for key, value in entries
        if isinstance(value, str) and (key is None or meaning_of(key) in (Meaning.LABEL, Meaning.WRAPPER))
    ]
    return names[0].strip() if len(names) == 1 else None


@cache
def nearest_names(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The other names, those that read most alike first."""
    others = [other for other in names if other != name]
    return tuple(sorted(others, key=lambda other: -SequenceMatcher(None, name, other).ratio()))
