"""Rows with the bytes of their images, as the hub keeps them; the user's folder stays as it is."""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from labelled import BOXES, CLASSES, boxes, class_name
from PIL import Image

from vrft.data.dataset import load_dataset
from vrft.data.rows.features import class_names
from vrft.errors import InputError, LabelError

datasets = pytest.importorskip("datasets")
datasets.disable_progress_bars()

DETECT = (
    "Detect all objects belonging to the category '{}' in the image, and provide the bounding boxes "
    "(between 0 and 1000, integer) and confidence (between 0 and 1, with two decimal places).\n"
    "If no object belonging to the category '{}' in the image, return 'No Objects'."
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("HOME", str(folder))
    return folder


def stored(shade: int) -> dict[str, Any]:
    content = io.BytesIO()
    Image.new("RGB", (40, 30), (shade, 10, 200)).save(content, "PNG")
    return {"bytes": content.getvalue(), "path": None}


def save(folder: Path, rows: list[dict[str, Any]], features: Any, form: str, part: str = "train") -> Path:
    """One set as the hub has it, or as ``save_to_disk`` writes it."""
    table = datasets.Dataset.from_list(rows, features=datasets.Features(features))
    if form == "disk":
        table.save_to_disk(str(folder))
    else:
        (folder / "data").mkdir(parents=True)
        table.to_parquet(str(folder / "data" / f"{part}-00000-of-00001.parquet"))
    return folder


FORMS = pytest.mark.parametrize("form", ["parquet", "disk"])


@FORMS
def test_visual_rfts_own_sets(tmp_path: Path, form: str) -> None:
    found = "<answer>[{'Position': [100, 200, 500, 900], 'Confidence': 1}]</answer>"
    texts = [(0, "cat", found), (0, "dog", "<answer>No Objects</answer>"), (1, "cat", found)]
    rows = [{"image": stored(n), "problem": DETECT.format(c, c), "solution": s} for n, c, s in texts]
    text = datasets.Value("string")
    folder = save(
        tmp_path / "set", rows, {"image": datasets.Image(), "problem": text, "solution": text}, form
    )
    before = sorted(folder.rglob("*"))
    dataset = load_dataset(folder)
    assert (dataset.format, dataset.provides) == ("parquet" if form == "parquet" else "hf_disk", BOXES)
    first, second = dataset.records
    assert (boxes(first), first.absent) == ([("cat", (4.0, 6.0, 20.0, 27.0))], ("dog",))
    assert second.absent == ()
    assert sorted(folder.rglob("*")) == before
    assert first.image.path.read_bytes() == rows[0]["image"]["bytes"]
    assert set(dataset.parts.values()) == ({"train"} if form == "parquet" else set())


@FORMS
def test_an_image_and_its_class(tmp_path: Path, form: str) -> None:
    kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    rows = [{"image": stored(n), "label": n % 2} for n in range(4)]
    dataset = load_dataset(save(tmp_path / "set", rows, kinds, form, part="validation"))
    assert dataset.provides == CLASSES
    assert [class_name(record) for record in dataset.records] == ["cat", "dog", "cat", "dog"]
    assert set(dataset.parts.values()) == ({"val"} if form == "parquet" else set())


@FORMS
@pytest.mark.parametrize("as_list", [True, False])
def test_an_image_and_its_objects(tmp_path: Path, form: str, as_list: bool) -> None:
    kind = datasets.ClassLabel(names=["cat", "dog"])
    box = datasets.Sequence(datasets.Value("float32"), length=4)
    one = {"bbox": box, "category": kind}
    features = {
        "image_id": datasets.Value("int64"),
        "image": datasets.Image(),
        "width": datasets.Value("int32"),
    }
    features |= {"height": datasets.Value("int32")}
    objects: Any = [{"bbox": [4, 6, 16, 21], "category": 0}, {"bbox": [30, 20, 9, 9], "category": 1}]
    if as_list:
        features["objects"] = [one]
    else:
        features["objects"] = {"bbox": datasets.Sequence(box), "category": datasets.Sequence(kind)}
        objects = {key: [entry[key] for entry in objects] for key in one}
    none: Any = [] if as_list else {"bbox": [], "category": []}
    rows = [
        {"image_id": n, "image": stored(n), "width": 40, "height": 30, "objects": given}
        for n, given in enumerate((objects, none))
    ]
    dataset = load_dataset(save(tmp_path / "set", rows, features, form))
    first, second = dataset.records
    assert boxes(first) == [("cat", (4.0, 6.0, 20.0, 27.0)), ("dog", (30.0, 20.0, 39.0, 29.0))]
    assert (second.annotations, second.absent) == ((), None)
    assert any("[x, y, width, height]" in says for says in dataset.warnings)


def test_a_folder_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    folder = save(tmp_path / "set", [{"image": stored(n), "label": n} for n in range(2)], kinds, "parquet")
    for path in (folder / "data", folder):
        path.chmod(0o555)
    try:
        assert len(load_dataset(folder).records) == 2
    finally:
        for path in (folder, folder / "data"):
            path.chmod(0o755)


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    folder = save(tmp_path / "set", [{"image": stored(n), "label": n} for n in range(2)], kinds, "parquet")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert load_dataset(folder).records[0].image.path.is_relative_to(tempfile.gettempdir())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"cannot be written to .*cache.vrft .* or "):
        load_dataset(folder)


def test_broken_parquet_is_named(tmp_path: Path) -> None:
    kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    folder = save(tmp_path / "set", [{"image": stored(0), "label": 0}], kinds, "parquet")
    (file,) = (folder / "data").iterdir()
    for content in (file.read_bytes()[:200], b"version https://git-lfs.github.com/spec/v1\n"):
        file.write_bytes(content)
        with pytest.raises(LabelError, match=r"train-00000-of-00001\.parquet: The file is not parquet"):
            load_dataset(folder)


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    folder = save(tmp_path / "set", [{"image": stored(0), "label": 0}], kinds, "parquet")
    for name in [name for name in sys.modules if name.split(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"pip install 'vrft\[datasets\]'"):
        load_dataset(folder)


def test_a_row_without_an_image_is_left_out(tmp_path: Path) -> None:
    kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    rows: list[dict[str, Any]] = [{"image": stored(n), "label": n % 2} for n in range(9)]
    rows.append({"image": {"bytes": b"junk", "path": None}, "label": 0})
    dataset = load_dataset(save(tmp_path / "set", rows, kinds, "parquet"))
    assert len(dataset.records) == 9
    assert [one.where.rsplit(", ")[-1] for one in dataset.left_out] == ["row 9"]


def test_names_of_classes_are_found_at_any_depth() -> None:
    kind = {"names": ["a", "b"], "_type": "ClassLabel"}
    listed = {"feature": {"x": kind, "y": {"dtype": "int64", "_type": "Value"}}, "_type": "Sequence"}
    assert class_names({"objects": listed, "label": kind}) == {"objects.x": ("a", "b"), "label": ("a", "b")}
    assert class_names({"objects": [{"x": kind}]}) == {"objects.x": ("a", "b")}
    assert class_names(None) == {}


def test_the_only_column_of_classes_is_the_class(tmp_path: Path) -> None:
    kinds = {"img": datasets.Image(), "breed": datasets.ClassLabel(names=["cat", "dog"])}
    rows = [{"img": stored(n), "breed": n} for n in range(2)]
    dataset = load_dataset(save(tmp_path / "set", rows, kinds, "parquet"))
    assert [class_name(record) for record in dataset.records] == ["cat", "dog"]


def test_crowds_count_neither_way(tmp_path: Path) -> None:
    box = datasets.Sequence(datasets.Value("float32"), length=4)
    one = {"bbox": box, "category": datasets.Value("string"), "iscrowd": datasets.Value("int64")}
    features = {"image": datasets.Image(), "objects": [one]}
    objects = [
        {"bbox": [4, 6, 16, 21], "category": name, "iscrowd": n} for n, name in enumerate(("cat", "dog"))
    ]
    rows: list[dict[str, Any]] = [
        {"image": stored(0), "objects": objects},
        {"image": stored(1), "objects": None},
    ]
    first, second = load_dataset(save(tmp_path / "set", rows, features, "parquet")).records
    assert [one.counts for one in first.annotations] == [True, False]
    assert second.annotations == ()


@FORMS
def test_conversations_with_images_inside(tmp_path: Path, form: str) -> None:
    text = datasets.Value("string")
    features = {"messages": [{"role": text, "content": text}], "images": datasets.Sequence(datasets.Image())}
    answer = '[{"bbox_2d": [4, 6, 20, 27], "label": "cup"}]'
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"<image>Find cup {n}."},
                {"role": "assistant", "content": answer},
            ],
            "images": [stored(n)],
        }
        for n in range(2)
    ]
    dataset = load_dataset(save(tmp_path / "set", rows, features, form), BOXES)
    assert [boxes(record) for record in dataset.records] == [[("cup", (4.0, 6.0, 20.0, 27.0))]] * 2


@pytest.mark.parametrize("as_text", [True, False])
def test_an_image_may_be_its_bytes_alone_or_a_data_address(tmp_path: Path, as_text: bool) -> None:
    rows = []
    for shade in range(3):
        content = stored(shade)["bytes"]
        address = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        rows.append({"image": address if as_text else content, "class": f"c{shade}"})
    save(
        tmp_path,
        rows,
        {"image": datasets.Value("string" if as_text else "binary"), "class": datasets.Value("string")},
        "parquet",
    )
    dataset = load_dataset(tmp_path)
    assert [class_name(record) for record in dataset.records] == ["c0", "c1", "c2"]
    assert all(record.image.size_wh == (40, 30) for record in dataset.records)
