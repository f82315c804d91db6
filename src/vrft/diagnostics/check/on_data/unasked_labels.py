"""Labels that make no question."""

from __future__ import annotations

from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Severity


def examine_questions(case: DataCase) -> list[Finding]:
    """A note on expressions that mean no box or several, on crowds, and on pictures without any label."""
    found: list[Finding] = []
    expressions = [expression for record in case.dataset.records for expression in record.expressions]
    others = sum(len(expression.boxes_xyxy_px) != 1 for expression in expressions)
    if others:
        told = (
            f"{others} of {len(expressions)} expressions refer to no box or to several; they are not asked."
        )
        found.append(Finding(Severity.NOTE, "not-asked", told, case.root))
    crowds = sum(box.crowd for record in case.dataset.records for box in record.boxes)
    if crowds:
        told = f"{crowds} boxes are crowds: their pictures are not asked about these categories."
        found.append(Finding(Severity.NOTE, "crowds", told, case.root))
    bare = [r for r in case.dataset.records if not r.boxes and r.category is None and not r.expressions]
    if bare:
        told = f"{len(bare)} pictures have no label, such as {bare[0].id}: the right answer is 'No Objects'."
        mend = "Remove them where they were only never labelled."
        found.append(Finding(Severity.NOTE, "unlabelled", told, case.root, mend))
    return found


EXAMINE = examine_questions
