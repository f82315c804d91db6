"""Scenes: drawn from a seed alone, labelled exactly, and never of another split's glyphs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.miniature import scenes
from vrft.miniature.glyphs import SPLITS, glyphs
from vrft.miniature.scenes import BASE, CATEGORIES, NOVEL, SHAPES, SIZE, draw_scene

SEEDS = st.integers(0, 2**32 - 1)
SPLIT = st.sampled_from(SPLITS)


@settings(max_examples=25, deadline=None)
@given(SEEDS, SPLIT)
def test_the_same_seed_gives_the_same_bytes(seed, split):
    one, two = (draw_scene(np.random.default_rng(seed), split) for _ in range(2))
    assert one.pixels.tobytes() == two.pixels.tobytes()
    assert one.objects == two.objects


def test_another_seed_gives_another_image():
    images = {draw_scene(np.random.default_rng(seed), "train").pixels.tobytes() for seed in range(20)}
    assert len(images) == 20


@settings(max_examples=60, deadline=None)
@given(SEEDS, SPLIT, st.integers(1, 4))
def test_boxes_lie_inside_the_image_and_apart(seed, split, most):
    scene = draw_scene(np.random.default_rng(seed), split, count=(1, most))
    assert scene.pixels.shape == (SIZE, SIZE, 3)
    assert scene.pixels.dtype == np.uint8
    assert 1 <= len(scene.objects) <= most
    covered = np.zeros((SIZE, SIZE), int)
    for o in scene.objects:
        x1, y1, x2, y2 = o.box_xyxy_px
        assert 0 <= x1 < x2 <= SIZE
        assert 0 <= y1 < y2 <= SIZE
        covered[y1:y2, x1:x2] += 1
    assert covered.max() == 1


@pytest.mark.parametrize("category", CATEGORIES)
def test_boxes_are_tight_on_the_ink(category, monkeypatch):
    """The image less the same image without its objects is the ink, found without the boxes."""

    def leave_bare(rng, canvas, ink, left, top, rgb):
        rng.normal(0, 10, 3)

    paint = scenes._paint
    for seed in range(12):
        drawn = draw_scene(np.random.default_rng(seed), "val", (category,), (1, 1))
        monkeypatch.setattr(scenes, "_paint", leave_bare)
        bare = draw_scene(np.random.default_rng(seed), "val", (category,), (1, 1))
        monkeypatch.setattr(scenes, "_paint", paint)
        changed = np.abs(drawn.pixels.astype(int) - bare.pixels.astype(int)).max(-1) > 8
        rows, columns = np.where(changed.any(1))[0], np.where(changed.any(0))[0]
        ink = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert drawn.objects[0].box_xyxy_px == ink, seed


def test_only_the_wanted_categories_appear():
    for seed in range(30):
        scene = draw_scene(np.random.default_rng(seed), "train", NOVEL, (2, 3))
        assert {o.category for o in scene.objects} <= set(NOVEL)


def test_of_gives_every_object_of_a_category_and_no_other():
    scene = draw_scene(np.random.default_rng(3), "train", ("two", "heart"), (4, 4))
    assert sorted([*scene.of("two"), *scene.of("heart")], key=str) == sorted(scene.objects, key=str)
    assert {o.category for o in scene.of("two")} <= {"two"}
    assert scene.of("seven") == ()


def test_novel_and_base_categories_share_nothing_and_miss_nothing():
    assert set(BASE) | set(NOVEL) == set(CATEGORIES)
    assert not set(BASE) & set(NOVEL)


def test_no_glyph_is_in_two_splits_and_none_is_lost():
    owners: dict[bytes, set[str]] = {}
    total = 0
    for split, digit in itertools.product(SPLITS, range(10)):
        bank = glyphs(digit, split)
        assert len(bank) > 10
        total += len(bank)
        for glyph in bank:
            owners.setdefault(glyph.tobytes(), set()).add(split)
    assert total == 1797
    assert all(len(splits) == 1 for splits in owners.values())


def test_glyphs_are_those_of_scikit_learn():
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    for digit in range(10):
        ours = sorted(g.tobytes() for split in SPLITS for g in glyphs(digit, split))
        theirs = sorted(i.astype(np.uint8).tobytes() for i in digits.images[digits.target == digit])
        assert ours == theirs


def test_a_scene_takes_its_digits_from_its_own_split(monkeypatch):
    asked = set()

    def watched(digit, split):
        asked.add(split)
        return glyphs(digit, split)

    monkeypatch.setattr(scenes, "glyphs", watched)
    draw_scene(np.random.default_rng(0), "heldout", ("two", "five"), (3, 3))
    assert asked == {"heldout"}


def test_every_shape_can_be_distinguished_from_every_other():
    """Mean opacities of two shapes at one size differ clearly somewhere."""
    means = {}
    for shape in SHAPES:
        inks = [scenes._shape(np.random.default_rng(seed), shape, 32) for seed in range(20)]
        means[shape] = np.mean(inks, axis=0)
    for one, two in itertools.combinations(SHAPES, 2):
        assert np.abs(means[one] - means[two]).max() > 0.3, (one, two)
