"""Class names in an answer's content."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import cache

from vrft.tasks.parsing.abstentions import IMAGE
from vrft.tasks.parsing.brackets import Group
from vrft.tasks.parsing.objects import Meaning, meaning_of
from vrft.tasks.parsing.scanner import scan
from vrft.types import Fault

MAX_LABEL_CHARS = 200
MAX_UNTAGGED_WORDS = 6
"""Without answer tags a longer text is prose, whatever names it mentions."""
MAX_WRAPPED_CHARS = 2_000

_FENCED = re.compile(r"```\w{0,20}\s(.{0,2000}?)```(?:json)?", re.DOTALL)
_KEY = (
    r"\W{0,4}(?:the )?(?:(?:most )?(?:\w{1,20} )?(?:species|class|category|label|object|breed)"
    r"(?: name| identified)?|name|(?:final )?answer|(?:total |final )?(?:number|count))"
    r"(?: of (?:the )?[\w ]{1,30}?)?"
)
_KEYED = re.compile(
    rf"{_KEY}\W{{0,2}}(?: is)?\s{{0,3}}[:：]\W{{0,4}}(\S.{{0,250}})", re.IGNORECASE | re.DOTALL
)
_IS = re.compile(
    rf"{_KEY} is (?!(?:an?|the|not|likely|probably|on|in|at)\b)(\w+(?: [\w'-]+){{0,4}}\.?)", re.IGNORECASE
)
_LAST_LINE = re.compile(
    r"(?:^|\n)\W{0,5}(?:final )?answer\W{0,5}[:：]\s{0,3}(\S[^\n]{0,250})\Z", re.IGNORECASE
)
_WRAPPED = re.compile(
    r"\*\*(?P<bold>[^*\n]{1,200})\*\*|<(?P<tag>\w{1,20})>(?P<tagged>[^<>]{1,300})</(?P=tag)>"
    r"|\$?\\boxed\{(?P<boxed>[^{}]{1,200})\}\$?"
)
_BARE = re.compile(r"[\w'().,-]++(?: [\w'().,-]++)?")
"""One word or two."""
_LEADING = "> :：=#\t\n"
MAX_SENTENCE_CHARS = 400
_SHOWN = rf"the {IMAGE}"
_COUNTED = re.compile(
    rf"(?:there (?:are|is)|i (?:can )?(?:see|count)|{_SHOWN} (?:shows|contains|has)"
    r"|the (?:total )?(?:number|count)(?: of [\w ]{1,40})? is)"
    r" (?:exactly |a total of )?(?P<name>[0-9]{1,3})\b[^0-9]*",
    re.IGNORECASE,
)
"""One number in all, so that none is chosen among several."""
_CLASSED = re.compile(
    r"(?:(?:based on|given|judging by)[^.!?\n]{1,120}?, )?(?:i (?:think|believe)(?: that)? )?"
    r"(?:(?:this|it|the [\w' -]{1,60}?)(?: \w{1,20})?"
    r" (?:is|appears to be|seems to be|looks like|depicts|shows)"
    r"|i (?:can )?see|(?:most )?(?:likely|probably))"
    r" (?:(?:most |very )?(?:likely|probably|clearly) |(?:identified|classified)(?: \w+)? as ){0,2}"
    r"(?:an?|the) (?:likely |probable )?(?P<name>[\w'\u2019-]+(?: [\w'\u2019-]+){0,4}?)(?: \([^()]{1,80}\))?"
    r"(?:[.!]?|[.!] .*|, (?:which|as|with|known)\b.*"
    rf"| (?:due to|because|based on|in (?:{_SHOWN}|this image))\b.*)",
    re.IGNORECASE | re.DOTALL,
)
_UNSURE = re.compile(
    r"\b(?:or|not|but|although|however|cannot|could|might|may|such as|(?:type|kind|sort|family) of|resembl\w+"
    r"|possibl[ey]|potentially|unclear|unknown|needs?|at least|about)\b|n't\b|\?",
    re.IGNORECASE,
)
_NO_NAME = re.compile(rf"\b(?:an?|that|which|with|containing|showing|{IMAGE})\b", re.IGNORECASE)


def read_label(content: str, tagged: bool) -> tuple[str | None, tuple[Fault, ...]]:
    """Read a class name: one line of at most 200 characters.

    What it is wrapped in is taken off, at the cost of ``OTHER_NOTATION``: a code fence, ``{"label": ...}``, a
    list of one name, ``**bold**``, ``<number>4</number>``, "species name: ...", and without tags a last line
    "Answer: ..."; and a sentence that names one class or one count and is sure of it.

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
        >>> read_label("This is most likely a house sparrow (passer domesticus).", tagged=False)[0]
        'house sparrow'
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
    colon = ":" in content or "：" in content
    if colon and not tagged and (last := _LAST_LINE.search(content)):
        content = last[1].strip("* \t\n")
    content = content.lstrip(_LEADING)
    if _BARE.fullmatch(content):
        return content
    if fenced := _FENCED.fullmatch(content):
        content = fenced[1].strip()
    if content[:1] in ("{", "[") and content[-1:] in ("}", "]"):
        return _in_brackets(content)
    if named := _named_in_sentence(content):
        return named
    keyed = _KEYED.fullmatch(content) if colon else None
    if keyed or (keyed := _IS.fullmatch(content) if " is " in content else None):
        content = keyed[1].strip("* \t\n")
    if wrapped := _WRAPPED.fullmatch(content):
        content = (wrapped["bold"] or wrapped["tagged"] or wrapped["boxed"]).strip()
    return (_named_in_sentence(content) if keyed or wrapped else None) or content


def _named_in_sentence(content: str) -> str | None:
    """The class or the count that a sentence names, where it is sure of one."""
    if content.count(" ") < 2 or len(content) > MAX_SENTENCE_CHARS:
        return None
    found = _COUNTED.fullmatch(content) or _CLASSED.fullmatch(content)
    if found is None or _UNSURE.search(content) or _NO_NAME.search(found["name"]):
        return None
    return found["name"]


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
