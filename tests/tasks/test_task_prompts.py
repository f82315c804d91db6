"""The prompts, word for word as the paper's table and the released scripts have them (arXiv 2503.01785)."""

from pathlib import Path

import pytest

from vrft.tasks.registry import load_task
from vrft.types import Boxes, CoordinateFrame, Example, Form, Image, Label, Value

NORM1000 = [CoordinateFrame.whole("norm1000", (640, 480), (616, 476))]
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


def example(
    task: str, question: str, target: Value, options: tuple[str, ...] = (), form=Form.THINK
) -> Example:
    image = Image(Path("1.png"), (640, 480))
    return Example("1", "1", task, (image,), question, target, options, form=form)


def test_detection():
    asked = example("detection", "fire hydrant", Boxes())
    assert load_task("detection").question(asked, NORM1000) == DETECTION


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
    asked = example("classification", kind, Label("x"))
    prompt = load_task("classification").question(asked, NORM1000)
    assert prompt == head + "based on the image." + CLASSIFICATION_TAIL


def test_grounding():
    asked = example("grounding", "where to sit", Boxes(((1.0, 1.0, 2.0, 2.0),)))
    assert load_task("grounding").question(asked, NORM1000) == GROUNDING


def test_other_frames_change_the_coordinate_clause_alone():
    detect = example("detection", "fire hydrant", Boxes())
    ground = example("grounding", "where to sit", Boxes(((1.0, 1.0, 2.0, 2.0),)))
    for name, clause in [
        ("resized_pixels", "in pixels of the 616x476 image, integer"),
        ("norm1", "between 0 and 1, with three decimal places"),
    ]:
        frames = [CoordinateFrame.whole(name, (640, 480), (616, 476))]
        prompt = load_task("detection").question(detect, frames)
        assert prompt == DETECTION.replace("between 0 and 1000, integer", clause)
        assert load_task("grounding").question(ground, frames) == f"{GROUNDING} Coordinates are {clause}."


def test_options_are_listed_in_the_prompt():
    asked = example("classification", "object", Label("rose"), ("rose", "tulip"), Form.DIRECT)
    assert load_task("classification").question(asked, NORM1000) == (
        "This is an image containing an object. Please identify the class of the object based on the image.\n"
        "Choose one of: rose, tulip.\n"
        "Output the final answer in <answer> </answer> tags.The output answer format should be as follows:\n"
        "<answer>object name</answer>\n"
        "Please strictly follow the format."
    )


def test_gold_answers_read_as_the_papers():
    # a box of a 640 by 480 image in thousandths of it
    box = (64.0, 48.0, 320.0, 240.0)
    gold = {
        name: load_task(name).gold(example(name, "it", target, form=Form.DIRECT), NORM1000)
        for name, target in [
            ("detection", Boxes((box,))),
            ("classification", Label("garden phlox")),
            ("grounding", Boxes((box,))),
        ]
    }
    assert gold == {
        "detection": "<answer>[{'Position': [100, 100, 500, 500], 'Confidence': 1.00}]</answer>",
        "classification": "<answer>garden phlox</answer>",
        "grounding": "<answer>(100,100),(500,500)</answer>",
    }
    nothing = load_task("detection").gold(example("detection", "it", Boxes()), NORM1000)
    assert nothing == "<think> I look for 'it' in the image. </think> <answer>No Objects</answer>"


def test_whether_anything_is_there_is_asked_in_the_manner_of_the_paper():
    presence = load_task("detection").presence_question
    asked = example("detection", "cup", Boxes(), form=Form.DIRECT)
    assert presence.question(asked) == (
        "Is there any object belonging to the category 'cup' in the image? Answer 'Yes' or 'No'.\n"
        "Output the final answer in <answer> </answer> tags.The output answer format should be as follows:\n"
        "<answer>Yes or No</answer>\n"
        "Please strictly follow the format."
    )
    for text, there in (
        ("Yes.", True),
        ("no", False),
        ("No Objects", False),
        ("yes and no", None),
        ("", None),
    ):
        assert presence.read(f"<answer>{text}</answer>", Form.DIRECT) is there
    assert (
        load_task("grounding").presence_question is None
        and load_task("classification").presence_question is None
    )
