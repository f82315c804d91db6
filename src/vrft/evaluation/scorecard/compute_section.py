"""What more answers are worth: every fusion rule at every number of answers, next to its cost in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vrft.errors import InputError
from vrft.evaluation.ensemble import SIZES, answers_of, fused, is_closed, token_cost
from vrft.evaluation.statistics import Json
from vrft.tasks.number_format import (
    interval,
    mapping,
    measured,
    number,
    one_line,
    plain,
    sequence,
    upper_first,
)
from vrft.tasks.registry import task_of
from vrft.tasks.section import Curve, LineChart, ScoredPredictions, Section, Table


def _measure(scored: ScoredPredictions) -> Json:
    """The headline metric against compute: every rule at each n, all on the same draws of images.

    ``fewest`` is the number of answers of the question that has the fewest, ``left_out`` says by name why a
    rule could not be used; at n = 1 each rule gives the plain answer.
    """
    task = task_of(scored.plain[0].example)
    asked = [one for one in scored.plain if not is_closed(one)]
    fewest = min(map(answers_of, asked))
    sizes = [n for n in scored.options.get("sizes", SIZES) if 1 <= n <= fewest]
    rules: Json = {}
    left_out: Json = {}
    for name in task.rules:
        try:
            rules[name] = [_row(scored, name, n) for n in sizes]
        except InputError as error:
            left_out[name] = str(error)
    return {
        "title": task.metrics[0].title,
        "unit": task.metrics[0].unit,
        "fewest": fewest,
        "prompts_counted": all(token_cost(one).prompts is not None for one in scored.plain),
        "rules": rules,
        "left_out": left_out,
    }


def _row(scored: ScoredPredictions, rule: str, n: int) -> Json:
    found = [fused(one, rule, n) for one in scored.plain]
    costs = [token_cost(one, n) for one in scored.plain]
    tokens = sum(cost.answers + (cost.prompts or 0) + cost.gate for cost in costs) / len(costs)
    views = dict.fromkeys(rollout.view for one in scored.plain for rollout in one.rollouts[:n])
    return {"n": n, "views": list(views), "tokens": tokens, **asdict(scored.interval(found))}


def _tables(given: Any) -> Sequence[Table]:
    found = mapping(given)
    unit, title = str(found.get("unit", "%")), upper_first(str(found.get("title", "")))
    by_rule = {
        name: [mapping(row) for row in sequence(rows)] for name, rows in mapping(found.get("rules")).items()
    }
    # The cost of n answers is the same by whatever rule they are fused.
    first = next(iter(by_rule.values()), [])
    views = tuple(", ".join(map(one_line, sequence(row.get("views")))) for row in first)
    rows = (
        ("tokens", *(f"{number(row.get('tokens')) or 0.0:,.0f}" for row in first)),
        *([("views", *views)] if len(set(views)) > 1 else []),
        *((name, *(_cell(row, unit) for row in listed)) for name, listed in by_rule.items()),
    )
    scale = f"{title} x100" if unit == "%" else f"{title} ({unit})"
    counted = "prompts and answers" if found.get("prompts_counted") else "answers alone, prompts unknown"
    note = (
        f"{scale} of the first answers to every question, fused by each rule, with 95% intervals. One "
        f"answer is the plain one. Tokens are the mean of a question, {counted}."
    )
    left_out = [f"{name} is left out: {why}" for name, why in mapping(found.get("left_out")).items()]
    return [
        Table(
            f"{title} against compute",
            ("Answers", *(plain(row.get("n")) for row in first)),
            rows if first else (),
            " ".join([note, *left_out]),
            "compute",
            charts=(_chart(by_rule, title, unit),) if first else (),
        )
    ]


def _cell(row: Json, unit: str) -> str:
    """A value, and on a line of its own its interval."""
    return f"{measured(row.get('value'), unit=unit)}\n{interval(row.get('low'), row.get('high'), unit=unit)}"


def _chart(by_rule: dict[str, list[Json]], title: str, unit: str) -> LineChart:
    curves = tuple(_curve(name, rows, 100 if unit == "%" else 1) for name, rows in by_rule.items())
    scale, words = ("× 100", "times 100") if unit == "%" else (f"in {unit}",) * 2
    return LineChart(
        title=f"{title} against tokens",
        label=f"{title} {words} over mean tokens of a question, {sum(bool(c.points) for c in curves)} rules",
        curves=curves,
        axis="tokens of a question",
        note=f"{title} {scale}. Whiskers are 95% intervals, on the same draws of images for every point.",
        log=True,
    )


def _curve(name: str, rows: list[Json], scale: float) -> Curve:
    """Points with tokens above zero, for the axis is one of ratios; whiskers where every point has them."""
    points, spread = [], []
    for row in rows:
        tokens, value = number(row.get("tokens")), number(row.get("value"))
        low, high = number(row.get("low")), number(row.get("high"))
        if tokens is not None and tokens > 0 and value is not None:
            points.append((tokens, scale * value))
            spread += [(scale * low, scale * high)] if low is not None and high is not None else []
    return Curve(name, tuple(points), tuple(spread) if len(spread) == len(points) else ())


COMPUTE = Section(
    "compute", _measure, lambda scored: any(answers_of(one) > 1 for one in scored.plain), _tables
)
