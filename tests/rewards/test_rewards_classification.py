"""Class names that match and class names that must not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.rewards.classification import exact_match
from vrft.tasks.classification.rewards import SETTINGS
from vrft.types import Answer, ClassTarget


def pay(setting: str, label: str | None, name: str, parsed: bool = True) -> float:
    return SETTINGS[setting]["accuracy"](Answer(parsed, parsed, label=label), ClassTarget(name))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("garden phlox", "garden phlox"),
        ("Garden Phlox", "garden_phlox"),
        ("  'garden-phlox'. ", "Garden  Phlox"),
        ('"garden phlox."', "garden phlox"),
        ("\u201cgarden phlox\u201d", "garden phlox"),
        ("737 200", "737-200"),
        ("STRASSE", "straße"),
        ("St. Bernard", "st. bernard"),
    ],
)
def test_the_same_class(label, name):
    assert exact_match(label, name)
    assert pay("paper", label, name) == pay("recommended", label, name) == 1.0


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (None, "rose"),
        ("", "rose"),
        (None, ""),
        ("", ""),
        (".", "'"),
        ("-", "_"),
        ("rose", "primrose"),
        ("pink primrose", "rose"),
        ("rose or tulip", "rose"),
        ("BMW", "2012 BMW M3 Coupe"),
        ("737", "737-200"),
        ("e", "rose"),
        ("ro se", "rose"),
    ],
)
def test_another_class(label, name):
    assert not exact_match(label, name)
    assert pay("paper", label, name) == pay("recommended", label, name) == 0.0


@pytest.mark.parametrize(
    ("label", "name", "paid"),
    [
        ("BMW", "2012 BMW M3 Coupe", 1.0),
        ("It is a pink prim_rose", "pink primrose", 1.0),
        ("rose", "tulip", 0.0),
        ("", "tulip", 0.0),
        (None, "tulip", 0.0),
        (" _", "tulip", 0.0),
    ],
)
def test_released_pays_where_one_contains_the_other(label, name, paid):
    assert pay("mended", label, name) == paid


def test_an_unread_answer_earns_nothing():
    assert [pay(setting, "rose", "rose", parsed=False) for setting in SETTINGS] == [0.0] * len(SETTINGS)


names = st.text(st.sampled_from("aAß1 _-"), max_size=6)


def words(name: str) -> list[str]:
    return name.casefold().replace("_", " ").replace("-", " ").split()


@settings(deadline=None)
@given(names, names)
def test_names_match_where_their_words_do(a, b):
    assert exact_match(a, b) == (words(a) == words(b) != [])


@settings(deadline=None)
@given(st.text(), st.text())
def test_matching_is_symmetric_for_any_text(a, b):
    assert exact_match(a, b) == exact_match(b, a)


@settings(deadline=None)
@given(st.text(st.sampled_from("abc"), min_size=1), st.sampled_from(["{}", " {}.", "'{}'", '"{}".', "{}\n"]))
def test_punctuation_around_a_name_does_not_matter(name, around):
    assert exact_match(around.format(name.upper()), name)
