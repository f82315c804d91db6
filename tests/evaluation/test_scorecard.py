"""The card: each figure against a closed form or the function that measures it alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import (
    asked,
    boxes_of,
    detection,
    labeled,
    naming,
    namings,
    predicted,
    random_detections,
    record_of,
    rolled,
    with_logprobs,
    with_others,
    with_prompts,
)

from vrft.errors import InputError
from vrft.evaluation.scorecard import CardOptions, combine, plain_json, scorecard
from vrft.evaluation.statistics import bootstrap, paired_bootstrap
from vrft.tasks.fusion import Candidate, wbf
from vrft.tasks.metrics import ACCURACY_CLASS_MEAN, AP, AP_BY_SIZE
from vrft.tasks.metrics.average_precision import AREAS
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Completion, GateAnswer, Label, Prediction

DETECTION, CLASSIFICATION, GROUNDING = map(load_task, ("detection", "classification", "grounding"))
A, B, C = (0.0, 0.0, 20.0, 20.0), (40.0, 40.0, 60.0, 60.0), (70.0, 0.0, 90.0, 20.0)
FEW = CardOptions(resamples=40, sizes=(1, 2, 3))


def boxes(*found: tuple[tuple[float, float, float, float], float]) -> Answer:
    return Answer(boxes_of(*found), True)


def label(name: str) -> Answer:
    return Answer(Label(name), True, text=name)


def closed(one: Prediction, gate: GateAnswer) -> Prediction:
    return Prediction(one.example, Answer(Boxes(), True), gate=gate)


def gate(text: str, present: bool | None, tokens: int, prompt: int = 0) -> GateAnswer:
    return GateAnswer(Completion(text, tuple(range(tokens))), present, prompt)


def sampled(rng: np.random.Generator, images: int = 8) -> list[Prediction]:
    """Detections with three further answers each, those of other random lists for the same questions."""
    lists = [random_detections(rng, images, 2) for _ in range(4)]
    return [
        with_others(first, *(other.answer for other in others)) for first, *others in zip(*lists, strict=True)
    ]


def test_the_headline_is_the_bootstrap_of_the_metric():
    predictions = random_detections(np.random.default_rng(1), 12, 3)
    card = scorecard(predictions[::-1], CardOptions(resamples=60, seed=5))
    alone = bootstrap(predictions, AP, 60, 5)
    assert (card["value"], card["low"], card["high"]) == (alone.value, alone.low, alone.high)
    assert (card["task"], card["metric"], card["n"], card["images"]) == ("detection", "ap", 36, 12)
    unread = sum(not j.answer.parsed for j in predictions)
    assert 0 < unread < 36
    assert card["parse_rate"] == card["format_rate"] == pytest.approx(1 - unread / 36)
    assert card["faults"] == {"not_readable": unread}
    read = [j for j in predictions if j.answer.parsed]
    assert card["value_given_parsed"] == pytest.approx(AP.value(read))
    assert set(card["metrics"]) == {"ap", "ap50", "ap75", *(f"ap_{size}" for size in AREAS)}
    small = bootstrap(predictions, AP_BY_SIZE["small"], 60, 5)
    seen = {"value": small.value, "low": small.low, "high": small.high}
    assert card["metrics"]["ap_small"] == {**seen, "title": "AP small", "unit": "%"}
    assert (card["title"], card["unit"], card["higher_is_better"]) == ("AP", "%", True)
    for name, row in card["classes"].items():
        of_class = [j for j in predictions if j.example.question == name]
        assert row == {"n": 12, "value": pytest.approx(AP.value(of_class))}


def test_an_answer_cut_off_is_not_finished():
    first, second = namings([True, False])
    cut = rolled(first.example, first.answer, finished=False)
    card = scorecard([replace(first, rollouts=(cut,)), second], FEW)
    assert card["finished_rate"] == 0.5


def test_tokens_are_those_of_the_headline():
    answered = namings([True, False])
    predictions = [with_prompts(one, plain=90 + i) for i, one in enumerate(answered)]
    flip = [
        with_prompts(with_others(one, label("cat"), view="flip"), plain=90 + i, flip=50)
        for i, one in enumerate(answered)
    ]
    assert scorecard(predictions, FEW)["tokens"] == {"answer": 3, "prompt": 90.5}
    assert scorecard(flip, FEW)["tokens"] == {"answer": 3, "prompt": 90.5}
    fused = scorecard(flip, replace(FEW, rule="vote"))
    assert fused["tokens"] == {"answer": 10, "prompt": 140.5}
    unknown = [with_prompts(flip[0]), flip[1]]
    assert scorecard(unknown, FEW)["tokens"] == {"answer": 3, "prompt": None}


@pytest.mark.parametrize("task", [DETECTION, CLASSIFICATION, GROUNDING], ids=lambda task: task.name)
def test_one_answer_is_the_plain_answer_under_every_rule(task):
    rng = np.random.default_rng(3)
    if task is CLASSIFICATION:
        predictions = [with_others(j, label("cat"), label("dog")) for j in namings([True, False, True, True])]
    else:
        predictions = sampled(rng)
    if task is GROUNDING:
        predictions = [
            replace(j, example=replace(j.example, task="grounding", target=Boxes((A,)))) for j in predictions
        ]
    card = scorecard(predictions, FEW)
    rules = card["compute"]["rules"]
    assert set(rules) == set(task.rules)
    for rows in rules.values():
        assert [row["n"] for row in rows] == [1, 2, 3]
        assert {key: rows[0][key] for key in ("value", "low", "high")} == {
            key: card[key] for key in ("value", "low", "high")
        }
    if task is not CLASSIFICATION:
        assert any(rows[2]["value"] != card["value"] for rows in rules.values())


def seen_flipped(one: Prediction) -> Prediction:
    plain, other, *more = one.rollouts
    return replace(one, rollouts=(plain, replace(other, view="flip"), *more))


def test_the_curve_counts_votes_and_tokens():
    # Right at 1, wrong at 2 (a tie goes to the likelier, the plain one), right again at 3.
    first = with_others(naming("a", "cat", "cat"), label("dog"), label("cat"))
    second = with_others(naming("b", "cat", "dog"), label("cat"), label("cat"))
    predictions = [with_prompts(seen_flipped(one), plain=100, flip=80) for one in (first, second)]
    found = scorecard(predictions, FEW)["compute"]
    assert [(r["n"], r["views"], r["tokens"], r["value"]) for r in found["rules"]["vote"]] == [
        (1, ["plain"], 103, 0.5),
        (2, ["plain", "flip"], 103 + 87, 0.5),
        (3, ["plain", "flip"], 103 + 87 + 7, 1.0),
    ]
    assert (found["fewest"], found["prompts_counted"], found["left_out"]) == (3, True, {})


def test_the_curve_ends_where_a_question_has_no_more_answers():
    long, short = namings([True, False])
    predictions = [with_others(long, *[label("cat")] * 9), with_others(short, label("cat"), label("cat"))]
    found = scorecard(predictions, CardOptions(resamples=10))["compute"]
    assert found["fewest"] == 3
    assert [row["n"] for row in found["rules"]["vote"]] == [1, 2]
    assert "compute" not in scorecard([long, short], FEW)


def test_a_rule_without_its_log_probabilities_is_left_out_and_says_why():
    predictions = [
        replace(one, rollouts=(*one.rollouts, rolled(one.example, label("dog"))))
        for one in namings([True, True])
    ]
    found = scorecard(predictions, FEW)["compute"]
    assert set(found["rules"]) == {"vote", "self_consistency"}
    assert "log-probability" in found["left_out"]["best_logprob"]


def test_a_rule_makes_the_headline_and_stands_beside_the_plain_answers():
    predictions = sampled(np.random.default_rng(7))
    card = scorecard(predictions, replace(FEW, rule="wbf", seed=2))
    fused = [
        replace(j, answer=wbf([Candidate.of(one) for one in j.rollouts], DETECTION.similarity))
        for j in predictions
    ]
    alone = paired_bootstrap(fused, predictions, AP, 40, 2)
    assert card["value"] == pytest.approx(AP.value(fused))
    assert card["value"] != pytest.approx(AP.value(predictions))
    assert card["plain"]["value"] == pytest.approx(AP.value(predictions))
    seen = card["plain"]["difference"]
    assert [seen[key] for key in ("value", "low", "high", "p")] == pytest.approx(
        [alone.value, alone.low, alone.high, alone.p]
    )
    assert (card["rule"], card["answers"]) == ("wbf", 4)
    plain = scorecard(predictions, replace(FEW, seed=2))
    assert {key: card["plain"][key] for key in ("value", "low", "high")} == {
        key: plain[key] for key in ("value", "low", "high")
    }
    assert card["compute"] == plain["compute"]
    assert card["classes"] != plain["classes"] and card["presence"] != plain["presence"]


def test_every_score_ranks_by_itself():
    # One hit and one spurious box each, both of confidence 0.5: only the other scores tell them apart.
    found = [detection(p, "cat", [A], [(B, 0.5), (A, 0.5)]) for p in "pq"]
    predictions = [
        with_logprobs(
            with_others(one, boxes((A, 0.9)), boxes((A, 0.9), (B, 1.0))),
            (math.log(0.2), math.log(0.8)),
            math.log(0.6),
        )
        for one in found
    ]
    found = scorecard(predictions, FEW)["rankings"]
    assert {name: row["ap"] for name, row in found.items() if name in ("box_logprob", "vote")} == {
        "box_logprob": pytest.approx(1.0),
        "vote": pytest.approx(1.0),
    }
    assert found["box_logprob"]["ece"] == pytest.approx(0.2)
    assert found["box_logprob"]["brier"] == pytest.approx(0.04)
    assert found["vote"]["ece"] == pytest.approx((0.5 + 0.0) / 2)  # shares 0.5 (spurious) and 1.0 (hit)
    assert found["answer_logprob"]["ece"] == pytest.approx(0.1)
    for name in ("confidence", "answer_logprob"):
        ties = found[name]["ap_ties"]
        assert ties["low"] < ties["high"] <= 1.0
        assert ties["high"] == pytest.approx(1.0)  # some order has both hits first
    assert found["box_logprob"]["ap_ties"] == {"low": pytest.approx(1.0), "high": pytest.approx(1.0)}


def test_a_box_without_a_probability_borrows_its_answer_s():
    bare = detection("p", "cat", [A], [(A, 0.9), (B, 0.5)])
    one = with_logprobs(bare, (None, math.log(0.3)), math.log(0.6))
    row = scorecard([one], FEW)["rankings"]["box_logprob"]
    assert row["borrowed"] == 1
    assert row["brier"] == pytest.approx((0.4**2 + 0.3**2) / 2)
    assert set(scorecard([bare], FEW)["rankings"]) == {"confidence"}
    misplaced = replace(one.answer, spans=((0, 1),))
    odd = replace(one, answer=misplaced, rollouts=(replace(one.rollouts[0], answer=misplaced),))
    assert set(scorecard([odd], FEW)["rankings"]) == {"confidence", "answer_logprob"}


def test_votes_need_further_answers_to_every_question_with_boxes():
    first = with_others(detection("p", "cat", [A], [(A, 0.9)]), boxes((A, 1.0)))
    silent, loud = detection("q", "cat", [A], []), detection("r", "cat", [A], [(B, 0.4)])
    assert "vote" in scorecard([first, silent], FEW)["rankings"]
    assert "vote" not in scorecard([first, loud], FEW)["rankings"]


def test_calibration_is_of_the_confidences_in_use():
    predictions = [detection("p", "cat", [A], [(A, 0.95), (B, 0.85)])]
    found = scorecard(predictions, FEW)["calibration"]
    assert (found["n"], found["ranking"]) == (2, "confidence")
    assert found["ece"] == pytest.approx((0.05 + 0.85) / 2)
    filled = {b["low"]: (b["n"], b["hit_share"]) for b in found["bins"] if b["n"]}
    assert filled == {0.8: (1, 0.0), 0.9: (1, 1.0)}
    assert found["bins"][0]["hit_share"] is None


def test_presence_and_its_gate_are_told_apart():
    yes, no, mumbled = gate("yes", True, 4), gate("no", False, 4), gate("hm", None, 7)
    predictions = [
        replace(detection("p", "cat", [A], [(A, 1.0)]), gate=yes),
        closed(detection("q", "cat", [A], []), no),
        closed(detection("r", "cat", [], []), no),
        replace(detection("s", "cat", [], [(A, 0.2)]), gate=yes),
        replace(detection("t", "cat", [A], [(A, 1.0)]), gate=mumbled),
    ]
    card = scorecard(predictions, FEW)
    assert card["gate"] == {
        "n": 5,
        "precision": 0.5,
        "recall": pytest.approx(1 / 3),
        "rejection": 0.5,
        "lost": pytest.approx(1 / 3),
        "unreadable": 0.2,
        "tokens": pytest.approx(23 / 5),
    }
    assert card["presence"]["recall"] == pytest.approx(2 / 3)
    assert (card["presence"]["positives"], card["presence"]["negatives"]) == (3, 2)
    assert "gate" not in scorecard([replace(j, gate=None) for j in predictions], FEW)


def test_what_a_gate_has_closed_is_not_fused_and_costs_its_own_tokens_alone():
    open_ = with_others(detection("p", "cat", [A], [(B, 0.9)]), boxes((A, 1.0)), boxes((A, 1.0)))
    shut = closed(detection("q", "cat", [A], []), gate("no", False, 4))
    predictions = [replace(with_prompts(open_, plain=50), gate=gate("yes", True, 6, 30)), shut]
    found = scorecard(predictions, FEW)["compute"]
    assert [(row["n"], row["tokens"]) for row in found["rules"]["wbf"]] == [
        (1, (30 + 6 + 50 + 9 + 4) / 2),
        (2, (30 + 6 + 50 + 9 + 7 + 4) / 2),
        (3, (30 + 6 + 50 + 9 + 14 + 4) / 2),
    ]
    fused = scorecard(predictions, replace(FEW, rule="wbf"))
    assert fused["answers"] == 2
    assert fused["presence"]["recall"] == 0.5


def test_base_novel_and_all_are_means_over_classes():
    found = {"cat": [(A, 1.0)], "dog": [(B, 1.0)], "yak": [(A, 1.0)]}
    predictions = [detection(p, name, [A], boxes) for p in "pq" for name, boxes in found.items()]
    options = replace(FEW, base=("cat", "dog"), novel=("yak",))
    assert scorecard(predictions, options)["open_vocabulary"] == {
        "base": pytest.approx(0.5),
        "novel": pytest.approx(1.0),
        "all": pytest.approx(2 / 3),
        "unmeasured": [],
    }
    assert "open_vocabulary" not in scorecard(predictions, FEW)
    with pytest.raises(InputError, match="zebra"):
        scorecard(predictions, replace(options, novel=("zebra",)))


def test_federated_ap_leaves_out_what_nobody_looked_for():
    # Nobody looked for a dog on q: its spurious box there is not a mistake.
    records = [
        record_of("p", labeled("cat", A), labeled("dog", B), absent=()),
        record_of("q", labeled("cat", A), absent=()),
    ]
    predictions = [
        detection("p", "cat", [A], [(A, 1.0)]),
        detection("p", "dog", [B], [(B, 0.5)]),
        detection("q", "cat", [A], [(A, 1.0)]),
        detection("q", "dog", [], [(C, 0.9)]),
    ]
    options = replace(FEW, records=records, frequencies={"cat": "f", "dog": "r"})
    card = scorecard(predictions, options)
    assert card["value"] == pytest.approx((1 + 0.5) / 2)
    assert card["federated"]["ap"] == pytest.approx(1.0)
    assert card["federated"]["by_frequency"] == {"r": pytest.approx(1), "c": None, "f": pytest.approx(1)}
    assert card["federated"]["left_out"] == 1
    assert card["federated"]["high"] == pytest.approx(1.0)
    whole = [replace(record, absent=None) for record in records]
    assert "federated" not in scorecard(predictions, replace(FEW, records=whole))


def test_names_are_counted_strictly_and_leniently():
    predictions = [naming("a", "cat", "a cat"), naming("b", "dog", "cat"), naming("c", "cat", None)]
    predictions.append(naming("d", "dog", "dog"))
    card = scorecard(predictions, FEW)
    assert {name: row["value"] for name, row in card["metrics"].items()} == {
        "accuracy": 0.25,
        "accuracy_lenient": 0.5,
        "accuracy_class_mean": 0.25,
    }
    assert card["naming"]["confusions"] == [
        {"right": "cat", "said": None, "count": 1},
        {"right": "cat", "said": "a cat", "count": 1},
        {"right": "dog", "said": "cat", "count": 1},
    ]
    assert card["naming"]["only_lenient"] == [{"right": "cat", "said": "a cat", "count": 1}]
    assert card["classes"] == {"cat": {"n": 2, "value": 0.0}, "dog": {"n": 2, "value": 0.5}}


def test_classes_count_alike_in_the_mean_of_classes():
    predictions = [naming(str(i), "cat", "cat") for i in range(9)] + [naming("x", "dog", "cat")]
    metric = ACCURACY_CLASS_MEAN
    assert metric.value(predictions) == 0.5
    assert metric.prepare(predictions)(np.array([0, 1, 0])) == 1.0
    assert metric.prepare(predictions)(np.array([9])) == 0.0
    assert np.isnan(metric.prepare(predictions)(np.array([], dtype=int)))


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=12)
def test_a_card_is_plain_json_without_nan(seed, images, categories):
    predictions = random_detections(np.random.default_rng(seed), images, categories)
    card = scorecard(predictions, CardOptions(resamples=5))
    assert json.loads(json.dumps(card, allow_nan=False)) == card


def test_nothing_to_be_found_is_none():
    card = scorecard([detection("p", "cat", [], [])], FEW)
    assert (card["value"], card["low"], card["metrics"]["ap50"]["value"]) == (None, None, None)
    assert card["classes"] == {"cat": {"n": 1, "value": None}}
    assert (card["presence"]["precision"], card["presence"]["rejection"]) == (None, 1.0)
    assert card["rankings"]["confidence"]["ece"] is None


@pytest.mark.parametrize(
    ("predictions", "options", "said"),
    [
        ([], FEW, "no answers to score"),
        (
            [*namings([True]), detection("p", "cat", [A], [])],
            FEW,
            r"several tasks \(classification, detection\)",
        ),
        ([detection("p", "cat", [A], [])] * 2, FEW, "twice"),
        ([detection("p", "cat", [A], [])], replace(FEW, rule="wbf"), "nothing to fuse"),
        (
            [with_others(detection("p", "cat", [A], []), boxes())],
            replace(FEW, rule="vote"),
            "no fusion rule 'vote'. Choose one of: wbf",
        ),
    ],
)
def test_what_cannot_be_scored_says_why(predictions, options, said):
    with pytest.raises(InputError, match=said):
        scorecard(predictions, options)


def test_answers_without_labels_are_not_scored():
    example = asked("a", "a", "detection", "cat", None)
    with pytest.raises(InputError, match=r"1 of the 1 questions have no label, such as 'a'"):
        scorecard([predicted(example, boxes())])


def test_seeds_are_put_together_and_compared():
    runs = [namings([True, True, False, True]), namings([True, False, False, True])]
    other = [namings([False, False, False, True])]
    found = combine(runs, other, resamples=50)
    assert (found["seeds"], found["value"], found["n"], found["images"]) == ([0.75, 0.5], 0.625, 4, 4)
    # Student's t(0.975, 1) = 12.706 times s / sqrt(2), s = 0.25 / sqrt(2)
    assert found["over_seeds"]["high"] == pytest.approx(0.625 + 12.7062 * 0.125, rel=1e-4)
    assert found["against"]["seeds"] == [0.25]
    assert found["against"]["over_seeds"] == {"value": 0.25, "low": None, "high": None}
    assert found["difference"]["value"] == pytest.approx(0.375)
    assert found["permutation_p"] is None
    assert json.dumps(found, allow_nan=False)
    assert "difference" not in combine(runs, resamples=5)


def test_two_single_runs_have_a_permutation_p():
    # Two of four images differ, both in favor of the first: of four sign patterns two are as extreme.
    found = combine(
        [namings([True, True, False, True])],
        [namings([False, False, False, True])],
        resamples=50,
    )
    assert found["permutation_p"] == pytest.approx(0.5)
    with pytest.raises(InputError, match="no answers"):
        combine([], None)


def test_what_is_not_a_number_is_null_in_json():
    assert plain_json({"low": float("nan"), "names": ("a", 2)}) == {"low": None, "names": ["a", 2]}
