"""Prompts are those of each family's own processor, id by id: ``tests/golden`` holds what it gave once."""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from architectures import FAMILY_NAMES, ask, loaded, medium
from golden.cases import GOLDEN, IMAGES_WH, OWN, QUESTIONS, draw, dress, vocabulary_sha256
from vrft.tasks.registry import load_task
from vrft.types import CoordinateFrame, Example, Form, Image

RECORD = json.loads((Path(__file__).parents[1] / "golden" / "prompt_ids.json").read_text("utf-8"))
FOLDERS = list(dict.fromkeys((c["family"], c["template"], c["max_pixels"]) for c in RECORD["cases"]))
AGAIN = "tests/golden/README.md says how to record again"


def official(template):
    """TRL's file of a chat template; the package is not loaded."""
    found = find_spec("trl")
    if found is None or found.origin is None:
        pytest.skip("no TRL here, and the official chat templates are its")
    path = Path(found.origin).parent / "chat_templates" / f"{template}.jinja"
    if not path.exists():
        pytest.skip(f"this TRL has no chat template '{template}'; the ids are of {RECORD['versions']['trl']}")
    return path


@pytest.mark.parametrize(("name", "template", "max_pixels"), FOLDERS)
def test_prompts_are_those_of_the_familys_own_processor(name, template, max_pixels, tiny_folders, tmp_path):
    folder = tmp_path / "released"
    shutil.copytree(tiny_folders[name], folder)
    dress(name, folder, None if template == OWN else official(template))
    policy = loaded(folder, max_pixels=max_pixels)
    cases = [
        case
        for case in RECORD["cases"]
        if (case["family"], case["template"], case["max_pixels"]) == (name, template, max_pixels)
    ]
    for case in cases:
        assert vocabulary_sha256(policy.tokenizer) == case["vocabulary_sha256"], (
            f"the tiny tokenizer is another than the recorded one: {AGAIN}"
        )
        path = draw(tmp_path, case["image_wh"])
        image = policy.image(medium(path))
        assert image.frame.window_px == (0.0, 0.0, *case["image_wh"])
        assert image.frame.input_wh == tuple(case["input_wh"]), case["image_wh"]
        assert len(image.inputs["pixel_values"]) == case["patches"], case["image_wh"]
        question = RECORD["questions"][case["question"]]
        assert list(ask(policy, question, path).token_ids) == case["input_ids"], case["image_wh"]


@pytest.mark.parametrize("template", RECORD["templates_sha256"])
def test_the_official_templates_are_the_recorded_ones(template):
    digest = hashlib.sha256(official(template).read_bytes()).hexdigest()
    assert digest == RECORD["templates_sha256"][template], f"TRL's template has changed: {AGAIN}"


def test_every_family_image_and_question_is_recorded():
    asked = [(size, index) for size in IMAGES_WH for index in range(len(QUESTIONS))]
    for name in FAMILY_NAMES:
        folders = {(OWN, None)}
        folders |= {(GOLDEN[name].template, None)} if GOLDEN[name].template else set()
        folders |= {(OWN, GOLDEN[name].max_pixels)} if GOLDEN[name].max_pixels else set()
        found = {(c["template"], c["max_pixels"]) for c in RECORD["cases"] if c["family"] == name}
        assert found == folders
        for folder in folders:
            own = [
                c for c in RECORD["cases"] if (c["family"], c["template"], c["max_pixels"]) == (name, *folder)
            ]
            assert [(tuple(c["image_wh"]), c["question"]) for c in own] == asked
    assert RECORD["questions"] == list(QUESTIONS)
    assert {"python", "torch", "torchvision", "transformers"} <= RECORD["versions"].keys()


def test_the_recorded_question_is_what_detection_asks():
    image = Image(Path("1.png"), (640, 480))
    asked = Example("1", "1", "detection", (image,), "fire hydrant", form=Form.THINK)
    frame = CoordinateFrame.whole("norm1000", (640, 480))
    assert load_task("detection").question(asked, [frame]) == QUESTIONS[0]
