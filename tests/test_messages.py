"""What is said where input cannot be used: every message names the place and what to do."""

from __future__ import annotations

import builtins
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError
from PIL import Image as PILImage

import messages
from vrft.config.run_config import load_config, make_config
from vrft.data.dataset import load_dataset
from vrft.data.fingerprints import fingerprints
from vrft.distributed import DistributedContext
from vrft.errors import ConfigError, InputError, LabelError, ModelError, RunError
from vrft.inference.drawn_images import save_drawn
from vrft.inference.formats.prediction_format import Setting, open_format
from vrft.inference.provenance import check_images
from vrft.inference.test_time_views import scaled
from vrft.miniature.folders import write_detection
from vrft.miniature.location import miniature_folder
from vrft.models import adapter_folder
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.models.segmenter import Segmenter
from vrft.rollout.sampler import load_sampler
from vrft.run_folder import RunFolder, append_row, read_json, read_rows, write_text
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Example, Image, Message, Prediction
from vrft.workflows.audit_reward import audit_reward
from vrft.workflows.evaluate_model import evaluate_model
from vrft.workflows.fit import fit
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.predict_images import predict_images
from vrft.workflows.probe_data import probe_data
from vrft.workflows.requests import (
    AuditRequest,
    CheckRequest,
    EvaluateRequest,
    PredictRequest,
    ProbeRequest,
)
from vrft.workflows.train import check_processes

XML = (
    "<annotation><filename>{}</filename><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
    "<xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
)
YOLO = {"images/a.png": None, "labels/a.txt": "0 0.5 0.5 0.2 0.2\n"}
NAMES = "train: images\nnames: [cat]\n"
COCO = {
    "images": [{"id": 1, "file_name": "a.png"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}],
}


def put(folder: Path, files: dict[str, str | bytes | None]) -> Path:
    """Write files into a folder; None is an image."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            PILImage.new("RGB", (40, 30)).save(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def prediction(folder: Path) -> Prediction:
    """An answer about an image in a folder."""
    shown = Image(put(folder, {"shown.png": None}) / "shown.png", (40, 30))
    example = Example("a", "a", "detection", (shown,), "cat", Boxes())
    return Prediction(example, Answer(Boxes()))


# ---- the words of all messages


def test_every_error_ends_in_a_whole_sentence() -> None:
    sites = [
        site
        for path in messages.SOURCE.rglob("*.py")
        for site in messages.sites_of(path, messages.ast.parse(path.read_bytes()))
    ]
    assert len(sites) > 400
    errors = {"InputError", "ConfigError", "ModelError", "RunError"}
    commands = ("Write: vrft predict ... < image.jpg", "Run: pip install 'vrft[datasets]'")
    wrong = [
        site for site in sites if site.kind in errors and not site.message.endswith((".", "}", *commands))
    ]
    assert [f"{site.place}: {site.message}" for site in wrong] == []


# ---- label files


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"a.png": None, "b.txt": "", "a.xml": XML.format("b.txt")},
            r"a\.xml: The 'filename' 'b.txt' is not an",
        ),
        (
            {"a.png": None, "a.xml": '<?xml version="1.0" encoding="klingon"?>' + XML.format("a.png")},
            r"a\.xml: The file is not XML \(.*klingon.*Save it as UTF-8\.",
        ),
        (
            YOLO | {"data.yaml": NAMES, "b.yaml": NAMES},
            r"several data\.yaml: b\.yaml, data\.yaml|data\.yaml, b",
        ),
        (YOLO | {"classes.txt": b"k\xe9\n"}, r"classes\.txt: The file is not written in UTF-8\. Save"),
        (YOLO | {"labels/a.txt": b"\xe9", "data.yaml": NAMES}, r"a\.txt: The file is not text\. Export it"),
        ({"images/a.md": "", "data.yaml": NAMES}, r"data\.yaml: It names no image with labels\. Expected"),
        (
            {"a.png": None, "a.json": json.dumps(COCO | {"categories": [{"id": 1, "name": [7]}]})},
            r"a\.json, category 1: The name \[7\] is not text\. Write one",
        ),
        (
            {"a.png": None, "a.json": json.dumps(COCO | {"categories": [{"id": 1, "name": " "}]})},
            r"a\.json, category 1: The category has no name\. Write one",
        ),
    ],
)
def test_a_label_file_is_refused_with_its_name(
    tmp_path: Path, files: dict[str, str | bytes | None], said: str
) -> None:
    with pytest.raises(LabelError, match=said):
        load_dataset(put(tmp_path, files))


@pytest.mark.parametrize(
    ("image", "solution", "said"),
    [
        (None, "cat", "row 0: The 'solution' is not a class name in tags"),
        (b"junk", "<answer>cat</answer>", "row 0: The image cannot be read"),
    ],
)
def test_a_saved_datasets_row_is_refused_with_its_number(
    tmp_path: Path, image: bytes | None, solution: str, said: str
) -> None:
    datasets = pytest.importorskip("datasets")
    if image is None:
        image = put(tmp_path, {"a.png": None}).joinpath("a.png").read_bytes()
    row = {"image": {"bytes": image, "path": None}, "problem": "What is it?", "solution": solution}
    rows = datasets.Dataset.from_list([row]).cast_column("image", datasets.Image())
    rows.save_to_disk(str(tmp_path / "set"))
    with pytest.raises(LabelError, match=f"{said}.*Leave the row out: .*n != 0"):
        load_dataset(tmp_path / "set")


# ---- seeds


@pytest.mark.parametrize("seed", [-1, 12345678901234567890])
@pytest.mark.parametrize(
    "make",
    [
        lambda seed: EvaluateRequest(seed=seed),
        lambda seed: PredictRequest(model="miniature", image="a.png", questions=("cat",), seed=seed),
        lambda seed: AuditRequest(reward="detection", seed=seed),
        lambda seed: CheckRequest(path=Path("a"), seed=seed),
        lambda seed: FitSettings(Path("a"), "detection", seed=seed),
        lambda seed: make_config({"task": "detection", "data": {"path": "a"}, "seed": seed}),
    ],
)
def test_a_seed_that_no_generator_takes_is_refused(make: Callable[[int], Any], seed: int) -> None:
    with pytest.raises((ValueError, ConfigError), match="seed"):
        make(seed)


def test_a_value_out_of_range_is_repeated() -> None:
    with pytest.raises(ConfigError, match=r"^c: seed: .*equal to 0, not -1$"):
        make_config({"task": "detection", "data": {"path": "a"}, "seed": -1}, "c")


# ---- places for results


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(put(tmp_path, {"a.png": None}) / "a.png", (40, 30))


@pytest.mark.parametrize(
    "write",
    [
        lambda place: RunFolder(place).open(resume=False),
        lambda place: write_text(place / "a.json", "{}"),
        lambda place: append_row(place / "a.jsonl", {}),
        lambda place: write_detection(place / "data", 0, train=1, val=0, heldout=0),
    ],
)
@pytest.mark.parametrize("place", ["file", "file/inside", "/dev/null", "/proc/none"])
def test_a_place_where_nothing_can_be_written_is_named(
    tmp_path: Path, write: Callable[[Path], Any], place: str
) -> None:
    put(tmp_path, {"file": ""})
    with pytest.raises(RunError, match=r"the folder cannot be made \(.*Name another folder\."):
        write(tmp_path / place)


def test_a_folder_that_is_not_ours_to_write_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vrft.run_folder.files.os.access", lambda folder, mode: False)
    with pytest.raises(RunError, match=r"nothing can be written into this folder\. Name another"):
        RunFolder(tmp_path).open(resume=False)


def test_a_coco_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the COCO file cannot be read .*Check the path"):
        open_format("coco", [], Setting("m", against=tmp_path))


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, image: Image) -> None:
    put(tmp_path, {"file": ""})
    with pytest.raises(RunError, match=r"'.*file' is a file"):
        fingerprints({"a.png": image.path}, tmp_path / "file" / "cache.sqlite")


def test_a_drawn_image_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    target = put(tmp_path / "a.png", {"inside": ""})
    with pytest.raises(RunError, match=r"a\.png: the drawn image cannot be written .*Choose another place"):
        save_drawn([prediction(tmp_path)], target)


def test_an_evaluations_folder_is_not_taken_over(tmp_path: Path, image: Image) -> None:
    put(tmp_path, {"predictions.jsonl": ""})
    with pytest.raises(RunError, match=r"predictions\.jsonl: another command wrote .*--out"):
        check_images(tmp_path, {}, [])


# ---- runs


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"notes.txt": ""}, r"is not empty and is not a run \(notes\.txt\)\. Name another"),
        ({"run.json": '{"kind": "rft"}'}, r"vrft 0\.1.*Train again in another folder"),
        ({"run.json": "{}"}, "holds a run already. Add --resume"),
    ],
)
def test_a_folder_that_is_taken_says_by_what(tmp_path: Path, files: dict[str, Any], said: str) -> None:
    with pytest.raises(RunError, match=said):
        RunFolder(put(tmp_path, files)).open(resume=False)


def test_a_folder_in_which_another_process_trains_is_refused(tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path).held(),
        pytest.raises(RunError, match=r"another process is training.*or name "),
        RunFolder(tmp_path).held(),
    ):
        pass


def test_a_broken_file_of_a_run_is_named_with_its_line(tmp_path: Path) -> None:
    put(tmp_path, {"run.json": "{", "metrics.jsonl": '{}\n{"a\n{}\n'})
    with pytest.raises(RunError, match=r"run\.json: the file cannot be read .*Check that the run"):
        read_json(tmp_path / "run.json")
    with pytest.raises(RunError, match=r"metrics\.jsonl, line 2: this is not JSON .*Delete the line"):
        list(read_rows(tmp_path / "metrics.jsonl"))


# ---- names in a configuration


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"task": "detectoin"}, "a.yaml: task: There is no task 'detectoin'. Did you mean 'detection'?"),
        ({"task": {"name": "classification", "subjetc": "plant"}}, "task.subjetc: .*Did you mean 'subject'?"),
        ({"rollout": {"sampler": "shared_promt"}}, "rollout.sampler: .*Did you mean 'shared_prompt'?"),
        ({"reward": {"setting": "recomended"}}, "reward.setting: .*Did you mean 'recommended'?"),
        ({"reward": {"weights": {"formt": 1}}}, "reward.weights: .*Did you mean 'format'?"),
        ({"grpo": {"loss": "vrft.errors:VrftError"}}, "grpo.loss: .* is not a subclass of"),
        ({"reward": {"options": {"formt": {}}}}, "reward.options: .*Did you mean 'format'?"),
    ],
)
def test_an_unknown_name_is_refused_when_a_configuration_is_read(
    tmp_path: Path, tree: dict[str, Any], said: str
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(json.dumps({"task": "detection", "data": {"path": "photos"}} | tree))
    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        load_config(file)


def test_a_file_of_the_users_own_is_not_run_when_a_configuration_is_read(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text("raise RuntimeError('ran')\n")
    tree = {
        "task": f"{own}:TASK",
        "data": {"path": "photos"},
        "rollout": {"sampler": f"{own}:Sampler"},
        "reward": {"custom": {f"{own}:reward": 1}},
    }
    assert make_config(tree).rollout.sampler.endswith("own.py:Sampler")
    assert make_config(tree | {"task": "detection"}).reward.custom


# ---- models


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "nonsense!"])
def test_a_device_that_is_not_there_is_refused_by_its_key(device: str) -> None:
    with pytest.raises(ConfigError, match=rf"model\.device: '{device}' cannot be used.*model\.device: auto"):
        load_policy(ModelOptions(device=device))


@pytest.mark.parametrize(
    ("attention", "said"),
    [
        ("flash_attention_3", "cannot be used here .*set model.attention: sdpa"),
        ("spda", "there is no 'spda'. Did you mean 'sdpa'"),
        ("somebody/kernel", "there is no 'somebody/kernel'"),
    ],
)
def test_an_attention_that_is_not_there_is_refused_by_its_key(attention: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"model.attention: .*{said}"):
        load_policy(ModelOptions(attention=attention, device="cpu"))


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone: there is no such folder\. Give"):
        load_policy(str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        (
            "config.json",
            {
                "model_type": "own",
                "auto_map": {"AutoConfig": "own.C", "AutoModelForImageTextToText": "own.M"},
            },
        ),
        (
            "preprocessor_config.json",
            {"image_processor_type": "O", "auto_map": {"AutoImageProcessor": "own.P"}},
        ),
    ],
)
def test_code_that_comes_with_a_model_never_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, changes: dict[str, Any]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(miniature_folder(), folder)
    settings = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(settings | changes))
    ran = tmp_path / "ran"
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')\nclass C: pass\nclass M: pass\nclass P: pass\n")
    asked = []
    monkeypatch.setattr(builtins, "input", lambda *words: asked.append(words) or "y")
    with pytest.raises(ModelError, match=r"program code of its own.*Use a model"):
        load_policy(str(folder))
    with pytest.raises(ModelError):
        Segmenter.load(str(folder), "cpu")
    assert not asked and not ran.exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionError("no route"), r"the hub cannot be reached \(no route\)\. Check"),
        (TimeoutError(), r"the hub cannot be reached \(TimeoutError\)\. Check"),
        (HFValidationError("bad id"), r"no such model on the hub\. Check the name"),
    ],
)
def test_the_hub_is_asked_once_about_a_name_that_is_not_here(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    asked = []

    def model_info(self: Any, name: str, **options: Any) -> None:
        asked.append((name, options))
        raise error

    monkeypatch.setattr(HfApi, "model_info", model_info)
    monkeypatch.setattr(adapter_folder, "find_adapter_config_file", lambda name: pytest.fail(name))
    with pytest.raises(ModelError, match=rf"some/misspelt: there is no such folder, and .*{said}"):
        load_policy("some/misspelt")
    assert asked == [("some/misspelt", {"timeout": 20.0})]


def test_a_model_without_its_tokenizer_is_named(tmp_path: Path) -> None:
    shutil.copytree(miniature_folder(), tmp_path / "model")
    for file in (tmp_path / "model").glob("tokenizer*"):
        file.unlink()
    policy = load_policy(ModelOptions(path=str(tmp_path / "model"), device="cpu"))
    with pytest.raises(ModelError, match=r"does not have the token that stands for an image\. Add"):
        policy.first([Message("user", (Image(put(tmp_path, {"a.png": None}) / "a.png", (40, 30)), "?"))])


# ---- requests


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"reward": "detection", "task": "grounding"}, "'detection' is itself a task. Leave --task"),
        ({"reward": "detection", "high": 2.0}, "--high is for functions of your own. Leave it out"),
        ({"reward": "detection", "frame": "inches"}, "There is no frame 'inches'. Choose one of"),
        ({"reward": "detection", "targets": 5}, "targets: 5 are too few for an audit. Set 60"),
        ({"reward": "a.py:f"}, "The task that 'a.py:f' rewards is not known. Add --task"),
        ({"reward": "a.py:f", "task": "detection", "settings": "paper"}, "has no settings. Leave --settings"),
        ({"reward": "a.py:f", "task": "detection"}, "a.py:f cannot be loaded.*Check the file"),
        ({"reward": "a.py:f", "task": "detection", "high": -1.0}, "must be a positive number, not -1"),
    ],
)
def test_an_audit_that_cannot_be_is_refused(request_: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        audit_reward(AuditRequest(**request_))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"manifest.json": "{}"}, r"out holds a fit already\. Add --resume"),
        ({"run.json": "{}"}, r"out holds a single run\. Name another --out"),
    ],
)
def test_a_fit_stays_out_of_the_folder_of_another(tmp_path: Path, files: dict[str, Any], said: str) -> None:
    data = write_detection(tmp_path / "photos", 0, train=2, val=0, heldout=0)
    with pytest.raises(RunError, match=said):
        fit(FitSettings(data, "detection"), put(tmp_path / "out", files))


def test_a_part_that_no_split_has_made_is_refused(tmp_path: Path) -> None:
    data = write_detection(tmp_path / "photos", 0, train=2, val=0, heldout=0)
    request = EvaluateRequest(task="detection", part="heldout")
    with pytest.raises(InputError, match=r"--part heldout: there is no such part\. Add --manifest"):
        evaluate_model("miniature", data, request, folder=tmp_path / "out")


def test_more_processes_than_prompts_are_refused() -> None:
    config = make_config({"task": "detection", "data": {"path": "a"}, "optim": {"prompts_per_step": 1}})
    with pytest.raises(ConfigError, match=r"optim\.prompts_per_step: 1 are fewer than the 2 processes.*Set"):
        check_processes(config, DistributedContext(count=2))


def test_an_image_is_not_read_from_a_terminal() -> None:
    with pytest.raises(InputError, match=r"Standard input is a terminal.*Write: vrft predict"):
        predict_images(PredictRequest(model="miniature", image="-", questions=("cat",)))


def test_options_of_a_folder_do_not_go_with_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--shots is for a folder of images\. Change a configuration by"):
        probe_data(ProbeRequest(path=tmp_path / "a.yaml", shots=2))


def test_a_sampler_of_the_users_own_that_is_broken_is_named() -> None:
    with pytest.raises(ConfigError, match=r"rollout\.sampler: gone\.py:S cannot be loaded.*Name it as"):
        load_sampler("gone.py:S", None)  # type: ignore[arg-type]


def test_an_image_cannot_be_scaled_by_nothing(image: Image) -> None:
    example = Example("a", "a", "detection", (image,), "cat", None)
    with pytest.raises(InputError, match=r"views: .*by 0\. Give a number above 0"):
        scaled(example, 0)


def test_a_task_without_examples_cannot_be_audited() -> None:
    with pytest.raises(InputError, match=r"has no audit_examples\. Add them"):
        type(load_task("detection")).__mro__[1].audit_examples(load_task("detection"), 1, None)
