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


def test_a_file_is_found_under_another_spelling_where_the_disk_takes_it(tmp_path: Path) -> None:
    """The disk decides; a folder where both spellings are has both files."""
    images = ImageFinder(tmp_path / "labels.json", tmp_path)
    (tmp_path / "é.png").touch()
    decomposed = "e\u0301.png"
    if (tmp_path / decomposed).exists():
        assert images.find(decomposed, "here").exists()
    else:
        with pytest.raises(LabelError):
            images.find(decomposed, "here")
