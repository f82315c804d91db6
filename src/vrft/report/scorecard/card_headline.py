"""What a card says in a word and in a few sentences."""

from __future__ import annotations

from vrft.evaluation.scorecard.scored import Json
from vrft.report.comparison import metric_title
from vrft.report.number_format import NOTHING, hundred, interval, number, p_value, plain, upper_first
from vrft.report.run_reader import mapping


def word(card: Json) -> str:
    """The headline metric with its value, times 100.

    Example:
        >>> word({"metric": "ap", "value": 0.41256})
        'AP 41.3'
    """
    return f"{metric_title(card.get('metric'))} {hundred(card.get('value'))}"


def sentences(card: Json) -> str:
    """The headline with its interval, what it is of, and how much could be read.

    Args:
        card: as ``vrft.evaluation.scorecard.scorecard`` gives it.

    Example:
        >>> card = {"metric": "accuracy", "value": 0.5, "low": 0.3, "high": 0.7, "n": 20, "pictures": 20}
        >>> sentences(card | {"parse_rate": 1.0, "value_given_parsed": 0.5})
        'Accuracy 50.0 (95% interval 30.0 to 70.0) on 20 questions about 20 pictures. All answers ...
    """
    return " ".join([_score(card), *_beside_plain(card), _readable(card)])


def _score(card: Json) -> str:
    counted = f"{_count(card.get('n'), 'question')} about {_count(card.get('pictures'), 'picture')}"
    if number(card.get("value")) is None:
        return f"{metric_title(card.get('metric'))} cannot be measured on {counted}."
    told = f"{word(card)} ({_spread(card)}) on {counted}."
    rule = card.get("rule")
    opening = f"Fused by {rule}, {plain(card.get('answers'))} answers a question: " if rule else ""
    return upper_first(opening + told)


def _beside_plain(card: Json) -> list[str]:
    beside = mapping(card.get("plain"))
    if not beside:
        return []
    seen = mapping(beside.get("difference"))
    return [
        f"The plain answers alone: {hundred(beside.get('value'))} ({_spread(beside)}); difference "
        f"{hundred(seen.get('value'), sign=True)} ({_spread(seen, sign=True)}, p = {p_value(seen.get('p'))})."
    ]


def _readable(card: Json) -> str:
    rate = number(card.get("parse_rate"))
    if rate == 1:
        return "All answers could be read."
    of_those = (
        f"; {metric_title(card.get('metric'))} of those alone {hundred(card.get('value_given_parsed'))}"
    )
    return f"{hundred(rate)} of 100 answers could be read{of_those if rate else ''}."


def _spread(block: Json, sign: bool = False) -> str:
    found = interval(block.get("low"), block.get("high"), sign)
    return "too few pictures for an interval" if found == NOTHING else f"95% interval {found}"


def _count(value: object, noun: str) -> str:
    return f"{plain(value)} {noun}" + ("" if value == 1 else "s")
