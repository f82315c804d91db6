"""The demo's datasets, drawn from a seed and written as ordinary folders of PNG files with labels.

Each has the parts ``train``, ``valid`` and ``test``, as label tools export them: for detection a COCO json in
each, for classification class folders in each, for grounding one ``expressions.jsonl`` above images in
``images/train`` and so on. A part draws its handwritten digits from its own split, so held-out glyphs are in
``test`` alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vrft.data.label_checks import instance_of
from vrft.errors import InputError
from vrft.miniature.domains import PLAIN, domain_of
from vrft.miniature.expressions import expressions
from vrft.miniature.glyphs import Split
from vrft.miniature.location import MINIATURE, REASONING
from vrft.miniature.scenes import (
    BASE,
    CATEGORIES,
    DIGITS,
    Scene,
    SceneObject,
    distance_question,
    draw_scene,
    draw_scene_of,
)
from vrft.miniature.sums import (
    READABLE,
    SUM,
    SUM_OF_OTHERS,
    draw_sum,
    draw_sum_of_others,
    place_of_sum,
    total_of,
)
from vrft.miniature.writers import (
    write_class_folders,
    write_coco,
    write_expressions,
    write_numbers,
    write_questions,
)
from vrft.run_folder import make_folder
from vrft.types import Annotation, Boxes, Label, Number

DETECTION_CATEGORIES = ("two", "six", "seven", "circle", "square", "heart")
"""What the detection demo asks for; ``scenes.NOVEL`` instead makes the open-vocabulary one."""

PARTS: Mapping[str, Split] = {"train": "train", "valid": "val", "test": "heldout"}
"""Folder of each part and the glyphs that it may use."""

EXPRESSIONS_PER_IMAGE = 2
"""At most so many: all that hold of one scene would let a few images decide a score."""

MARKER = "dataset.json"
GENERATOR = "vrft miniature"
VERSION = 1
"""Goes up with any change of what is drawn; older folders are then written anew."""

_TASK_SEEDS = {"detection": 1, "classification": 2, "grounding": 3, "reasoning": 4, "measuring": 5}
_OWN = {
    "detection": (*PARTS,),
    "classification": (*PARTS,),
    "grounding": ("images", "expressions.jsonl"),
    "reasoning": ("images", "questions.jsonl"),
    "measuring": ("images", "numbers.jsonl"),
}
"""What is written into a folder, besides the marker; nothing else in it is ever touched."""

_Counts = Mapping[str, int]
_Images = Iterator[tuple[str, Image.Image, list[Annotation]]]


def write_detection(
    folder: Path,
    seed: int,
    categories: Sequence[str] = DETECTION_CATEGORIES,
    train: int = 60,
    val: int = 40,
    heldout: int = 160,
    domain: str = PLAIN.name,
    further: Sequence[str] = (),
    masks: bool = False,
) -> Path:
    """Write scenes of one to four objects with COCO json; a complete folder of the same settings is kept.

    Args:
        folder: made where it is missing.
        seed: source of every choice, from 0.
        categories: what may appear, names from ``scenes.CATEGORIES``; everything drawn is labelled.
        train, val, heldout: images; a smaller number gives the first ones of a larger.
        domain: how they are drawn, a name from ``domains.DOMAINS``.
        further: categories that appear in the held-out part too and in no other (open vocabulary).
        masks: label the strokes of each object too.

    Raises:
        InputError: the folder holds something else, or a setting cannot be used.
    """
    drawn = domain_of(domain)
    shown = {part: tuple(categories) for part in PARTS} | {"test": (*categories, *further)}

    def images(part: str, count: int) -> _Images:
        for index in range(count):
            rng = _rng("detection", seed, part, index)
            scene = draw_scene(rng, PARTS[part], shown[part], (1, 4), domain=drawn)
            boxes = [
                instance_of(o.category, o.box, scene.mask(i) if masks else None)
                for i, o in enumerate(scene.objects)
            ]
            yield f"{index:04d}", Image.fromarray(scene.pixels), boxes

    def write(counts: _Counts) -> None:
        for part, count in counts.items():
            write_coco(folder / part, images(part, count), sorted(shown[part]))

    settings = _settings("detection", seed, shown["test"], (train, val, heldout))
    # Named only where they are unusual, so that folders written without them are found again.
    settings |= {"domain": domain} if drawn is not PLAIN else {}
    settings |= {"further": list(further)} if further else {}
    settings |= {"masks": True} if masks else {}
    return _keep_or_write(folder, settings, write)


def write_classification(
    folder: Path,
    seed: int,
    categories: Sequence[str] = DIGITS,
    train: int = 8,
    val: int = 6,
    heldout: int = 20,
) -> Path:
    """``write_detection`` for images of one object in class folders; numbers of images are per class."""

    def images(part: str, count: int) -> Iterator[tuple[str, Image.Image, str]]:
        for category in categories:
            for index in range(count):
                rng = _rng("classification", seed, part, index, CATEGORIES.index(category))
                scene = draw_scene(rng, PARTS[part], (category,), (1, 1))
                yield f"{index:04d}", Image.fromarray(scene.pixels), category

    def write(counts: _Counts) -> None:
        for part, count in counts.items():
            write_class_folders(folder / part, images(part, count))

    return _keep_or_write(folder, _settings("classification", seed, categories, (train, val, heldout)), write)


def write_grounding(
    folder: Path,
    seed: int,
    categories: Sequence[str] = BASE,
    train: int = 60,
    val: int = 40,
    heldout: int = 100,
) -> Path:
    """``write_detection`` for scenes with one or two expressions of one object each."""

    def images(part: str, count: int) -> _Images:
        for index in range(count):
            rng = _rng("grounding", seed, part, index)
            known: list[tuple[str, SceneObject]] = []
            while not known:
                scene = draw_scene(rng, PARTS[part], tuple(categories), (2, 4))
                known = expressions(scene.objects)
            chosen = rng.permutation(len(known))[:EXPRESSIONS_PER_IMAGE]
            asked = [known[i] for i in chosen]
            phrases = [Annotation("phrase", text, Boxes((o.box,))) for text, o in asked]
            yield f"{part}/{index:04d}", Image.fromarray(scene.pixels), phrases

    settings = _settings("grounding", seed, categories, (train, val, heldout))
    return _write_rows(folder, settings, images, write_expressions)


def write_reasoning(
    folder: Path, seed: int, digits: int = 2, train: int = 32, val: int = 60, heldout: int = 300
) -> Path:
    """``write_detection`` for images of some digits, each with the question for their sum.

    Args:
        folder, seed, train, val, heldout: as there.
        digits: in each image, 2 or 3.
    """

    def images(part: str, count: int) -> _Images:
        for index in range(count):
            scene = sum_scene(seed, part, index, digits)
            total = total_of([o.category for o in scene.objects])
            yield (
                f"{part}/{index:04d}",
                Image.fromarray(scene.pixels),
                [Annotation("question", SUM, Label(total))],
            )

    settings = _settings("reasoning", seed, READABLE, (train, val, heldout)) | {"digits": digits}
    return _write_rows(folder, settings, images, write_questions)


def write_sum_boxes(folder: Path, seed: int, train: int = 32, val: int = 60, heldout: int = 300) -> Path:
    """``write_grounding`` for images of three digits and the one that is the sum of the other two."""

    def images(part: str, count: int) -> _Images:
        for index in range(count):
            scene = sum_box_scene(seed, part, index)
            box = scene.objects[place_of_sum([o.category for o in scene.objects])].box
            phrase = Annotation("phrase", SUM_OF_OTHERS, Boxes((box,)))
            yield f"{part}/{index:04d}", Image.fromarray(scene.pixels), [phrase]

    settings = _settings("grounding", seed, READABLE, (train, val, heldout)) | {"phrase": SUM_OF_OTHERS}
    return _write_rows(folder, settings, images, write_expressions)


def write_measuring(
    folder: Path,
    seed: int,
    categories: Sequence[str] = BASE,
    train: int = 60,
    val: int = 40,
    heldout: int = 300,
) -> Path:
    """``write_detection`` for two to four different objects an image, with the distance of two in pixels."""

    def images(part: str, count: int) -> _Images:
        for index in range(count):
            rng = _rng("measuring", seed, part, index)
            most = min(4, len(categories))
            chosen = rng.choice(categories, int(rng.integers(2, most, endpoint=True)), replace=False)
            scene = draw_scene_of(rng, PARTS[part], tuple(map(str, chosen)))
            asked, pixels = distance_question(*scene.objects[:2])
            said = Annotation("question", asked, Number(pixels, "px"))
            yield f"{part}/{index:04d}", Image.fromarray(scene.pixels), [said]

    settings = _settings("measuring", seed, categories, (train, val, heldout))
    if len(categories) < 2:
        raise InputError("A distance is between two categories. Name at least two.")
    return _write_rows(folder, settings, images, write_numbers)


def sum_scene(seed: int, part: str, index: int, digits: int) -> Scene:
    """One image of ``write_reasoning``, with what is in it."""
    return draw_sum(_rng("reasoning", seed, part, index, digits), PARTS[part], digits)


def sum_box_scene(seed: int, part: str, index: int) -> Scene:
    """One image of ``write_sum_boxes``, with what is in it."""
    return draw_sum_of_others(_rng("grounding", seed, part, index, 1), PARTS[part])


def _rng(task: str, seed: int, part: str, index: int, category: int = 0) -> np.random.Generator:
    # A generator for each image makes smaller sets the beginnings of larger ones. The last number is never
    # zero, because numpy takes [0, 5] and [0, 5, 0] for the same seed and pretraining draws from such pairs.
    return np.random.default_rng([seed, list(PARTS).index(part), index, category, _TASK_SEEDS[task]])


def _settings(
    task: str, seed: int, categories: Sequence[str], counts: tuple[int, int, int]
) -> dict[str, object]:
    if seed < 0 or min(counts) < 0:
        raise InputError(f"The seed ({seed}) and the numbers of images {counts} must be 0 or more.")
    if unknown := [name for name in categories if name not in CATEGORIES]:
        raise InputError(f"The miniature has no category {unknown}. Choose from: {', '.join(CATEGORIES)}.")
    if not categories or len(set(categories)) < len(categories):
        raise InputError(
            f"The categories {list(categories)} are empty or repeat a name. Name at least one, each once."
        )
    return {
        "generator": GENERATOR,
        "version": VERSION,
        "task": task,
        "seed": seed,
        "categories": list(categories),
        "counts": dict(zip(PARTS, counts, strict=True)),
    }


def _write_rows(
    folder: Path,
    settings: dict[str, object],
    images: Callable[[str, int], _Images],
    write: Callable[[Path, _Images], object],
) -> Path:
    """One file of rows for the images of all parts: its reader looks into no folder below."""
    return _keep_or_write(
        folder,
        settings,
        lambda counts: write(folder, chain.from_iterable(images(*part) for part in counts.items())),
    )


def _keep_or_write(folder: Path, settings: dict[str, object], write: Callable[[_Counts], object]) -> Path:
    marker = folder / MARKER
    found = _read_marker(marker)
    if found == settings | {"files": _files(folder, settings)}:
        return folder
    taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if taken and found.get("generator") != GENERATOR:
        raise InputError(
            f"{folder}: vrft did not write what is there, and leaves it alone. Choose another folder, "
            "or move it away."
        )
    for path in _own(folder, found):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    make_folder(folder)
    # The numbers of files come last: a marker without them is a folder whose writing was cut short.
    marker.write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
    counts = settings["counts"]
    assert isinstance(counts, dict)
    write({part: count for part, count in counts.items() if count})
    settings |= {"files": _files(folder, settings)}
    marker.write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
    return folder


def _read_marker(marker: Path) -> dict[str, object]:
    try:
        found = json.loads(marker.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _own(folder: Path, settings: Mapping[str, object]) -> list[Path]:
    return [folder / name for name in _OWN.get(str(settings.get("task")), ())]


def _files(folder: Path, settings: Mapping[str, object]) -> dict[str, int]:
    """How many files lie at and below each of our own paths."""
    own = _own(folder, settings)
    return {path.name: sum(p.is_file() for p in (path, *path.rglob("*"))) for path in own}


@dataclass(frozen=True)
class DemoFolder:
    """One task's dataset, and how it is fitted."""

    write: Callable[[Path, int], object]
    shots: int
    model: str = MINIATURE
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of the fit."""


DEMO_FOLDERS: Mapping[str, DemoFolder] = {
    "detection": DemoFolder(lambda folder, seed: write_detection(folder, seed, heldout=480), 4),
    "classification": DemoFolder(lambda folder, seed: write_classification(folder, seed, heldout=60), 1),
    "grounding": DemoFolder(lambda folder, seed: write_grounding(folder, seed, heldout=300), 24),
    "reasoning": DemoFolder(
        write_reasoning,
        32,
        REASONING,
        {"steps": 20, "arms": ("sft", "rft", "rejection"), "sft_forms": "both"},
    ),
}
"""By task, the usual one first."""
EVAL_MAX = 600
"""Held-out questions of the demo: images cost nothing here, and many make narrow intervals."""
