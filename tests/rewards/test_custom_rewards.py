"""Rewards of one's own in every form, and in every way in which they fail."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrft.errors import ConfigError
from vrft.rewards.custom_reward import load_custom_reward
from vrft.rewards.outcomes import LARGEST, described, number_of
from vrft.rewards.reward_term import RewardTerm
from vrft.rewards.time_limit import MOST_SLOW, outcomes_within
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import (
    Boxes,
    Clock,
    Completion,
    CoordinateFrame,
    Example,
    Form,
    Image,
    Prompt,
    Rollout,
    RolloutGroup,
    Turn,
)

FRAMES = (CoordinateFrame.whole("norm1000", (1000, 1000)),)
TEXTS = ("a", "bb", "<answer>[{'Position': [100, 100, 200, 200], 'Confidence': 0.5}]</answer>")


def example(name: str) -> Example:
    image = (Image(Path(f"{name}.png"), (1000, 1000)),)
    label = Boxes(((100.0, 100.0, 200.0, 200.0),))
    return Example(f"{name}#cat", name, "detection", image, "cat", label, form=Form.DIRECT)


def group(name: str, *texts: str) -> RolloutGroup:
    task, asked = load_task("detection"), example(name)
    turns = [(Turn(Prompt(frames=FRAMES), Completion(text)),) for text in texts]
    return RolloutGroup(asked, tuple(Rollout(asked, t, task.parse_turns(asked, t)) for t in turns))


def scored(function: str, *groups: RolloutGroup, now: Clock | None = None, **options) -> list[Rollout]:
    name = f"{__name__}:{function}"
    chosen = RewardOptions(
        setting="recommended",
        weights={"iou": 0.0, "confidence": 0.0, "format": 0.0},
        custom={name: 1.0},
        **options,
    )
    done = Scorer(load_task("detection"), chosen).score(groups or [group("a", *TEXTS)], now)
    return [rollout for one in done for rollout in one.rollouts]


def rewards(*arguments, **options) -> list[float]:
    return [rollout.reward for rollout in scored(*arguments, **options)]


# ---- forms


def about_all(answer, target, example, id, question, image_path, progress):
    assert example.id == id and example.question == question and example.target == target
    return len(answer.text) + (image_path == Path("b.png")) / 2 + progress / 4


def of_all(answers, targets, ids, questions, image_paths, examples, progress):
    assert len(answers) == len(targets) == len(ids) == len(examples) == 5
    assert questions == ["cat"] * 5 and progress == 0.5
    return [len(a.text) + (p == Path("b.png")) / 2 for a, p in zip(answers, image_paths, strict=True)]


async def later(answer, target, id):
    await asyncio.sleep(0)
    return len(answer.text) + (id == "b#cat") / 2


async def all_later(answers, ids):
    await asyncio.sleep(0)
    return np.array([len(a.text) + (i == "b#cat") / 2 for a, i in zip(answers, ids, strict=True)])


def easyr1(reward_inputs):
    assert {row["ground_truth"] for row in reward_inputs} == {"[[100.0, 100.0, 200.0, 200.0]]"}
    found = [len(row["response"]) + (row["image_path"] == "b.png") / 2 for row in reward_inputs]
    return [{"overall": one, "format": 1.0} for one in found]


def verl(data_source, solution_str, ground_truth, extra_info):
    assert (data_source, ground_truth) == ("detection", "[[100.0, 100.0, 200.0, 200.0]]")
    return {"score": len(solution_str) + (extra_info["index"] == "b#cat") / 2}


class OfGroups:
    """An object, and its class, that see all groups."""

    def score_groups(self, groups, now):
        return [[len(r.answer.text) + (r.example.id == "b#cat") / 2 for r in g.rollouts] for g in groups]


OF_GROUPS = OfGroups()


@pytest.mark.parametrize("form", ["of_all", "later", "all_later", "easyr1", "verl", "OfGroups", "OF_GROUPS"])
def test_every_form_gives_what_a_plain_function_gives(form):
    groups = [group("a", *TEXTS), group("b", "ccc", "dddd")]
    plain = rewards("about_all", *groups, now=Clock(1, 2))
    assert plain == [len(t) + 1 / 8 for t in TEXTS] + [3.5 + 1 / 8, 4.5 + 1 / 8]
    assert rewards(form, *groups, now=Clock(1, 2)) == [one - 1 / 8 for one in plain]


def test_awaited_answers_are_judged_side_by_side():
    """Each waits until all others wait: one after the other none would come to an end."""
    texts = [str(number) for number in range(20)]
    assert rewards("meets", group("a", *texts)) == [20.0] * 20


WAITING: set[str] = set()


async def meets(answer, target):
    WAITING.add(answer.text)
    while len(WAITING) < 20:
        await asyncio.sleep(0)
    return float(len(WAITING))


def test_an_event_loop_that_runs_already_is_no_hindrance():
    async def notebook():
        return rewards("later")

    assert asyncio.run(notebook()) == rewards("later")


def bonus(answers, amount):
    return [amount] * len(answers)


def test_options_reach_a_function_of_all_answers():
    name = f"{__name__}:bonus"
    assert rewards("bonus", options={name: {"amount": 0.25}}) == [0.25] * 3
    with pytest.raises(ConfigError, match=r"bonus takes \(answers, amount\).*missing.*'amount'"):
        rewards("bonus")


# ---- faults


def three(a, t, c):
    return 1.0


def one(answer):
    return 1.0


def no_arguments():
    return 1.0


def all_and_more(answers, judge):
    return [1.0]


class NeedsMore:
    def __init__(self, model):
        self.model = model


@pytest.mark.parametrize("name", ["three", "one", "no_arguments", "all_and_more", "NeedsMore"])
def test_a_signature_that_cannot_be_called_is_refused_before_anything_is_loaded(name):
    with pytest.raises(ConfigError, match=rf"reward\.custom: .*:{name}"):
        rewards(name)


def raises(answer, target):
    return helper(answer)


def helper(answer):
    return 1 / 0  # the line that has to be named


LINE = helper.__code__.co_firstlineno + 1


def nan(answer, target):
    return math.nan


def pair(answer, target):
    return np.array([0.5, 0.5])


def generator(answer, target):
    yield 1.0


def text(answer, target):
    return "0.5"


def huge(answer, target):
    return 1e308


def ends_the_program(answer, target):
    sys.exit(3)


def forgets_to_return(answer, target):
    answer.text.strip()


def exits_later(answers):
    sys.exit("enough")


async def fails_later(answer, target):
    await asyncio.sleep(0)
    raise LookupError("no judge")


async def exits_when_awaited(answer, target):
    await asyncio.sleep(0)
    sys.exit(4)


def too_few(answers):
    return [1.0]


def no_list(answers):
    return None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "ZeroDivisionError: division by zero"),
        ("nan", "ValueError: returned nan"),
        ("pair", "TypeError: returned a ndarray, which is not one number"),
        ("generator", "TypeError: returned a generator, which is not one number"),
        ("text", "ValueError: returned the text '0.5'; return a number"),
        ("huge", "ValueError: returned 1e+308; a reward lies between"),
        ("ends_the_program", r"SystemExit: it called sys.exit(3)"),
        ("forgets_to_return", "TypeError: it returned None for every answer"),
        ("exits_later", "SystemExit: it called sys.exit(enough)"),
        ("fails_later", "LookupError: no judge"),
        ("exits_when_awaited", "SystemExit: it called sys.exit(4)"),
        ("too_few", "ValueError: it returned 1 values for 3 answers"),
        ("no_list", "TypeError"),
    ],
)
def test_a_fault_counts_nothing_and_is_named_with_its_place(name, said):
    for rollout in scored(name):
        (failure,) = rollout.failures
        assert failure.message.startswith(said) and rollout.reward == 0.0
        assert failure.where.startswith(f"{__file__}, line ")


def test_the_line_is_that_of_the_users_own_code():
    (failure,) = scored("raises")[0].failures
    assert failure.where == f"{__file__}, line {LINE}"
    assert "ZeroDivisionError" in failure.traceback and "has to be named" in failure.traceback


def test_to_abstain_from_some_answers_is_no_fault():
    assert [one.terms[f"{__name__}:judges_long"] for one in scored("judges_long")] == [None, None, 1.0]


def judges_long(answer, target):
    return 1.0 if len(answer.text) > 10 else None


@given(
    st.one_of(
        st.floats(), st.integers(), st.booleans(), st.text(), st.none(), st.lists(st.floats()), st.binary()
    )
)
def test_whatever_is_returned_is_a_finite_number_of_a_sensible_size_or_refused(returned):
    if isinstance(returned, int | float) and abs(returned) <= LARGEST:  # which NaN is not
        assert number_of(returned) == returned
    else:
        with pytest.raises((TypeError, ValueError), match="returned"):
            number_of(returned)


@pytest.mark.parametrize("key", ["weights", "custom"])
@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf, 1e300])
def test_a_weight_is_a_sensible_number_from_0(key, weight):
    with pytest.raises(ValueError, match=key):
        RewardOptions(**{key: {"iou": weight}})


# ---- time


def hangs(answer, target):
    end = time.monotonic() + 5  # by then it is long given up, and a thread that was left behind ends
    while answer.text == "a" and time.monotonic() < end:
        pass
    return 1.0


def swallows(answer, target):
    end = time.monotonic() + 5
    while answer.text == "a" and time.monotonic() < end:
        try:
            time.sleep(5)
        except Exception:
            continue
    return 1.0


async def never(answer, target):
    if answer.text == "a":
        await asyncio.Event().wait()
    return 1.0


@pytest.mark.parametrize("name", ["hangs", "swallows", "never"])
@pytest.mark.parametrize("in_main", [True, False])
def test_a_call_that_does_not_end_costs_its_answer_alone(name, in_main):
    found: list[list[Rollout]] = []

    def work():
        found.append(scored(name, time_limit_s=0.2))

    if in_main:
        work()
    else:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    first, *others = found[0]
    assert [rollout.reward for rollout in others] == [1.0, 1.0]
    assert first.failures[0].timed_out and "reward.time_limit_s: 0.2" in first.failures[0].message


def test_after_some_slow_calls_no_more_are_made():
    made = []

    def slow():
        made.append(1)
        time.sleep(5)

    found = outcomes_within([slow] * 50, 0.05)
    assert len(made) == MOST_SLOW and len(found) == 50
    assert all(isinstance(one, TimeoutError) for one in found)


def test_what_declares_a_range_is_taken_as_it_is(tmp_path):
    term = load_custom_reward(f"{__name__}:DECLARED")
    assert term == DECLARED and load_custom_reward(f"{__name__}:three_more").high == math.inf
    assert [(one.reward, len(one.clipped)) for one in scored("OF_ALL_DECLARED")] == [(0.5, 1)] * 3


def three_more(answer, target, bonus=1.0):
    return 3.0


DECLARED = RewardTerm(three_more, high=2.0)
OF_ALL_DECLARED = RewardTerm(lambda answers: [5] * len(answers), high=0.5)


def test_an_object_that_sees_groups_takes_no_options():
    with pytest.raises(ConfigError, match="takes no options"):
        scored("OF_GROUPS", options={f"{__name__}:OF_GROUPS": {"a": 1}})


def test_a_function_without_a_signature_is_called_with_answer_and_target():
    chosen = RewardOptions(custom={"operator:eq": 1.0})
    found = Scorer(load_task("detection"), chosen).score([group("a", *TEXTS)])[0].rollouts
    assert [one.terms["operator:eq"] for one in found] == [0.0, 0.0, 0.0]
    assert load_custom_reward("builtins:max").reward is max


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (AssertionError(), "AssertionError"),
        (ValueError("no box"), "ValueError: no box"),
        (SystemExit(3), "SystemExit: it called sys.exit(3)"),
    ],
)
def test_an_error_without_words_is_its_name(error, says):
    assert described(error) == says
