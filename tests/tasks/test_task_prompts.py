"""The prompts, word for word as the paper's table and the released scripts have them (arXiv 2503.01785)."""

from pathlib import Path

import pytest

from vrft.geometry.frames import View
from vrft.tasks.task import load_task
from vrft.types import BoxesTarget, ClassTarget, Example, Form, Target

THOUSAND = View("thousand", (640, 480), (616, 476))
DETECTION = (
    "Detect all objects belonging to the category 'fire hydrant' in the image, and provide the bounding "
    "boxes (between 0 and 1000, integer) and confidence (between 0 and 1, with two decimal places).\n"
    "If no object belonging to the category 'fire hydrant' in the image, return 'No Objects'.\n"
    "Output the thinking process in <think> </think> and final answer in <answer> </answer> tags.The "
    "output answer format should be as follows:\n"
    "<think> ... </think> <answer>[{'Position': [x1, y1, x2, y2], 'Confidence': number}, ...]</answer>\n"
    "Please strictly follow the format."
)
CLASSIFICATION_TAIL = (
    "\nOutput the thinking process in <think> </think> and final answer in <answer> </answer> tags.The "
    "output answer format should be as follows:\n"
    "<think> ... </think> <answer>species name</answer>\n"
    "Please strictly follow the format."
)
GROUNDING = (
    "Output the bounding box in the image corresponding to the instruction: where to sit "
    "Output the thinking process in <think> </think> and your grouding box. "
    'Following "<think> thinking process </think>\n<answer>(x1,y1),(x2,y2)</answer>)" format.'
)


def example(task: str, question: str, target: Target, options: tuple[str, ...] = ()) -> Example:
    return Example("1", "1", Path("1.png"), (640, 480), task, question, target, options)


def test_detection():
    asked = example("detection", "fire hydrant", BoxesTarget(()))
    assert load_task("detection").ask(asked, THOUSAND, Form.THINK) == DETECTION


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("aircraft", "This is an image containing an aircraft. Please identify the model of the aircraft "),
        ("car", "This is an image containing a car. Please identify the model of the car "),
        ("plant", "This is an image containing a plant. Please identify the species of the plant "),
        ("pet", "This is an image containing a pet. Please identify the species of the pet "),
        ("dog", "This is an image containing a dog. Please identify the species of the dog "),
    ],
)
def test_classification(kind, head):
    asked = example("classification", kind, ClassTarget("x"))
    prompt = load_task("classification").ask(asked, THOUSAND, Form.THINK)
    assert prompt == head + "based on the image." + CLASSIFICATION_TAIL


def test_grounding():
    asked = example("grounding", "where to sit", BoxesTarget(((1.0, 1.0, 2.0, 2.0),)))
    assert load_task("grounding").ask(asked, THOUSAND, Form.THINK) == GROUNDING


def test_other_frames_change_the_coordinate_clause_alone():
    asked = example("detection", "fire hydrant", BoxesTarget(()))
    for kind, clause in [
        ("input_pixels", "in pixels of the 616x476 image, integer"),
        ("unit", "between 0 and 1, with three decimal places"),
    ]:
        prompt = load_task("detection").ask(asked, View(kind, (640, 480), (616, 476)), Form.THINK)
        assert prompt == DETECTION.replace("between 0 and 1000, integer", clause)


def test_options_are_listed_in_the_prompt():
    asked = example("classification", "object", ClassTarget("rose"), ("rose", "tulip"))
    prompt = load_task("classification").ask(asked, THOUSAND, Form.DIRECT)
    assert prompt == (
        "This is an image containing an object. Please identify the class of the object based on the image.\n"
        "Choose one of: rose, tulip.\n"
        "Output the final answer in <answer> </answer> tags.The output answer format should be as follows:\n"
        "<answer>object name</answer>\n"
        "Please strictly follow the format."
    )


def test_gold_answers_read_as_the_papers():
    # a box of a 640 by 480 picture in thousandths of it
    box = (64.0, 48.0, 320.0, 240.0)
    gold = {
        name: load_task(name).gold(example(name, "it", target), THOUSAND, Form.DIRECT)
        for name, target in [
            ("detection", BoxesTarget((box,))),
            ("classification", ClassTarget("garden phlox")),
            ("grounding", BoxesTarget((box,))),
        ]
    }
    assert gold == {
        "detection": "<answer>[{'Position': [100, 100, 500, 500], 'Confidence': 1.00}]</answer>",
        "classification": "<answer>garden phlox</answer>",
        "grounding": "<answer>(100,100),(500,500)</answer>",
    }
    nothing = load_task("detection").gold(example("detection", "it", BoxesTarget(())), THOUSAND, Form.THINK)
    assert nothing == "<think> I look for 'it' in the image. </think> <answer>No Objects</answer>"
