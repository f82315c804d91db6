"""How an action is asked for and written: JSON, or as GUI-R1 and UI-R1 have it, prompts word for word."""

from __future__ import annotations

import json
from typing import Literal

from vrft.tasks.prompt_text import answer_instructions
from vrft.types import Action, CoordinateFrame, Form
from vrft.types.actions import DONE_BEFORE, NO_TEXT

Style = Literal["json", "gui_r1", "ui_r1"]
EXAMPLE = '[{"action": "click", "point": [x, y], "input_text": "no input text"}]'
ACTIONS = (
    *("click", "double_click", "long_press", "type", "select", "scroll", "open_app"),
    *("press_home", "press_back", "enter", "wait", "complete"),
)
GUI_R1_ACTIONS = (
    *("complete", "close/delete", "press_home", "click", "press_back"),
    *("type", "select", "scroll", "enter"),
)
UI_R1_ACTIONS = ("click", "open_app", "scroll", "navigate_back", "input_text")


def question(asked: str, frame: CoordinateFrame, form: Form, style: Style) -> str:
    """The user's text of the prompt."""
    return {"json": _json_question, "gui_r1": _gui_r1_question, "ui_r1": _ui_r1_question}[style](
        asked, frame, form
    )


def written(action: Action, frame: CoordinateFrame, style: Style) -> str:
    """An action as a model should write it."""
    place = None if action.xy_px is None else f"[{frame.point_text(action.xy_px)}]"
    if style == "ui_r1":
        return f"[{{'action': {action.action!r}, 'coordinate': {place or '[0, 0]'}}}]"
    if style == "gui_r1":
        words = action.text or NO_TEXT
        return (
            f"[{{'action': {action.action!r}, 'point': {place or '[-100, -100]'}, 'input_text': {words!r}}}]"
        )
    parts = [f'"action": {json.dumps(action.action)}', *([f'"point": {place}'] if place else [])]
    words = json.dumps(action.text or NO_TEXT, ensure_ascii=False)
    return f'[{{{", ".join(parts)}, "input_text": {words}}}]'


def _json_question(asked: str, frame: CoordinateFrame, form: Form) -> str:
    return (
        f"The image shows a screen. What is the next action for this instruction: '{asked}'?\n"
        f"The actions are {', '.join(ACTIONS)}. Where something is done at a place, give its point "
        f"(coordinates {frame.clause}); with type, select and open_app give the text, with scroll the "
        f"direction (up, down, left, right).\n" + answer_instructions(EXAMPLE, form)
    )


def _gui_r1_question(asked: str, frame: CoordinateFrame, form: Form) -> str:
    """GUI-R1's prompt, but for its image token, which has a place of its own here."""
    instruction, _, before = asked.partition(DONE_BEFORE)
    listed = str(list(GUI_R1_ACTIONS))
    shown = (
        f"<answer>[{{'action': enum{listed}, 'point': [x, y], "
        "'input_text': 'no input text [default]'}]</answer>"
    )
    thinks = form is Form.THINK
    tags = (
        "Output the thinking process in <think> </think> tags, and the final answer in <answer> </answer> "
        f"tags as follows:\n<think> ... </think> {shown}\n"
        if thinks
        else f"Output the final answer in <answer> </answer> tags as follows:\n{shown}\n"
    )
    return (
        "You are GUI-R1, a reasoning GUI Agent Assistant. In this UI screenshot, I want you to continue "
        f"executing the command '{instruction}', with the action history being '{before or 'None'}'.\n"
        f"Please provide the action to perform (enumerate from {listed}), the point where the cursor is "
        "moved to (integer) if a click is performed, and any input text required to complete the action.\n"
        f"{tags}Note:\n specific input text (no default) is necessary for actions enum['type', 'select', "
        "'scroll'] \n Example:\n"
        "[{'action': enum['complete', 'close/delete', 'press_home', 'press_back', 'enter'], 'point': "
        "[-100, -100], 'input_text': 'no input text'}]\n"
        "[{'action': enum['click'], 'point': [123, 300], 'input_text': 'no input text'}]\n"
        "[{'action': enum['type', 'select'], 'point': [-100, -100], "
        "'input_text': 'shanghai shopping mall'}]\n"
        "[{'action': enum['scroll'], 'point': [-100, -100], "
        "'input_text': enum['up', 'left', 'right', 'down']}]"
    )


def _ui_r1_question(asked: str, frame: CoordinateFrame, form: Form) -> str:
    listed = str(list(UI_R1_ACTIONS))
    shown = f"[{{'action': enum{listed}, 'coordinate': [x, y]}}]"
    return (
        f"In this UI screenshot, I want to perform the command '{asked}'.\n"
        f"Please provide the action to perform (enumerate in {listed})and the coordinate where the cursor is "
        "moved to(integer) if click is performed.\n" + answer_instructions(shown, form)
    )
