"""What was done, in a reader's words: the setting, the trials and how one of them was chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vrft.report.comparison import look_of
from vrft.report.curves import is_chosen
from vrft.report.number_format import NOTHING, duration, hundred, number, plain, system_name
from vrft.report.run_reader import ReadFit, ReadRun, mapping, sequence

FORMS = {"think": "thinking, then the answer", "direct": "the answer alone"}


@dataclass(frozen=True)
class TrialRow:
    """One trial's line of the table, as text."""

    system: str
    look: str
    folder: str
    learning_rate: str
    best_step: str
    validation: str
    chosen: bool


@dataclass(frozen=True)
class Settings:
    """One run's settings in full."""

    name: str
    config: str
    versions: list[tuple[str, str]]


def facts_of(fit: ReadFit) -> list[tuple[str, str]]:
    """The setting as (name, words); what the fit did not write is left out."""
    facts = fit.facts
    form = str(facts.get("form", ""))
    rows = [
        ("Task", fit.task),
        ("Data", facts.get("data")),
        ("Model", facts.get("model")),
        ("Pictures a class", facts.get("shots")),
        ("Seed", facts.get("seed")),
        ("Form of the answer", FORMS.get(form, form)),
        ("Hardware", facts.get("hardware") or _first(run.facts.get("hardware") for run in fit.runs.values())),
        ("Time", _time(facts)),
        ("Memory", _memory(facts)),
        ("Proof of the fast path", _parity(fit.runs)),
        ("Command", facts.get("command")),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "", NOTHING)]


def left_out_of(fit: ReadFit) -> list[tuple[str, str]]:
    """Classes that took no part, with the reason."""
    return [(str(name), str(why)) for name, why in mapping(fit.facts.get("left_out")).items()]


def lines_of(fit: ReadFit, key: str) -> list[str]:
    """A list of sentences of ``fit.json``."""
    return [str(line) for line in sequence(fit.facts.get(key))]


def trial_rows(fit: ReadFit) -> list[TrialRow]:
    """Every trial, in the order they were run."""
    return [
        TrialRow(
            system=system_name(str(trial.get("system", ""))),
            look=look_of(str(trial.get("system", ""))),
            folder=str(trial.get("folder", "")),
            learning_rate=plain(trial.get("learning_rate")),
            best_step=plain(trial.get("best_step")),
            validation=hundred(trial.get("validation")),
            chosen=is_chosen(trial, fit),
        )
        for trial, _ in fit.trials
    ]


def choice_of(fit: ReadFit) -> str:
    """How one trial of each system was chosen, and whether both had the same chances."""
    counts = Counter(system_name(str(trial.get("system", ""))) for trial, _ in fit.trials)
    if not counts:
        return ""
    same = len(set(counts.values())) == 1
    tried = ", ".join(f"{name} {count}" for name, count in counts.items())
    chances = f"the same number of trials ({tried})" if same else f"unequal numbers of trials ({tried})"
    return (
        f"The systems had {chances}. Of each, the trial and the step with the highest validation score stand "
        "in the comparison; the held-out pictures play no part in that choice."
    )


def doubts_of(fit: ReadFit) -> list[str]:
    """Trials that beat the chosen one of their system: what the rule of choice does not allow."""
    best: dict[str, float] = {}
    chosen: dict[str, float] = {}
    for trial, _ in fit.trials:
        system, value = str(trial.get("system", "")), number(trial.get("validation"))
        if value is not None:
            best[system] = max(value, best.get(system, value))
            chosen |= {system: value} if is_chosen(trial, fit) else {}
    return [
        f"The chosen trial of {system_name(system)} scores {hundred(value)} on the validation part, but "
        f"another of its trials scores {hundred(best[system])}."
        for system, value in chosen.items()
        if value < best[system]
    ]


def settings_of(runs: Iterable[tuple[str, ReadRun]], versions: Any = None) -> list[Settings]:
    """The settings and versions of runs, by name; ``versions`` are the fit's own."""
    own = Settings("Versions", "", _pairs(versions))
    found = [Settings(name, run.config, _pairs(run.facts.get("versions"))) for name, run in runs]
    return [one for one in [own, *found] if one.config or one.versions]


def _pairs(versions: Any) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in mapping(versions).items()]


def _first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value), None)


def _time(facts: dict[str, Any]) -> str:
    taken, minutes = duration(facts.get("seconds")), number(mapping(facts.get("forecast")).get("minutes"))
    return taken if minutes is None else f"{taken} (forecast: {duration(60 * minutes)})"


def _memory(facts: dict[str, Any]) -> str:
    forecast = number(mapping(facts.get("forecast")).get("memory_gib"))
    return NOTHING if forecast is None else f"{forecast:.1f} GiB forecast"


def _parity(runs: dict[str, ReadRun]) -> str:
    """How far the shared-prompt log-probabilities lay from the plain ones before the first step."""
    parts = []
    for system, run in runs.items():
        parity = mapping(run.facts.get("parity"))
        gap = number(parity.get("logprob_max_abs_diff"))
        if gap is not None:
            path = "one shared prompt" if parity.get("path") == "shared" else "the plain path"
            parts.append(
                f"{system_name(system)}: log-probabilities differ by at most {gap:.1e}, trained on {path}"
            )
    return "; ".join(parts)
