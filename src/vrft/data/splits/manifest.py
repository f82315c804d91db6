"""A split as a run keeps it: which question is in which part, and what proves that its images are the same.

``manifest.json`` has the ids of the questions by part, a hash of each image, and for each question its image,
its words, and digests of its choices and its answer. Files of earlier versions lack the last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from vrft.data.fingerprints import Fingerprints, read_prints
from vrft.data.images import content_hash
from vrft.data.splits.few_shot import Split
from vrft.errors import InputError, LabelError
from vrft.run_folder import MANIFEST, read_json
from vrft.tasks.lazy_questions import ID_SEPARATOR, LazyQuestionGrid
from vrft.types import Example, Medium

PARTS = ("train", "val", "heldout")
LEARNED = ("train", "val")
"""Parts that a training learns from or chooses by: what is in them must never be scored as held out."""
ASKS = ("question", "choices", "answer")
"""What a manifest says of each question; the last two as digests."""
_VERSION = 1
_DIGITS = 16
_PART = " | "
V = TypeVar("V")


def manifest(split: Split, prints: Fingerprints | None = None) -> dict[str, Any]:
    """What is needed to make a split again and to prove that its questions are the same, as plain JSON."""
    questions = (*split.train, *split.val, *split.heldout)
    images = {shown_name(question): question.media for question in questions}
    known = read_prints(prints, sorted(images.keys() & prints.keys())) if prints is not None else {}
    hashes = {
        name: known[name].sha256 if name in known else hash_of(media)
        for name, media in sorted(images.items())
    }
    return {
        "version": _VERSION,
        "seed": split.seed,
        "shots": split.shots,
        **{part: [question.id for question in getattr(split, part)] for part in PARTS},
        "left_out": dict(split.left_out),
        "duplicates": dict(split.duplicates),
        "images": hashes,
        "questions": {q.id: {"image": shown_name(q), **_asks(q, split.left_out)} for q in questions},
    }


def split_from_manifest(examples: Sequence[Example], saved: Any, gone: Collection[str] = ()) -> Split:
    """The split of the same dataset's questions that a manifest describes.

    Args:
        examples: the questions.
        saved: the manifest, as plain JSON.
        gone: ids of images that cannot be used; questions about them may be missing.

    Raises:
        InputError: it is no manifest, an image is both learned from and held out, or an id is not among the
            examples.
        LabelError: an image has changed since.
    """
    kept = SavedSplit.read(saved)
    split = kept.named_in(examples)
    there = {question.id for part in PARTS for question in getattr(split, part)}
    named = {
        name
        for names in kept.parts.values()
        for name in names
        if kept.image_of[name].partition(_PART)[0] not in gone
    }
    if missing := sorted(named - there):
        raise InputError(
            f"{len(missing)} questions of the split are not in the data, such as '{missing[0]}'. "
            "Use the data that was split, or split again."
        )
    images = {shown_name(q): q.media for part in PARTS for q in getattr(split, part)}
    for name, media in sorted(images.items()):
        if hash_of(media) != kept.images.get(name):
            where = ", ".join(str(medium.path) for medium in media)
            raise LabelError("The image has changed since the split was made.", where, "Split again.")
    return split


def shown_name(question: Example) -> str:
    """The name under which a manifest keeps the hash of what a question shows: its record's, and of several
    images also which ones, since questions may show parts of a sequence."""
    first, last = question.media[0].path.name, question.media[-1].path.name
    several = len(question.media) > 1
    return f"{question.record_id}{_PART}{first} to {last}" if several else question.record_id


def hash_of(media: Sequence[Medium]) -> str:
    """SHA-256 of what a question shows: of the file's bytes, or of the hashes of several files."""
    files = [file for medium in media for file in _files(medium.path)]
    hashes = [content_hash(file) for file in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def question_digest(example: Example) -> str:
    """Of what a question shows, asks and takes for right: where one of them differs, the digest does."""
    return _digest([hash_of(example.media), _asks(example, ())])


def _files(path: Path) -> list[Path]:
    """The file itself, or the frames in a folder."""
    return sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]


@dataclass(frozen=True)
class SavedSplit:
    """A manifest that was read."""

    parts: Mapping[str, tuple[str, ...]]
    """Ids of questions by part."""
    images: Mapping[str, str]
    """SHA-256 of each image by record id (``shown_name``)."""
    image_of: Mapping[str, str]
    """The same name by the question's id."""
    asks: Mapping[str, Mapping[str, str]]
    """By the question's id, what is asked, and digests of the choices and of the answer; empty in files of
    earlier versions."""
    left_out: Mapping[str, str]
    duplicates: Mapping[str, str]
    seed: int
    shots: int
    besides: frozenset[str] = frozenset()
    """Hashes of images that the run learned from besides: those of pseudo-labels, and those of the run that
    its model comes from."""

    @classmethod
    def read(cls, saved: Any) -> Self:
        """Validate plain JSON.

        Raises:
            InputError: it is no manifest, or an image is in two parts and is not listed as a copy.
        """
        version = saved.get("version") if isinstance(saved, Mapping) else None
        if version != _VERSION:
            raise InputError(
                f"This is not a split that vrft can read: its version is {version}, not {_VERSION}. Name the "
                "manifest.json of a run, or split again."
            )
        try:
            parts = {part: tuple(map(str, saved[part])) for part in PARTS}
            images = {str(name): str(found) for name, found in dict(saved["images"]).items()}
            details = {str(name): dict(found) for name, found in dict(saved.get("questions", {})).items()}
            image_of = {
                name: str(details[name]["image"]) if name in details else _record_of(name, images)
                for names in parts.values()
                for name in names
            }
            asks = {name: {key: str(found[key]) for key in ASKS} for name, found in details.items()}
            made = cls(
                parts,
                images,
                image_of,
                asks,
                left_out=dict(saved["left_out"]),
                duplicates=dict(saved["duplicates"]),
                seed=int(saved["seed"]),
                shots=int(saved["shots"]),
                besides=frozenset(map(str, saved.get("learned_besides", ()))),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"The split's manifest is damaged ({error}). Split again.") from error
        made._check_apart()
        return made

    def _check_apart(self) -> None:
        owner: dict[str, tuple[str, str]] = {}
        for part, names in self.parts.items():
            for name in names:
                record = self.image_of[name]
                image = self.images.get(record, record)
                other, first = owner.setdefault(image, (part, name))
                if other != part and not {record, self.image_of[first]} & self.duplicates.keys():
                    raise InputError(
                        f"The split has one image in two parts: question '{first}' is in '{other}' and "
                        f"'{name}' in '{part}'. Nothing may be held out that was trained on: split again."
                    )

    @property
    def learned(self) -> frozenset[str]:
        """The hashes of all images that must never be scored as held out."""
        records = {self.image_of[name] for part in LEARNED for name in self.parts[part]}
        return self.besides | {self.images[record] for record in records if record in self.images}

    def of_source(self, source: str) -> SavedSplit:
        """The split of one entry of a run with several tasks, its questions and images called as if it were
        alone, with all images that the run has learned from; itself where the run has one task."""
        if not source:
            return self
        begins = f"{source}/"

        def own(names: Mapping[str, V]) -> dict[str, V]:
            return {n.removeprefix(begins): value for n, value in names.items() if n.startswith(begins)}

        return replace(
            self,
            parts={part: tuple(own(dict.fromkeys(names))) for part, names in self.parts.items()},
            images=own(self.images),
            image_of={name: image.removeprefix(begins) for name, image in own(self.image_of).items()},
            asks=own(self.asks),
            left_out=own(self.left_out),
            duplicates=own(self.duplicates),
            besides=self.learned,
        )

    def named_in(self, examples: Sequence[Example]) -> Split:
        """The questions of each part that are among the examples, by their ids, whatever they show now."""
        wanted = {name for names in self.parts.values() for name in names}
        found = examples.named(wanted) if isinstance(examples, LazyQuestionGrid) else examples
        by_id = {example.id: example for example in found}
        train, val, heldout = (
            tuple(by_id[name] for name in self.parts[part] if name in by_id) for part in PARTS
        )
        return Split(
            train,
            val,
            heldout,
            dict(self.left_out),
            seed=self.seed,
            shots=self.shots,
            duplicates=dict(self.duplicates),
        )

    def changes(self, now: SavedSplit, parts: Sequence[str] = PARTS) -> list[str]:
        """What is no longer as this split has it, in words; empty where nothing differs."""
        said = []
        for part in parts:
            gone = [name for name in self.parts[part] if name not in now.parts[part]]
            new = [name for name in now.parts[part] if name not in self.parts[part]]
            both = [name for name in self.parts[part] if name in now.parts[part]]
            records = sorted({self.image_of[name] for name in both})
            shown = [record for record in records if self.images.get(record) != now.images.get(record)]
            asked = [n for n in both if n in self.asks and n in now.asks and self.asks[n] != now.asks[n]]
            for names, what in (
                (gone, "questions are gone"),
                (new, "questions are new"),
                (shown, "images have changed"),
                (asked, "questions have other labels or classes to choose from"),
            ):
                if names:
                    said.append(f"{part}: {len(names)} {what}, such as '{names[0]}'")
        return said


def split_of_model(folder: Path) -> SavedSplit | None:
    """The split of the run whose ``model`` folder this is; None where it is of no run, or that kept none."""
    run = folder.parent
    known = folder.name == "model" and (run / "run.json").is_file() and (run / MANIFEST).is_file()
    return SavedSplit.read(read_json(run / MANIFEST)) if known else None


def _record_of(name: str, images: Collection[str]) -> str:
    """The record that a question's id begins with, which files of earlier versions do not say."""
    record = name
    while record not in images and ID_SEPARATOR in record:
        record = record.rpartition(ID_SEPARATOR)[0]
    return record if record in images else name


def _asks(example: Example, left_out: Collection[str]) -> dict[str, str]:
    target = example.target.encode() if example.target is not None else None
    choices = [name for name in example.options if name not in left_out]
    found = (example.question, _digest(choices), _digest([target, dict(example.fields)]))
    return dict(zip(ASKS, found, strict=True))


def _digest(row: list[Any]) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()[:_DIGITS]
