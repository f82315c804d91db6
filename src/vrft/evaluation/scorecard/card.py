"""The card: the headline, then every section that fits the task and the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.fused import answers_of, asked_of, fused, is_closed, prompts_known
from vrft.evaluation.judged import Judged
from vrft.evaluation.pairing import same_questions
from vrft.evaluation.scorecard.scored import CardOptions, Json, Scored, plain_json
from vrft.evaluation.scorecard.sections import metrics_of, sections_of
from vrft.evaluation.statistics import difference, drawn_values, interval, picture_draws
from vrft.tasks.fusion import rule_for
from vrft.tasks.metrics.metric import format_rate, parse_rate, per_group
from vrft.tasks.task import Task
from vrft.types import Unlabelled


def scorecard(task: Task, judged: Sequence[Judged], options: CardOptions | None = None) -> Json:
    """Measure everything that answers to labelled questions tell.

    Args:
        task: theirs.
        judged: answers of one system, no question twice.
        options: rule of fusion, classes, draws; None is ``CardOptions()``.

    Returns:
        Plain JSON. ``task``, ``metric``, ``n`` (questions), ``pictures``, ``value``, ``low``, ``high``,
        ``parse_rate``, ``format_rate``, ``value_given_parsed``, ``finished_rate``, ``faults`` (answers by
        fault), ``tokens`` (means of a question: ``answer``, and ``prompt``, None where it is not known),
        ``metrics`` and ``classes`` by name. ``rule`` is None, or the name of the rule that all of these are
        of: then ``answers`` is the mean number of answers fused, and ``plain`` has the plain answers'
        ``value``, ``low``, ``high`` and the paired ``difference``. Then the sections of
        ``scorecard.sections``, each only where it applies.

    Raises:
        InputError: there are no answers, they belong to another task or are not labelled, a question occurs
            twice, or the rule does not fit the task.
    """
    options = options or CardOptions()
    _check(task, judged)
    (plain,) = same_questions({"answers": judged}).values()
    draws = picture_draws([j.example.record_id for j in plain], options.resamples, options.seed)
    scored = Scored(task, headline(plain, options.rule), plain, draws, options)
    whole = drawn_values(scored.judged, scored.metric, draws)
    card = {
        "task": task.name,
        "metric": scored.metric.name,
        "n": len(plain),
        "pictures": len({j.example.record_id for j in plain}),
        **plain_json(interval(*whole)),
        "parse_rate": parse_rate(scored.judged),
        "format_rate": format_rate(scored.judged),
        "value_given_parsed": drawn_values(scored.judged, scored.metric, [], parsed_only=True)[0],
        "finished_rate": fmean(j.finished for j in scored.judged),
        "faults": dict(
            Counter(fault.value for j in scored.judged for fault in j.answer.faults).most_common()
        ),
        "tokens": _tokens(scored),
        "rule": options.rule,
        "answers": fmean(answers_of(j) for j in plain) if options.rule else 1,
        **_plain(scored, whole),
        "metrics": {
            m.name: interval(*whole) if m is scored.metric else scored.interval(scored.judged, m)
            for m in metrics_of(task)
        },
        "classes": per_group(scored.judged, task.group, scored.metric),
        **{s.name: s.measure(scored) for s in sections_of(task) if s.applies(scored)},
    }
    found: Json = plain_json(card)
    return found


def headline(judged: Sequence[Judged], rule: str | None) -> list[Judged]:
    """The answers that a card scores: the plain ones, or those that a rule makes of all.

    Raises:
        InputError: the rule does not fit, or there is nothing to fuse.
    """
    if rule is None:
        return list(judged)
    if all(answers_of(j) == 1 for j in judged):
        raise InputError(
            f"The rule '{rule}' has nothing to fuse: every question has one answer. Ask for several "
            "answers, or leave the rule out."
        )
    return [fused(j, rule_for(rule, j.example.target)) for j in judged]


def _plain(scored: Scored, whole: tuple[float, np.ndarray]) -> Json:
    """The plain answers beside the fused ones, on the same draws."""
    if scored.options.rule is None:
        return {}
    plain = drawn_values(scored.plain, scored.metric, scored.draws)
    return {"plain": {**plain_json(interval(*plain)), "difference": difference(whole, plain)}}


def _tokens(scored: Scored) -> Json:
    """Mean tokens of a question: those sampled for the headline, and the prompts that they needed."""
    used = [answers_of(j) if scored.options.rule else 1 for j in scored.plain]
    pairs = list(zip(scored.plain, used, strict=True))
    sampled = [j.tokens for j in scored.judged]
    prompts = [asked_of(j).spent(n) - own for (j, n), own in zip(pairs, sampled, strict=True)]
    known = all(prompts_known(j, n) for j, n in pairs)
    # Stored texts of another tool may come without their lengths, which then read 0.
    counted = any(sampled) or any(is_closed(j) for j in scored.plain)
    return {"answer": fmean(sampled) if counted else None, "prompt": fmean(prompts) if known else None}


def _check(task: Task, judged: Sequence[Judged]) -> None:
    if not judged:
        raise InputError("There are no answers to score. Ask the questions first.")
    foreign = next((j.example for j in judged if j.example.task != task.name), None)
    if foreign is not None:
        raise InputError(
            f"Question '{foreign.id}' belongs to the task {foreign.task}, and the answers are scored for "
            f"{task.name}. Give the answers of one task."
        )
    bare = [j.example.id for j in judged if isinstance(j.example.target, Unlabelled)]
    if bare:
        raise InputError(
            f"{len(bare)} of the {len(judged)} questions have no label, such as '{bare[0]}', so nobody can "
            "say whether their answers are right. Score answers to labelled questions."
        )
