"""Pascal VOC as its makers, LabelImg and Roboflow write it; wrong files are named with their line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from labelled import STRICT, boxes, instances

from vrft.data.dataset import load_dataset
from vrft.errors import LabelError
from vrft.tasks.registry import load_task

DEVKIT = """<annotation>
	<folder>VOC2007</folder>
	<filename>{name}</filename>
	<source>
		<database>The VOC2007 Database</database>
		<annotation>PASCAL VOC2007</annotation>
	</source>
	<size><width>40</width><height>30</height><depth>3</depth></size>
	<object>
		<name>person</name>
		<truncated>1</truncated>
		<difficult>0</difficult>
		<part>
			<name>head</name>
			<bndbox><xmin>2</xmin><ymin>2</ymin><xmax>3</xmax><ymax>3</ymax></bndbox>
		</part>
		<bndbox><ymin>1</ymin><xmin>1</xmin><xmax>40</xmax><ymax>30</ymax></bndbox>
	</object>
</annotation>
"""

LABELIMG = """<?xml version="1.0"?>
<annotation verified="yes">
  <folder>{folder}</folder>
  <filename>{name}</filename>
  <path>C:\\Users\\someone\\{name}</path>
  <source><database>Unknown</database></source>
  <size><width>{width}</width><height>30</height><depth>3</depth></size>
  <object>
    <name> cat &amp; dog </name><difficult>{difficult}</difficult>
    <bndbox><xmin>{xmin}</xmin><ymin>5</ymin><xmax>20.5</xmax><ymax>{ymax}</ymax></bndbox>
  </object>
</annotation>
"""

PutXml = Callable[..., Path]


@pytest.fixture
def put_xml(tmp_path: Path) -> PutXml:
    """Write an annotation from one of the texts above."""

    def write(path: str, text: str = LABELIMG, **changes: object) -> Path:
        values: dict[str, object] = {"folder": "pics", "width": 40, "difficult": 0, "xmin": 1, "ymax": 30}
        values["name"] = f"{Path(path).stem}.png"
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.format(**(values | changes)), "utf-8")
        return file

    return write


def test_the_devkit_counts_from_one(tmp_path: Path, make_image: Any, put_xml: PutXml) -> None:
    make_image("JPEGImages/a.png")
    put_xml("Annotations/a.xml", DEVKIT)
    dataset = load_dataset(tmp_path)
    assert dataset.format == "voc"
    record = dataset.records[0]
    assert record.id == "JPEGImages/a.png"
    assert boxes(record) == [("person", (0.0, 0.0, 40.0, 30.0))]
    assert dataset.warnings == (
        "VOC's own files count pixels from 1, so 1 was taken off xmin and ymin: a.xml.",
    )


@pytest.mark.parametrize(
    ("database", "folder", "x1"),
    [
        ("<database>The VOC2012 Database</database>", "anything", 0.0),
        ("", "VOC2012", 0.0),
        ("", "VOC", 1.0),
        ("", "pics", 1.0),
        ("<database>Unknown</database>", "VOC2007", 1.0),
        ("<database>roboflow.com</database>", "", 1.0),
    ],
)
def test_the_file_says_where_it_counts_from(
    tmp_path: Path, make_image: Any, put_xml: PutXml, database: str, folder: str, x1: float
) -> None:
    make_image("a.png")
    text = LABELIMG.replace("<database>Unknown</database>", database)
    put_xml("a.xml", text, folder=folder)
    dataset = load_dataset(tmp_path)
    assert boxes(dataset.records[0])[0][1] == (x1, 4.0 + x1, 20.5, 30.0)
    assert ("1 was taken off" in dataset.warnings[0]) == (x1 == 0)
    assert ("counting pixels from 0" in dataset.warnings[0]) == (x1 == 1)


@pytest.mark.parametrize(
    ("xml", "image", "part"),
    [
        ("Annotations/a.xml", "JPEGImages/a.png", None),
        ("annotations/a.xml", "images/a.png", None),
        ("annotations/xmls/a.xml", "images/a.png", None),
        ("VOC2007/Annotations/a.xml", "VOC2007/JPEGImages/a.png", None),
        ("train/a.xml", "train/a.png", "train"),
        ("a.xml", "a.png", None),
        ("a.xml", "images/a.png", None),
    ],
)
def test_layouts(
    tmp_path: Path, make_image: Any, put_xml: PutXml, xml: str, image: str, part: str | None
) -> None:
    make_image(image)
    put_xml(xml)
    make_image(Path(image).parent.parent.joinpath("SegmentationClass/a.png").as_posix(), shade=1)
    (tmp_path / "other.xml").write_text("<project/>")
    dataset = load_dataset(tmp_path)
    assert [record.id for record in dataset.records] == [image]
    assert boxes(dataset.records[0])[0][0] == "cat & dog"
    assert dict(dataset.parts) == ({image: part} if part else {})
    assert load_dataset(tmp_path / xml).records[0].annotations == dataset.records[0].annotations


def test_image_sets_are_the_parts(tmp_path: Path, make_image: Any, put_xml: PutXml) -> None:
    for shade, name in enumerate(("a", "b", "c d", "e")):
        make_image(f"JPEGImages/{name}.png", shade=shade)
        put_xml(f"Annotations/{name}.xml")
    sets = tmp_path / "ImageSets/Main"
    sets.mkdir(parents=True)
    for name, lines in {
        "train": "a\nc d\n",
        "val": "b  1\n",
        "test": "e\na -1\n",
        "trainval": "a\nb\n",
        "cat_val": "z  1\n",
    }.items():
        (sets / f"{name}.txt").write_text(lines)
    dataset = load_dataset(tmp_path)
    assert {Path(name).stem: part for name, part in dataset.parts.items()} == {
        "c d": "train",
        "b": "val",
        "e": "test",
    }
    assert any("several parts count as in none: JPEGImages/a.png" in w for w in dataset.warnings)
    (sets / "test.txt").write_text("e\n\nf\n")
    with pytest.raises(LabelError, match=r"test\.txt, line 3: 'f' has no XML file"):
        load_dataset(tmp_path, options=STRICT)
    for name in ("train", "val", "test"):
        (sets / f"{name}.txt").unlink()
    assert {Path(name).stem: part for name, part in load_dataset(tmp_path).parts.items()} == {
        "a": "train",
        "b": "train",
    }


def test_difficult_objects_are_crowds(tmp_path: Path, make_image: Any, put_xml: PutXml) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
    put_xml("a.xml", difficult=1)
    put_xml("b.xml")
    dataset = load_dataset(tmp_path)
    assert [instances(record)[0].counts for record in dataset.records] == [False, True]
    assert any("Difficult" in w and "cat & dog in a.xml." in w for w in dataset.warnings)


def test_images_without_an_xml_are_not_taken_for_empty(
    tmp_path: Path, make_image: Any, put_xml: PutXml
) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
    put_xml("a.xml")
    dataset = load_dataset(tmp_path)
    assert len(dataset.records) == 1
    assert "Images without an XML file are not read: b.png." in dataset.warnings
    (tmp_path / "b.xml").write_text("<annotation><filename>b.png</filename></annotation>")
    assert boxes(load_dataset(tmp_path).records[1]) == []


def test_renamed_images(tmp_path: Path, make_image: Any, put_xml: PutXml) -> None:
    make_image("a.jpg")
    put_xml("a.xml", name="IMG_1.jpg")
    dataset = load_dataset(tmp_path)
    assert dataset.records[0].id == "a.jpg"
    assert any("the name of the XML file" in w for w in dataset.warnings)
    make_image("IMG_1.jpg", shade=1)
    with pytest.raises(LabelError, match=r"a\.xml: The 'filename' is 'IMG_1\.jpg', but .*'a\.jpg'"):
        load_dataset(tmp_path)
    (tmp_path / "a.jpg").unlink()
    assert load_dataset(tmp_path).records[0].id == "IMG_1.jpg"
    put_xml("b.xml", name="IMG_1.jpg")
    with pytest.raises(LabelError, match=r"b\.xml: Another XML file labels .*'IMG_1\.jpg'"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"xmin": 20.5}, r"a\.xml, line 8 .*no area"),
        ({"xmin": -2}, r"a\.xml, line 8 \(cat & dog\): .*outside its image"),
        ({"ymax": 32}, r"a\.xml, line 8 .*outside its image"),
        ({"xmin": "one"}, r"a\.xml, line 8: The bndbox is not four numbers: xmin 'one'"),
        ({"xmin": ""}, r"a\.xml, line 8: The bndbox is not four numbers: xmin ''"),
        ({"xmin": "nan"}, r"a\.xml, line 8: .*not four numbers"),
        ({"width": 41}, r"a\.xml: The labels are for 41x30 pixels but the image has 40x30"),
        ({"width": "wide"}, r"a\.xml: The image's width, 'wide', is not a number"),
        ({"name": "b.png", "text": LABELIMG.replace("</annotation>", "")}, r"a\.xml, line 13: .*not XML"),
        ({"text": LABELIMG.replace(" cat &amp; dog ", "")}, r"a\.xml, line 8: The object has no 'name'"),
    ],
)
def test_wrong_files_are_refused_by_line(
    tmp_path: Path, make_image: Any, put_xml: PutXml, changes: dict[str, Any], said: str
) -> None:
    make_image("a.png")
    put_xml("a.xml", **changes)
    with pytest.raises(LabelError, match=rf"(?s){said}") as caught:
        load_dataset(tmp_path, options=STRICT)
    assert caught.value.fix


def test_an_unknown_size_is_not_compared(tmp_path: Path, make_image: Any, put_xml: PutXml) -> None:
    make_image("a.png")
    put_xml("a.xml", width=0)
    assert load_dataset(tmp_path).records[0].image.size_wh == (40, 30)


def test_every_mistake_is_reported_at_once(tmp_path: Path, make_image: Any, put_xml: PutXml) -> None:
    make_image("JPEGImages/a.png")
    put_xml("Annotations/a.xml", xmin=25)
    put_xml("Annotations/b.xml")
    sets = tmp_path / "ImageSets/Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("a\nb\nc\n")
    with pytest.raises(LabelError) as caught:
        load_dataset(tmp_path)
    message = str(caught.value)
    assert all(words in message for words in ("a.xml, line 8", "'b.png' is missing", "'c' has no XML file"))
    assert "'b' has no XML file" not in message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_never_expanded(tmp_path: Path, make_image: Any, encoding: str) -> None:
    make_image("a.png")
    bomb = '<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>\n'
    text = f"{bomb}<annotation><filename>a.png</filename><folder>&c;</folder></annotation>"
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    with pytest.raises(LabelError, match=r"a\.xml, line 2: The file declares a DOCTYPE"):
        load_dataset(tmp_path)


def test_utf_16_is_read(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    text = LABELIMG.format(name="a.png", folder="", width=40, difficult=0, xmin=1, ymax=30)
    (tmp_path / "a.xml").write_bytes(text.replace(" cat &amp; dog ", "Gerät").encode("utf-16"))
    assert load_dataset(tmp_path).categories == ("Gerät",)


def test_without_any_object_there_is_nothing_to_learn(
    tmp_path: Path, make_image: Any, put_xml: PutXml
) -> None:
    make_image("a.png")
    (tmp_path / "a.xml").write_text("<annotation><filename>a.png</filename></annotation>")
    with pytest.raises(LabelError, match="holds no box"):
        load_dataset(tmp_path)


def test_turned_boxes_and_polygons_are_read_as_the_boxes_around_them(
    tmp_path: Path, make_image: Any, put_xml: PutXml
) -> None:
    """As roLabelImg, Roboflow and LabelMe write them."""
    make_image("a.png")
    box = LABELIMG[LABELIMG.index("    <bndbox>") : LABELIMG.index("  </object>")]
    shapes = {
        "<robndbox><cx>20</cx><cy>15</cy><w>10</w><h>4</h><angle>1.5707963</angle></robndbox>": (
            18,
            10,
            22,
            20,
        ),
        "<polygon><x1>3</x1><y1>4</y1><x2>9.5</x2><y2>4</y2><x3>5</x3><y3>12</y3></polygon>": (3, 4, 9.5, 12),
        "<polygon><pt><x>3</x><y>4</y></pt><pt><x>9</x><y>12</y></pt></polygon>": (3, 4, 9, 12),
    }
    for shape, corners in shapes.items():
        put_xml("a.xml", text=LABELIMG.replace(box, shape))
        ((_, read),) = boxes(load_dataset(tmp_path, options=STRICT).records[0])
        assert read == pytest.approx(corners, abs=1e-5)


def test_nothing_is_known_of_a_part_or_of_an_object_without_a_box(
    tmp_path: Path, make_image: Any, put_xml: PutXml
) -> None:
    for k in range(8):
        make_image(f"{k}.png", shade=k)
        put_xml(f"{k}.xml", text=DEVKIT if k else LABELIMG)
    head = LABELIMG.replace(" cat &amp; dog ", "head")
    put_xml("0.xml", text=head)
    dataset = load_dataset(tmp_path)
    asked = {e.id: len(e.target.xyxy_px) for e in load_task("detection").examples(dataset.records)}
    assert "1.png#head" not in asked and asked["1.png#person"] == 1 and asked["0.png#person"] == 0
    put_xml("0.xml", text=head.replace("<bndbox>", "<box>").replace("</bndbox>", "</box>"))
    dataset = load_dataset(tmp_path)
    assert [one.where for one in dataset.left_out] == [f"{tmp_path / '0.xml'}, line 8"]
    asked = {e.id: len(e.target.xyxy_px) for e in load_task("detection").examples(dataset.records)}
    assert asked["0.png#person"] == 0 and "0.png#head" not in asked


@pytest.mark.parametrize(
    ("changed", "said", "unknown"),
    [
        (("</name>", "</name><name>bird</name>"), "has 2 times 'name'", ("bird", "cat & dog")),
        (("</bndbox>", "</bndbox><bndbox><xmin>2</xmin></bndbox>"), "has 2 times 'bndbox'", ("cat & dog",)),
        (("<xmin>", "<xmin>3</xmin><xmin>"), "has 2 times 'bndbox/xmin'", ("cat & dog",)),
    ],
)
def test_what_an_object_has_twice_is_a_mistake(
    tmp_path: Path,
    make_image: Any,
    put_xml: PutXml,
    changed: tuple[str, str],
    said: str,
    unknown: tuple[str, ...],
) -> None:
    for number in range(6):
        make_image(f"{number}.png", shade=number)
        put_xml(f"{number}.xml", LABELIMG.replace(*changed) if number == 5 else LABELIMG)
    dataset = load_dataset(tmp_path)
    (left,) = dataset.left_out
    assert said in left.problem and left.where == f"{tmp_path / '5.xml'}, line 8"
    record = dataset.records[5]
    assert (boxes(record), record.unknown) == ([], unknown)
    assert record.known({"bird", "cat & dog", "fish"}) == {"bird", "cat & dog", "fish"} - set(unknown)
