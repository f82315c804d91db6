"""What docs/results.md begins with: where RFT is ahead of SFT on labels, by what a label holds."""

from __future__ import annotations

from mini.claims import above, complete_families
from mini.families import seeds_there
from mini.files import Groups
from mini.pooled import family_difference
from mini.settings import FAMILIES
from mini.systems import RFT, TWIN
from mini.tables import table, with_interval

from reasoning.files import Rows
from reasoning.tables import STATES, leads

WHOLE = "the whole answer"
PREDICTED = "above 0, in three of these five"
EXPLAINED = """\
RFT minus supervised fine-tuning (SFT) on the same labelled images, tuned as fairly: held-out images, means
over seeds, times 100, with 95 % intervals. *Predicted* was written down before the runs.

The first rows ask for something that has to be worked out, and a label holds only the result. *Chains* is
the share of the base's thoughts that work something out; the others are guesses. SFT on such labels can
only learn to guess better. RFT rewards the thoughts that reach the result, where the base has any. In the
last five rows a label holds the whole answer, and SFT learns it as well as RFT does."""
MORE = """\
All systems, with rejection sampling and controls: [when the chain computes what labels do not
hold](results_reasoning.md), and the small benchmark below."""


def opening(rows: Rows, groups: Groups) -> str:
    """The first part of the page.

    Args:
        rows: cells of the reasoning benchmark.
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
    head = ["setting", "what a label holds", "RFT - SFT, predicted", "found", "as predicted", "seeds"]
    return (
        "# Results\n\nWritten by `python benchmarks/mini.py --page`; do not edit.\n\n"
        f"{EXPLAINED}\n\n{table(head, lines)}\n\n{MORE}"
    )
