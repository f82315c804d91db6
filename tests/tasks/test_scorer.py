"""The scorer: settings, weights, options, own functions, and what happens where one of them is broken."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from vrft.errors import ConfigError
from vrft.rewards.custom_reward import load_custom_reward
from vrft.rewards.reward_term import RewardTerm
from vrft.rewards.text_rewards import format_reward
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import (
    Answer,
    Boxes,
    Clock,
    Completion,
    CoordinateFrame,
    Example,
    Form,
    Image,
    PartReward,
    Prompt,
    Rollout,
    RolloutGroup,
    Turn,
)

FRAMES = [CoordinateFrame.whole("norm1000", (1000, 1000))]
TARGET = Boxes(((100.0, 100.0, 200.0, 200.0),))
IMAGE = Image(Path("a.png"), (1000, 1000))
EXAMPLE = Example("a#cat", "a", "detection", (IMAGE,), "cat", TARGET, group="cat", form=Form.DIRECT)
# IoU 0.6, confidence 0.5
TEXT = "<answer>[{'Position': [100, 100, 200, 160], 'Confidence': 0.5}]</answer>"


def scorer(**settings) -> Scorer:
    return Scorer(load_task("detection"), RewardOptions(**settings))


def score(**settings):
    return scorer(**settings).score_text(TEXT, EXAMPLE, FRAMES)


def first_of(answer, target):
    return float(len(answer.text))


def raises(answer, target):
    raise KeyError("no such column")


def infinite(answer, target):
    return -math.inf


def grows(answer, target, progress=0.0):
    return progress


def counts_tokens(answer, target):
    return float(answer.n_tokens or 0)


def test_the_reward_is_the_weighted_sum_of_the_terms():
    found = score(setting="paper", weights={"confidence": 0.5, "format": 0})
    assert found.terms == pytest.approx({"iou": 0.6, "confidence": 0.5, "format": 1.0})
    assert found.reward == pytest.approx(0.6 + 0.25)


def test_a_weight_adds_a_further_term_of_the_task():
    found = score(setting="paper", weights={"confidence_brier": 2.0})
    assert found.reward == pytest.approx(0.6 + 0.5 + 1.0 + 2 * 0.75)


def test_an_option_reaches_its_term():
    assert score(setting="paper", options={"iou": {"tau": 0.75}}).terms["iou"] == 0.0


def test_own_functions_may_leave_the_unit_interval():
    name = f"{__name__}:first_of"
    found = score(setting="paper", weights={"iou": 0, "confidence": 0, "format": 0}, custom={name: 0.1})
    assert found.reward == pytest.approx(0.1 * len(TEXT)) and found.clipped == ()


@pytest.mark.parametrize(("broken", "problem"), [("raises", "KeyError"), ("infinite", "returned -inf")])
def test_a_broken_function_counts_nothing_and_is_named(broken, problem):
    name = f"{__name__}:{broken}"
    found = score(setting="paper", custom={name: 1.0})
    assert found.terms[name] == 0.0 and found.reward == pytest.approx(0.6 + 0.5 + 1.0)
    assert [(f.term, problem in f.message) for f in found.failures] == [(name, True)]


def test_a_staged_term_is_told_how_much_is_done():
    chosen = scorer(custom={f"{__name__}:grows": 1.0})
    before, after = (chosen.score_text(TEXT, EXAMPLE, FRAMES, now=Clock(k, 4)).reward for k in (0, 3))
    assert after - before == pytest.approx(0.75)


def test_terms_see_the_length_in_tokens():
    name = f"{__name__}:counts_tokens"
    assert scorer(custom={name: 1.0}).score_text(TEXT, EXAMPLE, FRAMES, n_tokens=7).terms[name] == 7


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"setting": "generous"}, "recommended"),
        ({"weights": {"iuo": 1.0}}, "iou_paper"),
        ({"options": {"iou": {"thau": 0.5}}}, "tau"),
        ({"options": {"mask": {"tau": 0.5}}}, "confidence"),
        ({"custom": {"no_such_module:f": 1.0}}, "no_such_module"),
        ({"custom": {f"{__name__}:nothing": 1.0}}, "nothing"),
        ({"custom": {f"{__name__}.first_of": 1.0}}, "package.module:function"),
        ({"custom": {f"{__name__}:FRAMES": 1.0}}, "not a function"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(settings, says):
    with pytest.raises(ConfigError, match=says):
        scorer(**settings)


@pytest.fixture
def unsafe_task(monkeypatch):
    task = load_task("detection")
    holes = {
        "hole": RewardTerm(lambda answer, target: 2500.5, unsafe=True),
        "nan": RewardTerm(infinite, high=2.0, unsafe=True),
    }
    monkeypatch.setattr(type(task), "settings", {"holes": holes})
    return task


def test_an_unsafe_setting_is_refused_in_training(unsafe_task):
    with pytest.raises(ConfigError, match="allow_unsafe_reward"):
        Scorer(unsafe_task, RewardOptions(setting="holes"))


def test_an_unsafe_setting_that_is_allowed_is_clipped_and_counted(unsafe_task):
    options = RewardOptions(setting="holes", allow_unsafe_reward=True)
    found = Scorer(unsafe_task, options).score_text(TEXT, EXAMPLE, FRAMES)
    assert found.terms == {"hole": 1.0, "nan": 0.0}
    assert found.clipped == ("hole",) and [f.term for f in found.failures] == ["nan"]


def test_the_same_scores_with_a_term_as_its_setting_has_it():
    paper = score(setting="paper")
    assert paper.terms["iou"] == score(weights={"iou_paper": 1.0}).terms["iou_paper"]


# ---- what is new: groups, abstentions, unlabelled questions, own files


def group(*texts: str, example: Example = EXAMPLE) -> RolloutGroup:
    task = load_task(example.task)
    turns = [(Turn(Prompt(frames=tuple(FRAMES)), Completion(text)),) for text in texts]
    return RolloutGroup(example, tuple(Rollout(example, t, task.parse_turns(example, t)) for t in turns))


class GivenOutcomes:
    """A reward of groups that gives what it was told to give."""

    def __init__(self, outcomes):
        self.outcomes, self.seen = outcomes, []

    def score_groups(self, groups, now):
        self.seen.append((groups, now))
        return self.outcomes


class ByLength:
    """All answers of a step are compared; the longest abstains."""

    def score_groups(self, groups, now):
        longest = max(len(r.answer.text) for g in groups for r in g.rollouts)
        return [
            [None if len(r.answer.text) == longest else len(r.answer.text) / longest for r in g.rollouts]
            for g in groups
        ]


BY_LENGTH = ByLength()
DECLARED = RewardTerm(first_of, high=2.0, silent=0.5)


def with_terms(monkeypatch, weights=None, **terms):
    task = load_task("detection")
    monkeypatch.setattr(type(task), "settings", {"recommended": terms})
    return Scorer(task, RewardOptions(weights=weights or {}))


def test_a_scorer_says_whether_groups_must_be_scored_together(monkeypatch):
    assert with_terms(monkeypatch, format=format_reward, rank=BY_LENGTH).sees_groups
    assert not with_terms(monkeypatch, format=format_reward).sees_groups


def test_a_reward_of_groups_sees_all_groups_of_a_step_once(monkeypatch):
    reward = GivenOutcomes([[0.5, 1.0], [0.25]])
    scorer = with_terms(monkeypatch, rank=reward)
    groups, now = [group("a", "b"), group("c")], Clock(3, 10, 7)
    scored = scorer.score(groups, now)
    assert reward.seen == [(groups, now)]
    assert [[r.reward for r in g.rollouts] for g in scored] == [[0.5, 1.0], [0.25]]
    assert [g.has_signal for g in scored] == [True, False]


def test_an_own_reward_of_groups_is_named_in_the_configuration():
    scorer_ = scorer(
        setting="paper", weights={"iou": 0, "confidence": 0}, custom={f"{__name__}:BY_LENGTH": 2.0}
    )
    (first, second) = scorer_.score([group("four", "")])[0].rollouts
    assert (first.terms[f"{__name__}:BY_LENGTH"], first.reward) == (None, 0.0)
    assert (second.terms[f"{__name__}:BY_LENGTH"], second.reward) == (0.0, 0.0)


@pytest.mark.parametrize(
    "outcomes", [[[0.5]], [[0.5, 0.5], [1.0], []], [], None, [[0.5, 0.5], 1.0], [["x", 0.5], [{}]]]
)
def test_a_reward_of_groups_of_another_shape_fails_for_all_and_is_named(monkeypatch, outcomes):
    scorer = with_terms(monkeypatch, rank=GivenOutcomes(outcomes), format=format_reward)
    scored = scorer.score([group("a", TEXT), group("c")])
    rollouts = [r for g in scored for r in g.rollouts]
    assert [r.reward for r in rollouts][1] in (1.0, 1.5) and all(math.isfinite(r.reward) for r in rollouts)
    assert any(f.term == "rank" for f in rollouts[0].failures + rollouts[2].failures)


def test_a_failure_an_abstention_and_nothing_are_three_things(monkeypatch):
    term = RewardTerm(GivenOutcomes([[TimeoutError("busy"), None, 0.0]]), low=-1.0, silent=-0.5)
    (scored,) = with_terms(monkeypatch, judge=term).score([group("a", "b", "c")])
    failed, silent, nothing = scored.rollouts
    assert (failed.terms, failed.reward) == ({"judge": 0.0}, 0.0)
    assert [f.message for f in failed.failures] == ["TimeoutError: busy"]
    assert (silent.terms, silent.reward, silent.failures) == ({"judge": None}, -0.5, ())
    assert (nothing.terms, nothing.reward, nothing.failures) == ({"judge": 0.0}, 0.0, ())


def test_a_function_abstains_by_giving_none(monkeypatch):
    (scored,) = with_terms(monkeypatch, own=lambda answer, target: None).score([group("a")])
    assert scored.rollouts[0].terms == {"own": None}


def test_an_own_term_keeps_the_range_that_it_declares():
    name = f"{__name__}:DECLARED"
    found = score(setting="paper", weights={"iou": 0, "confidence": 0, "format": 0}, custom={name: 1.0})
    assert (found.terms[name], found.clipped) == (2.0, (name,))
    unlabelled = replace(EXAMPLE, target=None)
    assert scorer(custom={name: 1.0}).score_text(TEXT, unlabelled, FRAMES).terms[name] is None
    assert scorer(custom={name: 2.0}).score_text("", unlabelled, FRAMES).reward == 1.0


def test_to_an_unlabelled_question_only_terms_that_need_no_label_speak():
    chosen = scorer(
        setting="paper", weights={"no_repetition": 1.0, "length_soft_overlong": 1.0, "length_cosine": 1.0}
    )
    found = chosen.score_text(TEXT, replace(EXAMPLE, target=None), FRAMES)
    assert found.terms == {
        "iou": None,
        "confidence": None,
        "format": 1.0,
        "no_repetition": 1.0,
        "length_soft_overlong": 1.0,
        "length_cosine": None,
    }
    assert found.reward == 3.0 and found.failures == ()


def test_a_reward_may_ask_for_the_whole_question(monkeypatch):
    def about(answer, target, example, progress, bonus=0.0):
        return len(example.question) / 10 + progress + bonus

    task = load_task("detection")
    monkeypatch.setattr(type(task), "settings", {"recommended": {"about": about}})
    scorer = Scorer(task, RewardOptions(options={"about": {"bonus": 0.1}}))
    assert scorer.score_text("", EXAMPLE, FRAMES, now=Clock(1, 4)).reward == pytest.approx(0.3 + 0.25 + 0.1)
    with pytest.raises(ConfigError, match=r"no option 'example'. Known: bonus"):
        Scorer(task, RewardOptions(options={"about": {"example": 1}}))


def test_rewards_of_groups_have_no_options(monkeypatch):
    task = load_task("detection")
    monkeypatch.setattr(type(task), "settings", {"recommended": {"rank": BY_LENGTH}})
    with pytest.raises(ConfigError, match=r"no option 'x'. Known: none"):
        Scorer(task, RewardOptions(options={"rank": {"x": 1}}))


def test_an_own_function_may_stand_in_a_file(tmp_path):
    file = tmp_path / "my rewards.py"
    file.write_text("def half(answer, target):\n    return 0.5\n", "utf-8")
    assert scorer(custom={f"{file}:half": 1.0}).score_text("", EXAMPLE, FRAMES).reward == 0.5
    assert load_custom_reward(f"{file}:half")(Answer(), TARGET) == 0.5
    with pytest.raises(ConfigError, match="whole"):
        load_custom_reward(f"{file}:whole")


def test_a_setting_is_chosen_where_nobody_names_one(monkeypatch):
    assert scorer().setting == "paper"
    assert with_terms(monkeypatch, format=format_reward).setting == "recommended"


def test_rewards_for_parts_are_the_tasks_and_never_break_a_step(monkeypatch):
    task = load_task("detection")
    monkeypatch.setattr(type(task), "part_rewards", lambda self, rollout: [PartReward(0, (0, 3), 0.5)])
    assert scorer().score_text(TEXT, EXAMPLE, FRAMES).parts == (PartReward(0, (0, 3), 0.5),)
    for broken in (lambda self, rollout: 1 / 0, lambda self, rollout: [PartReward(0, (0, 3), math.nan)]):
        monkeypatch.setattr(type(task), "part_rewards", broken)
        assert scorer().score_text(TEXT, EXAMPLE, FRAMES).parts == ()


outcomes = st.one_of(
    st.none(),
    st.just(ValueError("no")),
    st.sampled_from([math.nan, math.inf, -math.inf, 0, 1, True]),
    st.floats(-3, 3),
)
weights = st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0, 2.0, 0.7])


@st.composite
def steps(draw):
    """Sizes of groups; for each term its range, what silence counts, its weight, and an outcome per
    rollout."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    terms = []
    for _ in range(draw(st.integers(1, 4))):
        low, high = sorted(draw(st.tuples(st.floats(-2, 2), st.floats(-2, 2))))
        column = [[draw(outcomes) for _ in range(size)] for size in sizes]
        terms.append((low, high, draw(st.floats(-1, 1)), draw(weights), column))
    return sizes, terms


def counted(outcome, low, high, silent):
    """What one outcome counts, and whether it failed or was clipped, told in the plainest way."""
    if outcome is None:
        return silent, False, False
    if isinstance(outcome, Exception) or outcome != outcome or outcome in (math.inf, -math.inf):
        return 0.0, True, False
    if outcome < low:
        return low, False, low - outcome > 1e-9
    if outcome > high:
        return high, False, outcome - high > 1e-9
    return float(outcome), False, False


@hypothesis_settings(max_examples=150, deadline=None)
@given(step=steps())
def test_the_reward_is_the_plain_sum_in_the_order_of_the_terms_to_the_bit(step):
    sizes, terms = step
    task = type("Drawing", (type(load_task("detection")),), {})()
    names = [f"t{i}" for i in range(len(terms))]
    type(task).settings = {
        "recommended": {
            name: RewardTerm(GivenOutcomes(column), low, high, silent)
            for name, (low, high, silent, _, column) in zip(names, terms, strict=True)
        }
    }
    chosen = RewardOptions(weights=dict(zip(names, (t[3] for t in terms), strict=True)))
    scored = Scorer(task, chosen).score([group(*"abcd"[:size]) for size in sizes])
    for i, (size, found) in enumerate(zip(sizes, scored, strict=True)):
        assert len(found.rollouts) == size
        for j, rollout in enumerate(found.rollouts):
            each = [counted(column[i][j], low, high, silent) for low, high, silent, _, column in terms]
            total = 0
            for (_, _, _, weight, _), (value, _, _) in zip(terms, each, strict=True):
                total = total + weight * value
            assert rollout.reward == total and math.isfinite(rollout.reward)
            assert [f.term for f in rollout.failures] == [n for n, e in zip(names, each, strict=True) if e[1]]
            assert list(rollout.clipped) == [n for n, e in zip(names, each, strict=True) if e[2]]
            abstained = [n for n, t in zip(names, terms, strict=True) if t[4][i][j] is None]
            assert [n for n, v in rollout.terms.items() if v is None] == abstained
            assert list(rollout.terms) == names
    assert all(a.example is b.example for a, b in pairwise(scored))
