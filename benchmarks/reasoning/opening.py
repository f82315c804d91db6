"""What docs/results.md begins with: where RFT is ahead of SFT on labels, by what a label holds."""

from __future__ import annotations

from kinds.files import Rows as KindsRows
from kinds.predictions import AGAINST_SFT, PREDICTIONS
from kinds.tables import seeds_there as kinds_seeds_there
from mini.claims import above, complete_families
from mini.expected import STATES
from mini.families import seeds_there
from mini.files import Groups
from mini.pooled import family_difference
from mini.settings import FAMILIES
from mini.systems import RFT, TWIN
from mini.tables import table, with_interval

from reasoning.files import Rows
from reasoning.tables import leads

WHOLE = "the whole answer"
PREDICTED = "above 0, in at least three of these five"
EXPLAINED = """\
Is RFT better than supervised fine-tuning (SFT) on the same labelled images? *RFT - SFT* is the difference on
held-out images: accuracy, IoU or AP times 100, the mean over seeds with its 95 % interval. SFT had three
times as many trials, and in the last rows, of other kinds of answers, as many. *Predicted* was written down
before the runs. *2 of 3* seeds: two of three planned are there, and *open*: not judged yet. The models are
[miniatures](miniature.md) of 3.5 million weights.

In the first rows an answer has to be worked out, and a label holds only the result. The base mostly guesses;
*20% chains* says that 20% of its thoughts work the answer out. SFT has only the results to copy, and can
only learn to guess better. RFT rewards right answers, and so the thoughts that lead there, where the base
has any. Where a label holds the whole answer, SFT has all of it to learn from."""
MORE = """\
More of the first rows, with rejection sampling and controls: [when the answer has to be worked
out](results_reasoning.md). More of the last: [other kinds of answers](results_kinds.md). More of those
between: the small benchmark below."""


def opening(rows: Rows, kinds: KindsRows, groups: Groups) -> str:
    """The first part of the page.

    Args:
        rows: cells of the reasoning benchmark.
        kinds: cells of other kinds of answers.
        groups: cells of the small benchmark.
    """
    whole = complete_families(groups)
    lines = [
        [one.title, f"{one.label}, not how it is found", one.predicted, one.found, one.state, one.seeds]
        for one in leads(rows)
    ]
    for family in FAMILIES:
        seen = family_difference(groups, family, RFT, TWIN)
        if seen is not None:
            state = STATES[above(seen) if family in whole else None]
            found = with_interval(seen, sign=True)
            lines.append([family, WHOLE, PREDICTED, found, state, seeds_there(groups, family)])
    for one in PREDICTIONS["tasks"]:
        if one.what == AGAINST_SFT and (cells := kinds.get(one.rows[0].name)):
            said, seeds = one.verdict(kinds), kinds_seeds_there(cells)
            lines.append([said.row, WHOLE, said.predicted, said.said, STATES[said.holds], seeds])
    head = ["setting", "what a label holds", "RFT - SFT, predicted", "found", "as predicted", "seeds"]
    return (
        "# Results\n\nWritten by `python benchmarks/mini.py --page`; do not edit.\n\n"
        f"{EXPLAINED}\n\n{table(head, lines)}\n\n{MORE}"
    )
