"""How pages and tables write numbers, names and words."""

import pytest

from vrft.report.card_text import sentences, word
from vrft.report.charts import moving_mean, thin
from vrft.report.svg import log_scale, log_ticks, scale, ticks
from vrft.report.systems import MetricStyle, look_of, style_of, system_name
from vrft.tasks.number_format import (
    clip,
    duration,
    hundred,
    interval,
    measured,
    number,
    one_line,
    p_of,
    p_sentence,
    p_value,
    plain,
    upper_first,
)


def test_numbers_are_written_with_the_digits_that_help():
    assert [number("0.5"), number(float("nan")), number(True), number(2)] == [None, None, None, 2.0]
    shown = [hundred(0.4126), hundred(0.05, sign=True), hundred(-0.05), hundred(None)]
    assert shown == ["41.3", "+5.0", "−5.0", "–"]
    assert [measured(0.5), measured(1.5, unit="cups")] == ["50.0", "1.5"]
    assert [interval(0.1, 0.25), interval(1.0, 2.5, unit="cups")] == ["10.0 to 25.0", "1 to 2.5"]
    assert [p_value(0.0004), p_value(0.032), p_value(0.5)] == ["< 0.001", "0.032", "0.50"]
    assert [p_value(2 / 1001, 2 / 1001), p_value(2 / 61, 2 / 61)] == ["<= 0.002", "<= 0.033"]
    assert [p_value(2 / 20001, 2 / 20001), p_value(0.002, 2 / 1001)] == ["<= 0.0001", "0.002"]
    # A result that does not say how many draws it has is of the usual thousand.
    assert [p_of({"p": 2 / 1001}), p_of({"p": 2 / 61, "draws": 60}), p_of({})] == [
        "<= 0.002",
        "<= 0.033",
        "–",
    ]
    assert [p_sentence({"p": 2 / 1001}), p_sentence({"p": 0.4}, 3)] == ["p <= 0.002", "p = 0.400"]
    assert [plain(0.00003), plain(1.23456), plain(120), plain(2, sign=True)] == [
        "3e-05",
        "1.235",
        "120",
        "+2",
    ]
    assert [duration(42), duration(760), duration(7300)] == ["42 s", "12.7 min", "2.0 h"]


def test_words_are_clipped_and_kept_on_one_line():
    assert clip("abcdef", 4) == "abcd … (2 more characters)"
    assert [one_line("a\x1b[31m cat\n"), one_line(None, "nothing")] == ["a [31m cat", "nothing"]
    assert upper_first("mean IoU") == "Mean IoU"


def test_systems_and_metrics_have_names():
    assert [system_name("rft"), system_name("distilled")] == ["RFT", "distilled"]
    assert [look_of("rft"), look_of("rft_from_sft")] == ["rft", "extra"]
    assert MetricStyle("AP").heading() == "AP × 100"
    assert MetricStyle("error", "cups", False).heading() == "error, cups, lower is better"
    assert style_of("detection", {"metric": "ap"}).title == "AP"
    assert style_of("poker", {"metric": "wins"}).title == "wins"


def test_a_card_in_a_word_and_in_sentences():
    assert word({"task": "detection", "metric": "ap", "value": 0.41256}) == "AP 41.3"
    card = {"title": "accuracy", "value": 0.5, "low": 0.3, "high": 0.7, "n": 20, "images": 20}
    found = sentences(card | {"parse_rate": 1.0, "value_given_parsed": 0.5})
    start = "Accuracy 50.0 (95% interval 30.0 to 70.0) on 20 questions about 20 images. All answers "
    assert found.startswith(start)


def test_axes_have_round_values_in_their_places():
    assert scale(0, 10, 100, 200)(5) == 150.0
    assert log_scale(1, 100, 0, 200)(10) == pytest.approx(100.0)
    assert ticks(0, 97, 6) == [0.0, 20.0, 40.0, 60.0, 80.0]
    assert log_ticks(80, 700, 6) == [100.0, 200.0, 500.0]
    assert log_ticks(1500, 2400, 4) == [1500.0, 2000.0]
    assert moving_mean([(0, 0.0), (1, 3.0), (2, 6.0)], 1) == [(0, 1.5), (1, 3.0), (2, 4.5)]
    assert thin([(0, 0.0), (1, 2.0), (2, 4.0), (3, 6.0)], 2) == [(0.5, 1.0), (2.5, 5.0)]
