"""What examinations say: one finding for each problem, with its place and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from vrft.progress import ProgressReporter

_Case = TypeVar("_Case")


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
    """One thing that was found."""

    severity: Severity
    code: str
    """Names the kind of finding, for programs: 'left-out'."""
    message: str
    where: str
    """A file, with line or image id, or the dataset's folder."""
    fix: str = ""
    rows: Sequence[Mapping[str, object]] = ()
    """For programs: what the message lists."""


@dataclass(frozen=True)
class Count:
    """How often a class is labelled."""

    images: int
    boxes: int


@dataclass(frozen=True)
class Report:
    """All that was found about a dataset or a configuration."""

    path: Path
    task: str | None
    """None where the labels could not be read."""
    format: str | None
    images: int
    classes: Mapping[str, Count] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    """The worst first."""

    def of(self, severity: Severity) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is severity]

    @property
    def passed(self) -> bool:
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


def examined(
    examinations: Mapping[str, Callable[[_Case], list[Finding]]],
    case: _Case,
    title: str,
    reporter: ProgressReporter,
) -> list[Finding]:
    """Run some examinations, by name, on what they look at."""
    found: list[Finding] = []
    with reporter.task(title, len(examinations)) as update:
        for name, examine in examinations.items():
            found += examine(case)
            update(1, name)
    return found
