"""Class names that match and class names that must not."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reward_answers import SAFE, UNREAD, label_answer, terms_of

from vrft.errors import InputError
from vrft.rewards.label_rewards import accuracy, accuracy_with, exact_match, graded
from vrft.types import Answer, Boxes, Label


def reward(setting: str, label: str | None, name: str) -> float:
    return terms_of("classification", setting)["accuracy"](label_answer(label), Label(name))


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
    assert reward("paper", label, name) == reward("recommended", label, name) == 1.0


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
    assert reward("paper", label, name) == reward("recommended", label, name) == 0.0


@pytest.mark.parametrize(
    ("label", "name", "expected"),
    [
        ("BMW", "2012 BMW M3 Coupe", 1.0),
        ("It is a pink prim_rose", "pink primrose", 1.0),
        ("rose", "tulip", 0.0),
        ("", "tulip", 0.0),
        (None, "tulip", 0.0),
        (" _", "tulip", 0.0),
    ],
)
def test_the_fixed_rule_is_right_where_one_contains_the_other(label, name, expected):
    assert reward("released_fixed", label, name) == expected


def test_an_unread_answer_has_no_reward():
    for setting in SAFE:
        for unread in (UNREAD, Answer(other=Label("rose")), Answer(text="rose")):
            assert terms_of("classification", setting)["accuracy"](unread, Label("rose")) == 0.0


def test_an_answer_of_another_kind_has_no_reward_and_such_a_target_is_refused():
    for setting in SAFE:
        term = terms_of("classification", setting)["accuracy"]
        assert term(Answer(Boxes(), True), Label("rose")) == 0.0
        with pytest.raises(InputError, match=r"kind 'label' was expected.*'boxes'"):
            term(label_answer("rose"), Boxes())


names = st.text(st.sampled_from("aAß1 _-"), max_size=6)


def words(name: str) -> list[str]:
    """Parts between blanks; a hyphen right before a number at the start is its sign."""
    bare = name.strip()
    sign = ["-"] if bare[:1] == "-" and bare[1:2].isdecimal() else []
    return sign + name.casefold().replace("_", " ").replace("-", " ").split()


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


CATS = ("cat", "big cat", "dog")
ALIASES = {
    "cat": ["moggy", "tabby", "pet", "dog"],
    "dog": ["pooch", "pet"],
    "big cat": ["Panthera"],
    "wolf": ["pooch"],
}


@pytest.mark.parametrize(
    ("label", "name", "expected"),
    [
        ("Moggy.", "cat", 1.0),
        ("moggy", "dog", 0.0),
        ("cat", "cat", 1.0),
        ("panthera", "big cat", 1.0),
        ("pet", "cat", 0.0),  # an alias of two classes is neither
        ("pet", "dog", 0.0),
        ("dog", "cat", 0.0),  # another class's own name, whatever the aliases say
        ("dog", "dog", 1.0),
        ("pooch", "dog", 1.0),  # of two classes, but one is not to choose from
        ("tab", "cat", 0.0),
        ("", "cat", 0.0),
        (None, "cat", 0.0),
    ],
)
def test_aliases_name_one_class_of_the_choice(label, name, expected):
    answer, target = label_answer(label), Label(name, CATS)
    assert accuracy(answer, target, aliases=ALIASES) == expected
    assert pickle.loads(pickle.dumps(accuracy_with(ALIASES)))(answer, target) == expected
    assert accuracy(UNREAD, target, aliases=ALIASES) == 0.0


def test_without_a_choice_the_aliased_classes_are_one():
    term = accuracy_with({"cat": ["pet"], "dog": ["pet", "pooch"]})
    assert term(label_answer("pooch"), Label("dog")) == 1.0
    assert term(label_answer("pet"), Label("dog")) == 0.0


@pytest.mark.parametrize("aliases", [{"cat": "moggy"}, {"cat": [""]}, {"cat": ["moggy", 3]}])
def test_what_is_not_a_table_of_aliases_is_refused_by_class(aliases):
    with pytest.raises(InputError, match="'cat'"):
        accuracy_with(aliases)


def test_aliases_written_into_a_configuration_are_refused_with_the_way_to_give_them():
    with pytest.raises(InputError, match=r"reward\.custom"):
        accuracy_with("moggy = cat")
    with pytest.raises(InputError, match=r"reward\.custom"):
        accuracy(label_answer("moggy"), Label("cat"), aliases="moggy = cat")


# animal > mammal > (cat > (siamese, persian), dog); animal > bird
PARENTS = {
    "siamese": "cat",
    "persian": "cat",
    "cat": "mammal",
    "dog": "mammal",
    "mammal": "animal",
    "bird": "animal",
}
LEAVES = ("siamese", "persian", "dog", "bird", "Fern")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("siamese", 1.0),
        ("Persian", 2 * 3 / (4 + 4)),  # animal, mammal, cat of four names each
        ("dog", 2 * 2 / (4 + 3)),
        ("bird", 2 * 1 / (4 + 2)),
        ("fern", 0.0),  # a class that the tree does not know
        ("cat", 0.0),  # not a class to choose from
        ("wolf", 0.0),
        (None, 0.0),
    ],
)
def test_graded_credit_is_wu_and_palmers(label, expected):
    term = pickle.loads(pickle.dumps(graded(PARENTS)))
    target = Label("siamese", LEAVES)
    assert term(label_answer(label), target) == pytest.approx(expected)
    assert term(UNREAD, target) == 0.0


def test_graded_credit_is_symmetric_and_greatest_for_the_class_itself():
    term = graded(PARENTS)

    def credit(a: str, b: str) -> float:
        return term(label_answer(a), Label(b, LEAVES))

    for a in LEAVES:
        assert credit(a, a) == 1.0
        assert all(credit(a, b) == credit(b, a) < 1.0 for b in LEAVES if b != a)
    bare = [term(label_answer(name), Label("siamese")) for name in ("persian", "cat", "animal")]
    assert bare == [0.75, 0.0, 0.0]  # without a choice the leaves are the classes


@pytest.mark.parametrize("parents", [{"a": "a"}, {"a": "b", "b": "c", "c": "a"}])
def test_a_circle_is_not_a_hierarchy(parents):
    with pytest.raises(InputError, match="own ancestor"):
        graded(parents)
