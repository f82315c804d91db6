"""The demo's folders: reproducible, read back as they were drawn, and never written over anyone's data."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from PIL import Image

from vrft.data.dataset import load_dataset
from vrft.errors import InputError
from vrft.miniature import folders, scenes
from vrft.miniature.folders import (
    DETECTION_CATEGORIES,
    write_classification,
    write_detection,
    write_grounding,
    write_measuring,
)
from vrft.miniature.glyphs import glyphs
from vrft.miniature.scenes import BASE, DIGITS, NOVEL
from vrft.tasks.registry import load_task
from vrft.types import Boxes

WRITERS = {
    "detection": write_detection,
    "classification": write_classification,
    "grounding": write_grounding,
    "measuring": write_measuring,
}
SMALL = {"train": 3, "val": 2, "heldout": 4}


@pytest.fixture(params=WRITERS)
def task(request):
    return request.param


def digest(folder):
    """Names and bytes of everything in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(p.relative_to(folder).as_posix(), hashlib.sha256(p.read_bytes()).hexdigest()) for p in files]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(task, tmp_path):
    one, two = (WRITERS[task](tmp_path / name, 5, **SMALL) for name in "ab")
    other = WRITERS[task](tmp_path / "c", 6, **SMALL)
    assert digest(one) == digest(two)
    images = [{sha for name, sha in digest(folder) if name.endswith(".png")} for folder in (one, other)]
    assert not images[0] & images[1]


def test_no_image_is_in_two_places(task, tmp_path):
    shas = [sha for name, sha in digest(WRITERS[task](tmp_path, 0, **SMALL)) if name.endswith(".png")]
    assert len(set(shas)) == len(shas)


def test_a_smaller_part_is_the_beginning_of_a_larger(task, tmp_path):
    few = WRITERS[task](tmp_path / "few", 0, train=2, val=0, heldout=0)
    more = WRITERS[task](tmp_path / "more", 0, train=4, val=0, heldout=0)
    images = [{line for line in digest(folder) if line[0].endswith(".png")} for folder in (few, more)]
    assert images[0] < images[1]


@pytest.mark.parametrize(("part", "split"), [("train", "train"), ("val", "val"), ("heldout", "heldout")])
def test_a_part_uses_the_glyphs_of_its_split_alone(task, part, split, tmp_path, monkeypatch):
    asked = set()

    def watched(digit, which):
        asked.add(which)
        return glyphs(digit, which)

    monkeypatch.setattr(scenes, "glyphs", watched)
    WRITERS[task](tmp_path, 0, **({"train": 0, "val": 0, "heldout": 0} | {part: 8}))
    assert asked == {split}


def test_the_folder_reads_back_with_the_stated_parts(task, tmp_path):
    dataset = load_dataset(WRITERS[task](tmp_path, 0, **SMALL), load_task(task).needs)
    each = len(DIGITS) if task == "classification" else 1
    counts = {part: list(dataset.parts.values()).count(part) for part in ("train", "val", "test")}
    assert counts == {"train": 3 * each, "val": 2 * each, "test": 4 * each}
    assert dataset.warnings == ()
    examples = load_task(task).examples(dataset.records)
    assert {example.record_id for example in examples} == {record.id for record in dataset.records}


def test_detection_labels_everything_that_was_drawn(tmp_path, monkeypatch):
    drawn = []

    def watched(*arguments, **named):
        scene = scenes.draw_scene(*arguments, **named)
        drawn.append(scene)
        return scene

    monkeypatch.setattr(folders, "draw_scene", watched)
    records = load_dataset(write_detection(tmp_path, 0, train=12, val=0, heldout=0) / "train").records
    assert len(records) == len(drawn) == 12
    for record, scene in zip(sorted(records, key=lambda r: r.id), drawn, strict=True):
        assert [(one.name, value.xyxy_px) for one, value in record.about("category", Boxes)] == [
            (o.category, (tuple(map(float, o.box_xyxy_px)),)) for o in scene.objects
        ]
        assert Image.open(record.image.path).convert("RGB").tobytes() == scene.pixels.tobytes()


def test_default_detection_has_all_six_categories_in_every_part(tmp_path):
    folder = write_detection(tmp_path, 0, train=30, val=30, heldout=30)
    for part in ("train", "valid", "test"):
        dataset = load_dataset(folder / part)
        assert dataset.categories == tuple(sorted(DETECTION_CATEGORIES))
        assert dataset.warnings == ()
    assert set(DETECTION_CATEGORIES) <= set(BASE)


def test_open_vocabulary_has_novel_categories_alone(tmp_path):
    records = load_dataset(write_detection(tmp_path, 0, NOVEL, **SMALL)).records
    assert {name for record in records for name in record.categories} <= set(NOVEL)


def test_grounding_asks_one_or_two_things_of_base_categories(tmp_path):
    records = load_dataset(write_grounding(tmp_path, 0, train=20, val=0, heldout=0)).records
    phrases = [list(record.about("phrase", Boxes)) for record in records]
    assert {len(own) for own in phrases} <= {1, 2}
    assert all(len(value.xyxy_px) == 1 for own in phrases for _, value in own)
    named = {word for own in phrases for one, _ in own for word in one.name.split()}
    assert not named & set(NOVEL)


def test_a_complete_folder_is_left_alone(task, tmp_path):
    folder = WRITERS[task](tmp_path, 0, **SMALL)
    image = next(folder.rglob("*.png"))
    Image.new("RGB", (9, 9)).save(image)
    before = digest(folder)
    assert WRITERS[task](folder, 0, **SMALL) == folder
    assert digest(folder) == before


def test_a_folder_whose_writing_was_cut_short_is_written_anew(task, tmp_path):
    folder = WRITERS[task](tmp_path / "a", 0, **SMALL)
    whole = digest(folder)
    next(folder.rglob("*.png")).unlink()
    assert digest(WRITERS[task](folder, 0, **SMALL)) == whole

    marker = json.loads((folder / folders.MARKER).read_text())
    del marker["files"]
    (folder / folders.MARKER).write_text(json.dumps(marker))
    shutil.rmtree(next(path for path in folder.iterdir() if path.is_dir()))
    assert digest(WRITERS[task](folder, 0, **SMALL)) == whole


def test_a_stop_in_the_middle_is_fixed_by_the_next_call(tmp_path, monkeypatch):
    left = iter(range(4))

    def stopping(*arguments, **named):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return scenes.draw_scene(*arguments, **named)

    monkeypatch.setattr(folders, "draw_scene", stopping)
    with pytest.raises(KeyboardInterrupt):
        write_detection(tmp_path / "a", 0, **SMALL)
    monkeypatch.undo()
    fixed = write_detection(tmp_path / "a", 0, **SMALL)
    assert digest(fixed) == digest(write_detection(tmp_path / "b", 0, **SMALL))


def test_other_settings_write_our_own_folder_anew_without_leftovers(task, tmp_path):
    folder = WRITERS[task](tmp_path / "a", 0, train=4, val=2, heldout=4)
    assert digest(WRITERS[task](folder, 1, **SMALL)) == digest(WRITERS[task](tmp_path / "b", 1, **SMALL))


def test_our_folder_of_another_task_leaves_nothing_behind(tmp_path):
    folder = write_grounding(write_detection(tmp_path / "a", 0, **SMALL), 0, **SMALL)
    assert digest(folder) == digest(write_grounding(tmp_path / "b", 0, **SMALL))


def test_what_the_user_put_next_to_the_parts_stays(task, tmp_path):
    folder = WRITERS[task](tmp_path, 0, **SMALL)
    (folder / "notes").mkdir()
    (folder / "notes" / "a.txt").write_text("mine")
    WRITERS[task](folder, 1, **SMALL)
    assert (folder / "notes" / "a.txt").read_text() == "mine"


@pytest.mark.parametrize("marker", [None, "{}", "no json", '{"generator": "another"}', "[]"])
def test_a_folder_of_someone_else_is_refused_untouched(task, marker, tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "holiday.jpg").write_bytes(b"mine")
    if marker is not None:
        (tmp_path / folders.MARKER).write_text(marker)
    before = digest(tmp_path)
    with pytest.raises(InputError, match=r"vrft did not write what is there.*another folder"):
        WRITERS[task](tmp_path, 0, **SMALL)
    assert digest(tmp_path) == before


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(InputError, match="leaves it alone"):
        write_detection(tmp_path / "a", 0)
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "must be 0 or more"),
        ({"train": -1}, "must be 0 or more"),
        ({"categories": ("two", "unicorn")}, "unicorn.*Choose from: zero"),
        ({"categories": ()}, "Name at least one, each once"),
        ({"categories": ("two", "two")}, "Name at least one, each once"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_anything_is_written(task, wrong, message, tmp_path):
    with pytest.raises(InputError, match=message):
        WRITERS[task](tmp_path / "a", **({"seed": 0, **SMALL} | wrong))
    assert not (tmp_path / "a").exists()


def test_strokes_are_labelled_where_they_are_asked_for(tmp_path):
    write_detection(tmp_path / "a", 3, train=0, val=0, heldout=6, masks=True)
    records = load_dataset(tmp_path / "a" / "test").records
    found = [value for record in records for _, value in record.about("category", Boxes)]
    assert found and all(value.mask is not None for value in found)
    for value in found:
        assert value.mask.box_xyxy_px == value.xyxy_px[0]
    plain = write_detection(tmp_path / "b", 3, train=0, val=0, heldout=6)
    for record in load_dataset(plain / "test").records:
        assert record.image.path.read_bytes() == (tmp_path / "a" / "test" / record.id).read_bytes()
        assert all(value.mask is None for _, value in record.about("category", Boxes))
