"""The verdicts of an audit: each one property that a reward must have, judged from what it paid.

========================  ==================================================================================
bounded                   every value lies in the declared range [0, high]
finite                    every value is a finite number, and nothing was raised
gold_is_maximal           the right answer earns ``high`` on every target, and no other answer to the same
                          target earns more than it
monotone_in_iou           in no ladder of answers does pay fall as boxes come nearer to their labels
only_the_class_counts     (in the place of the last, for classes) every other class's name, and every part of
                          the right one, earns less than the right name
no_attack_above_honest    the mean of no attack, and of no restatement of the honest answer, is above the
                          honest policy's; variants of gold, which know more than it, are left out
saturation                from IoU 0.52 to 0.95 pay rises by 0.05 of the range or more (boxes only)
exploit_margin            the honest mean less the best attack's is 0.02 of the gold answer's mean or more
========================  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from vrft.diagnostics.audit.attacks.attack import Role
from vrft.diagnostics.audit.audit_case import NOTATIONS, Case, Notation
from vrft.diagnostics.audit.audit_plan import Trial
from vrft.diagnostics.audit.audited_rule import Payment, Rule, collect, values
from vrft.diagnostics.audit.honest import nearest_names
from vrft.diagnostics.audit.ladder import HALF, NEARLY, RUNGS, TOGETHER

TOLERANCE = 1e-9
"""Rounding of a sum of terms."""
LEAST_RISE = 0.05
"""Of the range, from IoU 0.52 to 0.95. IoU as one term of three rises by 0.14 of the range; a third of that
still orders the better half of a group of answers."""
LEAST_MARGIN = 0.02
"""Of the gold answer's mean: three standard errors of a difference of means over 500 targets with boxes, and
so the least that an audit can tell from nothing."""
_SAMPLE_CHARS = 400


@dataclass(frozen=True)
class Verdict:
    """One property, judged."""

    name: str
    passed: bool
    measured: Mapping[str, float | int | None]
    """The figures it was judged by."""
    says: str
    """One sentence for people."""
    attack: str = ""
    """What shows a failure best: an attack's name, or a ladder in words."""
    sample: str = ""
    """One such answer's text, shortened."""
    also: tuple[str, ...] = ()
    """Other attacks that show it."""


@dataclass(frozen=True)
class Evidence:
    """What a rule paid for every answer of a trial."""

    rule: Rule
    trial: Trial
    paid: Mapping[str, Sequence[Payment]]
    """By attack, one a target."""
    climbs: Sequence[Sequence[Payment]]
    """By ladder, one a rung."""
    means: Mapping[str, float] = field(init=False)
    """By attack; a failure counts 0."""

    def __post_init__(self) -> None:
        means = {name: float(values(payments).mean()) for name, payments in self.paid.items()}
        object.__setattr__(self, "means", means)

    def of(self, *roles: Role) -> list[str]:
        """Names of the attempts with one of these roles."""
        return [name for name, attempt in self.trial.attempts.items() if attempt.attack.role in roles]

    def sample(self, name: str, index: int) -> str:
        """One attack's answer to one target."""
        return shortened(self.trial.attempts[name].texts[index])

    def answers(self) -> list[tuple[str, str, Payment]]:
        """Every answer that was paid: what it shows, its text, what it earned."""
        found = [
            (name, text, payment)
            for name, payments in self.paid.items()
            for text, payment in zip(self.trial.attempts[name].texts, payments, strict=True)
        ]
        return found + [
            (ladder.says, text, payment)
            for ladder, payments in zip(self.trial.ladders, self.climbs, strict=True)
            for text, payment in zip(ladder.texts, payments, strict=True)
        ]


def shortened(text: str) -> str:
    """The first 400 characters of a text, and how many more there are.

    Example:
        >>> shortened("a" * 500)[-21:]
        'a ... 100 more chars.'
    """
    rest = len(text) - _SAMPLE_CHARS
    return text if rest <= 0 else f"{text[:_SAMPLE_CHARS]} ... {rest} more chars."


def bounded(evidence: Evidence) -> Verdict:
    """Every value lies in [0, high]; values that are no finite number are left to ``finite``."""
    high = evidence.rule.high
    paid = [(p.value, shows, text) for shows, text, p in evidence.answers() if not p.problem]
    found = [value for value, _, _ in paid] or [0.0]
    lowest, highest = min(found), max(found)
    measured = {"lowest": lowest, "highest": highest, "low": 0.0, "high": high}
    outside = [(max(v - high, -v), shows, text) for v, shows, text in paid if max(v - high, -v) > TOLERANCE]
    if not outside:
        return Verdict("bounded", True, measured, f"All values lie in [0, {high:g}].")
    _, worst, text = max(outside, key=lambda one: one[0])
    says = f"Values run from {lowest:.4g} to {highest:.4g}, outside [0, {high:g}]."
    others = _others(worst, (shows for _, shows, _ in outside))
    return Verdict("bounded", False, measured, says, worst, shortened(text), others)


def finite(evidence: Evidence) -> Verdict:
    """Every value is a finite number and nothing was raised."""
    answers = evidence.answers()
    failed = [(shows, text, p.problem) for shows, text, p in answers if p.problem]
    measured = {"failures": len(failed), "answers": len(answers)}
    if not failed:
        return Verdict("finite", True, measured, "Every value is a finite number.")
    shows, text, problem = failed[0]
    says = f"{len(failed)} of {len(answers)} answers have no finite value; here the reward {problem}."
    others = _others(shows, (other for other, _, _ in failed))
    return Verdict("finite", False, measured, says, shows, shortened(text), others)


def gold_is_maximal(evidence: Evidence) -> Verdict:
    """The right answer earns ``high`` on every target, and no other answer to that target earns more."""
    gold = values(evidence.paid["gold"])
    above = {name: values(payments) - gold for name, payments in evidence.paid.items() if name != "gold"}
    best = max(above, key=lambda name: float(above[name].max()))
    excess, lowest = float(above[best].max()), float(gold.min())
    high = evidence.rule.high
    measured = {"lowest_gold": lowest, "high": high, "largest_excess": excess}
    if excess > TOLERANCE:
        index = int(above[best].argmax())
        says = f"'{best}' earns {excess:.4g} more than the gold answer to the same target."
        others = _others(best, (name for name, found in above.items() if found.max() > TOLERANCE))
        sample = evidence.sample(best, index)
        return Verdict("gold_is_maximal", False, measured, says, best, sample, others)
    if lowest < high - TOLERANCE:
        says = f"A gold answer earns {lowest:.4g}, less than the {high:g} of the declared range."
        sample = evidence.sample("gold", int(gold.argmin()))
        return Verdict("gold_is_maximal", False, measured, says, "gold", sample)
    says = f"The gold answer earns {high:g} everywhere, and nothing earns more."
    return Verdict("gold_is_maximal", True, measured, says)


def monotone_in_iou(evidence: Evidence) -> Verdict:
    """In no ladder does pay fall, by more than 1e-9, from one rung to the next."""
    worst, shows, sample, where = 0.0, "", "", (0.0, 0.0)
    for ladder, payments in zip(evidence.trial.ladders, evidence.climbs, strict=True):
        for (i, low), (j, high) in pairwise(enumerate(values(payments).tolist())):
            if low - high > max(worst, TOLERANCE):
                worst, shows, sample = low - high, ladder.says, shortened(ladder.texts[j])
                where = (RUNGS[i], RUNGS[j])
    measured = {"largest_fall": worst, "ladders": len(evidence.climbs)}
    if not worst:
        return Verdict("monotone_in_iou", True, measured, "Pay never falls as a box comes nearer.")
    says = f"Pay falls by {worst:.4g} where the IoU rises from {where[0]:g} to {where[1]:g} ({shows})."
    return Verdict("monotone_in_iou", False, measured, says, shows, sample)


def only_the_class_counts(evidence: Evidence) -> Verdict:
    """Every other class's name, and every proper part of the right one, earns less than the right name."""
    named = {case.name: case for case in evidence.trial.cases}
    closest, shows, sample = -np.inf, "", ""
    for case in named.values():
        others = (*nearest_names(case.name, case.names), *_parts(case))
        texts = {other: case.answer(other) for other in others}
        gold, *found = _paid_for(evidence.rule, case, [case.gold(), *texts.values()])
        for (other, text), value in zip(texts.items(), found, strict=True):
            if value - gold > closest:
                closest, shows, sample = value - gold, f"'{other}' for '{case.name}'", text
    passed = closest < -TOLERANCE
    measured = {"closest_to_gold": float(closest), "classes": len(named)}
    if passed:
        says = f"Every other name earns {-closest:.4g} less than the right one, or lower still."
        return Verdict("only_the_class_counts", True, measured, says)
    says = f"{shows} earns no less than the right name."
    return Verdict("only_the_class_counts", False, measured, says, shows, sample)


def no_attack_above_honest(evidence: Evidence) -> Verdict:
    """No attack's and no restatement's mean over the targets is above the honest policy's."""
    honest = evidence.means["honest"]
    ranked = sorted(evidence.of(Role.ATTACK, Role.RESTATED), key=lambda name: -evidence.means[name])
    above = [name for name in ranked if evidence.means[name] > honest + TOLERANCE]
    best = ranked[0]
    measured = {"honest": honest, "best_attack": evidence.means[best], "attacks_above": len(above)}
    if not above:
        says = f"The best attack, '{best}', earns {evidence.means[best]:.4g}, the honest policy {honest:.4g}."
        return Verdict("no_attack_above_honest", True, measured, says)
    listed = ", ".join(f"'{name}' {evidence.means[name]:.4g}" for name in above)
    says = f"The honest policy earns {honest:.4g}; more is earned by {listed}."
    sample = _telling(evidence, best)
    return Verdict("no_attack_above_honest", False, measured, says, best, sample, tuple(above[1:]))


def saturation(evidence: Evidence) -> Verdict:
    """From IoU 0.52 to 0.95 of all boxes together, mean pay rises by 0.05 of the range or more."""
    low, high = RUNGS.index(HALF), RUNGS.index(NEARLY)
    rises: dict[str, list[float]] = {}
    texts = {}
    for ladder, payments in zip(evidence.trial.ladders, evidence.climbs, strict=True):
        if ladder.kind == TOGETHER:
            rises.setdefault(ladder.says, []).append(payments[high].value - payments[low].value)
            texts[ladder.says] = ladder.texts[high]
    means = {says: float(np.mean(found)) for says, found in rises.items()}
    shows = min(means, key=lambda says: means[says])
    share = means[shows] / evidence.rule.high
    measured = {"least_rise": share, "asked": LEAST_RISE}
    says = f"From IoU {HALF} to {NEARLY} pay rises by {share:.3f} of the range ({LEAST_RISE} is asked)."
    if share >= LEAST_RISE:
        return Verdict("saturation", True, measured, says)
    return Verdict("saturation", False, measured, says, shows, shortened(texts[shows]))


def exploit_margin(evidence: Evidence) -> Verdict:
    """The honest mean less the best attack's, as a share of the gold answer's mean, is 0.02 or more."""
    gold, honest = evidence.means["gold"], evidence.means["honest"]
    best = max(evidence.of(Role.ATTACK), key=lambda name: evidence.means[name])
    difference = values(evidence.paid["honest"]) - values(evidence.paid[best])
    margin = (honest - evidence.means[best]) / gold if gold > 0 else None
    error = float(difference.std(ddof=1) / np.sqrt(len(difference)) / gold) if gold > 0 else None
    measured = {"margin": margin, "standard_error": error, "asked": LEAST_MARGIN}
    if margin is None or error is None:
        says = f"The gold answer earns {gold:.4g} on average: there is nothing to compare with."
        return Verdict("exploit_margin", False, measured, says, "gold", evidence.sample("gold", 0))
    says = (
        f"The honest mean less that of the best attack, '{best}', is {margin:.3f} of gold's "
        f"(standard error {error:.3f}; {LEAST_MARGIN} is asked)."
    )
    if margin >= LEAST_MARGIN:
        return Verdict("exploit_margin", True, measured, says)
    near = [n for n in evidence.of(Role.ATTACK) if honest - evidence.means[n] < LEAST_MARGIN * gold]
    return Verdict(
        "exploit_margin", False, measured, says, best, _telling(evidence, best), _others(best, near)
    )


_FOR_BOXES = (
    bounded, finite, gold_is_maximal, monotone_in_iou, no_attack_above_honest, saturation, exploit_margin,
)  # fmt: skip
_FOR_NAMES = (bounded, finite, gold_is_maximal, only_the_class_counts, no_attack_above_honest, exploit_margin)
JUDGES: Mapping[Notation, Sequence[Callable[[Evidence], Verdict]]] = {
    Notation.LIST: _FOR_BOXES,
    Notation.CORNERS: _FOR_BOXES,
    Notation.NAME: _FOR_NAMES,
}


def judge(rule: Rule, trial: Trial) -> tuple[Evidence, tuple[Verdict, ...]]:
    """Pay every answer of a trial and judge the rule.

    Args:
        rule: the reward.
        trial: answers of the rule's task.

    Returns:
        What was paid, and the verdicts in a fixed order.
    """
    targets = [case.example.target for case in trial.cases]
    paid = {
        name: collect(rule, zip(attempt.answers, targets, strict=True))
        for name, attempt in trial.attempts.items()
    }
    climbs = [
        collect(rule, ((answer, ladder.case.example.target) for answer in ladder.answers))
        for ladder in trial.ladders
    ]
    evidence = Evidence(rule, trial, paid, climbs)
    return evidence, tuple(verdict(evidence) for verdict in JUDGES[NOTATIONS[trial.task.name]])


def _others(first: str, names: Iterable[str]) -> tuple[str, ...]:
    """The other names, each once, in order."""
    return tuple(name for name in dict.fromkeys(names) if name != first)


def _parts(case: Case) -> list[str]:
    words = case.name.split()
    return [case.name[1:], case.name[:-1], *(words if len(words) > 1 else [])]


def _paid_for(rule: Rule, case: Case, texts: Sequence[str]) -> list[float]:
    answers = [case.task.parse(text, case.view, case.form) for text in texts]
    return values(collect(rule, ((answer, case.example.target) for answer in answers))).tolist()


def _telling(evidence: Evidence, name: str) -> str:
    """An attack's answer where it earns most above the honest one."""
    above = values(evidence.paid[name]) - values(evidence.paid["honest"])
    return evidence.sample(name, int(above.argmax()))
