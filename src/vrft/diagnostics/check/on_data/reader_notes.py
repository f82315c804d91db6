"""What the reader mended or did not read, in its own words."""

from __future__ import annotations

from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Severity


def examine_reader(case: DataCase) -> list[Finding]:
    """A warning for each of the reader's sentences."""
    return [Finding(Severity.WARNING, "reader", told, case.root) for told in case.dataset.warnings]


EXAMINE = examine_reader
