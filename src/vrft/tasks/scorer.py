"""The rewards of a task under one setting: terms, their weights, and the score of groups of rollouts."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, cast

from pydantic import Field

from vrft.errors import ConfigError
from vrft.rewards.custom_reward import is_function, load_custom_reward
from vrft.rewards.outcomes import LARGEST, failure_of, number_of
from vrft.rewards.reward_term import (
    GIVEN,
    GroupReward,
    Outcome,
    RewardTerm,
    arguments_of,
    as_term,
    by_group,
)
from vrft.rewards.served_reward import ServedReward
from vrft.rewards.time_limit import LIMIT_S, outcome_of, outcomes_within
from vrft.tasks.registry import task_of
from vrft.tasks.task import Setting, Task
from vrft.types import (
    Clock,
    Completion,
    CoordinateFrame,
    Example,
    Failure,
    PartReward,
    Prompt,
    Rollout,
    RolloutGroup,
    Turn,
)
from vrft.types.options import Options, did_you_mean

_TOLERANCE = 1e-9
Weight = Annotated[float, Field(ge=0, le=LARGEST)]
"""What is to be punished is a function that returns less than 0."""


class RewardOptions(Options):
    """Which reward terms, and their weights (where not given 1, or what a definition says)."""

    setting: str | None = None
    """A setting of the task; null takes 'paper' where the task has it, and 'recommended' elsewhere."""
    weights: dict[str, Weight] = Field(default_factory=dict)
    """Of the setting's terms, or of further terms of the task, which are then added; 0 switches one off."""
    options: dict[str, dict[str, bool | int | float | str]] = Field(default_factory=dict)
    """Arguments of terms, such as ``{iou: {tau: 0.75}}``."""
    custom: dict[str, Weight] = Field(default_factory=dict)
    """Rewards of your own with their weights: ``package.module:function`` or ``file.py:function`` of
    (answer, target), or the address of a reward server, ``http://...``."""
    time_limit_s: float = Field(LIMIT_S, gt=0)
    """Seconds that one call of a reward of your own may take; it fails then. A server has `timeout_s`."""
    allow_unsafe_reward: bool = False
    """Train on a setting that rewards wrong answers; values are clipped, and counted."""


class Scorer:
    """The rewards of one task under one setting.

    Args:
        task: whose rewards.
        options: setting, weights, options, own functions.

    Raises:
        ConfigError: unknown setting, term or option, a function that cannot be found, or an unsafe setting
            that was not allowed.
    """

    def __init__(self, task: Task, options: RewardOptions | None = None) -> None:
        options = options or RewardOptions()
        self.task = task
        self.setting = check_names(task, options)
        chosen = {name: as_term(term) for name, term in task.settings[self.setting].items()}
        for name in options.weights:
            if name not in chosen:
                chosen[name] = as_term(task.terms[name])
        for name in options.custom:
            chosen[name] = load_custom_reward(name, options.options.get(name))
        unsafe = [name for name, term in chosen.items() if term.unsafe]
        if unsafe and not options.allow_unsafe_reward:
            raise ConfigError(
                f"reward.setting: '{self.setting}' rewards wrong answers ({', '.join(unsafe)}: see "
                f"'vrft audit {task.name} --settings {self.setting}') and is refused in training. Use "
                "another setting, or set reward.allow_unsafe_reward: true."
            )
        weights = {**options.weights, **options.custom}
        self.weights = {name: weights.get(name, term.weight) for name, term in chosen.items()}
        self.terms: Mapping[str, RewardTerm] = {
            name: term if name in options.custom else _with_options(name, term, options.options.get(name, {}))
            for name, term in chosen.items()
        }
        self.time_limit_s = options.time_limit_s
        own = [name for name in self.terms if ":" in name]  # named by their place, also in a definition
        # A server has time-outs of its own.
        self._limited = {n for n in own if not isinstance(self.terms[n].reward, ServedReward)}
        self._functions = {n for n in own if is_function(self.terms[n])}
        # Asked once: isinstance with a protocol takes longer than most rewards.
        self._of_groups = {n: t.reward for n, t in self.terms.items() if isinstance(t.reward, GroupReward)}
        self._of_answers = {
            n: t.reward for n, t in self.terms.items() if not isinstance(t.reward, GroupReward)
        }
        self._asks = {
            name: {one: GIVEN[one] for one in arguments_of(term.reward) if one in GIVEN}
            for name, term in self.terms.items()
        }
        self._without_target = {name for name, term in self.terms.items() if _takes_no_target(term)}

    @property
    def sees_groups(self) -> bool:
        """Some term looks at all groups of a step, so that they must be scored together."""
        return bool(self._of_groups)

    @property
    def retried(self) -> int:
        """Requests to reward servers that were repeated so far."""
        return sum(one.retried for one in self._of_groups.values() if isinstance(one, ServedReward))

    def score(self, groups: Sequence[RolloutGroup], now: Clock | None = None) -> list[RolloutGroup]:
        """All groups of a step with their terms and rewards; never raises, and all it gives is finite.

        A term that failed counts 0 and is logged; one that abstained counts what it declares; a value out
        of its range is clipped and counted. The reward is the weighted sum in the order of the terms.

        To a question that nobody has labelled (its target is None) a term abstains, unless it needs no
        label: a function whose parameter ``target`` is annotated as ``Value | None``, or a reward of groups.
        """
        now = now or Clock()
        columns = {name: self._outcomes(name, groups, now) for name in self.terms}
        return [
            replace(
                group,
                rollouts=tuple(
                    self._rewarded(rollout, {name: column[i][j] for name, column in columns.items()})
                    for j, rollout in enumerate(group.rollouts)
                ),
            )
            for i, group in enumerate(groups)
        ]

    def score_text(
        self,
        text: str,
        example: Example,
        frames: Sequence[CoordinateFrame],
        *,
        n_tokens: int | None = None,
        now: Clock | None = None,
    ) -> Rollout:
        """Parse a text and score it; never raises, whatever the text and the terms do.

        Args:
            text: as a model wrote it.
            example: its question.
            frames: how places are written, one for each medium.
            n_tokens: length of the text, for terms that shape it.
            now: where the run is.
        """
        turns = (Turn(Prompt(frames=tuple(frames)), Completion(text)),)
        answer = self.task.parse_turns(example, turns)
        if n_tokens is not None:
            answer = replace(answer, n_tokens=n_tokens)
        group = RolloutGroup(example, (Rollout(example, turns, answer),))
        return self.score([group], now)[0].rollouts[0]

    def _outcomes(self, name: str, groups: Sequence[RolloutGroup], now: Clock) -> Sequence[Sequence[Outcome]]:
        reward = self._of_groups.get(name)
        if reward is None:
            found: Any = by_group(self._of_each(name, [r for g in groups for r in g.rollouts], now), groups)
        else:
            (found,) = self._called(name, [lambda: reward.score_groups(groups, now)])
        try:
            if [len(column) for column in found] != [len(g.rollouts) for g in groups]:
                raise ValueError("it returned another number of outcomes than there are rollouts")
        except Exception as error:  # a reward of the user's own may return anything
            found = [[found if isinstance(found, BaseException) else error] * len(g.rollouts) for g in groups]
        if name in self._functions and _abstains_always(found, groups):
            nothing = TypeError("it returned None for every answer; return a number")
            return [[nothing] * len(g.rollouts) for g in groups]
        return cast(Sequence[Sequence[Outcome]], found)

    def _of_each(self, name: str, rollouts: Sequence[Rollout], now: Clock) -> list[Outcome]:
        """The outcome of each answer; where there is no label, a term that needs one abstains."""
        found: list[Outcome] = [None] * len(rollouts)
        needs = name not in self._without_target
        judged = [i for i, r in enumerate(rollouts) if not (needs and r.example.target is None)]
        calls = [self._call(name, rollouts[i], now) for i in judged]
        for i, outcome in zip(judged, self._called(name, calls), strict=True):
            found[i] = outcome
        return found

    def _call(self, name: str, rollout: Rollout, now: Clock) -> Callable[[], Any]:
        given = {one: read(rollout, now) for one, read in self._asks[name].items()}
        return partial(self._of_answers[name], rollout.answer, rollout.example.target, **given)

    def _called(self, name: str, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        limited = name in self._limited
        return outcomes_within(calls, self.time_limit_s) if limited else [*map(outcome_of, calls)]

    def _rewarded(self, rollout: Rollout, outcomes: Mapping[str, Outcome]) -> Rollout:
        terms: dict[str, float | None] = {}
        failures: list[Failure] = []
        clipped: list[str] = []
        for name, outcome in outcomes.items():
            value = _read(outcome)
            if isinstance(value, BaseException):
                failures.append(failure_of(name, value, self.terms[name].reward))
                value = 0.0
            elif value is not None:
                bounded = min(max(value, self.terms[name].low), self.terms[name].high)
                if abs(bounded - value) > _TOLERANCE:
                    clipped.append(name)
                value = bounded
            terms[name] = value
        reward = sum(
            self.weights[name] * (self.terms[name].silent if value is None else value)
            for name, value in terms.items()
        )
        return replace(
            rollout,
            terms=terms,
            failures=tuple(failures),
            clipped=tuple(clipped),
            parts=self._parts(rollout),
            reward=float(reward),
        )

    def _parts(self, rollout: Rollout) -> tuple[PartReward, ...]:
        try:
            parts = tuple(self.task.part_rewards(rollout))
            return parts if all(math.isfinite(part.amount) for part in parts) else ()
        except Exception:
            return ()


def scorers_of(examples: Iterable[Example], options: Mapping[str, RewardOptions]) -> dict[str, Scorer]:
    """A scorer for each entry of some examples, by its name.

    Args:
        examples: of any tasks.
        options: of each ``Example.source``.
    """
    first = {example.entry: example for example in reversed(list(examples))}
    return {name: Scorer(task_of(example), options[example.source]) for name, example in first.items()}


def score_groups(
    scorers: Mapping[str, Scorer], groups: Sequence[RolloutGroup], now: Clock | None = None
) -> list[RolloutGroup]:
    """Groups of any tasks, each scored by its entry's scorer, in the order in which they came."""
    done = list(groups)
    for entry, scorer in scorers.items():
        places = [i for i, group in enumerate(groups) if group.example.entry == entry]
        for i, group in zip(places, scorer.score([groups[i] for i in places], now), strict=True):
            done[i] = group
    return done


def score(text: str, example: Example, reward: str | None = None) -> Rollout:
    """Read a text as the answer to a question, and reward it; never fails, whatever the text is.

    Args:
        text: as a model would write it, tags included. Boxes are in pixels of what is shown of the image.
        example: the question with its target.
        reward: a setting of the task; None takes 'paper' where there is one, else 'recommended'.

    Returns:
        ``reward``, each term in ``terms``, and what was read in ``answer``.

    Raises:
        InputError: the task has no such setting.

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import Image, Label
        >>> image = Image(Path("a.png"), (8, 8))
        >>> example = Example("a", "a", "classification", (image,), "thing", Label("cat"))
        >>> score("<think>Ears.</think><answer>cat</answer>", example).terms
        {'accuracy': 1.0, 'format': 1.0}
    """
    frames = [m.frame("resized_pixels", getattr(m, "shown_wh", m.size_wh)) for m in example.media]
    return Scorer(task_of(example), RewardOptions(setting=reward)).score_text(text, example, frames)


def describe_terms(task: Task) -> dict[str, Any]:
    """A task's reward settings and its further terms, each term with what it is in one sentence."""
    known = {id(as_term(term).reward) for setting in task.settings.values() for term in setting.values()}
    further = {name: term for name, term in task.terms.items() if id(as_term(term).reward) not in known}
    return {
        "settings": {name: _described(setting) for name, setting in task.settings.items()},
        "further": _described(further),
    }


def _described(setting: Setting) -> dict[str, str]:
    return {name: _sentence(as_term(term)) for name, term in setting.items()}


def _sentence(term: RewardTerm) -> str:
    reward = term.reward
    while isinstance(reward, partial):
        reward = reward.func
    said = (inspect.getdoc(reward) or "").strip().splitlines()
    return (said[0].replace("``", "") if said else "") + (
        " Rewards wrong answers: for the audit." if term.unsafe else ""
    )


def check_names(task: Task, options: RewardOptions) -> str:
    """Refuse a setting or a term that a task does not have; no function of the user's own is loaded.

    Returns:
        The setting that is meant.

    Raises:
        ConfigError: there is no such setting or term, with the nearest name.
    """
    setting = options.setting or ("paper" if "paper" in task.settings else "recommended")
    if setting not in task.settings:
        raise _unknown("reward.setting", f"{task.name} has no setting", setting, list(task.settings))
    terms = dict.fromkeys((*task.settings[setting], *options.weights, *options.custom))
    for name in options.weights:
        if name not in (known := sorted({*task.settings[setting], *task.terms})):
            raise _unknown("reward.weights", f"{task.name} has no term", name, known)
    for name in options.options:
        if name not in terms:
            raise _unknown("reward.options", "the reward has no term", name, list(terms))
    return setting


def _unknown(key: str, problem: str, name: str, known: Sequence[str]) -> ConfigError:
    hint = did_you_mean(name, known)
    return ConfigError(f"{key}: {problem} '{name}'.{hint} Choose one of: {', '.join(known)}.")


def _abstains_always(found: Sequence[Sequence[Outcome]], groups: Sequence[RolloutGroup]) -> bool:
    """From some answers that is a judgement; from all that have a label, a forgotten 'return'."""
    labelled = [
        outcome
        for group, column in zip(groups, found, strict=True)
        for rollout, outcome in zip(group.rollouts, column, strict=True)
        if rollout.example.target is not None
    ]
    return len(labelled) > 1 and all(outcome is None for outcome in labelled)


def _read(outcome: Any) -> float | BaseException | None:
    if outcome is None or isinstance(outcome, BaseException):
        return outcome
    try:
        return number_of(outcome)
    except Exception as error:
        return error.with_traceback(None)


def _with_options(name: str, term: RewardTerm, options: Mapping[str, Any]) -> RewardTerm:
    if not options:
        return term
    known = [p for p in arguments_of(term.reward) if p not in ("answer", "target", *GIVEN)]
    for option in options:
        if option not in known:
            listed = ", ".join(known) or "none"
            raise ConfigError(f"reward.options.{name}: no option '{option}'. Known: {listed}.")
    assert callable(term.reward)
    return replace(term, reward=partial(term.reward, **options))


def _takes_no_target(term: RewardTerm) -> bool:
    """Whether ``target`` may be None, by its annotation."""
    target = arguments_of(term.reward).get("target")
    return target is not None and ("None" in str(target.annotation) or "Optional" in str(target.annotation))
