"""The few-shot protocol, checked against what a reader would count by hand."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vrft import types
from vrft.data.splits.few_shot import Split, few_shot_split
from vrft.data.splits.manifest import manifest, split_from_manifest
from vrft.errors import InputError, LabelError
from vrft.types import Boxes, Example, Label

BOX = (0.0, 0.0, 1.0, 1.0)
CLASSES = "abcd"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty images of noise, each as two files; many of the same length."""
    root = tmp_path_factory.mktemp("files")
    for content in range(40):
        for copy in "xy":
            save_noise(root / f"{content}{copy}", content)
    return root


def save_noise(path: Path, content: int, size_hw: tuple[int, int] = (8, 9)) -> None:
    """An image like no other."""
    levels = np.random.default_rng(content).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    Image.fromarray(levels[content % 2 :]).save(path, "BMP")


def detection(root: Path, images: Sequence[tuple[set[str], int]]) -> list[Example]:
    """All (image, class) questions; an image is the classes it shows and the content of its file."""
    return [
        Example(
            id=f"p{number:02}#{name}",
            record_id=f"p{number:02}",
            task="detection",
            media=(types.Image(root / f"{content}{'xy'[number % 2]}", (10, 10)),),
            question=name,
            target=Boxes((BOX,) if name in shown else ()),
            group=name,
        )
        for number, (shown, content) in enumerate(images)
        for name in CLASSES
    ]


def classification(root: Path, labels: Sequence[str], contents: Sequence[int] | None = None) -> list[Example]:
    return [
        Example(
            f"p{n:03}",
            f"p{n:03}",
            "classification",
            (types.Image(root / f"{content}x", (10, 10)),),
            "object",
            Label(name),
            group=name,
        )
        for n, (name, content) in enumerate(zip(labels, contents or range(len(labels)), strict=True))
    ]


def group(example: Example) -> str:
    return example.group


def positives(questions: Sequence[Example]) -> list[Example]:
    return [q for q in questions if q.target.words or q.target.evidence_boxes]


def content_of(question: Example) -> int:
    return int(question.image.path.name[:-1])


def contents(questions: Sequence[Example]) -> set[int]:
    return set(map(content_of, questions))


def parts_of(split: Split) -> tuple[tuple[Example, ...], ...]:
    return split.train, split.val, split.heldout


worlds = st.lists(st.tuples(st.sets(st.sampled_from(CLASSES)), st.integers(0, 39)), min_size=3, max_size=25)
seeds = st.integers(0, 10**6)


def try_split(examples: list[Example], shots: int, seed: int, **options: Any) -> Split | None:
    try:
        return few_shot_split(examples, shots=shots, seed=seed, **options)
    except InputError:
        return None


@settings(max_examples=150, deadline=None)
@given(worlds, st.integers(1, 5), seeds, st.sampled_from([0.0, 0.15, 0.5]))
def test_no_image_is_in_two_parts_and_shots_are_exact(
    files: Path, world: list[tuple[set[str], int]], shots: int, seed: int, negatives: float
) -> None:
    examples = detection(files, world)
    # A class counts for an image where all of its copies show it; where they differ, it is not asked.
    labels: dict[int, set[str]] = {}
    for shown, content in world:
        labels[content] = labels.get(content, shown) & shown
    counts = Counter(name for shown in labels.values() for name in shown)
    kept = {name for name, count in counts.items() if count >= shots + 1}
    split = try_split(examples, shots, seed, negatives=negatives)
    if split is None:
        assert not kept
        return
    assert kept
    assert kept.isdisjoint(split.left_out)
    for one, other in combinations(parts_of(split), 2):
        assert contents(one).isdisjoint(contents(other))
    for part in parts_of(split):
        assert {group(q) for q in part} <= kept
        assert len({(content_of(q), q.question) for q in part}) == len(part)
        assert len(part) - len(positives(part)) <= round(negatives / (1 - negatives) * len(positives(part)))
    assert Counter(group(q) for q in positives(split.train)) == dict.fromkeys(kept, shots)
    assert split.left_out.keys() == {name for shown, _ in world for name in shown} - kept
    # What is not learned from is chosen by or held out.
    unused = set(labels) - {content_of(q) for part in parts_of(split) for q in part}
    assert not any(labels[content] & kept for content in unused)


@settings(max_examples=100, deadline=None)
@given(worlds, st.integers(1, 5), seeds)
def test_shots_are_nested(files: Path, world: list[tuple[set[str], int]], shots: int, seed: int) -> None:
    examples = detection(files, world)
    fewer, more = (try_split(examples, k, seed) for k in (shots, shots + 1))
    if fewer is None or more is None:
        return
    for name in {group(q) for q in positives(more.train)}:
        small, large = ({q.id for q in positives(s.train) if group(q) == name} for s in (fewer, more))
        assert small < large


@settings(max_examples=60, deadline=None)
@given(worlds, st.integers(1, 3), seeds, st.randoms(use_true_random=False))
def test_the_order_of_examples_is_irrelevant(
    files: Path, world: list[tuple[set[str], int]], shots: int, seed: int, rng: random.Random
) -> None:
    examples = detection(files, world)
    shuffled = rng.sample(examples, len(examples))
    assert try_split(examples, shots, seed) == try_split(shuffled, shots, seed)


def test_every_image_is_as_likely_as_any_other(files: Path) -> None:
    examples = classification(files, ["a"] * 10 + ["b"] * 10)
    seen = Counter(
        q.id
        for seed in range(400)
        for q in few_shot_split(examples, shots=2, seed=seed, near_duplicates=False).train
    )
    assert len(seen) == 20
    # 400 draws of 2 in 10 have mean 80 and standard deviation 8.
    assert all(48 < count < 112 for count in seen.values())


def test_classes_draw_independently(files: Path) -> None:
    examples = detection(files, [({"a", "b"}, n) for n in range(10)])
    same = 0
    for seed in range(200):
        train = few_shot_split(examples, shots=1, seed=seed, negatives=0, near_duplicates=False).train
        same += len({q.record_id for q in train}) == 1
    # Two free draws of one in ten agree once in ten: mean 20 of 200, standard deviation 4.2.
    assert 4 < same < 36


def test_parts_are_balanced_and_limited(files: Path) -> None:
    examples = classification(files, [CLASSES[n % 4] for n in range(40)])
    split = few_shot_split(examples, shots=2, seed=3, val_fraction=0.25, eval_max=18)
    assert Counter(map(group, split.train)) == dict.fromkeys(CLASSES, 2)
    assert Counter(map(group, split.val)) == dict.fromkeys(CLASSES, 2)
    assert set(Counter(map(group, split.heldout)).values()) == {4, 5}
    assert len(split.heldout) == 18
    assert len(few_shot_split(examples, shots=2, seed=3, val_fraction=0.25, val_max=4).val) == 4
    assert not few_shot_split(examples, shots=2, seed=3, val_fraction=0).val
    assert not few_shot_split(examples, shots=2, seed=3, eval_max=0).heldout


def test_the_last_image_of_a_class_is_held_out(files: Path) -> None:
    labels = ["a"] * 3 + ["b"] * 4 + ["c"] * 2
    split = few_shot_split(classification(files, labels), shots=2, seed=0)
    assert Counter(map(group, split.heldout)) == {"a": 1, "b": 1}
    assert Counter(map(group, split.val)) == {"b": 1}
    assert list(split.left_out) == ["c"]
    assert "2 images, 3 needed" in split.left_out["c"]


def test_no_class_with_enough_images(files: Path) -> None:
    examples = classification(files, ["a"] * 3 + ["b"] * 2)
    with pytest.raises(InputError, match=r"No class has enough images for 4 shots.*a 3, b 2.*at most 2"):
        few_shot_split(examples, shots=4, seed=0)
    with pytest.raises(InputError, match="label more images"):
        few_shot_split(classification(files, ["a", "b"]), shots=1, seed=0)
    with pytest.raises(InputError, match="nothing is labelled"):
        few_shot_split([], shots=1, seed=0)


def test_negatives_hold_their_share_over_the_classes(files: Path) -> None:
    world = [({CLASSES[n % 4]}, n) for n in range(40)]
    split = few_shot_split(detection(files, world), shots=3, seed=1, negatives=0.25)
    for part, count in ((split.train, 4), (split.heldout, None)):
        absent = [q for q in part if q not in positives(part)]
        assert len(absent) == (count or round(len(positives(part)) / 3))
        spread = Counter(map(group, absent))
        assert max(spread.values()) - min(spread[name] for name in CLASSES) <= 1
    assert {q.record_id for q in split.train} == {q.record_id for q in positives(split.train)}


def test_a_single_class_learns_its_absence_from_background(files: Path) -> None:
    world = [({"a"} if n < 20 else set[str](), n) for n in range(40)]
    split = few_shot_split(detection(files, world), shots=4, seed=1, negatives=0.5)
    assert [len(part) - len(positives(part)) for part in parts_of(split)[:1]] == [4]
    assert all(len(positives(part)) < len(part) for part in parts_of(split))
    for one, other in combinations(parts_of(split), 2):
        assert contents(one).isdisjoint(contents(other))


def test_grounding_takes_one_expression_a_image(files: Path) -> None:
    examples = [
        Example(
            f"p{p}#{i}",
            f"p{p}",
            "grounding",
            (types.Image(files / f"{p}x", (9, 9)),),
            f"thing {i}",
            Boxes((BOX,)),
            group="expression",
        )
        for p in range(6)
        for i in range(3)
    ]
    split = few_shot_split(examples, shots=3, seed=0)
    assert len(split.train) == len({q.record_id for q in split.train}) == 3
    assert len(split.val) + len(split.heldout) > 3
    for one, other in combinations(parts_of(split), 2):
        assert {q.record_id for q in one}.isdisjoint({q.record_id for q in other})


def test_parts_given_with_the_data_are_kept(files: Path) -> None:
    examples = classification(files, list("ab" * 15))
    stated = {e.id: ("train", "val", "test")[n // 10] for n, e in enumerate(examples)}
    split = few_shot_split(examples, shots=2, seed=0, parts=stated)
    for part, name in zip(parts_of(split), ("train", "val", "test"), strict=True):
        assert {stated[q.record_id] for q in part} == {name}
    assert [len(part) for part in parts_of(split)] == [4, 10, 10]
    no_val = few_shot_split(examples, shots=2, seed=0, parts={k: v for k, v in stated.items() if v == "test"})
    assert {stated[q.record_id] for q in no_val.heldout} == {"test"}
    assert "test" not in {stated[q.record_id] for q in (*no_val.train, *no_val.val)}
    no_test = {k: "val" if v == "test" else v for k, v in stated.items()}
    split = few_shot_split(examples, shots=2, seed=0, parts=no_test)
    assert {no_test[q.record_id] for q in split.heldout} == {"val"}
    assert len(split.val) + len(split.heldout) == 20


def test_a_copy_of_a_test_image_is_not_learned_from(files: Path) -> None:
    examples = classification(files, ["a"] * 8, [0, 1, 2, 3, 0, 1, 5, 6])
    stated = {e.id: "train" if n < 4 else "test" for n, e in enumerate(examples)}
    split = few_shot_split(examples, shots=2, seed=0, parts=stated)
    assert contents(split.train) == {2, 3}
    assert contents(split.heldout) == {0, 1, 5, 6}
    assert set(split.duplicates) == {"p004", "p005"}


def test_a_image_in_two_classes_is_not_used(files: Path) -> None:
    examples = classification(files, [*"aaaabbbb", "c"], [0, 1, 2, 3, 4, 5, 6, 0, 1])
    split = few_shot_split(examples, shots=1, seed=0)
    assert {0, 1}.isdisjoint(content_of(q) for part in parts_of(split) for q in part)
    for name in ("p000", "p007"):
        assert "different labels: p000, p007; none is used" in split.duplicates[name]
    assert "other labels" in split.left_out["c"]


@pytest.mark.parametrize(
    "options",
    [
        {"shots": 0},
        {"negatives": 1.0},
        {"val_fraction": -0.1},
        {"eval_max": -1},
        {"val_max": -1},
        {"parts": {"p": "x"}},
    ],
)
def test_settings_out_of_range_are_refused(files: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        few_shot_split(classification(files, list("aabb")), **({"shots": 1, "seed": 0} | options))


def test_ids_must_differ_and_images_exist(files: Path, tmp_path: Path) -> None:
    examples = classification(files, list("aabb"))
    with pytest.raises(InputError, match="same id"):
        few_shot_split([*examples, examples[0]], shots=1, seed=0)
    with pytest.raises(LabelError, match="no such image"):
        few_shot_split(classification(tmp_path, list("aabb")), shots=1, seed=0)


def test_a_manifest_gives_the_split_back(files: Path) -> None:
    examples = detection(files, [({CLASSES[n // 2 % 3]}, n // 2) for n in range(36)])
    split = few_shot_split(examples, shots=2, seed=5)
    assert split.duplicates
    assert all(parts_of(split))
    saved = json.loads(json.dumps(manifest(split)))
    assert split_from_manifest(examples[::-1], saved) == split
    first = split.train[0]
    assert saved["images"][first.record_id] == hashlib.sha256(first.image.path.read_bytes()).hexdigest()
    with pytest.raises(InputError, match=f"such as '{first.id}'"):
        split_from_manifest([e for e in examples if e.id != first.id], saved)
    with pytest.raises(InputError, match=r"damaged.*seed"):
        split_from_manifest(examples, {k: v for k, v in saved.items() if k != "seed"})
    with pytest.raises(InputError, match="version"):
        split_from_manifest(examples, {})


def test_a_changed_image_breaks_the_manifest(tmp_path: Path) -> None:
    for number in range(6):
        save_noise(tmp_path / f"{number}x", number)
    examples = classification(tmp_path, list("aaabbb"))
    split = few_shot_split(examples, shots=1, seed=0)
    saved = manifest(split)
    split.heldout[0].image.path.write_bytes(b"new")
    with pytest.raises(LabelError, match="has changed"):
        split_from_manifest(examples, saved)
