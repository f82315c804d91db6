"""The table of attempts: what one change of RFT is worth beside the protocol and beside its twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mini.attempts import ANOTHER_BASE, ATTEMPTS, PROTOCOL, Attempt
from mini.pooled import Drawn, known_as, pooled
from mini.settings import SETTINGS
from mini.systems import RFT, TWIN
from mini.tables import table, told
from vrft.evaluation.statistics import Difference
from vrft.fit.trials import Trial, choose

Point = Mapping[str, Any]
HEAD = ["setting", "attempt", "what", "seeds", "RFT", "RFT - protocol's", "RFT - twin", "RFT - twin with it"]
ANOTHER = Attempt("the protocol from another base policy", twin_too=True)


@dataclass(frozen=True)
class Tried:
    """An attempt in a setting; a difference is None where it would compare nothing."""

    setting: str
    name: str
    about: str
    seeds: int
    rft: Drawn | None
    against_protocol: Difference | None
    against_twin: Difference | None
    against_twin_with_it: Difference | None


def tried(points: Sequence[Point]) -> list[Tried]:
    """Every attempt beside the protocol's points of the same seeds.

    Args:
        points: of the study, of any settings and seeds; those without the protocol's own point of their
            setting and seed are left out, since there is nothing to compare them with.
    """
    by = {(p["setting"], p["x"]["attempt"], p["seed"]): p for p in sorted(points, key=lambda p: p["seed"])}
    bases = sorted({name for _, name, _ in by if name.startswith(ANOTHER_BASE)})
    found = []
    for setting in SETTINGS:
        for name in (*ATTEMPTS, *bases):
            own = [p for (s, a, seed), p in by.items() if (s, a) == (setting, name)]
            own = [p for p in own if (setting, PROTOCOL, p["seed"]) in by]
            if own:
                found.append(_tried(setting, name, own, [by[setting, PROTOCOL, p["seed"]] for p in own]))
    return found


def _tried(setting: str, name: str, own: Sequence[Point], protocol: Sequence[Point]) -> Tried:
    attempt = ATTEMPTS.get(name, ANOTHER)
    learner = pooled(own, RFT)
    return Tried(
        setting,
        name,
        attempt.about,
        len(own),
        learner,
        _minus(learner, pooled(protocol, RFT)) if attempt is not ANOTHER and name != PROTOCOL else None,
        _minus(learner, pooled([twin(p) for p in protocol], TWIN)) if attempt is not ANOTHER else None,
        _minus(learner, pooled([twin(p) for p in own], TWIN)) if attempt.twin_too else None,
    )


def attempts_table(points: Sequence[Point]) -> str:
    """A row an attempt."""
    rows = [
        [
            *(one.setting, one.name, one.about, str(one.seeds), told(one.rft)),
            *(told(d, sign=True) for d in (one.against_protocol, one.against_twin, one.against_twin_with_it)),
        ]
        for one in tried(points)
    ]
    return table(HEAD, rows)


def attempts_sentence(points: Sequence[Point]) -> str:
    """How many attempts can be told from the protocol."""
    seen = [(one, one.against_protocol) for one in tried(points) if one.against_protocol]
    better = [f"{one.name} in {one.setting}" for one, d in seen if d.low is not None and d.low > 0]
    worse = [f"{one.name} in {one.setting}" for one, d in seen if d.high is not None and d.high < 0]
    above, below = (", ".join(names) or "none" for names in (better, worse))
    sizes = sorted({point["questions"]["val"]["questions"] for point in points})
    return (
        f"Above the protocol's RFT with their interval: {above} (of {len(seen)} without any effect about "
        f"{len(seen) / 40:.0f} would lie above by chance); below: {below}. With one seed an interval is over "
        "pictures alone: what another draw of the same training would give is not in it. Checkpoints were "
        f"chosen by {' or '.join(map(str, sizes))} validation questions."
    )


def twin(point: Point) -> Point:
    """A point whose best form of supervised fine-tuning on validation goes by the twin's name."""
    trials = [
        Trial(name, "", t["learning_rate"], t["best_step"], t["validation"], t["steps"])
        for name, row in point["systems"].items()
        if row["kind"] == "sft"
        for t in row["trials"]
    ]
    return known_as(point, choose(trials).system, TWIN)


def _minus(one: Drawn | None, other: Drawn | None) -> Difference | None:
    return None if one is None or other is None else one.minus(other)
