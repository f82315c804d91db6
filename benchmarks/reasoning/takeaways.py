"""What the page begins with: what was learned, in figures of the cells that are there."""

from __future__ import annotations

from mini.expected import NOISE
from mini.tables import table, with_interval

from reasoning.arms import ORACLE, RFT, SFT, SHUFFLED
from reasoning.cell import MAIN, SHARES
from reasoning.files import Row, Rows, mean_at
from reasoning.predictions import LEAD, ONE, PREDICTIONS, SEVERAL, Expected, drawn_of, mean_work, two
from reasoning.tables import percent, rows_of, seeds, titled
from vrft.evaluation.statistics import Difference
from vrft.tasks.number_format import NOTHING, hundred

HALF = 0.5
"""Of the answers, from which on a run has learned to show its work."""
ABOUT = """\
Images show some digits, and asked is their sum. The label is the sum, one word, and says nothing of how it
is found. The model is the [miniature](miniature.md) of 3.5 million weights: it can read digits and add, but
asked for a sum it mostly guesses. Figures are of held-out images, times 100: the share of right answers, or
of boxes the mean IoU; they are means over seeds, with 95 % intervals in brackets."""


def takeaways(rows: Rows) -> str:
    """What a verifier teaches that labels cannot, what decides, what does not work, and what was foreseen."""
    parts = [_verifier(rows), _samples(rows), _decides(rows), _threshold(rows), _fails(rows), _foreseen(rows)]
    said = "\n".join(part for part in parts if part)
    return "\n\n".join(part for part in (ABOUT, said, _shares_table(rows)) if part)


def _standing(seen: Difference) -> str:
    """Where RFT stands to what it is compared with."""
    value, low, high = (end or 0.0 for end in (seen.value, seen.low, seen.high))
    if 100 * abs(value) < NOISE:
        return "level with"
    if low <= 0 <= high:
        return "not clearly apart from"
    return "ahead of" if value > 0 else "behind"


def _lead(rows: Rows, row: Row, second: str) -> Difference | None:
    one, other = drawn_of(rows, row, RFT), drawn_of(rows, row, second)
    return None if one is None or other is None else one.minus(other)


def _point(rows: Rows, row: Row, system: str) -> str:
    drawn = drawn_of(rows, row, system)
    return NOTHING if drawn is None else hundred(drawn.value)


def _verifier(rows: Rows) -> str:
    row = two(MAIN)
    seen = _lead(rows, row, SFT)
    if seen is None:
        return ""
    work = {system: percent(mean_work(rows, row, system)) for system in (SFT, RFT)}
    point = {name: _point(rows, row, name) for name in (SFT, RFT, "rft_direct", SHUFFLED, ORACLE)}
    return (
        f"- **A verifier teaches what labels cannot.** With {MAIN:.0%} chains SFT on labels reaches "
        f"{point[SFT]} and RFT {point[RFT]}: {with_interval(seen, sign=True)}. After SFT {work[SFT]} of the "
        f"answers show work, after RFT {work[RFT]}. Where no thought is possible RFT reaches "
        f"{point['rft_direct']}, and with shuffled rewards {point[SHUFFLED]}. SFT on right chains, which no "
        f"label holds, reaches {point[ORACLE]}: the chain is what labels lack."
    )


def _samples(rows: Rows) -> str:
    said = []
    for system, rounds in ((ONE, "one round"), (SEVERAL, "three rounds")):
        places: dict[str, list[str]] = {
            "ahead of": [],
            "level with": [],
            "behind": [],
            "not clearly apart from": [],
        }
        for share in SHARES[1:]:
            if (seen := _lead(rows, two(share), system)) is not None:
                places[_standing(seen)].append(f"{share:.0%} ({hundred(seen.value, True)})")
        known = [f"{where} it at {', '.join(found)}" for where, found in places.items() if found]
        if known:
            said.append(f"with {rounds} RFT is {' and '.join(known)}")
    if not said:
        return ""
    return (
        "- **What it takes is the model's own samples and a verifier.** Rejection sampling has both too, and "
        f"as many sampled answers as a trial of RFT. By the share of chains, {'; '.join(said)} (level: fewer "
        f"than {NOISE} points; not clearly apart: more, but the interval holds 0). With many chains either "
        "will do. With few it pays to sample anew from the model as it improves: in several rounds, or at "
        "each step, as RFT does."
    )


def _decides(rows: Rows) -> str:
    if not any(two(share) in rows for share in SHARES):
        return ""
    return (
        "- **What decides is why right answers are right.** A right answer is worked out, or a lucky guess, "
        "and a verifier cannot tell. Rejection sampling learns both in the mixture in which they come: it "
        "rises with the share of right samples that show work. RFT samples anew at each step, and since "
        "chains are right more often than guesses, a small share of them grows (table and plots below)."
    )


def _threshold(rows: Rows) -> str:
    """Which runs of a base with few chains end in chains."""
    if not any(row in rows for row in rows_of("threshold")):
        return ""
    lines = []
    for row in (one for name in ("main", "chains", "questions", "threshold") for one in rows_of(name)):
        cells = rows.get(row, ())
        shares = [c["scopes"][c["headline"]]["systems"][RFT]["shows_work"] for c in cells]
        learned = sum(share >= HALF for share in shares)
        if 0 < learned < len(shares) or (not learned and cells and row[1] > 0):
            lines.append(f"  - {titled(row)}: {learned} of {len(shares)} runs")
    head = (
        "- **Where the threshold is.** With some chains in the base, half of the answers or more show work "
        "after every run of RFT"
    )
    return "\n".join([f"{head}, but for:", *lines]) if lines else f"{head}."


def _fails(rows: Rows) -> str:
    said = []
    for one in (one for one in PREDICTIONS if one.what == LEAD):
        seen = _lead(rows, one.row, SFT)
        if seen is not None and _standing(seen) != "ahead of":
            some, right = (
                percent(mean_at(rows[one.row], "base", name)) for name in ("shows_work", "right_shows_work")
            )
            said.append(
                f"  - {titled(one.row)}: {with_interval(seen, sign=True)}, {seeds(rows, one.row)} seeds; "
                f"{some} of the base's samples show work, and {right} of its right ones"
            )
    if not said:
        return ""
    head = (
        "- **What does not work.** Without any chain there is nothing to reinforce, and where chains are "
        "right no more often than guesses there is no reason to. RFT is not clearly ahead of SFT on labels "
        "here:"
    )
    return "\n".join([head, *said])


def _foreseen(rows: Rows) -> str:
    judged = [(one, holds) for one in PREDICTIONS if (holds := one.holds(rows)) is not None]
    named: dict[Row, list[str]] = {}
    for one, holds in judged:
        if not holds:
            named.setdefault(one.row, []).append(f"{one.what} ({'more' if _above(one, rows) else 'less'})")
    wrong = sum(map(len, named.values()))
    if not judged:
        return ""
    head = (
        f"- **Which predictions were wrong.** {len(PREDICTIONS)} were written down before the runs. "
        f"{len(judged)} can be judged by now, and {wrong} of these were wrong"
    )
    if not wrong:
        return f"{head}."
    head = f"{head}; found was *more* or *less* ([figures](#predictions)):"
    return "\n".join([head, *(f"  - {titled(row)}: {'; '.join(whats)}" for row, whats in named.items())])


def _above(one: Expected, rows: Rows) -> bool:
    found = one.measure(rows)
    value = 0.0 if found is None or found.value is None else 100 * found.value
    return one.no_gain or (one.high is not None and value > one.high)


def _shares_table(rows: Rows) -> str:
    lines = []
    for share in SHARES:
        row = two(share)
        if (cells := rows.get(row)) is not None:
            worked = percent(mean_at(cells, "base", "right_shows_work"))
            values = [_point(rows, row, system) for system in (SFT, ONE, SEVERAL, RFT)]
            lines.append([f"{share:.0%}", worked, *values, seeds(rows, row)])
    head = ["chains in the base", "its right samples that show work", "SFT on labels"]
    return table([*head, "rejection sampling, one round", "three rounds", "RFT", "seeds"], lines)
