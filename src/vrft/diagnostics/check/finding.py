"""What the doctor says: one finding a problem, each with its place and the line that mends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """How bad it is; the first is the worst."""

    ERROR = "error"
    """Wrong for certain, or nothing can be trained: status 1."""
    WARNING = "warning"
    """A suspicion, or something that makes results worse or doubtful."""
    NOTE = "note"
    """Worth knowing."""


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor found."""

    severity: Severity
    code: str
    """Names the kind of finding, for programs: 'unreadable-picture'."""
    message: str
    where: str
    """A file, with line or picture id, or the data set's folder."""
    mend: str = ""


@dataclass(frozen=True)
class Count:
    """How often a class is labelled."""

    pictures: int
    boxes: int


@dataclass(frozen=True)
class Report:
    """All that was found about a data set or a configuration."""

    path: Path
    task: str | None
    """None where the labels could not be read."""
    format: str | None
    pictures: int
    classes: Mapping[str, Count] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    """The worst first."""

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [finding for finding in self.findings if finding.severity is severity]

    @property
    def passed(self) -> bool:
        """Whether there is no error."""
        return not self.of(Severity.ERROR)


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then notes; each in the order in which they were found.

    Example:
        >>> note, error = Finding(Severity.NOTE, "a", "", ""), Finding(Severity.ERROR, "b", "", "")
        >>> [finding.code for finding in worst_first([note, error])]
        ['b', 'a']
    """
    order = list(Severity)
    return tuple(sorted(findings, key=lambda finding: order.index(finding.severity)))
