"""Every mistake that a reader refused, one by one."""

from __future__ import annotations

from vrft.diagnostics.check.check_case import FilesCase
from vrft.diagnostics.check.finding import Finding, Severity


def examine_mistakes(case: FilesCase) -> list[Finding]:
    """An error a mistake, in the reader's words."""
    return [Finding(Severity.ERROR, "label", m.problem, m.where, m.mend) for m in case.mistakes]


EXAMINE = examine_mistakes
