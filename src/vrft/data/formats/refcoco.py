"""Phrases with boxes of RefCOCO, RefCOCO+ and RefCOCOg: ``instances.json`` and ``refs(unc).p`` next to it.

The first is COCO json; the second lists ``{"ref_id", "ann_id", "split", "sentences": [{"sent": ...}]}``, each
of which says in several ways what an annotation shows. It is a pickle, which may hold any program, and so
only lists, dictionaries, texts and numbers are taken from it; ``refs(unc).json`` with the same content is
read too. Format: https://github.com/lichengunc/refer.
"""

from __future__ import annotations

import json
import pickle
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import Dataset
from vrft.data.formats.coco_json import Sheet
from vrft.data.image_paths import ImageFinder
from vrft.data.label_checks import PHRASE_BOXES, Mistakes, part_of, strictest, warnings_about
from vrft.data.scalars import Id, as_id
from vrft.errors import LabelError
from vrft.types import Annotation, Provides, Record, Value, distinct

_OFFICIAL = Path("images") / "mscoco" / "images" / "train2014"
"""Where the release has the images, from the folder above that of the labels."""


@dataclass(frozen=True)
class _Ref:
    """What is said about one annotation."""

    ann_id: Id
    texts: tuple[str, ...]
    part: str | None
    where: str


class RefCocoReader:
    """Phrases and the annotated object that each refers to."""

    name, in_files = "refcoco", True
    open_to = frozenset({"coordinates"})
    provides: Mapping[Provides, str] = {
        PHRASE_BOXES: 'instances.json with "refs(unc).p" or "refs(unc).json" next to it (RefCOCO)'
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset({PHRASE_BOXES} if _refs_files(path) else ())

    def read(
        self, path: Path, needs: frozenset[Provides] = frozenset(), options: ReadOptions | None = None
    ) -> Dataset:
        """One record per image that a phrase is about; the path may be the folder above that of the files."""
        files = _refs_files(path)
        if len(files) > 1:
            listed = ", ".join(str(file.relative_to(path)) for file in files)
            problem = f"There are several lists of refs: {listed}."
            raise LabelError(problem, str(path), "Give the path of the one to read.")
        file, mistakes = files[0], Mistakes()
        refs: list[_Ref] = []
        for number, entry in enumerate(_entries(file), 1):
            own = entry.get("ref_id") if isinstance(entry, dict) else None
            with mistakes.kept():
                refs.append(_ref(entry, f"{file}, ref {number if own is None else own}"))
        root, wanted = _root(path, file), {ref.ann_id for ref in refs}
        sheet = _Annotated(file.with_name("instances.json"), root, wanted)
        sheet.mistakes.coordinates = options.coordinates if options is not None else None
        records = sheet.records()
        phrases: defaultdict[str, list[Annotation]] = defaultdict(list)
        parts: defaultdict[str, set[str]] = defaultdict(set)
        for ref in refs:
            # An annotation that is known but not found has a mistake, which the sheet reports.
            if ref.ann_id not in sheet.known:
                problem = f"The ann_id {ref.ann_id} is not among the annotations of instances.json."
                mistakes.append(LabelError(problem, ref.where, "Use both files of one release."))
            elif ref.ann_id in sheet.found:
                name, shown = sheet.found[ref.ann_id]
                phrases[name] += [Annotation("phrase", text, shown.value) for text in ref.texts]
                parts[name] |= {ref.part} if ref.part else set()
        mistakes.join(sheet.mistakes)
        torn = sorted(name for name, several in parts.items() if len(several) > 1)
        torn_too = warnings_about(
            {"Images that are in several parts are used in one only: test before val before train": torn}
        )
        for name, said in phrases.items():
            phrases[name] = _said_of_one(said, f"{file}, {name}", mistakes)
        named = tuple(replace(record, annotations=tuple(phrases[record.id])) for record in records)
        given = {name: strictest(several) for name, several in parts.items() if several}
        warnings = (*sheet.warnings, *mistakes.warnings, *torn_too)
        left_out, fixed = tuple(mistakes), tuple(mistakes.fixed)
        return Dataset(root, self.name, named, warnings, given, left_out=left_out, fixed=fixed)


def _said_of_one(said: Sequence[Annotation], where: str, mistakes: Mistakes) -> list[Annotation]:
    """The phrases of an image without those that were said of two of its objects: both people were right."""
    meant: defaultdict[str, list[Value]] = defaultdict(list)
    for one in said:
        meant[one.name].append(one.value)
    twice = {name: several for name, things in meant.items() if len(several := distinct(things)) > 1}
    for name in twice:
        problem = f"The phrase '{name}' is said of {len(twice[name])} objects of the image."
        mistakes.append(LabelError(problem, where, "Make it clear which is meant."))
    return [one for one in said if one.name not in twice]


class _Annotated(Sheet):
    """``instances.json`` while it is read, without anything that no ref is about."""

    def __init__(self, file: Path, root: Path, wanted: Collection[Id]) -> None:
        super().__init__(file, root)
        annotations = [entry for entry in self.lists["annotations"] if as_id(entry.get("id")) in wanted]
        shown = {as_id(entry.get("image_id")) for entry in annotations}
        images = [entry for entry in self.lists["images"] if as_id(entry.get("id")) in shown]
        self.lists = {**self.lists, "annotations": annotations, "images": images}
        counts = Counter(as_id(entry["id"]) for entry in annotations)
        self.known = frozenset(counts)
        self.twice = frozenset(own for own, count in counts.items() if count > 1)
        self.found: dict[Id | None, tuple[str, Annotation]] = {}
        """Image and box of every annotation, by its id."""

    def _image(self, entry: Mapping[str, Any], image_files: ImageFinder, where: str) -> Record:
        name = entry.get("file_name")
        if isinstance(name, str) and (self.root / _OFFICIAL / name).is_file():
            entry = {**entry, "file_name": (_OFFICIAL / name).as_posix()}
        return super()._image(entry, image_files, where)

    def _annotation(self, entry: Mapping[str, Any], category: str | None, record: Record) -> Annotation:
        own = as_id(entry["id"])
        if own in self.twice:
            where = f"{self.file}, annotation {entry['id']}"
            raise LabelError("Two annotations have this id.", where, "Give each its own.")
        shown = super()._annotation(entry, category, record)
        self.found[own] = (record.id, shown)
        return shown


class _PlainData(pickle.Unpickler):
    """Takes containers, texts and numbers from a pickle and refuses all else, so that nothing is called."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it holds a program: {module}.{name}")


def _ref(entry: object, where: str) -> _Ref:
    ref = entry if isinstance(entry, dict) else {}
    ann_id, sentences, split = as_id(ref.get("ann_id")), ref.get("sentences"), ref.get("split")
    if ann_id is None:
        raise LabelError("The ref has no 'ann_id'.", where, "Write the id of its annotation.")
    listed = sentences if isinstance(sentences, list) else []
    said = [sentence.get("sent") if isinstance(sentence, dict) else None for sentence in listed]
    texts = tuple(text.strip() for text in said if isinstance(text, str) and text.strip())
    if not texts or len(texts) < len(said):
        raise LabelError("One of its sentences has no text 'sent'.", where, "Write the text, or remove it.")
    # 'testA' (people) and 'testB' (all else) are two halves of one part.
    halves = isinstance(split, str) and split.startswith("test")
    part = part_of(split) if isinstance(split, str) else None
    return _Ref(ann_id, texts, "test" if halves else part, where)


def _entries(file: Path) -> list[object]:
    try:
        with file.open("rb") as handle:
            # Python 2 wrote the released files.
            pickled = file.suffix == ".p"
            entries = _PlainData(handle, encoding="utf-8").load() if pickled else json.load(handle)
    except Exception as error:  # A damaged pickle may raise anything; it calls nothing.
        problem = f"The list of refs cannot be read ({error or type(error).__name__})."
        raise LabelError(problem, str(file), "Download it again, or save it as JSON.") from error
    if not isinstance(entries, list):
        raise LabelError("The file holds no list of refs.", str(file), "Download it again.")
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


READER = RefCocoReader()
