"""A dataset goes through every form and comes back; what a form cannot hold is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import box_of, instances
from PIL import Image
from pycocotools.coco import COCO

from vrft import types
from vrft.data.data_options import ReadOptions
from vrft.data.dataset import Dataset, load_dataset
from vrft.data.export.export_format import export
from vrft.data.formats.segmentation_fields import mask_of
from vrft.data.images import image_size_wh
from vrft.data.label_checks import class_of, instance_of
from vrft.errors import InputError
from vrft.types import Annotation, BoxXYXY, Record

CATEGORIES = ("cat", "dog: old", "no", "Gerät <&>")
SIZE = (641, 479)


def corners(side: int) -> st.SearchStrategy[tuple[float, float]]:
    """Two ordered coordinates with up to two decimals, as label tools write them."""
    pairs = st.lists(st.integers(0, side * 100), min_size=2, max_size=2, unique=True)
    return pairs.map(lambda pair: (min(pair) / 100, max(pair) / 100))


boxes: st.SearchStrategy[BoxXYXY] = st.tuples(corners(SIZE[0]), corners(SIZE[1])).map(
    lambda xy: (xy[0][0], xy[1][0], xy[0][1], xy[1][1])
)
labelled = st.builds(instance_of, st.sampled_from(CATEGORIES), boxes)


def made(root: Path, contents: dict[str, list[Annotation]], parts: dict[str, str] | None = None) -> Dataset:
    """A dataset of small files, each unlike the others, that claim to be large."""
    records = []
    for number, (name, content) in enumerate(contents.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", SIZE, number).save(path)
        records.append(Record(name, (types.Image(path, image_size_wh(path)),), tuple(content)))
    return Dataset(root, "made", tuple(records), (), parts or {})


def by_stem(dataset: Dataset) -> dict[str, tuple[Annotation, ...]]:
    return {Path(record.id).stem: record.annotations for record in dataset.records}


@settings(max_examples=25)
@given(
    st.lists(st.lists(labelled, max_size=5), min_size=1, max_size=3).filter(any),
    st.lists(st.sampled_from(["train", "val", "test"]), min_size=3, max_size=3) | st.none(),
)
def test_from_form_to_form_every_box_stays(
    contents: list[list[Annotation]], stated: list[str] | None
) -> None:
    with TemporaryDirectory() as name:
        named = {f"p/{n}.png": content for n, content in enumerate(contents)}
        parts = dict(zip(named, stated, strict=False)) if stated else {}
        first = now = made(Path(name) / "first", named, parts)
        for form in ("coco", "voc", "yolo", "coco"):
            folder = Path(name) / f"{form}{len(list(Path(name).iterdir()))}"
            assert export(now, folder, form) == ()
            # Generated boxes may well lie within one pixel.
            pixels = ReadOptions(coordinates="pixels") if form != "yolo" else None
            now = load_dataset(folder, options=pixels)
            assert now.format == form
            assert {Path(r.id).stem: now.parts.get(r.id) for r in now.records} == {
                Path(r.id).stem: parts.get(r.id) for r in first.records
            }
        kept, given_ = by_stem(now), by_stem(first)
        assert kept.keys() == given_.keys()
        for stem, content in given_.items():
            assert [one.name for one in kept[stem]] == [one.name for one in content]
            for one, other in zip(kept[stem], content, strict=True):
                assert box_of(one) == pytest.approx(box_of(other), abs=1e-5)


BOX = instance_of("cat", (10.25, 20.0, 110.5, 40.0))
REGION = mask_of([[10, 20, 60, 20, 60, 30, 10, 30]], SIZE, "here")
CROWD = instance_of("cat", (0.0, 0.0, 50.0, 50.0), crowd=True)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    masked = instance_of("dog", (10.0, 20.0, 60.0, 40.0), mask=REGION)
    return made(tmp_path / "first", {"a.png": [BOX, masked, CROWD], "b.png": []})


def test_coco_as_pycocotools_reads_it(tmp_path: Path, dataset: Dataset) -> None:
    assert export(dataset, tmp_path / "new", "coco") == ()
    reference = COCO(str(tmp_path / "new/annotations/instances.json"))
    plain, masked, crowd = reference.loadAnns(reference.getAnnIds())
    assert (plain["bbox"], plain["area"]) == ([10.25, 20.0, 100.25, 20.0], 2005.0)
    expected = np.zeros(SIZE[::-1], np.uint8)
    expected[20:30, 10:60] = 1
    assert np.array_equal(reference.annToMask(masked), expected)
    assert (masked["area"], crowd["iscrowd"]) == (500.0, 1)
    assert len(reference.getImgIds()) == 2
    assert by_stem(load_dataset(tmp_path / "new")) == by_stem(dataset)


def test_voc_as_its_files_are(tmp_path: Path, dataset: Dataset) -> None:
    (left_out,) = export(dataset, tmp_path / "new", "voc")
    assert left_out.startswith("Masks of 1 images") and "a.png" in left_out
    root = ElementTree.parse(tmp_path / "new/Annotations/a.xml").getroot()
    assert [root.findtext(tag) for tag in ("filename", "size/width", "size/height")] == [
        "a.png",
        "641",
        "479",
    ]
    things = root.findall("object")
    assert [thing.findtext("difficult") for thing in things] == ["0", "0", "1"]
    box = things[0].find("bndbox")
    assert box is not None
    assert {child.tag: child.text for child in box} == {
        "xmin": "10.25",
        "ymin": "20",
        "xmax": "110.5",
        "ymax": "40",
    }
    assert ElementTree.parse(tmp_path / "new/Annotations/b.xml").getroot().findall("object") == []
    assert not (tmp_path / "new/ImageSets").exists()
    written = load_dataset(tmp_path / "new").records[0]
    assert [one.counts for one in instances(written)] == [True, True, False]


def test_yolo_as_ultralytics_wants_it(tmp_path: Path, dataset: Dataset) -> None:
    masks, crowds = export(dataset, tmp_path / "new", "yolo")
    assert masks.startswith("Masks of 1 images") and crowds.startswith("Crowd regions of 1 images")
    sheet = yaml.safe_load((tmp_path / "new/data.yaml").read_text("utf-8"))
    assert sheet == {"train": "images", "val": "images", "names": {0: "cat", 1: "dog"}}
    lines = (tmp_path / "new/labels/a.txt").read_text().splitlines()
    assert len(lines) == 2
    category, *shares = map(float, lines[0].split())
    assert category == 0
    assert shares == pytest.approx([60.375 / 641, 30 / 479, 100.25 / 641, 20 / 479], abs=1e-9)
    assert not (tmp_path / "new/labels/b.txt").exists()


@pytest.mark.parametrize("form", ["coco", "voc", "yolo"])
@pytest.mark.parametrize("link", [False, True])
def test_images_are_the_same_bytes(tmp_path: Path, dataset: Dataset, form: str, link: bool) -> None:
    export(dataset, tmp_path / "new", form, link)
    for before, after in zip(dataset.records, load_dataset(tmp_path / "new").records, strict=True):
        assert after.image.path.read_bytes() == before.image.path.read_bytes()
        assert after.image.path.samefile(before.image.path) == link


@pytest.mark.parametrize("form", ["coco", "voc", "yolo"])
@pytest.mark.parametrize(
    "names", [("x/1.png", "y/1.png"), ("1.png", "1.jpg"), ("A.png", "x/a.png"), ("../1.png", "1.png")]
)
def test_names_that_clash_are_kept_apart(tmp_path: Path, form: str, names: tuple[str, str]) -> None:
    first = tmp_path / "deep" / "first"
    first.mkdir(parents=True)
    other = instance_of("dog", (1.0, 2.0, 3.0, 4.0))
    dataset = made(first, {names[0]: [BOX], names[1]: [other]})
    export(dataset, tmp_path / "new", form)
    read = load_dataset(tmp_path / "new").records
    found = {record.image.path.read_bytes(): record.annotations for record in read}
    assert found == {record.image.path.read_bytes(): record.annotations for record in dataset.records}
    # Some disks hold 'A.png' and 'a.png' to be one.
    assert len({record.image.path.stem.lower() for record in read}) == 2


def test_labels_without_a_place_are_reported(tmp_path: Path) -> None:
    record = made(tmp_path / "first", {"a.png": [BOX]}).records[0]
    counted = Annotation("category", "cat", types.Number(3.0))
    said = (*record.annotations, class_of("zoo"), Annotation("phrase", "a cat", types.Boxes()), counted)
    odd = replace(record, annotations=said, absent=("dog",))
    left_out = export(Dataset(tmp_path, "made", (odd,)), tmp_path / "new", "coco")
    assert [sentence.split(" of ")[0] for sentence in left_out] == [
        "Expressions",
        "Classes",
        "Other labels",
        "Known absences and incomplete categories",
    ]


def test_what_cannot_be_written_is_refused(tmp_path: Path, dataset: Dataset) -> None:
    with pytest.raises(InputError, match=r"no format 'kitti'\. Choose one of: coco, voc, yolo"):
        export(dataset, tmp_path / "new", "kitti")
    with pytest.raises(InputError, match="is not empty"):
        export(dataset, tmp_path, "coco")
    with pytest.raises(InputError, match="hold boxes of categories alone"):
        export(made(tmp_path / "second", {"a.png": []}), tmp_path / "new", "coco")
    assert not (tmp_path / "new").exists()


def test_parts_have_files_of_their_own(tmp_path: Path) -> None:
    contents = {f"{n}.png": [BOX] for n in range(3)}
    dataset = made(tmp_path / "first", contents, {"0.png": "train", "1.png": "test"})
    export(dataset, tmp_path / "new", "coco")
    files = sorted((tmp_path / "new/annotations").iterdir())
    assert [file.name for file in files] == ["instances_test.json", "instances_train.json"]
    listed = [entry["file_name"] for entry in json.loads(files[1].read_text())["images"]]
    assert listed == ["0.png", "2.png"]
    assert load_dataset(files[1]).format == "coco"
