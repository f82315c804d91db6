"""The verdicts of an audit: each function judges one property that a reward must have (docs/audit.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from vrft.diagnostics.audit.attack import BOXES, LABEL, Case, Role
from vrft.diagnostics.audit.audit_plan import HALF, NEARLY, RUNGS, TOGETHER, AuditPlan
from vrft.diagnostics.audit.audited_rule import Rule, collect, values
from vrft.diagnostics.audit.evidence import Evidence, Verdict, shortened
from vrft.tasks.parsing.label_reading import nearest_names
from vrft.types import Label, Prediction, Value, distinct

TOLERANCE = 1e-9
"""Rounding of a sum of terms."""
LEAST_RISE = 0.05
"""Of the range, from IoU 0.52 to 0.95. IoU as one term of three rises by 0.14 of the range; a third of that
still orders the better half of a group of answers."""
LEAST_MARGIN = 0.02
"""Of the gold answer's mean: three standard errors of a difference of means over 500 targets with boxes, and
so the least that an audit can tell from nothing."""
LEAST_ROOM = 0.01
"""Of gold's mean: what an honest policy that errs in two of five answers may lack the least."""
MOST_OF_WRONG = 0.75
"""Of the gold answer's mean. Form and rightness, one each, give a half to a wrong answer in the right form;
where the form counts three times as much as what is right, a policy has nearly all without looking."""
FEW = 0.05
"""Of the questions, in which another answer may by chance be taken for right."""
HALF_RIGHT = 0.5
"""Of a metric, from which on an answer is not far from right."""
FAR_CASES, FAR_VALUES = 40, 40
"""Questions, and right answers to others, of which each is tried as an answer to each."""


def bounded(evidence: Evidence) -> Verdict:
    """Every value lies in [0, high]; values that are not finite are left to ``finite``."""
    high = evidence.rule.high
    rewards = [(p.value, shows, text) for shows, text, p in evidence.answers() if not p.problem]
    found = [value for value, _, _ in rewards] or [0.0]
    lowest, highest = min(found), max(found)
    measured = {"lowest": lowest, "highest": highest, "low": 0.0, "high": high}
    outside = [
        (max(v - high, -v), shows, text) for v, shows, text in rewards if max(v - high, -v) > TOLERANCE
    ]
    if not outside:
        return Verdict(True, measured, f"All values lie in [0, {high:g}].")
    _, worst, text = max(outside, key=lambda one: one[0])
    says = f"Values run from {lowest:.4g} to {highest:.4g}, outside [0, {high:g}]."
    others = _others(worst, (shows for _, shows, _ in outside))
    return Verdict(False, measured, says, worst, shortened(text), others)


def finite(evidence: Evidence) -> Verdict:
    """Every value is a finite number and nothing was raised."""
    answers = evidence.answers()
    failed = [(shows, text, p.problem) for shows, text, p in answers if p.problem]
    measured = {"failures": len(failed), "answers": len(answers)}
    if not failed:
        return Verdict(True, measured, "Every value is a finite number.")
    shows, text, problem = failed[0]
    says = f"{len(failed)} of {len(answers)} answers have no finite value; here the reward {problem}."
    others = _others(shows, (other for other, _, _ in failed))
    return Verdict(False, measured, says, shows, shortened(text), others)


def gold_is_maximal(evidence: Evidence) -> Verdict:
    """The right answer has ``high`` on every target, and no other answer to that target has more."""
    gold = values(evidence.rewards["gold"])
    above = {name: values(given) - gold for name, given in evidence.rewards.items() if name != "gold"}
    best = max(above, key=lambda name: float(above[name].max()))
    excess, lowest = float(above[best].max()), float(gold.min())
    high = evidence.rule.high
    measured = {"lowest_gold": lowest, "high": high, "largest_excess": excess}
    if excess > TOLERANCE:
        index = int(above[best].argmax())
        says = f"'{best}' has a reward {excess:.4g} above that of the gold answer to the same target."
        others = _others(best, (name for name, found in above.items() if found.max() > TOLERANCE))
        sample = evidence.sample(best, index)
        return Verdict(False, measured, says, best, sample, others)
    if lowest < high - TOLERANCE:
        says = f"A gold answer has a reward of {lowest:.4g}, less than the {high:g} of the declared range."
        sample = evidence.sample("gold", int(gold.argmin()))
        return Verdict(False, measured, says, "gold", sample)
    says = f"The gold answer has {high:g} everywhere, and nothing has more."
    return Verdict(True, measured, says)


def monotone_in_iou(evidence: Evidence) -> Verdict:
    """In no ladder does the reward fall, by more than 1e-9, from one rung to the next."""
    worst, shows, sample, where = 0.0, "", "", (0.0, 0.0)
    for ladder, given in zip(evidence.plan.ladders, evidence.climbs, strict=True):
        for (i, low), (j, high) in pairwise(enumerate(values(given).tolist())):
            if low - high > max(worst, TOLERANCE):
                worst, shows, sample = low - high, ladder.says, shortened(ladder.rollouts[j].completion.text)
                where = (RUNGS[i], RUNGS[j])
    measured = {"largest_fall": worst, "ladders": len(evidence.climbs)}
    if not worst:
        return Verdict(True, measured, "The reward never falls as a box comes nearer.")
    says = f"The reward falls by {worst:.4g} where the IoU rises from {where[0]:g} to {where[1]:g} ({shows})."
    return Verdict(False, measured, says, shows, sample)


def only_the_class_counts(evidence: Evidence) -> Verdict:
    """Every other class's name, and every proper part of the right one, has less than the right name."""
    named = {case.name: case for case in evidence.plan.cases}
    closest, shows, sample = -np.inf, "", ""
    for case in named.values():
        others = (*nearest_names(case.name, case.vocabulary), *_parts(case))
        texts = {other: case.write(Label(other)) for other in others}
        gold, *found = _rewards_for(evidence.rule, case, [case.gold(), *texts.values()])
        for (other, text), value in zip(texts.items(), found, strict=True):
            if value - gold > closest:
                closest, shows, sample = value - gold, f"'{other}' for '{case.name}'", text
    passed = closest < -TOLERANCE
    measured = {"closest_to_gold": float(closest), "classes": len(named)}
    if passed:
        says = f"Every other name has {-closest:.4g} less than the right one, or lower still."
        return Verdict(True, measured, says)
    says = f"{shows} has no less than the right name."
    return Verdict(False, measured, says, shows, sample)


def no_attack_above_honest(evidence: Evidence) -> Verdict:
    """No attack's and no restatement's mean over the targets is above the honest policy's, but for attacks
    that the headline metric finds as good."""
    honest = evidence.means["honest"]
    ranked = sorted(evidence.of(Role.ATTACK, Role.RESTATED), key=lambda name: -evidence.means[name])
    above = _faults(evidence, [name for name in ranked if evidence.means[name] > honest + TOLERANCE])
    best = (above or ranked)[0]
    measured = {"honest": honest, "best_attack": evidence.means[best], "attacks_above": len(above)}
    if not above:
        says = f"The best attack, '{best}', has {evidence.means[best]:.4g}, the honest policy {honest:.4g}."
        return Verdict(True, measured, says)
    listed = ", ".join(f"'{name}' {evidence.means[name]:.4g}" for name in above)
    says = f"The honest policy has {honest:.4g}; more have {listed}."
    sample = _telling(evidence, best)
    return Verdict(False, measured, says, best, sample, tuple(above[1:]))


def _faults(evidence: Evidence, names: Sequence[str]) -> list[str]:
    """Those of some attacks that are no better than the honest policy by the metric, and so to be refused."""
    attacks = evidence.of(Role.ATTACK)
    return [name for name in names if name not in attacks or not evidence.metric_agrees(name)]


def saturation(evidence: Evidence) -> Verdict:
    """From IoU 0.52 to 0.95 of all boxes together, the mean reward rises by 0.05 of the range or more."""
    low, high = RUNGS.index(HALF), RUNGS.index(NEARLY)
    rises: dict[str, list[float]] = {}
    texts = {}
    for ladder, given in zip(evidence.plan.ladders, evidence.climbs, strict=True):
        if ladder.kind == TOGETHER:
            rises.setdefault(ladder.says, []).append(given[high].value - given[low].value)
            texts[ladder.says] = ladder.rollouts[high].completion.text
    means = {says: float(np.mean(found)) for says, found in rises.items()}
    shows = min(means, key=lambda says: means[says])
    share = means[shows] / evidence.rule.high
    measured = {"least_rise": share, "asked": LEAST_RISE}
    says = (
        f"From IoU {HALF} to {NEARLY} the reward rises by {share:.3f} of the range ({LEAST_RISE} is asked)."
    )
    if share >= LEAST_RISE:
        return Verdict(True, measured, says)
    return Verdict(False, measured, says, shows, shortened(texts[shows]))


def exploit_margin(evidence: Evidence) -> Verdict:
    """The honest mean less the best attack's, as a share of the gold answer's mean, is 0.02 or more."""
    gold, honest = evidence.means["gold"], evidence.means["honest"]
    if gold <= 0:
        says = f"The gold answer has {gold:.4g} on average: there is nothing to compare with."
        unknown = {"margin": None, "standard_error": None, "asked": LEAST_MARGIN}
        return Verdict(False, unknown, says, "gold", evidence.sample("gold", 0))
    ranked = sorted(evidence.of(Role.ATTACK), key=lambda name: -evidence.means[name])
    near = [name for name in ranked if honest - evidence.means[name] < LEAST_MARGIN * gold]
    found = _faults(evidence, near)
    best = (found or ranked[len(near) :] or ranked)[0]
    difference = values(evidence.rewards["honest"]) - values(evidence.rewards[best])
    margin = (honest - evidence.means[best]) / gold
    error = float(difference.std(ddof=1) / np.sqrt(len(difference)) / gold)
    measured = {"margin": margin, "standard_error": error, "asked": LEAST_MARGIN}
    says = (
        f"The honest mean less that of the best attack, '{best}', is {margin:.3f} of gold's "
        f"(standard error {error:.3f}; {LEAST_MARGIN} is asked)."
    )
    if not found:
        return Verdict(True, measured, says)
    return Verdict(False, measured, says, best, _telling(evidence, best), _others(best, found))


def deterministic(evidence: Evidence) -> Verdict:
    """The same answers have the same values when they are rewarded once more."""
    rule, attempts = evidence.rule, evidence.plan.attempts
    for name in (*evidence.of(Role.REFERENCE), "another_target"):
        given = evidence.rewards[name]
        second = collect(rule, attempts[name].rollouts, evidence.progress)
        changed = [i for i, (a, b) in enumerate(zip(given, second, strict=True)) if a.value != b.value]
        if changed:
            first, then = given[changed[0]].value, second[changed[0]].value
            says = f"One answer has {first:.4g}, and {then:.4g} when it is rewarded once more."
            measured = {"changed": len(changed), "answers": len(given)}
            return Verdict(False, measured, says, name, evidence.sample(name, changed[0]))
    return Verdict(True, {"changed": 0}, "The same answer always has the same value.")


def honest_below_gold(evidence: Evidence) -> Verdict:
    """The gold answer's mean less the honest policy's, as a share of the former, is 0.01 or more."""
    gold, honest = evidence.means["gold"], evidence.means["honest"]
    room = (gold - honest) / gold if gold > 0 else None
    measured = {"room": room, "asked": LEAST_ROOM}
    if room is not None and room >= LEAST_ROOM:
        says = f"The honest policy, which errs, has {room:.3f} of gold's mean less than gold."
        return Verdict(True, measured, says)
    says = f"The honest policy errs, and has {honest:.4g} where gold has {gold:.4g}: its errors cost nothing."
    erring = [i for i, case in enumerate(evidence.plan.cases) if not case.belief.same_as(case.target)]
    return Verdict(False, measured, says, "honest", evidence.sample("honest", (erring or [0])[0]))


def wrong_answers_earn_little(evidence: Evidence) -> Verdict:
    """Answers that are far from right have less than three quarters of the gold answer's mean.

    Far is what the task's own similarity, which no reward setting changes, finds below 0.5.
    """
    cases, task = evidence.plan.cases, evidence.plan.task
    far = [i for i, one in enumerate(cases) if task.is_far(one.other, one.target)]
    if not far:
        same = all(one.other.same_as(one.target) for one in cases)
        if not same:
            return Verdict(True, {"far": 0}, "No answer of these is far from right.")
        says = "Every question has the same right answer: nothing is to be learned."
        return Verdict(False, {"far": 0}, says, "usual_answer", evidence.sample("usual_answer", 0))
    gold, wrong = (values(evidence.rewards[name])[far] for name in ("gold", "another_target"))
    share = float(wrong.mean() / gold.mean()) if gold.mean() > 0 else 1.0
    measured = {"share_of_gold": share, "asked": MOST_OF_WRONG, "far": len(far)}
    says = (
        f"Answers that are far from right have {share:.3f} of the gold answer's mean (less than "
        f"{MOST_OF_WRONG} is asked)."
    )
    if share < MOST_OF_WRONG - TOLERANCE:
        return Verdict(True, measured, says)
    worst = far[int((wrong - gold).argmax())]
    return Verdict(False, measured, says, "another_target", evidence.sample("another_target", worst))


def no_far_answer_is_right(evidence: Evidence) -> Verdict:
    """Of right answers to other questions that are far from right here, in 19 of 20 questions even the best
    paid has less than three quarters of what separates the right one from the worst."""
    plan, task = evidence.plan, evidence.plan.task
    if task.answer.has_coordinates:
        return Verdict(True, {"far": 0}, "Answers with places meet attacks of their own.")
    cases = plan.cases[:: -(-len(plan.cases) // FAR_CASES)]
    targets = distinct(case.target for case in plan.cases)
    targets = targets[:: -(-len(targets) // FAR_VALUES)]
    worst: list[tuple[float, str, str]] = []
    far = 0
    for case in cases:
        others = [one for one in targets if task.is_far(one, case.target)]
        if others:
            far += 1
            worst.append(_best_paid(evidence, case, others))
    taken = [one for one in worst if one[0] >= MOST_OF_WRONG]
    measured = {"taken_for_right": len(taken), "far": far}
    if len(taken) <= FEW * len(cases):
        return Verdict(
            True, measured, f"In {len(taken)} of {far} questions an answer far from right is paid."
        )
    _, shows, text = max(taken)
    says = (
        f"In {len(taken)} of {far} questions some answer that is far from right has {MOST_OF_WRONG} or more "
        f"of what the right one has: {shows}."
    )
    return Verdict(False, measured, says, shows, shortened(text))


def _best_paid(evidence: Evidence, case: Case, others: Sequence[Value]) -> tuple[float, str, str]:
    """Of values for one question the share of the right one's reward that the best paid has, which it is, and
    its text."""
    rollouts = [case.read(text) for text in (case.gold(), *map(case.write, others))]
    gold, *found = values(collect(evidence.rule, rollouts, evidence.progress)).tolist()
    low, place = min(found), int(np.argmax(found))
    best = rollouts[1 + place]
    counts = any(
        one.higher_is_better and one.value([Prediction(case.example, best.answer)]) >= HALF_RIGHT
        for one in evidence.plan.task.metrics[:1]
    )
    share = (found[place] - low) / (gold - low) if gold > low and not counts else 0.0
    said, right = (" ".join(one.describe().split()) for one in (others[place], case.target))
    shows = f"'{said}' for '{right}'"
    return share, shows, best.completion.text


JUDGES: Mapping[Callable[[Evidence], Verdict], str] = {
    bounded: "",
    finite: "",
    gold_is_maximal: "",
    monotone_in_iou: BOXES,
    only_the_class_counts: LABEL,
    no_attack_above_honest: "",
    saturation: BOXES,
    exploit_margin: "",
    deterministic: "",
    honest_below_gold: "",
    wrong_answers_earn_little: "",
    no_far_answer_is_right: "",
}
"""In the order of the report, with the kind of value that each needs; empty where any will do."""


def judge(rule: Rule, plan: AuditPlan, progress: float = 0.0) -> tuple[Evidence, tuple[Verdict, ...]]:
    """Reward every answer of a plan, and judge the rule: what it gave, and the verdicts in a fixed order.

    Args:
        rule: the reward.
        plan: the answers.
        progress: how much of the training is done, from 0 to 1.
    """
    rewards = {name: collect(rule, attempt.rollouts, progress) for name, attempt in plan.attempts.items()}
    climbs = [collect(rule, ladder.rollouts, progress) for ladder in plan.ladders]
    evidence = Evidence(rule, plan, rewards, climbs, progress)
    if all(one.problem for one in rewards["gold"]):
        return evidence, (_without_numbers(evidence),)
    kinds = ("", plan.task.answer.kind)
    verdicts = (
        replace(judge(evidence), name=judge.__name__) for judge, kind in JUDGES.items() if kind in kinds
    )
    return evidence, tuple(verdicts)


def _without_numbers(evidence: Evidence) -> Verdict:
    """What is said of a reward that fails on every right answer: its other values are of no use."""
    first, whole = evidence.rewards["gold"][0], finite(evidence)
    of_all = whole.measured["failures"] == whole.measured["answers"]
    where = f" ({first.where})" if first.where else ""
    says = f"The reward fails on every {'answer' if of_all else 'right answer'}: it {first.problem}{where}. "
    says += "Nothing else can be judged."
    return replace(whole, name=finite.__name__, says=says, attack="gold", sample=evidence.sample("gold", 0))


def _others(first: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(names) if name != first)


def _parts(case: Case) -> list[str]:
    words = case.name.split()
    return [case.name[1:], case.name[:-1], *(words if len(words) > 1 else [])]


def _rewards_for(rule: Rule, case: Case, texts: Sequence[str]) -> list[float]:
    found: list[float] = values(collect(rule, [case.read(text) for text in texts])).tolist()
    return found


def _telling(evidence: Evidence, name: str) -> str:
    """An attack's answer where its reward is furthest above the honest one's."""
    above = values(evidence.rewards[name]) - values(evidence.rewards["honest"])
    return evidence.sample(name, int(above.argmax()))
