"""An answer's content to what it says, by the paper's notation first and by the tolerant reader otherwise."""

from __future__ import annotations

import re
from dataclasses import replace

from vrft.tasks.parsing.abstentions import is_abstention, is_demanded, is_rated_abstention
from vrft.tasks.parsing.brackets import TextSpan, four_in, span_of, with_usual_digits
from vrft.tasks.parsing.extractor import Extractor
from vrft.tasks.parsing.orders import orders_in
from vrft.tasks.parsing.raw_answer import Notation, Order, Rating, RawAnswer, RawBox
from vrft.tasks.parsing.scanner import MAX_CHARS, Scan, scan
from vrft.tasks.parsing.tags import Sections, split_tags
from vrft.types import Fault, Form

_OBJECT = frozenset({Notation.OBJECT})
_OTHER = frozenset({Notation.OTHER})
_NUMBER = r"[-+]?[0-9]{1,9}(?:\.[0-9]{1,30})?"
_ITEMS = [
    rf"\{{{quote}Position{quote}:\s*+\[({_NUMBER}),\s*+({_NUMBER}),\s*+({_NUMBER}),\s*+({_NUMBER})\],\s*+"
    rf"{quote}Confidence{quote}:\s*+({_NUMBER})\}}"
    for quote in "'\""
]
_PAPERS = [(re.compile(rf"\[\s*+{item}(?:,\s*+{item})*+\s*+\]"), re.compile(item)) for item in _ITEMS]
"""The paper's notation, the whole list and one box, once for each kind of quote."""
_AS_WRITTEN, _GIVEN = Order.XYXY, Rating.GIVEN
MAX_AROUND_CHARS = 2_000
"""Beyond these nothing around an answer is taken for a statement about its numbers."""
_FENCED_NOTHING = re.compile(r"```\w{0,10}\s{0,20}(?:\[\s{0,20}\]|\{\s{0,20}\})\s{0,20}```")


def read_answer(text: str) -> RawAnswer:
    """Read a whole answer, tags and all, without an image; the faults of its tags are left out."""
    return read_sections(split_tags(text, Form.DIRECT))


def read_sections(sections: Sections, points: bool = False) -> RawAnswer:
    """Read the content of an answer's tags; where that says nothing at all, what is around them.

    Spans are those of the whole text. ``points`` is as in ``read_content``.
    """
    stated = orders_in(sections.around, MAX_AROUND_CHARS)[-1:] if sections.around else []
    order = stated[0][1] if stated else None
    cut = Fault.TRUNCATED in sections.faults
    raw = read_content(sections.content, cut, order, points).moved(sections.start)
    if raw.boxes or raw.points or raw.abstained or Fault.BAD_BOX in raw.faults:
        return raw
    around = read_content(sections.around, cut=True, points=points) if sections.around else raw
    if not (around.boxes or around.points):
        return raw
    # It is put together of several parts of the text.
    return replace(around.moved(None), faults=tuple(dict.fromkeys(raw.faults + around.faults)))


def read_content(
    content: str, cut: bool = False, order: Order | None = None, points: bool = False
) -> RawAnswer:
    """Read boxes, points or an abstention in any notation, without an image.

    Its faults are those that can be seen without one: ``EMPTY``, ``NOT_READABLE``, ``TRUNCATED``,
    ``BAD_BOX``. ``cut`` says that the end may be missing: numbers outside of brackets are not believed then.
    ``order`` is that of the numbers where what is around the content states one. ``points`` says that points
    were asked for: a pair of numbers is one then, and no corner of a box.

    Example:
        >>> read_content('```json\\n[{"box_2d": [10, 20, 30, 40], "label": "cat"},]').boxes[0][:4]
        ((10.0, 20.0, 30.0, 40.0), <Order.YXYX: 'yxyx'>, None, 'cat')
        >>> read_content("None.").abstained, read_content("a dog, or no objects").abstained
        (True, False)
    """
    paper = read_paper(content) if order is None else None
    if paper is not None:
        return paper
    usual = with_usual_digits(content)
    if usual != content:
        read = read_content(usual, cut, order, points)
        return replace(read, notations=read.notations | _OTHER)
    if not content:
        return RawAnswer(faults=(Fault.EMPTY,))
    if is_demanded(content):
        return RawAnswer(abstained=True)
    found = scan(content)
    extracted = Extractor(found, content, cut, order, points)
    if extracted.bad and not (extracted.boxes or extracted.points) and is_rated_abstention(content):
        return RawAnswer(abstained=True, faults=_faults(found), notations=_OTHER)
    if extracted.boxes or extracted.points or extracted.bad:
        return _raw(found, extracted)
    if _is_plain_empty_list(found):
        return RawAnswer(abstained=True)
    if found.truncated:
        return _raw(found, extracted)
    if not cut and (numbers := four_in(TextSpan(content, 0))):
        x1, y1, x2, y2 = map(float, numbers)
        box = RawBox((x1, y1, x2, y2))
        return RawAnswer((box,), faults=_faults(found), notations=_OTHER, spans=(span_of(numbers),))
    if (not cut or content[-1] in ".。]}") and _names_nothing(content, found, extracted):
        return RawAnswer(abstained=True, faults=_faults(found), notations=_OTHER)
    return _raw(found, extracted)


def read_paper(content: str) -> RawAnswer | None:
    """Read an answer in exactly the paper's notation, which training reads by the thousand.

    It is what the tolerant reader would return, in a fraction of the time; None for any other notation.
    """
    if len(content) > MAX_CHARS or content[:1] != "[":
        return None
    for whole, item in _PAPERS:
        if whole.fullmatch(content):
            boxes, spans = [], []
            for found in item.finditer(content):
                x1, y1, x2, y2, confidence = map(float, found.groups())
                boxes.append(RawBox((x1, y1, x2, y2), _AS_WRITTEN, confidence, None, None, _GIVEN))
                spans.append((found.start(1), found.end(4)))
            return RawAnswer(tuple(boxes), notations=_OBJECT, spans=tuple(spans))
    return None


def _raw(found: Scan, extracted: Extractor) -> RawAnswer:
    faults = _faults(found, extracted.stray)
    left_empty = extracted.empty or (extracted.empty_places and extracted.boxes)
    if extracted.bad or left_empty or any(box.label in extracted.absent for box in extracted.boxes):
        faults = (Fault.BAD_BOX, *faults)
    if not (faults or extracted.boxes or extracted.points):
        faults = (Fault.NOT_READABLE,)
    return RawAnswer(
        tuple(extracted.boxes),
        tuple(extracted.points),
        faults=faults,
        notations=frozenset(extracted.notations),
        spans=tuple(extracted.spans),
    )


def _faults(found: Scan, stray: bool = False) -> tuple[Fault, ...]:
    unclean = (Fault.NOT_READABLE,) if stray or not found.clean else ()
    return (*unclean, Fault.TRUNCATED) if found.truncated else unclean


def _is_plain_empty_list(found: Scan) -> bool:
    (_, value), *more = found.root.entries or [(None, None)]
    sound = found.clean and not found.truncated and not more
    return sound and getattr(value, "opener", "") == "[" and not getattr(value, "entries", ())


def _names_nothing(content: str, found: Scan, extracted: Extractor) -> bool:
    """Whether an answer without any box says that there is none, by an empty place or in words."""
    if extracted.empty or extracted.absent or is_abstention(content) or is_rated_abstention(content):
        return True
    return extracted.empty_places > 0 and (not found.words or bool(_FENCED_NOTHING.search(content)))
