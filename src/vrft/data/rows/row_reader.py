"""A reader of rows, whichever file keeps them: what each row says is up to its form."""

from __future__ import annotations

import base64
import hashlib
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePath

from vrft.data.conventions import EXTENT
from vrft.data.data_options import BoxOrder, ReadOptions
from vrft.data.dataset import Dataset
from vrft.data.image_cache import cached_image
from vrft.data.image_paths import ImageFinder
from vrft.data.images import image_size_wh, is_image
from vrft.data.label_checks import (
    IMAGE_CLASS,
    QUESTION_LABEL,
    QUESTION_TEXT,
    Mistakes,
    check_size,
    one_part_each,
    part_of,
    part_of_record,
    record_id,
    strictest,
    warnings_about,
)
from vrft.data.rows.box_orders import order_of
from vrft.data.rows.numbers import QUESTION_NUMBER, is_number, written_number
from vrft.data.rows.row_form import LabelRow, Reading, RowForm, forms
from vrft.data.scalars import number
from vrft.errors import ImageError, LabelError
from vrft.types import Annotation, Image, Label, Number, Provides, Record, Text, Value, in_words
from vrft.types.names import nfc

_SAY_WHAT = 20
"""Rows that show what a file says; a cell of the first may be empty."""
_SHOW_MEANING = 300
"""Rows that show in which order four numbers are written, and whether all ask the same."""
_AMOUNT = re.compile(r"[-+−]?[$€£¥]? ?[0-9][0-9.,]* ?[%°$€£¥]?")
"""An answer that is a number with a sign, and no class of the image."""
_DATA_ADDRESS = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)


@dataclass(frozen=True)
class RowFile:
    """One file of rows."""

    file: Path
    part: str | None = None
    """The part that the file's name or folder says."""


class RowReader(ABC):
    """Labels of images in the rows of files of one kind."""

    name: str
    in_files = True
    open_to = frozenset({"coordinates", "box_order"})
    holder: str
    """The kind of file, with its article."""
    holds_images = False
    """An image may be in several parts, and is then in the strictest."""

    @property
    def provides(self) -> Mapping[Provides, str]:
        """What the rows of all forms can say."""
        found: dict[Provides, str] = {}
        for form in forms():
            found |= {pair: f"{self.holder} with {wants}" for pair, wants in form.provides.items()}
        return found

    @abstractmethod
    def sources(self, path: Path) -> list[RowFile]:
        """The files of a path that may hold rows."""

    @abstractmethod
    def rows(self, source: RowFile) -> Iterator[LabelRow]:
        """All rows of a file in order."""

    def said_by(self, source: RowFile) -> frozenset[Provides]:
        """What most of the first rows of a file say."""
        return most_say(self.rows(source))

    def detects(self, path: Path) -> frozenset[Provides]:
        """What the files say, each by its first rows."""
        return frozenset().union(*self._each(path))

    def leading(self, path: Path, given: frozenset[Provides]) -> frozenset[Provides]:
        """What is read where nothing is needed: answers in words to one and the same question are classes of
        the images, other short answers are those to the questions; numbers among them are words here. What a
        value is about where a row leaves it open is up to its kind."""
        for kind in {kind for _, kind in given}:
            open_to = {(about, kind) for about in ("category", "phrase", "question")}
            usual = (Value.of_kind(kind).default_about, kind)
            given = (given - open_to) | {usual} if usual in open_to <= given else given
        if not any(QUESTION_TEXT in said and QUESTION_LABEL not in said for said in self._each(path)):
            given -= {QUESTION_TEXT}
        given = frozenset(pair for pair in given if pair[1] != Number.kind) or given
        if not {IMAGE_CLASS, QUESTION_LABEL} <= given:
            return given
        asked = {
            (nfc(question), answer)
            for source in self.sources(path)
            for row in islice(self.rows(source), _SHOW_MEANING)
            if row.mistake is None and (form := form_of(row)) is not None
            for question, answer in form.asked(row)
        }
        one_question = len({question for question, _ in asked}) == 1
        are_classes = one_question and any(
            number(answer) is None and _AMOUNT.fullmatch(answer) is None for _, answer in asked
        )
        return given - {QUESTION_LABEL if are_classes else IMAGE_CLASS}

    def _each(self, path: Path) -> list[frozenset[Provides]]:
        return [self.said_by(source) for source in self.sources(path)]

    def read(self, path: Path, needs: frozenset[Provides], options: ReadOptions | None = None) -> Dataset:
        """One record per image as first named, with what all rows say of it."""
        root = path.parent if path.is_file() else path
        options = options or ReadOptions()
        said = [(source, self.said_by(source) & needs) for source in self.sources(path)]
        read = _Images(root, needs, options)
        orders: list[str] = []
        for source, pairs in said:
            if not pairs:
                continue
            images = ImageFinder(source.file, root)
            order, sentence = self._order(source, images, options)
            orders += [sentence] if sentence else []
            for row in self.rows(source):
                with read.mistakes.kept():
                    read.add(row, images, pairs, source.part, order)
        parts, torn = one_part_each(read.parts)
        if self.holds_images:
            by_record: dict[str, list[str]] = {}
            for name, part in read.parts:
                by_record.setdefault(name, []).append(part)
            parts, torn = {name: strictest(several) for name, several in by_record.items()}, []
        left_out = [source.file.name for source, pairs in said if not pairs]
        found = {
            f"Tables without {in_words(needs)} are not read": left_out,
            "Values of 'split' other than train, val and test are not used": sorted(read.strange),
        }
        inside = [f"The images of {read.n_inside} rows are in {read.cache}."] if read.n_inside else []
        warnings = (*orders, *inside, *warnings_about(found), *read.mistakes.warnings, *torn)
        lost, fixed = tuple(read.mistakes), tuple(read.mistakes.fixed)
        return Dataset(root, self.name, read.records, warnings, parts, left_out=lost, fixed=fixed)

    def _order(
        self, source: RowFile, images: ImageFinder, options: ReadOptions
    ) -> tuple[BoxOrder, str | None]:
        """In which order four numbers are written where no column says it, and a sentence on that."""
        boxes: list[tuple[tuple[float, ...], tuple[float, float]]] = []
        default: BoxOrder | None = None
        for row in islice(self.rows(source), _SHOW_MEANING):
            form = form_of(row) if row.mistake is None else None
            loose = form.loose_boxes(row) if form is not None else []
            if form is None or not loose:
                continue
            default = form.default_order
            extent = EXTENT.get(options.coordinates or "pixels")
            try:
                image, _ = _image(form.image(row), images, row)
                shown_wh = (extent, extent) if extent is not None else image_size_wh(image)
            except LabelError:
                continue
            boxes += [(tuple(box), shown_wh) for box in loose]
        if default is None or options.box_order is not None:
            return options.box_order or "xyxy", None
        order, shown = order_of(boxes, default)
        says = "[x1, y1, x2, y2]" if order == "xyxy" else "[x, y, width, height]"
        why = "as the boxes show" if shown else "as is usual; --box-order (data.box_order) says otherwise"
        return order, f"{source.file.name}: the four numbers of a box are read as {says}, {why}."


def form_of(row: LabelRow) -> RowForm | None:
    """The form that knows a row."""
    return next((form for form in forms() if form.says(row)), None)


def most_say(rows: Iterable[LabelRow]) -> frozenset[Provides]:
    """What most of the first rows say that can be read; of two that are alike frequent, the first."""
    said: Counter[frozenset[Provides]] = Counter()
    for row in islice((row for row in rows if row.mistake is None), _SAY_WHAT):
        form = form_of(row)
        said.update([form.says(row) | _also(row, form)] if form is not None else [])
    return max(said, key=said.__getitem__, default=frozenset())


def _also(row: LabelRow, form: RowForm) -> frozenset[Provides]:
    """What a short answer is as well: a text, and a number where it reads as one."""
    if QUESTION_LABEL not in form.says(row):
        return frozenset()
    answers = [answer for _, answer in form.asked(row)]
    numbers = bool(answers) and all(map(is_number, answers))
    return frozenset({QUESTION_TEXT, QUESTION_NUMBER} if numbers else {QUESTION_TEXT})


def _as_texts(record: Record, row: LabelRow) -> Record:
    """The record with its short answers as texts."""
    return _with_answers(record, lambda label: Text(label.name))


def _as_numbers(record: Record, row: LabelRow) -> Record:
    """The record with its short answers as numbers; LabelError where one is none."""
    return _with_answers(record, lambda label: written_number(label.name, row.where, row.fix))


def _with_answers(record: Record, made: Callable[[Label], Value]) -> Record:
    others = [one for one in record.annotations if one.provides != QUESTION_LABEL]
    short = record.about("question", Label)
    answers = [Annotation("question", one.name, made(label)) for one, label in short]
    return replace(record, annotations=(*others, *answers))


_FROM_SHORT_ANSWERS: Mapping[Provides, Callable[[Record, LabelRow], Record]] = {
    QUESTION_TEXT: _as_texts,
    QUESTION_NUMBER: _as_numbers,
}
"""What is made of short answers where a form does not give it itself."""


class _Images:
    """The images of all files while their rows are read."""

    def __init__(self, root: Path, needs: frozenset[Provides], options: ReadOptions) -> None:
        self.root, self.needs, self.options = root, needs, options
        self.mistakes = Mistakes()
        self.mistakes.coordinates = options.coordinates
        self.parts: list[tuple[str, str]] = []
        """Record ids with a part; several rows of an image may name several."""
        self.strange: set[str] = set()
        self.n_inside = 0
        """Rows that hold their images."""
        self.cache: Path | None = None
        self._records: dict[str, Record] = {}
        self._unusable: set[str] = set()
        """Images as rows name them, and record ids: each is reported once."""
        self._unread: list[str] = []
        """Texts of rows that cannot be read."""

    @property
    def records(self) -> tuple[Record, ...]:
        """One record per image; nothing is known of one that is named in a row that cannot be read."""
        lost = "\n".join(self._unread)
        return tuple(
            replace(one, unknown=(*one.unknown, "")) if lost and PurePath(one.id).name in lost else one
            for one in self._records.values()
        )

    def add(
        self,
        row: LabelRow,
        images: ImageFinder,
        pairs: frozenset[Provides],
        part: str | None,
        order: BoxOrder,
    ) -> None:
        """Read one row; LabelError where it cannot be used."""
        if row.mistake is not None:
            self._unread.append(row.raw)
            raise row.mistake
        form = form_of(row)
        if form is None:
            raise LabelError(f"The row says nothing of its image {row.image!r}.", row.where, row.fix)
        says = form.says(row)
        pair = min(says & self.needs or pairs)
        convert = _FROM_SHORT_ANSWERS.get(pair) if pair not in says and QUESTION_LABEL in says else None
        about, given = pair[0], form.image(row)
        if isinstance(given, str) and given in self._unusable:
            return
        try:
            record = self._record(given, form, row, images, about)
        except ImageError:
            self._unusable |= {given} if isinstance(given, str) else set()
            raise
        if record is None:
            return
        try:
            own = QUESTION_LABEL if convert is not None else pair
            record = form.add(record, row, own, Reading(self.mistakes, self.options, order))
            record = convert(record, row) if convert is not None else record
        except LabelError as mistake:
            self.mistakes.append(mistake)
            subject = form.subject(row, about)
            if about != "category":
                return
            record = replace(record, unknown=(*record.unknown, *([] if subject is None else [subject])))
        self._records[record.id] = record
        split = str(row.entry.get("split") or "")
        stated = part_of(split) or part_of_record(record.id) or part
        self.strange |= {split} if split and not part_of(split) else set()
        self.parts += [(record.id, stated)] if stated else []

    def _record(
        self, given: object, form: RowForm, row: LabelRow, images: ImageFinder, about: str
    ) -> Record | None:
        """The record of a row's image; None where the image cannot be used."""
        found = [_image(one, images, row) for one in (given if isinstance(given, list) else [given])]
        named: list[str] = []
        for image, inside in found:
            self.n_inside += inside
            self.cache = image.parents[1] if inside else self.cache
            # Images of the cache are named as if they were next to their rows.
            named.append(f"images/{image.name}" if inside else record_id(image, self.root))
        name = named[0] if len(named) == 1 else _of_sequence(named)
        record = self._records.get(name)
        if name in self._unusable:
            return None
        if record is None:
            absent = () if about == "category" and not form.says_all(row) else None
            media = tuple(Image(image, image_size_wh(image)) for image, _ in found)
            record = Record(name, media, absent=absent)
        try:
            check_size(form.stated_wh(row), record.media[0].size_wh, row.where)
        except ImageError:
            self._records.pop(name, None)
            self._unusable.add(name)
            raise
        return record


def _of_sequence(names: list[str]) -> str:
    """A name of several images, short and no other's."""
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]
    return f"{names[0]} and {len(names) - 1} more ({digest})"


def _image(given: object, images: ImageFinder, row: LabelRow) -> tuple[Path, bool]:
    """The file of a row's image, and whether the row holds the image itself."""
    if isinstance(given, Mapping):
        content = given.get("bytes")
        given = given.get("path") if content is None else content
    if isinstance(given, str) and (written := _DATA_ADDRESS.match(given.strip())):
        try:
            given = base64.b64decode(given.strip()[written.end() :])
        except ValueError as error:
            raise ImageError(f"The image is no base64 ({error}).", row.where, row.fix) from error
    if isinstance(given, bytes):
        return cached_image(given, row.where, row.fix), True
    if not isinstance(given, str) or not given.strip():
        raise ImageError("The row has no image: no text under 'image'.", row.where, row.fix)
    name = given.strip()
    try:
        return images.find(name, row.where), False
    except ImageError:
        # Some tables leave the ending out.
        whole = None if is_image(Path(name)) else images.find_stem(name)
        if whole is None:
            raise
        return whole, False
