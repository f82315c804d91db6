"""The card on the page and on the terminal: the figures of the JSON, the same in both."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from making import make_evaluation, write_json
from reading import Page, read_page
from rich.console import Console

from vrft.cli.card_tables import print_card, print_combined
from vrft.evaluation.predictor import read_predictions, write_predictions
from vrft.evaluation.scorecard import combine, scorecard
from vrft.report.build_report import build_evaluation_page, build_report
from vrft.report.card_text import card_tables, sentences
from vrft.report.charts import Series, draw_matrix, line_chart
from vrft.report.gallery import pick_extremes
from vrft.report.svg import log_ticks
from vrft.tasks.classification.classification_sections import MOST_CLASSES, confusion_matrix
from vrft.tasks.number_format import one_line
from vrft.tasks.registry import load_task
from vrft.types import Answer, Completion, Label, Prediction, Prompt, Rollout, Turn

KINDS = {
    "detection": None,
    "classification": None,
    "grounding": None,
    "fused detection": "wbf",
    "fused classification": "vote",
}
RANKED = {
    "confidence": "confidence, as given",
    "answer_logprob": "probability of the answer's tokens",
    "vote": "vote of the further answers",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    parent = tmp_path_factory.mktemp("evaluations")
    for kind, rule in KINDS.items():
        make_evaluation(parent / kind, kind.split()[-1], rule=rule)
    return parent


def card_of(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())


def hundred(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{100 * value:{sign}.1f}".replace("-", "−").replace("+0.0", "0.0")


def spread(row: dict, sign: str = "") -> str:
    return "–" if row["low"] is None else f"{hundred(row['low'], sign)} to {hundred(row['high'], sign)}"


def printed(card: dict, width: int = 300) -> str:
    out = io.StringIO()
    print_card(card, Console(file=out, width=width, highlight=False))
    return out.getvalue()


def cells(text: str) -> set[tuple[str, ...]]:
    """The rows of all tables on a terminal."""
    lines = [line for line in text.splitlines() if line.startswith("│")]
    return {tuple(cell.strip() for cell in line.strip("│").split("│")) for line in lines}


def rows_of(page: Page, table: str) -> list[list[str]]:
    return page.tables[f"{table} figures"]


@pytest.mark.parametrize("kind", KINDS)
def test_page_and_terminal_have_the_figures_of_the_json(made, tmp_path, kind):
    card = card_of(made / kind)
    page, terminal = read_page(build_report([made / kind], tmp_path / "r.html")), printed(card)
    titles = {metric.name: metric.title for metric in load_task(card["task"]).metrics}
    assert set(card["metrics"]) == set(titles)
    expected: dict[str, set[tuple[str, ...]]] = {
        "metrics": {
            (titles[name], hundred(row["value"]), spread(row)) for name, row in card["metrics"].items()
        },
        "answers": {(hundred(card[key]),) for key in ("parse_rate", "format_rate", "finished_rate")}
        | {(hundred(card["value_given_parsed"]),)},
        "faults": {(str(n), hundred(n / card["n"])) for n in card["faults"].values()},
    }
    if len(card["classes"]) > 1:
        expected["classes"] = {
            (name, str(row["n"]), hundred(row["value"])) for name, row in card["classes"].items()
        }
    if card["rule"]:
        seen = card["plain"]["difference"]
        expected["plain"] = {
            (hundred(card["value"]), spread(card)),
            (hundred(card["plain"]["value"]), spread(card["plain"])),
            (hundred(seen["value"], "+"), spread(seen, "+")),
        }
        alone = f"{hundred(card['plain']['value'])} (95% interval {spread(card['plain'])})"
        assert f"The plain answers alone: {alone}; difference {hundred(seen['value'], '+')}" in sentences(
            card
        )
    if card["task"] == "detection":
        shares = ("precision", "recall", "f1", "rejection")
        expected["presence"] = {(hundred(card["presence"][key]),) for key in shares}
        expected["open_vocabulary"] = {
            (f"{key} classes", hundred(card["open_vocabulary"][key])) for key in ("base", "novel", "all")
        }
        expected["rankings"] = {
            (
                RANKED[name],
                hundred(r["ap"]),
                spread(r["ap_ties"]),
                *(hundred(r[k]) for k in ("ap50", "ece", "brier")),
            )
            for name, r in card["rankings"].items()
        }
    if card["task"] == "classification":
        wrong = Counter((r["right"], r["said"] or "(not readable)") for r in card["naming"]["confusions"])
        assert wrong
        expected["confusions"] = {
            (r["right"], r["said"] or "(not readable)", str(r["count"])) for r in card["naming"]["confusions"]
        }
    assert {"metrics", "answers"} < {table for table, rows in expected.items() if rows}
    for table, rows in ((table, rows) for table, rows in expected.items() if rows):
        on_page = {tuple(row) for row in rows_of(page, table)}
        for row in rows:
            assert any(set(row) <= set(shown) for shown in on_page), (table, row)
            assert any(set(row) <= set(shown) for shown in cells(terminal)), (table, row)
    told_page, told_terminal = " ".join(page.text.split()), " ".join(terminal.split())
    assert sentences(card) in told_page and sentences(card) in told_terminal
    assert f"{hundred(card['value'])} (95% interval {spread(card)})" in told_terminal


@pytest.mark.parametrize("kind", ["detection", "classification"])
def test_the_curve_is_on_the_page_and_on_the_terminal(made, tmp_path, kind):
    card = card_of(made / kind)
    found = card["compute"]["rules"]
    page, terminal = read_page(build_report([made / kind], tmp_path / "r.html")), printed(card)
    head, *rows = rows_of(page, "compute")
    first = next(iter(found.values()))
    assert head == ["Answers", *(str(row["n"]) for row in first)]
    assert rows[0] == ["tokens", *(f"{row['tokens']:,.0f}" for row in first)]
    assert tuple(rows[0]) in cells(terminal)
    views = [", ".join(row["views"]) for row in first]
    assert rows[1 : -len(found)] == ([["views", *views]] if len(set(views)) > 1 else [])
    for row, (name, listed) in zip(rows[-len(found) :], found.items(), strict=True):
        assert row[0] == name
        for shown, one in zip(row[1:], listed, strict=True):
            assert shown.split("\n") == [hundred(one["value"]), spread(one)]
        assert (name, *(hundred(one["value"]) for one in listed)) in cells(terminal)
        assert ("", *(spread(one) for one in listed)) in cells(terminal)
    names = {text for text in page.words if text in found}
    assert names == set(found)


def test_what_a_rule_leaves_out_is_said(made, tmp_path):
    card = card_of(made / "detection")
    card["compute"]["left_out"] = {"best_logprob": "no log-probabilities <b>"}
    page = read_page(build_evaluation_page(card, [], tmp_path / "r.html"))
    assert "best_logprob is left out: no log-probabilities <b>" in page.text


def test_the_page_of_a_folder_is_that_of_its_card_and_answers(made, tmp_path):
    folder = made / "fused detection"
    predictions = read_predictions(folder / "predictions.jsonl")
    own = read_page(build_evaluation_page(card_of(folder), predictions, tmp_path / "own.html"))
    of_folder = read_page(build_report([folder], tmp_path / "folder.html"))
    assert own.text == of_folder.text
    assert "missing or doubtful" not in own.text
    assert {"Plain", "Fused"} <= set(own.words)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in own.tags}


def test_several_evaluations_share_a_page(made, tmp_path):
    page = read_page(build_report([made], tmp_path / "r.html"))
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    assert {given["href"][1:] for tag, given in page.tags if tag in ("a", "use")} <= set(ids)
    assert len([c for c in page.classes("section") if c == "evaluation"]) == len(KINDS)


@pytest.mark.parametrize("content", [None, "{", "[]", "null", '{"metrics": 3, "naming": {"confusions": 5}}'])
def test_a_result_that_is_missing_or_torn_is_no_crash(made, tmp_path, content):
    folder = Path(shutil.copytree(made / "classification", tmp_path / "eval"))
    (folder / "result.json").unlink() if content is None else (folder / "result.json").write_text(content)
    page = read_page(build_report([folder], tmp_path / "r.html"))
    assert page.classes("article")  # the answers are shown all the same
    if content in (None, "{", "[]"):
        assert "result.json" in page.text.split("missing or doubtful")[1]


def test_torn_predictions_are_reported(made, tmp_path):
    folder = Path(shutil.copytree(made / "detection", tmp_path / "eval"))
    whole = (folder / "predictions.jsonl").read_text()
    (folder / "predictions.jsonl").write_text(whole[:200] + "\n" + whole)
    page = read_page(build_report([folder], tmp_path / "r.html"))
    assert "predictions.jsonl cannot be read" in page.text
    assert rows_of(page, "metrics")


EVIL = "<script>alert(1)</script>[red]\x1b[2J[/red]</pre>"


def test_a_model_s_words_stay_words(made, tmp_path):
    folder = Path(shutil.copytree(made / "classification", tmp_path / "eval"))
    answer, said = Answer(Label(EVIL), text=EVIL), (Turn(Prompt(), Completion(EVIL, (1, 2, 3))),)
    evil = [
        Prediction(p.example, answer, (Rollout(p.example, said, answer),))
        for p in read_predictions(folder / "predictions.jsonl")
    ]
    card = scorecard(evil)
    write_predictions(folder / "predictions.jsonl", evil)
    write_json(folder / "result.json", card)
    page = read_page(build_report([folder], tmp_path / "r.html"))
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script>alert(1)</script>[red] [2J[/red]</pre>" in rows_of(page, "confusions")[1][1]
    terminal = printed(card)
    assert "\x1b" not in terminal
    assert "[red] [2J[/red]" in terminal


def test_a_short_table_has_the_worst_classes_and_says_so():
    classes = {f"c{i:02}": {"n": 3, "value": i / 30} for i in range(25)}
    card = {"metric": "accuracy", "classes": {**classes, "none": {"n": 1, "value": None}}}
    (short,) = card_tables(card, short=True)
    assert short.title == "Classes: the 10 worst of 26"
    assert [row[0] for row in short.rows] == [f"c{i:02}" for i in range(10)]
    (whole,) = card_tables(card)
    assert len(whole.rows) == 26 and whole.title == "Classes"
    few = {"metric": "accuracy", "classes": dict(list(classes.items())[:20])}
    assert len(card_tables(few, short=True)[0].rows) == 20


def test_a_confusion_matrix_counts_every_answer_once(made):
    card = card_of(made / "classification")
    (matrix,) = confusion_matrix(card["naming"])
    counts = {
        row: dict(zip(matrix.columns, own, strict=True))
        for row, own in zip(matrix.rows, matrix.counts, strict=True)
    }
    assert {name: sum(row.values()) for name, row in counts.items()} == {
        name: row["n"] for name, row in card["classes"].items()
    }
    right = sum(row[name] for name, row in counts.items())
    assert right == round(card["value"] * card["n"])
    plot = draw_matrix(matrix)
    said = re.findall(r"<title>(\w+) called ([\w ]+): (\d+) of", plot)
    assert Counter({(row, column): int(n) for row, column, n in said if int(n)}) == Counter(
        {(row, column): n for row, listed in counts.items() for column, n in listed.items() if n}
    )


@pytest.mark.parametrize(
    ("classes", "drawn"), [(1, False), (2, True), (MOST_CLASSES, True), (MOST_CLASSES + 1, False)]
)
def test_only_a_few_classes_are_drawn_as_a_matrix(classes, drawn):
    named = {f"c{i}": {"n": 1, "value": 1.0} for i in range(classes)}
    matrices = confusion_matrix({"classes": named, "confusions": []})
    assert [bool(draw_matrix(one)) for one in matrices] == [True] * drawn
    assert not confusion_matrix({"classes": named})


def test_equal_ratios_are_equal_lengths_on_an_axis_of_ratios():
    points = [(100.0, 1.0), (200.0, 2.0), (400.0, 3.0), (800.0, 2.0)]
    spread = [(y - 1, y + 1) for _, y in points]
    drawn = line_chart(
        [Series("wbf", "c0", points, marked=True, spread=spread)], "said", axis="tokens", log=True
    )
    xs = [float(x) for x in re.findall(r'cx="([\d.]+)"', drawn)]
    assert [b - a for a, b in pairwise(xs)] == pytest.approx([xs[1] - xs[0]] * 3, abs=0.02)
    whiskers = [
        tuple(map(float, m)) for m in re.findall(r'y1="([\d.]+)" y2="([\d.]+)" class="spread"', drawn)
    ]
    ys = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert [(low + high) / 2 for low, high in whiskers] == pytest.approx(ys, abs=0.02)
    assert all(low > y > high for (low, high), y in zip(whiskers, ys, strict=True))


@pytest.mark.parametrize(("low", "high"), [(80, 700), (1500, 2400), (3, 90_000), (50, 50), (0.02, 3)])
def test_an_axis_of_ratios_has_some_marks_inside(low, high):
    marks = log_ticks(low, high, 6)
    assert 1 <= len(marks) <= 8
    assert marks == sorted(marks)
    assert all(low * (1 - 1e-9) <= mark <= high * (1 + 1e-9) for mark in marks)


def test_the_gallery_has_the_worst_and_the_best_answers(made):
    predictions = read_predictions(made / "detection" / "predictions.jsonl")
    task = load_task("detection")
    cases = pick_extremes({"answer": predictions}, task, "answer", 3)
    worst = [case.gain for case in cases if case.why == "worst"]
    best = [case.gain for case in cases if case.why == "best"]
    scores = sorted(task.score(one.answer, one.example.target) for one in predictions)
    assert worst == scores[: len(worst)] and len(worst) == 4
    assert len(best) == 4 and min(best) >= max(worst) and max(best) == scores[-1]
    ids = [case.answers["answer"].example.id for case in cases]
    assert len(set(ids)) == len(ids) == 12
    best_empty = [c.answers["answer"].example.target.is_empty for c in cases if c.why == "best"]
    assert sum(best_empty) <= 2


def test_the_sentence_says_what_is_not_known():
    card = {"task": "detection", "metric": "ap", "value": None, "n": 1, "images": 1, "parse_rate": 0.0}
    unread = "0.0 of 100 answers could be read."
    assert sentences(card) == f"AP cannot be measured on 1 question about 1 image. {unread}"
    one = card | {"value": 0.5, "low": None, "high": None, "n": 2, "images": 1, "parse_rate": 1.0}
    assert sentences(one).startswith("AP 50.0 (too few images for an interval) on 2 questions about 1 ")


def test_a_long_name_is_cut():
    assert len(one_line("x" * 500)) < 100


def test_seeds_are_printed(made):
    predictions = read_predictions(made / "grounding" / "predictions.jsonl")
    other = [Prediction(p.example, p.rollouts[1].answer, p.rollouts[1:2]) for p in predictions]
    found = combine([predictions, other], [other], resamples=20)
    out = io.StringIO()
    print_combined(found, Console(file=out, width=200, highlight=False))
    shown = cells(out.getvalue())
    seeds = ", ".join(map(hundred, found["seeds"]))
    there = found["against"]
    own = ("this system", seeds, hundred(found["value"]), spread(found), spread(found["over_seeds"]))
    other_row = ("the other", hundred(there["value"]), hundred(there["value"]), spread(there), "–")
    seen = found["difference"]
    difference = ("difference", "", hundred(seen["value"], "+"), spread(seen, "+"), "")
    assert {own, other_row, difference} <= shown
