"""What readers of the paper ask, each with the answer that the files give here."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median_high
from typing import Any

from mini.claims import complete_families
from mini.files import Groups
from mini.pooled import family_difference
from mini.settings import SETTINGS
from mini.studies import STUDIES
from mini.studies.study import Found
from mini.systems import EQUAL_STEPS, RFT, TWIN
from mini.tables import with_interval

FAIR = "Is it fair to SFT to train on few images for many epochs?"


def answers(points: Mapping[str, Found], groups: Groups) -> str:
    """Questions and answers; a study that has not been run is named."""
    found = [(FAIR, _fair(groups), "the main table")]
    for name, study in STUDIES.items():
        found.append((study.question, study.answer(points.get(name, ()), groups), f"`--study {name}`"))
    return "\n\n".join(
        f"**{question}** {answer} ({source})" if answer else f"**{question}** Not run yet ({source})."
        for question, answer, source in found
    )


def _fair(groups: Groups) -> str:
    """How often images were shown, and what SFT loses where no validation part stops it."""
    families = complete_families(groups)
    cells = [
        cell
        for (name, shots), found in groups.items()
        if SETTINGS[name].family in families and shots == SETTINGS[name].reference
        for cell in found
    ]
    if not cells:
        return ""
    shown = {
        system: [_shown(c, c["twin"] if system == TWIN else RFT) for c in cells] for system in (TWIN, RFT)
    }
    middle = {system: median_high(each) for system, each in shown.items()}
    lost = {f: family_difference(groups, f, EQUAL_STEPS, TWIN) for f in families}
    listed = "; ".join(f"{family} {with_interval(seen, sign=True)}" for family, seen in lost.items())
    return (
        f"The twin is stopped where its validation part says so: its chosen checkpoint has seen each image "
        f"{middle[TWIN]:.0f} times (median; at most {max(shown[TWIN]):.0f}), RFT's {middle[RFT]:.0f} times. "
        f"Stopped at RFT's step instead, SFT changes by: {listed}."
    )


def _shown(cell: Mapping[str, Any], system: str) -> float:
    """How often a system's chosen checkpoint has seen each of its training images."""
    row = cell["systems"][system]
    return float(row["chosen"]["step"] * cell["effort"]["prompts"] / row["training_images"])
