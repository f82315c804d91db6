"""A task of the tests' own, whose metric is an error: less is better, and it is shown in cups."""

from __future__ import annotations

import re

import pytest
from predicted import asked, predicted

from vrft.tasks import registry
from vrft.tasks.metrics import Metric, mean_of
from vrft.tasks.task import Task
from vrft.types import Answer, Number, Prediction


def _error(one: Prediction) -> float:
    said, right = one.answer.as_(Number), one.example.target
    assert isinstance(right, Number)
    return abs(said.number - right.number) if said is not None else 9.0


class Counting(Task):
    name = "test_counting"
    help = "Count."
    answer = Number
    settings = {}  # noqa: RUF012
    metrics = (Metric("mae", "mean error", mean_of(_error), "cups", higher_is_better=False, negligible=0.1),)

    def examples(self, records):
        return []

    def question(self, example, frames):
        return f"How many {example.question}?"

    def gold(self, example, frames):
        return str(example.target.number)

    def parse(self, text, example, frames):
        found = re.search(r"\d+", text)
        return Answer(Number(float(found[0])), True, text=text) if found else Answer(text=text)


@pytest.fixture(autouse=True)
def counting(monkeypatch):
    """The task is known to the tests of a module that imports this, and to no others."""
    monkeypatch.setitem(registry._known, Counting.name, Counting())


def counted(name: str, right: float, said: float | None) -> Prediction:
    """An answer to 'how many cups'; None could not be read."""
    value = None if said is None else Number(said)
    return predicted(asked(name, name, "test_counting", "cups", Number(right)), Answer(value, True))
