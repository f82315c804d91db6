"""Which of several choices an answer takes: its letter, or its text.

In this order: the whole answer is one; it states one ("the answer is (B)"), the last time where it does so
several times; it begins with one; it names one and no other. Only letters that are offered are letters, and
none inside a word is. Two choices, or one that is ruled out, are no choice.

Where several may be right, an answer is a list of them: the whole answer, or what it states last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from vrft.types.names import plain_name

MAX_CHARS = 2_000
_AROUND = " \n()[]{}*_$`\"'"
_OPEN, _CLOSE = r"[(\[{（*_\"'`“‘$\s]{0,6}", r"[)\]}）*_\"'`”’$]{0,6}"
_BOX = r"(?:\\(?:boxed|text|mathrm|mathbf)\{\s*){0,3}"
_SAYS = r"(?:answers?|choices?|options?|letter|choose|pick|select|selected|chose)"
_IS = r"\s{0,3}(?:would be|should be|must be|is|was|are|:|：|=|->|→)?\s{0,3}[:：]?"
_STATED = rf"\b{_SAYS}\b{_CLOSE}{_IS}{_OPEN}{_BOX}{_OPEN}"
_WHY = r"\s*,?\s*(?:because|since|as)\b"
_ENDS = rf"(?=\s*(?:$|[.;!?\n]|,(?!\s*[A-Z]\b)|{_WHY}))"
_LISTED = " \n[]{}*$`"
_TOGETHER = r"(?<=[A-Z])(?=[A-Z])"
"""Between letters without a gap: of letters in their order alone, since they may be a word."""
_LISTS = (r"\n|;", r"[,;\n]", r"[,;\n&+]|\band\b", r"[,;\n&+\s]|\band\b", _TOGETHER)
"""What may be between the choices of a list, the surest first."""
_SAID_LIST = rf"\b{_SAYS}\b{_CLOSE}{_IS}"
_SECOND = re.compile(r"\s*(?:,?\s*(?:or|and)\b|[/&,+|])\s*[(\[*\"'`]{0,3}(?P<second>\w+)", re.IGNORECASE)
_RULED_OUT = re.compile(
    r"\b(?:not|nor|neither|except|incorrect|wrong|false|unlikely|cannot|unsure|unclear|or|either|maybe|perhaps"
    r"|might|could)\b|n't\b|\?",
    re.IGNORECASE,
)


def read_choice(content: str, choices: Mapping[str, str], lettered: bool = True) -> str | None:
    """The letter of the one choice that an answer takes.

    Args:
        content: the answer without its tags, trimmed.
        choices: text by letter; letters need not begin at A, nor follow each other.
        lettered: the letters were shown; otherwise the text alone counts.

    Returns:
        The letter as it is offered; None where the answer takes none, or several.

    Example:
        >>> offered = {"A": "4 cm", "B": "12 cm", "C": "20 cm"}
        >>> [read_choice(t, offered) for t in ("(B)", "Answer: **B**", "12 cm", "B because it fits")]
        ['B', 'B', 'B', 'B']
        >>> [read_choice(t, offered) for t in ("A or B", "E", "Based on it", "14 cm", "A B C", "")]
        [None, None, None, None, None, None]
        >>> [read_choice("C", {"B": "B", "C": "A", "D": "C"}, shown) for shown in (True, False)]
        ['C', 'D']
    """
    if not content or not choices or len(content) > MAX_CHARS:
        return None
    offered = _Offered.of(tuple(choices.items()), lettered)
    return (
        offered.whole(content)
        or offered.stated(content)
        or offered.leading(content)
        or offered.named(content)
    )


def read_choices(content: str, choices: Mapping[str, str], lettered: bool = True) -> tuple[str, ...] | None:
    """The letters of all choices that an answer takes, in the order in which they are offered.

    Args:
        content, choices, lettered: as of ``read_choice``.

    Returns:
        The letters, each once; None where the answer takes none, or something in its list is no choice. "or"
        and "/" are no lists: they leave open which is meant.

    Example:
        >>> offered = {"A": "4 cm", "B": "12 cm", "C": "20 cm"}
        >>> [read_choices(t, offered) for t in ("C, A", "(A) and (C)", "The answers are A and C.", "AC")]
        [('A', 'C'), ('A', 'C'), ('A', 'C'), ('A', 'C')]
        >>> [read_choices(t, offered) for t in ("B", "12 cm; 20 cm", "A or C", "A, maybe C", "A, D", "")]
        [('B',), ('B', 'C'), None, None, None, None]
    """
    if not content or not choices or len(content) > MAX_CHARS:
        return None
    offered = _Offered.of(tuple(choices.items()), lettered)
    stated = [found[1] for found in re.finditer(rf"{_SAID_LIST}(?=([^\n]+))", content, re.IGNORECASE)][-1:]
    for text in [content, *stated, *(re.split(rf"{_WHY}|[.!?](?:\s|$)", one)[0] for one in stated)]:
        for pattern in _LISTS:
            items = [item.strip(" -•\n") for item in re.split(pattern, text.strip(_LISTED).rstrip("."))]
            taken = {offered.whole(item) for item in items if item}
            if taken and None not in taken and (pattern != _TOGETHER or items == sorted(items)):
                return tuple(letter for letter in choices if letter in taken)
    one = read_choice(content, choices, lettered)
    return None if one is None else (one,)


def _plain(text: str) -> str:
    """A choice's text as it is compared: as a name, and '12cm' for '12 cm'."""
    return re.sub(r"(?<=\d) (?=[^\W\d_])", "", plain_name(text))


class _Offered:
    """Letters and texts to choose from, as patterns."""

    def __init__(self, choices: tuple[tuple[str, str], ...], lettered: bool) -> None:
        self.letters = {plain_name(letter): letter for letter, _ in choices} if lettered else {}
        self.texts: dict[str, str | None] = {}
        for letter, text in choices:
            # Of two choices with one text neither is taken by it.
            self.texts[_plain(text)] = None if _plain(text) in self.texts else letter
        self.texts.pop("", None)
        listed = sorted(map(re.escape, self.letters), key=len, reverse=True)
        letter = rf"(?P<letter>{'|'.join(listed)})" if listed else r"(?P<letter>(?!))"
        self.alone = re.compile(
            rf"{_OPEN}{_BOX}{_OPEN}{letter}(?!\w){_CLOSE}(?P<mark>[.):：,-]?)\s*(?P<rest>.*)", re.I | re.S
        )
        self.said = re.compile(rf"{_STATED}{letter}(?!\w)(?P<close>{_CLOSE})", re.IGNORECASE)
        texts = sorted((re.escape(text) for _, text in choices if text.strip()), key=len, reverse=True)
        self.text = re.compile(rf"(?<!\w)(?:{'|'.join(texts)})(?!\w)" if texts else "(?!)", re.IGNORECASE)
        self.text_said = re.compile(
            rf"{_STATED}(?P<text>{'|'.join(texts)})(?!\w){_CLOSE}{_ENDS}" if texts else "(?!)", re.IGNORECASE
        )

    @staticmethod
    @lru_cache(maxsize=512)
    def of(choices: tuple[tuple[str, str], ...], lettered: bool) -> _Offered:
        return _Offered(choices, lettered)

    def whole(self, content: str) -> str | None:
        """A letter, or a text, or a letter with its own text."""
        if plain := self._letter(content) or self.texts.get(_plain(content)):
            return plain
        found = self.alone.fullmatch(content)
        if not found:
            return None
        letter = self.letters[plain_name(found["letter"])]
        rest = found["rest"].strip(_AROUND)
        if not rest or plain_name(rest) == ".":
            return letter
        return letter if self.texts.get(_plain(rest)) == letter else None

    def stated(self, content: str) -> str | None:
        """What follows the last 'answer is', 'option:' or the like."""
        found: list[tuple[int, str | None]] = []
        for match in self.said.finditer(content):
            after = content[match.end() :]
            second = _SECOND.match(after)
            if second and self._is_another(second["second"]):
                found.append((match.start(), None))
            # A small letter, or an A before a word, may be a word itself.
            elif match["close"].strip() or re.match(_ENDS, after) or self._own(match["letter"], after):
                found.append((match.start(), self._letter(match["letter"])))
        for match in self.text_said.finditer(content):
            second = _SECOND.match(content[match.end() :])
            both = second is not None and self.text.match(content, match.end() + second.start("second"))
            found.append((match.start(), None if both else self.texts.get(_plain(match["text"]))))
        return max(found, key=lambda one: one[0])[1] if found else None

    def leading(self, content: str) -> str | None:
        """What an answer begins with, where it goes on to explain it."""
        match = self.alone.match(content)
        if match and not match["letter"].islower() and not self._others(match["rest"], match["letter"]):
            rest = match["rest"]
            why = re.match(_WHY, f" {rest}", re.IGNORECASE) is not None
            on_its_own_line = content[: match.start("rest")].endswith("\n")
            if (
                why
                or on_its_own_line
                or (match["mark"] in (".", ")", ":", "：") and rest[:1].isupper() and " " in rest)
            ):
                named = {self.texts.get(_plain(found)) for found in self.text.findall(rest)}
                return self._letter(match["letter"]) if named <= {self._letter(match["letter"])} else None
        begins = self.text.match(content)
        if begins and re.match(_ENDS + r"|\s*,", content[begins.end() :]):
            others = {plain_name(found) for found in self.text.findall(content)} - {plain_name(begins[0])}
            return None if others else self.texts.get(_plain(begins[0]))
        return None

    def named(self, content: str) -> str | None:
        """The one choice that a sentence names, where it rules none out."""
        if _RULED_OUT.search(content):
            return None
        bracketed = set(re.findall(r"[(（]\s*(\w{1,3})\s*[)）]", content))
        letters = {found for name in bracketed if (found := self._letter(name))}
        texts = {self.texts.get(_plain(found)) for found in self.text.findall(content)}
        opening = self.alone.match(content)
        if texts and opening and opening["mark"]:
            letters |= {self.letters[plain_name(opening["letter"])]}
        both = letters | texts
        return both.pop() if len(both) == 1 else None

    def _letter(self, name: str) -> str | None:
        return self.letters.get(plain_name(name))

    def _is_another(self, name: str) -> bool:
        return self._letter(name) is not None and (name.isupper() or len(name) > 1)

    def _own(self, letter: str, after: str) -> bool:
        """Whether a letter's own text follows it."""
        texts = [text for text, owner in self.texts.items() if owner == self._letter(letter)]
        return any(_plain(after.strip(_AROUND + ":：,.-")).startswith(text) for text in texts)

    def _others(self, rest: str, letter: str) -> bool:
        """Whether another letter is offered in what follows by itself: 'A B C'."""
        second = re.match(r"\s*(?:or|and|[/&,+|])?\s*(\w{1,3})(?!\w)", rest, re.IGNORECASE)
        return (
            second is not None
            and self._is_another(second[1])
            and self._letter(second[1]) != self._letter(letter)
        )
