"""Clicking: type, place and text are judged apart, borders belong to the box, phrases may be clicked."""

from __future__ import annotations

from pathlib import Path

import pytest

from vrft.rewards.action_rewards import action_accuracy, in_place, right_text, step_closeness
from vrft.tasks.registry import default_task, load_task
from vrft.types import (
    Action,
    Annotation,
    Answer,
    Boxes,
    CoordinateFrame,
    Example,
    Form,
    Image,
    Prediction,
    Record,
)

TASK = load_task("clicking")
SCREEN = Image(Path("screen.png"), (1500, 400))
BOX = (0.0, 0.0, 90.0, 80.0)
CLICK = Action("click", (45.0, 40.0), box_px=BOX)
TYPE = Action("type", text="Kiwi pie")


def asked(target: Action) -> Example:
    return Example("a", "a", "clicking", (SCREEN,), "Go.", target, group="step")


@pytest.mark.parametrize(
    ("point", "right"), [((0.0, 0.0), 1), ((90.0, 80.0), 1), ((90.1, 5.0), 0), ((5.0, 80.1), 0), (None, 0)]
)
def test_borders_belong_to_the_box_and_no_point_is_in_none(point, right):
    assert action_accuracy(Answer(Action("click", point)), CLICK) == right
    assert in_place(Answer(Action("wait", point)), CLICK) == 0


def test_a_point_alone_is_right_within_its_radius():
    gold = Action("click", (100.0, 100.0), radius_px=5.0)
    assert [in_place(Answer(Action("click", (x, 100.0))), gold) for x in (105.0, 105.1)] == [1, 0]


def test_texts_are_words_and_not_parts_of_them():
    texts = ["kiwi  PIE", "kiwi", "k", "kiwi pie kiwi pie kiwi pie", ""]
    answers = [Answer(Action("type", text=text)) for text in texts]
    assert [right_text(answer, TYPE) for answer in answers] == [1, 0, 0, 0, 0]
    near = [step_closeness(answer, TYPE, asked(TYPE)) for answer in answers]
    assert near == pytest.approx([1, 2 / 3, 0, 2 * 2 / 8, 0])


def test_closeness_falls_with_the_distance_on_a_square_of_a_thousand():
    near, far = (Answer(Action("click", (45.0 + dx, 160.0))) for dx in (0.0, 150.0))
    # 120 of 400 pixels are 300 thousandths; 150 of 1500 are 100.
    found = [step_closeness(answer, CLICK, asked(CLICK)) for answer in (near, far)]
    assert found == pytest.approx(
        [2.718281828459045 ** (-(300**2) / 5000), 2.718281828459045 ** (-1e5 / 5000)]
    )
    assert step_closeness(Answer(Action("wait", (45.0, 40.0))), CLICK, asked(CLICK)) == 0


def test_metrics_count_places_and_texts_where_they_are_asked_for():
    said = [
        (Action("click", (5.0, 5.0)), CLICK),
        (Action("click", (500.0, 5.0)), CLICK),
        (Action("type", text="kiwi"), TYPE),
        (Action("press_back"), Action("press_back")),
        (None, CLICK),
    ]
    predictions = [Prediction(asked(target), Answer(value)) for value, target in said]
    found = {metric.name: metric.value(predictions) for metric in TASK.metrics}
    assert found == {"accuracy": 2 / 5, "type_accuracy": 4 / 5, "place_accuracy": 1 / 3, "text_accuracy": 0.0}


def test_phrases_with_one_box_are_clicks_where_nobody_names_a_task_for_boxes():
    said = (
        Annotation("phrase", "the send button", Boxes((BOX,))),
        Annotation("phrase", "all", Boxes((BOX, BOX))),
    )
    (example,) = TASK.examples([Record("r", (SCREEN,), said)])
    assert example.question == "the send button" and example.target == CLICK
    assert default_task([("phrase", "boxes")]).name == "grounding"


@pytest.mark.parametrize("style", ["json", "gui_r1", "ui_r1"])
@pytest.mark.parametrize("form", list(Form))
def test_each_style_asks_in_its_words_and_its_gold_is_read_back(style, form):
    task = load_task("clicking", {"style": style})
    done = Annotation("question", "Order a pie.\nDone before: opened the shop", TYPE)
    records = [Record("r", (SCREEN,), (Annotation("question", "Send it.", CLICK), done))]
    frames = [CoordinateFrame.whole("norm1000", SCREEN.size_wh)]
    for example in task.examples(records):
        asked = Example(**{**{f: getattr(example, f) for f in example.__dataclass_fields__}, "form": form})
        prompt = TASK.question(asked, frames)
        assert "<answer>" in prompt and ("<think>" in prompt) is (form is Form.THINK)
        assert ("RL" not in prompt) and ("GUI-R1" in prompt) is (style == "gui_r1")
        answer = TASK.parse(TASK.gold(asked, frames), asked, frames)
        assert answer.formatted and TASK.success(answer, asked.target)
        if style == "gui_r1" and "pie" in asked.question:
            assert "command 'Order a pie.', with the action history being 'opened the shop'" in prompt


def test_a_step_without_a_place_allows_no_crop_and_no_screen_is_mirrored():
    assert CLICK.survives_view((0.0, 0.0, 200.0, 200.0), False) and not CLICK.survives_view(
        (50.0, 0.0, 200.0, 200.0), False
    )
    assert not Action("scroll", text="left").survives_view((0.0, 0.0, 200.0, 200.0), False)
    assert not CLICK.survives_view(None, True) and CLICK.survives_view(None, False)


def test_labels_that_do_not_fit_and_labels_that_are_odd():
    size = [SCREEN.size_wh]
    assert CLICK.label_error(size) is None and CLICK.label_warning(size) is None
    assert "outside" in Action("click", (45.0, 401.0), box_px=BOX).label_error(size)
    assert "no area" in Action("click", (45.0, 40.0), box_px=(90.0, 0.0, 0.0, 80.0)).label_error(size)
    assert "beside its own box" in Action("click", (95.0, 40.0), box_px=BOX).label_warning(size)
    assert "60% of the screen" in Action("click", (9.0, 9.0), box_px=(0.0, 0.0, 900.0, 400.0)).label_warning(
        size
    )
