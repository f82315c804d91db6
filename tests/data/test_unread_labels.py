"""What a reader leaves out is never asked about as absent: generated label files through every reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelled import BOXES
from PIL import Image

from vrft.data.dataset import Dataset
from vrft.data.formats.label_studio_regions import brush_channels
from vrft.data.readers import readers
from vrft.errors import ImageError
from vrft.tasks.detection.detection import TASK
from vrft.tasks.lazy_questions import LazyQuestionGrid
from vrft.types import Boxes

W, H = 60, 40
NAMES = ("cat", "dog", "cup")
CLASS = {name: number for number, name in enumerate(NAMES)}
KEPT = {"good", "over", "text"}
"""Ways to write an object whose box can be read all the same."""


@dataclass(frozen=True)
class Labelled:
    """An object that is in an image, and how its label is written."""

    image: int
    name: str
    box: tuple[int, int, int, int]
    how: str


Write = Callable[[Path, list[Labelled]], None]


def objects_in(*hows: str) -> st.SearchStrategy[list[Labelled]]:
    """Objects in four images."""
    corners = st.tuples(st.integers(0, 25), st.integers(0, 15), st.integers(5, 30), st.integers(5, 20)).map(
        lambda n: (n[0], n[1], n[0] + n[2], n[1] + n[3])
    )
    one = st.builds(Labelled, st.integers(0, 3), st.sampled_from(NAMES), corners, st.sampled_from(hows))
    return st.lists(one, min_size=1, max_size=8)


def over(one: Labelled) -> tuple[float, float, float, float]:
    """The corners as they are written: some reach over the right border."""
    x1, y1, x2, y2 = one.box
    return (x1, y1, x2 + 50 if one.how == "over" else x2, y2)


def write_coco(folder: Path, found: list[Labelled]) -> None:
    annotations: list[dict[str, Any]] = []
    for number, one in enumerate(found):
        x1, y1, x2, y2 = over(one)
        entry: dict[str, Any] = {
            "id": number,
            "image_id": one.image,
            "category_id": CLASS[one.name],
        }
        entry |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0}
        changes: dict[str, dict[str, Any]] = {
            "flat": {"bbox": [x1, y1, 0, 9]},
            "outside": {"bbox": [W + 3, 2, 9, 9]},
            "nan": {"bbox": [x1, float("nan"), 5, 5]},
            "three": {"bbox": [1, 2, 3]},
            "text": {
                "bbox": [str(n) for n in entry["bbox"]],
                "iscrowd": "0",
                "image_id": str(one.image),
            },
            "crowd": {"iscrowd": "1"},
            "ignored": {"ignore": 1},
            "nameless": {"category_id": None},
            "homeless": {"image_id": 99},
            "homeless-nameless": {"image_id": None, "category_id": None},
        }
        annotations.append(entry | changes.get(one.how, {}))
    sheet = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": str(W), "height": H} for n in range(4)],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in CLASS.items()],
    }
    (folder / "instances.json").write_text(json.dumps(sheet))


def write_lvis(folder: Path, found: list[Labelled]) -> None:
    write_coco(folder, found)
    sheet = json.loads((folder / "instances.json").read_text())
    for image in sheet["images"]:
        shown = {one.name for one in found if one.image == image["id"]}
        absent = [CLASS[name] for name in NAMES if name not in shown]
        image |= {"neg_category_ids": absent, "not_exhaustive_category_ids": []}
    (folder / "instances.json").write_text(json.dumps(sheet))


def write_voc(folder: Path, found: list[Labelled]) -> None:
    for image in range(4):
        objects = ""
        for one in found:
            if one.image != image:
                continue
            x1, y1, x2, y2 = over(one)
            corners = dict(zip(("xmin", "ymin", "xmax", "ymax"), map(str, (x1, y1, x2, y2)), strict=True))
            corners |= {"flat": {"xmax": corners["xmin"]}, "words": {"ymin": "top"}}.get(one.how, {})
            inner = "".join(f"<{tag}>{text}</{tag}>" for tag, text in corners.items())
            name = "" if one.how == "nameless" else f"<name>{one.name}</name>"
            box = "" if one.how == "boxless" else f"<bndbox>{inner}</bndbox>"
            hard = {"difficult": "1", "doubtful": "maybe", "text": "false"}.get(one.how, "0")
            objects += f"<object>{name}<difficult>{hard}</difficult>{box}</object>"
        size = f"<size><width>{W}.0</width><height>0</height></size>"
        (folder / f"{image}.xml").write_text(
            f"<annotation><filename>{image}.png</filename>{size}{objects}</annotation>"
        )


def write_yolo(folder: Path, found: list[Labelled]) -> None:
    (folder / "classes.txt").write_text("\n".join(NAMES))
    for image in range(4):
        lines = []
        for one in (one for one in found if one.image == image):
            x1, y1, x2, y2 = over(one)
            box = [(x1 + x2) / 2 / W, (y1 + y2) / 2 / H, (x2 - x1) / W, (y2 - y1) / H]
            points = [x1 / W, y1 / H, x2 / W, y1 / H, x2 / W, y2 / H, x1 / W, y2 / H]
            how = one.how
            words = [CLASS[one.name], *(points if how == "outline" else box)]
            changes: dict[str, list[Any]] = {
                "flat": [words[0], 0.5, 0.5, 0, 0.1],
                "pixels": [words[0], *one.box],
                "confidence": [*words, 0.9],
                "words": [words[0], "a", *box],
                "nameless": [7, *box],
            }
            lines.append(" ".join(map(str, changes.get(how, words))))
        (folder / f"{image}.txt").write_text("\n".join(lines))


def write_rows(folder: Path, found: list[Labelled]) -> None:
    rows: list[Any] = [
        {"image": f"{image}.png", "category": name, "boxes": []}
        for image in range(4)
        for name in NAMES
        if not any(one.image == image and one.name == name for one in found)
    ]
    for one in found:
        x1, y1, x2, y2 = over(one)
        row = {"image": f"{one.image}.png", "category": one.name, "boxes": [[x1, y1, x2, y2]]}
        changes: dict[str, dict[str, Any]] = {
            "flat": {"boxes": [[x1, y1, x1, y2]]},
            "three": {"boxes": [[1, 2, 3]]},
            "text": {"boxes": [[str(n) for n in (x1, y1, x2, y2)]], "width": str(W), "height": 0},
            "nameless": {"category": None},
        }
        rows.append(row | changes.get(one.how, {}))
    lines = [json.dumps(row) for row in rows]
    cut = [one.how == "cut" for one in found]
    lines[-len(cut) :] = [
        f"{line[:-1]}," if broken else line for line, broken in zip(lines[-len(cut) :], cut, strict=True)
    ]
    (folder / "rows.jsonl").write_text("\n".join(lines))


def write_corner_columns(folder: Path, found: list[Labelled]) -> None:
    """TensorFlow's CSV, a row for each box: what no row names is absent."""
    lines = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
    for one in found:
        x1, y1, x2, y2 = over(one)
        x2 = x1 if one.how == "flat" else x2
        name = "" if one.how == "nameless" else one.name
        line = f"{one.image}.png,{W},0,{name},{x1},{y1},{x2},{'low' if one.how == 'words' else y2}"
        lines.append(line.rpartition(",")[0] if one.how == "cut" else line)
    (folder / "labels.csv").write_text("\n".join(lines))


def brush(one: Labelled) -> list[int]:
    """Run lengths of a painted rectangle, one run for every stretch of equal pixels."""
    x1, y1, x2, y2 = one.box
    painted = np.zeros((H, W), bool)
    painted[y1:y2, x1:x2] = True
    values = np.repeat(painted.reshape(-1) * 255, 4)
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 5, 9, 14))
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(values)], strict=True):
        run = int(end - start)
        while run:
            part = min(run, 2**14)
            bits += f"1{3:02b}{part - 1:014b}{int(values[start]):08b}"
            run -= part
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def write_label_studio(folder: Path, found: list[Labelled]) -> None:
    tasks = []
    for image in range(4):
        results: list[dict[str, Any]] = []
        for number, one in enumerate(found):
            if one.image != image:
                continue
            x1, y1, x2, y2 = over(one)
            x, y, w, h = x1 / W * 100, y1 / H * 100, (x2 - x1) / W * 100, (y2 - y1) / H * 100
            place: dict[str, Any] = {"x": x, "y": y, "width": w, "height": h, "rotation": 0}
            kind, labels = "rectangle", {"labels": [one.name]}
            corners = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
            shapes: dict[str, dict[str, Any]] = {
                "ellipse": {"x": x + w / 2, "y": y + h / 2, "radiusX": w / 2, "radiusY": h / 2},
                "polygon": {"points": corners},
                "brush": {"format": "rle", "rle": brush(one)},
                "keypoint": {"x": x, "y": y, "width": 1},
                "upwards": {"x": x + w, "y": y + h, "width": -w, "height": -h},
                "text": {key: str(value) for key, value in place.items()},
                "words": {"x": "left", "y": y, "width": w, "height": h},
                "flat": {**place, "width": 0},
            }
            place = shapes.get(one.how, place)
            kind = one.how if one.how in ("ellipse", "polygon", "brush", "keypoint") else kind
            sized = {"id": f"r{number}", "original_width": str(W), "original_height": H}
            if one.how in ("two-results", "unlabelled"):
                results.append({**sized, "type": kind, "value": place})
                if one.how == "two-results":
                    results.append({**sized, "type": "labels", "value": place | labels})
            else:
                typed = {f"{kind}labels": [one.name]}
                results.append({**sized, "type": f"{kind}labels", "value": place | typed})
        annotation = {"id": image, "was_cancelled": "false", "result": results}
        tasks.append({"id": image, "annotations": [annotation], "data": {"image": f"{image}.png"}})
    (folder / "export.json").write_text(json.dumps(tasks))


def write_cvat(folder: Path, found: list[Labelled]) -> None:
    images = ""
    for image in range(4):
        shapes = ""
        for one in (one for one in found if one.image == image):
            x1, y1, x2, y2 = over(one)
            box = dict(zip(("xtl", "ytl", "xbr", "ybr"), (x1, y1, x2, y2), strict=True))
            shape, place = {
                "polygon": ("polygon", {"points": f"{x1},{y1};{x2},{y1};{x2},{y2}"}),
                "polyline": ("polyline", {"points": f"{x1},{y1};{x2},{y2}"}),
                "ellipse": ("ellipse", {"cx": 20, "cy": 20, "rx": 5, "ry": 4}),
                "flat": ("box", box | {"xbr": x1}),
                "words": ("box", box | {"xbr": "right"}),
            }.get(one.how, ("box", box))
            label = "" if one.how == "nameless" else f'label="{one.name}" '
            stated = " ".join(f'{key}="{value}"' for key, value in place.items())
            shapes += f"<{shape} {label}{stated}></{shape}>"
        size = f'width="{W}" height="{H}"'
        images += f'<image id="{image}" name="{image}.png" {size}>{shapes}</image>'
    (folder / "annotations.xml").write_text(f"<annotations><version>1.1</version>{images}</annotations>")


def write_labelme(folder: Path, found: list[Labelled]) -> None:
    for image in range(4):
        shapes: list[dict[str, Any]] = []
        for one in (one for one in found if one.image == image):
            x1, y1, x2, y2 = over(one)
            shape: dict[str, Any] = {"label": one.name, "shape_type": "rectangle", "group_id": None}
            changes: dict[str, dict[str, Any]] = {
                "flat": {"points": [[x1, y1], [x1, y2]]},
                "words": {"points": [["a", "b"], [x2, y2]]},
                "text": {"points": [[str(x1), str(y1)], [str(x2), str(y2)]]},
                "nameless": {"label": None},
                "point": {"shape_type": "point", "points": [[x1, y1]]},
                "polygon": {"shape_type": "polygon", "points": [[x1, y1], [x2, y1], [x2, y2]]},
                "circle": {"shape_type": "circle", "points": [[20, 20], [22, 24]]},
            }
            shapes.append({**shape, "points": [[x1, y1], [x2, y2]], **changes.get(one.how, {})})
        sheet = {"imagePath": f"{image}.png", "imageHeight": H, "imageWidth": str(W), "shapes": shapes}
        (folder / f"{image}.json").write_text(json.dumps(sheet))


def write_objects(folder: Path, found: list[Labelled]) -> None:
    """Rows with all objects of an image, as on the Hugging Face hub."""
    rows = []
    for image in range(4):
        objects = []
        for one in (one for one in found if one.image == image):
            x1, y1, x2, y2 = over(one)
            box: list[Any] = [x1, y1, x2 - x1, y2 - y1]
            box = {
                "flat": [x1, y1, 0, 9],
                "three": [1, 2, 3],
                "words": ["left", y1, 5, 5],
                "text": [str(n) for n in box],
            }.get(one.how, box)
            objects.append({"bbox": box, "category": None if one.how == "nameless" else one.name})
        rows.append({"file_name": f"{image}.png", "width": str(W), "height": 0, "objects": objects})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))


FORMATS: dict[str, tuple[Write, str, frozenset[str]]] = {
    "coco": (
        write_coco,
        "good over text flat outside nan three crowd ignored nameless homeless homeless-nameless",
        frozenset(),
    ),
    "lvis": (write_lvis, "good over text flat nan nameless", frozenset()),
    "voc": (
        write_voc,
        "good over text flat words nameless boxless difficult doubtful",
        frozenset(),
    ),
    "yolo": (
        write_yolo,
        "good over outline flat pixels confidence words nameless",
        frozenset({"outline"}),
    ),
    "rows": (write_rows, "good over text flat three nameless cut", frozenset()),
    "rows of corners": (
        write_corner_columns,
        "good over flat words nameless cut",
        frozenset(),
    ),
    "label_studio": (
        write_label_studio,
        "good over text ellipse polygon brush keypoint upwards words flat two-results unlabelled",
        frozenset({"ellipse", "polygon", "brush", "upwards", "two-results"}),
    ),
    "cvat": (
        write_cvat,
        "good over polygon ellipse polyline flat words nameless",
        frozenset({"polygon", "ellipse"}),
    ),
    "labelme": (
        write_labelme,
        "good over text polygon circle point flat words nameless",
        frozenset({"polygon", "circle"}),
    ),
    "rows of objects": (write_objects, "good over text flat three words nameless", frozenset()),
}
"""By reader: how a file is written, ways to write an object, and those that are read beside ``KEPT``."""
NOT_LISTED = frozenset({"crowd", "ignored", "difficult", "keypoint", "point", "polyline"})
"""Known well, and not counted: no mistakes."""


def read(name: str, write: Write, found: list[Labelled]) -> Dataset:
    """What a reader makes of a label file, however much of it is left out."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        for image in range(4):
            Image.new("RGB", (W, H), (image, 0, 0)).save(folder / f"{image}.png")
        write(folder, found)
        reader = next(reader for reader in readers() if reader.name == name.split()[0])
        return reader.read(folder, BOXES)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_left_out_is_not_absent(name: str, data: st.DataObject) -> None:
    write, hows, own = FORMATS[name]
    found = data.draw(objects_in(*hows.split()))
    # Most of the first rows of a table say what it is about; these say the order of the numbers too.
    found += [Labelled(0, "cat", (32 + k, 3, 50, 20), "good") for k in range(9)]
    dataset = read(name, write, found)
    read_as_boxes = KEPT | own
    lost = [one for one in found if one.how not in read_as_boxes | NOT_LISTED]
    assert len(dataset.left_out) == len(lost)
    assert not any(isinstance(one, ImageError) for one in dataset.left_out)
    listed = list(TASK.examples(dataset.records))
    grid = LazyQuestionGrid(dataset.records, set(dataset.categories), TASK._example)
    assert [e.id for e in grid] == [e.id for e in listed]
    for question in listed:
        shown = [
            one for one in found if f"{one.image}.png" == question.record_id and one.name == question.question
        ]
        # Where an object without an image is, nobody knows; it makes no class absent.
        placed = [one for one in shown if not one.how.startswith("homeless")]
        assert isinstance(question.target, Boxes)
        assert len(question.target.xyxy_px) == len(placed)
        assert all(one.how in read_as_boxes for one in placed)
        assert placed or not shown
    for image in range(4):
        for category in dataset.categories:
            if grid.is_absent(f"{image}.png", category):
                assert not any(one.image == image and one.name == category for one in found)


def test_a_brush_is_unpacked_value_by_value() -> None:
    """Both kinds of blocks: one value repeated, and values one by one."""
    bits = f"{10:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 5, 6))
    bits += f"1{1:02b}{5:04b}{9:08b}"
    bits += f"0{0:02b}{3:03b}" + "".join(f"{value:08b}" for value in (1, 2, 250, 0))
    bits += "0" * (-len(bits) % 8)
    packed = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    assert brush_channels(packed).tolist() == [9] * 6 + [1, 2, 250, 0]
