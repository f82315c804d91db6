"""Questions that are made as they are drawn are those of the full list, and so is the split that is drawn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.data.label_checks import instance_of
from vrft.data.splits.few_shot import Split, few_shot_split
from vrft.data.splits.manifest import manifest, split_from_manifest
from vrft.errors import InputError
from vrft.tasks import lazy_questions
from vrft.tasks.detection.detection import TASK
from vrft.tasks.lazy_questions import LazyQuestionGrid
from vrft.types import Example, Record
from vrft.types import Image as Shown

BOX = (0.0, 0.0, 4.0, 4.0)
CLASSES = "abcd"

names = st.sets(st.sampled_from(CLASSES))
images = st.tuples(
    names, names, st.none() | names, names, st.sampled_from("xxxyz"), st.integers(0, 19)
)  # shown, crowds, listed as absent, not labelled exhaustively, copy, content
worlds = st.lists(images, min_size=3, max_size=30)


def records_of(root: Path, world: Sequence[tuple[Any, ...]]) -> list[Record]:
    return [
        Record(
            f"p{number:02}",
            (Shown(root / f"{content}{copy}", (9, 8)),),
            (
                *(instance_of(n, BOX) for n in sorted(shown)),
                *(instance_of(n, BOX, crowd=True) for n in sorted(crowds)),
            ),
            absent=None if absent is None else tuple(sorted(absent - shown - crowds)),
            not_exhaustive=tuple(sorted(partly)),
        )
        for number, (shown, crowds, absent, partly, copy, content) in enumerate(world)
    ]


def pairs_of(records: Sequence[Record]) -> LazyQuestionGrid:
    """What is returned beyond the limit."""
    categories = {name for record in records for name in record.categories}
    return LazyQuestionGrid(records, categories, TASK._example)


def drawn(examples: Sequence[Example], shots: int, seed: int, **options: object) -> Split | str:
    try:
        return few_shot_split(examples, shots=shots, seed=seed, **options)  # type: ignore[arg-type]
    except InputError as error:
        return str(error)


@settings(max_examples=100, deadline=None)
@given(worlds)
def test_the_questions_are_those_of_the_list(files: Path, world: list[Any]) -> None:
    records = records_of(files, world)
    listed, pairs = TASK.examples(records), pairs_of(records)
    assert isinstance(listed, list)
    assert list(pairs) == listed and len(pairs) == len(listed)
    assert [pairs[place] for place in range(-len(listed), len(listed))] == listed + listed
    assert pairs[1:-1:2] == listed[1:-1:2]
    with pytest.raises(IndexError):
        pairs[len(listed)]
    assert pairs.images == {example.record_id: example.image.path for example in listed}
    assert pairs.present() == [example for example in listed if example.target.xyxy_px]
    assert pairs.shown == {example.question for example in pairs.present()}
    absent = {(e.record_id, e.question) for e in listed if not e.target.xyxy_px}
    every = {(record.id, name) for record in records for name in pairs.categories}
    assert {pair for pair in every if pairs.is_absent(*pair)} == absent
    some = {record.id for record in records[::2]}
    assert pairs.about(some) == [e for e in listed if e.record_id in some]
    assert list(pairs.without(some)) == [e for e in listed if e.record_id not in some]
    assert pairs.named([e.id for e in listed] + ["p00#nothing", "other#a", "p00"]) == listed


@settings(max_examples=150, deadline=None)
@given(
    worlds,
    st.integers(1, 3),
    st.integers(0, 10**6),
    st.sampled_from([0.0, 0.15, 0.5]),
    st.booleans(),
    st.sampled_from(["", "train", "test"]),
)
def test_the_split_does_not_depend_on_whether_questions_are_listed(
    files: Path, world: list[Any], shots: int, seed: int, negatives: float, near: bool, other_part: str
) -> None:
    records = records_of(files, world)
    parts = {r.id: other_part for r in records[1::2]} if other_part else {}
    options = {"negatives": negatives, "near_duplicates": near, "parts": parts, "eval_max": 12}
    by_list = drawn(TASK.examples(records), shots, seed, **options)
    by_pairs = drawn(pairs_of(records), shots, seed, **options)
    assert by_pairs == by_list
    if isinstance(by_list, Split) and isinstance(by_pairs, Split):
        assert list(by_pairs.duplicates) == list(by_list.duplicates)
        assert split_from_manifest(pairs_of(records), manifest(by_list)) == by_list


@pytest.mark.parametrize("seed", range(8))
def test_a_split_with_many_questions_about_absent_things(files: Path, seed: int) -> None:
    """Twenty images that show one or two classes, and six copies: few worlds above are as rich."""
    draw = random.Random(seed)
    kinds = [set(draw.sample(CLASSES, draw.randint(1, 2))) for _ in range(20)]
    world = [(shown, set(), None, set(), "x", content) for content, shown in enumerate(kinds)]
    world += [(kinds[content], set(), None, set(), draw.choice("yz"), content) for content in range(6)]
    records = records_of(files, world)
    by_list = drawn(TASK.examples(records), 2, seed, negatives=0.4)
    assert isinstance(by_list, Split) and len(by_list.duplicates) == 6
    assert sum(not q.target.xyxy_px for q in by_list.heldout) > 2
    assert drawn(pairs_of(records), 2, seed, negatives=0.4) == by_list


def test_long_lists_become_pairs(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = records_of(files, [({"a"}, set(), None, set(), "x", n) for n in range(6)])
    monkeypatch.setattr(lazy_questions, "MAX_EAGER", 5)
    assert isinstance(TASK.examples(records), LazyQuestionGrid)
    # 'p#a' and 'b' would have the id of 'p' and 'a#b'.
    marked = [Record("p", records[0].media, (instance_of("a#b", BOX),)), *records]
    assert isinstance(TASK.examples(marked), list)
