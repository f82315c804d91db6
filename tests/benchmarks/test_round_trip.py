"""The benchmark of the way through all formats sees what is lost and what moves."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import round_trip
from PIL import Image

from vrft.data.label_checks import instance_of
from vrft.miniature.writers import write_coco

BOXES = (
    instance_of("cat", (1.25, 2.0, 30.5, 20.0)),
    instance_of("cat", (1.5, 2.0, 30.5, 20.0)),
    instance_of("dog", (0.0, 0.0, 64.0, 48.0)),
)


def write(folder: Path, crowd: bool = False) -> Path:
    boxes = (*BOXES, instance_of("cat", (5.0, 5.0, 9.0, 9.0), crowd=True)) if crowd else BOXES
    images = [(name, Image.new("RGB", (64, 48), (number, 0, 0)), boxes) for number, name in enumerate("ab")]
    write_coco(folder, images, ("cat", "dog"))
    return folder


def test_deviations_are_of_the_nearest_boxes() -> None:
    one, other = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)
    assert round_trip.deviations_px([one, other], [(20.0, 0.0, 30.0, 12.0), one]) == [0.0, 2.0]
    assert round_trip.deviations_px([one, other], [other]) == [0.0]
    assert round_trip.deviations_px([one], []) == []


def test_every_box_comes_back(tmp_path: Path) -> None:
    trip = round_trip.round_trip(write(tmp_path / "set", crowd=True), tmp_path / "trip")
    assert (trip.images, trip.boxes, trip.kept, trip.crowds) == (2, 8, 6, 2)
    assert trip.largest_deviation_px < 1e-6 and trip.holds
    assert any("Crowd regions of 2 images" in sentence for sentence in trip.left_out)


@pytest.mark.parametrize(("most_px", "status"), [(0.5, 0), (-1.0, 1)])
def test_the_exit_status_tells_of_moved_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_px: float, status: int
) -> None:
    monkeypatch.setattr(round_trip, "MOST_PX", most_px)
    monkeypatch.setattr(
        sys, "argv", ["round_trip.py", str(write(tmp_path / "set")), "--out", str(tmp_path / "out")]
    )
    with pytest.raises(SystemExit) as ended:
        round_trip.main()
    assert int(ended.value.code or 0) == status and (tmp_path / "out" / "round_trip.json").exists()
