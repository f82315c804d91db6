"""Released rewards of texts, on inputs of our own: numbers worked out by hand from what the codes say."""

from __future__ import annotations

from pathlib import Path

import pytest

from vrft.rewards.papers import anls_codes, video_r1
from vrft.rewards.papers.onethinker.onethinker_text import choice_text, ocr_text, open_ended_text
from vrft.rewards.papers.rouge import rouge_mean, stem
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Annotation, Example, Image, Record, Text


@pytest.mark.parametrize(
    ("prediction", "answer", "docvqa", "mmlong", "slide"),
    [
        ("harbor", "harbour", 6 / 7, 6 / 7, 6 / 7),
        ("hb", "hc", 0.5, 0, 0),
        ("harbx", "hxrbz", 0.6, 0.6, 0.6),
        ("HARBOUR", "harbour", 1, 0, 0),
        ("north  pier", "north pier", 1, 10 / 11, 10 / 11),
        (" pier", "pier ", 1, 4 / 6, 4 / 6),
        ("", "", 1, 1, 0),
        ("", "pier", 0, 0, 0),
        ("groß", "gros", 0.8, 0.8, 0.75),
    ],
)
def test_four_codes_of_anls(prediction, answer, docvqa, mmlong, slide):
    assert anls_codes.docvqa(prediction, [answer]) == pytest.approx(docvqa)
    assert anls_codes.docvqa(prediction, ["zzzzzzzzzzzz", answer]) == pytest.approx(docvqa)
    if prediction.strip() != answer.strip() or prediction == answer:
        assert anls_codes.mmlongbenchdoc(prediction, answer) == pytest.approx(mmlong)
        assert anls_codes.slidevqa(prediction, answer) == pytest.approx(slide)


def tagged(content):
    return f"<think>x</think><answer>{content}</answer>"


@pytest.mark.parametrize(
    ("kind", "said", "right", "value", "guarded"),
    [
        ("multiple choice", "C", "C", 1, 1),
        ("multiple choice", " C ", "C", 1, 1),
        ("multiple choice", "c", "C", 0, 0),
        ("multiple choice", "C.", "C", 0, 0),
        ("Multiple choice", "C", "C", 0, 0),
        ("numerical", "7.004", "7.0", 1, 1),
        ("numerical", "7.006", "7.0", 0, 0),
        ("numerical", "7.0", "7", 0, 0),
        ("numerical", "inf", "inf", 1, 0),
        ("numerical", "nan", "7", 0, 0),
        ("regression", "8", "10", 0.8, 0.8),
        ("regression", "40", "10", 0, 0),
        ("regression", "NaN", "10", 1, 0),
        ("regression", "inf", "10", 0, 0),
        ("regression", "8 m", "10", 0, 0),
        ("OCR", "north pier", "north pier 7", 2 / 3, 2 / 3),
        ("OCR", "North pier 7", "north pier 7", 2 / 3, 2 / 3),
        ("OCR", "a b c d e f g", "north pier 7", 0, 0),
        ("OCR", "", "", 1, 1),
        ("free-form", "two boats", "two boats", 1, 1),
        ("free-form", "boats", "boat", 2 / 3, 2 / 3),
        ("free-form", "", "boat", 0, 0),
        ("free-form", "二隻の船", "二隻の船", 0, 0),
    ],
)
def test_video_r1_and_grpo_care(kind, said, right, value, guarded):
    solution = f"<answer>{right}</answer>"
    assert video_r1.accuracy(tagged(said), solution, kind) == pytest.approx(value, abs=1e-9)
    assert video_r1.accuracy(tagged(said), solution, kind, True) == pytest.approx(guarded, abs=1e-9)


def test_a_label_without_tags_makes_every_untagged_answer_right():
    assert video_r1.accuracy("whatever", "C", "multiple choice") == 1
    assert video_r1.accuracy("C", "<answer>C</answer>", "multiple choice") == 0


def test_rouge_is_the_mean_of_three():
    # 1-grams: 2 of 3 and 2 of 4; 2-grams: 1 of 2 and 1 of 3; the longest common subsequence has 2 words.
    f1, f2 = 2 * 2 / 7, 2 * 1 / 5
    assert rouge_mean("a red boat sails", "red boat here") == pytest.approx((f1 + f2 + f1) / 3)
    assert rouge_mean("one two", "two one") == pytest.approx((1 + 0 + 0.5) / 3)


def test_stems_are_porters_where_nltk_adds_nothing():
    porter = pytest.importorskip("snowballstemmer").stemmer("porter")
    words = [
        "caresses", "cats", "agreed", "plastered", "motoring", "conflated", "troubling", "sized",
        "hopping", "falling", "hissing", "filing", "happen", "relational", "conditional", "valenci",
        "hesitanci", "digitizer", "radicalli", "differentli", "operator", "feudalism", "decisiveness",
        "hopefulness", "callousness", "formaliti", "sensitiviti", "triplicate", "formative",
        "formalize", "electrical", "hopeful", "goodness", "revival", "allowance", "inference",
        "airliner", "adjustable", "defensible", "irritant", "replacement", "adoption", "communism",
        "activate", "homologous", "effective", "probate", "rate", "controll", "roll",
        "generalizations", "oscillators",
    ]  # fmt: skip
    assert [stem(word) for word in words] == porter.stemWords(words)
    assert [stem(word) for word in ("dying", "skies", "ties", "tied", "toy", "happy", "enjoy")] == [
        "die", "sky", "tie", "tie", "toy", "happi", "enjoy",
    ]  # fmt: skip


def test_onethinker_reads_the_whole_text_where_its_tags_are_empty():
    assert ocr_text("<answer></answer> north pier", "<answer></answer> north pier") == 1
    assert [choice_text(tagged(x), "B") for x in ("b", "(B)", "\\boxed{B}", "B.", "BC")] == [1, 1, 1, 0, 0]
    assert open_ended_text(tagged("boats"), "boat") == pytest.approx(2 / 3)
    fractions = ("3/4", "0.75", "\\dfrac{3}{4}", "$\\boxed{\\frac{6}{8}}$", "0.76", "4/3", "3/0")
    assert [choice_text(tagged(x), "$0.75$") for x in fractions] == [1, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "said", "label", "accuracy"),
    [
        (None, "12.004", "12", 1.0),
        ("numerical", "12.004", "12", 1.0),
        ("regression", "9.2", "8", 0.7),
        ("math", "1/8", "0.125", 1.0),
        ("OCR", "north gate", "north pier", 0.5),
        ("open-ended", "boats", "boat", 2 / 3),
        ("riddle", "12", "12", 0.0),
    ],
)
def test_onethinkers_kinds_of_question(kind, said, label, accuracy):
    options = {} if kind is None else {"accuracy": {"kind": kind}}
    scorer = Scorer(
        load_task("vqa"), RewardOptions(setting="onethinker", allow_unsafe_reward=True, options=options)
    )
    example = Example("a", "a", "vqa", (Image(Path("a.png"), (8, 8)),), "What?", Text(label))
    assert scorer.score_text(tagged(said), example, []).terms["accuracy"] == pytest.approx(0.9 * accuracy)


def test_settings_bear_these_numbers():
    task = load_task("vqa")
    said = (Annotation("question", "How many?", Text("12", ("12", "twelve"))),)
    (example,) = task.examples([Record("a", (Image(Path("a.png"), (8, 8)),), said)])
    totals = {
        name: Scorer(task, RewardOptions(setting=name, allow_unsafe_reward=True))
        .score_text(tagged("12.0"), example, [])
        .terms
        for name in ("recommended", "onethinker", "video_r1", "docvqa")
    }
    assert totals["recommended"] == {"accuracy": 1, "format": 1}
    assert totals["onethinker"] == pytest.approx({"accuracy": 0.9, "format": 0.1, "structure": 0.5})
    assert totals["video_r1"] == {"accuracy": 0, "format": 1}
    assert totals["docvqa"] == {"anls": 0.5, "format": 1}
