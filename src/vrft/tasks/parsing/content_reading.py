"""An answer's content to what it says, by the paper's notation first and by the tolerant reader otherwise."""

from __future__ import annotations

import re
from dataclasses import replace

from vrft.tasks.parsing.abstentions import is_abstention, is_demanded
from vrft.tasks.parsing.bracket_groups import Scan
from vrft.tasks.parsing.extractor import Finder
from vrft.tasks.parsing.literals import MAX_CHARS, scan
from vrft.tasks.parsing.numbers import four_in
from vrft.tasks.parsing.raw_answer import Notation, Rating, Written, WrittenBox
from vrft.tasks.parsing.tags import Sections, split_tags
from vrft.tasks.parsing.text_spans import PlacedText, span_of
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
"""The paper's notation, the whole list and one box, once a kind of quote."""
_FENCED_NOTHING = re.compile(r"```\w{0,10}\s{0,20}(?:\[\s{0,20}\]|\{\s{0,20}\})\s{0,20}```")


def read_answer(text: str) -> Written:
    """Read a whole answer, tags and all, without a picture.

    Args:
        text: what a model wrote.

    Returns:
        What its answer says; the faults of its tags are not among the faults.

    Example:
        >>> read_answer("<think>at [1, 2, 3, 4]?</think><answer>(10,20),(30,40)</answer>").boxes[0].numbers
        (10.0, 20.0, 30.0, 40.0)
    """
    return read_sections(split_tags(text, Form.DIRECT))


def read_sections(sections: Sections) -> Written:
    """Read the content of an answer's tags; where that says nothing at all, what stands beside them.

    Spans are those of the whole text.
    """
    written = read_written(sections.content, cut=Fault.TRUNCATED in sections.faults).moved(sections.start)
    if written.boxes or written.points or written.abstained or Fault.BAD_BOX in written.faults:
        return written
    beside = read_written(sections.beside, cut=True) if sections.beside else written
    if not (beside.boxes or beside.points):
        return written
    # It is put together of several parts of the text.
    beside = beside.moved(None)
    return replace(beside, faults=tuple(dict.fromkeys(written.faults + beside.faults)))


def read_written(content: str, cut: bool = False) -> Written:
    """Read boxes, points or an abstention in any notation, without a picture.

    Args:
        content: an answer without its tags, or any text.
        cut: its end may be missing, so that numbers outside of brackets are not believed.

    Returns:
        What is written, with the faults that need no picture to be seen: ``EMPTY``, ``NOT_READABLE``,
        ``TRUNCATED``, ``BAD_BOX``.

    Example:
        >>> read_written('```json\\n[{"box_2d": [10, 20, 30, 40], "label": "cat"},]').boxes[0][:4]
        ((10.0, 20.0, 30.0, 40.0), <Order.YXYX: 'yxyx'>, None, 'cat')
        >>> read_written("None.").abstained, read_written("a dog, or no objects").abstained
        (True, False)
    """
    paper = read_paper(content)
    if paper is not None:
        return paper
    if not content:
        return Written(faults=(Fault.EMPTY,))
    if is_demanded(content):
        return Written(abstained=True)
    found = scan(content)
    finder = Finder(found, content, brackets_only=cut)
    if finder.boxes or finder.points or finder.bad:
        return _written(found, finder)
    if _is_plain_empty_list(found):
        return Written(abstained=True)
    if found.truncated:
        return _written(found, finder)
    if not cut and (numbers := four_in(PlacedText(content, 0))):
        x1, y1, x2, y2 = map(float, numbers)
        box = WrittenBox((x1, y1, x2, y2))
        return Written((box,), faults=_faults(found), notations=_OTHER, spans=(span_of(numbers),))
    if (not cut or content[-1] in ".。]}") and _names_nothing(content, found, finder):
        return Written(abstained=True, faults=_faults(found), notations=_OTHER)
    return _written(found, finder)


def read_paper(content: str) -> Written | None:
    """Read an answer in exactly the paper's notation, which training reads by the thousand.

    Args:
        content: an answer without its tags, trimmed.

    Returns:
        What the tolerant reader would return, in a fraction of the time; None for any other notation.

    Example:
        >>> read_paper("[{'Position': [1, 2, 30, 40], 'Confidence': 0.9}]").boxes[0].numbers
        (1.0, 2.0, 30.0, 40.0)
    """
    if len(content) > MAX_CHARS or content[:1] != "[":
        return None
    for whole, item in _PAPERS:
        if whole.fullmatch(content):
            boxes, spans = [], []
            for found in item.finditer(content):
                x1, y1, x2, y2, confidence = map(float, found.groups())
                boxes.append(WrittenBox((x1, y1, x2, y2), confidence=confidence, rating=Rating.GIVEN))
                spans.append((found.start(1), found.end(4)))
            return Written(tuple(boxes), notations=_OBJECT, spans=tuple(spans))
    return None


def _written(found: Scan, finder: Finder) -> Written:
    faults = _faults(found, finder.stray)
    if finder.bad or finder.empty or (finder.empty_places and finder.boxes):
        faults = (Fault.BAD_BOX, *faults)
    if not (faults or finder.boxes or finder.points):
        faults = (Fault.NOT_READABLE,)
    notations = frozenset(finder.notations)
    boxes, points, spans = tuple(finder.boxes), tuple(finder.points), tuple(finder.spans)
    return Written(boxes, points, faults=faults, notations=notations, spans=spans)


def _faults(found: Scan, stray: bool = False) -> tuple[Fault, ...]:
    unclean = (Fault.NOT_READABLE,) if stray or not found.clean else ()
    return (*unclean, Fault.TRUNCATED) if found.truncated else unclean


def _is_plain_empty_list(found: Scan) -> bool:
    (_, value), *more = found.root.entries or [(None, None)]
    sound = found.clean and not found.truncated and not more
    return sound and getattr(value, "opener", "") == "[" and not getattr(value, "entries", ())


def _names_nothing(content: str, found: Scan, finder: Finder) -> bool:
    """Whether an answer without any box says that there is none, by an empty place or in words."""
    if finder.empty or is_abstention(content):
        return True
    return finder.empty_places > 0 and (not found.words or bool(_FENCED_NOTHING.search(content)))
