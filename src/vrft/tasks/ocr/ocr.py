"""Reading text: all that is written in an image, or in a part of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.rewards import text_rewards as texts
from vrft.rewards.papers import video_r1
from vrft.rewards.papers.onethinker.onethinker_reading import plain_setting
from vrft.rewards.papers.onethinker.onethinker_text import ocr_term
from vrft.rewards.text_measures import edit_similarity
from vrft.tasks.ocr import ocr_attacks
from vrft.tasks.ocr import ocr_measures as measures
from vrft.tasks.parsing.answer_parsers import answered
from vrft.tasks.parsing.tags import split_tags
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import Setting, Task, audit_example
from vrft.types import (
    Answer,
    BoxXYXY,
    CoordinateFrame,
    Example,
    Fault,
    Image,
    Medium,
    Record,
    Text,
    Value,
    expect,
)

ASKED = "text"
NOTHING = "No text"
"""What says that nothing is written."""
MAX_CHARS = 10_000
"""A longer answer is none."""
_NOTHING = re.compile(
    r"\W{0,4}(?:there (?:is|are) )?no (?:readable |visible |legible )?text"
    r"(?: (?:is |was )?(?:found|present|visible|readable))?(?: in (?:the|this) image)?\W{0,4}",
    re.IGNORECASE,
)
_FENCED = re.compile(r"```\w{0,20}\n(.*?)\n?```", re.DOTALL)

SETTINGS: Mapping[str, Setting] = {
    "recommended": {"anls": measures.anls, "word_f1": measures.f1, "format": texts.format_reward},
    "onethinker": plain_setting(ocr_term),
    "video_r1": video_r1.setting(video_r1.OCR),
    "grpo_care": video_r1.setting(video_r1.OCR, guarded=True),
}
"""``recommended`` pays nothing for an unrelated text; the others are released codes."""
TERMS: Setting = {
    "edit": measures.edit,
    "exact": measures.exact,
    **texts.usual_terms(measures.anls),
}
"""What ``reward.weights`` may add to a setting; ``edit`` pays some for any text of the language."""


@dataclass(frozen=True)
class Ocr(Task):
    """All text of an image, or of a part of it, which is then shown alone.

    Args:
        ignore_case: capitals make no difference, in answer and label alike.
    """

    ignore_case: bool = False

    name = "ocr"
    help = "Read all text in an image, or in a part of it."
    answer = Text
    needs = frozenset({("image", "text")})
    is_default = True
    example_answer = "text as written"
    settings = SETTINGS
    terms = TERMS
    metrics = measures.METRICS
    success_rule = "the same text but for width, whitespace and how accents are composed"
    score_rule = "edit similarity with the label where that is above one half, else 0"
    attacks = ocr_attacks.ATTACKS

    @property
    def own_question(self) -> str:
        return ASKED

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question per image whose text is known, or per part of which it is."""
        return [
            self.example(
                record,
                one.name or index,
                ASKED,
                # Of the part that is shown it is all the text.
                replace(value, box_xyxy_px=None, ignore_case=value.ignore_case or self.ignore_case),
                ASKED,
                media=_shown(record.media, value.box_xyxy_px),
            )
            for record in records
            for index, (one, value) in enumerate(record.about("image", Text))
        ]

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        return (
            "Read all text in the image, line by line, exactly as it is written. "
            f"If no text is in the image, answer '{NOTHING}'.\n"
            + answer_instructions(self.example_answer, example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        return in_tags(expect(example.target, Text).text or NOTHING, "I read the image.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """The text as it is written; a fence around it is taken off, 'No text' is an empty text."""
        sections = split_tags(text, example.form)
        value, faults = read_text(sections.content)
        return answered(text, sections, faults, value)

    def similarity(self, one: Value, other: Value) -> float:
        """Edit similarity of the folded texts."""
        if not (isinstance(one, Text) and isinstance(other, Text)):
            return 0.0
        return measures.likeness(one, other, edit_similarity)

    def score(self, answer: Answer, target: Value) -> float:
        return measures.anls(answer, target)

    def success(self, answer: Answer, target: Value) -> bool:
        return measures.exact(answer, target) == 1.0

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """Signs of two to eight words, and images without any."""
        return [
            audit_example(self.name, i, ASKED, target, ASKED)
            for i, target in enumerate(ocr_attacks.texts(count, rng))
        ]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        return ocr_attacks.audit_beliefs(examples, rng)


def read_text(content: str) -> tuple[Text | None, tuple[Fault, ...]]:
    """The text that an answer's content reads out, with the faults of how it is written."""
    if not content or len(content) > MAX_CHARS:
        return None, (Fault.NOT_READABLE if content else Fault.EMPTY,)
    if _NOTHING.fullmatch(content):
        return Text(""), () if content == NOTHING else (Fault.OTHER_NOTATION,)
    fenced = _FENCED.fullmatch(content)
    read = fenced[1].strip() if fenced else content
    if not read:
        return None, (Fault.EMPTY,)
    return Text(read), (Fault.OTHER_NOTATION,) if fenced else ()


def _shown(media: Sequence[Medium], box: BoxXYXY | None) -> tuple[Medium, ...]:
    """The image, or the part of it within a box, widened to whole pixels."""
    if box is None:
        return tuple(media)
    window = (math.floor(box[0]), math.floor(box[1]), math.ceil(box[2]), math.ceil(box[3]))
    return tuple(replace(one, window_px=window) if isinstance(one, Image) else one for one in media)


TASK = Ocr()
