"""The card: the headline, then every section that fits the task and the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.ensemble import SIZES, answers_of, headline, is_closed, plain_answer, token_cost
from vrft.evaluation.scorecard.compute_section import COMPUTE
from vrft.evaluation.statistics import (
    RESAMPLES,
    Interval,
    Json,
    Resampled,
    by_task,
    difference,
    drawn_values,
    header,
    image_draws,
    interval,
    only_task,
    plain_json,
    record_ids_of,
    same_questions,
)
from vrft.tasks.metrics.metric import Metric, format_rate, parse_rate, per_group, written_rollout
from vrft.tasks.section import Section
from vrft.tasks.task import Task
from vrft.types import Prediction, Record

GENERAL_SECTIONS = (COMPUTE,)
"""Those that every task's card may have, after the task's own."""


@dataclass(frozen=True)
class CardOptions:
    """How answers are measured.

    Args:
        rule: a fusion rule of the task that makes one answer of all answers to a question, which is scored;
            None scores the answers as they are.
        sizes: answers to each question at which value is measured against compute.
        base: classes that training has seen, for the means of open vocabulary.
        novel: classes that it has not.
        records: the images with their labels; needed for LVIS's AP alone.
        frequencies: 'r', 'c' or 'f' by category, as ``Dataset.frequencies`` has it.
        resamples: bootstrap draws of every interval.
        seed: of the draws.
        sized: False where the sizes of the images are not known: metrics that need areas are left out.
    """

    rule: str | None = None
    sizes: tuple[int, ...] = SIZES
    base: tuple[str, ...] = ()
    novel: tuple[str, ...] = ()
    records: Sequence[Record] = ()
    frequencies: Mapping[str, str] = field(default_factory=dict)
    resamples: int = RESAMPLES
    seed: int = 0
    sized: bool = True


@dataclass(frozen=True)
class Scored:
    """One system's predictions of one task by id: the ``ScoredPredictions`` of sections."""

    task: Task
    predictions: Sequence[Prediction]
    """What the headline scores."""
    plain: Sequence[Prediction]
    """The same questions with the plain answer as the result, and all rollouts."""
    draws: Sequence[np.ndarray]
    settings: CardOptions

    @property
    def records(self) -> Sequence[Record]:
        """The images with their labels, where they are at hand."""
        return self.settings.records

    @property
    def options(self) -> Mapping[str, Any]:
        """The card's settings by name."""
        return vars(self.settings)

    def interval(self, predictions: Sequence[Prediction], metric: Metric | None = None) -> Interval:
        """A metric of answers to these questions, in this order, with its interval."""
        return interval(*drawn_values(predictions, metric or self.task.metrics[0], self.draws))


def sections_of(task: Task) -> tuple[Section, ...]:
    """All sections that a task's card may have, in the order of reading."""
    return (*task.sections, *GENERAL_SECTIONS)


def scorecards(predictions: Sequence[Prediction], options: CardOptions | None = None) -> dict[str, Json]:
    """A scorecard for each task of some predictions, by the task's name."""
    return {task: scorecard(own, options) for task, own in by_task(predictions).items()}


def scorecard(predictions: Sequence[Prediction], options: CardOptions | None = None) -> Json:
    """Measure everything that answers to labeled questions of one task say.

    Args:
        predictions: of one system, no question twice.
        options: fusion rule, classes, draws; None is ``CardOptions()``.

    Returns:
        Plain JSON. ``task``, ``metric`` with its ``title``, ``unit`` and ``higher_is_better``, ``n``
        (questions), ``images``, ``value``, ``low``, ``high``, ``parse_rate``, ``format_rate``,
        ``value_given_parsed``, ``finished_rate``, ``faults`` (answers by fault), ``tokens`` (means of a
        question: ``answer`` and ``prompt``, None where they are not known), ``metrics`` and ``classes`` by
        name. ``rule`` is None, or the name of the rule that all of these are of: then ``answers`` is the mean
        number of answers fused, and ``plain`` has the plain answers' ``value``, ``low``, ``high`` and the
        paired ``difference``. Then the sections of ``sections_of``, each only where it applies.

    Raises:
        InputError: there are no answers, they belong to several tasks or have no labels, a question occurs
            twice, or the rule does not fit the task.
    """
    options = options or CardOptions()
    task = only_task(predictions)
    bare = [one.example.id for one in predictions if one.example.target is None]
    if bare:
        raise InputError(
            f"{len(bare)} of the {len(predictions)} questions have no label, such as '{bare[0]}', so their "
            "answers cannot be scored. Add labels, or leave these questions out."
        )
    (given,) = same_questions({"answers": predictions}).values()
    draws = image_draws(record_ids_of(given), options.resamples, options.seed)
    chosen = headline(given, options.rule)
    scored = Scored(task, chosen, [plain_answer(one) for one in given], draws, options)
    rule = chosen[0].rule
    metric = task.metrics[0]
    whole = drawn_values(scored.predictions, metric, draws)
    card = {
        "task": task.name,
        **header(metric, given),
        **asdict(interval(*whole)),
        "parse_rate": parse_rate(scored.predictions),
        "format_rate": format_rate(scored.predictions),
        "value_given_parsed": drawn_values(scored.predictions, metric, [], parsed_only=True)[0],
        "finished_rate": fmean(_finished(one) for one in scored.predictions),
        "faults": dict(
            Counter(f.value for one in scored.predictions for f in one.answer.faults).most_common()
        ),
        "tokens": _tokens(scored.plain, rule),
        "rule": rule,
        "answers": fmean(answers_of(one) for one in given) if rule else 1,
        **({"plain": _plain(scored, whole)} if rule else {}),
        "metrics": {
            own.name: _measured(own, scored, whole if own is metric else None)
            for own in task.metrics
            if options.sized or not own.needs_size
        },
        "classes": per_group(scored.predictions, metric),
        **{s.name: s.measure(scored) for s in sections_of(task) if s.applies(scored)},
    }
    found: Json = plain_json(card)
    return found


def _measured(metric: Metric, scored: Scored, known: Resampled | None) -> Json:
    seen = interval(*known) if known is not None else scored.interval(scored.predictions, metric)
    return {**asdict(seen), "title": metric.title, "unit": metric.unit}


def _plain(scored: Scored, whole: Resampled) -> Json:
    """The plain answers next to the fused ones, on the same draws."""
    plain = drawn_values(scored.plain, scored.task.metrics[0], scored.draws)
    return {**asdict(interval(*plain)), "difference": difference(whole, plain)}


def _finished(prediction: Prediction) -> bool:
    """The answer that was taken ended by itself, or, of a new one, all that it was made of."""
    written = written_rollout(prediction)
    return written.finished if written is not None else all(one.finished for one in prediction.rollouts)


def _tokens(plain: Sequence[Prediction], rule: str | None) -> Json:
    """Mean tokens of a question: those sampled for the headline, and the prompts that they needed."""
    costs = [token_cost(one, None if rule else 1) for one in plain]
    prompts = [cost.prompts for cost in costs if cost.prompts is not None]
    # Stored texts of another tool come without their lengths, which then read 0.
    counted = any(cost.answers for cost in costs) or any(is_closed(one) for one in plain)
    return {
        "answer": fmean(cost.answers for cost in costs) if counted else None,
        "prompt": fmean(prompts) if len(prompts) == len(costs) else None,
    }
