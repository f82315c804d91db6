"""Each trainer's way of calling, written out as a caller; TRL's own is in test_adapters_trl.py."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import pickle
import sys
from collections import UserDict
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from answers import BY_PAPER, CAT, FIND_CAT, FOUND, JUNK, NAME_PET, REWARDS, SHORT

from vrft.errors import ConfigError, InputError
from vrft.integrations import column_scoring as scores
from vrft.integrations import easyr1, swift, verl
from vrft.integrations.trl import trl_reward


def as_verl(rows, **reward_kwargs) -> list[dict[str, float]]:
    """Answers are scored in the loop's executor, many at once; the caller adds to extra_info."""

    def row(index, text, packed):
        given = {"index": index, "num_turns": None, "rollout_reward_scores": {}}
        call = partial(verl.compute_score, data_source="photos", solution_str=text, ground_truth=packed)
        return partial(call, extra_info=given, reward_router_address=None, **reward_kwargs)

    async def all_rows():
        loop = asyncio.get_running_loop()
        calls = [row(index, text, packed) for index, (packed, text) in enumerate(rows)]
        return await asyncio.gather(*(loop.run_in_executor(None, call) for call in calls))

    return asyncio.run(all_rows())


def as_easyr1(rows, **reward_function_kwargs) -> list[dict[str, float]]:
    """The file is loaded by its path, under a name of EasyR1's, and its function closed over its options."""
    spec = importlib.util.spec_from_file_location("custom_reward_fn", easyr1.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (module.REWARD_NAME, module.REWARD_TYPE) == ("vrft", "batch")
    inputs = [
        {"response": text, "response_length": len(text), "ground_truth": packed} for packed, text in rows
    ]
    return partial(module.compute_score, **reward_function_kwargs)(inputs)


def as_swift(rows, reward=swift.VisualReward, **columns) -> list[float]:
    """The class is found by name, made with those training arguments that it names, and called by keyword."""
    orms = {}
    swift.register(orms, "ours", reward)
    args = SimpleNamespace(setting="x", weights=[1], column="y", kwargs=0, tokenizer=None)
    names = inspect.signature(orms["ours"].__init__).parameters
    taken = {n: getattr(args, n) for n in names if n not in ("self", "args", "kwargs") and hasattr(args, n)}
    made = orms["ours"](args=args, **taken)
    assert callable(made) and not inspect.iscoroutinefunction(type(made).__call__)
    packed, texts = zip(*rows, strict=True)
    more = {"messages": [[]] * len(rows), "trainer_state": None, "images": None}
    return made(list(texts), **{"vrft_target": list(packed), **more, **columns})


class Paper(swift.VisualReward):
    setting = "paper"


def as_trl(rows, reward=None, **arguments) -> list[float]:
    packed, texts = zip(*rows, strict=True)
    columns = {"prompts": [""] * len(rows), "vrft_target": list(packed)}
    given = {"completions": list(texts), "completion_ids": [[1]] * len(rows), "trainer_state": None}
    return (reward or trl_reward("paper"))(**{**columns, **given, **arguments})


def test_verl_gets_the_rewards():
    assert [row["score"] for row in as_verl(BY_PAPER, setting="paper")] == pytest.approx(REWARDS)


def test_easyr1_gets_the_rewards():
    assert [row["overall"] for row in as_easyr1(BY_PAPER, setting="paper")] == pytest.approx(REWARDS)


def test_swift_gets_the_rewards():
    assert as_swift(BY_PAPER, Paper) == pytest.approx(REWARDS)


def test_trl_gets_the_rewards():
    assert as_trl(BY_PAPER) == pytest.approx(REWARDS)


def test_many_threads_score_as_one():
    # Each of many threads finds the scorers not yet made.
    for cached in (scores._scorer, scores._term_names):
        cached.cache_clear()
    rows = list(BY_PAPER) * 100
    found = as_verl(rows, setting="paper")
    assert [row["score"] for row in found] == pytest.approx(REWARDS * 100)


@pytest.mark.parametrize("caller", [as_verl, as_easyr1])
def test_keys_are_the_same_and_in_one_order_whatever_the_task_and_the_answer(caller):
    found = caller(BY_PAPER, setting="paper")
    assert len({tuple(row) for row in found}) == 1
    columns = {key: np.array([row[key] for row in found]) for key in found[-1]}
    assert all(values.dtype == np.float64 and np.isfinite(values).all() for values in columns.values())
    assert columns["iou"].tolist() == pytest.approx([1.0, 0.6, 0, 0, 0, 0, 0])
    assert columns["confidence"].tolist() == pytest.approx([1.0, 0.5, 0, 0, 0, 0, 0])
    assert columns["accuracy"].tolist() == [0, 0, 0, 0, 1.0, 0, 0]
    assert columns["format"].tolist() == [1.0, 1.0, 1.0, 0, 1.0, 1.0, 0]
    assert columns["readable"].tolist()[:3] == [1.0, 1.0, 1.0]


def test_weights_reach_every_trainer():
    rows, weights = [(FIND_CAT, SHORT)], {"confidence": 2, "format": 0}
    # 0.6 + 2 * 0.5
    own = type("Own", (Paper,), {"weights": weights})
    assert as_verl(rows, setting="paper", weights=UserDict(weights))[0]["score"] == pytest.approx(1.6)
    assert as_easyr1(rows, setting="paper", weights=weights)[0]["overall"] == pytest.approx(1.6)
    assert as_swift(rows, own) == pytest.approx([1.6])
    assert as_trl(rows, trl_reward("paper", weights)) == pytest.approx([1.6])


def test_the_recommended_setting_is_the_default():
    rows = [(FIND_CAT, SHORT)]
    chosen = as_verl(rows, setting="recommended")[0]["score"]
    assert chosen != pytest.approx(as_verl(rows, setting="paper")[0]["score"])
    assert as_verl(rows)[0]["score"] == as_easyr1(rows)[0]["overall"] == chosen
    assert as_swift(rows) == as_trl(rows, trl_reward()) == [chosen]


def test_easyr1_may_keep_special_tokens():
    kept = [(packed, f"{text}<|im_end|>\n<|endoftext|><|endoftext|>") for packed, text in BY_PAPER]
    assert [row["overall"] for row in as_easyr1(kept, setting="paper")] == pytest.approx(REWARDS)


@pytest.mark.parametrize("broken", ["raises", "nan"])
def test_a_broken_function_counts_nothing_and_is_logged_with_its_answer(broken, caplog):
    name = f"answers:{broken}"
    given = {"setting": "paper", "custom": {name: 1.0}}
    own = type("Own", (Paper,), {"custom": {name: 1.0}})
    for found in (as_verl(BY_PAPER, **given), as_easyr1(BY_PAPER, **given)):
        assert [next(iter(row.values())) for row in found] == pytest.approx(REWARDS)
        assert [row["failed_terms"] for row in found] == [1.0] * len(BY_PAPER)
        assert [row[name] for row in found] == [0.0] * len(BY_PAPER)
    assert as_swift(BY_PAPER, own) == pytest.approx(REWARDS)
    assert as_trl(BY_PAPER, trl_reward(**given)) == pytest.approx(REWARDS)
    assert len(caplog.records) == 4 * len(BY_PAPER)
    assert name in caplog.text and JUNK in caplog.text


def test_no_sum_overflows():
    given = {"setting": "paper", "custom": {"answers:huge": 1e6}}
    (plain,) = as_trl([(FIND_CAT, FOUND)], trl_reward("paper"))
    assert as_trl([(FIND_CAT, FOUND)], trl_reward(**given)) == [plain] and plain > 0
    (row,) = as_verl([(FIND_CAT, FOUND)], **given)
    assert row["score"] == plain and row["failed_terms"] == 1


@pytest.mark.parametrize("caller", [as_verl, as_easyr1, as_swift, as_trl])
@pytest.mark.parametrize("broken", [None, "", "{}", FIND_CAT[:-5], {"boxes": []}])
def test_a_broken_row_is_named(caller, broken):
    with pytest.raises(InputError, match="row 1"):
        caller([(FIND_CAT, FOUND), (broken, CAT)])


@pytest.mark.parametrize("caller", [as_swift, as_trl])
def test_a_missing_or_short_column_is_named(caller):
    with pytest.raises(InputError, match=r"no column 'vrft_target'.*messages|prompts"):
        caller([(FIND_CAT, FOUND)], vrft_target=None)
    with pytest.raises(InputError, match="'vrft_target' has 1 values for 2 answers"):
        caller([(FIND_CAT, FOUND)] * 2, vrft_target=[FIND_CAT])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"setting": "generous"}, "recommended"),
        ({"weights": {"iuo": 1.0}}, "iuo"),
        ({"weights": {"iou": float("nan")}}, "weights.iou"),
        ({"weights": [1.0]}, "weights"),
        ({"custom": {"answers:nothing": 1.0}}, "nothing"),
    ],
)
@pytest.mark.parametrize("caller", [as_verl, as_easyr1])
def test_settings_that_do_not_exist_are_refused(caller, given, says):
    with pytest.raises(ConfigError, match=says):
        caller([(FIND_CAT, FOUND)], **given)


def test_only_a_trainer_that_adds_arguments_of_its_own_may_pass_unknown_ones():
    for unknown in ("seting", "permute"):
        with pytest.raises(ConfigError, match=f"no '{unknown}'"):
            as_easyr1([(FIND_CAT, FOUND)], **{unknown: True})
    assert as_verl([(FIND_CAT, SHORT)], setting="paper", permute=True)[0]["score"] == pytest.approx(2.1)
    with pytest.raises(ConfigError, match="weights"):
        trl_reward(weights={"iou": "much"})


def test_all_can_be_sent_to_another_process():
    rows = [(FIND_CAT, SHORT), (NAME_PET, CAT)]
    for reward in (trl_reward("paper"), Paper()):
        sent = pickle.loads(pickle.dumps(reward))
        assert sent([text for _, text in rows], vrft_target=[p for p, _ in rows]) == pytest.approx([2.1, 2.0])
    for function in (verl.compute_score, easyr1.compute_score):
        assert pickle.loads(pickle.dumps(function)) is function


def test_terms_are_given_the_length_and_the_progress():
    custom = {"answers:grows": 100.0, "answers:counts_tokens": 1.0}
    own = type("Own", (Paper,), {"custom": custom})
    state = SimpleNamespace(global_step=30, max_steps=40)
    rows, ids = [(NAME_PET, JUNK)] * 2, [[5, 6], [7]]
    trl = trl_reward("paper", custom=custom)
    assert as_trl(rows, trl, completion_ids=ids, trainer_state=state) == pytest.approx([77.0, 76.0])
    assert as_swift(rows, own, response_token_ids=ids, trainer_state=state) == pytest.approx([77.0, 76.0])
    turns = [[[5, 6], [7]], [[8]]]
    assert as_swift(rows, own, response_token_ids=turns, trainer_state=state) == pytest.approx([78.0, 76.0])
    assert as_easyr1(rows[:1], setting="paper", custom=custom)[0]["overall"] == len(JUNK)


@pytest.mark.parametrize(
    "form",
    [
        lambda text: [{"role": "assistant", "content": text}],
        lambda text: [{"role": "assistant", "content": [{"type": "text", "text": text}]}],
        lambda text: [{"role": "tool", "content": FOUND}, {"role": "assistant", "content": text}],
    ],
)
def test_trl_may_hand_over_conversations(form):
    assert as_trl([(packed, form(text)) for packed, text in BY_PAPER]) == pytest.approx(REWARDS)


@pytest.mark.parametrize("empty", [[], [{"role": "assistant", "content": None}], ""])
def test_an_empty_completion_has_no_reward(empty):
    assert as_trl([(FIND_CAT, empty)]) == [0.0]


def test_what_is_not_a_completion_is_refused():
    with pytest.raises(InputError, match="neither text nor a list of messages"):
        as_trl([(FIND_CAT, 7)])


def test_trl_s_log_gets_terms_of_the_rows_that_have_them():
    metrics, table = {}, {}
    as_trl(BY_PAPER, log_metric=metrics.__setitem__, log_extra=table.__setitem__)
    # Four rows of detection, three of classification.
    expected = {"iou": 1.6 / 4, "confidence": 1.5 / 4, "accuracy": 1 / 3, "format": 5 / 7}
    assert {name: metrics[f"vrft/{name}"] for name in expected} == pytest.approx(expected)
    assert metrics["vrft/failed_terms"] == 0.0
    assert all(len(values) == len(BY_PAPER) for values in table.values())
    assert table["vrft/iou"] == pytest.approx([1.0, 0.6, 0.0, 0.0, None, None, None])
    assert table["vrft/faults"][0] == "" != table["vrft/faults"][3]


def test_trl_sees_a_name():
    assert trl_reward().__name__ == "vrft" and trl_reward(name="boxes").__name__ == "boxes"


def test_no_trainer_is_loaded_with_its_adapter():
    assert {"swift", "verl", "openrlhf"}.isdisjoint(sys.modules)


def test_arguments_of_the_reward_are_found_among_a_trainers_own():
    assert scores.reward_options({"setting": "paper", "weights": {"format": 0.5}}).weights == {"format": 0.5}
    mixed = {"setting": "paper", "reward_router_address": "10.0.0.1:80"}
    assert scores.options_among(mixed).setting == "paper"
