"""Class names that are taken for each other when answers are judged, or that no answer can hold."""

from __future__ import annotations

from itertools import combinations

from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.rewards.label_rewards import exact_match
from vrft.tasks.classification.naming import collisions
from vrft.tasks.parsing.label_reading import MAX_LABEL_CHARS, read_label


def examine_names(case: DataCase) -> list[Finding]:
    """Names that count as the same, that contain one another, or that cannot be read back."""
    found: list[Finding] = []
    classified = case.task.name == "classification"
    for a, b in combinations(case.dataset.categories, 2):
        short, long = sorted((a, b), key=len)
        if exact_match(a, b):
            told = f"'{a}' and '{b}' count as the same name: case, blanks, '_' and '-' are not told apart."
            severity = Severity.ERROR if classified else Severity.WARNING
            mend = "Give them names that differ in letters, or join the two classes."
            found.append(Finding(severity, "same-name", told, case.root, mend))
        elif collisions((long, short)):
            told = f"The class name '{short}' is inside another, '{long}': a reward that looks for a name "
            told += "within the answer pays for either."
            mend = "Keep the setting 'recommended' or 'paper' (the whole name counts), or rename one."
            severity = Severity.WARNING if classified else Severity.NOTE
            found.append(Finding(severity, "name-inside-another", told, case.root, mend))
    unread = [name for name in case.dataset.categories if classified and read_label(name, True)[0] != name]
    for name in unread:
        told = f"The class name '{name[:60]}' cannot be read back from an answer."
        mend = f"Use one line of at most {MAX_LABEL_CHARS} characters, without brackets around it."
        found.append(Finding(Severity.ERROR, "unreadable-name", told, case.root, mend))
    return found


EXAMINE = examine_names
