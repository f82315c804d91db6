"""Whatever happens to images between training and scoring, none that was trained on is scored as held out."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import CLASSES, WRITERS, digest, draw, learned_from, tree_of, write_config

from launch import vrft
from vrft.data.dataset import load_dataset
from vrft.errors import InputError
from vrft.run_folder import read_json
from vrft.workflows.requests import EvaluateRequest
from vrft.workflows.scored_questions import scored_questions
from vrft.workflows.trained_run import TrainedRun

TASKS = tuple(WRITERS)


@pytest.fixture(scope="module", params=TASKS)
def trained(request, tiny_folders, tmp_path_factory):
    """A folder with its data, a run that has seen all its training questions, and what it has learned "
    "from."""
    root = tmp_path_factory.mktemp(request.param)
    data = WRITERS[request.param](root / "photos")
    tree = tree_of(request.param, Path("photos"), tiny_folders["qwen3_vl"], "runs/a")
    config = write_config(root / "a.yaml", tree)
    ended = vrft("train", config, "--no-check", "-q", cwd=root)
    assert ended.returncode == 0, ended.stderr
    saved = read_json(root / "runs" / "a" / "manifest.json")
    paths = {record.id: record.image.path for record in load_dataset(data).records}
    images = {part: {name.split("#")[0] for name in saved[part]} for part in ("train", "val", "heldout")}
    hashes = {part: {digest(paths[name]) for name in names} for part, names in images.items()}
    with chdir(root):
        assert learned_from(root / "runs" / "a") == hashes["train"]
    assert all(hashes.values())
    return root, hashes


def scored(run: Path, data: Path, **asked) -> tuple[str, set[str], tuple[str, ...]]:
    """The part, the hashes of the images that are asked about, and the notes."""
    model = TrainedRun.of(str(run))
    request = EvaluateRequest(**asked)
    task = model.task(request)
    found = scored_questions(model, data, request, task, load_dataset(data, task.needs))
    return found.part, {digest(one.image.path) for one in found.examples}, found.notes


class Folder:
    """Labelled images that somebody changes, in either layout."""

    def __init__(self, data: Path) -> None:
        self.data, self.labels, self.new = data, data / "labels.json", 1000

    def files(self) -> list[Path]:
        return sorted(self.data.rglob("*.png"))

    def _edit(self, change) -> None:
        if self.labels.exists():
            labels = json.loads(self.labels.read_text())
            change(labels)
            self.labels.write_text(json.dumps(labels))

    def add(self, place: int) -> None:
        name, self.new = f"{self.new}.png", self.new + 1
        draw(
            (self.data / "images" if self.labels.exists() else self.data / CLASSES[place % 3]) / name,
            self.new,
        )

        def label(labels):
            number = self.new
            labels["images"].append({"id": number, "file_name": name, "width": 48, "height": 40})
            row = {"id": number, "image_id": number, "category_id": place % 3, "bbox": [1, 1, 9, 9]}
            labels["annotations"].append(row)

        self._edit(label)

    def _named(self, labels, name):
        return next(one for one in labels["images"] if one["file_name"] == name)

    def remove(self, place: int) -> None:
        file = self.files()[place % len(self.files())]
        if len(self.files()) < 8 or len(list(file.parent.iterdir())) < 2:
            return
        file.unlink()

        def unlabel(labels):
            gone = self._named(labels, file.name)
            labels["images"].remove(gone)
            labels["annotations"] = [a for a in labels["annotations"] if a["image_id"] != gone["id"]]

        self._edit(unlabel)

    def swap(self, place: int) -> None:
        """Two images change names."""
        one, other = (self.files()[n % len(self.files())] for n in (place, 5 * place + 7))
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)

    def rename(self, place: int) -> None:
        file = self.files()[place % len(self.files())]
        name, self.new = f"{self.new}.png", self.new + 1
        file.rename(file.with_name(name))
        self._edit(lambda labels: self._named(labels, file.name).update(file_name=name))

    def relabel(self, place: int) -> None:
        file = self.files()[place % len(self.files())]
        if not self.labels.exists():
            target = self.data / CLASSES[place % 3] / file.name
            if len(list(file.parent.iterdir())) > 1 and not target.exists():
                file.rename(target)
            return

        def label(labels):
            number = self._named(labels, file.name)["id"]
            for row in labels["annotations"]:
                if row["image_id"] == number:
                    row["category_id"] = place % 3

        self._edit(label)


CHANGES = st.tuples(
    st.sampled_from(["add", "remove", "swap", "rename", "relabel"]), st.integers(min_value=0, max_value=99)
)


@settings(max_examples=40)
@given(
    changes=st.lists(CHANGES, max_size=12),
    moved=st.booleans(),
    nested=st.booleans(),
    part=st.sampled_from([None, "heldout"]),
    named=st.sampled_from(["run", "model"]),
)
def test_no_image_that_was_learned_from_is_scored_as_held_out(trained, changes, moved, nested, part, named):
    root, hashes = trained
    with TemporaryDirectory() as place:
        run, data = Path(place, "elsewhere"), Path(place, "set" if moved else "photos")
        shutil.copytree(root / "runs" / "a", run)
        shutil.copytree(root / "photos", data)
        folder = Folder(data)
        for name, number in changes:
            getattr(folder, name)(number)
        task = "detection" if folder.labels.exists() else "classification"
        below = Path(place, "all") if nested else data
        if nested:  # every image has another id
            shutil.move(data, below / "train")
        model = run if named == "run" else run / "model"
        more = {} if named == "run" else {"task": task}
        with chdir(place):
            try:
                _, images, _ = scored(model, below, part=part, **more)
            except InputError:
                return
        assert not images & (hashes["train"] | hashes["val"])
        if named == "run" and {name for name, _ in changes} <= {"add"} and not nested:
            assert images == hashes["heldout"]


def test_all_and_train_are_what_they_are_called(trained):
    root, hashes = trained
    run, data = root / "runs" / "a", root / "photos"
    assert scored(run, data)[:2] == ("heldout", hashes["heldout"])
    assert scored(run, data, part="train")[1] == hashes["train"]
    assert scored(run, data, part="all")[1] >= hashes["train"] | hashes["val"] | hashes["heldout"]


def test_what_is_gone_or_labelled_anew_is_said(trained, tmp_path):
    root, hashes = trained
    data = tmp_path / "photos"
    shutil.copytree(root / "photos", data)
    first = next(file for file in Folder(data).files() if digest(file) in hashes["heldout"])
    first.write_bytes(b"")
    draw(first, 5000)
    _, images, notes = scored(root / "runs" / "a", data)
    assert images < hashes["heldout"] and "left out" in " ".join(notes)
    alone = tmp_path / "learned"
    for place, file in enumerate(Folder(root / "photos").files()):
        if digest(file) in hashes["train"]:
            target = alone / f"class {place % 2}"
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target / f"copy-{place}.png")
    with pytest.raises(InputError, match=r"trained or validated on all of these images.*--part all"):
        scored(root / "runs" / "a", alone, task="classification")


def test_eval_in_another_folder_scores_the_held_out_part(trained, tmp_path):
    root, hashes = trained
    ended = vrft("eval", root / "runs" / "a", root / "photos", "--out", "e", "--json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    card = json.loads(ended.stdout)
    assert (card["part"], card["images"], card["notes"]) == ("heldout", len(hashes["heldout"]), [])
