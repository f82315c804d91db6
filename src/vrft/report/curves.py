"""What happened in training, as charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vrft.report.charts import PALETTE, Drawing, Point, Series, line_chart
from vrft.report.run_reader import ReadFit, ReadRun
from vrft.report.systems import known_task, look_of, style_of, system_name
from vrft.tasks.number_format import mapping, number, plain
from vrft.tasks.rollout_facts import RIGHT_SHOWS_WORK, SHOWS_WORK

DASHES = (" dash1", " dash2", " dash3")
"""CSS classes of the trials that were not chosen; the chosen one is drawn whole."""
CHOSEN = ", chosen"


def run_charts(run: ReadRun) -> list[Drawing]:
    """The charts of one run: for RFT the reward, its terms, KL, signal and length; for SFT the loss."""
    charts: list[Drawing] = []
    if run.method == "rft":
        charts = _rft_charts(run)
    elif run.method == "sft":
        loss = Series("loss", "sft", _points(run, "loss"))
        charts = [_chart("SFT loss", "Mean over the answer tokens of a step.", [loss])]
    return [chart for chart in charts if chart.drawing]


def validation_charts(fit: ReadFit) -> list[Drawing]:
    """The validation score of every trial over its steps, a panel for each system, all on one scale."""
    style = style_of(fit.task, fit.comparison)
    factor = 100 if style.unit == "%" else 1
    base = _base_value(fit, factor)
    panels: dict[str, list[Series]] = {}
    forms: dict[str, set[str]] = {}
    for trial, _ in fit.trials:
        forms.setdefault(str(trial.get("system", "")), set()).add(str(trial.get("form", "")))
    for trial, run in fit.trials:
        system = str(trial.get("system", ""))
        best = (number(trial.get("best_step")), number(trial.get("validation")))
        single = [(best[0], best[1])] if best[0] is not None and best[1] is not None else []
        points = [(step, factor * value) for step, value in run.validations or single]
        lines = panels.setdefault(system, [])
        others = sum(not line.name.endswith(CHOSEN) for line in lines)
        chosen, rate = is_chosen(trial, fit), number(trial.get("learning_rate"))
        named = str(trial.get("folder", "")) if rate is None else f"learning rate {plain(rate)}"
        if len(forms[system]) > 1:
            named = f"{trial.get('form', '')}, {named}"
        look = look_of(system) + ("" if chosen else DASHES[others % len(DASHES)])
        lines.append(Series(named + (CHOSEN if chosen else ""), look, points, marked=True))
    ys = [y for lines in panels.values() for line in lines for _, y in line.points]
    ys += [] if base is None else [base]
    shared = (min(ys), max(ys)) if ys else None
    times = "Times 100." if style.unit == "%" else f"In {style.unit}."
    note = f"{times} All panels of validation share one vertical scale."
    charts = []
    for system, lines in panels.items():
        steps = [x for line in lines for x, _ in line.points]
        level = [] if base is None or not steps else [(min(steps), base), (max(steps), base)]
        title = f"Validation {style.title} of the {system_name(system)} trials"
        charts.append(_chart(title, note, [*lines, Series("base", "base dash1", level)], shared))
    return [chart for chart in charts if chart.drawing]


def is_chosen(trial: Mapping[str, Any], fit: ReadFit) -> bool:
    """Whether a trial is the run of its system that the comparison is about."""
    return mapping(fit.facts.get("systems")).get(str(trial.get("system"))) == trial.get("folder")


def _base_value(fit: ReadFit, factor: int) -> float | None:
    """The base model's score on the validation part, where its predictions were kept."""
    base, task = fit.runs.get("base"), known_task(fit.task)
    own = [p for p in base.validation if p.example.task == fit.task] if base is not None else []
    metrics = task.metrics if task is not None else ()
    metric = next((m for m in metrics if m.name == fit.comparison.get("metric")), None)
    value = number(metric.value(own)) if metric is not None and own else None
    return None if value is None else factor * value


def _rft_charts(run: ReadRun) -> list[Drawing]:
    named = list(dict.fromkeys(name for row in run.steps for name in mapping(row.get("terms"))))
    terms = [
        Series(name, PALETTE[i % len(PALETTE)], _points(run, name, inside="terms"))
        for i, name in enumerate(named)
    ]
    shares = [
        Series("groups with signal", "c0", _points(run, "signal_share")),
        Series("answers cut off", "c1", _points(run, "truncated_share")),
    ]
    work = [
        Series("all answers", "c0", _points(run, SHOWS_WORK)),
        Series("right answers", "c2", _points(run, RIGHT_SHOWS_WORK)),
    ]
    per_token = "From the reference policy, for each token."
    older = "Optimizer steps between the weights that drew the answers and those that learned from them."
    age, waits = ([Series(n, "rft", _points(run, n))] for n in ("staleness", "seconds_waiting"))
    equal = "A group of equal rewards teaches nothing."
    reward, kl, tokens = ([Series(n, "rft", _points(run, n))] for n in ("reward", "kl", "answer_tokens"))
    sources = list(dict.fromkeys(name for row in run.steps for name in mapping(row.get("by_source"))))
    reward += [
        Series(name, PALETTE[i % len(PALETTE)], _points(run, "reward", inside=f"by_source/{name}"))
        for i, name in enumerate(sources)
    ]
    return [
        _chart("Reward", "Mean over the rollouts of a step.", reward),
        _chart("Thoughts that show a computation", "Share of sampled answers.", work, (0.0, 1.0)),
        _chart("Reward terms", "Each between 0 and 1.", terms, (0.0, 1.0)),
        _chart("KL divergence", per_token, kl, (0.0, 0.0)),
        _chart("Signal", equal, [line for line in shares if line.points], (0.0, 1.0)),
        _chart("Answer length", "Mean tokens of a rollout.", tokens),
        _chart("Staleness", older, age, (0.0, 1.0)),
        _chart("Waiting", "Seconds that a step stood still for its answers.", waits, (0.0, 0.0)),
    ]


def _points(run: ReadRun, name: str, inside: str | None = None) -> list[Point]:
    """Finite values by step; what is missing or not a number leaves a gap that the line bridges."""
    sources = [(row, _inner(row, inside.split("/", 1) if inside else [])) for row in run.steps]
    pairs = [(number(row.get("step")), number(source.get(name))) for row, source in sources]
    return sorted((step, found) for step, found in pairs if step is not None and found is not None)


def _inner(row: Mapping[str, Any], keys: Sequence[str]) -> Mapping[str, Any]:
    for key in keys:
        row = mapping(row.get(key))
    return row


def _chart(
    title: str, note: str, lines: Sequence[Series], y_range: tuple[float, float] | None = None
) -> Drawing:
    smooth = [Series(s.name, s.look, s.points, s.marked, not s.marked and len(s.points) > 2) for s in lines]
    values = [value for line in lines for _, value in line.points]
    said = f"{title}: {len(values)} points"
    said += f" between {plain(min(values))} and {plain(max(values))}" if values else ""
    legend = [(line.name, line.look) for line in lines if line.points]
    return Drawing(title, note, legend, line_chart(smooth, said, y_range))
