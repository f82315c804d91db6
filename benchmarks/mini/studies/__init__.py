"""Studies next to the main table: a file each, with its points, its table and its words.

A point is some training questions, a model and some systems; its file has the same numbers as a cell's.
"""

from __future__ import annotations

from mini.studies import attempts_table, control, data, described, difficulty, sensitivity, size

STUDIES = {
    module.STUDY.name: module.STUDY
    for module in (described, data, size, difficulty, sensitivity, control, attempts_table)
}
"""By name, in the page's order."""
