"""Strings that break parsers, by the hundred thousand: a seeded generator, plain and fast."""

from __future__ import annotations

import random
from collections.abc import Iterator

from reviewed import ROWS

FRAGMENTS = [
    *("<think>", "</think>", "<answer>", "</answer>", "< answer >", "</Answer>", "Final answer: "),
    *("[", "]", "{", "}", "(", ")", ",", ":", "=", "'", '"', "\\", "`", "```json\n", "```", "\n", " ", "..."),
    *("，", "：", "（", "）", "【", "】", "“", "”", "\x00", "\ud800", "é", "٣", "²", "𝟙"),
    *("'Position': ", "'Confidence': ", '"bbox_2d": ', "'box_2d': ", '"label": "dog"', "'point_2d': "),
    *("'x1': 1", "y1=2", "top left ", "bottom right ", "'width': 3", "'answer': ", "dog", "it's"),
    *(
        "[1, 2, 30, 40]",
        "(1,2)",
        "(1,2),(30,40)",
        "1,2,30,40",
        "{'Position': [1, 2, 30, 40], 'Confidence': 0.9}",
    ),
    *(
        "<|box_start|>",
        "<|box_end|>",
        "<ref>a</ref>",
        "<box>1 2 3 4</box>",
        "<loc0012>",
        "<12>",
        "<|coord_3|>",
    ),
    *(
        "<point x='1' y=\"2\">",
        "<points x1=",
        "<|im_end|>",
        "</s>",
        "No Objects",
        "None",
        "There are no ",
        "[]",
    ),
    *(
        "xywh ",
        "'bbox_yxyx': ",
        "[ymin, xmin, ymax, xmax] = ",
        "'format': 'cxcywh'",
        "(x, y, w, h) ",
        "'cx': 1",
    ),
    *(
        "<bbox>1 2 3 4</bbox>",
        "[１，２，３０，４０]",
        "1 2 30 40",
        ";",
        "No cat in the image. ",
        "I see 4 boxes",
    ),
    *("This is a rose", "\\boxed{", "<number>4</number>", "'Position': [None, None]", "'bbox': [1, 2]"),
    *("0.5", "1e999", "-1e999", "NaN", "-Infinity", "9" * 400, "9" * 700, "-", "+", ".", "e", "0x1", "1_000"),
]


def strings(count: int, seed: int) -> Iterator[str]:
    """Half of them chains of fragments, half of them real outputs with a few edits.

    Args:
        count: how many.
        seed: equal seeds give equal strings.
    """
    rng = random.Random(seed)
    ends = [row["text"][-300:] for row in ROWS]
    for number in range(count):
        if number % 2:
            yield "".join(rng.choices(FRAGMENTS, k=rng.randint(1, 16)))
        else:
            yield _edited(rng.choice(ends), rng)


def _edited(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.randint(1, 12))
        kind = rng.random()
        if kind < 0.4:
            text = text[:at] + rng.choice(FRAGMENTS) + text[at:]
        elif kind < 0.7:
            text = text[:at] + text[to:]
        elif kind < 0.85:
            text = text[:to] + text[at:]
        elif kind < 0.95:
            text = text[:at] + chr(rng.choice((rng.randrange(128), rng.randrange(0x3000)))) + text[at:]
        else:
            text = text[:at]
    return text
