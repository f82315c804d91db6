"""A span of time: when something happens."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import model_validator

from vrft.rewards.reward_term import AnswerReward
from vrft.tasks.attacks import Attack, AuditCase
from vrft.tasks.defined.answer_type import AnswerType, TypeSuggestion, values_of
from vrft.tasks.metrics.metric import Metric, mean_of, mean_reward
from vrft.types import Answer, CoordinateFrame, Fault, Provides, Record, TimeSpan, Value, expect
from vrft.types.values import Finite

_NUMBER = r"(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)"
_SPAN = re.compile(
    rf"\[?\s*{_NUMBER}\s?(?:s|seconds?)?\s*(?:to|-|–|,)\s*{_NUMBER}\s?(?:s|seconds?)?\s*\]?\.?"
)
_OBJECT = re.compile(rf'\{{\s*"start":\s*"?{_NUMBER}"?\s*,\s*"end":\s*"?{_NUMBER}"?\s*\}}', re.IGNORECASE)


def span_iou(answer: Answer, target: Value) -> float:
    """Temporal IoU, in [0, 1]: the time in both spans over the time in either.

    Example:
        >>> span_iou(Answer(TimeSpan(2.0, 6.0), True), TimeSpan(4.0, 10.0))
        0.25
    """
    said, right = answer.as_(TimeSpan), expect(target, TimeSpan)
    return 0.0 if said is None else _iou(said, right)


def cover(answer: Answer, target: Value) -> float:
    """The share of the right span that the answer covers; 'everything' covers all."""
    said, right = answer.as_(TimeSpan), expect(target, TimeSpan)
    if said is None or right.end_s <= right.start_s:
        return float(said == right)
    return _shared(said, right) / (right.end_s - right.start_s)


def _shared(one: TimeSpan, other: TimeSpan) -> float:
    return max(0.0, min(one.end_s, other.end_s) - max(one.start_s, other.start_s))


def _iou(one: TimeSpan, other: TimeSpan) -> float:
    both = _shared(one, other)
    either = (one.end_s - one.start_s) + (other.end_s - other.start_s) - both
    return both / either if either > 0 else float(one == other)


class SpanAnswer(AnswerType):
    """A start and an end, in seconds."""

    range: tuple[Finite, Finite]
    """When clips begin and end, in seconds."""
    unit: Literal["s"] = "s"
    """Of times."""

    name = "span"
    value = TimeSpan
    reads: ClassVar[tuple[Provides, ...]] = (("question", "time_span"), ("phrase", "time_span"))
    right_rules: ClassVar[Mapping[str, AnswerReward]] = {"iou": span_iou, "cover": cover}
    success_rule = "a temporal IoU of at least 0.5"
    metrics: ClassVar[Sequence[Metric]] = (
        Metric("mean_iou", "mean temporal IoU", mean_reward(span_iou, TimeSpan)),
        Metric(
            "recall_50",
            "temporal IoU of at least 0.5",
            mean_of(lambda one: float(span_iou(one.answer, expect(one.example.target, TimeSpan)) >= 0.5)),
        ),
    )

    @model_validator(mode="after")
    def _upright(self) -> SpanAnswer:
        low, high = self.range
        if low >= high:
            raise ValueError(
                f"range: [{low:g}, {high:g}] is upside down or empty. Write the earlier time first"
            )
        return self

    def target(self, values: Sequence[Value], kind: str, record: Record) -> TimeSpan | None:
        """The one span of labels, where it is in the range and not upside down."""
        found = expect(values[0], TimeSpan) if len(values) == 1 else None
        return found if found is not None and self._is_span(found) else None

    def _is_span(self, span: TimeSpan) -> bool:
        return self.range[0] <= span.start_s < span.end_s <= self.range[1]

    def shown(self, as_json: bool) -> str:
        return '{"start": seconds, "end": seconds}' if as_json else "seconds to seconds"

    def instruction(self, frame: CoordinateFrame | None) -> str:
        return f"Times are in seconds, from {self.range[0]:g} to {self.range[1]:g}."

    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        start, end = (f"{t:.10g}" for t in (expect(value, TimeSpan).start_s, expect(value, TimeSpan).end_s))
        return f'{{"start": {start}, "end": {end}}}' if as_json else f"{start} to {end}"

    def unwrapped(self, content: str, as_json: bool) -> tuple[str, tuple[Fault, ...]]:
        """Its object has keys of its own."""
        asked = _OBJECT.fullmatch(content) is not None
        return content, () if asked == as_json else (Fault.OTHER_NOTATION,)

    def understand(self, content: str, tagged: bool) -> tuple[Value | None, tuple[Fault, ...]]:
        """A span that is upside down, or reaches out of the clip, is none."""
        plain, keyed = _SPAN.fullmatch(content), _OBJECT.fullmatch(content)
        found = plain or keyed
        if found is None:
            return None, ()
        span = TimeSpan(float(found[1]), float(found[2]))
        return (span, ()) if self._is_span(span) else (None, (Fault.OUT_OF_RANGE,))

    def similarity(self, one: Value, other: Value) -> float:
        return _iou(one, other) if isinstance(one, TimeSpan) and isinstance(other, TimeSpan) else 0.0

    @classmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """Spans, and the time that all of them lie in."""
        spans = [expect(value, TimeSpan) for _, _, value in values_of(records, provides)]
        if not spans:
            return None
        low, high = min(0.0, *(s.start_s for s in spans)), max(span.end_s for span in spans)
        says = f"the latest label ends at {high:g} s; write how long the clips are"
        options = {"range": (f"[{low:g}, {np.ceil(high):g}]", says)}
        because = "the time in both spans over the time in either"
        return TypeSuggestion(0.95, f"{len(spans)} labels are spans", "{subject}", "iou", because, options)

    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        """A twentieth to a half of the clip, anywhere in it."""
        low, high = self.range
        lengths = rng.uniform(0.05, 0.5, count) * (high - low)
        starts = low + rng.uniform(0, 1, count) * (high - low - lengths)
        return [self._within(s, s + length) for s, length in zip(starts.tolist(), lengths, strict=True)]

    def mistaken(self, target: Value, rng: np.random.Generator) -> Value:
        """Another time of the same length."""
        right, (low, high) = expect(target, TimeSpan), self.range
        start = float(rng.uniform(low, high - (right.end_s - right.start_s)))
        return self._within(start, start + right.end_s - right.start_s)

    def beliefs(self, targets: Sequence[Value], rng: np.random.Generator) -> list[Value]:
        """Elsewhere in two of five, and else each end off by a tenth of the span."""
        found = []
        for target, said in zip(targets, super().beliefs(targets, rng), strict=True):
            span, right = expect(said, TimeSpan), expect(target, TimeSpan)
            off = rng.normal(0, 0.1, 2) * (right.end_s - right.start_s)
            found.append(self._within(*sorted((span.start_s + off[0], span.end_s + off[1]))))
        return [*found]

    def _within(self, start: float, end: float) -> TimeSpan:
        low, high = self.range
        step = (high - low) / 1000
        first = min(max(float(f"{start:.4g}"), low), high - step)
        return TimeSpan(first, min(max(float(f"{end:.4g}"), first + step), high))

    @property
    def attacks(self) -> Mapping[str, Attack]:  # type: ignore[override]
        """The whole clip, its middle, and a moment."""
        return {
            "whole_clip": self._whole,
            "middle_of_the_clip": self._middle,
            "upside_down": _upside_down,
            "as_long_elsewhere": self._elsewhere,
            "right_start_alone": self._start_alone,
            "right_end_alone": self._end_alone,
            "right_middle_alone": self._middle_alone,
        }

    def _elsewhere(self, case: AuditCase, rng: np.random.Generator) -> str:
        """A span as long as the right one, as far from it as can be."""
        (low, high), right = self.range, case.target
        length = right.end_s - right.start_s
        early = right.start_s - low > high - right.end_s
        return case.write(self._within(low, low + length) if early else self._within(high - length, high))

    def _start_alone(self, case: AuditCase, rng: np.random.Generator) -> str:
        """The right start, and a twentieth of the right length."""
        right = case.target
        return case.write(self._within(right.start_s, right.start_s + (right.end_s - right.start_s) / 20))

    def _middle_alone(self, case: AuditCase, rng: np.random.Generator) -> str:
        """The middle of the right span, and a twentieth of its length."""
        right = case.target
        middle, reach = (right.start_s + right.end_s) / 2, (right.end_s - right.start_s) / 40
        return case.write(self._within(middle - reach, middle + reach))

    def _end_alone(self, case: AuditCase, rng: np.random.Generator) -> str:
        """The right end, and a twentieth of the right length."""
        right = case.target
        return case.write(self._within(right.end_s - (right.end_s - right.start_s) / 20, right.end_s))

    @property
    def near_misses(self) -> Mapping[str, Attack]:  # type: ignore[override]
        """One end off."""
        return {"one_end_off": self._end_off, "one_end_a_little_off": self._end_a_little_off}

    def _end_off(self, case: AuditCase, rng: np.random.Generator) -> str:
        """The right span with its start or its end earlier or later by a third of its length."""
        return self._off(case, 1 / 3, rng)

    def _end_a_little_off(self, case: AuditCase, rng: np.random.Generator) -> str:
        """The right span with its start or its end earlier or later by a sixth of its length."""
        return self._off(case, 1 / 6, rng)

    def _off(self, case: AuditCase, share: float, rng: np.random.Generator) -> str:
        ends = [case.target.start_s, case.target.end_s]
        ends[int(rng.integers(2))] += float(rng.choice((-share, share))) * (ends[1] - ends[0])
        return case.write(self._within(*ends))

    def _whole(self, case: AuditCase, rng: np.random.Generator) -> str:
        """The whole clip for every question."""
        return case.write(TimeSpan(*self.range))

    def _middle(self, case: AuditCase, rng: np.random.Generator) -> str:
        """The middle third of the clip for every question."""
        low, high = self.range
        return case.write(self._within(low + (high - low) / 3, high - (high - low) / 3))


def _upside_down(case: AuditCase, rng: np.random.Generator) -> str:
    """The right span with start and end exchanged."""
    return case.write(TimeSpan(case.target.end_s, case.target.start_s))


ANSWER_TYPE = SpanAnswer
