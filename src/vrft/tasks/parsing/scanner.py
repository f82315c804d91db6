"""A tolerant reader of the bracketed parts of an answer: JSON, Python literals, and what models make of them.

One pass over the tokens with a stack of bounded depth. Nothing is evaluated, nothing recurses, nothing
raises. It reads groups in brackets and coordinate tokens; ``extractor`` says what they mean.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from vrft.tasks.parsing.brackets import Group, Item, Name, NumberSpan, TextSpan

MAX_CHARS = 30_000
"""Text beyond this many characters is not read: some 500 boxes of the paper's notation."""
MAX_DEPTH = 8
MAX_NUMBER_CHARS = 400

_OPENER = {"]": "[", ")": "(", "}": "{"}
_WIDE = {"，": ",", "、": ",", "：": ":", "（": "(", "）": ")", "【": "[", "】": "]"}
_WIDE |= {"［": "[", "］": "]", "｛": "{", "｝": "}", "=": ":", ";": ",", "；": ","}
"""Signs that are read as another one; no demanded form has them."""

# A quote opens a string only where no word ends and closes it only where a separator follows, so that an
# apostrophe within a label does neither; no bracket is part of a string, so that a stray quote hides no box.
# A string may lack its closing quote: every character is consumed by the first alternative that reaches it,
# every repetition is possessive or bounded, and so no input makes the search go back far. A quote right after
# a closing bracket opens nothing: it belongs to a string around the bracket.
_TOKEN = re.compile(
    r"""
      (?P<sign> [\[\](){},:] )
    | (?P<number> [-+]? (?: (?: [0-9]++(?:\.[0-9]*+)? | \.[0-9]++ ) (?:[eE][-+]?[0-9]++)?
                          | (?i:nan|inf(?:inity)?)\b ) )
    | (?P<quote> (?<=[\]})])["'] )
    | (?P<text> (?<!\w)[uU]?"(?: [^"\\\n\[\]{}] | \\. | "(?![ \t]{0,8}(?:[,:=}\])\r\n，：）】]|\Z)) )*+"?
              | (?<!\w)[uU]?'(?: [^'\\\n\[\]{}] | \\. | '(?![ \t]{0,8}(?:[,:=}\])\r\n，：）】]|\Z)) )*+'?
              | “[^”\n\[\]{}]*+”? | ‘[^’\n\[\]{}]*+’? )
    | (?P<word> [^\W\d]\w*+ )
    | (?P<name> <(?:ref|p|\|ref\||\|object_ref_start\|)>[^<]{0,300}
                <(?:/ref|/p|\|/ref\||\|object_ref_end\|)> )
    | (?P<coordinate> <\|?(?:(?:coord|loc|bin|[xy])_?)?[0-9]{1,6}\|?> )
    | (?P<points> <points?\b[^<>]{1,2000}+>(?:[^<]{0,300}</points?>)? )
    | (?P<plain> <(?:b?box|bbox_2d|bounding_box|point)>[0-9.,;\s]{3,80}</\w{3,12}> )
    | (?P<mark> ```\w{0,20} | <\|/?\w{1,30}\|> | </?b?box> )
    | (?P<wide> [，、：（）【】［］｛｝=;；] )
    | (?P<junk> \S )
    """,
    re.VERBOSE,
)
_TORN = re.compile(
    r"""["'](?P<key>\w[\w ]{0,40})["']?\s*+:\s*+(?:(?P<number>[-+]?[0-9]{1,15}(?:\.[0-9]{0,30})?)\s*+"""
    r"""|["']?(?P<text>[^"',:]{1,300}?)["']?\s*+)?"""
)
"""A string that began with one kind of quote and, after its key, never came to an end."""


@dataclass(frozen=True, slots=True)
class Scan:
    """All that a text holds in brackets."""

    root: Group
    """Outermost groups and names in order, with the keys before them."""
    truncated: bool
    """A bracket was never closed, or the text was too long to be read whole."""
    clean: bool
    """Nothing but well-formed groups, commas, code fences and special tokens was there."""
    words: bool
    """Words were outside of all groups."""


def scan(text: str) -> Scan:
    """Read every bracketed group of the first ``MAX_CHARS`` characters of a text, in linear time.

    Of a group that the text's end cut, complete inner groups and complete pairs survive, and a list of bare
    numbers does not: its last number may be cut.
    """
    reader = _Reader(text[:MAX_CHARS])
    reader.truncated = len(text) > MAX_CHARS
    takers = reader.takers
    for match in _TOKEN.finditer(reader.text):
        taker = takers.get(match.lastgroup)
        if taker is not None and taker(match.group(), match.start()) is False:
            break  # brackets are nested too deep
    reader.finish()
    return Scan(reader.root, reader.truncated, reader.clean, reader.words)


class _Reader:
    """The state of one scan."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = Group("")
        self.stack: list[Group] = []
        self.truncated = False
        self.clean = True
        self.words = False
        self._run_end = 0
        self.takers: dict[str | None, Callable[[str, int], bool | None]] = {
            "sign": self._sign,
            "number": self._number,
            "quote": self._quote,
            "text": self._text,
            "word": self._word,
            "name": self._name,
            "coordinate": self._coordinate,
            "points": self._points,
            "plain": self._plain,
            "wide": self._wide,
            "junk": self._unreadable,
        }

    def finish(self) -> None:
        """Close what the end of the text left open, keeping only what was complete."""
        while self.stack:
            self.truncated = True
            group = self.stack.pop()
            group.cut, group.end = True, len(self.text)
            # The last value may be a number that the end cut short: 0. of 0.85.
            at_value = group.entries and group.key is None and not group.fresh
            if at_value and group.entries[-1][0] is not None and not isinstance(group.entries[-1][1], Group):
                group.entries.pop()
            if any(key is not None or isinstance(value, Group) for key, value in group.entries):
                self._value(group)

    def _sign(self, sign: str, at: int) -> bool:
        if sign == ",":
            self._comma()
        elif sign == ":":
            self._colon()
        elif sign in _OPENER:
            self._close(_OPENER[sign], at + 1)
        elif len(self.stack) == MAX_DEPTH:
            self.clean = False
            return False
        else:
            self.stack.append(Group(sign, at))
        return True

    def _wide(self, token: str, at: int) -> bool:
        self.clean = False
        return self._sign(_WIDE[token], at)

    def _number(self, token: str, at: int) -> None:
        value = float(token) if len(token) <= MAX_NUMBER_CHARS else math.nan
        self._value(NumberSpan(value, at, at + len(token)))

    def _quote(self, token: str, at: int) -> None:
        self.clean = False

    def _text(self, token: str, at: int) -> None:
        if token[0] in "uU":
            token, at = token[1:], at + 1
            self.clean = False
        if token[0] in "“‘":
            self.clean = False
            words = token.strip("“”‘’")
            self._value(TextSpan(words, at + token.index(words)))
            return
        if len(token) > 1 and token[0] == token[-1]:
            self._value(TextSpan(token[1:-1], at + 1))
            return
        self.clean = False
        if torn := _TORN.fullmatch(token):  # a key whose quotes do not match: "bbox_2d': [
            self._value(torn["key"])
            self._colon()
            if torn["number"]:
                begin, end = torn.span("number")
                self._value(NumberSpan(torn["number"], at + begin, at + end))
            elif torn["text"]:
                self._value(TextSpan(torn["text"], at + torn.start("text")))
        elif len(token) > 1:  # a quote alone is around a bracket: "{...}"
            self._value(TextSpan(token[1:], at + 1))

    def _value(self, value: Item) -> None:
        if not self.stack:
            self._outside(value)
            return
        group = self.stack[-1]
        if group.key is not None and group.colon:
            group.entries.append((group.key, value))
            group.key, group.colon = None, False
        elif group.opener == "{":
            self._keyless(group, value)
        else:
            if not group.fresh and group.entries:
                self.clean = False
                if not isinstance(value, Group) and not isinstance(group.entries[-1][1], Group):
                    group.entries.append((None, None))  # "10 0" is neither 100 nor two numbers
            group.entries.append((None, value))
        group.fresh = False

    def _word(self, word: str, at: int) -> None:
        if self.stack:
            self._value(word)
        else:
            self.clean, self.words = False, True
            self.root.key, self.root.colon = word.casefold(), False

    def _outside(self, value: Item) -> None:
        """A value outside of all brackets: kept where it is a group or follows a key."""
        root = self.root
        if root.key is not None and root.colon:
            root.entries.append((root.key, value))
            value = None if isinstance(value, str) else value
        elif isinstance(value, Group):
            root.entries.append((None, value))
        self.clean &= isinstance(value, Group)
        root.key, root.colon = value.strip().casefold() if isinstance(value, str) else None, False

    def _keyless(self, group: Group, value: Item) -> None:
        """What is in braces where a key should be."""
        self.clean &= group.key is None and group.fresh and isinstance(value, str)
        self._keep_key(group)
        if isinstance(value, str):
            group.key = value.folded() if isinstance(value, TextSpan) else value.strip().casefold()
        else:
            group.entries.append((None, value))

    def _comma(self) -> None:
        group = self.stack[-1] if self.stack else self.root
        if group.opener == "{":
            self.clean &= group.key is None
            self._keep_key(group)
        elif group.fresh and self.stack:
            self.clean = False
            group.entries.append((None, None))
        group.key, group.colon = None, False
        group.fresh = True

    def _colon(self) -> None:
        group = self.stack[-1] if self.stack else self.root
        if group.key is not None and not group.colon:
            group.colon = True
            self.clean &= bool(self.stack)
        elif self.stack and group.opener != "{" and group.entries and not group.fresh:
            self.clean = False
            word = group.entries[-1][1]
            if isinstance(word, str):
                group.entries.pop()
                group.key, group.colon = word.strip().casefold(), True
        else:
            self._unreadable()

    def _unreadable(self, token: str = "", at: int = 0) -> None:
        self.clean = False
        if self.stack:
            self.stack[-1].entries.append((None, None))
            self.stack[-1].fresh = False

    def _close(self, opener: str, end: int) -> None:
        if not any(group.opener == opener for group in self.stack):
            self.clean = False
            return
        while True:
            group = self.stack.pop()
            group.end = end
            self.clean &= group.key is None
            self._keep_key(group)
            if group.opener == opener:
                return self._value(group)
            self.clean = False
            group.entries.append((None, None))  # its own bracket never came: such a list is not trusted
            self._value(group)

    def _keep_key(self, group: Group) -> None:
        """A key that got no value is a word of its own."""
        if group.key is not None:
            group.entries.append((None, group.key))
        group.key, group.colon = None, False

    def _name(self, token: str, at: int) -> None:
        self.root.entries.append((None, Name(token[token.index(">") + 1 : token.rindex("<")].strip())))

    def _coordinate(self, token: str, at: int) -> None:
        """One more token of a run, or the first of another: all but blanks parts two runs."""
        if self.stack:
            self._unreadable()
        run = self.root.entries[-1][1] if self.root.entries else None
        goes_on = isinstance(run, Group) and run.opener == "<" and run.end == self._run_end
        if not isinstance(run, Group) or not goes_on or self.text[run.end : at].strip():
            run = Group("<", at, token=token)
            self.root.entries.append((None, run))
        digits = token.strip("<|>abcdefghijklmnopqrstuvwxyz_")
        begin = at + token.index(digits)
        run.entries.append((None, NumberSpan(digits, begin, begin + len(digits))))
        run.end = self._run_end = at + len(token)

    def _points(self, token: str, at: int) -> None:
        self.root.entries.append((None, Group("<", at, at + len(token), token=token)))

    def _plain(self, token: str, at: int) -> None:
        entries: list[tuple[str | None, Item]] = [
            (None, NumberSpan(number.group(), at + number.start(), at + number.end()))
            for number in re.finditer(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+", token)
        ]
        self.root.entries.append((None, Group("<", at, at + len(token), entries, token="<box>")))
