"""Whether a detector says that something is there at all, and how well a first question says it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from vrft.tasks.metrics.metric import answer_boxes, mean, target_boxes
from vrft.tasks.parsing.abstentions import is_abstention
from vrft.tasks.parsing.tags import split_tags
from vrft.tasks.prompt_text import answer_instructions
from vrft.types import Example, Form, Prediction


@dataclass(frozen=True)
class PresenceScores:
    """How well a detector says whether something is there; a share of nothing is NaN.

    Args:
        precision: share of the answers with boxes where something is there.
        recall: share of the questions with something there whose answer has boxes.
        f1: harmonic mean of the two: 2 hits / (answers with boxes + questions with something there).
        rejection: share of the questions with nothing there whose answer was read and says so.
        positives: questions with something there.
        negatives: questions with nothing there.
    """

    precision: float
    recall: float
    f1: float
    rejection: float
    positives: int
    negatives: int


def presence(predictions: Sequence[Prediction]) -> PresenceScores:
    """Precision, recall and F1 of saying that something is there, and how often absence is seen.

    Precision depends on how many questions have nothing there: compare it on the same questions only.

    Raises:
        InputError: an example's target is not boxes.
    """
    found = np.array([bool(answer_boxes(one.answer)) for one in predictions], dtype=bool)
    there = np.array([not target_boxes(one.example).is_empty for one in predictions], dtype=bool)
    denied = np.array([one.answer.abstained for one in predictions], dtype=bool)
    claims = int(found.sum() + there.sum())
    return PresenceScores(
        precision=mean(there[found].astype(float)),
        recall=mean(found[there].astype(float)),
        f1=2 * int((found & there).sum()) / claims if claims else float("nan"),
        rejection=mean(denied[~there].astype(float)),
        positives=int(there.sum()),
        negatives=int((~there).sum()),
    )


def gate_scores(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """How well the first question of two, 'is there any?', detects presence; one of them was asked it.

    Returns:
        ``n`` gates asked; ``precision`` and ``recall`` of a clear yes; ``rejection``, the share of the
        questions with nothing there that it closed with a clear no; ``lost``, the share of those with
        something there that it closed; ``unreadable``, the share of its answers with neither yes nor no;
        ``tokens``, its mean answer.
    """
    asked = [(p.gate, not target_boxes(p.example).is_empty) for p in predictions if p.gate is not None]
    return {
        "n": len(asked),
        "precision": _share([there for gate, there in asked if gate.present is True]),
        "recall": _share([gate.present is True for gate, there in asked if there]),
        "rejection": _share([gate.present is False for gate, there in asked if not there]),
        "lost": _share([gate.present is False for gate, there in asked if there]),
        "unreadable": _share([gate.present is None for gate, _ in asked]),
        "tokens": fmean(gate.tokens for gate, _ in asked),
    }


def _share(flags: list[bool]) -> float | None:
    return fmean(flags) if flags else None


_WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


class Presence:
    """The question, and how its answer reads."""

    def question(self, example: Example) -> str:
        return (
            f"Is there any object belonging to the category '{example.question}' in the image? "
            "Answer 'Yes' or 'No'.\n" + answer_instructions("Yes or No", example.form)
        )

    def read(self, text: str, form: Form) -> bool | None:
        """Whether something is there: by 'yes' or 'no', or by the words of an abstention such as 'No
        Objects'; None where the answer has neither of them, or both.

        Example:
            >>> Presence().read("<answer>Yes, two of them.</answer>", Form.DIRECT)
            True
            >>> Presence().read("<answer>No Objects</answer>", Form.DIRECT)
            False
            >>> Presence().read("<answer>yes or no</answer>", Form.DIRECT) is None
            True
        """
        content = split_tags(text, form).content
        if is_abstention(content):
            return False
        said = {word.lower() for word in _WORD.findall(content)}
        return said == {"yes"} if len(said) == 1 else None
