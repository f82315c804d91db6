"""Thoughts before and after RFT: a few held-out questions with what both policies thought and answered."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.report.gallery import Answers, PagePart, PickedCase, Section, gallery_of
from vrft.report.systems import known_task
from vrft.tasks.task import Task
from vrft.types import Form, Prediction

MOST, GAINED, LOST = 6, 4, 2
"""Questions that are shown, of them at most so many that turned right, and so many that turned wrong."""
BEFORE, AFTER = "base", "rft"
OUTCOMES = {
    (False, True): "wrong to right",
    (True, False): "right to wrong",
    (True, True): "right both times",
    (False, False): "wrong both times",
}


def build_thoughts(answers: Answers, task: str, part: PagePart) -> Section | None:
    """Cards for a few held-out questions; None where the policies were not asked to think."""
    known = known_task(task)
    if known is None or not {BEFORE, AFTER} <= answers.keys():
        return None
    cases = _cases(answers[BEFORE], answers[AFTER], known)
    counts = {why: sum(case.why == why for case in cases) for why in OUTCOMES.values()}
    counted = f"Of {len(cases)} questions: {', '.join(f'{why} {count}' for why, count in counts.items())}."
    tally = " ".join(filter(None, (known.not_in_labels, counted)))
    rule = (
        f"A fixed rule chooses, in the order of the held-out part: the first {GAINED} questions that RFT "
        f"changed from wrong to right, the first {LOST} that it changed from right to wrong, then others, "
        f"{MOST} in all. What is right: {known.success_rule}. Thoughts and answers are what the policies "
        "wrote; a long one is cut."
    )
    # Half as many bytes for an image as in a gallery: these come on top.
    half = part._replace(prefix=f"{part.prefix}-thoughts", galleries=2 * part.galleries)
    return gallery_of(first_cases(cases), rule, tally, known, half)


def first_cases(cases: Sequence[PickedCase]) -> list[PickedCase]:
    """The cases that are shown, by the rule that the page gives."""
    gained = [case for case in cases if case.why == OUTCOMES[False, True]]
    lost = [case for case in cases if case.why == OUTCOMES[True, False]]
    chosen = [*gained[:GAINED], *lost[:LOST]]
    others = [case for case in cases if not any(case is one for one in chosen)]
    return [*chosen, *others][:MOST]


def _cases(before: Sequence[Prediction], after: Sequence[Prediction], task: Task) -> list[PickedCase]:
    """Every question that both were asked to think about, in order."""
    later = {one.example.id: one for one in after}
    cases = []
    for one in before:
        target, other = one.example.target, later.get(one.example.id)
        if target is None or other is None or one.example.form is not Form.THINK or not one.text:
            continue
        pair = {BEFORE: one, AFTER: other}
        right = {system: task.success(said.answer, target) for system, said in pair.items()}
        scores = {system: task.score(said.answer, target) for system, said in pair.items()}
        why = OUTCOMES[right[BEFORE], right[AFTER]]
        cases.append(PickedCase(why, scores[AFTER] - scores[BEFORE], pair, scores))
    return cases
