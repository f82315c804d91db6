"""What was done, in a reader's words: the setting, the trials and how one of them was chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from vrft.report.curves import is_chosen
from vrft.report.run_reader import ReadFit, ReadRun
from vrft.report.systems import look_of, style_of, system_name
from vrft.tasks.number_format import NOTHING, duration, mapping, number, plain, sequence

FORMS = {"think": "thinking, then the answer", "direct": "the answer alone"}


def facts_of(fit: ReadFit) -> list[tuple[str, str]]:
    """The setting as (name, words); what the fit did not write is left out."""
    facts, forecast = fit.facts, mapping(fit.facts.get("forecast"))
    form, minutes, gib = (
        str(facts.get("form", "")),
        number(forecast.get("minutes")),
        number(forecast.get("memory_gib")),
    )
    expected = "" if minutes is None else f" (forecast: {duration(60 * minutes)})"
    hardware = (run.facts.get("hardware") for run in fit.runs.values())
    rows = [
        ("Task", ", ".join(fit.comparisons)),
        ("Data", facts.get("data")),
        ("Model", facts.get("model")),
        ("Shots", facts.get("shots")),
        ("Seed", facts.get("seed")),
        ("Form of the answer", FORMS.get(form, form)),
        ("Answers sampled", _sampled(fit)),
        ("Questions that RFT was asked", selection_of(fit.runs.get("rft"))),
        ("Hardware", facts.get("hardware") or next((one for one in hardware if one), None)),
        ("Time", duration(facts.get("seconds")) + expected),
        ("Memory", None if gib is None else f"{gib:.1f} GiB forecast"),
        ("Proof of the fast path", parity_of(fit.runs)),
        ("Command", facts.get("command")),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "", NOTHING)]


def _sampled(fit: ReadFit) -> str:
    """How many answers each system drew while it trained, where the fit says it."""
    said = []
    for name, own in mapping(fit.facts.get("answers_sampled")).items():
        answers, tokens = (number(mapping(own).get(key)) for key in ("answers", "tokens"))
        if answers is not None and tokens is not None:
            said.append(f"{system_name(name)} {answers:,.0f} ({tokens:,.0f} tokens)")
    return "; ".join(said)


def selection_of(run: ReadRun | None) -> str:
    """How many training questions a run's rule kept, why others were left out, and what it took to know."""
    rows = [mapping(row.get("selection")) for row in run.steps] if run is not None else []
    known = [row for row in rows if row]
    if run is None or not known:
        return ""

    def said(row: Mapping[str, Any]) -> str:
        if "of" not in row:  # by source, in a run with several tasks
            return ", ".join(f"{source}: {said(mapping(own))}" for source, own in row.items())
        why = ", ".join(f"{name} {plain(count)}" for name, count in row.items() if name not in ("kept", "of"))
        return f"{plain(row.get('kept'))} of {plain(row.get('of'))} questions" + (f" ({why})" if why else "")

    answers, tokens = (
        sum(number(row.get(f"selection_{unit}")) or 0 for row in run.steps) for unit in ("answers", "tokens")
    )
    took = f"; {answers:,.0f} answers ({tokens:,.0f} tokens) were drawn first for it" if answers else ""
    return f"{said(known[0])} at first, {said(known[-1])} at the end{took}"


def lines_of(fit: ReadFit, key: str) -> list[str]:
    """A list of sentences of ``fit.json``."""
    return [str(line) for line in sequence(fit.facts.get(key))]


def trial_rows(fit: ReadFit) -> list[tuple[str, bool, tuple[str, ...]]]:
    """CSS class of every trial, whether it was chosen, and its cells, in the order they were run."""
    style = style_of(fit.task, fit.comparison)
    rows: list[tuple[str, bool, tuple[str, ...]]] = []
    for trial, _ in fit.trials:
        system = str(trial.get("system", ""))
        numbers = plain(trial.get("learning_rate")), plain(trial.get("best_step"))
        cells = (
            system_name(system),
            str(trial.get("folder", "")),
            *numbers,
            style.value(trial.get("validation")),
        )
        rows.append((look_of(system), is_chosen(trial, fit), cells))
    return rows


def choice_of(fit: ReadFit) -> str:
    """How one trial of each system was chosen, and whether both had the same chances."""
    counts = Counter(system_name(str(trial.get("system", ""))) for trial, _ in fit.trials)
    if not counts:
        return ""
    same = len(set(counts.values())) == 1
    tried = ", ".join(f"{name} {count}" for name, count in counts.items())
    chances = f"the same number of trials ({tried})" if same else f"unequal numbers of trials ({tried})"
    return (
        f"The systems had {chances}. Of each, the trial and the step with the best validation score are "
        "compared; the held-out images play no part in that choice."
    )


def doubts_of(fit: ReadFit) -> list[str]:
    """Trials that beat the chosen one of their system: what the rule of choice does not allow."""
    style = style_of(fit.task, fit.comparison)
    sign = 1 if style.higher_is_better else -1
    best: dict[str, float] = {}
    chosen: dict[str, float] = {}
    for trial, _ in fit.trials:
        system, value = str(trial.get("system", "")), number(trial.get("validation"))
        if value is not None:
            best[system] = max(value, best.get(system, value), key=lambda one: sign * one)
            chosen |= {system: value} if is_chosen(trial, fit) else {}
    return [
        f"The chosen trial of {system_name(system)} scores {style.said(value)} on the validation part, but "
        f"another of its trials scores {style.said(best[system])}."
        for system, value in chosen.items()
        if sign * value < sign * best[system]
    ]


def settings_of(
    runs: Iterable[tuple[str, ReadRun]], versions: Any = None
) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Name, configuration and versions of runs; ``versions`` are the fit's own."""
    found = [(name, run.config, pairs(run.facts.get("versions"))) for name, run in runs]
    return [one for one in [("Versions", "", pairs(versions)), *found] if one[1] or one[2]]


def pairs(read: Any) -> list[tuple[str, str]]:
    """A JSON object as names and words."""
    return [(str(name), str(value)) for name, value in mapping(read).items()]


def parity_of(runs: Mapping[str, ReadRun]) -> str:
    """How far the shared-prompt log-probabilities lay from the plain ones before the first step."""
    parts = []
    for system, run in runs.items():
        parity = mapping(run.facts.get("parity"))
        gap = number(parity.get("logprob_max_abs_diff"))
        if gap is not None:
            shared, method = parity.get("method") == "shared", parity.get("method")
            way = "one shared prompt" if shared else f"{method} prompts"
            name = system_name(system)
            parts.append(f"{name}: log-probabilities differ by at most {gap:.1e}, trained on {way}")
    return "; ".join(parts)
