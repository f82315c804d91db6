"""The one number of an answer: every spelling of a number is that number, and no two numbers are one."""

from __future__ import annotations

import math
import time
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.answer_parsers import parse_number_answer
from vrft.tasks.parsing.numbers import read_number
from vrft.types import Fault, Form, Number
from vrft.types.units import converted, unit_of

numbers = st.decimals(-(10**7), 10**7, places=3, allow_nan=False).map(lambda d: d.normalize() + 0)


def plain(number: Decimal) -> str:
    return f"{number:f}"


SPELLINGS = {
    "plain": plain,
    "with groups": lambda d: f"{d:,f}",
    "with thin blanks": lambda d: f"{d:,f}".replace(",", "\u202f"),
    "with the minus sign": lambda d: plain(d).replace("-", "−"),
    "full width": lambda d: plain(d).translate({48 + i: 0xFF10 + i for i in range(10)}),
    "bold": lambda d: f"**{plain(d)}**",
    "boxed": lambda d: rf"\boxed{{{plain(d)}}}",
    "in a formula": lambda d: f"${plain(d)}$",
    "in brackets": lambda d: f"({plain(d)})",
    "in a list": lambda d: f"[{plain(d)}]",
    "in an object": lambda d: f'{{"count": {plain(d)}}}',
    "in quotes": lambda d: f'"{plain(d)}"',
    "at the end of a sentence": lambda d: f"It is {plain(d)}.",
    "with zeros behind": lambda d: plain(d) + ("0" if "." in plain(d) else ".00"),
    "without the zero before": lambda d: plain(d).replace("0.", ".", 1) if abs(d) < 1 else plain(d),
    "twice": lambda d: f"{plain(d)} ({d:,f})",
}


@settings(max_examples=100, deadline=None)
@given(number=numbers)
@example(number=Decimal("0"))
@example(number=Decimal("1234567.001"))
@example(number=Decimal("-0.5"))
def test_every_spelling_of_a_number_is_that_number(number: Decimal) -> None:
    for name, spelt in SPELLINGS.items():
        assert read_number(spelt(number)).number == float(number), (name, spelt(number))
    assert read_number(plain(number)).faults == () and str(read_number("-0").number) == "0.0"


@settings(max_examples=150, deadline=None)
@given(
    one=numbers,
    other=numbers,
    joint=st.sampled_from([" or ", ", not ", " to ", "-", " and ", "; ", "\n", " "]),
)
def test_of_two_different_numbers_none_is_taken(one: Decimal, other: Decimal, joint: str) -> None:
    text = f"{plain(one)}{joint}{plain(other)}"
    read = read_number(text)
    if one != other and read.number is not None:
        # Behind a blank a group of three continues a number.
        assert joint == " " and read.number == float(text.replace(" ", ""))


WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
"""


def spelt(number: int) -> str:
    """English words, by recursion and not by a pattern."""
    small = WORDS.split()
    tens = small[20:]
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            return f"{spelt(number // size)} {name}" + (
                f" {'and ' * (rest < 100)}{spelt(rest)}" if rest else ""
            )
    if number < 20:
        return small[number]
    return tens[number // 10 - 2] + (f"-{small[number % 10]}" if number % 10 else "")


def test_words_are_numbers() -> None:
    for number in (*range(201), 305, 999, 1000, 1001, 1100, 12_345, 100_000, 999_999, 1_000_000, 2_000_013):
        words = spelt(number)
        assert read_number(words).number == number, words
        assert read_number(f"{words.capitalize()} ({number})", counts=True).number == number
    assert read_number("a dozen").number == read_number("1 dozen").number == 12
    assert read_number("2.5 million").number == 2_500_000


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("between 3 and 4", Fault.HEDGED),
        ("3-4", Fault.RANGE),
        ("3 – 4", Fault.RANGE),
        ("3 to 3", Fault.RANGE),
        ("3 or 4", Fault.HEDGED),
        ("6, not 5", Fault.HEDGED),
        ("at least 3", Fault.HEDGED),
        ("a few", Fault.HEDGED),
        ("several", Fault.HEDGED),
        ("about 8", Fault.HEDGED),
        ("≈ 8", Fault.HEDGED),
        ("8?", Fault.HEDGED),
        ("8+", Fault.HEDGED),
        ("two cups and three forks", Fault.SEVERAL_NUMBERS),
        ("4 + 5 = 9", Fault.SEVERAL_NUMBERS),
        ("9 of 10", Fault.SEVERAL_NUMBERS),
        ("1. red 2. blue", Fault.SEVERAL_NUMBERS),
        ("1,5", Fault.COMMA_DECIMAL),
        ("1,23,456", Fault.COMMA_DECIMAL),
        ("0,500", Fault.COMMA_DECIMAL),
        ("12 cm", Fault.OTHER_UNIT),
        ("$ 8", Fault.OTHER_UNIT),
        ("50 %", Fault.OTHER_UNIT),
        ("-3", Fault.NOT_A_COUNT),
        ("2.5", Fault.NOT_A_COUNT),
        ("1½", Fault.NOT_READABLE),
        ("1/2", Fault.NOT_READABLE),
        ("two thirds", Fault.NOT_READABLE),
        ("half a dozen", Fault.NOT_READABLE),
        ("3.4.5", Fault.NOT_READABLE),
        ("12:30", Fault.NOT_READABLE),
        ("A4", Fault.NOT_READABLE),
        ("img_3.png", Fault.NOT_READABLE),
        ("8k", Fault.NOT_READABLE),
        ("3rd", Fault.NOT_READABLE),
        ("1e999", Fault.NOT_READABLE),
        ("inf", Fault.NOT_READABLE),
        ("nan", Fault.NOT_READABLE),
        ("many thanks", Fault.HEDGED),
        ("not applicable", Fault.HEDGED),
        ("There are no more than 5 cups.", Fault.HEDGED),
        ("No idea.", Fault.NOT_READABLE),
        ("I cannot count them.", Fault.HEDGED),
        ("n/a", Fault.NOT_READABLE),
        ("", Fault.EMPTY),
        ("9" * 3000, Fault.NOT_READABLE),
    ],
)
def test_what_is_no_count_says_why(text: str, fault: Fault) -> None:
    assert read_number(text, counts=True) == (None, "", (fault,))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("There are 12 in the image.", 12),
        ("4 feet", 4),
        ("I see nine of them in all", 9),
        ("none", 0),
        ("There are no cups in the image.", 0),
        ("There aren't any.", 0),
        ("I don't see any cups.", 0),
        ("No cups.", 0),
        ("the 2nd image shows 3", 3),
        ("Look at this one: 7", 7),
        ('<points x1="10.0" y1="7.5" alt="cups">cups</points> a total of 1', 1),
        ("```json\n{\"count\": 3}\n```", 3),
    ],
)  # fmt: skip
def test_words_around_a_count_leave_it(text: str, number: int) -> None:
    assert read_number(text, counts=True) == (number, "", (Fault.OTHER_NOTATION,))


# Each by its definition: the international inch, pound and nautical mile, the minute, the full turn.
EQUAL = [
    ("1 m", "1000 mm"), ("2.5 km", "2500 m"), ("1 in", "2.54 cm"), ("1 ft", "12 inches"), ("1 yd", "3 feet"),
    ("1 mile", "5280 ft"), ("1 mile", "1760 yards"), ("90 min", "1.5 hours"), ("2 h", "7200 seconds"),
    ("1 s", "1000 ms"), ("1 kg", "1000 g"), ("16 oz", "1 lb"), ("1 t", "1000 kg"), ("1 l", "1000 ml"),
    ("1 m³", "1000 litres"), ("1 m²", "10000 cm²"), ("1 sq ft", "144 in²"), ("1 ha", "10000 square metres"),
    ("1 turn", "360°"), ("50 %", "500 ‰"), ("36 km/h", "10 m/s"), ("5 ft 11 in", "71 in"),
    ("5'11\"", "71 in"), ("2 min 30 s", "150 s"), ("1 m and 20 cm", "120 cm"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=lambda text: text)
def test_units_convert_both_ways(one: str, other: str) -> None:
    in_one, in_other = (read_number(text, None) for text in (one, other))
    assert read_number(other, in_one.unit).number == pytest.approx(in_one.number, rel=1e-12)
    assert read_number(one, in_other.unit).number == pytest.approx(in_other.number, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("1m80cm", "m", 1.8),
        ("5ft11in", "in", 71.0),
        ("2h30min", "min", 150.0),
        ("1m80", "m", None),
        ("5m2", "m", None),
        ("20 degrees", "°C", 20.0),
        ("20°", "°F", 20.0),
        ("20 °F", "°C", None),
        ("20°", "°", 20.0),
    ],
)
def test_nothing_that_is_close_to_a_unit_is_passed_over(text: str, unit: str, number: float | None) -> None:
    read = read_number(text, unit).number
    assert read == (None if number is None else pytest.approx(number, rel=1e-12))


def test_angles_convert_by_pi() -> None:
    assert read_number("180 degrees", "rad").number == pytest.approx(math.pi, rel=1e-15)
    assert read_number("0.5 rad", "°").number == pytest.approx(math.degrees(0.5), rel=1e-15)


def test_a_unit_of_another_quantity_is_no_answer() -> None:
    units = ["m", "m²", "m³", "kg", "s", "deg", "m/s", "%", "px", "°C", "°F", "$", "€"]
    for one in units:
        for other in units:
            expected = 3.0 if one == other else None
            assert read_number(f"3 {one}", other).number == expected, (one, other)
            assert converted(Decimal(3), one, other) == expected
    assert unit_of("furlong") is None
    for text in ("3 m kg", "5 m/s²", "3 m (20 kg)", "180 cm, 2 m", "1.2 to 1.5 m", "12 in width"):
        assert read_number(text, "m").number is None, text


def test_a_number_in_two_units_that_agree_is_the_one_in_the_unit_asked_for() -> None:
    assert read_number("≈ 1.8 m (5.9 ft)", "m").number == 1.8
    assert read_number("6 ft (1.8 m)", "m").number == 1.8
    assert read_number("1.8 m (7 ft)", "m").number is None
    assert read_number("1.8 m (1.81 m)", "m").number is None


def test_a_bare_number_has_the_unit_of_the_question_and_is_the_demanded_form() -> None:
    for text in ("3.2", "3.2 m", "3.2m", "-3.2", "1,200"):
        assert read_number(text, "m").faults == ()
    for text in ("320 cm", "3.2 metres", "three", "3.2 m.", "**3.2**", "It is 3.2 m"):
        assert read_number(text, "m").faults == (Fault.OTHER_NOTATION,)
    assert read_number('{"width": 320, "unit": "cm"}', "m").number == 3.2


def test_an_answer_has_its_number_its_faults_and_its_form() -> None:
    answer = parse_number_answer("<think>I measure.</think><answer>320 cm</answer>", Form.THINK, "m")
    assert answer.value == Number(3.2, "m") and answer.faults == (Fault.OTHER_NOTATION,)
    assert not answer.formatted
    assert parse_number_answer("<answer>0</answer>", Form.DIRECT, counts=True).formatted
    unread = parse_number_answer("<answer>3 to 4</answer>", Form.DIRECT, counts=True)
    assert (unread.value, unread.faults, unread.formatted) == (None, (Fault.RANGE,), False)
    assert parse_number_answer("I count 3 cups", Form.DIRECT).faults[0] is Fault.NO_ANSWER_TAG


@settings(max_examples=80, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(
                [
                    "1",
                    "12",
                    ",",
                    ".",
                    " ",
                    "-",
                    "one",
                    "hundred",
                    "m",
                    "cm",
                    "'",
                    '"',
                    "½",
                    "e",
                    "$",
                    "²",
                    "to",
                    "(",
                ]
            ),
            max_size=14,
        ).map("".join),
    ),
    unit=st.sampled_from(["", "m", "rad", None]),
    counts=st.booleans(),
)
def test_any_text_is_a_finite_number_or_has_a_reason(text: str, unit: str | None, counts: bool) -> None:
    read = read_number(text, unit, counts)
    assert read.faults if read.number is None else math.isfinite(read.number)
    if counts and read.number is not None:
        assert read.number >= 0 and read.number == int(read.number)


@pytest.mark.parametrize("part", ["1 ", "one ", "-", "<a", "1,", "twenty ", " ", "1.", "5'", "a hundred "])
def test_long_texts_take_little_time(part: str) -> None:
    start = time.process_time()
    read_number((part * 2000)[:2000], "m")
    assert time.process_time() - start < 1
