"""ReasonSeg's json: LISA's mask rules, against masks written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled import phrases, values
from pycocotools import mask as coco_mask

from vrft.data.dataset import load_dataset
from vrft.errors import LabelError
from vrft.tasks.registry import load_task
from vrft.types import Mask


def shape(label: str, *points: tuple[float, float]) -> dict[str, Any]:
    return {
        "label": label,
        "labels": [label],
        "shape_type": "polygon",
        "image_name": "1.jpg",
        "points": [list(point) for point in points],
        "group_id": None,
        "group_ids": [None],
        "flags": {},
    }


def square(label: str, x1: float, y1: float, x2: float, y2: float) -> dict[str, Any]:
    return shape(label, (x1, y1), (x2, y1), (x2, y2), (x1, y2))


def write(folder: Path, *shapes: Any, name: str = "1.json", **extra: Any) -> None:
    sheet = {"text": ["the thing to sit on"], "is_sentence": True, "shapes": list(shapes), **extra}
    (folder / name).write_text(json.dumps(sheet))


def pixels(mask: Mask | None) -> np.ndarray:
    assert mask is not None
    return coco_mask.decode({"size": list(mask.size_hw), "counts": mask.counts.encode()}).astype(bool)


def filled(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Boxes by their first and last pixels."""
    region = np.zeros((30, 40), dtype=bool)
    for x1, y1, x2, y2 in boxes:
        region[y1 : y2 + 1, x1 : x2 + 1] = True
    return region


@pytest.fixture
def folder(tmp_path: Path, make_image: Any) -> Path:
    make_image("1.jpg")
    return tmp_path


def test_targets_are_joined_and_flags_skipped(folder: Path) -> None:
    write(
        folder,
        square("flag", 0, 0, 39, 29),
        square("target", 2, 3, 6, 8),
        square("Target", 20.9, 10.9, 25.2, 12.0),
        text=["a chair", " where to sit? "],
    )
    dataset = load_dataset(folder)
    assert dataset.format == "reasonseg"
    (record,) = dataset.records
    assert [text for text, _ in phrases(record)] == ["a chair", "where to sit?"]
    for meant in values(record):
        # Both borders are painted, and fractions are cut.
        assert (pixels(meant.mask) == filled((2, 3, 6, 8), (20, 10, 25, 12))).all()
        assert meant.xyxy_px == ((2.0, 3.0, 26.0, 13.0),)
        assert meant.ignore is None


@pytest.mark.parametrize("order", [1, -1])
def test_the_smaller_shape_wins_in_whatever_order_they_stand(folder: Path, order: int) -> None:
    write(folder, *[square("target", 0, 0, 19, 19), square("ignore", 15, 15, 24, 24)][::order])
    (meant,) = values(load_dataset(folder).records[0])
    ignored = filled((15, 15, 24, 24))
    assert (pixels(meant.ignore) == ignored).all()
    assert (pixels(meant.mask) == filled((0, 0, 19, 19)) & ~ignored).all()


def test_a_small_target_takes_its_pixels_from_a_large_ignored_shape(folder: Path) -> None:
    write(folder, square("target", 5, 5, 9, 9), square("ignore_2", 0, 0, 39, 29))
    (meant,) = values(load_dataset(folder).records[0])
    assert (pixels(meant.mask) == filled((5, 5, 9, 9))).all()
    assert (pixels(meant.ignore) == ~filled((5, 5, 9, 9))).all()


def test_of_equal_areas_the_first_shape_wins(folder: Path) -> None:
    write(folder, square("ignore", 0, 0, 9, 9), square("target", 5, 5, 14, 14))
    (meant,) = values(load_dataset(folder).records[0])
    assert (pixels(meant.ignore) == filled((0, 0, 9, 9))).all()


def test_slanted_borders_points_and_overhang(folder: Path) -> None:
    write(
        folder, shape("target", (0, 0), (4, 0), (0, 4)), shape("target", (30, 20)), square("t", 35, -9, 99, 1)
    )
    (meant,) = values(load_dataset(folder).records[0])
    triangle = np.zeros((30, 40), dtype=bool)
    for y in range(5):
        triangle[y, : 5 - y] = True
    assert (pixels(meant.mask) == (triangle | filled((30, 20, 30, 20), (35, 0, 39, 1)))).all()


def test_parts_and_the_question_carry_mask_and_ignored_region(tmp_path: Path, make_image: Any) -> None:
    for part in ("train", "val"):
        make_image(f"{part}/7.jpg")
        write(tmp_path / part, square("target", 5, 5, 9, 9), square("ignore", 0, 0, 2, 2), name="7.json")
    (tmp_path / "explanatory").mkdir()
    (tmp_path / "explanatory/train.json").write_text('[{"image": "7.jpg", "query": "", "outputs": ""}]')
    dataset = load_dataset(tmp_path)
    assert dataset.parts == {"train/7.jpg": "train", "val/7.jpg": "val"}
    assert "explanatory/train.json" in dataset.warnings[0]
    example = load_task("grounding").examples(dataset.records)[0]
    meant = values(dataset.records[0])[0]
    assert (example.target.mask, example.target.ignore) == (meant.mask, meant.ignore)


def test_texts_in_the_old_encoding_are_read(folder: Path) -> None:
    sheet = {"text": ["a child’s seat"], "is_sentence": False, "shapes": [square("target", 1, 1, 2, 2)]}
    (folder / "1.json").write_bytes(json.dumps(sheet, ensure_ascii=False).encode("cp1252"))
    assert phrases(load_dataset(folder).records[0])[0][0] == "a child’s seat"


@pytest.mark.parametrize(
    ("shapes", "extra", "said"),
    [
        ([square("flag", 0, 0, 5, 5)], {}, "No shape has the label 'target'"),
        ([square("target", 50, 50, 60, 60)], {}, "No shape has the label 'target'"),
        ([shape("target")], {}, "shape 1: The shape has no points"),
        ([square("target", 0, 0, float("nan"), 5)], {}, "no points"),
        ([{"points": [[1, 2]]}], {}, "no label"),
        (["target"], {}, "not a list of objects"),
        ([square("target", 0, 0, 5, 5)], {"text": []}, "not a list of questions"),
        ([square("target", 0, 0, 5, 5)], {"text": ["a", " "]}, "empty or not text"),
    ],
)
def test_broken_files_are_refused(folder: Path, shapes: Any, extra: Any, said: str) -> None:
    write(folder, *shapes, **extra)
    with pytest.raises(LabelError, match=rf"(?s)1\.json.*{said}"):
        load_dataset(folder)


def test_a_damaged_file_among_others_is_not_passed_over(folder: Path, make_image: Any) -> None:
    write(folder, square("target", 0, 0, 5, 5))
    make_image("2.jpg", shade=9)
    (folder / "2.json").write_text('{"text": ["a"], "shapes": [')
    write(folder, square("target", 0, 0, 5, 5), name="3.json")
    with pytest.raises(LabelError, match=r"(?s)2\.json.*not JSON.*3\.json.*no image of the same name"):
        load_dataset(folder)
