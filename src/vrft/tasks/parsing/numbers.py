"""The one number of an answer: digits or words, with a unit, or the reason why there is none.

One rule for every task that asks for a number. A number is read as it is written and no character is taken
out of it, so no two different numbers become equal. Several mentions must agree: of different numbers none
is taken, neither the last nor the nearest, and a hedge is no number. The time is linear in the text's length.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from vrft.tasks.parsing.abstentions import is_abstention
from vrft.tasks.parsing.number_words import WORDED, value_in_words
from vrft.types import Fault
from vrft.types.units import converted, unit_names, unit_of

MAX_CHARS = 2_000
MAX_DIGITS = 30
AGREE = Decimal("0.02")
"""How far, relative to the larger, two mentions in different units may be apart: 1.8 m is 5.9 ft or 6 ft."""

_DASHES = dict.fromkeys("‐‑‒–—―−﹣－", "-")
_SPACES = dict.fromkeys("\u00a0\u2007\u2009\u202f\u3000\t", " ")
_SAME = str.maketrans({**_DASHES, **_SPACES, "．": ".", "，": ",", "％": "%", "μ": "µ", "（": "(", "）": ")"})
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,1000}>")
_MARKUP = re.compile(r"\\(?:boxed|text|mathrm|mathbf)\b|\\[,;!() ]|[*`{}]|(?<!\w)_+|_+(?!\w)|~~")
_UNIT_KEY = re.compile(r"""[,;]?\s{0,3}["']?units?["']?\s{0,3}[:=]\s{0,3}["']?([^\W\d_]{1,20}[²³]?)["']?""")
_EXACT = re.compile(r"-?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d+)?(?: ?(?P<unit>\S.*))?", re.ASCII)

_SIGN = r"(?<![\w.)\]%°²³])(?P<sign>[-+]?)"
_RUN = r"(?:[1-9]\d{0,2}(?:[ '’]\d{3})+(?!\d)(?:\.\d+)?|\.?\d(?:[\d.,:/_]*\d)?)"
_NUMBER = re.compile(
    rf"{_SIGN}(?P<run>{_RUN})(?P<power>[eE][-+]?\d{{1,3}}(?!\w))?"
    r"(?: (?P<scale>hundred|thousand|million|billion|dozen)\b)?"
    rf"|\b(?P<words>{WORDED})\b",
    re.IGNORECASE | re.ASCII,
)
_GROUPED = re.compile(r"[1-9]\d{0,2}(?P<gap>[ ,'’_])\d{3}(?:(?P=gap)\d{3})*(?:\.\d+)?", re.ASCII)
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "dozen": 12}
_NAMES = "|".join(re.escape(name) for name in unit_names() if name != "1")
_UNIT = re.compile(
    rf" {{0,2}}-?(?P<unit>(?:(?:square|sq\.?|cubic|cu\.?)[ -]?)?(?:{_NAMES})(?![^\W\d_]))"
    r"(?P<rest>[²³^/]|\*\*)?",
    re.IGNORECASE,
)
_GLUED = re.compile(rf"(?<=\d)({_NAMES})(?=\d)(?![23](?!\w))", re.IGNORECASE)
"""A unit between two digits, as in '1m80'; not that of a power, as in 'm2'."""
_CURRENCY = re.compile(r"[$€£¥] ?[-+]?$")
_PREPOSITION = re.compile(
    r" +(?:the|this|that|these|those|total|all|each|it|my|your|an?|front|view|sight)\b", re.I
)
_INCHES = re.compile(
    r"\W*$| *[.,;)\]]| +(?:long|wide|high|tall|deep|thick|apart|away)\b|\W+\d", re.IGNORECASE
)
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_ATTACHED = re.compile(
    r"[\w²³^]|[.,:/]\d| ?[kK]\b|\+(?!\w)|-(?:ish|odd)\b| +point +\w| *[×xX*·] *10 ?\^| *\?"
)
_LETTER = re.compile(r"[^\W\d]")
_PART = re.compile(
    r"[ -]*(?:and )?(?:an? )?(?:half|halves|quarters?|thirds?|fourths?|fifths?|tenths?)\b", re.I
)

_PART_OF = re.compile(r"\b(?:half|quarter|third)s?(?: of)?(?: an?)? $", re.IGNORECASE)

_TO = re.compile(r'[\s"]*(?:-+|to|till|until|through|~|\.{2,}|…)[\s"]*', re.IGNORECASE)
_BOUND = re.compile(
    r"(?:\b(?:at least|at most|(?:more|less|fewer|greater|smaller|larger|lower|higher) than|over|under|above"
    r"|below|up to|within|no|between|minimum(?: of)?|maximum(?: of)?)|[<>≤≥±]=?)\s*$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:\b(?:about|around|approximately|approx\.?|roughly|circa|ca\.?|nearly|almost|close to|some)"
    r"|[~≈∼≃])\s*$",
    re.IGNORECASE,
)
_MINUS = re.compile(r"\b(?:minus|negative) $", re.IGNORECASE)
_HEDGE = re.compile(
    r"\b(?:or|nor|not|either|neither|maybe|perhaps|possibly|might|may|could|unsure|unclear|unknown|cannot"
    r"|(?:a|very|quite a) few|several|many|dozens|hundreds|thousands|hard to (?:say|tell))\b|n't\b|\w\?",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:the|this|that|each|every|which|another|other|same|any) $", re.IGNORECASE)
_NONE = re.compile(
    r"\W{0,4}(?:none\b|nothing\b|no\b|nil\W*$|there (?:is|are)\b|there (?:isn|aren)'t\b"
    r"|i (?:do not|don't|cannot|can't|could not|couldn't|see|can see|count)\b)",
    re.IGNORECASE,
)
"""How an answer begins that counts nothing; the rest has to be an abstention."""
_DEGREES = re.compile(r"(?:°|\bdeg(?:rees?|\.)?) ?([cf])(?:elsius|ahrenheit)?\b", re.IGNORECASE)
_JOINED = re.compile(r"\s*(?:and\s+)?")


class NumberReading(NamedTuple):
    """What an answer's content says as a number."""

    number: float | None = None
    """None where it says no number, or not one."""
    unit: str = ""
    """Of the number: the one that was asked for; where none was, the one that is written."""
    faults: tuple[Fault, ...] = ()


class _Mention(NamedTuple):
    """A number where it stands."""

    number: Decimal
    unit: str
    start: int
    end: int


class _Unread(Exception):
    """There is no number, for a reason."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def read_number(content: str, unit: str | None = "", counts: bool = False) -> NumberReading:
    """Read the one number that a text says.

    Args:
        content: the answer without its tags, trimmed.
        unit: what was asked for, and what a bare number has; a number in another unit of the quantity is
            converted. ``""``: the number has none, and a unit's symbol behind it is a fault, but not a word,
            which may be the thing that is counted ('4 feet'). None: any unit or none, as it is written.
        counts: only whole numbers from 0 are meant; 'about 7' is no count then, and 'none' is 0.

    Returns:
        The number; or None with the reason: ``SEVERAL_NUMBERS``, ``RANGE``, ``HEDGED``, ``COMMA_DECIMAL``,
        ``OTHER_UNIT``, ``NOT_A_COUNT``, ``EMPTY`` or ``NOT_READABLE``. ``OTHER_NOTATION`` is the fault of a
        number that was read and has words or marks around it.

    Example:
        >>> read_number("twelve (12)").number, read_number("−1,200.50").number, read_number("3-4").number
        (12.0, -1200.5, None)
        >>> read_number("180 cm", "m")
        NumberReading(number=1.8, unit='m', faults=(<Fault.OTHER_NOTATION: 'other_notation'>,))
        >>> read_number("5, not 6").faults, read_number("20 kg", "m").faults
        ((<Fault.HEDGED: 'hedged'>,), (<Fault.OTHER_UNIT: 'other_unit'>,))
    """
    if not content:
        return NumberReading(faults=(Fault.EMPTY,))
    if len(content) > MAX_CHARS:
        return NumberReading(faults=(Fault.NOT_READABLE,))
    text, stated = _plain(content)
    try:
        mentions = _mentions(text, stated, unit, counts)
        number, said = _agreed(mentions, unit)
    except _Unread as reason:
        if counts and not _NUMBER.search(text) and _NONE.match(content) and is_abstention(content):
            return NumberReading(0.0, faults=(Fault.OTHER_NOTATION,))
        return NumberReading(faults=(reason.fault,))
    if counts and (number < 0 or number != number.to_integral_value()):
        return NumberReading(faults=(Fault.NOT_A_COUNT,))
    exact = _EXACT.fullmatch(content)
    as_asked = exact is not None and exact["unit"] in (None, said or None)
    # Minus zero is zero.
    return NumberReading(float(number) + 0.0, said, () if as_asked else (Fault.OTHER_NOTATION,))


def _plain(content: str) -> tuple[str, str]:
    """The text without markup and tags, digits and marks in their usual form; and a unit under a key."""
    text = content.translate(_SAME)
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(c, c)) for c in text)
    text = _TAG.sub(" ", text.replace("{,}", ","))
    if text.count("$") % 2 == 0:
        text = text.replace("$", " ")
    text = _DEGREES.sub(lambda degrees: f"°{degrees[1].upper()}", _MARKUP.sub(" ", text))
    text = _GLUED.sub(r"\1 ", text)
    keyed = _UNIT_KEY.search(text)
    if keyed and unit_of(keyed[1]):
        return text[: keyed.start()] + text[keyed.end() :], keyed[1]
    return text, ""


def _mentions(text: str, stated: str, unit: str | None, counts: bool) -> list[_Mention]:
    """Every number with its unit, as the text has them."""
    if any(not c.isascii() and _is_strange(text, i) for i, c in enumerate(text)):
        raise _Unread(Fault.NOT_READABLE)
    found: list[_Mention] = []
    for match in _NUMBER.finditer(text):
        before, after = text[max(0, match.start() - 40) : match.start()], text[match.end() : match.end() + 40]
        if found and match.start() < found[-1].end:
            continue
        if match["run"] and _ORDINAL.match(after):
            continue
        if match["words"] and match["words"].casefold() == "one" and _PRONOUN.search(before):
            continue
        mention = _mention(match, text, stated, unit, is_first=not found)
        if found and found[-1].end <= mention.start and _TO.fullmatch(text[found[-1].end : mention.start]):
            raise _Unread(Fault.RANGE)
        if _BOUND.search(before) or (counts and _ABOUT.search(before)):
            raise _Unread(Fault.HEDGED)
        if match["run"] and _LETTER.match(before[-1:]):
            raise _Unread(Fault.NOT_READABLE)
        found.append(mention)
    if _HEDGE.search(text):
        raise _Unread(Fault.HEDGED)
    if not found:
        raise _Unread(Fault.NOT_READABLE)
    return _compounds(found, text)


def _mention(match: re.Match[str], text: str, stated: str, unit: str | None, is_first: bool) -> _Mention:
    """A number with its sign and its unit, unless what is attached to it makes it none."""
    before, after = text[max(0, match.start() - 40) : match.start()], text[match.end() : match.end() + 40]
    number = _value(match)
    if _PART_OF.search(before) or (_PART.match(after) and not (match["run"] and _UNIT.match(after))):
        raise _Unread(Fault.NOT_READABLE)
    if _MINUS.search(before):
        number = -number
    elif is_first and re.search("- +$", before):
        raise _Unread(Fault.NOT_READABLE)
    written, width = _unit_after(text, match.end(), unit)
    currency = _CURRENCY.search(before[-3:])
    if currency and not written:
        written = currency[0][0]
    if not width and _ATTACHED.match(after):
        raise _Unread(Fault.HEDGED if after.lstrip()[:1] in ("+", "?") else Fault.NOT_READABLE)
    start = match.start() - (len(currency[0]) if currency else 0)
    return _Mention(number, written or stated, start, match.end() + width)


def _is_strange(text: str, place: int) -> bool:
    """A sign that is a number and no digit: ½, ③, 三; not the power of a unit."""
    if text[place] in "²³" and place and (text[place - 1].isalpha()):
        return False
    return unicodedata.numeric(text[place], None) is not None


def _value(match: re.Match[str]) -> Decimal:
    if match["words"]:
        return Decimal(value_in_words(match["words"]))
    run = match["run"]
    if _GROUPED.fullmatch(run):
        run = re.sub(r"[^\d.]", "", run)
    elif re.fullmatch(r"[\d.]*,[\d,.]*", run):
        raise _Unread(Fault.COMMA_DECIMAL)
    if sum(map(str.isdigit, run)) > MAX_DIGITS:
        raise _Unread(Fault.NOT_READABLE)
    try:
        number = Decimal(f"{match['sign'] or ''}{run}{match['power'] or ''}")
    except InvalidOperation:
        raise _Unread(Fault.NOT_READABLE) from None
    if number and not -60 < number.adjusted() < 60:
        raise _Unread(Fault.NOT_READABLE)
    return number * _SCALES[match["scale"].casefold()] if match["scale"] else number


def _unit_after(text: str, place: int, asked: str | None) -> tuple[str, int]:
    """The unit that follows a number, and how far it reaches; nothing where a word is no unit."""
    match = _UNIT.match(text, place)
    known = match and unit_of(match["unit"])
    if match is None or known is None:
        return "", 0
    name, after = match["unit"], text[match.end("unit") :]
    of = unit_of(asked) if asked else None
    if of is not None and of.symbol[:1] == "°" and name.casefold() in ("°", "degree", "degrees"):
        return of.symbol, match.end("unit") - place  # of the scale that was asked for
    if name in "'’\"″′”" and re.search(rf"(?<!\d){re.escape(name)}", text):
        return "", 0  # a quote
    if match["rest"] or _of_two_units(text, match.end("unit")):
        raise _Unread(Fault.OTHER_UNIT)
    if asked == "" and known.is_word:
        return "", 0
    if name.casefold() == "in":
        if asked == "" or _PREPOSITION.match(after):
            return "", 0
        if not _INCHES.match(after):
            raise _Unread(Fault.NOT_READABLE)
    return name, match.end("unit") - place


def _of_two_units(text: str, place: int) -> bool:
    """Whether a second unit follows the first: '3 m kg'."""
    second = _UNIT.match(text, place)
    return second is not None and second["unit"].isalpha() and second["unit"].casefold() != "in"


def _compounds(found: list[_Mention], text: str) -> list[_Mention]:
    """Numbers of smaller and smaller units that make one, as '5 ft 11 in' and '2 min 30 s'."""
    joined = found[:1]
    for one in found[1:]:
        last = joined[-1]
        big, small = unit_of(last.unit), unit_of(one.unit)
        if (
            big is not None
            and small is not None
            and big.quantity == small.quantity
            and last.number >= 0
            and 0 <= one.number * small.factor < big.factor
            and _JOINED.fullmatch(text[last.end : one.start])
        ):
            more = one.number * small.factor / big.factor
            joined[-1] = _Mention(last.number + more, last.unit, last.start, one.end)
        else:
            joined.append(one)
    return joined


def _agreed(mentions: list[_Mention], unit: str | None) -> tuple[Decimal, str]:
    """The number that all mentions say, and its unit."""
    asked = unit if unit is not None else next((one.unit for one in mentions if one.unit), "")
    numbers = [converted(one.number, one.unit or asked, asked) for one in mentions]
    if None in numbers:
        raise _Unread(Fault.OTHER_UNIT)
    known = [(one, number) for one, number in zip(mentions, numbers, strict=True) if number is not None]
    same = [one for one in known if one[0].unit in ("", asked)] or known
    chosen, number = same[0]
    for one, other in known:
        alike = (one.unit or asked) == (chosen.unit or asked)
        apart = abs(other - number) > (0 if alike else AGREE * max(abs(other), abs(number)))
        if apart:
            raise _Unread(Fault.SEVERAL_NUMBERS)
    return number, asked
