"""How many detection answers of five boxes one core scores in a second, parsing included.

    python benchmarks/reward_speed.py [--seconds 5] [--out FOLDER | --save]

Answers are written as a model writes them, from the labels of 500 images with every box moved a little, one
in ten replaced by a false one, and a thought before the list; each is scored against its image under the
recommended setting, through ``Scorer.score_text``. No answer is scored twice in a row. The rate is that of
the processor's time, so that other programs on the machine do not count; the wall clock's is next to it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from result_file import ROOT, facts, result_parser, write_result

from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Boxes, BoxXYXY, CoordinateFrame, Example, Image

RESULT = ROOT / "results" / "reward_speed.json"
SETTING, SIDE = "recommended", 1000
IMAGES, BOXES, LEAST_RATE = 500, 5, 5000.0
FRAME = CoordinateFrame.whole("norm1000", (SIDE, SIDE))

Question = tuple[str, Example]


def a_box(draw: random.Random) -> BoxXYXY:
    """A box of whole numbers, 40 to 300 pixels wide and high."""
    width, height = draw.randint(40, 300), draw.randint(40, 300)
    x, y = draw.randint(0, SIDE - width), draw.randint(0, SIDE - height)
    return (float(x), float(y), float(x + width), float(y + height))


def moved(box: BoxXYXY, draw: random.Random) -> BoxXYXY:
    """The box with every border moved by up to 15 pixels, within the image."""
    x1, y1, x2, y2 = (min(max(round(n + draw.uniform(-15, 15)), 0), SIDE) for n in box)
    return (float(x1), float(y1), float(x2), float(y2))


def questions() -> list[Question]:
    """An answer of five boxes and its question, for every image."""
    draw, made = random.Random(0), []
    for number in range(IMAGES):
        labels = tuple(a_box(draw) for _ in range(BOXES))
        found = [moved(b, draw) if draw.random() < 0.9 else a_box(draw) for b in labels]
        draw.shuffle(found)
        entries = ", ".join(
            f"{{'Position': [{FRAME.box_text(box)}], 'Confidence': {draw.random():.2f}}}" for box in found
        )
        text = f"<think>I look for cats in all corners.</think>\n<answer>[{entries}]</answer>"
        media = (Image(Path("0.png"), (SIDE, SIDE)),)
        made.append((text, Example(str(number), "0", "detection", media, "cat", Boxes(labels))))
    return made


def rates(act: Callable[[Question], object], asked: list[Question], seconds: float) -> tuple[float, float]:
    """Calls a second of processor time and of wall clock."""
    for question in asked:  # caches of regular expressions and the like
        act(question)
    supply, done, began, cpu_began = cycle(asked), 0, perf_counter(), process_time()
    while process_time() - cpu_began < seconds:
        for question in islice(supply, 200):
            act(question)
        done += 200
    return done / (process_time() - cpu_began), done / (perf_counter() - began)


def measure(seconds: float) -> dict[str, Any]:
    """The rates, with what they were measured on."""
    task, asked = load_task("detection"), questions()
    scorer, frames = Scorer(task, RewardOptions(setting=SETTING)), (FRAME,)
    rewards = [scorer.score_text(text, example, frames) for text, example in asked]
    assert all(
        r.answer.value is not None and r.answer.value.size == BOXES and not r.failures for r in rewards
    )
    rate, wall = rates(lambda q: scorer.score_text(*q, frames), asked, seconds)
    parse_rate, _ = rates(lambda q: task.parse(*q, frames), asked, seconds / 2)
    return {
        "answers_per_cpu_second": round(rate),
        "answers_per_wall_second": round(wall),
        "microseconds_an_answer": round(1e6 / rate, 1),
        "microseconds_of_parsing": round(1e6 / parse_rate, 1),
        "least_answers_per_second": LEAST_RATE,
        "boxes_an_answer": BOXES,
        "setting": SETTING,
        "mean_reward": round(sum(r.reward for r in rewards) / len(rewards), 4),
        **facts(),
    }


def main() -> None:
    """Measure and print; exit status 1 below the least rate."""
    parser = result_parser(__doc__, RESULT)
    parser.add_argument("--seconds", type=float, default=5.0, help="processor time to measure for")
    arguments = parser.parse_args()
    found = measure(arguments.seconds)
    write_result(arguments, RESULT, found)
    print(f"{found['answers_per_cpu_second']} answers a second, {found['microseconds_an_answer']} us each, "
          f"{found['microseconds_of_parsing']} us of it parsing")  # fmt: skip
    raise SystemExit(found["answers_per_cpu_second"] < LEAST_RATE)


if __name__ == "__main__":
    main()
