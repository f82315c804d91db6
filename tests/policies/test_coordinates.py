"""Coordinates of every family: prompt, gold answer and parser keep one convention, there and back."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from architectures import FAMILY_NAMES, ask, loaded, medium
from golden.cases import draw
from vrft.tasks.registry import load_task, task_of
from vrft.types import Boxes, Example, Form

SIZES = ((64, 48), (37, 150), (320, 213), (427, 640), (900, 90))
PIXELS = ("qwen2_5_vl",)
"""Families that write pixels of what they see."""
TASKS = ("detection", "grounding")
ROOM = 1_000_000
"""A pixel budget above all images here: no family that resizes freely shrinks one."""


def policy_of(name, folder, max_pixels=None):
    return loaded(folder, max_pixels=max_pixels)


def asked_about(path, size, task):
    width, height = size
    boxes = [
        (0.0, 0.0, float(width), float(height)),
        (1.0, 2.0, width - 1.0, height - 2.0),
        (width * 0.1371, height * 0.2113, width * 0.7919, height * 0.8853),
        (width - 11.4, height - 9.7, width - 0.3, height - 0.6),
    ]
    question = Example("1", "1", task, (medium(path),), "the seven")
    # Grounding asks for one box at a time.
    groups = [boxes] if task == "detection" else [[box] for box in boxes]
    return [replace(question, target=Boxes(tuple(group))) for group in groups]


def returned(example, frame):
    """The boxes of the gold answer as the parser reads them, next to the boxes that were meant."""
    task = task_of(example)
    answer = task.parse(task.gold(example, [frame]), example, [frame])
    assert answer.formatted and not answer.faults
    return list(zip(answer.value.xyxy_px, example.target.xyxy_px, strict=True))


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_box_comes_back_within_a_pixel(name, tiny_folders, tmp_path):
    policy = policy_of(name, tiny_folders[name], ROOM if name in PIXELS else None)
    for size in SIZES:
        path = draw(tmp_path, size)
        frame = policy.frame(medium(path))
        for task in TASKS:
            for form in Form:
                for example in asked_about(path, size, task):
                    for read, meant in returned(replace(example, form=form), frame):
                        assert max(abs(a - b) for a, b in zip(read, meant, strict=True)) <= 1.0, size


@pytest.mark.parametrize("name", sorted(PIXELS))
def test_a_box_of_a_shrunk_image_comes_back_within_a_pixel_of_what_is_seen(name, tiny_folders, tmp_path):
    policy = policy_of(name, tiny_folders[name])
    for size in SIZES[2:]:
        path = draw(tmp_path, size)
        frame = policy.frame(medium(path))
        seen = frame.input_wh
        assert seen[0] * seen[1] < size[0] * size[1]
        pixel = (size[0] / seen[0], size[1] / seen[1]) * 2
        for example in asked_about(path, size, "grounding")[:3]:
            for read, meant in returned(replace(example, form=Form.DIRECT), frame):
                assert all(abs(a - b) <= p for a, b, p in zip(read, meant, pixel, strict=True)), size


def thousandths(image):
    return "0", ("1000", "1000"), "between 0 and 1000, integer"


def fractions(image):
    return "0.000", ("1.000", "1.000"), "between 0 and 1, with three decimal places"


def pixels(image):
    _, rows, columns = image.inputs["image_grid_thw"][0].tolist()
    width, height = columns * 8, rows * 8
    return "0", (str(width), str(height)), f"in pixels of the {width}x{height} image, integer"


CONVENTIONS = {"qwen2_5_vl": pixels, "llava_onevision": fractions}
"""By family: how the image's corners are written, and how a prompt says so."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_prompt_names_the_numbers_that_the_gold_answer_has(name, size, tiny_folders, tmp_path):
    policy = policy_of(name, tiny_folders[name])
    path = draw(tmp_path, size)
    image = policy.image(medium(path))
    origin, corner, clause = CONVENTIONS.get(name, thousandths)(image)
    for task in map(load_task, TASKS):
        example = replace(asked_about(path, size, task.name)[0], form=Form.DIRECT)
        gold = task.gold(example, [image.frame])
        assert re.findall(r"\d+(?:\.\d+)?", gold)[:4] == [origin, origin, *corner]
        asked = task.question(example, [image.frame])
        # The paper's grounding prompt says nothing of coordinates and means 0 to 1000.
        silent = task.name == "grounding" and clause.startswith("between 0 and 1000")
        assert (clause in asked) != silent
        # And what the model is given is what the task asks.
        assert policy.tokenizer.decode(ask(policy, asked, path).token_ids).count(asked.strip()) == 1
