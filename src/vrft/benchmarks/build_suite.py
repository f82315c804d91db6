"""From a benchmark's original files to a folder for ``data.path`` and a split for ``data.manifest``.

OUT/train/  OUT/val/  OUT/test/   pictures (links) with their labels; each is a data set of its own
OUT/manifest.json                 the questions of the three parts
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vrft.benchmarks.suite import Originals, Suite
from vrft.data.dataset import Dataset, load_dataset
from vrft.data.duplicates import same_pictures
from vrft.data.label_checks import raise_all
from vrft.data.splits.few_shot import Split, manifest
from vrft.data.splits.question_pool import is_positive
from vrft.data.splits.seeded_shuffle import seeded_order, take_in_turn
from vrft.errors import InputError, LabelError
from vrft.run_folder import write_json
from vrft.tasks.task import Task, load_task
from vrft.types import Example, Record


@dataclass(frozen=True)
class Built:
    """A benchmark as it was written."""

    folder: Path
    dataset: Dataset
    split: Split
    notes: tuple[str, ...]
    """Sentences about classes with fewer pictures than asked for, and copies across parts."""

    def records(self, part: str) -> tuple[Record, ...]:
        """Records of 'train', 'val' or 'test'."""
        return tuple(record for record in self.dataset.records if _part(record.id) == part)


def choose(shows: Mapping[str, Sequence[str]], shots: int, seed: int) -> dict[str, list[str]]:
    """The first pictures of every class in its seeded order: with more shots they stay among the chosen.

    Args:
        shows: pictures by class.
        shots: pictures a class, at most.
        seed: any integer.

    Example:
        >>> one, two = (choose({"cat": ["a", "b", "c"]}, shots, seed=0)["cat"] for shots in (1, 2))
        >>> one == two[:1]
        True
    """
    return {name: seeded_order(pictures, seed, f"shots {name}")[:shots] for name, pictures in shows.items()}


def build(
    suite: Suite,
    root: Path,
    out: Path,
    *,
    shots: int | None = None,
    seed: int = 0,
    eval_max: int | None = None,
) -> Built:
    """Write a benchmark's few-shot folder and its manifest.

    Training asks about the chosen pictures, each for the class it was chosen for. The test part asks all that
    the labels can answer, present or not, unless ``eval_max`` bounds it: then only about what is there,
    all classes alike, as the paper's few-shot sets do.

    Args:
        suite: the benchmark.
        root: where its downloads were unpacked.
        out: a folder that is not there yet, or is empty.
        shots: training pictures a class; the suite's own where None.
        seed: of the draw.
        eval_max: most test questions.

    Returns:
        What was written.

    Raises:
        InputError: files are missing, ``out`` holds something, or shots are less than 1.
        LabelError: a picture is missing, or a label is wrong.
    """
    shots = suite.shots if shots is None else shots
    if shots < 1:
        raise InputError(f"shots must be at least 1, not {shots}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} holds something already; name another folder.")
    originals = suite.open(suite.find(root))
    chosen = _chosen(suite, originals, shots, seed)
    notes = [
        f"{name}: {len(pictures)} training pictures, not {shots}."
        for name, pictures in chosen.get("train", {}).items()
        if len(pictures) < shots
    ]
    names = {part: _write(originals, part, by_class, out / part) for part, by_class in chosen.items()}
    dataset = load_dataset(out, suite.task)
    task = load_task(suite.task)
    examples = task.examples(dataset.records)
    wanted = {
        part: {
            (f"{part}/{names[part][p]}", name) for name, pictures in chosen[part].items() for p in pictures
        }
        for part in ("train", "val")
        if part in chosen
    }
    copies = _copies(dataset)
    split = Split(
        train=_asked(task, examples, wanted.get("train", set())),
        val=_one_each(task, _asked(task, examples, wanted.get("val", set()))),
        heldout=_tested(task, examples, seed, eval_max),
        left_out={},
        seed=seed,
        shots=shots,
        duplicates=copies,
    )
    if copies:
        notes.append(f"{len(copies)} pictures are in two parts byte for byte; the split keeps them.")
    write_json(out / "manifest.json", manifest(split))
    return Built(out, dataset, split, tuple(notes))


def _chosen(suite: Suite, originals: Originals, shots: int, seed: int) -> dict[str, dict[str, list[str]]]:
    """Pictures by part and class; those of the test part under no class, since all are asked about."""
    limits = {"train": shots, "val": shots if suite.val_shots is None else min(shots, suite.val_shots)}
    chosen = {
        part: choose(originals.shows[part], limit, seed)
        for part, limit in limits.items()
        if part in originals.shows
    }
    return chosen | {"test": {"": list(originals.pictures["test"])}}


def _write(
    originals: Originals, part: str, by_class: Mapping[str, Sequence[str]], folder: Path
) -> dict[str, str]:
    """Labels and pictures of a part; the name of each picture's file."""
    pictures = list(dict.fromkeys(picture for listed in by_class.values() for picture in listed))
    names = {picture: Path(picture).name for picture in pictures}
    mistakes: list[LabelError] = []
    targets: dict[str, Path] = {}
    for picture, name in names.items():
        try:
            if name in targets:
                raise LabelError("Two pictures have this name.", f"{part}, {name}", "Rename one of them.")
            targets[name] = originals.locate(part, picture)
        except LabelError as mistake:
            mistakes.append(mistake)
    raise_all(mistakes)
    folder.mkdir(parents=True)
    for name, target in targets.items():
        _link(folder / name, target)
    originals.write(part, pictures, folder)
    return names


def _link(link: Path, target: Path) -> None:
    try:
        link.symlink_to(target.resolve())
    except OSError:
        # Some systems and discs know no links.
        shutil.copyfile(target, link)


def _asked(task: Task, examples: Sequence[Example], wanted: set[tuple[str, str]]) -> tuple[Example, ...]:
    return tuple(e for e in examples if (e.record_id, task.group(e)) in wanted)


def _one_each(task: Task, examples: Sequence[Example]) -> tuple[Example, ...]:
    """The first question about every picture and class: of several instructions the first."""
    first: dict[tuple[str, str], Example] = {}
    for example in examples:
        first.setdefault((example.record_id, task.group(example)), example)
    return tuple(first.values())


def _tested(task: Task, examples: Sequence[Example], seed: int, eval_max: int | None) -> tuple[Example, ...]:
    asked = _one_each(task, [e for e in examples if _part(e.record_id) == "test"])
    if eval_max is None:
        return asked
    by_class: dict[str, dict[str, Example]] = {}
    for example in filter(is_positive, asked):
        by_class.setdefault(task.group(example), {})[example.id] = example
    queues = {
        name: [by_id[i] for i in seeded_order(by_id, seed, f"test {name}")]
        for name, by_id in sorted(by_class.items())
    }
    return tuple(take_in_turn(queues, eval_max))


def _copies(dataset: Dataset) -> dict[str, str]:
    """Records whose picture is that of another part, byte for byte."""
    first = same_pictures({record.id: record.image for record in dataset.records})
    return {
        name: f"the same picture as {other}" for name, other in first.items() if _part(name) != _part(other)
    }


def _part(record_id: str) -> str:
    """The part in whose folder a record's picture was put."""
    return record_id.split("/", 1)[0]
