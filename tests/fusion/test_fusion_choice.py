"""The vote and the two best-of-N rules."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_answers import best_logprob, named, nothing, seen, self_consistency, vote

from vrft.errors import InputError

BOX = (10.0, 10.0, 50.0, 50.0)
SPELLINGS = {
    "cat": ("cat", "Cat", "'cat'.", "CAT"),
    "garden phlox": ("garden phlox", "Garden_Phlox", "garden-phlox."),
    "dog": ("dog", "Dog"),
}


@settings(max_examples=60)
@given(st.lists(st.sampled_from(sorted(SPELLINGS)), min_size=2, max_size=9), st.data())
def test_the_vote_is_the_mode_of_the_names_in_any_spelling(names, data):
    written = [data.draw(st.sampled_from(SPELLINGS[name])) for name in names]
    found = vote([named(label) for label in written])
    # Counter keeps the order of first meeting among equals, as documented for unknown log-probabilities.
    ((winner, count),) = Counter(names).most_common(1)
    assert found.value.name == written[names.index(winner)]
    assert found.value.score == count / len(names)


def test_a_tied_vote_goes_to_the_likelier_name_and_its_likeliest_answer():
    said = [named("cat", -1.0), named("dog", -0.7), named("Cat", -0.2), named("Dog", -0.8)]
    found = vote(said)
    assert (found.value.name, found.text, found.value.score) == ("Cat", "Cat", 0.5)
    assert vote(said[::-1]) == found
    # Two dogs beat one cat, however likely.
    assert vote([said[2], said[1], said[3]]).value.name == "dog"


def test_best_by_logprob_is_the_likeliest_of_the_majority_on_presence():
    said = [named("cat", -1.0), named("dog", -0.1), named("cat", -0.9)]
    assert best_logprob(said) is said[1].answer
    # 'No Objects' is short and likely; two of three saw something.
    boxes = [seen(BOX, logprob=-1.0), nothing(-0.01), seen((0.0, 0.0, 9.0, 9.0), logprob=-0.5)]
    assert best_logprob(boxes) is boxes[2].answer


def test_best_by_logprob_needs_them_of_all():
    with pytest.raises(InputError, match="self_consistency"):
        best_logprob([named("cat", -1.0), named("dog")])
    assert best_logprob([named("cat")]).value.name == "cat"


def test_self_consistency_is_the_answer_that_others_repeat():
    said = [named("dog", -0.1), named("cat", -2.0), named("CAT.", -1.0)]
    assert self_consistency(said) is said[2].answer
    near = [(10.0, 10.0, 50.0, y) for y in (46.0, 50.0, 52.0)]
    boxes = [seen((70.0, 70.0, 90.0, 90.0), confidence=0.3), *(seen(box, confidence=0.3) for box in near)]
    assert self_consistency(boxes) is boxes[2].answer


def test_empty_quotes_name_nothing_and_agree_with_nobody():
    said = [named("''"), named('""'), named("cat"), named("cat")]
    assert (vote(said).value.name, self_consistency(said).value.name) == ("cat", "cat")
