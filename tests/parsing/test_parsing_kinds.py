"""Answers that a careful reader can read although they are in no demanded form, and those that he cannot."""

from __future__ import annotations

import pytest
from answer_parts import boxes_of, name_of, points_of
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_corners_answer, parse_label_answer
from vrft.tasks.parsing.content_reading import read_content
from vrft.types import CoordinateFrame, Fault, Form

FRAME = CoordinateFrame.whole("norm1000", (1000, 1000), (1000, 1000))
BOX = (10.0, 20.0, 30.0, 40.0)


def read(content: str):
    return parse_boxes_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)


@pytest.mark.parametrize(
    "content",
    [
        *(
            "<bbox>10 20 30 40</bbox>",
            "<bbox>10, 20, 30, 40</bbox>",
            "<bounding_box>10 20 30 40</bounding_box>",
        ),
        *('[{"bbox_2d": [10 20 30 40]}]', "[10; 20; 30; 40]", "10 20 30 40", '{"bbox": "10 20 30 40"}'),
        *(
            "[１０，２０，３０，４０]",
            "[10．0, 20．0, 30, 40]",
            "(１０,２０),(３０,４０)",
            "[١٠, ٢٠, ٣٠, ٤٠]",
        ),
        *(
            "[{'x1': [10, 20, 30, 40]}]",
            '{"location_of_the_cup": [10, 20, 30, 40]}',
            '{"name": [10, 20, 30, 40]}',
        ),
        *('{"answer": "about (10, 20) to (30, 40)"}', '{"answer": "from (10, 20) and (30, 40), I think."}'),
        *("第二只：它在左边 bounding box[[10,20,30,40]]。", "猫的位置是：[10，20，30，40]。"),
    ],
)
def test_boxes(content: str) -> None:
    assert boxes_of(read(content)) == (BOX,), content
    assert not read(content).formatted


@pytest.mark.parametrize(
    "content",
    [
        *("No cat in the image", "No cat in this picture.", "No cats", "No traffic light.", "no visible cat"),
        *("I don't see a cat in this picture.", "I cannot find the cat.", "I can’t see any cats."),
        *("The image does not contain a cat.", "There isn't a cat in the image.", "The cat is not visible."),
        *("There is no lamp here. The picture shows a desk only.", "No, there is no lamp."),
        "There is no such button in the image. It may be on another page, but it is not shown here.",
        *('{"answer": "There is no lamp."}', '[{"answer": "There is no lamp here. I wish there was."}]'),
        *("['No Objects', {'Confidence': 0.9}]", "{'No Objects': {'Confidence': 0.9}}", "'No Objects', 0.95"),
        *('[{"Position": [null, null, null, null]}]', "{'Face': [None, None], 'Confidence': 0.00}}"),
        *("画像に猫はいません。", "이미지에 고양이가 없습니다.", "图片中没有猫。"),
        *("고양이가 보이지 않습니다.", "猫は写っていません。"),
    ],
)
def test_abstentions(content: str) -> None:
    assert read(content).abstained and not read(content).formatted, content
    # The same without tags.
    assert parse_boxes_answer(content, FRAME, Form.DIRECT).abstained


@pytest.mark.parametrize(
    "content",
    [
        *("No idea.", "No problem", "No change in the image", "No", "no longer there", "猫。", "a cat"),
        "There are no dogs, but a cat at the left.",
        "There are no dogs. I see a cat.",
        "There are no dogs. However, one is at the left.",
        "There is no cat. It is between 10 and 30.",
        "The image shows a desk. Perhaps there is no lamp.",
        *("['No Objects', {'Confidence': 90}]", "['No Objects', [1, 2, 3]]", "No Objects is wrong"),
    ],
)
def test_no_abstentions(content: str) -> None:
    assert not read(content).abstained, content


@pytest.mark.parametrize("key", ["bbox_2d", "bounding_box", "position", "box"])
def test_two_numbers_under_a_key_for_a_box_are_a_point(key: str) -> None:
    content = f'{{"{key}": [10, 20], "action": "click"}}'
    for parse in (parse_boxes_answer, parse_corners_answer):
        answer = parse(f"<answer>{content}</answer>", FRAME, Form.DIRECT)
        assert points_of(answer) == ((10.0, 20.0),) and not boxes_of(answer)
        assert Fault.BAD_BOX in answer.faults and not answer.formatted
    assert not parse_corners_answer(content, FRAME, Form.DIRECT).parsed
    for more in ('"size": [5, 5]', '"width": 5, "height": 5', f'"{key}2": [1, 2, 3, 4]'):
        assert not read_content(f'{{"{key}": [10, 20], {more}}}').points


@pytest.mark.parametrize(
    ("content", "name"),
    [
        *(("> 3", "3"), (": 6", "6"), ("<number>4</number>", "4"), (r"\boxed{12}", "12"), ("# 5", "5")),
        *(
            ("I see 4 boxes here.", "4"),
            ("Answer: I see 4 boxes here.", "4"),
            ("I count 6 dogs in total.", "6"),
        ),
        *(
            ("There are 4 items in the image.", "4"),
            ("The total number of cups is 5.", "5"),
            ("Count: 7", "7"),
        ),
        ("this is most likely a house sparrow (passer domesticus).", "house sparrow"),
        ("the species of the bird is likely a herring gull (larus argentatus).", "herring gull"),
        ("based on its traits, this bird appears to be a yellow-billed cuckoo.", "yellow-billed cuckoo"),
        ("The image depicts a rose. It has red petals.", "rose"),
        ("This is a tulip, which is common in gardens.", "tulip"),
        *(
            ("suspected species: rose", "rose"),
            ("**Species:** rose", "rose"),
            ("the answer is: rose", "rose"),
        ),
        *(("The answer is rose.", "rose."), ("probably a dog rose", "dog rose")),
    ],
)
def test_names_and_counts(content: str, name: str) -> None:
    for text, faults in ((f"<answer>{content}</answer>", 1), (content, 2)):
        answer = parse_label_answer(text, Form.DIRECT)
        assert name_of(answer) == name and len(answer.faults) == faults, text


@pytest.mark.parametrize(
    "text",
    [
        "This is a rose or a tulip.",
        "The bird could be a cuckoo, but that is not sure.",
        "This might be a warbler of some kind in the image.",
        "It is not possible to tell which flower this is.",
        "The bird seems to be a type of wagtail, or a similar one.",
        "This is an image containing a plant. Please identify the species of the plant based on the image.",
        "There are 4 cups and 3 spoons in the image.",
        "There are about 4 cups in the whole image.",
        "I see between 3 and 4 dogs in the image.",
    ],
)
def test_a_sentence_that_is_not_sure_of_one_names_none(text: str) -> None:
    assert name_of(parse_label_answer(text, Form.DIRECT)) is None


@settings(deadline=None)
@given(st.from_regex(r"[a-z]{2,9}( [a-z]{2,9}){0,3}", fullmatch=True))
def test_a_name_alone_stays_as_it_is(name: str) -> None:
    answer = parse_label_answer(f"<answer>{name}</answer>", Form.DIRECT)
    taken_out = name_of(answer) != name
    assert not taken_out or " is " in name or name.startswith(("likely ", "probably "))
    assert answer.formatted != taken_out
