"""What the confidence of a box may be: as it was written, or as the tokens of its text say.

- ``written``: the number in the answer;
- ``box_logprob``: the probability of the tokens that write the box, exp of their mean log-probability;
- ``expected``: the mean of the number by its digits' probabilities. A text has the likeliest digit in each
  place; a model that hesitates between 0.2 and 0.9 writes one of them, and this is between.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from vrft.types import NOWHERE, Answer, Boxes, Completion, Rollout, Span

ScoreName = Literal["auto", "written", "box_logprob", "expected"]
"""'auto' is the one that ranks best on the validation part of a fit, and ``written`` elsewhere."""
_CONFIDENCE = re.compile(
    r"""(?:confidence|score)["']?\s{0,4}:\s{0,4}["']?([01]?\.[0-9]{1,6}|[01])(?![0-9.])""", re.I
)


def expected_number(said: Completion, span: Span) -> float | None:
    """The mean of a number in [0, 1] that a part of the text writes, such as '0.85'; None where the digits'
    probabilities are not known.

    Digits count as if they were independent, given those before: E = e + (1 - e) (d_1 / 10 + d_2 / 100 ...)
    with d the mean of each decimal place and e the mean of what is before the point, at most 1. A digit that
    shares its token with other characters counts as it is written.

    Example:
        >>> said = Completion("0.85", (1, 2, 3, 4), ends=(1, 2, 3, 4), digits=(0.1, -1.0, 7.5, 5.0))
        >>> round(expected_number(said, (0, 4)), 4)  # .1 + .9 * .80
        0.82
    """
    means = {at: mean for at, mean in zip(said.token_spans, said.digits, strict=False) if mean >= 0}
    digits = {first: mean for (first, end), mean in means.items() if end == first + 1}
    found: float | None = mean_number(said.text, span, digits)
    return found


def mean_number(text: str, span: Span, digits: Mapping[int, Any]) -> Any:
    """``expected_number`` from the mean digit of each character, which may be a tensor with gradient; None
    where no character of the number has one."""
    begin, end = span
    point = text.find(".", begin, end)
    places = [i for i in range(begin, end) if i != point]
    if not any(i in digits for i in places):
        return None
    mean = {i: digits.get(i, float(text[i])) for i in places}
    point = end if point < 0 else point
    whole = sum(min(mean[i], 1.0) for i in places if i < point)
    part = sum(mean[i] / 10 ** (i - point) for i in places if i > point)
    return min(whole + (1 - whole) * part, 1.0)


def confidence_spans(answer: Answer) -> list[Span]:
    """Where each box's confidence stands in the text, between the box and the next; ``NOWHERE`` elsewhere."""
    boxes = answer.as_(Boxes) or Boxes()
    if boxes.is_empty or len(answer.spans) != boxes.size or len(boxes.scores) != boxes.size:
        return [NOWHERE] * boxes.size
    ends = [*(begin for begin, _ in answer.spans[1:]), len(answer.text)]
    found = []
    for (_, begin), end, score in zip(answer.spans, ends, boxes.scores, strict=True):
        written = _CONFIDENCE.search(answer.text, begin, max(begin, end))
        right = written is not None and begin > 0 and abs(float(written[1]) - score) < 1e-9
        found.append(written.span(1) if written is not None and right else NOWHERE)
    return found


def box_logprobs(rollout: Rollout) -> list[float | None]:
    """Of each box the mean log-probability of the tokens that write it; None where it is not known."""
    spans, boxes = rollout.answer.spans, rollout.answer.as_(Boxes) or Boxes()
    if not rollout.turns or len(spans) != boxes.size:
        return [None] * boxes.size
    return [None if span == NOWHERE else rollout.turns[-1].span_logprob(span) for span in spans]


def _box_probabilities(rollout: Rollout) -> list[float] | None:
    """Each box's own probability, or else its answer's; None where neither is known."""
    whole = rollout.mean_logprob
    values = [whole if own is None else own for own in box_logprobs(rollout)]
    known = [math.exp(min(value, 0.0)) for value in values if value is not None]
    return known if len(known) == len(values) else None


def _expected(rollout: Rollout) -> list[float] | None:
    """Each confidence's mean, or else the number as written; None where no digit was kept."""
    if not rollout.turns or not rollout.turns[-1].completion.digits:
        return None
    turn = rollout.turns[-1]
    begun = len(turn.prompt.begun)
    scores = (rollout.answer.as_(Boxes) or Boxes()).scores
    means = [
        expected_number(turn.completion, (begin - begun, end - begun)) if (begin, end) != NOWHERE else None
        for begin, end in confidence_spans(rollout.answer)
    ]
    return [score if mean is None else mean for mean, score in zip(means, scores, strict=True)]


BOX_CONFIDENCES: Mapping[str, Callable[[Rollout], Sequence[float] | None]] = {
    "written": lambda rollout: None,
    "box_logprob": _box_probabilities,
    "expected": _expected,
}
"""From a rollout to a number in [0, 1] for each box; None leaves what is written."""
