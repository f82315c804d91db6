"""``vrft probe``: what the base policy's samples show, and what to change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vrft.config.recipes import recipe_path
from vrft.config.run_config import load_config
from vrft.diagnostics.probe.probe_summary import Probe
from vrft.diagnostics.probe.run_probe import Probed, probe_run
from vrft.diagnostics.probe.success import hit_of
from vrft.errors import InputError
from vrft.progress import Narrator
from vrft.tasks.task import load_task

_CLIP = 100
"""Characters of an example text that are printed; probe.json has the whole."""


def run_probe(
    path: Path,
    overrides: Sequence[str],
    samples: int | None,
    questions: int,
    temperatures: str,
    output: Path | None,
    narrator: Narrator,
) -> Probed:
    """Probe what a configuration file describes.

    Args:
        path: a YAML file or a recipe's name.
        overrides: ``key=value``.
        samples: answers to each question.
        questions: at most so many.
        temperatures: numbers with commas between; empty leaves the comparison out.
        output: folder of ``probe.json``; None takes the run's.
        narrator: where progress goes.

    Raises:
        InputError: the configuration, its data or its model cannot be used.
    """
    try:
        warmths = tuple(float(part) for part in temperatures.split(",") if part.strip())
    except ValueError as error:
        raise InputError(f"--temperatures '{temperatures}': write numbers as in 0.7,1.0,1.3.") from error
    config = load_config(recipe_path(path), overrides)
    folder = output or Path(config.out)
    return probe_run(
        config, folder, samples=samples, questions=questions, temperatures=warmths, narrator=narrator
    )


def print_probe(found: Probed, out: Console) -> None:
    """Tables and advice for people.

    Args:
        found: a probe.
        out: where to.
    """
    p = found.probe
    out.print(_overview(found), markup=False, soft_wrap=True)
    terms = [
        (name, f"{t.weight:g}", f"{t.mean:.3f}", f"{t.sd:.3f}", f"{t.group_sd:.3f}", str(t.failures or "-"))
        for name, t in p.terms.items()
    ]
    headings = ("reward term", "weight", "mean", "sd", "sd in a group", "failed")
    out.print(_table("Reward terms", headings, terms))
    out.print(_table("Samples", ("", *map(str, sorted(p.pass_at))), _by_count(p)))
    if found.warmths:
        warm = [
            (f"{w.temperature:g}", f"{w.reward:.3f}", *map(_percent, shares))
            for w in found.warmths
            for shares in [(w.hits, w.signal, w.formatted, w.truncated)]
        ]
        headings = ("temperature", "reward", "hits", "signal", "in form", "truncated")
        out.print(_table(f"Temperatures, on {found.warmths[0].groups} questions", headings, warm))
    if p.faults:
        faults = [
            (name, _percent(c.share), escape("\n".join(map(_clipped, c.texts))))
            for name, c in p.faults.items()
        ]
        out.print(_table("Faults", ("fault", "answers", "examples"), faults))
    for advice in found.advice:
        out.print(advice.sentence, markup=False, soft_wrap=True)
        if advice.setting is not None:
            out.print(f"    {advice.setting}", markup=False, soft_wrap=True)
    out.print(f"Probe: {found.path}", markup=False, soft_wrap=True)


def _overview(found: Probed) -> str:
    p, n = found.probe, found.probe.lengths
    return (
        f"{p.groups} training questions, {p.samples} answers each at temperature "
        f"{found.config.rollout.temperature:g}: mean reward {p.reward:.2f}, {p.hits:.0%} hits "
        f"({hit_of(load_task(found.config.task).name).told}), {p.parsed:.0%} can be read, "
        f"{p.formatted:.0%} are in form, {p.truncated:.0%} met the limit of {n.limit} tokens "
        f"(median {n.median:.0f}, nine in ten below {n.p90:.0f}).\n"
        f"{p.signal:.0%} of the groups of {p.group_size} have signal."
    )


def _by_count(p: Probe) -> list[tuple[str, ...]]:
    counts = sorted(p.pass_at)
    return [
        ("pass@k", *(_percent(p.pass_at[k]) for k in counts)),
        ("groups of k with signal", *(_percent(p.signal_at[k]) if k in p.signal_at else "-" for k in counts)),
    ]


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _CLIP else line[: _CLIP - 3] + "...")
