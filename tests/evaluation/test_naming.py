"""Accuracy by two rules, with what they disagree about."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from predicted import detection
from predicted import naming as answer

from vrft.errors import InputError
from vrft.tasks.classification.naming import Confusion, collisions, naming
from vrft.tasks.metrics import ACCURACY
from vrft.types import Answer, Label, Prediction

PREDICTIONS = [
    answer("1", "cat", "cat"),
    answer("2", "cat", "Dog."),
    answer("3", "cat", "dog"),
    answer("4", "cat", "a cat"),
    answer("5", "dog", "yak"),
    answer("6", "dog", None),
    answer("7", "dog", "d"),
    answer("8", "dog", "DOG"),
]


def test_worked_by_hand() -> None:
    found = naming(PREDICTIONS)
    assert (found.strict, found.lenient) == (2 / 8, 4 / 8)
    assert {name: (group.n, group.value) for name, group in found.by_class.items()} == {
        "cat": (4, 1 / 4),
        "dog": (4, 1 / 4),
    }
    assert found.confusions == (
        Confusion("cat", "dog", 2),
        Confusion("cat", "a cat", 1),
        Confusion("dog", None, 1),
        Confusion("dog", "d", 1),
        Confusion("dog", "yak", 1),
    )
    assert found.only_lenient == (Confusion("cat", "a cat", 1), Confusion("dog", "d", 1))
    assert found.collisions == ()


@given(
    st.lists(st.tuples(st.sampled_from(["cat", "dog"]), st.sampled_from(["cat", "Dog", "catdog", "", None])))
)
def test_laws(pairs: list[tuple[str, str | None]]) -> None:
    predictions = [answer(str(i), right, said) for i, (right, said) in enumerate(pairs)]
    found = naming(predictions)
    assert found.strict == pytest.approx(ACCURACY.value(predictions), abs=1e-12, nan_ok=True)
    assert sum(confusion.count for confusion in found.confusions) == round(
        (1 - found.strict) * len(predictions) if predictions else 0
    )
    squeezed = [
        bool(said) and (said.lower() in right or right in said.lower())
        for right, said in pairs
        if said is not None
    ]
    assert found.lenient == pytest.approx(
        sum(squeezed) / len(pairs) if pairs else math.nan, abs=1e-12, nan_ok=True
    )


def test_every_class_counts_alike_in_the_mean_of_classes() -> None:
    predictions = [answer("x", "dog", "dog"), *(answer(str(i), "cat", "dog") for i in range(3))]
    found = naming(predictions)
    assert (found.strict, found.class_mean) == (1 / 4, 1 / 2)


def test_collisions_are_what_the_lenient_rule_cannot_tell_apart() -> None:
    names = ["737-300", "737-3", "BMW M3", "bmw_m3", "Audi"]
    assert collisions(names) == (("737-300", "737-3"), ("BMW M3", "bmw_m3"))


def test_an_unreadable_label_is_never_right() -> None:
    example = answer("p", "cat", "cat").example
    found = naming([Prediction(example, Answer(other=Label("cat")))])
    assert (found.strict, found.lenient, found.confusions) == (0.0, 0.0, (Confusion("cat", None, 1),))


def test_no_answers_and_other_targets() -> None:
    found = naming([])
    assert math.isnan(found.strict) and math.isnan(found.lenient) and math.isnan(found.class_mean)
    with pytest.raises(InputError, match="p#x"):
        naming([detection("p", "x", [], [])])
