"""A text: what is written in an image, or the answer to a question in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from vrft.rewards.reward_term import AnswerReward
from vrft.rewards.text_measures import edit_similarity
from vrft.tasks.attacks import Attack
from vrft.tasks.defined.answer_type import AnswerType, TypeSuggestion, as_json_content, values_of
from vrft.tasks.metrics.metric import Metric
from vrft.tasks.ocr import ocr_attacks, ocr_measures
from vrft.tasks.ocr.ocr import NOTHING, read_text
from vrft.tasks.vqa import vqa_measures
from vrft.types import Answer, CoordinateFrame, Fault, Label, Provides, Record, Text, Value, expect


def same(answer: Answer, target: Value) -> float:
    """Whether the answer says what the label says, 0 or 1: numbers as numbers, yes and no, articles aside."""
    if expect(target, Text).is_empty:
        return float(answer.abstained)
    return vqa_measures.accuracy(answer, target)


class TextAnswer(AnswerType):
    """A text as it is written."""

    ignore_case: bool = False
    """Capitals make no difference."""

    name = "text"
    value = Text
    reads: ClassVar[tuple[Provides, ...]] = (
        ("image", "text"),
        ("question", "text"),
        ("question", "label"),
        ("image", "label"),
    )
    right_rules: ClassVar[Mapping[str, AnswerReward]] = {
        "anls": ocr_measures.anls,
        "exact": ocr_measures.exact,
        "same": same,
        "edit": ocr_measures.edit,
        "f1": ocr_measures.f1,
        "recall": ocr_measures.recall,
        "contains": ocr_measures.contains,
    }
    metrics: ClassVar[Sequence[Metric]] = ocr_measures.METRICS
    success_rule = "the same text but for width, whitespace and how accents are composed"
    attacks: ClassVar[Mapping[str, Attack]] = ocr_attacks.ATTACKS
    near_misses: ClassVar[Mapping[str, Attack]] = ocr_attacks.NEAR_MISSES

    def target(self, values: Sequence[Value], kind: str, record: Record) -> Text | None:
        """The one text; of a part of an image None, since the whole image is shown."""
        if len(values) != 1:
            return None
        value = values[0]
        text = Text(value.name) if isinstance(value, Label) else expect(value, Text)
        if text.box_xyxy_px is not None or text.choices:
            return None
        return replace(text, ignore_case=text.ignore_case or self.ignore_case)

    def shown(self, as_json: bool) -> str:
        return as_json_content("text as written") if as_json else "text as written"

    def instruction(self, frame: CoordinateFrame | None) -> str:
        return f"If there is no such text, answer '{NOTHING}'."

    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        text = expect(value, Text).text or NOTHING
        return as_json_content(text) if as_json else text

    def understand(self, content: str, tagged: bool) -> tuple[Value | None, tuple[Fault, ...]]:
        return read_text(content)

    def similarity(self, one: Value, other: Value) -> float:
        if not (isinstance(one, Text) and isinstance(other, Text)):
            return 0.0
        return ocr_measures.likeness(one, other, edit_similarity)

    def success(self, answer: Answer, target: Value) -> bool:
        return ocr_measures.exact(answer, target) == 1

    @classmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """Texts, and whatever else is said in words."""
        count = len(values_of(records, provides))
        written = provides == ("image", Text.kind)
        return TypeSuggestion(
            0.9 if written else 0.3,
            f"{count} labels are words",
            "What is written in the image?" if provides[0] == "image" else "{subject}",
            "anls",
            "a text that is nearly right earns nearly all, an unrelated one nothing",
        )

    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        drawn = ocr_attacks.texts(count, rng)
        return [replace(text, ignore_case=self.ignore_case) for text in drawn]

    def mistaken(self, target: Value, rng: np.random.Generator) -> Value:
        """Half of the words are others; some where nothing is written."""
        return ocr_attacks.misread(expect(target, Text), rng)


ANSWER_TYPE = TextAnswer
