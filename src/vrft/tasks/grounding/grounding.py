"""Reasoning grounding: the one box that an instruction refers to."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.geometry.frames import View
from vrft.tasks.grounding.grounding_settings import SETTINGS, TERMS
from vrft.tasks.parsing.answer_parsers import parse_corners_answer
from vrft.tasks.prompt_text import in_tags
from vrft.types import Answer, BoxesTarget, Example, Form, Record


class Grounding:
    """The paper's reasoning grounding on LISA (released training script; reward: IoU after section 3.2.1)."""

    name = "grounding"
    metric = "mean_iou"
    rewards = SETTINGS
    terms = TERMS
    example_answer = "(x1,y1),(x2,y2)"
    presence = None

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question an expression that refers to exactly one box."""
        return [
            Example(
                id=f"{record.id}#{index}",
                record_id=record.id,
                image=record.image,
                image_wh=record.image_wh,
                task=self.name,
                question=expression.text,
                target=BoxesTarget(expression.boxes_xyxy_px, expression.mask, expression.ignore),
            )
            for record in records
            for index, expression in enumerate(record.expressions)
            if len(expression.boxes_xyxy_px) == 1
        ]

    def group(self, example: Example) -> str:
        """All expressions count alike: no two need share words."""
        return "expression"

    def ask(self, example: Example, view: View, form: Form) -> str:
        """The prompt of the released training script, with its spelling; other frames add their clause."""
        clause = "" if view.kind == "thousand" else f" Coordinates are {view.clause}."
        head = f"Output the bounding box in the image corresponding to the instruction: {example.question}"
        if form is Form.THINK:
            return (
                f"{head} Output the thinking process in <think> </think> and your grouding box. "
                f'Following "<think> thinking process </think>\n<answer>{self.example_answer}</answer>)" '
                f"format.{clause}"
            )
        shown = f"<answer>{self.example_answer}</answer>"
        return f'{head} Output your grounding box. Following "{shown}" format.{clause}'

    def gold(self, example: Example, view: View, form: Form) -> str:
        """The box as two corners."""
        assert isinstance(example.target, BoxesTarget)
        x1, y1, x2, y2 = view.figures(example.target.boxes_xyxy_px[0]).split(", ")
        return in_tags(f"({x1},{y1}),({x2},{y2})", f"I look for {example.question}.", form)

    def parse(self, text: str, view: View | None, form: Form) -> Answer:
        """One box."""
        return parse_corners_answer(text, view, form)


TASK = Grounding()
