"""The tables of a card as text: the command line and the page print the same ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vrft.evaluation.scorecard.scored import Json
from vrft.report.comparison import metric_title
from vrft.report.number_format import NOTHING, clip, hundred, interval, number, p_value, plain, upper_first
from vrft.report.run_reader import mapping, sequence

MOST_CLASSES, WORST = 20, 10
"""Where there are more classes than the first, a short table has the worst ones alone."""
MOST_CONFUSIONS, MOST_CONFUSIONS_SHORT = 20, 10
_CLIP = 60


@dataclass(frozen=True)
class CardTable:
    """One table; its first column is text, the others are figures unless ``left`` says so."""

    name: str
    """Key of the card that it is from."""
    title: str
    note: str
    """One or two sentences for who meets the figures first."""
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    left: tuple[int, ...] = (0,)
    """Columns of words."""


def card_tables(card: Json, short: bool = False) -> list[CardTable]:
    """Every table that a card has something for, in the order of reading.

    Args:
        card: as ``vrft.evaluation.scorecard.scorecard`` gives it, or what is left of it.
        short: at most ``WORST`` classes of many, and ``MOST_CONFUSIONS_SHORT`` confusions.

    Returns:
        Tables with at least one row; fractions are times 100.
    """
    made = [table(card, short) for table in TABLES.values()]
    return [table for table in made if table.rows]


def _metrics(card: Json, short: bool) -> CardTable:
    rows = [
        (metric_title(name), hundred(mapping(row).get("value")), _spread(row))
        for name, row in mapping(card.get("metrics")).items()
    ]
    note = "Intervals are from resampling pictures with all their questions."
    return CardTable("metrics", "Metrics", note, ("Metric", "x100", "95% interval"), rows)


def _plain(card: Json, short: bool) -> CardTable:
    beside = mapping(card.get("plain"))
    seen = mapping(beside.get("difference"))
    title = metric_title(card.get("metric"))
    rows = [
        (
            f"{card.get('rule')} of {plain(card.get('answers'))}",
            hundred(card.get("value")),
            _spread(card),
            "",
        ),
        ("plain answers", hundred(beside.get("value")), _spread(beside), ""),
        (
            "difference",
            hundred(seen.get("value"), sign=True),
            _spread(seen, sign=True),
            p_value(seen.get("p")),
        ),
    ]
    note = "The same questions with their first answer alone, on the same draws of pictures."
    headings = ("", f"{title} x100", "95% interval", "p")
    return CardTable("plain", "Fused and plain", note, headings, rows if beside else [])


def _answers(card: Json, short: bool) -> CardTable:
    tokens, title = mapping(card.get("tokens")), metric_title(card.get("metric"))
    named = [
        ("Could be read, %", hundred(card.get("parse_rate"))),
        ("In exactly the demanded form, %", hundred(card.get("format_rate"))),
        ("Ended before the length limit, %", hundred(card.get("finished_rate"))),
        (f"Of those that could be read, {title} x100", hundred(card.get("value_given_parsed"))),
        ("Answer tokens of a question, mean", plain(tokens.get("answer"))),
        ("Prompt tokens of a question, mean", plain(tokens.get("prompt"))),
    ]
    rows = [(name, value) for name, value in named if value != NOTHING]
    return CardTable("answers", "Answers", "", ("", ""), rows)


def _faults(card: Json, short: bool) -> CardTable:
    n = number(card.get("n")) or 1.0
    faults = mapping(card.get("faults"))
    rows = [
        (name.replace("_", " "), plain(count), hundred((number(count) or 0.0) / n))
        for name, count in faults.items()
    ]
    note = "An answer may have several."
    return CardTable("faults", "Faults", note, ("Fault", "Answers", "% of all"), rows)


def _presence(card: Json, short: bool) -> CardTable:
    found = mapping(card.get("presence"))
    there, absent = plain(found.get("positives")), plain(found.get("negatives"))
    named = (
        ("precision", "Precision of 'something is there'"),
        ("recall", f"Recall of it (n = {there})"),
        ("f1", "F1"),
        ("rejection", f"'Nothing is there' said rightly (n = {absent})"),
    )
    rows = [(title, hundred(found.get(key))) for key, title in named]
    note = (
        "Whether boxes are given at all, wherever they lie. Precision depends on how many questions ask for "
        "what is not there."
    )
    return CardTable("presence", "Presence", note, ("", "x100"), rows if found else [])


def _gate(card: Json, short: bool) -> CardTable:
    found = mapping(card.get("gate"))
    named = (
        ("precision", "Precision of its yes"),
        ("recall", "Recall of its yes"),
        ("rejection", "Absent and closed by its no"),
        ("lost", "Present and lost by its no"),
        ("unreadable", "Neither yes nor no could be read"),
    )
    rows = [(title, hundred(found.get(key))) for key, title in named]
    rows.append(("Tokens of its answer, mean", plain(found.get("tokens"))))
    note = f"The first question, 'is there any?', asked {plain(found.get('n'))} times."
    return CardTable("gate", "Gate", note, ("", "x100"), rows if found else [])


RANKINGS: Mapping[str, str] = {
    "confidence": "confidence, as given",
    "box_logprob": "probability of the box's tokens",
    "answer_logprob": "probability of the answer's tokens",
    "vote": "vote of the further answers",
}


def _rankings(card: Json, short: bool) -> CardTable:
    rows = [
        (
            RANKINGS.get(name, name),
            hundred(row.get("ap")),
            _spread(mapping(row.get("ap_ties"))),
            hundred(row.get("ap50")),
            hundred(row.get("ece")),
            hundred(row.get("brier")),
        )
        for name, row in ((name, mapping(row)) for name, row in mapping(card.get("rankings")).items())
    ]
    note = (
        "AP ranks boxes by a score, and the model offers several. Boxes of equal score stand in an arbitrary "
        "order: the range is over random ones. ECE and Brier say how well the score tells a hit at IoU 0.5; "
        "lower is better. Probabilities are the exponential of the mean log-probability."
    )
    headings = ("Boxes ranked by", "AP", "AP over ties", "AP50", "ECE", "Brier")
    return CardTable("rankings", "Scores for detection", note, headings, rows)


def _open_vocabulary(card: Json, short: bool) -> CardTable:
    found = mapping(card.get("open_vocabulary"))
    unmeasured = sequence(found.get("unmeasured"))
    rows = [(f"{key} classes", hundred(found.get(key))) for key in ("base", "novel", "all")]
    note = "Means over classes." + (
        f" Without a label: {', '.join(map(told, unmeasured))}." if unmeasured else ""
    )
    headings = ("", f"{metric_title(card.get('metric'))} x100")
    return CardTable("open_vocabulary", "Open vocabulary", note, headings, rows if found else [])


def _federated(card: Json, short: bool) -> CardTable:
    found = mapping(card.get("federated"))
    by = mapping(found.get("by_frequency"))
    rows = [
        ("LVIS AP", hundred(found.get("ap")), _spread(found)),
        ("AP50", hundred(found.get("ap50")), ""),
        ("AP75", hundred(found.get("ap75")), ""),
        *(
            (f"AP of {name} categories", hundred(by.get(key)), "")
            for key, name in (("r", "rare"), ("c", "common"), ("f", "frequent"))
        ),
    ]
    note = (
        "A picture counts for a category only where its labels tell whether it is there; "
        f"{plain(found.get('left_out'))} answers count for nothing."
    )
    headings = ("", "x100", "95% interval")
    return CardTable("federated", "LVIS", note, headings, rows if found else [])


def _collisions(card: Json, short: bool) -> CardTable:
    pairs = [sequence(pair) for pair in sequence(mapping(card.get("naming")).get("collisions"))]
    rows = [(told(pair[0]), told(pair[1])) for pair in pairs if len(pair) == 2]
    kept = rows[: MOST_CONFUSIONS_SHORT if short else MOST_CONFUSIONS]
    note = "One name holds the other, so the lenient accuracy is too high by their confusions."
    title = _cut("Classes that the lenient rule takes for one another", len(kept), len(rows), "first")
    return CardTable("collisions", title, note, ("Class", "and"), kept, (0, 1))


def _only_lenient(card: Json, short: bool) -> CardTable:
    return _confusion_table(
        card,
        "only_lenient",
        "Right by the lenient rule alone",
        "The released code counts these as right: answer or class name holds the other.",
        short,
    )


def _confusions(card: Json, short: bool) -> CardTable:
    return _confusion_table(card, "confusions", "Confusions", "What wrong answers said instead.", short)


def _confusion_table(card: Json, key: str, title: str, note: str, short: bool) -> CardTable:
    found = [mapping(row) for row in sequence(mapping(card.get("naming")).get(key))]
    rows = [
        (told(row.get("right")), told(row.get("said"), "(not readable)"), plain(row.get("count")))
        for row in found
    ]
    kept = rows[: MOST_CONFUSIONS_SHORT if short else MOST_CONFUSIONS]
    title = _cut(title, len(kept), len(rows), "most frequent")
    return CardTable(key, title, note, ("Class", "was called", "Answers"), kept, (0, 1))


def _classes(card: Json, short: bool) -> CardTable:
    found = {name: mapping(row) for name, row in mapping(card.get("classes")).items()}
    names = list(found)
    if short and len(found) > MOST_CLASSES:
        values = {name: number(row.get("value")) for name, row in found.items()}
        measured = [name for name in names if values[name] is not None]
        names = sorted(measured, key=lambda name: (values[name], name))[:WORST]
    rows = [(told(name), plain(found[name].get("n")), hundred(found[name].get("value"))) for name in names]
    title = _cut("Classes", len(rows), len(found), "worst")
    note = "Few questions make these values uncertain: read the direction of many, not the size of one."
    headings = ("Class", "Questions", f"{metric_title(card.get('metric'))} x100")
    # One class says what the headline says.
    return CardTable("classes", title, note, headings, rows if len(found) > 1 else [])


def _compute(card: Json, short: bool) -> CardTable:
    found = mapping(card.get("compute"))
    by_rule = {
        name: [mapping(row) for row in sequence(rows)] for name, rows in mapping(found.get("rules")).items()
    }
    # The cost of n answers is the same by whatever rule they are fused.
    first = next(iter(by_rule.values()), [])
    looks = tuple(", ".join(map(told, sequence(row.get("looks")))) for row in first)
    rows = [
        ("tokens", *(f"{number(row.get('tokens')) or 0.0:,.0f}" for row in first)),
        *([("looks", *looks)] if len(set(looks)) > 1 else []),
        *((name, *map(_with_spread, listed)) for name, listed in by_rule.items()),
    ]
    left_out = [f"{name} is left out: {why}" for name, why in mapping(found.get("left_out")).items()]
    counted = "prompts and answers" if found.get("prompts_counted") else "answers alone, prompts unknown"
    title = upper_first(metric_title(card.get("metric")))
    note = (
        f"{title} x100 of the first answers to every question, fused by each rule, with 95% intervals. One "
        f"answer is the plain one. Tokens are the mean of a question, {counted}."
    )
    headings = ("Answers", *(plain(row.get("n")) for row in first))
    shown = rows if first else []
    return CardTable("compute", f"{title} against compute", " ".join([note, *left_out]), headings, shown)


def _segmentation(card: Json, short: bool) -> CardTable:
    found = mapping(card.get("segmentation"))
    rows = [
        (title, hundred(mapping(found.get(key)).get("value")), _spread(found.get(key)))
        for key, title in (("giou", "gIoU"), ("ciou", "cIoU"))
    ]
    note = (
        f"Boxes made into masks by {told(found.get('sam'), 'no model: no answer has boxes')}. gIoU is the "
        "mean of each question's IoU, cIoU all intersections over all unions; ignored pixels are left out."
    )
    headings = ("", "x100", "95% interval")
    return CardTable("segmentation", "Masks", note, headings, rows if found else [])


TABLES: Mapping[str, Callable[[Json, bool], CardTable]] = {
    "metrics": _metrics,
    "plain": _plain,
    "answers": _answers,
    "faults": _faults,
    "rankings": _rankings,
    "presence": _presence,
    "gate": _gate,
    "open_vocabulary": _open_vocabulary,
    "federated": _federated,
    "segmentation": _segmentation,
    "compute": _compute,
    "classes": _classes,
    "confusions": _confusions,
    "only_lenient": _only_lenient,
    "collisions": _collisions,
}
"""By the name of the table, in the order of reading."""


def told(text: object, nothing: str = "") -> str:
    """A name or a model's words in one short line that cannot move a terminal's cursor.

    Example:
        >>> told("a\\x1b[31m cat\\n"), told(None, "nothing")
        ('a [31m cat', 'nothing')
    """
    if text is None:
        return nothing
    line = "".join(c if c.isprintable() else " " for c in str(text))
    return clip(" ".join(line.split()), _CLIP)


def _spread(row: object, sign: bool = False) -> str:
    block = mapping(row)
    return interval(block.get("low"), block.get("high"), sign)


def _with_spread(row: object) -> str:
    """A value, and on a line of its own its interval."""
    return f"{hundred(mapping(row).get('value'))}\n{_spread(row)}"


def _cut(title: str, shown: int, of: int, which: str) -> str:
    return title if shown == of else f"{title}: the {shown} {which} of {of}"
