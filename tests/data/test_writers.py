"""What is written is read back as it was, and the same input gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools.coco import COCO

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import load_dataset
from vrft.data.images import open_rgb
from vrft.data.label_checks import instance_of
from vrft.errors import InputError
from vrft.miniature.writers import write_class_folders, write_coco, write_expressions
from vrft.types import Annotation, Boxes, BoxXYXY, Record

CATEGORIES = ("cat", "dog", "three-toed sloth")


def noise(seed: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8))


def corners(side: float) -> st.SearchStrategy[tuple[float, float]]:
    """Two ordered coordinates with up to two decimals, as label tools write them."""
    hundredths = st.integers(0, int(side * 100))
    pairs = st.lists(hundredths, min_size=2, max_size=2, unique=True)
    return pairs.map(lambda pair: (min(pair) / 100, max(pair) / 100))


boxes: st.SearchStrategy[BoxXYXY] = st.tuples(corners(40), corners(30)).map(
    lambda xy: (xy[0][0], xy[1][0], xy[0][1], xy[1][1])
)
labelled = st.builds(instance_of, st.sampled_from(CATEGORIES), boxes, st.none(), st.booleans())


def phrase(text: str, boxes: list[BoxXYXY]) -> Annotation:
    return Annotation("phrase", text, Boxes(tuple(boxes)))


texts = st.text(min_size=1, max_size=20).map(str.strip).filter(bool).filter(str.isprintable)
phrases = st.builds(phrase, texts, st.lists(boxes, max_size=3))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(labelled, max_size=4), min_size=1, max_size=3).filter(any))
def test_coco_is_read_back(contents: list[list[Annotation]]) -> None:
    with TemporaryDirectory() as name:
        images = [(f"p{i}", noise(i), content) for i, content in enumerate(contents)]
        written = write_coco(Path(name), images, CATEGORIES)
        # Generated boxes may well lie within one pixel.
        assert load_dataset(name, options=ReadOptions(coordinates="pixels")).records == written
        assert [record.annotations for record in written] == [tuple(content) for content in contents]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(phrases, min_size=1, max_size=3, unique_by=lambda p: p.name), min_size=1, max_size=3)
)
def test_expressions_are_read_back(contents: list[list[Annotation]]) -> None:
    with TemporaryDirectory() as name:
        images = [(f"p{i}", noise(i), content) for i, content in enumerate(contents)]
        written = write_expressions(Path(name), images)
        # Generated boxes may well lie within one pixel.
        assert load_dataset(name, options=ReadOptions(coordinates="pixels")).records == written
        assert [record.annotations for record in written] == [tuple(content) for content in contents]


@pytest.mark.parametrize("prefix", ["", "test/"])
def test_class_folders_are_read_back(tmp_path: Path, prefix: str) -> None:
    images = [(f"{prefix}{i}", noise(i), CATEGORIES[i % 3]) for i in range(6)]
    written = write_class_folders(tmp_path, images)
    dataset = load_dataset(tmp_path)
    assert dataset.records == written
    assert dataset.categories == tuple(sorted(CATEGORIES))
    assert set(dataset.parts.values()) == ({"test"} if prefix else set())


def test_parts_are_read_back(tmp_path: Path) -> None:
    box = [instance_of("cat", (0.0, 0.0, 1.0, 1.0))]
    write_coco(tmp_path, [("train/a", noise(1), box), ("test/a", noise(2), box)], ["cat"])
    assert dict(load_dataset(tmp_path).parts) == {"images/train/a.png": "train", "images/test/a.png": "test"}


def test_pixels_survive_and_pycocotools_agrees(tmp_path: Path) -> None:
    content = [
        instance_of("dog", (1.0, 2.0, 11.0, 22.0)),
        instance_of("cat", (0.0, 0.0, 40.0, 30.0), crowd=True),
    ]
    record = write_coco(tmp_path, [("a", noise(5), content)], CATEGORIES)[0]
    assert np.array_equal(np.asarray(open_rgb(record.image.path)), np.asarray(noise(5)))
    reference = COCO(str(tmp_path / "annotations.json"))
    dog, cat = reference.loadAnns(reference.getAnnIds())
    assert dog["bbox"] == [1.0, 2.0, 10.0, 20.0]
    assert (dog["area"], dog["iscrowd"], cat["iscrowd"]) == (200.0, 0, 1)
    assert reference.loadCats(dog["category_id"])[0]["name"] == "dog"


Write = Callable[[Path, str, Image.Image], tuple[Record, ...]]
WRITERS: dict[str, Write] = {
    "coco": lambda f, n, i: write_coco(f, [(n, i, [instance_of("cat", (0.0, 0.0, 1.0, 1.0))])], ["cat"]),
    "classes": lambda f, n, i: write_class_folders(f, [(n, i, "cat"), (n, i, "dog")]),
    "lines": lambda f, n, i: write_expressions(f, [(n, i, [phrase("q", [(0.0, 0.0, 1.0, 1.0)])])]),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=list(WRITERS))
def test_bytes_depend_on_the_image_alone(tmp_path: Path, write: Write) -> None:
    marked = noise(3)
    marked.info |= {"dpi": (72, 72), "icc_profile": b"abc", "comment": "from elsewhere"}
    for folder, image in (("one", noise(3)), ("two", marked)):
        write(tmp_path / folder, "a", image)
    files = [p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file()]
    assert len(files) >= 2
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("name", ["../a", "/a", "", ".a", "x/.a", "a\\b"])
@pytest.mark.parametrize("write", WRITERS.values(), ids=list(WRITERS))
def test_ids_that_leave_the_folder_or_hide_are_refused(tmp_path: Path, write: Write, name: str) -> None:
    with pytest.raises(InputError, match="cannot name an image file"):
        write(tmp_path / "in", name, noise(0))
    assert not list(tmp_path.rglob("*.png"))


def test_what_could_not_be_read_back_is_refused(tmp_path: Path) -> None:
    image, box = noise(0), (0.0, 0.0, 1.0, 1.0)
    refused: list[tuple[str, Callable[[], Any]]] = [
        ("not a category", lambda: write_coco(tmp_path, [("a", image, [instance_of("cow", box)])], ["cat"])),
        ("own id", lambda: write_coco(tmp_path, [("a", image, []), ("a", image, [])], ["cat"])),
        ("contains '/'", lambda: write_class_folders(tmp_path, [("a", image, "cat/dog")])),
        ("one folder", lambda: write_class_folders(tmp_path, [("x/a", image, "cat")])),
        (
            "one folder",
            lambda: write_class_folders(tmp_path, [("test/a", image, "cat"), ("b", image, "cat")]),
        ),
        ("no expression", lambda: write_expressions(tmp_path, [("a", image, [])])),
    ]
    for said, call in refused:
        with pytest.raises(InputError, match=said):
            call()
