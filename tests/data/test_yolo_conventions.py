"""YOLO's text files whose numbers are not what YOLO documents: named, and read once they are declared."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from labelled import boxes

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import load_dataset
from vrft.errors import LabelError

WIDE = (200, 120)
TRUE_BOXES = 24
Corners = tuple[float, float, float, float]


def center(box: Corners) -> Corners:
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def corner(box: Corners) -> Corners:
    x1, y1, x2, y2 = box
    return x1, y1, x2 - x1, y2 - y1


def corners(box: Corners) -> Corners:
    return box


def shares(box: Corners, wh: tuple[int, int], extent: float) -> Corners:
    return tuple(extent * n / side for n, side in zip(box, wh * 2, strict=True))  # type: ignore[return-value]


KINDS: dict[str, Callable[[Corners, tuple[int, int]], Corners]] = {
    "0-1": lambda box, wh: shares(box, wh, 1),
    "0-1000": lambda box, wh: shares(box, wh, 1000),
    "pixels": lambda box, wh: box,
}
ORDERS: dict[str | None, Callable[[Corners], Corners]] = {None: center, "xyxy": corners, "xywh": corner}


def drawn(seed: int, wh: tuple[int, int]) -> list[Corners]:
    """Boxes of all sizes; some touch the right border, some the lower."""
    dice, found = random.Random(seed), []
    for number in range(TRUE_BOXES):
        x1, x2 = sorted(dice.sample(range(1, wh[0]), 2))
        y1, y2 = sorted(dice.sample(range(1, wh[1]), 2))
        edge = {0: (wh[0], y2), 1: (x2, wh[1])}.get(number % 4, (x2, y2))
        found.append((float(x1), float(y1), float(edge[0]), float(edge[1])))
    return found


def written(
    folder: Path, make_image: Any, kind: str, order: str | None, wh: tuple[int, int] = WIDE, seed: int = 0
) -> list[Corners]:
    """A dataset of six images in one convention, and its boxes in pixels."""
    (folder / "classes.txt").write_text("cat\ndog\n")
    found = drawn(seed, wh)
    (folder / "labels").mkdir(exist_ok=True)
    for number in range(6):
        make_image(f"images/{number}.png", wh, shade=number)
        lines = [
            f"{index % 2} " + " ".join(f"{n:.8f}" for n in ORDERS[order](KINDS[kind](box, wh)))
            for index, box in enumerate(found[number::6])
        ]
        (folder / f"labels/{number}.txt").write_text("\n".join(lines) + "\n")
    return found


def options_of(kind: str, order: str | None) -> str:
    said = [f"--coordinates {kind}"] if kind != "0-1" else []
    return " ".join([*said, *([f"--box-order {order}"] if order else [])])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("seed", range(3))
def test_another_convention_is_named_and_read_once_it_is_declared(
    tmp_path: Path, make_image: Any, kind: Any, order: Any, seed: int
) -> None:
    true = written(tmp_path, make_image, kind, order, seed=seed)
    if (kind, order) != ("0-1", None):
        with pytest.raises(
            LabelError, match="do not fit their images as center and size from 0 to 1"
        ) as caught:
            load_dataset(tmp_path)
        said = str(caught.value).partition("Say what they are: ")[2].partition(";")[0]
        assert said == options_of(kind, order)
    declared = ReadOptions(coordinates=kind, box_order=order)
    dataset = load_dataset(tmp_path, options=declared)
    read = {record.id: [box for _, box in boxes(record)] for record in dataset.records}
    for number in range(6):
        for box, expected in zip(read[f"images/{number}.png"], true[number::6], strict=True):
            assert box == pytest.approx(expected, abs=1e-3)
    assert not dataset.left_out and not dataset.fixed


def test_boxes_that_are_declared_to_be_as_documented_are_clipped(tmp_path: Path, make_image: Any) -> None:
    written(tmp_path, make_image, "0-1", "xyxy")
    dataset = load_dataset(tmp_path, options=ReadOptions(coordinates="0-1"))
    assert dataset.fixed


def test_pixels_of_images_of_which_nothing_reaches_far(tmp_path: Path, make_image: Any) -> None:
    """Large images, so that parts of 1000 would fit as well."""
    written(tmp_path, make_image, "pixels", "xyxy", (1400, 1300))
    with pytest.raises(LabelError, match=r"two corners in pixels\."):
        load_dataset(tmp_path)


def test_single_boxes_over_the_border_show_no_other_convention(tmp_path: Path, make_image: Any) -> None:
    written(tmp_path, make_image, "0-1", None)
    for number in range(3):
        with (tmp_path / f"labels/{number}.txt").open("a") as file:
            file.write("0 0.05 0.5 0.2 0.3\n" * 2)
    dataset = load_dataset(tmp_path)
    assert len(dataset.fixed) == 6 and not dataset.left_out


def test_a_few_lines_in_pixels_cost_themselves_alone(tmp_path: Path, make_image: Any) -> None:
    written(tmp_path, make_image, "0-1", None)
    for number in range(5):
        with (tmp_path / f"labels/{number}.txt").open("a") as file:
            file.write("0 20 30 40 50\n")
    dataset = load_dataset(tmp_path)
    assert len(dataset.left_out) == 5 and not dataset.fixed


def test_outlines_are_read_as_declared(tmp_path: Path, make_image: Any) -> None:
    written(tmp_path, make_image, "pixels", "xyxy")
    for number in range(6):
        (tmp_path / f"labels/{number}.txt").write_text("0 20 30 100 30 100 90 20 90\n")
    with pytest.raises(LabelError, match=r"20 is not between 0 and 1.*--coordinates pixels"):
        load_dataset(tmp_path)
    dataset = load_dataset(tmp_path, options=ReadOptions(coordinates="pixels"))
    assert boxes(dataset.records[0]) == [("cat", (20.0, 30.0, 100.0, 90.0))]
