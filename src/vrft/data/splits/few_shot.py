"""The few-shot protocol: k pictures a class to learn from, a few for choices, the rest held out.

Pictures, not questions, are divided. Files with the same bytes are one picture, and pictures that look nearly
the same (``vrft.data.image_similarity``) are one picture too: no part has anything that another part has.

What counts as a shot: one positive question about one picture. A picture with several instances of a class
is one shot of that class, with all its boxes. A picture that shows several classes may be drawn for each of
them, and is then a shot of each class it was drawn for and of no other: every class has exactly k. Of several
expressions about one picture, training takes one.

Draws are nested: with the same seed, the k pictures of a class are among its k + 1. Questions about absent
things are added afterwards, to the asked share, and need not be nested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vrft.data.fingerprints import Prints, read_prints
from vrft.data.images import content_hash
from vrft.data.splits.distinct_questions import distinct
from vrft.data.splits.question_pool import Pool, choose_pictures, counterweight, is_positive, sample
from vrft.errors import InputError, LabelError
from vrft.tasks.lazy_questions import Pairs
from vrft.types import Example

_SOURCES = {
    "train": ("train", "val", "test"),
    "val": ("val", "train", "test"),
    "heldout": ("test", "val", "train"),
}
"""For each part of a split, the parts of the data set to draw it from: the first that has pictures."""

_VERSION = 1


@dataclass(frozen=True)
class Split:
    """Questions to learn from, to choose by and to be tested on; no picture is in two parts."""

    train: tuple[Example, ...]
    val: tuple[Example, ...]
    heldout: tuple[Example, ...]
    left_out: dict[str, str]
    """Classes that no part asks about, and why."""
    seed: int
    shots: int
    duplicates: dict[str, str] = field(default_factory=dict)
    """Record ids that are copies or near-duplicates of another picture, and what was done."""


def few_shot_split(
    examples: Sequence[Example],
    group: Callable[[Example], str],
    *,
    shots: int,
    seed: int,
    val_fraction: float = 0.15,
    val_max: int = 60,
    eval_max: int = 200,
    negatives: float = 0.15,
    parts: Mapping[str, str] | None = None,
    near_duplicates: bool = True,
    prints: Prints | None = None,
) -> Split:
    """Divide questions by their pictures into few shots to train on, a validation part and a held-out part.

    The result depends on ids, labels, seed and settings, not on the order of the examples, nor on whether
    all of them are listed.

    Args:
        examples: questions of one task, every one with its own id; for detection all pairs of picture and
            category, present or not. Of ``Pairs`` those about absent things are made as they are drawn.
        group: the class that an example counts for (``Task.group``).
        shots: training pictures a class, at least 1.
        seed: any integer.
        val_fraction: share of the remaining questions for validation, in [0, 1). No class gets more
            validation pictures than held-out ones, so a class with one picture left is held out. Where
            validation has pictures of its own (``parts``), it takes up to ``val_max``.
        val_max: most validation questions, at least 0; one for each class all the same.
        eval_max: most held-out questions, at least 0.
        negatives: share of questions about a category that the picture does not show, in [0, 1).
        parts: record ids with the part of the data set they are given in: 'train', 'val' or 'test'.
        near_duplicates: count pictures that look nearly the same as one. False suits pictures that differ
            only in what the labels are about, such as parts on a conveyor under a fixed camera.
        prints: fingerprints of the pictures by record id; None reads the pictures here.

    Returns:
        The split; ``heldout`` is empty where no picture is left for it.

    Raises:
        InputError: no class has enough pictures, or a setting is out of its range.
        LabelError: a picture cannot be read.
    """
    _check(examples, shots, val_fraction, val_max, eval_max, negatives, parts or {})
    given = parts or {}
    asked = distinct(examples, given, near_duplicates, prints)
    pool = Pool.of(asked.listed, group, asked.same, asked.unlisted, seed)
    at = _places(pool.asked, asked.same, given)
    left_out = _too_few(pool, at, shots)
    if len(left_out) == len(pool.classes):
        raise InputError(_nothing_left(pool, at, shots, asked.alike))
    pool = pool.only([name for name in pool.classes if name not in left_out])
    if isinstance(examples, Pairs):
        shown = examples.shown
    else:
        shown = {group(example) for example in examples if is_positive(example)}
    lost = shown - set(pool.positive)
    left_out |= {name: "its only pictures are copies of some with other labels" for name in sorted(lost)}

    learned = [q for name in pool.classes for q in pool.first_of(name, at["train"], shots)]
    absent = counterweight(pool, at["train"], pool.pictures(learned), len(learned), negatives)
    train = [*learned, *absent]

    share = negatives if pool.asks_of_absent else 0.0
    free = {part: pictures - pool.pictures(train) for part, pictures in at.items()}
    shared = at["val"] == at["heldout"]
    available = pool.count_positive(free["val"])
    wanted = min(round(val_max * (1 - share)), round(val_fraction * available) if shared else available)
    wanted = max(wanted, len(pool.classes)) if val_fraction and val_max else 0
    chosen = choose_pictures(pool, free["val"], wanted, share, keep_half=shared)
    return Split(
        train=_ordered(train),
        val=_ordered(sample(pool, chosen, round(wanted / (1 - share)), share)),
        heldout=_ordered(sample(pool, free["heldout"] - chosen, eval_max, share)),
        left_out=left_out,
        seed=seed,
        shots=shots,
        duplicates=asked.duplicates,
    )


def manifest(split: Split, prints: Prints | None = None) -> dict[str, Any]:
    """What is needed to make a split again and to prove that its pictures are the same.

    Args:
        split: any split.
        prints: fingerprints of its pictures by record id; None reads the pictures here.

    Returns:
        Ids of the three parts, seed, shots, classes left out, and the SHA-256 of every picture by record id;
        plain JSON values.
    """
    questions = (*split.train, *split.val, *split.heldout)
    images = {question.record_id: question.image for question in questions}
    if prints is None:
        hashes = {name: content_hash(path) for name, path in sorted(images.items())}
    else:
        hashes = {name: found.sha256 for name, found in read_prints(prints, sorted(images)).items()}
    return {
        "version": _VERSION,
        "seed": split.seed,
        "shots": split.shots,
        **{part: [question.id for question in getattr(split, part)] for part in _SOURCES},
        "left_out": dict(split.left_out),
        "duplicates": dict(split.duplicates),
        "pictures": hashes,
    }


def split_from_manifest(examples: Sequence[Example], saved: Mapping[str, Any]) -> Split:
    """The split that a manifest describes.

    Args:
        examples: the questions of the same data set, in any order.
        saved: what ``manifest`` gave, straight or through JSON.

    Returns:
        The split.

    Raises:
        InputError: the manifest lacks something, or an id is not among the examples.
        LabelError: a picture has changed since.
    """
    if saved.get("version") != _VERSION:
        raise InputError(f"The split has version {saved.get('version')}, not {_VERSION}; split again.")
    try:
        listed: dict[str, list[str]] = {part: list(saved[part]) for part in _SOURCES}
        hashes = dict(saved["pictures"])
        seed, shots = int(saved["seed"]), int(saved["shots"])
        left_out, duplicates = dict(saved["left_out"]), dict(saved["duplicates"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"The split's manifest is damaged ({error}); split again.") from error
    wanted = {name for names in listed.values() for name in names}
    found = examples.named(wanted) if isinstance(examples, Pairs) else examples
    by_id = {example.id: example for example in found}
    missing = sorted(wanted - by_id.keys())
    if missing:
        raise InputError(
            f"{len(missing)} questions of the split are not in the data, such as '{missing[0]}'."
        )
    parts = {part: tuple(by_id[name] for name in names) for part, names in listed.items()}
    images = {e.record_id: e.image for questions in parts.values() for e in questions}
    for name, path in sorted(images.items()):
        if content_hash(path) != hashes.get(name):
            raise LabelError("The picture has changed since the split was made.", str(path), "Split again.")
    return Split(parts["train"], parts["val"], parts["heldout"], left_out, seed, shots, duplicates)


def _check(
    examples: Sequence[Example],
    shots: int,
    val_fraction: float,
    val_max: int,
    eval_max: int,
    negatives: float,
    parts: Mapping[str, str],
) -> None:
    demands = {
        f"shots must be at least 1, not {shots}.": shots >= 1,
        f"val_fraction must be in [0, 1), not {val_fraction}.": 0 <= val_fraction < 1,
        f"val_max must not be negative, as {val_max} is.": val_max >= 0,
        f"eval_max must not be negative, as {eval_max} is.": eval_max >= 0,
        f"negatives must be in [0, 1), not {negatives}.": 0 <= negatives < 1,
        f"parts must be 'train', 'val' or 'test', not {sorted(set(parts.values()))}.": (
            set(parts.values()) <= set(_SOURCES["train"])
        ),
        "Two examples have the same id.": isinstance(examples, Pairs)
        or len({e.id for e in examples}) == len(examples),
    }
    for sentence, holds in demands.items():
        if not holds:
            raise InputError(sentence)


def _places(pictures: set[str], same: Mapping[str, str], parts: Mapping[str, str]) -> dict[str, set[str]]:
    """The pictures that each part of the split may be drawn from."""
    given: dict[str, set[str]] = {"train": set(), "val": set(), "test": set()}
    copies = [(first, parts.get(name, "train")) for name, first in same.items() if first in pictures]
    # A copy of a test picture in the training folder would be a leak, so the test folder keeps it.
    for part in ("test", "val", "train"):
        taken = set().union(*given.values())
        given[part] = {first for first, told in copies if told == part} - taken
    return {
        part: next((given[source] for source in sources if given[source]), set())
        for part, sources in _SOURCES.items()
    }


def _too_few(pool: Pool, at: Mapping[str, set[str]], shots: int) -> dict[str, str]:
    """Classes without the pictures to learn from and one to be tested on."""
    why: dict[str, str] = {}
    for name in pool.classes:
        learn, test = len(pool.showing(name, at["train"])), len(pool.showing(name, at["heldout"]))
        if at["train"] == at["heldout"] and learn < shots + 1:
            why[name] = f"{_count(learn)}, {shots + 1} needed: {shots} to learn from and 1 to hold out"
        elif learn < shots:
            why[name] = f"{_count(learn)} to learn from, {shots} needed"
        elif not test:
            why[name] = "no picture to hold out"
    return why


def _nothing_left(pool: Pool, at: Mapping[str, set[str]], shots: int, alike: int) -> str:
    counts = {name: len(pool.showing(name, at["train"])) for name in pool.classes}
    if not counts:
        return (
            "No class has enough pictures: nothing is labelled, or copies of a picture have different labels."
        )
    told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda c: -c[1])[:10])
    most = max(counts.values()) - (at["train"] == at["heldout"])
    mend = f"lower --shots to at most {most}" if 1 <= most < shots else "label more pictures"
    if alike:
        mend += (
            f"; {_count(alike)} look nearly like others and count with them: if they are not copies, "
            "keep them apart with data.near_duplicates: false (fit: --no-near-duplicates)"
        )
    return f"No class has enough pictures for {shots} shots and one to hold out ({told}); {mend}."


def _count(number: int) -> str:
    return f"{number} picture" if number == 1 else f"{number} pictures"


def _ordered(questions: Sequence[Example]) -> tuple[Example, ...]:
    return tuple(sorted(questions, key=lambda question: question.id))
