"""Predictions and rollout groups as JSON lines: one codec for whoever writes and whoever reads them.

A row is whole: questions, targets, prompts, completions with their tokens, what was read, rewards. Examples
and prompts that several rollouts share stand once, and are referred to by their place. Token ids of prompts
are left out: they are made anew from the messages.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from vrft.errors import RunError
from vrft.types.answers import Answer
from vrft.types.examples import Example
from vrft.types.frames import MAX_SIDE_PX, CoordinateFrame
from vrft.types.rollouts import (
    PLAIN,
    Completion,
    Failure,
    GateAnswer,
    Message,
    PartReward,
    Prediction,
    Prompt,
    Rollout,
    RolloutGroup,
    Turn,
)

Row = dict[str, Any]
"""One line: plain JSON values only."""
VERSION = 2
"""Of the rows; those of vrft 0.1 had none."""
_ALIKE = ("view", "clipped", "parts", "reward", "advantages")
"""Fields of a rollout that its row has as they are."""
_R = TypeVar("_R", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _PromptRow(_Part):
    messages: tuple[Message, ...] = ()
    frames: tuple[CoordinateFrame, ...] = ()
    n_tokens: int | None = None

    @model_validator(mode="after")
    def _frames_show_something(self) -> _PromptRow:
        for one in self.frames:
            if not all(0 < side < math.inf for side in one.window_wh):
                raise ValueError("a coordinate frame has no area")
            if not all(1 <= side <= MAX_SIDE_PX for side in one.input_wh):
                raise ValueError(f"an image's side is not between 1 and {MAX_SIDE_PX} pixels")
        return self


class _TurnRow(_Part):
    prompt: int
    completion: Completion


class _RolloutRow(_Part):
    id: str
    example: int = 0
    turns: tuple[_TurnRow, ...] = ()
    answer: Answer = Answer()
    view: str = PLAIN
    terms: dict[str, float | None] = {}
    failures: tuple[Failure, ...] = ()
    clipped: tuple[str, ...] = ()
    parts: tuple[PartReward, ...] = ()
    reward: float = 0.0
    advantages: tuple[tuple[float, ...], ...] = ()


class _Shared(_Part):
    """What several rollouts refer to."""

    version: Literal[2]
    id: str
    task: str
    examples: tuple[Example, ...]
    prompts: tuple[_PromptRow, ...] = ()
    rollouts: tuple[_RolloutRow, ...] = ()

    @model_validator(mode="after")
    def _refers_to_what_is_there(self) -> _Shared:
        rows = (*self.rollouts, *getattr(self, "contrast", ()))
        places = {(one.example, len(self.examples)) for one in rows} | {(0, len(self.examples))}
        places |= {(turn.prompt, len(self.prompts)) for one in rows for turn in one.turns}
        if not all(0 <= place < count for place, count in places):
            raise ValueError("it refers to an example or a prompt that it does not hold")
        return self

    def rebuilt(self, rows: Iterable[_RolloutRow]) -> tuple[Rollout, ...]:
        prompts = [Prompt(p.messages, (), p.frames, p.n_tokens) for p in self.prompts]
        every = [(row, tuple(Turn(prompts[t.prompt], t.completion) for t in row.turns)) for row in rows]
        return tuple(
            Rollout(
                example=self.examples[row.example],
                turns=turns,
                answer=replace(row.answer, text=turns[-1].text if turns else row.answer.text),
                terms=row.terms,
                failures=row.failures,
                **{name: getattr(row, name) for name in _ALIKE},
            )
            for row, turns in every
        )


class _PredictionRow(_Shared):
    answer: Answer
    rule: str | None = None
    gate: GateAnswer | None = None


class _GroupRow(_Shared):
    step: int
    contrast: tuple[_RolloutRow, ...] = ()
    trained: bool = True


class _Interned:
    """Distinct things in the order of their first use."""

    def __init__(self) -> None:
        self.things: list[Any] = []

    def place(self, thing: Any) -> int:
        if thing not in self.things:
            self.things.append(thing)
        return self.things.index(thing)


def prediction_to_row(prediction: Prediction) -> Row:
    """A prediction as one JSON object; ``prediction_from_row`` gives the same prediction back, but for the
    token ids of its prompts."""
    shared = _shared(prediction.example, rollouts=prediction.rollouts)
    row = _PredictionRow(**shared, answer=prediction.answer, rule=prediction.rule, gate=prediction.gate)
    return _dumped(row)


def prediction_from_row(row: Row) -> Prediction:
    """What ``prediction_to_row`` wrote; RunError names rows of vrft 0.1 as such."""
    read = _validated(_PredictionRow, row, "prediction")
    return Prediction(read.examples[0], read.answer, read.rebuilt(read.rollouts), read.rule, read.gate)


def group_to_row(step: int, group: RolloutGroup) -> Row:
    """A rollout group of a training step, counted from 1, as one JSON object."""
    shared = _shared(group.example, rollouts=group.rollouts, contrast=group.contrast)
    return _dumped(_GroupRow(**shared, step=step, trained=group.trained))


def group_from_row(row: Row) -> tuple[int, RolloutGroup]:
    """The step and the group that ``group_to_row`` wrote; RunError as for predictions."""
    read = _validated(_GroupRow, row, "rollout group")
    rollouts, contrast = read.rebuilt(read.rollouts), read.rebuilt(read.contrast)
    return read.step, RolloutGroup(read.examples[0], rollouts, contrast, read.trained)


def _rollout_rows(
    rollouts: Sequence[Rollout], examples: _Interned, prompts: _Interned
) -> tuple[_RolloutRow, ...]:
    return tuple(
        _RolloutRow(
            id=one.id,
            example=examples.place(one.example),
            turns=tuple(
                _TurnRow(prompt=prompts.place(_prompt_row(turn.prompt)), completion=turn.completion)
                for turn in one.turns
            ),
            # The text stands in the last turn.
            answer=replace(one.answer, text="") if one.turns else one.answer,
            terms=dict(one.terms),
            failures=tuple(replace(failure, traceback="") for failure in one.failures),
            **{name: getattr(one, name) for name in _ALIKE},
        )
        for one in rollouts
    )


def _prompt_row(prompt: Prompt) -> _PromptRow:
    return _PromptRow(messages=prompt.messages, frames=prompt.frames, n_tokens=prompt.length)


def _shared(example: Example, **groups: Sequence[Rollout]) -> dict[str, Any]:
    examples, prompts = _Interned(), _Interned()
    examples.place(example)
    rows = {name: _rollout_rows(rollouts, examples, prompts) for name, rollouts in groups.items()}
    return {
        "version": VERSION,
        "id": example.id,
        "task": example.task,
        "examples": tuple(examples.things),
        "prompts": tuple(prompts.things),
        **rows,
    }


def _dumped(row: BaseModel) -> Row:
    # Required fields are always there; of the others, those that say something.
    return row.model_dump(mode="json", exclude_defaults=True)


def _validated(model: type[_R], row: Row, what: str) -> _R:
    if isinstance(row, dict) and "version" not in row and {"image_wh", "group"} & row.keys():
        raise RunError(
            f"This {what} was written by vrft 0.1, whose files this version cannot read. Create it again."
        )
    try:
        return model.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "row"
        raise RunError(
            f"This is not a {what}: {where}: {first['msg'].removeprefix('Value error, ')}."
        ) from error
