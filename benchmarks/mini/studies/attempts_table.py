"""The table of attempts: what one change of RFT is worth next to the protocol and its twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mini.claims import above
from mini.files import Groups
from mini.pooled import SeedMean, known_as, pooled
from mini.settings import SETTINGS
from mini.studies.attempts import ANOTHER_BASE, ATTEMPTS, PROTOCOL, RATE, Attempt, points
from mini.studies.study import Found, Study
from mini.systems import RFT, TWIN
from mini.tables import table, with_interval
from vrft.evaluation.statistics import Difference
from vrft.workflows.trials import Trial, choose

Point = Mapping[str, Any]
HEAD = ["setting", "attempt", "what", "seeds", "RFT", "RFT - protocol's", "RFT - twin", "RFT - twin with it"]
ANOTHER = Attempt("the protocol from another base policy (`benchmarks/mini_base.py`)", twin_too=True)


@dataclass(frozen=True)
class Tried:
    """An attempt in a setting; a difference is None where it would compare nothing."""

    setting: str
    name: str
    about: str
    seeds: int
    rft: SeedMean | None
    against_protocol: Difference | None
    against_twin: Difference | None
    against_twin_with_it: Difference | None


def tried(found: Found) -> list[Tried]:
    """Every attempt next to the protocol's points of the same seeds.

    Args:
        found: files of points, of any settings and seeds; those without the protocol's own point of their
            setting and seed are left out, since there is nothing to compare them with.
    """
    by = {(p["setting"], p["x"]["attempt"], p["seed"]): p for p in sorted(found, key=lambda p: p["seed"])}
    bases = sorted({name for _, name, _ in by if name.startswith(ANOTHER_BASE)})
    rows = []
    for setting in SETTINGS:
        for name in (*ATTEMPTS, *bases):
            own = [p for (s, a, seed), p in by.items() if (s, a) == (setting, name)]
            own = [p for p in own if (setting, PROTOCOL, p["seed"]) in by]
            if own:
                rows.append(_tried(setting, name, own, [by[setting, PROTOCOL, p["seed"]] for p in own]))
    return rows


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


def attempts_table(found: Found, groups: Groups) -> str:
    """A row for each attempt."""
    rows = [
        [
            *(one.setting, one.name, one.about, str(one.seeds), with_interval(one.rft)),
            *(
                with_interval(d, sign=True)
                for d in (one.against_protocol, one.against_twin, one.against_twin_with_it)
            ),
        ]
        for one in tried(found)
    ]
    return table(HEAD, rows)


def distinguished(rows: Sequence[Tried]) -> tuple[list[Tried], list[Tried]]:
    """Attempts above the protocol's RFT with their interval, and those below it."""
    seen = [(one, one.against_protocol) for one in rows if one.against_protocol]
    return [one for one, d in seen if above(d)], [one for one, d in seen if d.high is not None and d.high < 0]


def attempts_sentences(found: Found, groups: Groups) -> list[str]:
    """How many attempts can be distinguished from the protocol."""
    rows = tried(found)
    count = sum(one.against_protocol is not None for one in rows)
    better, worse = (
        ", ".join(f"{one.name} in {one.setting}" for one in part) or "none" for part in distinguished(rows)
    )
    sizes = sorted({point["questions"]["val"]["questions"] for point in found})
    return [
        f"Above the protocol's RFT with their interval: {better} (of {count} without any effect about "
        f"{count / 40:.0f} would lie above by chance); below: {worse}. With one seed an interval is over "
        "images alone: what another draw of the same training would give is not in it. Checkpoints were "
        f"chosen by {' or '.join(map(str, sizes))} validation questions."
    ]


def attempts_answer(found: Found, groups: Groups) -> str:
    """How many changes can be distinguished from the protocol."""
    seen = [one for one in tried(found) if one.against_protocol]
    if not seen:
        return ""
    better, worse = (len(part) or "none" for part in distinguished(seen))
    settings = ", ".join(dict.fromkeys(one.setting for one in seen))
    return (
        f"Of {len(seen)} changes of RFT, one at a time ({settings}), {better} can be distinguished from the "
        f"protocol's RFT as better and {worse} as worse, on development images."
    )


def twin(point: Point) -> Point:
    """A point whose best form of supervised fine-tuning on validation goes by the twin's name."""
    trials = [
        Trial(name, "", t["learning_rate"], t["best_step"], t["validation"], t["steps"])
        for name, row in point["systems"].items()
        if row["method"] == "sft"
        for t in row["trials"]
    ]
    return known_as(point, choose(trials).system, TWIN)


def _minus(one: SeedMean | None, other: SeedMean | None) -> Difference | None:
    return None if one is None or other is None else one.minus(other)


STUDY = Study(
    "attempts",
    "Attempts: one change of RFT at a time",
    points,
    attempts_table,
    "Scored on questions about images of the training part that nothing learns from (in open vocabulary "
    "on those about novel categories, on images drawn for this alone), on seeds that are in "
    f"no table; held-out answers decide nothing here either. An attempt has one rate, {RATE:.0e}, where it "
    "names no other; the twin has all its rates and forms and is chosen on validation. *Twin with it*: "
    "supervised fine-tuning in RFT's form with the same change.",
    attempts_sentences,
    question="Would another RFT have done better?",
    answer=attempts_answer,
    takes_models=True,
)
