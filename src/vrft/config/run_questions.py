"""The questions of a run with any number of tasks: each entry's own split, and one split of all.

In a run with several tasks the ids of questions and records begin with the entry's name. What one entry
learns from is never chosen by or held out in another, nor is what one chooses by held out in another: they
may be about the same images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vrft.config.questions import Questions, Refusal, each_part, questions_of, takes_all
from vrft.config.run_config import RunConfig
from vrft.data.duplicates import near_images, same_images
from vrft.data.fingerprints import Fingerprints
from vrft.data.splits.few_shot import Split
from vrft.data.splits.manifest import PARTS, SavedSplit, manifest
from vrft.errors import InputError
from vrft.progress import ProgressReporter
from vrft.types import Example


@dataclass(frozen=True)
class RunQuestions:
    """The questions of a run."""

    by_source: Mapping[str, Questions]
    """By ``Example.source``; of a run with one task, under no name."""
    split: Split
    """Of all entries."""
    notes: tuple[str, ...] = ()
    """What was left out because another entry has the image."""
    prints: Fingerprints = field(default_factory=dict)
    """Of the images, by record id, where they were looked at."""

    def manifest(self) -> dict[str, object]:
        """The split as the run keeps it."""
        return manifest(self.split, self.prints)


def run_questions(
    config: RunConfig,
    reporter: ProgressReporter | None = None,
    *,
    refusal: Refusal = takes_all,
    saved: SavedSplit | None = None,
) -> RunQuestions:
    """Read and split the data of every task of a configuration; as ``questions_of`` does for one.

    Raises:
        InputError: as ``questions_of``, with the entry's name.
    """
    found: dict[str, Questions] = {}
    for source, own in config.by_source.items():
        kept = saved.of_source(source) if saved is not None else None
        try:
            found[source] = questions_of(own, reporter, refusal=refusal, saved=kept)
        except InputError as error:
            if not source:
                raise
            raise InputError(f"tasks: {source}: {error}") from error
    prints = {
        called(source, name): print_
        for source, own in found.items()
        for name, print_ in (own.prints or {}).items()
    }
    splits = {source: of_source(own.split, source) for source, own in found.items()}
    notes: tuple[str, ...] = ()
    if saved is None and len(splits) > 1:
        near = all(own.data.near_duplicates for own in config.by_source.values())
        splits, notes = _apart(splits, prints, near)
    own_splits = {source: replace(own, split=splits[source]) for source, own in found.items()}
    return RunQuestions(own_splits, together(list(splits.values()), config.seed), notes, prints)


def of_source(split: Split, source: str) -> Split:
    """A split as an entry of a run with several tasks has it; itself where the run has one task."""
    if not source:
        return split

    def renamed(example: Example) -> Example:
        return replace(
            example,
            id=called(source, example.id),
            record_id=called(source, example.record_id),
            source=source,
        )

    return replace(
        each_part(split, lambda part: map(renamed, part)),
        left_out={called(source, name): why for name, why in split.left_out.items()},
        duplicates={called(source, name): why for name, why in split.duplicates.items()},
    )


def alone(split: Split, source: str) -> Split:
    """What ``of_source`` was made of."""
    begins = called(source, "")

    def renamed(example: Example) -> Example:
        id, record_id = example.id.removeprefix(begins), example.record_id.removeprefix(begins)
        return replace(example, id=id, record_id=record_id, source="")

    return replace(
        each_part(split, lambda part: map(renamed, part)),
        left_out={name.removeprefix(begins): why for name, why in split.left_out.items()},
        duplicates={name.removeprefix(begins): why for name, why in split.duplicates.items()},
    )


def together(splits: list[Split], seed: int) -> Split:
    """One split of several entries' questions."""
    if len(splits) == 1:
        return splits[0]
    train, val, heldout = (tuple(e for one in splits for e in getattr(one, part)) for part in PARTS)
    return Split(
        train,
        val,
        heldout,
        left_out={name: why for one in splits for name, why in one.left_out.items()},
        seed=seed,
        shots=max(one.shots for one in splits),
        duplicates={name: why for one in splits for name, why in one.duplicates.items()},
    )


def _apart(
    splits: Mapping[str, Split], prints: Fingerprints, near: bool
) -> tuple[dict[str, Split], tuple[str, ...]]:
    """The splits without what one entry learns from or chooses by and another chooses by or holds out."""
    paths: dict[str, Path] = {e.record_id: e.media[0].path for _, _, e in _all(splits)}
    known = prints if paths.keys() <= prints.keys() else None
    same = same_images(paths, known)
    if near:
        alike = near_images(paths, known)
        same = {name: alike[first] for name, first in same.items()}
    earliest: dict[str, dict[str, int]] = {}
    for source, part, example in _all(splits):
        by_source = earliest.setdefault(same[example.record_id], {})
        by_source[source] = min(part, by_source.get(source, part))
    done, notes = {}, []
    for source, split in splits.items():
        parts = []
        for number, name in enumerate(PARTS):
            own = getattr(split, name)
            kept = tuple(
                example
                for example in own
                if not any(
                    part < number
                    for other, part in earliest[same[example.record_id]].items()
                    if other != source
                )
            )
            if len(kept) < len(own):
                notes.append(
                    f"{source}: {len(own) - len(kept)} of {len(own)} questions are left out of the "
                    f"{_PARTS_IN_WORDS[name]} part, since another task learns from their images or chooses "
                    "by them."
                )
            parts.append(kept)
        done[source] = replace(split, train=parts[0], val=parts[1], heldout=parts[2])
    return done, tuple(notes)


def _all(splits: Mapping[str, Split]) -> Iterator[tuple[str, int, Example]]:
    for source, split in splits.items():
        for number, part in enumerate(PARTS):
            yield from ((source, number, example) for example in getattr(split, part))


_PARTS_IN_WORDS = {"train": "training", "val": "validation", "heldout": "held-out"}


def called(source: str, name: str) -> str:
    """What a question or record of an entry is called in the run."""
    return f"{source}/{name}" if source else name
