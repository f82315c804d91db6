"""A comparison says what design promises, and never more than the images prove."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
from predicted import detection, naming, namings, random_detections

from vrft.errors import InputError
from vrft.evaluation.compare import compare, verdict_sentence
from vrft.evaluation.statistics import bootstrap, paired_bootstrap
from vrft.tasks.metrics import AP
from vrft.tasks.metrics.metric import answer_scores, with_scores
from vrft.types import Answer, Boxes, Prediction


def hits(n: int, share: float) -> list[Prediction]:
    return namings([i < share * n for i in range(n)])


def test_the_json_has_the_promised_form() -> None:
    systems = {
        "base": hits(40, 0.3),
        "sft": hits(40, 0.5),
        "rft": hits(40, 0.8),
        "rft_from_sft": hits(40, 0.9),
    }
    found = json.loads(json.dumps(compare(systems, resamples=100), allow_nan=False))
    apart = [
        f"{name}_minus_{peer}"
        for name in ("rft", "rft_from_sft")
        for peer in ("base", "sft", "base_given_parsed")
    ]
    plain = {
        "metric",
        "title",
        "unit",
        "higher_is_better",
        "n",
        "images",
        "verdict",
        "versus_sft",
        "images_needed",
    }
    assert set(found) == plain | set(systems) | set(apart)
    for name in systems:
        assert set(found[name]) == {"value", "low", "high", "parse_rate", "format_rate", "value_given_parsed"}
    for name in apart:
        assert set(found[name]) == {"value", "low", "high", "p", "draws"}
    assert (found["metric"], found["n"], found["images"]) == ("accuracy", 40, 40)


def test_its_figures_are_those_of_the_separate_functions() -> None:
    rng = np.random.default_rng(0)
    base = random_detections(rng, 25, 3)
    rft = [with_scores(j, answer_scores(j.answer)[::-1]) for j in base]
    found = compare({"base": base, "rft": rft}, resamples=100, seed=4)
    alone = bootstrap(rft, AP, 100, 4)
    assert (found["rft"]["value"], found["rft"]["low"], found["rft"]["high"]) == (
        alone.value,
        alone.low,
        alone.high,
    )
    apart = paired_bootstrap(rft, base, AP, 100, 4)
    assert found["rft_minus_base"] == {
        "value": apart.value,
        "low": apart.low,
        "high": apart.high,
        "p": apart.p,
        "draws": 100,
    }
    assert found["rft"]["value_given_parsed"] == AP.value([j for j in rft if j.answer.parsed])
    assert (found["images"], found["n"]) == (25, 75)


def test_learning_to_answer_is_told_from_learning_to_see() -> None:
    base = [naming(f"{i:02d}", "cat", ("cat", "dog", None, None)[i % 4]) for i in range(40)]
    rft = [naming(f"{i:02d}", "cat", ("cat", "dog")[i % 2]) for i in range(40)]
    found = compare({"base": base, "rft": rft})
    assert found["rft_minus_base"]["value"] == 0.25
    assert found["rft_minus_base"]["low"] > 0
    assert found["base"]["value_given_parsed"] == found["rft"]["value_given_parsed"] == 0.5
    seen = found["rft_minus_base_given_parsed"]
    assert seen["value"] == 0.0 and seen["low"] < 0 < seen["high"]


def test_a_base_that_never_parses_has_no_value_given_parsed() -> None:
    found = compare({"base": [naming(f"{i}", "cat", None) for i in range(9)], "rft": hits_named(9)})
    assert found["base"]["value_given_parsed"] is None
    apart = found["rft_minus_base_given_parsed"]
    assert apart == {"value": None, "low": None, "high": None, "p": None, "draws": 0}
    assert found["verdict"] == "better"


def hits_named(n: int) -> list[Prediction]:
    return [naming(f"{i}", "cat", "cat") for i in range(n)]


@pytest.mark.parametrize(
    ("n", "base", "rft", "verdict"),
    [
        (100, 0.3, 0.7, "better"),
        (100, 0.7, 0.3, "not better"),
        (100, 0.5, 0.51, "cannot tell"),
        (200, 0.5, 0.5, "not better"),
        (100, 0.5, 0.5, "cannot tell"),
        (5, 0.0, 1.0, "cannot tell"),
        (6, 0.0, 1.0, "better"),
        (1, 0.0, 1.0, "cannot tell"),
    ],
)
def test_verdicts(n: int, base: float, rft: float, verdict: str) -> None:
    found = compare({"base": hits(n, base), "sft": hits(n, base), "rft": hits(n, rft)})
    assert (found["verdict"], found["versus_sft"]) == (verdict, verdict)
    needed = found["images_needed"]
    # Of equal scores no number of images can be named.
    assert needed is None if verdict != "cannot tell" or n == 1 or base == rft else needed > n
    assert ("images would be needed" in verdict_sentence(found)) == (needed is not None)


def test_rft_may_beat_the_base_and_not_its_twin() -> None:
    found = compare({"base": hits(100, 0.2), "sft": hits(100, 0.9), "rft": hits(100, 0.5)})
    assert (found["verdict"], found["versus_sft"]) == ("better", "not better")


def test_chance_alone_is_seldom_called_better() -> None:
    rng = np.random.default_rng(11)
    called = sum(
        compare(
            {"base": namings(list(rng.random(40) < 0.5)), "rft": namings(list(rng.random(40) < 0.5))},
            resamples=200,
        )["verdict"]
        == "better"
        for _ in range(150)
    )
    assert called <= 10


def test_without_labels_to_find_nothing_is_claimed() -> None:
    predictions = [detection(f"{i}", "cat", [], []) for i in range(10)]
    found = compare({"base": predictions, "sft": predictions, "rft": predictions}, resamples=20)
    assert found["rft"]["value"] is None and found["verdict"] == "cannot tell"
    json.dumps(found, allow_nan=False)
    assert "unknown" in verdict_sentence(found)


def test_the_order_of_questions_changes_nothing() -> None:
    rng = random.Random(1)
    systems = {name: random_detections(np.random.default_rng(7), 12, 3) for name in ("base", "sft", "rft")}
    systems["rft"] = [replace(j, answer=Answer(None if j.answer.parsed else Boxes())) for j in systems["rft"]]
    shuffled = {name: rng.sample(predictions, len(predictions)) for name, predictions in systems.items()}
    assert compare(shuffled, 50) == compare(systems, 50)


def test_a_missing_system_is_named() -> None:
    with pytest.raises(InputError, match="'base'"):
        compare({"rft": hits(3, 1)})
    with pytest.raises(InputError, match="'rft'"):
        compare({"base": hits(3, 1), "rft": []})


def test_other_questions_are_refused() -> None:
    with pytest.raises(InputError, match="different questions"):
        compare({"base": hits(3, 1), "rft": hits(4, 1)})


def test_the_sentence_says_the_verdict_and_its_numbers() -> None:
    found = compare({"base": hits(100, 0.3), "sft": hits(100, 0.9), "rft": hits(100, 0.7)})
    said = verdict_sentence(found)
    assert said.startswith(
        "RFT is better than the base model: accuracy 70.0 against 30.0 on 100 held-out images"
    )
    assert "difference +40.0" in said
    assert "RFT is not better than its SFT twin: 70.0 against 90.0 (difference -20.0" in said


def test_the_sentence_says_how_many_images_would_tell() -> None:
    found = compare({"base": hits(30, 0.5), "rft": hits(30, 0.54)})
    said = verdict_sentence(found)
    assert said.startswith("It is not clear whether RFT is better than the base model")
    assert f"About {found['images_needed']} images" in said
    assert "SFT" not in said


def test_the_sentence_of_one_image() -> None:
    found = compare({"base": hits(1, 0), "rft": hits(1, 1)})
    assert "too few images for an interval" in verdict_sentence(found)


def test_equal_weights_are_called_nothing_learned() -> None:
    same = hits(40, 0.5)
    systems = {"base": same, "sft": same, "rft": same}
    found = compare(systems, weights={"sft": "base", "rft": "base"})
    assert (found["verdict"], found["versus_sft"]) == ("nothing learned", "nothing learned")
    assert found["images_needed"] is None and found["rft_minus_base"]["p"] == 1.0
    said = verdict_sentence(found)
    assert said.startswith("Nothing was learned") and "--steps" in said and "accuracy 50.0" in said
    assert said.endswith("Its SFT twin has the same weights.") and "needed" not in said


def test_each_comparison_says_whether_its_own_weights_are_equal() -> None:
    systems = {"base": hits(100, 0.2), "sft": hits(100, 0.9), "rft": hits(100, 0.2)}
    found = compare(systems, weights={"rft": "base"})
    assert (found["verdict"], found["versus_sft"]) == ("nothing learned", "not better")
    systems["rft"] = systems["sft"]
    found = compare(systems, weights={"rft": "sft"})
    assert (found["verdict"], found["versus_sft"]) == ("better", "nothing learned")
    said = verdict_sentence(found)
    assert said.startswith("RFT is better than the base model") and "same weights" in said


def test_the_least_p_of_the_draws_is_a_bound() -> None:
    found = compare({"base": hits(40, 0.0), "rft": hits(40, 1.0)})
    assert found["rft_minus_base"]["p"] == 2 / 1001
    assert "p <= 0.002" in verdict_sentence(found)
    found = compare({"base": hits(40, 0.0), "rft": hits(40, 1.0)}, resamples=60)
    assert "p <= 0.033" in verdict_sentence(found)


def test_rft_is_compared_with_rejection_sampling_where_there_is_such_a_system():
    systems = {"base": hits(100, 0.2), "rft": hits(100, 0.9), "rejection": hits(100, 0.5)}
    found = compare(systems)
    assert (found["verdict"], found["versus_sft"], found["versus_rejection"]) == ("better", None, "better")
    for later, earlier, value in (("rft", "rejection", 0.4), ("rejection", "base", 0.3)):
        assert found[f"{later}_minus_{earlier}"]["value"] == pytest.approx(value)
    assert "rejection_minus_rejection" not in found and "base_minus_rejection" not in found
    said = verdict_sentence(found)
    assert "RFT is better than rejection sampling: 90.0 against 50.0" in said
    same = compare(systems, weights={"rft": "base", "rejection": "base"})
    assert "Rejection sampling has the same weights." in verdict_sentence(same)
