"""Large sets: labels are read without images, and what is found of the images is found all the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled import STRICT
from PIL import Image

from vrft.config.questions import ask_about, questions_of, saved_split, usable
from vrft.config.questions import split_of as configured_split
from vrft.config.run_config import make_config
from vrft.data.data_options import DataOptions
from vrft.data.dataset import load_dataset
from vrft.data.formats import coco_json as coco_module
from vrft.data.images import image_size_wh
from vrft.data.splits.few_shot import Split
from vrft.data.splits.manifest import PARTS, manifest
from vrft.diagnostics.check.run_check import check
from vrft.errors import LabelError
from vrft.run_folder import write_json
from vrft.tasks.registry import load_task
from vrft.types import Example

WH = (64, 48)
KINDS = ("cat", "dog", "emu")


def scene(number: int, size_wh: tuple[int, int] = WH) -> Image.Image:
    patches = np.random.default_rng(number).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize(size_wh, Image.Resampling.BICUBIC)


def write_set(folder: Path, names: list[str], sizes: dict[str, tuple[int, int]] | None = None) -> Path:
    """A COCO folder whose images are there already; kinds go round."""
    stated = [(sizes or {}).get(name, WH) for name in names]
    sheet = {
        "images": [
            {"id": n, "file_name": name, "width": wh[0], "height": wh[1]}
            for n, (name, wh) in enumerate(zip(names, stated, strict=True))
        ],
        "annotations": [
            {"id": n, "image_id": n, "category_id": n % len(KINDS), "bbox": [2, 3, 20, 10], "iscrowd": 0}
            for n in range(len(names))
        ],
        "categories": [{"id": n, "name": name} for n, name in enumerate(KINDS)],
    }
    (folder / "annotations.json").write_text(json.dumps(sheet))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eighteen images."""
    (tmp_path / "set" / "images").mkdir(parents=True)
    names = [f"{number:02}.png" for number in range(18)]
    for number, name in enumerate(names):
        scene(number).save(tmp_path / "set" / "images" / name)
    return write_set(tmp_path / "set", names)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every set is large."""
    monkeypatch.setattr(coco_module, "VERIFIED_AT_LOAD", 0)


def split_of(folder: Path, seed: int = 3) -> Split:
    task, dataset = load_task("detection"), load_dataset(folder)
    options = DataOptions(path=str(folder), shots=2, eval_max=20)
    return configured_split(options, dataset, ask_about(task, dataset), seed)


def ids(split: Split) -> list[list[str]]:
    return [[q.id for q in part] for part in (split.train, split.val, split.heldout)]


def test_a_small_set_opens_its_images(folder: Path) -> None:
    (folder / "images" / "03.png").write_bytes(b"")
    dataset = load_dataset(folder)
    assert [Path(one.where).name for one in dataset.left_out] == ["03.png"]
    assert len(dataset.records) == 17
    with pytest.raises(LabelError, match=r"03\.png"):
        load_dataset(folder, options=STRICT)


@pytest.mark.usefixtures("large")
def test_a_large_set_is_read_without_opening_images(folder: Path) -> None:
    whole = load_dataset(folder)
    for image in (folder / "images").iterdir():
        image.write_bytes(b"")
    assert load_dataset(folder) == whole
    (folder / "images" / "03.png").unlink()
    with pytest.raises(LabelError, match=r"image 3: The image '03\.png' is missing"):
        load_dataset(folder, options=STRICT)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("width", [None, 0, "0", "", -64, "64", "64.0", 64.5, "wide", True])
def test_a_size_that_is_none_is_found_in_the_image(folder: Path, width: Any) -> None:
    file = folder / "annotations.json"
    sheet = json.loads(file.read_text())
    sheet["images"][4]["width"] = width
    file.write_text(json.dumps(sheet))
    if width in (64.5, "wide", True):
        with pytest.raises(LabelError, match=r"image 4( .*the image has 64x48|: .* is not a number)"):
            load_dataset(folder, options=STRICT)
    else:
        dataset = load_dataset(folder, options=STRICT)
        assert dataset.records[4].image.size_wh == image_size_wh(folder / "images" / "04.png")


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    ("stated", "said"), [((128, 96), "128x96 pixels.*64x48"), ((48, 64), "swapped.*EXIF")]
)
def test_a_wrong_size_is_found_on_every_way_to_training(
    folder: Path, tmp_path: Path, stated: tuple[int, int], said: str
) -> None:
    names = sorted(path.name for path in (folder / "images").iterdir())
    saved = tmp_path / "manifest.json"
    write_json(saved, manifest(split_of(folder)))
    asked = saved_split(ask_about(load_task("detection"), load_dataset(folder)), saved)
    used = Path(asked.train[0].record_id).name
    write_set(folder, names, {used: stated})
    data: dict[str, Any] = {"path": str(folder), "shots": 2}
    settings: dict[str, Any] = {"task": "detection", "data": data, "out": str(tmp_path / "run")}
    named = {**settings, "data": {**data, "manifest": str(saved)}}

    def strict(tree: dict[str, Any]) -> dict[str, Any]:
        return {**tree, "data": {**tree["data"], "strict": True}}

    refusals: dict[str, Callable[[], object]] = {
        "a split": lambda: split_of(folder),
        "train": lambda: questions_of(make_config(strict(settings))),
        "with a manifest": lambda: questions_of(make_config(strict(named))),
    }
    for way in refusals.values():
        with pytest.raises(LabelError, match=said) as caught:
            way()
        assert used in caught.value.where
    # Otherwise that image is left out, and said to be.
    for ordinary in (settings, named):
        questions = questions_of(make_config(ordinary))
        assert used in questions.dataset.summary
        asked_of = {e.record_id for part in PARTS for e in getattr(questions.split, part)}
        assert len(asked_of) > 5 and f"images/{used}" not in asked_of
        assert ordinary is settings or asked_of == {
            e.record_id for part in PARTS for e in getattr(asked, part) if Path(e.record_id).name != used
        }
    other = next(name for name in sorted(asked_of) if Path(name).name != used)
    for names, lost in (([f"images/{used}"], [used]), ([other], [])):
        dataset, found = usable(load_dataset(folder), names=names)
        assert [Path(one.where).name for one in dataset.left_out] == lost
        assert set(found) == set(names) - {f"images/{name}" for name in lost}
    for ordinary in (settings, named):
        config = make_config(ordinary)
        report = check(folder, load_task("detection"), lambda task, own=config: own, None)
        found = [f for f in report.findings if f.code == "left-out"]
        assert [Path(f.where).name for f in found] == [used] and found[0].severity == "warning"
        assert not [f for f in report.findings if f.code == "no-split"]


def test_training_keeps_its_fingerprints_beside_the_run(folder: Path, tmp_path: Path) -> None:
    before = sorted(folder.rglob("*"))
    config = make_config(
        {
            "task": "detection",
            "data": {"path": str(folder), "shots": 2},
            "out": str(tmp_path / "run"),
            "seed": 3,
        }
    )
    assert ids(questions_of(config).split) == ids(split_of(folder))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["fingerprints.sqlite"]
    assert sorted(folder.rglob("*")) == before
    # The second time, and after one image became another's copy.
    assert ids(questions_of(config).split) == ids(split_of(folder))
    shutil.copyfile(folder / "images" / "00.png", folder / "images" / "03.png")
    assert questions_of(config).split.duplicates == {"images/03.png": "the same image as images/00.png"}


SPLITTER = """
import json, sys
from pathlib import Path
from vrft.config.questions import ask_about, split_of
from vrft.data.data_options import DataOptions
from vrft.data.dataset import load_dataset
from vrft.data.splits.manifest import PARTS, manifest
from vrft.tasks.registry import load_task

task, dataset = load_task("detection"), load_dataset(Path(sys.argv[1]))
options = DataOptions(path=sys.argv[1], shots=2, eval_max=20)
split = split_of(options, dataset, ask_about(task, dataset), 3)
print(json.dumps(manifest(split)))
"""


def test_a_split_is_the_same_from_another_place_order_locale_and_time_zone(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copyfile(folder / "images" / "00.png", folder / "images" / "03.png")
    first = manifest(split_of(folder))
    moved = tmp_path / "another place é" / "set"
    (moved / "images").mkdir(parents=True)
    # Made in another order, so that a folder may list them in another one.
    for image in sorted((folder / "images").iterdir(), reverse=True):
        shutil.copyfile(image, moved / "images" / image.name)
    sheet = json.loads((folder / "annotations.json").read_text())
    sheet["images"].reverse()
    sheet["annotations"].reverse()
    (moved / "annotations.json").write_text(json.dumps(sheet))
    source = Path(coco_module.__file__).parents[3]
    for settings in (
        {"LC_ALL": "C", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "1"},
        {"LC_ALL": "tr_TR.UTF-8", "TZ": "America/Los_Angeles", "PYTHONHASHSEED": "2"},
    ):
        env = {**os.environ, **settings, "PYTHONPATH": str(source)}
        command = [sys.executable, "-c", SPLITTER, str(moved)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == first


COPIES: dict[str, Callable[[Image.Image, Path], None]] = {
    "the same bytes": lambda image, path: image.save(path, "PNG"),
    "saved as JPEG": lambda image, path: image.save(path, "JPEG", quality=80),
    "resized": lambda image, path: image.resize((48, 36)).save(path, "PNG"),
}


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("kind", COPIES)
def test_planted_copies_are_never_in_two_parts(tmp_path: Path, kind: str) -> None:
    """Every image has a copy in another folder, which is half of the set."""
    names = [f"{copy}/{number:02}.png" for copy in ("a", "b") for number in range(15)]
    sizes = {}
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        image = scene(int(path.stem))
        if name.startswith("b"):
            COPIES[kind](image, path)
            sizes[name] = image_size_wh(path)
        else:
            image.save(path)
    write_set(tmp_path, names, sizes)

    def shown(part: tuple[Example, ...]) -> set[str]:
        return {Path(question.record_id).stem for question in part}

    for seed in range(4):
        split = split_of(tmp_path, seed)
        parts = [shown(part) for part in (split.train, split.val, split.heldout)]
        assert all(parts) and len(split.duplicates) == 15
        assert all(one.isdisjoint(other) for one, other in combinations(parts, 2))
