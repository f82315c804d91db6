"""The same picture twice: harmless within a part, a leak where one is learned from and one tested on."""

from __future__ import annotations

from collections import defaultdict

from vrft.data.duplicates import same_pictures, without_repeats
from vrft.data.fingerprints import Fingerprint
from vrft.data.image_similarity import pairs_alike
from vrft.data.label_checks import some
from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.tasks.lazy_questions import Pairs


def examine_leaks(case: DataCase) -> list[Finding]:
    """Copies byte for byte, copies whose labels disagree, and pictures that look alike in different parts."""
    images = {record.id: record.image for record in case.dataset.records}
    readable = {name: found for name, found in case.prints.items() if isinstance(found, Fingerprint)}
    same = same_pictures({name: images[name] for name in readable}, case.prints)
    copies: defaultdict[str, list[str]] = defaultdict(list)
    for name, first in same.items():
        copies[first].append(name)
    copied = {name for names in copies.values() if len(names) > 1 for name in names}
    asked = case.examples
    listed = asked.about(copied) if isinstance(asked, Pairs) else [e for e in asked if e.record_id in copied]
    _, why = without_repeats(listed, same)
    found: list[Finding] = []
    for names in copies.values():
        if len(names) > 1:
            found.append(
                _copies(case, names, [why[n] for n in names if "different labels" in why.get(n, "")])
            )
    looks = {name: found.look for name, found in readable.items() if same[name] == name}
    names = list(looks)
    for a, b in pairs_alike(list(looks.values())):
        found += _alike(case, names[a], names[b])
    return found


def _copies(case: DataCase, names: list[str], contradictions: list[str]) -> Finding:
    where = some([str(case.dataset.root / name) for name in names])
    parts = sorted({case.dataset.parts[name] for name in names if name in case.dataset.parts})
    if contradictions:
        told = f"The files are identical and their labels differ: {some(names)}."
        return Finding(Severity.ERROR, "contradiction", told, where, "Keep the copy whose label is right.")
    if len(parts) > 1:
        keeps = "test" if "test" in parts else "val"
        told = f"The same picture is in {' and '.join(parts)}: {some(names)}. vrft leaves it to {keeps}."
        return Finding(Severity.WARNING, "leak", told, where, f"Remove the copy that is not in {keeps}.")
    told = f"The same picture is there {len(names)} times: {some(names)}. vrft counts it once."
    return Finding(Severity.NOTE, "copies", told, where, "Remove all copies but one.")


def _alike(case: DataCase, a: str, b: str) -> list[Finding]:
    where = f"{case.dataset.root / a} and {case.dataset.root / b}"
    parts = sorted({case.part_of.get(a, ""), case.part_of.get(b, "")} - {""})
    mend = "Look at both; where they show one scene, keep one of them or put both into the same part."
    if len(parts) > 1:
        told = f"Two pictures look alike and stand in {' and '.join(parts)}."
        return [Finding(Severity.WARNING, "look-alike-leak", told, where, mend)]
    told = "Two pictures look alike" + (
        "." if case.dataset.parts else "; a split by another seed may divide them."
    )
    return [Finding(Severity.NOTE, "look-alike", told, where, mend)]


EXAMINE = examine_leaks
