"""What the page says of the studies: tables, sentences, and answers to readers' questions."""

from __future__ import annotations

import json
import re
from collections import Counter

from mini.cell import Cell, main_table
from mini.readers import FAIR, answers
from mini.studies import STUDIES
from mini.studies.attempts_table import attempts_sentences, attempts_table
from mini.studies.described import described_table
from mini.studies.size import size_table
from mini_files import attempt_point, cells_of, study_point, text_of, write


def test_the_study_of_data_says_where_sft_catches_up(tmp_path):
    folder = tmp_path / "studies" / "data"
    folder.mkdir(parents=True)
    write(tmp_path, [Cell("detection", 2, 0)])
    values = ((2, 0.3), (8, 0.39), (32, 0.41))
    points = [study_point("sft", shots, 0, value, 6 * shots) for shots, value in values]
    for number, point in enumerate(points):
        (folder / f"{number}.json").write_text(json.dumps(point))
    text = text_of(tmp_path)
    assert "first reaches that of RFT: about 96 for 2 shots a class (12 images, 1 seed)." in text
    assert "--study size`." in text
    assert (
        "| RFT | 2 | 12 | 1 | direct | 1 | 40.0" in text
        and "| SFT | 32 | 192 | 1 | direct | 1 | 41.0" in text
    )


def test_the_study_of_size_has_the_shipped_miniature_from_the_main_table(tmp_path):
    write(tmp_path, [Cell("detection", 2, 0)], sft_direct=0.27)
    point = study_point("rft", 2, 0, 0.5, 12) | {"x": {"width": 128}}
    point["scopes"]["all"]["systems"]["sft"] = point["scopes"]["all"]["systems"]["base"]
    rows = [line.split(" | ")[1:6] for line in size_table([point], cells_of(tmp_path)).splitlines()[2:]]
    assert [[cell[:5].strip() for cell in row] for row in rows] == [
        ["192", "1", "20.0", "27.0", "40.0"],
        ["128", "1", "20.0", "20.0", "50.0"],
    ]


def test_attempts_in_a_setting_that_contradicts_the_paper_are_counted(tmp_path):
    write(tmp_path, [Cell("detection", 8, 0)], rft=0.1)
    folder = tmp_path / "studies" / "sensitivity"
    folder.mkdir(parents=True)
    for number in range(3):
        point = study_point("rft", 2, 0, 0.4, 12) | {"x": {"group": 4, "beta": 0.0, "rate": 10.0**-number}}
        point["systems"]["rft"]["chosen"] = {"learning_rate": 1e-4, "step": 10}
        (folder / f"{number}.json").write_text(json.dumps(point))
    text = text_of(tmp_path)
    assert "RFT is below SFT, difference" in text and "Attempts in this setting: 3." in text
    assert "| detection | 4 | 0.0 | 1e-02 | 10 | 40.0" in text


def test_attempts_stand_next_to_the_protocol_and_the_twin_that_validation_chose():
    # Validation prefers the direct form though thinking scores higher on development questions.
    forms = {"sft_direct": (0.30, 0.5), "sft_think": (0.90, 0.4)}
    points = [attempt_point("protocol", 11, 0.25, **forms), attempt_point("beta 0", 11, 0.35)]
    points += [attempt_point("vision learns", 11, 0.4, sft_direct=(0.45, 0.5))]
    points += [attempt_point("DAPO", 12, 0.99)]
    rows = [line.split(" | ") for line in attempts_table(points, {}).splitlines()[2:]]
    assert [row[1] for row in rows] == ["protocol", "beta 0", "vision learns"]
    assert [row[5][:5] for row in rows] == ["\N{EN DASH}", "+10.0", "+15.0"]
    assert [row[6][:5] for row in rows] == ["\N{MINUS SIGN}5.0 ", "+5.0 ", "+10.0"]
    assert rows[2][7].startswith("\N{MINUS SIGN}5.0") and rows[1][7].startswith("\N{EN DASH}")
    (said,) = attempts_sentences([*points, attempt_point("LoRA", 11, 0.1, sft_direct=(0.2, 0.5))], {})
    assert "interval: beta 0 in detection, vision learns in detection (of 3 " in said
    assert "below: LoRA in detection." in said and "chosen by 60 validation questions" in said


def test_the_described_twin_stands_next_to_the_cells_of_its_seeds(tmp_path):
    cells = [Cell("detection", 2, seed) for seed in (0, 1)]
    write(tmp_path, cells)
    points = [
        study_point("sft_as_described", 2, seed, 0.22, 12) | {"x": {"system": "sft_as_described"}}
        for seed in (0, 1)
    ]
    row = described_table(points, cells_of(tmp_path)).splitlines()[-1].split(" | ")
    assert [cell[:5] for cell in row[2:]] == ["2", "20.0 ", "22.0 ", "30.0 ", "40.0 ", "+18.0", "+10.0"]
    alone = [*points, study_point("sft_as_described", 2, 2, 0.22, 12)]
    assert described_table(alone, cells_of(tmp_path)) == ""


MINUS = "\N{MINUS SIGN}"


def both_point(seed, shots, x, sft, rft):
    """A point with SFT and RFT, paired draw by draw."""
    point = study_point("rft", shots, seed, rft, 12) | {"x": x}
    point["scopes"]["all"]["systems"]["sft"] = study_point("sft", shots, seed, sft, 12)["scopes"]["all"][
        "systems"
    ]["sft"]
    return point


def test_a_question_whose_study_has_not_been_run_names_its_command(tmp_path):
    text = answers({}, cells_of(tmp_path))
    assert all(study.question.endswith("?") for study in STUDIES.values())
    for name, study in STUDIES.items():
        assert f"**{study.question}** Not run yet (`--study {name}`)." in text
    assert f"**{FAIR}** Not run yet (the main table)." in text


def test_how_often_images_were_shown_and_what_a_missing_validation_costs(tmp_path):
    write(tmp_path, main_table(), sft_equal_steps=0.25)
    text = answers({}, cells_of(tmp_path))
    # Step 20 of 16 images from 12 images, for both.
    assert "has seen each image 27 times (median; at most 27), RFT's 27 times." in text
    assert text.count(f"{MINUS}5.0 (") == 5


def test_the_leads_of_two_widths_are_compared_on_the_same_seeds(tmp_path):
    write(tmp_path, [Cell("detection", 2, seed) for seed in range(5)])
    points = [both_point(seed, 2, {"width": 128}, 0.33, 0.35) for seed in range(3)]
    said = STUDIES["size"].answer(points, cells_of(tmp_path))
    numbers = re.findall(rf"[+{MINUS}]\d+\.\d(?= \()", said)
    assert (
        numbers == ["+10.0", "+2.0", f"{MINUS}8.0"] and "at width 192 and" in said and "at width 128;" in said
    )
    assert STUDIES["size"].answer(points, {}) == ""


def test_hard_images_are_compared_with_easy_ones_by_the_same_seeds():
    points = [both_point(seed, 16, {"part": "hard"}, 0.3, 0.5) for seed in (0, 1)]
    points += [both_point(seed, 16, {"part": "easy"}, 0.32, 0.4) for seed in (1, 2)]
    said = STUDIES["difficulty"].answer(points, {})
    assert "(1 seed)" in said and "RFT +10.0 (" in said and f"and SFT {MINUS}2.0 (" in said
    assert STUDIES["difficulty"].answer(points[:2], {}) == STUDIES["difficulty"].answer([], {}) == ""


def test_the_map_names_its_best_and_its_worst_place():
    places = [(2, 0.0, 1e-5, 0.2), (8, 0.04, 1e-4, 0.4), (8, 0.04, 5e-5, 0.39)]
    points = [
        study_point("rft", 2, 0, value, 12) | {"x": {"group": group, "beta": beta, "rate": rate}}
        for group, beta, rate, value in places
    ]
    said = STUDIES["sensitivity"].answer(points, {})
    assert "from 20.0 (G 2, beta 0.0, rate 1e-05) to 40.0 (G 8, beta 0.04, rate 1e-04); 2 of 3 trials" in said


def test_the_map_is_drawn_along_the_protocols_beta_and_along_its_group_size():
    places = [(2, 0.04, 1e-5), (2, 0.04, 1e-4), (8, 0.04, 1e-4), (8, 0.0, 1e-4), (2, 0.0, 1e-4)]
    points = [
        study_point("rft", 2, 0, 0.3, 12) | {"x": {"group": group, "beta": beta, "rate": rate}}
        for group, beta, rate in places
    ]
    drawn = STUDIES["sensitivity"].plot(points, {})
    dots = Counter(re.findall(r"<title>(\w+ \S+), learning rate (\S+): 30</title>", drawn))
    assert dots == Counter(
        {
            ("group 2", "1e-05"): 1,
            ("group 2", "0.0001"): 1,
            ("group 8", "0.0001"): 1,
            ("beta 0.04", "0.0001"): 1,
            ("beta 0.0", "0.0001"): 1,
        }
    )
    assert STUDIES["sensitivity"].plot(points[-1:], {}) is None


def test_shuffled_rewards_on_other_seeds_stand_next_to_the_tables_one(tmp_path):
    write(tmp_path, [Cell("classification", 8, 0)], shuffled=0.28)
    found = [study_point("shuffled", 8, seed, 0.2 + gain, 12) for seed, gain in ((1, 0.04), (2, -0.06))]
    points = [point | {"setting": "classification"} for point in found]
    row = STUDIES["control"].table(points, cells_of(tmp_path)).splitlines()[-1].split(" | ")
    assert [cell.split(" (")[0] for cell in row[1:]] == ["8", "+8.0", "2", "20.0", "19.0", f"{MINUS}1.0"]
    said = STUDIES["control"].answer(points, {})
    assert f"8 shots: {MINUS}1.0 (" in said and "2 seeds that are in no table" in said
    assert STUDIES["control"].answer([], {}) == ""


def test_what_tuning_is_worth_to_sft_is_reported_by_setting(tmp_path):
    write(tmp_path, [Cell("detection", 2, seed) for seed in range(5)])
    points = [study_point("sft_as_described", 2, seed, 0.22, 12) for seed in (0, 1)]
    said = STUDIES["twin"].answer(points, cells_of(tmp_path))
    assert said.startswith("The tuned twin minus SFT") and "six base categories +8.0 (" in said


def test_attempts_that_can_be_distinguished_from_the_protocol_are_counted():
    points = [attempt_point("protocol", 11, 0.25, sft_direct=(0.3, 0.5))]
    points += [attempt_point(n, 11, v) for n, v in (("beta 0", 0.35), ("DAPO", 0.25), ("group 16", 0.1))]
    said = STUDIES["attempts"].answer(points, {})
    assert (
        said.startswith("Of 3 changes of RFT, one at a time (detection), 1 can be")
        and "and 1 as worse" in said
    )
