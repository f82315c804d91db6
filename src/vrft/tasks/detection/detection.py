"""Detection: all boxes of one category, each with a confidence, or 'No Objects'."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.geometry.frames import View
from vrft.tasks.detection.detection_settings import SETTINGS, TERMS
from vrft.tasks.detection.presence_question import Presence
from vrft.tasks.lazy_questions import MARK, Pairs, known
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.types import Answer, BoxesTarget, Example, Form, Record

LISTED = 200_000
"""Most pairs of picture and category that are listed at once."""


class Detection:
    """The paper's detection task (Visual-RFT, Table 1 and Eq. 5-8)."""

    name = "detection"
    metric = "ap"
    rewards = SETTINGS
    terms = TERMS
    example_answer = "[{'Position': [x1, y1, x2, y2], 'Confidence': number}, ...]"
    presence = Presence()

    def examples(self, records: Sequence[Record]) -> Sequence[Example]:
        """One question for every picture and category of the data set, present or not.

        A picture is not asked about a category whose right answer is not known in full: one with a crowd
        region, since crowds are no single objects; one that is not labelled exhaustively; and, where the
        record lists what is absent, one that is neither labelled nor listed.

        Up to ``LISTED`` questions are listed; of more, each is made when it is looked at.
        """
        categories = {box.category for record in records for box in record.boxes}
        # With the mark in a category's name, an id could be read in two ways.
        if len(records) * len(categories) > LISTED and not any(MARK in name for name in categories):
            return Pairs(records, categories, self._question)
        return [
            self._question(record, category)
            for record in records
            for category in sorted(known(record, categories))
        ]

    def _question(self, record: Record, category: str) -> Example:
        boxes = tuple(b.box_xyxy_px for b in record.boxes if b.category == category and not b.crowd)
        return Example(
            id=f"{record.id}{MARK}{category}",
            record_id=record.id,
            image=record.image,
            image_wh=record.image_wh,
            task=self.name,
            question=category,
            target=BoxesTarget(boxes),
        )

    def group(self, example: Example) -> str:
        """The category asked about."""
        return example.question

    def ask(self, example: Example, view: View, form: Form) -> str:
        """The prompt; with a 0-1000 frame and thinking it is the paper's, word for word."""
        category = example.question
        return (
            f"Detect all objects belonging to the category '{category}' in the image, and provide the "
            f"bounding boxes ({view.clause}) and confidence (between 0 and 1, with two decimal places).\n"
            f"If no object belonging to the category '{category}' in the image, return 'No Objects'.\n"
            + answer_instructions(self.example_answer, form)
        )

    def gold(self, example: Example, view: View, form: Form) -> str:
        """The labelled boxes with confidence 1.00, or 'No Objects'."""
        assert isinstance(example.target, BoxesTarget)
        boxes = example.target.boxes_xyxy_px
        listed = ", ".join(f"{{'Position': [{view.figures(box)}], 'Confidence': 1.00}}" for box in boxes)
        content = f"[{listed}]" if boxes else "No Objects"
        return in_tags(content, f"I look for '{example.question}' in the image.", form)

    def parse(self, text: str, view: View | None, form: Form) -> Answer:
        """Boxes and confidences, or an abstention."""
        return parse_boxes_answer(text, view, form)


TASK = Detection()
