"""From a benchmark's original files to a folder for ``data.path`` and a split for ``data.manifest``.

OUT/train/  OUT/val/  OUT/test/   images (links) with their labels; each is a dataset of its own
OUT/manifest.json                 the questions of the three parts
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vrft.benchmarks.suite import Originals, Suite
from vrft.data.dataset import Dataset, labels_for
from vrft.data.duplicates import same_images
from vrft.data.label_checks import Mistakes, raise_all
from vrft.data.splits.few_shot import Split
from vrft.data.splits.manifest import manifest
from vrft.data.splits.question_pool import seeded_order, take_in_turn
from vrft.errors import InputError, LabelError
from vrft.run_folder import write_json
from vrft.tasks.registry import load_task
from vrft.types import Example, Record


@dataclass(frozen=True)
class Built:
    """A benchmark as it was written."""

    folder: Path
    dataset: Dataset
    split: Split
    notes: tuple[str, ...]
    """Sentences about classes with fewer images than asked for, and copies across parts."""

    def records(self, part: str) -> tuple[Record, ...]:
        return tuple(record for record in self.dataset.records if _part(record.id) == part)


def choose(shows: Mapping[str, Sequence[str]], shots: int, seed: int) -> dict[str, list[str]]:
    """The first images of every class in its seeded order: with more shots they stay among the chosen."""
    return {name: seeded_order(images, seed, f"shots {name}")[:shots] for name, images in shows.items()}


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

    Training asks about the chosen images, each for the class it was chosen for. The test part asks all that
    the labels can answer, unless ``eval_max`` bounds it: then only about what is there, all classes alike.
    """
    shots = suite.shots if shots is None else shots
    if shots < 1:
        raise InputError(f"shots must be at least 1, not {shots}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is not empty. Name another folder.")
    originals = suite.open(suite.find(root))
    chosen = _chosen(suite, originals, shots, seed)
    notes = [
        f"{name}: {len(images)} training images, not {shots}."
        for name, images in chosen.get("train", {}).items()
        if len(images) < shots
    ]
    names = {part: _write(originals, part, by_class, out / part) for part, by_class in chosen.items()}
    task = load_task(suite.task)
    dataset = labels_for(task, out)
    examples = task.examples(dataset.records)
    wanted = {
        part: {(f"{part}/{names[part][p]}", name) for name, images in chosen[part].items() for p in images}
        for part in ("train", "val")
        if part in chosen
    }
    first = same_images({record.id: record.image.path for record in dataset.records})
    # Byte for byte the image of another part.
    copies = {name: f"the same image as {of}" for name, of in first.items() if _part(name) != _part(of)}
    split = Split(
        train=_asked(examples, wanted.get("train", set())),
        val=_one_each(_asked(examples, wanted.get("val", set()))),
        heldout=_tested(examples, seed, eval_max),
        left_out={},
        seed=seed,
        shots=shots,
        duplicates=copies,
    )
    if copies:
        notes.append(f"{len(copies)} images are in two parts byte for byte; the split keeps them.")
    write_json(out / "manifest.json", manifest(split))
    return Built(out, dataset, split, tuple(notes))


def _chosen(suite: Suite, originals: Originals, shots: int, seed: int) -> dict[str, dict[str, list[str]]]:
    """Images by part and class; those of the test part under no class, since all are asked about."""
    limits = {"train": shots, "val": shots if suite.val_shots is None else min(shots, suite.val_shots)}
    chosen = {
        part: choose(originals.shows[part], limit, seed)
        for part, limit in limits.items()
        if part in originals.shows
    }
    return chosen | {"test": {"": list(originals.images["test"])}}


def _write(
    originals: Originals, part: str, by_class: Mapping[str, Sequence[str]], folder: Path
) -> dict[str, str]:
    images = list(dict.fromkeys(image for listed in by_class.values() for image in listed))
    names = {image: Path(image).name for image in images}
    mistakes = Mistakes()
    targets: dict[str, Path] = {}
    for image, name in names.items():
        with mistakes.kept():
            if name in targets:
                raise LabelError("Two images have this name.", f"{part}, {name}", "Rename one of them.")
            targets[name] = originals.locate(part, image)
    raise_all(mistakes)
    folder.mkdir(parents=True)
    for name, target in targets.items():
        try:
            (folder / name).symlink_to(target.resolve())
        except OSError:
            # Some systems and disks know no links.
            shutil.copyfile(target, folder / name)
    originals.write(part, images, folder)
    return names


def _asked(examples: Sequence[Example], wanted: set[tuple[str, str]]) -> tuple[Example, ...]:
    return tuple(e for e in examples if (e.record_id, e.group) in wanted)


def _one_each(examples: Sequence[Example]) -> tuple[Example, ...]:
    """The first question about every image and class: of several instructions the first."""
    first: dict[tuple[str, str], Example] = {}
    for example in examples:
        first.setdefault((example.record_id, example.group), example)
    return tuple(first.values())


def _tested(examples: Sequence[Example], seed: int, eval_max: int | None) -> tuple[Example, ...]:
    asked = _one_each([e for e in examples if _part(e.record_id) == "test"])
    if eval_max is None:
        return asked
    by_class: dict[str, dict[str, Example]] = {}
    for example in asked:
        if example.is_positive:
            by_class.setdefault(example.group, {})[example.id] = example
    queues = {
        name: [by_id[i] for i in seeded_order(by_id, seed, f"test {name}")]
        for name, by_id in sorted(by_class.items())
    }
    return tuple(take_in_turn(queues, eval_max))


def _part(record_id: str) -> str:
    """The part in whose folder a record's image was put."""
    return record_id.split("/", 1)[0]
