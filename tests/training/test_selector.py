"""``data.select`` over a run: what is asked, left out and asked again, and that nothing is forgotten."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vrft.data.selection import Gaussian, PassRate, QuestionWeight, SelectionRule, Variance
from vrft.data.splits.manifest import question_digest
from vrft.errors import ConfigError
from vrft.training.selector import FIRST_PASS, Selector, known_outcomes
from vrft.types import Answer, Clock, Example, Image, Permutation, Rollout, RolloutGroup

RIGHT = Permutation((2, 3, 1, 4))
WRONG = Permutation((3, 1, 4, 2))  # no place is right
HALF = Permutation((2, 3, 4, 1))
NOW = Clock(0, 10, seed=7)


def questions(count):
    image = Image(Path("a.png"), (10, 10))
    return [Example(f"q{i}", f"r{i}", "jigsaw", (image,), "tiles", RIGHT) for i in range(count)]


def group(example, *said):
    return RolloutGroup(example, tuple(Rollout(example, (), Answer(order)) for order in said))


def answered(example, right, of=8):
    return group(example, *[RIGHT] * right, *[WRONG] * (of - right))


def ready(rule, rights, of=8):
    """A selector that has seen so many right answers to each question."""
    chosen = Selector(questions(len(rights)), rule)
    chosen.first_pass(lambda number, some: [answered(e, rights[int(e.id[1:])], of) for e in some], 4)
    return chosen


def ids(examples):
    return [example.id for example in examples]


def test_the_first_pass_asks_what_is_unknown_as_often_as_the_rule_says():
    asked = []

    def draw(number, some):
        asked.append((number, ids(some)))
        return [answered(e, 1, 3) for e in some]

    known = {"q1": [(True, 1.0)] * 40, "q2": [(True, 1.0)] * 6, "of another folder": [(True, 1.0)]}
    chosen = Selector(questions(4), PassRate(samples=8), known)
    assert chosen.first_pass(draw, 2) == {"selection_answers": 21, "selection_tokens": 0}
    assert [some for _, some in asked] == [["q0", "q2"], ["q3"], ["q0", "q3"], ["q0", "q3"]]
    assert [number for number, _ in asked] == [FIRST_PASS + i for i in range(4)]
    assert chosen.first_pass(draw, 2) == {} and len(asked) == 4
    assert set(chosen.state()["outcomes"]) == {"q0", "q1", "q2", "q3"}
    assert {len(own) for own in chosen.state()["outcomes"].values()} == {8}


def test_an_epoch_asks_each_kept_question_once_and_epochs_run_into_each_other():
    chosen = ready(PassRate(floor=0.0), [0, 1, 4, 8, 7, 2])
    assert chosen.take(NOW, 0) == []
    taken = ids(chosen.take(NOW, 3)) + ids(chosen.take(NOW, 6)) + ids(chosen.take(NOW, 3))
    for start in (0, 4, 8):
        assert sorted(taken[start : start + 4]) == ["q1", "q2", "q4", "q5"]
    assert len({tuple(taken[start : start + 4]) for start in (0, 4, 8)}) > 1
    assert chosen.row() == {"selection": {"kept": 4, "of": 6, "never right": 1, "solved": 1}}
    assert ids(chosen.pool) == ["q1", "q2", "q4", "q5"]


def test_a_question_that_is_solved_in_training_is_left_out_from_the_next_epoch_on():
    chosen = ready(PassRate(samples=8, floor=0.0), [4, 4, 4])
    assert sorted(ids(chosen.take(NOW, 3))) == ["q0", "q1", "q2"]
    chosen.see([answered(chosen.examples[1], 8)])
    assert sorted(ids(chosen.take(NOW, 4))) == ["q0", "q0", "q2", "q2"]
    found = {row["id"]: row for row in chosen.described()["questions"]}
    assert found["q1"]["why"] == "solved" and found["q1"]["rate"] == 1 and found["q1"]["asked"] == 1
    chosen.see([answered(chosen.examples[1], 3)])
    assert "q1" in ids(chosen.take(NOW, 3))


def test_gaussian_goes_by_partial_credit_and_drops_the_solved_after_one_epoch():
    chosen = Selector(questions(3), Gaussian(floor=0.0))
    said = {"q0": [HALF] * 8, "q1": [WRONG] * 8, "q2": [RIGHT] * 6 + [WRONG] * 2}
    chosen.first_pass(lambda number, some: [group(e, *said[e.id]) for e in some], 4)
    first, later = ids(chosen.take(NOW, 2)), ids(chosen.take(NOW, 40))
    assert set(first) <= {"q0", "q2"} and set(later) == {"q0"}


def test_a_state_that_went_through_json_goes_on_to_the_bit():
    rng = np.random.default_rng(0)
    whole = ready(Variance(), [1, 2, 3, 4, 5, 6, 7, 0, 8], of=8)

    def step(selector, rights):
        taken = selector.take(NOW, 4)
        selector.see([answered(e, right) for e, right in zip(taken, rights, strict=True)])
        return ids(taken), selector.row()

    for _ in range(3):
        step(whole, rng.integers(0, 9, 4))
    resumed = Selector(questions(9), Variance())
    resumed.restore(json.loads(json.dumps(whole.state())))
    for rights in rng.integers(0, 9, (6, 4)):
        assert step(resumed, rights) == step(whole, rights)
    assert resumed.state() == whole.state() and resumed.described() == whole.described()


def test_where_nothing_is_kept_everything_is_asked_and_a_sentence_says_so(caplog):
    chosen = ready(PassRate(floor=0.0), [0, 8, 0])
    assert sorted(ids(chosen.take(NOW, 3))) == ["q0", "q1", "q2"]
    assert "keeps none of 3 questions (never right: 2, solved: 1)" in caplog.text
    assert chosen.row()["selection"]["kept"] == 0 and len(chosen.pool) == 3


def test_the_floor_brings_back_what_was_left_out_at_its_share():
    chosen = ready(PassRate(floor=0.2), [4] * 10 + [0] * 10)
    asked = Counter(ids(chosen.take(NOW, 4000)))
    left_out = sum(asked[f"q{i}"] for i in range(10, 20)) / 4000
    assert left_out == pytest.approx(0.2 / 2, abs=0.01)


def test_buckets_get_their_shares_of_an_epoch_within_one():
    rights = [1] * 30 + [4, 3, 5] * 10 + [7] * 30 + [0, 8] * 5
    chosen = ready(Variance(floor=0.0), rights)
    asked = Counter(rights[int(id[1:])] for id in ids(chosen.take(NOW, 90)))
    of = {"hard": asked[1], "medium": asked[3] + asked[4] + asked[5], "easy": asked[7]}
    assert [of[name] - 90 * share for name, share in [("hard", 0.1), ("medium", 0.6), ("easy", 0.3)]] == (
        pytest.approx([0, 0, 0], abs=1)
    )
    assert asked[0] == asked[8] == 0


def test_selection_finds_the_groups_that_teach():
    """200 trivial, 100 learnable and 100 impossible questions, 600 groups of 8 answers."""
    chances = np.array([0.995] * 200 + [0.5] * 100 + [0.005] * 100)
    rng = np.random.default_rng(1)

    def drawn(example):
        return answered(example, int(rng.binomial(8, chances[int(example.id[1:])])))

    def without_signal(groups):
        return np.mean([len({r.answer.value for r in g.rollouts}) == 1 for g in groups])

    chosen = Selector(questions(400), Variance())
    chosen.first_pass(lambda number, some: [drawn(e) for e in some], 400)
    groups = []
    for _ in range(60):
        own = [drawn(example) for example in chosen.take(NOW, 10)]
        chosen.see(own)
        groups += own
    plain = [drawn(example) for example in rng.choice(questions(400), 600)]
    assert without_signal(plain) > 0.65 and without_signal(groups) < 0.45


@pytest.fixture
def shown(tmp_path):
    """Three questions about an image that there is, by id."""
    (tmp_path / "a.png").write_bytes(b"one image")
    image = Image(tmp_path / "a.png", (10, 10))
    return {example.id: replace(example, media=(image,)) for example in questions(3)}


def write_probe(file, examples, digests=True, **more):
    """Of both forms, as ``vrft fit`` writes it; q1 was not asked."""
    probes = [
        {"form": form, "outcomes": {"q0": [[True, score]], "q1": [], "gone": [[True, 1.0]]}}
        | ({"digests": {"q0": question_digest(examples["q0"]), "gone": "0"}} if digests else {})
        for form, score in [("think", 1.0), ("direct", 0.5)]
    ]
    file.write_text(json.dumps({"model": "m", "chosen": "think", "probes": probes, **more}))
    return probes


def test_a_probe_is_read_for_its_form_and_model(tmp_path, shown):
    file = tmp_path / "probe.json"
    probes = write_probe(file, shown)
    assert known_outcomes(file, "direct", "m", shown) == {"q0": [(True, 0.5)]}
    file.write_text(json.dumps({"model": "m", "probe": probes[0]}))
    assert known_outcomes(file, "think", "m", shown) == {"q0": [(True, 1.0)]}
    assert known_outcomes(file, "direct", "m", shown) == {}
    with pytest.raises(ConfigError, match="is of the model m, and this run begins with n"):
        known_outcomes(file, "think", "n", shown)
    for content in ("{", "[]", '{"probe": 3}'):
        file.write_text(content)
        with pytest.raises(ConfigError, match=r"data\.select\.probe.*cannot be read"):
            known_outcomes(file, "think", "m", shown)
    with pytest.raises(ConfigError, match=r"none\.json cannot be read"):
        known_outcomes(tmp_path / "none.json", "think", "m", shown)


@pytest.mark.parametrize("what", ["image", "question", "label", "choices"])
def test_a_probe_of_other_images_questions_or_labels_of_the_same_name_is_refused(tmp_path, shown, what):
    write_probe(tmp_path / "probe.json", shown)
    if what == "image":
        shown["q0"].media[0].path.write_bytes(b"another image")
    else:
        other = {"question": "tile", "label": WRONG, "choices": ("a",)}[what]
        field = {"question": "question", "label": "target", "choices": "options"}[what]
        shown["q0"] = replace(shown["q0"], **{field: other})
    with pytest.raises(ConfigError, match=r"1 of 1 differ, such as 'q0'\. Probe again"):
        known_outcomes(tmp_path / "probe.json", "think", "m", shown)


def test_a_probe_that_does_not_say_of_which_images_it_is_counts_for_nothing(tmp_path, shown, caplog):
    write_probe(tmp_path / "probe.json", shown, digests=False)
    assert known_outcomes(tmp_path / "probe.json", "think", "m", shown) == {}
    assert "did not say of which images it is, so the run asks by itself" in caplog.text


class Negative(SelectionRule):
    def weigh(self, results, epoch):
        return [QuestionWeight(-1.0, "odd") for _ in results]


def test_a_rule_of_ones_own_that_gives_no_weights_is_refused():
    chosen = ready(Negative(), [1, 2])
    with pytest.raises(ConfigError, match="Negative gave a weight below 0"):
        chosen.take(NOW, 1)
