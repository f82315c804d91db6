"""Puzzles that need no label: the answer undoes what is shown, and guesses earn what chance gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage

from vrft.data.images import open_image
from vrft.errors import InputError
from vrft.inference.image_questions import images_at, questions_about
from vrft.tasks.jigsaw.jigsaw import Jigsaw, places
from vrft.tasks.patch_fit.patch_fit import PatchFit
from vrft.tasks.registry import load_task
from vrft.tasks.rotation_puzzle.rotation_puzzle import TASK as ROTATION
from vrft.types import Answer, Form, Image, Permutation, Record
from vrft.types.puzzle_edits import QuarterTurn, TileShuffle

GRIDS = [(1, 2), (2, 2), (2, 3), (3, 1), (3, 3)]


def noise(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def record(folder, width, height, name="a.png"):
    PILImage.fromarray(noise(width, height)).save(folder / name)
    return Record(name, (Image(folder / name, (width, height)),))


def tiles(pixels, rows, columns):
    """Row by row from the top left."""
    return [
        tile
        for row in np.split(pixels, rows, axis=0)
        for tile in np.split(row, columns, axis=1)
    ]  # fmt: skip


@pytest.mark.parametrize(("rows", "columns"), GRIDS)
def test_the_answer_says_which_tile_of_the_original_is_at_each_place(tmp_path, rows, columns):
    task = Jigsaw(rows=rows, columns=columns)
    (asked,) = task.examples([record(tmp_path, 61, 47)])
    order = asked.target.order
    assert sorted(order) == list(range(1, rows * columns + 1)) and list(order) != sorted(order)
    whole = open_image(replace(asked.image, edits=()))
    assert (whole.width % columns, whole.height % rows) == (0, 0)
    original = tiles(np.asarray(whole), rows, columns)
    shown = tiles(np.asarray(open_image(asked.image)), rows, columns)
    for tile, number in zip(shown, order, strict=True):
        assert (tile == original[number - 1]).all()


def test_a_cycle_of_three_is_not_its_inverse():
    pixels = noise(6, 2)
    shown = np.asarray(TileShuffle(1, 3, (2, 3, 1)).apply(PILImage.fromarray(pixels)))
    assert (shown == np.concatenate([pixels[:, 2:], pixels[:, :2]], axis=1)).all()
    right = Permutation((2, 3, 1))
    assert [places(Answer(Permutation(o)), right) for o in ((2, 3, 1), (3, 1, 2), (2, 1, 3))] == [1, 0, 1 / 3]


@pytest.mark.parametrize("quarters", range(4))
def test_an_image_is_turned_against_the_clock(quarters):
    pixels = noise(5, 5)
    shown = np.asarray(QuarterTurn(quarters).apply(PILImage.fromarray(pixels)))
    assert (shown == np.rot90(pixels, quarters)).all()


def test_a_rotation_shows_the_middle_square_and_says_by_how_much(tmp_path):
    asked = ROTATION.examples([record(tmp_path, 40, 30, f"{i}.png") for i in range(40)])
    assert {e.target.number for e in asked} == {0, 90, 180, 270}
    for example in asked[:8]:
        square = np.asarray(open_image(replace(example.image, edits=())))
        assert square.shape == (30, 30, 3)
        undone = np.rot90(np.asarray(open_image(example.image)), -int(example.target.number) // 90)
        assert (undone == square).all()


@pytest.mark.parametrize("decoys", [1, 3, 5, 7])
def test_the_right_patch_alone_fills_the_hole(tmp_path, decoys):
    task = PatchFit(decoys=decoys)
    asked = task.examples([record(tmp_path, 80, 60, f"{i}.png") for i in range(30)])
    for example in asked[:6]:
        holed, *patches = example.media
        (blank,) = holed.edits
        left, top, right, bottom = blank.xyxy_px
        assert (right - left, bottom - top) == (15, 15)
        whole = np.asarray(open_image(replace(holed, edits=())))
        shown = np.asarray(open_image(holed))
        outside = np.ones(whole.shape[:2], bool)
        outside[top:bottom, left:right] = False
        assert (shown[outside] == whole[outside]).all() and (shown[~outside] == 127).all()
        cut = whole[top:bottom, left:right]
        fits = [np.array_equal(np.asarray(open_image(patch)), cut) for patch in patches]
        assert [i + 1 for i, fit in enumerate(fits) if fit] == [example.target.number]
        assert len(patches) == decoys + 1
    assert len({e.target.number for e in asked}) == decoys + 1, "the place of the right one varies"


def test_a_patch_of_an_image_that_is_too_small_is_no_puzzle(tmp_path):
    assert PatchFit().examples([record(tmp_path, 31, 60)]) == []
    with pytest.raises(InputError, match="1 to 7"):
        PatchFit(decoys=0)


def test_the_same_image_is_the_same_puzzle_wherever_it_stands_in_the_list(tmp_path):
    records = [record(tmp_path, 40, 36, f"{i}.png") for i in range(6)]
    for task in (Jigsaw(), ROTATION, PatchFit()):
        assert list(reversed(task.examples(records))) == task.examples(list(reversed(records)))
        assert len({e.target for e in task.examples(records)}) > 1


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_guess_earns_what_chance_gives(n):
    """The mean number of fixed points of a random order is one."""
    from itertools import permutations

    right = Permutation(tuple(range(1, n + 1)))
    guesses = [places(Answer(Permutation(order)), right) for order in permutations(right.order)]
    assert np.mean(guesses) == pytest.approx(1 / n)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("[3, 1, 2, 4]", (3, 1, 2, 4)),
        ("3 1 2 4", (3, 1, 2, 4)),
        ("3,1,2,4.", (3, 1, 2, 4)),
        ("[2, 0, 1, 3]", None),
        ("[1, 1, 2, 3]", None),
        ("[3, 1, 2]", None),
        ("[3, 1, 2, 4, 5]", None),
        ("3124", None),
        ("1 to 4", None),
        ("[1, 2, 3, 4] or [3, 1, 2, 4]", None),
    ],
)
def test_an_order_is_read_as_it_is_written_and_never_shifted(tmp_path, text, order):
    (asked,) = Jigsaw().examples([record(tmp_path, 20, 20)])
    answer = Jigsaw().parse(f"<answer>{text}</answer>", replace(asked, form=Form.DIRECT), [])
    assert (answer.value.order if answer.value else None) == order


@pytest.mark.parametrize(
    ("text", "degrees"),
    [("90", 90), ("270°", 270), ("180 degrees", 180), ("-90", None), ("45", None), ("90 or 180", None)],
)
def test_an_angle_is_one_of_four(tmp_path, text, degrees):
    (asked,) = ROTATION.examples([record(tmp_path, 20, 20)])
    answer = ROTATION.parse(f"<answer>{text}</answer>", replace(asked, form=Form.DIRECT), [])
    assert (answer.value.number if answer.value else None) == degrees


@given(st.text(max_size=40))
def test_no_text_raises(text):
    for task in (Jigsaw(), ROTATION, PatchFit()):
        (asked,) = task.examples([Record("a", (Image(Path("a.png"), (40, 40)),))])
        answer = task.parse(text, asked, [])
        assert 0 <= task.score(answer, asked.target) <= 1


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (0, 3), (2, 5)])
def test_grids_without_a_puzzle_are_refused(rows, columns):
    with pytest.raises(InputError, match="2 to 9 tiles"):
        Jigsaw(rows=rows, columns=columns)


@pytest.mark.parametrize("task", [ROTATION, Jigsaw(), PatchFit()], ids=lambda task: task.name)
def test_an_image_of_a_user_is_asked_without_a_question(tmp_path, task):
    record(tmp_path, 96, 64)
    (asked,), broken = questions_about(images_at(tmp_path), task, ())
    assert asked.question == task.what and not all(m.is_plain for m in asked.media) and not broken
    with pytest.raises(InputError, match="Say what detection is"):
        questions_about(images_at(tmp_path), load_task("detection"), ())
