"""Rows of prompts and answers for small vision-language models: ``image``, ``prefix`` and ``suffix``.

Roboflow exports boxes so. PaliGemma is asked ``detect cat ; dog`` and answers ``<loc0100><loc0200><loc0300>
<loc0400> cat``: y1, x1, y2, x2 in 1024 parts of the image. Florence-2 is asked ``<OD>`` and answers
``cat<loc_200><loc_100><loc_400><loc_300>``: x1, y1, x2, y2 in 1000 parts. Qwen answers with JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from vrft.data.label_checks import (
    CATEGORY_BOXES,
    IMAGE_CLASS,
    PHRASE_BOXES,
    QUESTION_LABEL,
    instance_of,
)
from vrft.data.rows.answer_text import PixelBox, boxes_in
from vrft.data.rows.row_form import (
    LabelRow,
    Reading,
    RowForm,
    of_category,
    of_image,
    of_phrase,
    with_annotations,
)
from vrft.errors import LabelError
from vrft.types import Boxes, BoxXYXY, Label, Provides, Record

_DETECT = re.compile(r"\s*(?:detect|segment)\s+(.+)", re.I | re.S)
_EVERYTHING = "<OD>"
_PALIGEMMA = re.compile(r"((?:<loc\d{4}>){4})(?:<seg\d{3}>)*\s*([^<;]*)")
_FLORENCE = re.compile(r"([^<]*)((?:<loc_\d{1,3}>){4,})")
_NUMBER = re.compile(r"\d+")
_TASK = re.compile(r"<[A-Z_]+>")
_EXPECTED = 'Expected: {"image": "a.jpg", "prefix": "detect cat", "suffix": "<loc0100>... cat"}.'


class PrefixSuffixForm(RowForm):
    """A prompt and the answer to it."""

    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: 'rows of Roboflow with "image", "prefix" and "suffix" (PaliGemma, Florence-2, Qwen)',
        PHRASE_BOXES: 'rows with "image", "prefix" and a box in "suffix"',
        IMAGE_CLASS: 'rows with "image", "prefix" and a class name in "suffix"',
        QUESTION_LABEL: 'rows with "image", a question as "prefix" and a short answer in "suffix"',
    }

    def says(self, row: LabelRow) -> frozenset[Provides]:
        if not {"prefix", "suffix"} <= row.entry.keys():
            return frozenset()
        prefix, suffix = str(row.entry["prefix"]), str(row.entry["suffix"])
        if _EVERYTHING in prefix or _DETECT.match(prefix):
            return frozenset({CATEGORY_BOXES})
        if "<loc" in suffix:
            return frozenset({PHRASE_BOXES})
        of_boxes = boxes_in(suffix) is not None
        return frozenset({CATEGORY_BOXES, PHRASE_BOXES} if of_boxes else {IMAGE_CLASS, QUESTION_LABEL})

    def says_all(self, row: LabelRow) -> bool:
        return _EVERYTHING in str(row.entry.get("prefix"))

    def subject(self, row: LabelRow, about: str) -> str | None:
        return "" if self.says_all(row) else None

    def asked(self, row: LabelRow) -> Iterator[tuple[str, str]]:
        yield str(row.entry.get("prefix")).strip(), str(row.entry.get("suffix")).strip()

    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        texts = (row.entry.get("prefix"), row.entry.get("suffix"))
        if not all(isinstance(text, str) for text in texts):
            raise LabelError("Its 'prefix' or 'suffix' is not text.", row.where, _EXPECTED)
        prefix, suffix = map(str, texts)
        if pair in (IMAGE_CLASS, QUESTION_LABEL):
            if not suffix.strip():
                raise LabelError("The 'suffix' is empty.", row.where, _EXPECTED)
            if pair == IMAGE_CLASS:
                return of_image(record, suffix.strip(), row)
            return of_phrase(record, prefix.strip(), Label(suffix.strip()), row, "question")
        unknown = set(record.unknown)
        boxes = _boxes(suffix, record, reading, row.where, unknown)
        if boxes is None:
            raise LabelError(f"The suffix '{suffix[:60]}' gives no box.", row.where, _EXPECTED)
        record = replace(record, unknown=tuple(sorted(unknown)))
        if pair == PHRASE_BOXES:
            phrase = _TASK.sub("", prefix).strip()
            return of_phrase(record, phrase, Boxes(tuple(box.xyxy_px for box in boxes)), row)
        return _named(record, boxes, _DETECT.match(prefix), row)


def _named(record: Record, boxes: list[PixelBox], asked: re.Match[str] | None, row: LabelRow) -> Record:
    """Boxes under their names; none of a name that was asked for says that it is not there."""
    named: dict[str, list[BoxXYXY]] = {}
    for box in boxes:
        if not box.label:
            raise LabelError("A box of the 'suffix' has no name.", row.where, _EXPECTED)
        named.setdefault(box.label, []).append(box.xyxy_px)
    if asked is None:
        added = (instance_of(name, one) for name, own in named.items() for one in own)
        return with_annotations(record, *added)
    for name in dict.fromkeys([*(part.strip() for part in asked[1].split(";")), *named]):
        if name:
            record = of_category(record, name, named.get(name, []), row)
    return record


def _boxes(
    suffix: str, record: Record, reading: Reading, where: str, unknown: set[str]
) -> list[PixelBox] | None:
    """Every box with its name; None where the text gives neither boxes nor says that there are none."""
    if not suffix.strip():
        return []
    found: list[PixelBox] = []
    if "<loc_" in suffix:
        label = ""
        for name, places in _FLORENCE.findall(suffix):
            label = name.strip() or label
            bins = [int(n) for n in _NUMBER.findall(places)]
            for x1, y1, x2, y2 in zip(*(bins[i::4] for i in range(4)), strict=False):
                with reading.mistakes.kept(unknown, label):
                    shares = (x1 / 1000, y1 / 1000, x2 / 1000, y2 / 1000)
                    found.append(PixelBox(reading.box(shares, record, where, "xyxy", "0-1"), label))
        return found
    if "<loc" in suffix:
        for places, name in _PALIGEMMA.findall(suffix):
            y1, x1, y2, x2 = (int(n) / 1024 for n in _NUMBER.findall(places))
            with reading.mistakes.kept(unknown, name.strip()):
                box = reading.box((x1, y1, x2, y2), record, where, "xyxy", "0-1")
                found.append(PixelBox(box, name.strip()))
        return found
    return boxes_in(suffix.strip().removeprefix("```json").removesuffix("```"), record, reading, where)


FORM = PrefixSuffixForm()
