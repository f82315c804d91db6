"""The table of attempts: what one change of RFT is worth beside the protocol and beside its twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mini.attempts import ATTEMPTS, OTHER_BASE, PROTOCOL, Attempt
from mini.pooled import Drawn, pooled
from mini.settings import SETTINGS
from mini.systems import RFT, TWIN
from mini.tables import table, told
from vrft.report.figures import NOTHING

Point = Mapping[str, Any]
HEAD = ["setting", "attempt", "what", "seeds", "RFT", "RFT - protocol's", "RFT - twin", "RFT - twin with it"]


def attempts_table(points: Sequence[Point]) -> str:
    """Every attempt beside the protocol's points of the same seeds.

    Args:
        points: of the study, of any settings and seeds; those without the protocol's own point of their
            setting and seed are left out, since there is nothing to compare them with.
    """
    by = {(p["setting"], p["x"]["attempt"], p["seed"]): p for p in points}
    rows = []
    for setting in SETTINGS:
        bases = dict.fromkeys(a for (s, a, _) in by if s == setting and a.startswith(OTHER_BASE))
        others = {name: Attempt("the protocol from another base policy", twin_too=True) for name in bases}
        for name, attempt in {**ATTEMPTS, **others}.items():
            seeds = [seed for (s, a, seed) in sorted(by) if (s, a) == (setting, name)]
            own = [by[setting, name, seed] for seed in seeds if (setting, PROTOCOL, seed) in by]
            if not own:
                continue
            protocol = [by[setting, PROTOCOL, p["seed"]] for p in own]
            learner = pooled(own, RFT)
            changed = name != PROTOCOL and name not in bases
            compared = [
                _minus(learner, pooled(protocol, RFT)) if changed else NOTHING,
                _minus(learner, pooled([twin(p) for p in protocol], TWIN)) if name not in bases else NOTHING,
                _minus(learner, pooled([twin(p) for p in own], TWIN)) if attempt.twin_too else NOTHING,
            ]
            rows.append([setting, name, attempt.about, str(len(own)), told(learner), *compared])
    return table(HEAD, rows)


def twin(point: Point) -> Point:
    """A point whose best form of supervised fine-tuning on validation goes by the twin's name."""
    scores = {
        name: max(trial["validation"] for trial in row["trials"])
        for name, row in point["systems"].items()
        if row["kind"] == "sft"
    }
    best = max(scores, key=lambda name: scores[name])
    scopes = {
        scope: part | {"systems": part["systems"] | {TWIN: part["systems"][best]}}
        for scope, part in point["scopes"].items()
    }
    return {**point, "scopes": scopes}


def _minus(one: Drawn | None, other: Drawn | None) -> str:
    return NOTHING if one is None or other is None else told(one.minus(other), sign=True)
