"""Grounding labels of RefCOCO, RefCOCO+ and RefCOCOg: ``instances.json`` and ``refs(unc).p`` beside it.

The first is COCO json; the second lists ``{"ref_id", "ann_id", "split", "sentences": [{"sent": ...}]}``, each
of which says in several ways what an annotation shows. It is a pickle, which may hold any program, and so
only lists, dictionaries, texts and numbers are taken from it; ``refs(unc).json`` with the same content is
read too. Format: https://github.com/lichengunc/refer.
"""

from __future__ import annotations

import json
import pickle
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from vrft.data.dataset import Dataset
from vrft.data.formats.coco_json import Sheet
from vrft.data.image_paths import PictureFinder
from vrft.data.label_checks import part_of, raise_all, some, strictest
from vrft.errors import LabelError
from vrft.types import Expression, LabelledBox, Record

_OFFICIAL = Path("images") / "mscoco" / "images" / "train2014"
"""Where the release has the pictures, from the folder above that of the labels."""

_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
)
"""What reading raises on files that are cut short or no pickles or JSON."""


@dataclass(frozen=True)
class _Ref:
    """What is said about one annotation."""

    ann_id: int
    texts: tuple[str, ...]
    part: str | None
    where: str


class RefCoco:
    """Phrases and the annotated object that each refers to."""

    name = "refcoco"
    task = "grounding"
    wants = 'instances.json with "refs(unc).p" or "refs(unc).json" beside it (RefCOCO)'
    in_files = True

    def detects(self, path: Path) -> bool:
        """Refs and instances lie side by side."""
        return bool(_refs_files(path))

    def read(self, path: Path) -> Dataset:
        """One record for every picture that a phrase is about.

        Args:
            path: the folder with both files, the folder above it, or one refs file.

        Returns:
            Records in the order of the images in ``instances.json``. Where the objects of one picture belong
            to several parts (RefCOCOg, Google's split), the picture goes to test before val before train.

        Raises:
            LabelError: there are several refs files, a ref cannot be used, or its picture is missing.
        """
        files = _refs_files(path)
        if len(files) > 1:
            listed = ", ".join(str(file.relative_to(path)) for file in files)
            problem = f"There are several lists of refs: {listed}."
            raise LabelError(problem, str(path), "Give the path of the one that is meant.")
        refs, mistakes = _refs(files[0])
        sheet = _Annotated(
            files[0].with_name("instances.json"), _root(path, files[0]), {r.ann_id for r in refs}
        )
        records = sheet.records()
        expressions: defaultdict[str, list[Expression]] = defaultdict(list)
        parts: defaultdict[str, set[str]] = defaultdict(set)
        for ref in refs:
            # An annotation that is known but not found has a mistake, which the sheet reports.
            if ref.ann_id not in sheet.known:
                problem = f"Its ann_id {ref.ann_id} is not among the annotations of instances.json."
                mistakes.append(LabelError(problem, ref.where, "Use the two files of one release."))
            elif ref.ann_id in sheet.found:
                name, box = sheet.found[ref.ann_id]
                expressions[name] += [Expression(text, (box.box_xyxy_px,), box.mask) for text in ref.texts]
                parts[name] |= {ref.part} if ref.part else set()
        raise_all(mistakes + sheet.mistakes)
        warnings = list(sheet.warnings)
        if torn := sorted(name for name, several in parts.items() if len(several) > 1):
            warnings.append(f"Pictures in several parts are in the strictest of them: {some(torn)}.")
        return Dataset(
            sheet.root,
            self.name,
            tuple(replace(record, boxes=(), expressions=tuple(expressions[record.id])) for record in records),
            tuple(warnings),
            {name: strictest(told) for name, told in parts.items() if told},
        )


class _Annotated(Sheet):
    """``instances.json`` while it is read, without anything that no ref is about."""

    def __init__(self, file: Path, root: Path, wanted: Collection[int]) -> None:
        super().__init__(file, root)
        numbered = [entry for entry in self.lists["annotations"] if isinstance(entry.get("id"), int)]
        annotations = [entry for entry in numbered if entry["id"] in wanted]
        shown = {str(entry.get("image_id")) for entry in annotations}
        images = [entry for entry in self.lists["images"] if str(entry.get("id")) in shown]
        self.lists = {**self.lists, "annotations": annotations, "images": images}
        self.known = {entry["id"] for entry in annotations}
        self.found: dict[int, tuple[str, LabelledBox]] = {}
        """Picture and box of every annotation, by its number."""

    def _picture(self, entry: Mapping[str, Any], finder: PictureFinder, where: str) -> Record:
        name = entry.get("file_name")
        if isinstance(name, str) and (self.root / _OFFICIAL / name).is_file():
            entry = {**entry, "file_name": (_OFFICIAL / name).as_posix()}
        return super()._picture(entry, finder, where)

    def _box(self, entry: Mapping[str, Any], picture: Record) -> LabelledBox:
        box = super()._box(entry, picture)
        if entry["id"] in self.found:
            where = f"{self.file}, annotation {entry['id']}"
            raise LabelError("Two annotations have this id.", where, "Number them anew.")
        self.found[entry["id"]] = (picture.id, box)
        return box


class _PlainData(pickle.Unpickler):
    """Takes containers, texts and numbers from a pickle and refuses all else, so that nothing is called."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it holds a program: {module}.{name}")


def _refs(file: Path) -> tuple[list[_Ref], list[LabelError]]:
    """All refs that can be used, and the mistakes of the others."""
    refs: list[_Ref] = []
    mistakes: list[LabelError] = []
    for number, entry in enumerate(_entries(file), 1):
        told = entry.get("ref_id") if isinstance(entry, dict) else None
        try:
            refs.append(_ref(entry, f"{file}, ref {number if told is None else told}"))
        except LabelError as mistake:
            mistakes.append(mistake)
    return refs, mistakes


def _ref(entry: object, where: str) -> _Ref:
    ref = entry if isinstance(entry, dict) else {}
    ann_id, sentences, split = ref.get("ann_id"), ref.get("sentences"), ref.get("split")
    if not isinstance(ann_id, int):
        raise LabelError("It has no number 'ann_id'.", where, "Name its annotation.")
    listed = sentences if isinstance(sentences, list) else []
    said = [sentence.get("sent") if isinstance(sentence, dict) else None for sentence in listed]
    texts = tuple(text.strip() for text in said if isinstance(text, str) and text.strip())
    if not texts or len(texts) < len(said):
        raise LabelError("A sentence of it has no text 'sent'.", where, "Write what is meant, or remove it.")
    return _Ref(ann_id, texts, _part(split) if isinstance(split, str) else None, where)


def _part(split: str) -> str | None:
    """The part of a split; 'testA' (people) and 'testB' (all else) are two halves of one."""
    return "test" if split.startswith("test") else part_of(split)


def _entries(file: Path) -> list[object]:
    try:
        with file.open("rb") as handle:
            # Python 2 wrote the released files.
            pickled = file.suffix == ".p"
            entries = _PlainData(handle, encoding="utf-8").load() if pickled else json.load(handle)
    except _BROKEN as error:
        problem = f"The list of refs cannot be read ({error or type(error).__name__})."
        raise LabelError(problem, str(file), "Get it again from the release, or save it as JSON.") from error
    if not isinstance(entries, list):
        raise LabelError("It holds no list of refs.", str(file), "Get it again from the release.")
    return entries


def _refs_files(path: Path) -> list[Path]:
    if path.is_file():
        found = [path] if path.name.startswith("refs") and path.suffix in {".p", ".json"} else []
    else:
        found = [
            file for kind in ("p", "json") for at in ("", "*/") for file in path.glob(f"{at}refs*.{kind}")
        ]
    return sorted(file for file in found if file.with_name("instances.json").is_file())


def _root(path: Path, refs_file: Path) -> Path:
    folder = refs_file.parent
    if path.is_dir() and path != folder:
        return path
    return folder.parent if (folder.parent / _OFFICIAL).is_dir() else folder


READER = RefCoco()
