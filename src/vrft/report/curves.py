"""What happened in training, as charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from vrft.report.charts import Point, Series, line_chart
from vrft.report.comparison import look_of, metric_title
from vrft.report.number_format import number, plain, system_name
from vrft.report.run_reader import ReadFit, ReadRun, mapping
from vrft.tasks.metrics.metric import METRICS

PALETTE = ("c0", "c1", "c2", "c3", "c4", "c5")
"""CSS classes for lines that belong to no system."""
DASHES = (" dash1", " dash2", " dash3")
"""CSS classes of the trials that were not chosen; the chosen one is drawn whole."""
CHOSEN = ", chosen"


@dataclass(frozen=True)
class Chart:
    """One chart with its heading, legend (name, CSS class) and one line of explanation."""

    title: str
    note: str
    legend: list[tuple[str, str]]
    drawing: Markup


def kind_of(run: ReadRun) -> str:
    """``rft``, ``sft`` or ``eval``, from what the run says or else from what it measured."""
    measured = {key for row in run.steps for key in row}
    seen = "rft" if "reward" in measured else "sft" if "loss" in measured else "eval"
    return run.kind or seen


def run_charts(run: ReadRun) -> list[Chart]:
    """The charts of one run: for RFT the reward, its terms, KL, signal and length; for SFT the loss."""
    return [chart for chart in CHARTS.get(kind_of(run), _no_charts)(run) if chart.drawing]


def validation_charts(fit: ReadFit) -> list[Chart]:
    """The validation score of every trial over its steps, one panel a system, all on one vertical scale."""
    metric = fit.comparison.get("metric")
    base = _base_value(fit)
    panels: dict[str, list[Series]] = {}
    for trial, run in fit.trials:
        system = str(trial.get("system", ""))
        best = (number(trial.get("best_step")), number(trial.get("validation")))
        single = [(best[0], best[1])] if best[0] is not None and best[1] is not None else []
        points = [(step, 100 * value) for step, value in run.validations or single]
        lines = panels.setdefault(system, [])
        others = sum(not line.name.endswith(CHOSEN) for line in lines)
        look = look_of(system) + ("" if is_chosen(trial, fit) else DASHES[others % len(DASHES)])
        lines.append(Series(_trial_name(trial, fit), look, points, marked=True))
    ys = [y for lines in panels.values() for line in lines for _, y in line.points]
    ys += [] if base is None else [base]
    shared = (min(ys), max(ys)) if ys else None
    charts = []
    for system, lines in panels.items():
        steps = [x for line in lines for x, _ in line.points]
        level = [] if base is None or not steps else [(min(steps), base), (max(steps), base)]
        drawn = [*lines, Series("base", "base dash1", level)]
        title = f"Validation {metric_title(metric)} of the {system_name(system)} trials"
        note = "Times 100. All panels of validation share one vertical scale."
        charts.append(_chart(title, note, drawn, shared))
    return [chart for chart in charts if chart.drawing]


def _trial_name(trial: dict[str, Any], fit: ReadFit) -> str:
    rate = number(trial.get("learning_rate"))
    named = str(trial.get("folder", "")) if rate is None else f"learning rate {plain(rate)}"
    return named + (CHOSEN if is_chosen(trial, fit) else "")


def is_chosen(trial: dict[str, Any], fit: ReadFit) -> bool:
    """Whether a trial is the run that stands for its system in the comparison."""
    return mapping(fit.facts.get("systems")).get(str(trial.get("system"))) == trial.get("folder")


def _base_value(fit: ReadFit) -> float | None:
    """The base model's score on the validation part, times 100, where its answers were kept."""
    base, metric = fit.runs.get("base"), fit.comparison.get("metric")
    if base is None or not base.validation or metric not in METRICS:
        return None
    value = number(METRICS[metric].value(base.validation))
    return None if value is None else 100 * value


def _rft_charts(run: ReadRun) -> list[Chart]:
    named = list(dict.fromkeys(name for row in run.steps for name in mapping(row.get("terms"))))
    terms = [
        Series(name, PALETTE[i % len(PALETTE)], _points(run, name, inside="terms"))
        for i, name in enumerate(named)
    ]
    shares = [
        Series("groups with signal", "c0", _points(run, "signal_share")),
        Series("answers cut off", "c1", _points(run, "truncated_share")),
    ]
    return [
        _chart("Reward", "Mean over the sampled answers of a step.", [_field(run, "reward", "rft")]),
        _chart("Reward terms", "Each between 0 and 1.", terms, (0.0, 1.0)),
        _chart(
            "KL divergence",
            "From the reference policy, for each token.",
            [_field(run, "kl", "rft")],
            (0.0, 0.0),
        ),
        _chart(
            "Signal",
            "A group whose answers all earn the same teaches nothing.",
            [line for line in shares if line.points],
            (0.0, 1.0),
        ),
        _chart("Answer length", "Mean tokens of a sampled answer.", [_field(run, "answer_tokens", "rft")]),
    ]


def _sft_charts(run: ReadRun) -> list[Chart]:
    return [_chart("SFT loss", "Mean over the answer tokens of a step.", [_field(run, "loss", "sft")])]


def _no_charts(run: ReadRun) -> list[Chart]:
    return []


CHARTS: dict[str, Callable[[ReadRun], list[Chart]]] = {"rft": _rft_charts, "sft": _sft_charts}


def _field(run: ReadRun, name: str, look: str) -> Series:
    return Series(name, look, _points(run, name))


def _points(run: ReadRun, name: str, inside: str | None = None) -> list[Point]:
    """Finite values by step; what is missing or no number leaves a gap that the line bridges."""
    sources = [
        (number(row.get("step")), row if inside is None else mapping(row.get(inside))) for row in run.steps
    ]
    pairs = [(step, number(source.get(name))) for step, source in sources]
    return sorted((step, found) for step, found in pairs if step is not None and found is not None)


def _chart(
    title: str, note: str, lines: Sequence[Series], y_range: tuple[float, float] | None = None
) -> Chart:
    smooth = [Series(s.name, s.look, s.points, s.marked, not s.marked and len(s.points) > 2) for s in lines]
    values = [value for line in lines for _, value in line.points]
    said = f"{title}: {len(values)} points"
    said += f" between {plain(min(values))} and {plain(max(values))}" if values else ""
    legend = [(line.name, line.look) for line in lines if line.points]
    return Chart(title, note, legend if len(legend) > 1 else [], line_chart(smooth, said, y_range))
