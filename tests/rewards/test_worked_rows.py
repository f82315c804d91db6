"""What the released Visual-RFT code rewards, row by row, and the reward of the fixed rules for the same text.

The rows are the documented outcomes of that code: its table for detection, and its holes, D of detection,
C of classification, L of grounding. Images are 1000 by 1000, so that pixels are the numbers written.
"""

import math
import random

import pytest
from reward_answers import boxes_answer, parsed, terms_of

from vrft.rewards.papers.visual_rft_released import released_classification as classification
from vrft.rewards.papers.visual_rft_released import released_detection as detection
from vrft.rewards.papers.visual_rft_released import released_grounding as grounding
from vrft.rewards.papers.visual_rft_released.released_reading import has_format, same_number
from vrft.types import Answer, Boxes, BoxXYXY, Label

LABEL: BoxXYXY = (100.0, 300.0, 200.0, 400.0)
NOTHING = Boxes()
WRONG = "[700, 711, 800, 811]"


def target_of(*boxes: BoxXYXY) -> Boxes:
    return Boxes(boxes)


def inside(iou: float) -> str:
    """A box within LABEL of this IoU, whose y1 is another than the label's."""
    return f"[100, {400 - 100 * iou:.0f}, 200, 400]"


def entry(position: str, confidence: object) -> str:
    return f"{{'Position': {position}, 'Confidence': {confidence}}}"


def thought(content: str) -> str:
    return f"<think>I look.</think> <answer>{content}</answer>"


def listed(*entries: tuple[str, object]) -> str:
    return thought("[" + ", ".join(entry(*e) for e in entries) + "]")


def rewarded(task: str, setting: str, text: str, target) -> dict[str, float]:
    """Every term of a setting for a text, as training and audit would have it."""
    answer = parsed(task, text)
    return {name: term(answer, target) for name, term in terms_of(task, setting).items()}


def crowd(n: int) -> Boxes:
    """LABEL and n - 1 others far from it."""
    return target_of(LABEL, *((20.0 * i, 0.0, 20.0 * i + 10, 10.0) for i in range(n - 1)))


ONE = target_of(LABEL)
# completion, target, and the rewards of the released code for boxes, confidence and format
RELEASED = {
    "one box of IoU 0.80": (listed((inside(0.8), 1.0)), ONE, 0.80, 1.0, 1),
    "a hit and a false box of confidence 0": (
        listed((inside(0.8), 0.9), (WRONG, 0.0)),
        ONE,
        0.40,
        0.95,
        1,
    ),
    "a wrong box of confidence 0": (listed((WRONG, "0.00")), ONE, 0, 1.0, 1),
    "a wrong box of confidence 1": (listed((WRONG, 1.0)), ONE, 0, 0, 1),
    "no objects where there is one": (thought("No Objects"), ONE, 0, 0, 1),
    "no objects where there is none (D5)": (thought("No Objects"), NOTHING, 0, 0, 1),
    "an empty list": (thought("[]"), ONE, 0, 0, 1),
    "near miss, sure": (listed((inside(0.49), 0.9)), ONE, 0, 0.10, 1),
    "near miss, unsure": (listed((inside(0.49), 0.0)), ONE, 0, 1.0, 1),
    "one of three labels": (listed((inside(0.8), 1)), crowd(3), 0.8 / 3, 1.0, 1),
    "one of twenty labels (D6)": (listed((inside(0.9), 1)), crowd(20), 0.045, 1.0, 1),
    "confidence -5 (D8)": (listed((WRONG, -5)), ONE, 0, 1.0, 1),
    "confidence 100 covers for five wrong boxes": (
        listed((inside(0.6), 100), *((f"[{700 + i}, 711, 800, 811]", 0.5) for i in range(5))),
        ONE,
        0.6 / 6,
        1.0,
        1,
    ),
    "confidence NaN (D2)": (listed((inside(0.8), "NaN")), ONE, 0.8, math.nan, 1),
    "confidence Infinity on a miss": (listed((WRONG, "Infinity")), ONE, 0, 0.0, 1),
    "confidence -Infinity on a miss": (listed((WRONG, "-Infinity")), ONE, 0, 1.0, 1),
    "wrong boxes, first y1 the label's (D1)": (
        listed(("[0, 300, 5, 310]", 0.2), (WRONG, 7)),
        ONE,
        1,
        1,
        1,
    ),
    "a line break in the answer": (thought(f"[\n{entry(inside(0.8), 1)}]"), ONE, 0, 0, 1),
    "the right list without tags": (f"[{entry(inside(0.8), 0.9)}]", ONE, 0.8, 0.9, 0),
    "doubled brackets are repaired": (thought(f"[[{entry(inside(0.8), 0.9)}]]"), ONE, 0.8, 0.9, 1),
    "IoU of exactly 0.5 (D7)": (listed((inside(0.5), 1)), ONE, 0, 0, 1),
    "an exact duplicate goes, its first confidence stays": (
        listed((inside(0.8), 0.2), (inside(0.8), 1)),
        ONE,
        0.8,
        0.2,
        1,
    ),
    "an inverted box (D8)": (listed(("[200, 399, 100, 300]", 1)), ONE, 0, 0, 1),
    "one bad box costs the answer (D9)": (listed((inside(0.8), 1), ("[1, 2, 3]", 1)), crowd(2), 0, 0, 1),
    "a word for a coordinate (D9)": (listed((inside(0.8), 1), ("[1, 'a', 3, 4]", 1)), crowd(2), 0, 0, 1),
    "a word for a confidence costs both (D9)": (listed((inside(0.8), "'high'")), ONE, 0, 0, 1),
    "a list cut within its tags is closed": (
        thought(f"[{entry(inside(0.8), 0.9)}, {{'Position': [5, 5, 9"),
        ONE,
        0.8,
        0.9,
        1,
    ),
    "a single box cut within its tags stays lost (D10)": (thought("[{'Position': [5, 5, 9"), ONE, 0, 0, 1),
    "a cut list loses its last box, even a whole one": (
        thought(f"[{entry(WRONG, 1)}, {entry(inside(0.8), 1)}"),
        ONE,
        0,
        0,
        1,
    ),
    "the surest box has the first choice": (
        listed((inside(0.6), 0.2), (inside(0.9), 0.8)),
        ONE,
        0.45,
        0.8,
        1,
    ),
    "a line break in a string, without tags": (
        f"[{{'Label': 'black\ncat', {entry(inside(0.8), 0.9)[1:]}]",
        ONE,
        0.8,
        0.9,
        0,
    ),
    "an answer cut before its end tag (D10)": (listed((inside(0.8), 0.9)).split("}]")[0], ONE, 0, 0, 0),
    "the copied placeholder (D12)": ("<think> ... </think> <answer>...</answer>", ONE, 0, 0, 1),
    "two answers in the right format": (thought("</answer><answer>"), ONE, 0, 0, 1),
    "nothing in the right format": ("<think></think><answer></answer>", ONE, 0, 0, 1),
    "nothing": ("", ONE, 0, 0, 0),
}


@pytest.mark.parametrize("row", RELEASED)
def test_the_released_code_rewards_boxes(row):
    text, target, *expected = RELEASED[row]
    found = rewarded("detection", "released", text, target)
    assert list(found.values()) == pytest.approx(expected, nan_ok=True)


def test_total_of_nan_is_nan_and_reaches_the_loss_unless_guarded():
    assert math.isnan(sum(rewarded("detection", "released", listed((WRONG, "NaN")), ONE).values()))
    assert rewarded("detection", "released_fixed", listed((WRONG, "NaN")), ONE)["confidence"] in (0.0, 1.0)


@pytest.mark.parametrize(
    ("row", "boxes", "confidence"),
    [
        ("one box of IoU 0.80", 0.8, 1.0),
        ("a hit and a false box of confidence 0", 0.4, 0.95),
        ("no objects where there is one", 0, 0),
        ("no objects where there is none (D5)", 1, 1),
        ("near miss, sure", 0, 0.1),
        ("one of three labels", 0.8 / 3, 1),
        ("one of twenty labels (D6)", 0.045, 1),
        ("a line break in the answer", 0.8, 1),
        ("wrong boxes, first y1 the label's (D1)", 0, (1 - 0.2) / 2),
        ("one bad box costs the answer (D9)", 0.4, 1),
        ("a list cut within its tags is closed", 0.8, 0.9),
        ("IoU of exactly 0.5 (D7)", 0, 0),
        ("nothing in the right format", 0, 0),
    ],
)
def test_the_fixed_rules_reward_the_same_boxes(row, boxes, confidence):
    text, target, *_ = RELEASED[row]
    found = rewarded("detection", "released_fixed", text, target)
    assert (found["iou"], found["confidence"]) == pytest.approx((boxes, confidence))


# The y1 lottery


def plain_reward(boxes: list[list[int]], labels: list[list[int]]) -> float:
    """Matched IoU over the larger number, boxes of equal confidence, in integers."""
    free, total = list(labels), 0.0
    for b in boxes:
        scored = []
        for i, g in enumerate(free):
            w, h = min(b[2], g[2]) - max(b[0], g[0]), min(b[3], g[3]) - max(b[1], g[1])
            shared = max(w, 0) * max(h, 0)
            both = (b[2] - b[0]) * (b[3] - b[1]) + (g[2] - g[0]) * (g[3] - g[1]) - shared
            scored.append((shared / both, -i))
        if scored and max(scored)[0] > 0.5:
            total += max(scored)[0]
            del free[-max(scored)[1]]
    return total / max(len(boxes), len(labels))


def test_the_released_code_compares_the_first_y1_and_nothing_else():
    draw, fired, honest = random.Random(3), 0, 0
    for _ in range(400):
        sides = [[draw.sample(range(0, 1001, 100), 2) for _ in "xy"] for _ in range(draw.randint(2, 7))]
        found = [[min(x), min(y), max(x), max(y)] for x, y in sides]
        cut = draw.randint(1, len(found) - 1)
        boxes, labels = found[:cut], found[cut:]
        boxes = [list(b) for b in dict.fromkeys(map(tuple, boxes))]
        text = listed(*((str(b), 0.5) for b in boxes))
        gold = target_of(*(tuple(map(float, b)) for b in labels))
        reward = rewarded("detection", "released", text, gold)
        if boxes[0][1] == labels[0][1]:
            fired += 1
            assert (reward["iou"], reward["confidence"]) == (1.0, 1.0)
        else:
            honest += 1
            assert reward["iou"] == pytest.approx(plain_reward(boxes, labels))
            assert reward["confidence"] == 0.5
    assert fired > 20 and honest > 200


GOLD = detection.gold_text(target_of((254.0, 303.0, 291.0, 365.0), (1.0, 77.0, 9.0, 90.0)))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (listed(("[0, 303, 5, 310]", 1)), True),
        (listed(("[0, 303.0, 5, 310]", 1)), True),
        (thought('[{"Position": [0, 303, 5, 310], "Confidence": 1}]'), True),
        (listed((WRONG, 1), ("[0, 303, 5, 310]", 1)), False),  # not the first box
        (thought(f"[{{'Label': '{'cat' * 12}', {entry('[0, 303, 5, 310]', 1)[1:]}]"), False),  # too far off
        (listed(("[303, 1, 305, 310]", 1)), False),  # x1 follows a bracket
        (listed(("[0, 77, 5, 310]", 1)), False),  # not the first label
        (listed(("[254,303,291,365]", "0.9")), False),  # without blanks it is blind
        (thought("[\n{'Position': [0, 303, 5, 310], 'Confidence': 1}]"), False),  # and so with line breaks
        (thought("[{'Label': 'cat', 'Confidence': 303, 'Position': [1, 2, 3, 4]}]"), True),
        ("The final answer is 303.", True),
        ("<think>I count 8 cats.</think> The final answer is: 303", True),
        ("The answer is 303", True),
        ("The final answer is 304.", False),
        ("<think>The answer, 5, is near.</think> <answer>303</answer>", False),
        ("<think>I count 8 cats.</think> <answer> 303</answer>", True),
        ("303", True),
        ("No Objects", False),
        ("", False),
    ],
)
def test_what_sets_the_prelude_off_and_what_disables_it(text, same):
    assert same_number(text, GOLD) is same
    if same:
        assert detection.iou_text(text, GOLD) == detection.confidence_text(text, GOLD) == 1.0


# Classification


def class_of(content: str) -> str:
    return f"<think></think><answer>{content}</answer>"


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (class_of(""), "garden phlox", 1),  # C1
        ("", "garden phlox", 1),
        (class_of("a"), "garden phlox", 1),  # C2
        (class_of("2012"), "2012 BMW 1 Series Convertible", 1),
        (class_of("20"), "2012 BMW 1 Series Convertible", 1),
        (class_of("BMW"), "2012 BMW 1 Series Convertible", 1),  # C3
        (class_of("737"), "737-200", 1),
        (class_of("rose or tulip or daisy"), "tulip", 1),  # C4
        ("It may be a rose, I think.", "rose", 1),  # C5
        (class_of("a\nrose"), "rose", 1),
        (class_of("rose"), "pink primrose", 1),  # C6
        (class_of("marigold"), "english marigold", 1),
        (class_of("BMW M3 Coupe 2012"), "Audi S4 Sedan 2012", 1),  # C7
        (class_of("2012 BMW M3 Coupe"), "2012 Audi S4 Sedan", 0),
        (class_of("Garden_Phlox"), "garden phlox", 1),
        (class_of("tulip"), "rose", 0),
    ],
)
def test_the_released_code_rewards_names(text, name, expected):
    assert classification.accuracy_text(text, classification.gold_text(Label(name))) == expected
    assert rewarded("classification", "released", text, Label(name))["accuracy"] == expected


def test_an_empty_answer_has_everything_of_the_released_code_and_nothing_of_ours():
    empty = class_of("")
    assert sum(rewarded("classification", "released", empty, Label("rose")).values()) == 2.0
    for setting in ("paper", "released_fixed", "recommended"):
        assert sum(rewarded("classification", setting, empty, Label("rose")).values()) == 0.0


# Grounding

MIDDLE = target_of((400.0, 400.0, 600.0, 600.0))


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ("(400,400),(600,600)", 2.0),
        ("( 400, 400 ), ( 600, 600 )", 2.0),
        ("(600,600),(400,400)", 2.0),  # L1, from here
        ("(1000,1000),(0,0)", 26.0),
        ("(9999,9999),(0,0)", 2500.5),
        ("(1000,0),(0,1000)", -4.8),
        ("(500,500),(500,500)", 1.0),  # L2, from here
        ("(0,0),(1000,1000)", 1.04),
        ("(0,0),(100,100)", 1 - 0.31 / 0.36),
        ("(400,400),(0,0) and (600,600),(9,9)", 2.0),  # L3: the two first corners make the box
        ("no box at all", 0.0),
        ("", 0.0),
    ],
)
def test_the_released_code_rewards_corners(corners, expected):
    for text in (thought(corners), f"<think></think><answer>\n{corners}\n</answer>"):
        found = rewarded("grounding", "released", text, MIDDLE)
        assert found == pytest.approx({"iou": expected, "format": 1.0})
    assert rewarded("grounding", "released", corners, MIDDLE) == pytest.approx(
        {"iou": expected, "format": 0.0}
    )


def test_grounding_sees_an_answer_over_lines_and_not_the_thought_before_it():
    text = "<think>Not (0,0),(100,100).</think><answer>\n(400,400),(600,600)\n</answer>"
    assert rewarded("grounding", "released", text, MIDDLE)["iou"] == 2.0
    # without tags the corners of the thought come first and are mixed with the answer's
    assert rewarded("grounding", "released", "Not (0,0),(100,100). (400,400),(600,600)", MIDDLE)["iou"] < 2


def test_the_same_words_have_two_even_where_the_corners_do_not():
    point = target_of((500.0, 500.0, 500.0, 500.0))
    assert rewarded("grounding", "released", "(500,500),(500,500)", point)["iou"] == 2.0
    assert rewarded("grounding", "released", "(500, 500),(500,500)", point)["iou"] == 1.0


def test_inverting_corners_gives_one_over_the_labels_area():
    assert rewarded("grounding", "released", "(1000,1000),(0,0)", target_of((100.0, 100.0, 900.0, 900.0)))[
        "iou"
    ] == pytest.approx(1 + 1 / 0.64)


def test_the_prelude_gives_less_than_the_right_box():
    text, gold = "The final answer is 5. (400,400),(600,600)", "Say 5: (400,400),(600,600)"
    assert grounding.iou_text(text, gold) == 1.0
    assert grounding.iou_text("(400,400),(600,600)", gold) == 2.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think></think><answer></answer>", True),
        ("<think>a</think>\n\n<answer>b</answer>", True),
        ("<think>a</think><answer>b</answer><answer>c</answer>", True),
        ("<think>a</think><think>a</think><answer>b</answer>", True),
        ("<think>a</think>so<answer>b</answer>", False),
        (" <think>a</think><answer>b</answer>", False),
        ("<think>a</think><answer>b</answer>\n", False),
        ("<think>a</answer>", False),
        ("<answer>b</answer>", False),
    ],
)
def test_the_released_format_is_loose_inside_and_strict_at_the_ends(text, expected):
    assert has_format(text) is expected


def test_the_released_rewards_look_at_the_text_alone():
    text = listed((inside(0.8), 0.9))
    blank, full = (
        Answer(text=text),
        boxes_answer([(1.0, 2.0, 3.0, 4.0)], text=text),
    )
    assert detection.iou_term(blank, ONE) == detection.iou_term(full, ONE) == pytest.approx(0.8)
