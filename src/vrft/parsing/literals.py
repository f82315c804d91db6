"""A tolerant reader of the bracketed part of an answer: JSON, Python literals, and what models make of them.

One pass over the tokens with a stack of bounded depth. Nothing is evaluated, nothing recurses, nothing
raises. It reads groups in brackets; what they mean is ``vrft.parsing.boxes``' business.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

MAX_CHARS = 30_000
"""Text beyond this many characters is not read: some 500 boxes of the paper's notation."""
MAX_DEPTH = 8
MAX_NUMBER_CHARS = 400

_OPENER = {"]": "[", ")": "(", "}": "{"}

# A quote opens a string only where no word ends and closes it only where a separator follows, so that an
# apostrophe within a label does neither; no bracket stands in a string, so that a stray quote hides no box.
# A string may lack its closing quote: every character is consumed by the first alternative that reaches it,
# every repetition is possessive or bounded, and so no input makes the search go back far.
_TOKEN = re.compile(
    r"""
      (?P<mark> ```\w{0,20} | <\|object_ref_start\|>[^<]{0,300}<\|object_ref_end\|> | <\|\w{1,30}\|> )
    | (?P<number> [-+]? (?: (?: [0-9]++(?:\.[0-9]*+)? | \.[0-9]++ ) (?:[eE][-+]?[0-9]++)?
                          | (?i:nan|inf(?:inity)?)\b ) )
    | (?P<text> (?<!\w)"(?: [^"\\\n\[\]{}] | \\. | "(?![ \t]{0,8}(?:[,:}\])\r\n]|\Z)) )*+"?
              | (?<!\w)'(?: [^'\\\n\[\]{}] | \\. | '(?![ \t]{0,8}(?:[,:}\])\r\n]|\Z)) )*+'? )
    | (?P<word> [^\W\d]\w*+ )
    | (?P<sign> [\[\](){},:] )
    | (?P<junk> \S )
    """,
    re.VERBOSE,
)


@dataclass(slots=True, eq=False)
class Group:
    """One pair of brackets and what stands in it; a place that could not be read holds an empty string."""

    opener: str
    items: list[Value] = field(default_factory=list)
    """Of ``[`` and ``(``, in order."""
    pairs: list[tuple[str, Value]] = field(default_factory=list)
    """Of ``{``, keys in lower case, in order, repeated keys included."""
    cut: bool = False
    """The text ended before the bracket was closed."""
    key: str | None = None
    """While reading: a key whose value has not come yet."""
    colon: bool = False
    fresh: bool = True
    """While reading: nothing has come since the bracket or the last comma."""


Value = float | str | Group


@dataclass(frozen=True)
class Scan:
    """All outermost groups of a text."""

    groups: tuple[Group, ...]
    truncated: bool
    """A bracket was never closed, or the text was too long to be read whole."""
    clean: bool
    """Nothing but well-formed groups, commas, code fences and special tokens was there."""


def scan(text: str) -> Scan:
    """Read every bracketed group of a text in linear time.

    Args:
        text: any text; the first ``MAX_CHARS`` characters are read.

    Returns:
        The outermost groups with their contents. Of a group that the text's end cut, complete inner groups
        and complete pairs survive, and a list of bare numbers does not: its last number may be cut.

    Example:
        >>> scan("```json [{'Position': [1, 2, 3, 4]}] ```").groups[0].items[0].pairs[0][0]
        'position'
        >>> scan("[[1, 2, 3, 4], [5, 6").truncated
        True
    """
    reader = _Reader()
    reader.truncated = len(text) > MAX_CHARS
    for match in _TOKEN.finditer(text[:MAX_CHARS]):
        if not reader.take(match.lastgroup or "", match.group()):
            break
    reader.finish()
    return Scan(tuple(reader.groups), reader.truncated, reader.clean)


class _Reader:
    """The state of one scan."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.stack: list[Group] = []
        self.truncated = False
        self.clean = True
        self._signs = {",": self._comma, ":": self._colon}

    def take(self, kind: str, token: str) -> bool:
        """One token; False where reading must end because brackets are nested too deep."""
        if kind == "number":
            self._value(float(token) if len(token) <= MAX_NUMBER_CHARS else math.nan)
        elif kind == "word":
            self._value(token)
        elif kind == "text":
            self._text(token)
        elif token in self._signs:
            self._signs[token]()
        elif token in _OPENER:
            self._close(_OPENER[token])
        elif kind == "sign":
            if len(self.stack) == MAX_DEPTH:
                self.clean = False
                return False
            self.stack.append(Group(token))
        elif kind == "junk":
            self._unreadable()
        return True

    def finish(self) -> None:
        """Close what the end of the text left open, keeping only what was complete."""
        while self.stack:
            self.truncated = True
            group = self.stack.pop()
            group.cut = True
            # The last value may be a number that the end cut short: 0. of 0.85.
            at_value = group.pairs and group.key is None and not group.fresh
            if at_value and not isinstance(group.pairs[-1][1], Group):
                group.pairs.pop()
            if group.pairs or any(isinstance(item, Group) for item in group.items):
                self._place(group)

    def _text(self, token: str) -> None:
        if len(token) > 1 and token[0] == token[-1]:
            self._value(token[1:-1])
            return
        self.clean = False
        before_colon, colon, after = token.rpartition(":")
        if colon and not after.strip():  # a key whose quotes do not match: "bbox_2d': [
            self._value(before_colon.strip(" \t\"'"))
            self._colon()
        else:
            self._value(token[1:])

    def _value(self, value: Value) -> None:
        if not self.stack:
            self.clean = False
            return
        group = self.stack[-1]
        if group.opener == "{":
            self._pair(group, value)
        else:
            if not group.fresh:
                self.clean = False
                if not isinstance(value, Group) and not isinstance(group.items[-1], Group):
                    group.items.append("")  # "10 0" is neither 100 nor two numbers
            group.items.append(value)
        group.fresh = False

    def _pair(self, group: Group, value: Value) -> None:
        if group.key is not None and group.colon:
            group.pairs.append((group.key, value))
            group.key, group.colon = None, False
            return
        self.clean &= group.key is None and group.fresh and isinstance(value, str)
        group.key = value.strip().casefold() if isinstance(value, str) else None

    def _comma(self) -> None:
        if not self.stack:
            return
        group = self.stack[-1]
        if group.opener == "{":
            self.clean &= group.key is None
            group.key, group.colon = None, False
        elif group.fresh:
            group.items.append("")
        group.fresh = True

    def _colon(self) -> None:
        if self.stack and self.stack[-1].key is not None and not self.stack[-1].colon:
            self.stack[-1].colon = True
        else:
            self._unreadable()

    def _unreadable(self) -> None:
        self.clean = False
        if self.stack:
            self.stack[-1].items.append("")
            self.stack[-1].fresh = False

    def _close(self, opener: str) -> None:
        if not any(group.opener == opener for group in self.stack):
            self.clean = False
            return
        while True:
            group = self.stack.pop()
            self.clean &= group.key is None
            if group.opener == opener:
                return self._place(group)
            self.clean = False
            group.items.append("")  # its own bracket never came: a list of numbers is not to be trusted
            self._place(group)

    def _place(self, group: Group) -> None:
        if self.stack:
            self._value(group)
        else:
            self.groups.append(group)
