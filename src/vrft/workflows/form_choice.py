"""The form that a fit asks in: the better one by samples of its base policy, probed once for each fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vrft.diagnostics.probe.probe_summary import NO_SIGNAL, Probe, better_form
from vrft.progress import ProgressReporter
from vrft.run_folder import read_json, write_json
from vrft.types import Form


def kept_form(
    file: Path,
    forms: Sequence[Form],
    probe_in: Callable[[Form], Probe],
    reporter: ProgressReporter,
    *,
    model: str,
) -> dict[str, Any]:
    """The probe of the form to go on in, as a file has it; where there is none, all forms are probed."""
    if not file.exists():
        probes: list[Probe] = []
        with reporter.task("Probing the base policy", len(forms)) as update:
            for form in forms:
                probes.append(probe_in(form))
                update(1, f"{form}: reward {probes[-1].reward:.2f}")
        row = {"model": model, "chosen": better_form(probes).form}
        write_json(file, {**row, "probes": [p.row() for p in probes]})
    found = read_json(file)
    probe: dict[str, Any] = next(p for p in found["probes"] if p["form"] == found["chosen"])
    return probe


def weak_signal(probe: dict[str, Any]) -> str | None:
    """The beginning of a sentence where rewards differ in too few groups to learn from; None elsewhere."""
    if 1 - probe["signal"] <= NO_SIGNAL:
        return None
    return f"Rewards differ within only {probe['signal']:.0%} of the probed groups, so "
