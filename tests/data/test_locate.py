"""Images are found by listing each folder once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vrft.data.image_paths import ImageFinder
from vrft.errors import LabelError


def test_what_is_found_is_a_file(tmp_path: Path, make_image: Any) -> None:
    make_image("images/a.png")
    make_image("images/deep/b.png")
    (tmp_path / "images" / "c.png").mkdir()
    (tmp_path / "images" / "d.png").symlink_to(tmp_path / "images" / "a.png")
    (tmp_path / "images" / "e.png").symlink_to(tmp_path / "nowhere.png")
    images = ImageFinder(tmp_path / "labels.json", tmp_path)
    for name in ("a.png", "images/a.png", "deep/b.png", "./images/deep/../a.png", "d.png", "x/y/a.png"):
        assert images.find(name, "here").samefile(
            tmp_path / "images" / ("deep/b.png" if "b.png" in name else "a.png")
        )
    for name in ("c.png", "e.png", "images", "", "..", "a.png/", "a\0.png", "A.PNG"):
        if (tmp_path / "images" / "A.PNG").exists() and name == "A.PNG":
            continue  # a disk that knows no capitals
        with pytest.raises(LabelError, match=r"is missing"):
            images.find(name, "here")


def test_a_file_is_found_under_another_composition_of_its_accents(tmp_path: Path) -> None:
    """The file itself is found; where both are there, each name has its own file."""
    composed, decomposed = "é.png", "e\u0301.png"
    (tmp_path / composed).touch()
    found = ImageFinder(tmp_path / "labels.json", tmp_path).find(decomposed, "here")
    assert found.samefile(tmp_path / composed)
    (tmp_path / decomposed).touch()
    both = ImageFinder(tmp_path / "labels.json", tmp_path)
    for name in (composed, decomposed):
        assert both.find(name, "here").samefile(tmp_path / name)


def test_capitals_count_unless_the_disk_ignores_them(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    images = ImageFinder(tmp_path / "labels.json", tmp_path)
    if (tmp_path / "A.png").exists():
        assert images.find("A.png", "here").exists()
    else:
        with pytest.raises(LabelError, match="is missing"):
            images.find("A.png", "here")
