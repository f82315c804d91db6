"""The card: each figure against a closed form or the function that measures it alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_answers import detection, naming, namings, random_detections

from vrft.errors import InputError
from vrft.evaluation.judged import Gate, Judged, Said
from vrft.evaluation.scorecard import CardOptions, combine, scorecard
from vrft.evaluation.statistics import bootstrap, paired_bootstrap
from vrft.tasks.fusion import RULES_BY_TARGET, rules_for
from vrft.tasks.fusion.wbf import wbf
from vrft.tasks.metrics.average_precision import AREAS
from vrft.tasks.metrics.metric import METRICS
from vrft.tasks.task import load_task
from vrft.types import Answer, BoxesTarget, Example, LabelledBox, Record, Unlabelled

DETECTION, CLASSIFICATION, GROUNDING = map(load_task, ("detection", "classification", "grounding"))
A, B, C = (0.0, 0.0, 20.0, 20.0), (40.0, 40.0, 60.0, 60.0), (70.0, 0.0, 90.0, 20.0)
FEW = CardOptions(resamples=40, sizes=(1, 2, 3))


def with_others(judged: Judged, *answers: Answer, look: str = "plain") -> Judged:
    said = tuple(Said(answer.text, answer, 7, -0.5, look=look) for answer in answers)
    return replace(judged, others=judged.others + said, logprob=-0.4)


def boxes(*found: tuple[tuple[float, float, float, float], float]) -> Answer:
    return Answer(True, True, tuple(box for box, _ in found), tuple(score for _, score in found))


def label(name: str) -> Answer:
    return Answer(True, True, label=name, text=name)


def sampled(rng: np.random.Generator, pictures: int = 8) -> list[Judged]:
    """Detections with three further answers each, those of other random lists for the same questions."""
    lists = [random_detections(rng, pictures, 2) for _ in range(4)]
    return [
        with_others(first, *(other.answer for other in others)) for first, *others in zip(*lists, strict=True)
    ]


def test_the_headline_is_the_bootstrap_of_the_metric():
    judged = random_detections(np.random.default_rng(1), 12, 3)
    card = scorecard(DETECTION, judged[::-1], CardOptions(resamples=60, seed=5))
    alone = bootstrap(judged, METRICS["ap"], 60, 5)
    assert (card["value"], card["low"], card["high"]) == (alone.value, alone.low, alone.high)
    assert (card["task"], card["metric"], card["n"], card["pictures"]) == ("detection", "ap", 36, 12)
    unread = sum(not j.answer.parsed for j in judged)
    assert 0 < unread < 36
    assert card["parse_rate"] == card["format_rate"] == pytest.approx(1 - unread / 36)
    assert card["faults"] == {"not_readable": unread}
    read = [j for j in judged if j.answer.parsed]
    assert card["value_given_parsed"] == pytest.approx(METRICS["ap"].value(read))
    assert set(card["metrics"]) == {"ap", "ap50", "ap75", *(f"ap_{size}" for size in AREAS)}
    small = bootstrap(judged, METRICS["ap_small"], 60, 5)
    assert card["metrics"]["ap_small"] == {"value": small.value, "low": small.low, "high": small.high}
    for name, row in card["classes"].items():
        of_class = [j for j in judged if j.example.question == name]
        assert row == {"n": 12, "value": pytest.approx(METRICS["ap"].value(of_class))}


def test_an_answer_cut_off_is_not_finished():
    first, second = namings([True, False])
    card = scorecard(CLASSIFICATION, [replace(first, finished=False), second], FEW)
    assert card["finished_rate"] == 0.5


def test_tokens_are_those_of_the_headline():
    judged = [replace(j, prompt_tokens={"plain": 90 + i}) for i, j in enumerate(namings([True, False]))]
    flip = [
        replace(with_others(j, label("cat"), look="flip"), prompt_tokens={**j.prompt_tokens, "flip": 50})
        for j in judged
    ]
    assert scorecard(CLASSIFICATION, judged, FEW)["tokens"] == {"answer": 3, "prompt": 90.5}
    assert scorecard(CLASSIFICATION, flip, FEW)["tokens"] == {"answer": 3, "prompt": 90.5}
    fused = scorecard(CLASSIFICATION, flip, replace(FEW, rule="vote"))
    assert fused["tokens"] == {"answer": 10, "prompt": 140.5}
    unknown = [replace(flip[0], prompt_tokens={}), flip[1]]
    assert scorecard(CLASSIFICATION, unknown, FEW)["tokens"] == {"answer": 3, "prompt": None}


@pytest.mark.parametrize("task", [DETECTION, CLASSIFICATION, GROUNDING], ids=lambda task: task.name)
def test_one_answer_is_the_plain_answer_under_every_rule(task):
    rng = np.random.default_rng(3)
    if task is CLASSIFICATION:
        judged = [with_others(j, label("cat"), label("dog")) for j in namings([True, False, True, True])]
    else:
        judged = sampled(rng)
    if task is GROUNDING:
        judged = [
            replace(j, example=replace(j.example, task="grounding", target=BoxesTarget((A,)))) for j in judged
        ]
    card = scorecard(task, judged, FEW)
    rules = card["compute"]["rules"]
    assert set(rules) == set(RULES_BY_TARGET[type(judged[0].example.target)])
    for rows in rules.values():
        assert [row["n"] for row in rows] == [1, 2, 3]
        assert {key: rows[0][key] for key in ("value", "low", "high")} == {
            key: card[key] for key in ("value", "low", "high")
        }
    if task is not CLASSIFICATION:
        assert any(rows[2]["value"] != card["value"] for rows in rules.values())


def test_the_curve_counts_votes_and_tokens():
    # Right at 1, wrong at 2 (a tie goes to the likelier, the plain one), right again at 3.
    first = with_others(naming("a", "cat", "cat"), label("dog"), label("cat"))
    second = with_others(naming("b", "cat", "dog"), label("cat"), label("cat"))
    judged = [replace(j, others=(replace(j.others[0], look="flip"), j.others[1])) for j in (first, second)]
    judged = [replace(j, prompt_tokens={"plain": 100, "flip": 80}) for j in judged]
    found = scorecard(CLASSIFICATION, judged, FEW)["compute"]
    assert [(r["n"], r["looks"], r["tokens"], r["value"]) for r in found["rules"]["vote"]] == [
        (1, ["plain"], 103, 0.5),
        (2, ["plain", "flip"], 103 + 87, 0.5),
        (3, ["plain", "flip"], 103 + 87 + 7, 1.0),
    ]
    assert (found["fewest"], found["prompts_counted"], found["left_out"]) == (3, True, {})


def test_the_curve_ends_where_a_question_has_no_more_answers():
    long, short = namings([True, False])
    judged = [with_others(long, *[label("cat")] * 9), with_others(short, label("cat"), label("cat"))]
    found = scorecard(CLASSIFICATION, judged, CardOptions(resamples=10))["compute"]
    assert found["fewest"] == 3
    assert [row["n"] for row in found["rules"]["vote"]] == [1, 2]
    assert "compute" not in scorecard(CLASSIFICATION, [long, short], FEW)


def test_a_rule_without_its_log_probabilities_is_left_out_and_says_why():
    judged = [replace(with_others(j, label("dog")), logprob=None) for j in namings([True, True])]
    found = scorecard(CLASSIFICATION, judged, FEW)["compute"]
    assert set(found["rules"]) == {"vote", "self_consistency"}
    assert "log-probability" in found["left_out"]["best_logprob"]


def test_a_rule_makes_the_headline_and_stands_beside_the_plain_answers():
    judged = sampled(np.random.default_rng(7))
    card = scorecard(DETECTION, judged, replace(FEW, rule="wbf", seed=2))
    fused = [replace(j, answer=wbf([one.candidate for one in j.said])) for j in judged]
    alone = paired_bootstrap(fused, judged, METRICS["ap"], 40, 2)
    assert card["value"] == pytest.approx(METRICS["ap"].value(fused))
    assert card["value"] != pytest.approx(METRICS["ap"].value(judged))
    assert card["plain"]["value"] == pytest.approx(METRICS["ap"].value(judged))
    seen = card["plain"]["difference"]
    assert [seen[key] for key in ("value", "low", "high", "p")] == pytest.approx(
        [alone.value, alone.low, alone.high, alone.p]
    )
    assert (card["rule"], card["answers"]) == ("wbf", 4)
    plain = scorecard(DETECTION, judged, replace(FEW, seed=2))
    assert {key: card["plain"][key] for key in ("value", "low", "high")} == {
        key: plain[key] for key in ("value", "low", "high")
    }
    assert card["compute"] == plain["compute"]
    assert card["classes"] != plain["classes"] and card["presence"] != plain["presence"]


def test_every_score_ranks_by_itself():
    # One hit and one spurious box a question, both of confidence 0.5: only the other scores tell them apart.
    judged = [
        replace(
            with_others(
                detection(p, "cat", [A], [(B, 0.5), (A, 0.5)]), boxes((A, 0.9)), boxes((A, 0.9), (B, 1.0))
            ),
            box_logprobs=(math.log(0.2), math.log(0.8)),
            logprob=math.log(0.6),
        )
        for p in "pq"
    ]
    found = scorecard(DETECTION, judged, FEW)["rankings"]
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
    judged = replace(
        detection("p", "cat", [A], [(A, 0.9), (B, 0.5)]),
        box_logprobs=(None, math.log(0.3)),
        logprob=math.log(0.6),
    )
    row = scorecard(DETECTION, [judged], FEW)["rankings"]["box_logprob"]
    assert row["borrowed"] == 1
    assert row["brier"] == pytest.approx((0.4**2 + 0.3**2) / 2)
    assert set(scorecard(DETECTION, [replace(judged, logprob=None)], FEW)["rankings"]) == {"confidence"}


def test_votes_need_further_answers_to_every_question_with_boxes():
    first = with_others(detection("p", "cat", [A], [(A, 0.9)]), boxes((A, 1.0)))
    silent, loud = detection("q", "cat", [A], []), detection("r", "cat", [A], [(B, 0.4)])
    assert "vote" in scorecard(DETECTION, [first, silent], FEW)["rankings"]
    assert "vote" not in scorecard(DETECTION, [first, loud], FEW)["rankings"]


def test_calibration_is_of_the_confidences_in_use():
    judged = [detection("p", "cat", [A], [(A, 0.95), (B, 0.85)])]
    found = scorecard(DETECTION, judged, FEW)["calibration"]
    assert (found["n"], found["ranking"]) == (2, "confidence")
    assert found["ece"] == pytest.approx((0.05 + 0.85) / 2)
    filled = {b["low"]: (b["n"], b["hit_share"]) for b in found["bins"] if b["n"]}
    assert filled == {0.8: (1, 0.0), 0.9: (1, 1.0)}
    assert found["bins"][0]["hit_share"] is None


def test_presence_and_its_gate_are_told_apart():
    yes, no, mumbled = Gate("yes", True, 4), Gate("no", False, 4), Gate("hm", None, 7)
    judged = [
        replace(detection("p", "cat", [A], [(A, 1.0)]), gate=yes),
        replace(detection("q", "cat", [A], []), gate=no),
        replace(detection("r", "cat", [], []), gate=no),
        replace(detection("s", "cat", [], [(A, 0.2)]), gate=yes),
        replace(detection("t", "cat", [A], [(A, 1.0)]), gate=mumbled),
    ]
    card = scorecard(DETECTION, judged, FEW)
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
    assert "gate" not in scorecard(DETECTION, [replace(j, gate=None) for j in judged], FEW)


def test_what_a_gate_has_closed_is_not_fused_and_costs_its_own_tokens_alone():
    asked = with_others(detection("p", "cat", [A], [(B, 0.9)]), boxes((A, 1.0)), boxes((A, 1.0)))
    closed = replace(
        detection("q", "cat", [A], []), gate=Gate("no", False, 4), tokens=0, prompt_tokens={"plain": 99}
    )
    judged = [replace(asked, prompt_tokens={"plain": 50}, gate=Gate("yes", True, 6, 30)), closed]
    found = scorecard(DETECTION, judged, FEW)["compute"]
    assert [(row["n"], row["tokens"]) for row in found["rules"]["wbf"]] == [
        (1, (30 + 6 + 50 + 9 + 4) / 2),
        (2, (30 + 6 + 50 + 9 + 7 + 4) / 2),
        (3, (30 + 6 + 50 + 9 + 14 + 4) / 2),
    ]
    fused = scorecard(DETECTION, judged, replace(FEW, rule="wbf"))
    assert fused["answers"] == 2
    assert fused["presence"]["recall"] == 0.5


def test_base_novel_and_all_are_means_over_classes():
    found = {"cat": [(A, 1.0)], "dog": [(B, 1.0)], "yak": [(A, 1.0)]}
    judged = [detection(p, name, [A], boxes) for p in "pq" for name, boxes in found.items()]
    options = replace(FEW, base=("cat", "dog"), novel=("yak",))
    assert scorecard(DETECTION, judged, options)["open_vocabulary"] == {
        "base": pytest.approx(0.5),
        "novel": pytest.approx(1.0),
        "all": pytest.approx(2 / 3),
        "unmeasured": [],
    }
    assert "open_vocabulary" not in scorecard(DETECTION, judged, FEW)
    with pytest.raises(InputError, match="zebra"):
        scorecard(DETECTION, judged, replace(options, novel=("zebra",)))


def test_federated_ap_leaves_out_what_nobody_looked_for():
    # Nobody looked for a dog on q: its spurious box there is no mistake.
    labels = [LabelledBox("cat", A), LabelledBox("dog", B)]
    records = [
        Record("p", Path("p.png"), (100, 100), tuple(labels), absent=()),
        Record("q", Path("q.png"), (100, 100), (labels[0],), absent=()),
    ]
    judged = [
        detection("p", "cat", [A], [(A, 1.0)]),
        detection("p", "dog", [B], [(B, 0.5)]),
        detection("q", "cat", [A], [(A, 1.0)]),
        detection("q", "dog", [], [(C, 0.9)]),
    ]
    options = replace(FEW, records=records, frequencies={"cat": "f", "dog": "r"})
    card = scorecard(DETECTION, judged, options)
    assert card["value"] == pytest.approx((1 + 0.5) / 2)
    assert card["federated"]["ap"] == pytest.approx(1.0)
    assert card["federated"]["by_frequency"] == {"r": pytest.approx(1), "c": None, "f": pytest.approx(1)}
    assert card["federated"]["left_out"] == 1
    assert card["federated"]["high"] == pytest.approx(1.0)
    whole = [replace(record, absent=None) for record in records]
    assert "federated" not in scorecard(DETECTION, judged, replace(FEW, records=whole))


def test_names_are_counted_strictly_and_leniently():
    judged = [naming("a", "cat", "a cat"), naming("b", "dog", "cat"), naming("c", "cat", None)]
    judged.append(naming("d", "dog", "dog"))
    card = scorecard(CLASSIFICATION, judged, FEW)
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
    judged = [naming(str(i), "cat", "cat") for i in range(9)] + [naming("x", "dog", "cat")]
    metric = METRICS["accuracy_class_mean"]
    assert metric.value(judged) == 0.5
    assert metric.resampler(judged)(np.array([0, 1, 0])) == 1.0
    assert metric.resampler(judged)(np.array([9])) == 0.0
    assert np.isnan(metric.resampler(judged)(np.array([], dtype=int)))


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=12)
def test_a_card_is_plain_json_without_nan(seed, pictures, categories):
    judged = random_detections(np.random.default_rng(seed), pictures, categories)
    card = scorecard(DETECTION, judged, CardOptions(resamples=5))
    assert json.loads(json.dumps(card, allow_nan=False)) == card


def test_nothing_to_be_found_is_none():
    card = scorecard(DETECTION, [detection("p", "cat", [], [])], FEW)
    assert (card["value"], card["low"], card["metrics"]["ap50"]["value"]) == (None, None, None)
    assert card["classes"] == {"cat": {"n": 1, "value": None}}
    assert (card["presence"]["precision"], card["presence"]["rejection"]) == (None, 1.0)
    assert card["rankings"]["confidence"]["ece"] is None


@pytest.mark.parametrize(
    ("judged", "options", "said"),
    [
        ([], FEW, "no answers to score"),
        (namings([True]), FEW, "belongs to the task classification"),
        ([detection("p", "cat", [A], [])] * 2, FEW, "twice"),
        ([detection("p", "cat", [A], [])], replace(FEW, rule="wbf"), "nothing to fuse"),
        (
            [with_others(detection("p", "cat", [A], []), boxes())],
            replace(FEW, rule="vote"),
            "'vote' is not for these answers. Choose one of: wbf",
        ),
        (
            [replace(detection("p", "cat", [A], [(A, 1.0)]), box_logprobs=(-0.1, -0.2))],
            FEW,
            "2 log-probabilities for the 1 boxes",
        ),
    ],
)
def test_what_cannot_be_scored_says_why(judged, options, said):
    with pytest.raises(InputError, match=said):
        scorecard(DETECTION, judged, options)


def test_answers_without_labels_are_not_scored():
    example = Example("a", "a", Path("a.png"), (8, 8), "detection", "cat", Unlabelled())
    with pytest.raises(InputError, match=r"1 of the 1 questions have no label, such as 'a'"):
        scorecard(DETECTION, [Judged(example, "", boxes(), 1)])
    assert rules_for(Unlabelled()) == {}


def test_seeds_are_put_together_and_compared():
    runs = [namings([True, True, False, True]), namings([True, False, False, True])]
    other = [namings([False, False, False, True])]
    found = combine(CLASSIFICATION, runs, other, resamples=50)
    assert (found["seeds"], found["value"], found["n"], found["pictures"]) == ([0.75, 0.5], 0.625, 4, 4)
    # Student's t(0.975, 1) = 12.706 times s / sqrt(2), s = 0.25 / sqrt(2)
    assert found["over_seeds"]["high"] == pytest.approx(0.625 + 12.7062 * 0.125, rel=1e-4)
    assert found["against"]["seeds"] == [0.25]
    assert found["against"]["over_seeds"] == {"value": 0.25, "low": None, "high": None}
    assert found["difference"]["value"] == pytest.approx(0.375)
    assert found["permutation_p"] is None
    assert json.dumps(found, allow_nan=False)
    assert "difference" not in combine(CLASSIFICATION, runs, resamples=5)


def test_two_single_runs_have_a_permutation_p():
    # Two of four pictures differ, both in favour of the first: of four sign patterns two are as extreme.
    found = combine(
        CLASSIFICATION,
        [namings([True, True, False, True])],
        [namings([False, False, False, True])],
        resamples=50,
    )
    assert found["permutation_p"] == pytest.approx(0.5)
    with pytest.raises(InputError, match="no answers"):
        combine(CLASSIFICATION, [], None)
