"""The few-shot protocol: k images per class to learn from, a few for choices, the rest held out.

Images, not questions, are divided. Files with the same bytes are one image, and images that look nearly
the same (``vrft.data.fingerprints``) are one image too: no part has anything that another part has.

What counts as a shot: one positive question about one image. An image with several instances of a class
is one shot of that class, with all its boxes. An image that shows several classes may be drawn for each of
them, and is then a shot of each class it was drawn for and of no other: every class has exactly k. Of several
expressions about one image, training takes one.

Draws are nested: with the same seed, the k images of a class are among its k + 1. Questions about absent
things are added afterwards, to the asked share, and need not be nested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from vrft.data.duplicates import distinct
from vrft.data.fingerprints import Fingerprints
from vrft.data.splits.question_pool import Pool, choose_images, counterweight, sample
from vrft.errors import InputError
from vrft.tasks.lazy_questions import LazyQuestionGrid
from vrft.types import Example

_SOURCES = {
    "train": ("train", "val", "test"),
    "val": ("val", "train", "test"),
    "heldout": ("test", "val", "train"),
}
"""For each part of a split, the parts of the dataset to draw it from: the first that has images."""


@dataclass(frozen=True)
class Split:
    """Questions to learn from, to choose by and to be tested on; no image is in two parts."""

    train: tuple[Example, ...]
    val: tuple[Example, ...]
    heldout: tuple[Example, ...]
    left_out: dict[str, str]
    """Classes that no part asks about, and why."""
    seed: int
    shots: int
    duplicates: dict[str, str] = field(default_factory=dict)
    """Record ids that are copies or near-duplicates of another image, and what was done."""


def few_shot_split(
    examples: Sequence[Example],
    *,
    shots: int,
    seed: int,
    val_fraction: float = 0.15,
    val_max: int = 60,
    eval_max: int = 200,
    negatives: float = 0.15,
    parts: Mapping[str, str] | None = None,
    near_duplicates: bool = True,
    prints: Fingerprints | None = None,
) -> Split:
    """Divide questions by their images into few shots to train on, a validation part and a held-out part.

    The result depends on ids, labels, seed and settings, not on the order of the examples, nor on whether
    all of them are listed.

    Args:
        examples: questions of one task, every one with its own id; for detection all pairs of image and
            category, present or not (``LazyQuestionGrid`` makes those about absent things as they are drawn).
        shots: training images per class, at least 1.
        seed: any integer.
        val_fraction: share of the remaining questions for validation, in [0, 1). No class gets more
            validation images than held-out ones, so a class with one image left is held out. Where
            validation has images of its own (``parts``), it takes up to ``val_max``.
        val_max: most validation questions, at least 0; one for each class all the same.
        eval_max: most held-out questions, at least 0.
        negatives: share of questions about a category that the image does not show, in [0, 1).
        parts: record ids with the part of the dataset they are given in: 'train', 'val' or 'test'.
        near_duplicates: count images that look nearly the same as one. False suits images that differ
            only in what the labels are about, such as parts on a conveyor under a fixed camera.
        prints: fingerprints of the images by record id; None reads the images here.

    Raises:
        InputError: no class has enough images, or a setting is out of its range.
        LabelError: an image cannot be read.
    """
    given = parts or {}
    demands = {
        f"shots must be at least 1, not {shots}.": shots >= 1,
        f"val_fraction must be in [0, 1), not {val_fraction}.": 0 <= val_fraction < 1,
        f"val_max must not be negative, as {val_max} is.": val_max >= 0,
        f"eval_max must not be negative, as {eval_max} is.": eval_max >= 0,
        f"negatives must be in [0, 1), not {negatives}.": 0 <= negatives < 1,
        f"parts must be 'train', 'val' or 'test', not {sorted(set(given.values()))}.": (
            set(given.values()) <= set(_SOURCES["train"])
        ),
        "Two examples have the same id.": isinstance(examples, LazyQuestionGrid)
        or len({e.id for e in examples}) == len(examples),
    }
    if wrong := [sentence for sentence, holds in demands.items() if not holds]:
        raise InputError(wrong[0])
    asked = distinct(examples, given, near_duplicates, prints)
    pool = Pool.of(asked.listed, asked.same, asked.unlisted, seed)
    at = _places({*pool.image_of.values(), *asked.unlisted.images}, asked.same, given)
    left_out = _too_few(pool, at, shots)
    if len(left_out) == len(pool.classes):
        raise InputError(_nothing_left(pool, at, shots, asked.alike))
    pool = replace(pool, classes=tuple(name for name in pool.classes if name not in left_out))
    if isinstance(examples, LazyQuestionGrid):
        shown = examples.shown
    else:
        shown = {example.group for example in examples if example.is_positive}
    lost = shown - set(pool.positive)
    left_out |= {name: "its only images are copies of some with other labels" for name in sorted(lost)}

    learned = [q for name in pool.classes for q in pool.first_of(name, at["train"], shots)]
    absent = counterweight(pool, at["train"], pool.images(learned), len(learned), negatives)
    train = [*learned, *absent]

    share = negatives if pool.asks_of_absent else 0.0
    free = {part: images - pool.images(train) for part, images in at.items()}
    shared = at["val"] == at["heldout"]
    available = pool.count_positive(free["val"])
    wanted = min(round(val_max * (1 - share)), round(val_fraction * available) if shared else available)
    wanted = max(wanted, len(pool.classes)) if val_fraction and val_max else 0
    chosen = choose_images(pool, free["val"], wanted, share, keep_half=shared)
    return Split(
        train=_ordered(train),
        val=_ordered(sample(pool, chosen, round(wanted / (1 - share)), share)),
        heldout=_ordered(sample(pool, free["heldout"] - chosen, eval_max, share)),
        left_out=left_out,
        seed=seed,
        shots=shots,
        duplicates=asked.duplicates,
    )


def _places(images: set[str], same: Mapping[str, str], parts: Mapping[str, str]) -> dict[str, set[str]]:
    """The images that each part of the split may be drawn from."""
    given: dict[str, set[str]] = {"train": set(), "val": set(), "test": set()}
    copies = [(first, parts.get(name, "train")) for name, first in same.items() if first in images]
    # A copy of a test image in the training folder would be a leak, so the test folder keeps it.
    for part in ("test", "val", "train"):
        taken = set().union(*given.values())
        given[part] = {first for first, own in copies if own == part} - taken
    return {
        part: next((given[source] for source in sources if given[source]), set())
        for part, sources in _SOURCES.items()
    }


def _too_few(pool: Pool, at: Mapping[str, set[str]], shots: int) -> dict[str, str]:
    """Classes without the images to learn from and one to be tested on."""
    why: dict[str, str] = {}
    for name in pool.classes:
        learn, test = len(pool.showing(name, at["train"])), len(pool.showing(name, at["heldout"]))
        if at["train"] == at["heldout"] and learn < shots + 1:
            why[name] = f"{_count(learn)}, {shots + 1} needed: {shots} to learn from and 1 to hold out"
        elif learn < shots:
            why[name] = f"{_count(learn)} to learn from, {shots} needed"
        elif not test:
            why[name] = "no image to hold out"
    return why


def _nothing_left(pool: Pool, at: Mapping[str, set[str]], shots: int, alike: int) -> str:
    counts = {name: len(pool.showing(name, at["train"])) for name in pool.classes}
    if not counts:
        return "No class has enough images: nothing is labelled, or copies of an image have different labels."
    shown = ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda c: -c[1])[:10])
    most = max(counts.values()) - (at["train"] == at["heldout"])
    fix = f"lower --shots to at most {most}" if 1 <= most < shots else "label more images"
    if alike:
        fix += (
            f"; {_count(alike)} look nearly like others and count with them: if they are not copies, "
            "keep them apart with data.near_duplicates: false (fit: --no-near-duplicates)"
        )
    return f"No class has enough images for {shots} shots and one to hold out ({shown}); {fix}."


def _count(number: int) -> str:
    return f"{number} image" if number == 1 else f"{number} images"


def _ordered(questions: Sequence[Example]) -> tuple[Example, ...]:
    return tuple(sorted(questions, key=lambda question: question.id))
