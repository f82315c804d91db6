"""At how many images does SFT catch up with RFT of few, in few-shot detection?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from standalone_svg import Panel, standalone

from mini.cell import Cell
from mini.effort import Effort
from mini.files import Groups
from mini.plot_lines import LOOKS, series
from mini.pooled import SeedMean, pooled
from mini.settings import SETTINGS
from mini.studies.points import Point
from mini.studies.shared import SFT, by, from_cells, seeds_text, supervised
from mini.studies.study import REFERENCE_SETTING, SEEDS, Found, Study
from mini.systems import RFT
from mini.tables import TITLES, at_the_end, table, with_interval
from vrft.report.charts import HEIGHT, WIDTH, line_chart

MOST_IMAGES = 2000
STEPS = {16: 80, 64: 160, 580: 260}
"""Of SFT from so many shots a class, beyond those that the main table has on three seeds. 580 of six
categories are nearly all of 2,000 images, and 260 steps have 4,160 places for some 4,100 questions."""


def points(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """SFT of more and more images; both of few stand in the main table, asked the same questions."""
    for seed in SEEDS:
        for shots, steps in STEPS.items():
            own = effort if effort.tries_code else replace(effort, steps=steps, every=steps // 8)
            cell = Cell(setting, shots, seed)
            x = {"system": SFT, "shots": shots}
            yield Point("data", f"sft-{shots}-{seed}", cell, own, supervised, x, train=MOST_IMAGES)


def lines(found: Found, groups: Groups) -> dict[str, list[tuple[int, Found]]]:
    """RFT of the main table's shots, and SFT of these and of the study's many: shots and their points."""
    shown = SETTINGS[REFERENCE_SETTING].seeds
    cells = {shots: from_cells(groups, REFERENCE_SETTING, shots) for shots in shown}
    few: dict[int, Found] = {shots: own for shots, own in cells.items() if own}
    many: dict[int, Found] = {shots: own for (shots,), own in by(found, "shots").items()}
    return {RFT: sorted(few.items()), SFT: sorted((few | many).items())}


def images_used(found: Found, system: str) -> float:
    """Mean number of training images."""
    used = [point["systems"][system]["training_images"] for point in found]
    return float(sum(used) / len(used))


def data_table(found: Found, groups: Groups) -> str:
    """A row for each number of shots."""
    rows = [
        [
            TITLES[system],
            str(shots),
            f"{images_used(own, system):.0f}",
            str(len(own)),
            ", ".join(sorted({point["form"] for point in own})),
            str(sum(at_the_end(point["systems"][system]) for point in own)),
            with_interval(pooled(own, system)),
        ]
        for system, line in lines(found, groups).items()
        for shots, own in line
    ]
    return table(["system", "shots", "training images", "seeds", "form", "last step chosen", "AP"], rows)


def data_answer(found: Found, groups: Groups) -> str:
    """For each k, at how many images SFT's mean first reaches that of RFT."""
    if not found:
        return ""
    both = lines(found, groups)
    means = [(images_used(own, SFT), pooled(own, SFT)) for _, own in both[SFT]]
    curve = [(used, seen.value) for used, seen in means if seen]
    places = []
    for shots, own in both[RFT]:
        goal = pooled(own, RFT)
        used = reached(curve, goal.value) if goal else None
        where = f"about {used:.0f}" if used else "nowhere in the range that was run"
        of = f"{shots} shot{'s' if shots > 1 else ''} a class ({images_used(own, RFT):.0f} images"
        places.append(f"{where} for {of}, {seeds_text(own)})")
    return f"Images at which SFT's mean first reaches that of RFT: {'; '.join(places)}." if places else ""


def reached(curve: Sequence[tuple[float, float]], goal: float) -> float | None:
    """Where a curve first reaches a value, on a straight line over the logarithm between two of its points.

    Args:
        curve: numbers of images, growing, and the value at each.
        goal: the value; where the first point is above it already, that point counts.

    Returns:
        A number of images; None where no point reaches the value.

    Example:
        >>> round(reached([(10, 0.2), (1000, 0.4)], 0.3))
        100
    """
    for place, (used, value) in enumerate(curve):
        if value >= goal:
            if not place:
                return used
            before, below = curve[place - 1]
            return float(before * (used / before) ** ((goal - below) / (value - below)))
    return None


def most_images(found: Found) -> tuple[int, SeedMean] | None:
    """SFT of the most images that were run: their number, and its AP."""
    if not found:
        return None
    own = by(found, "shots")[(max(point["x"]["shots"] for point in found),)]
    seen = pooled(own, SFT)
    return (round(images_used(own, SFT)), seen) if seen else None


def data_plot(found: Found, groups: Groups) -> str | None:
    """AP over the number of training images, of SFT and of RFT."""
    if not found:
        return None
    both = lines(found, groups)
    drawn = [
        series(system, [(images_used(own, system), pooled(own, system)) for _, own in line])
        for system, line in both.items()
    ]
    chart = line_chart(drawn, "AP times 100 over training images", axis="training images", log=True)
    return standalone([Panel(chart, WIDTH, HEIGHT)], [(TITLES[s], LOOKS[s]) for s in both])


STUDY = Study(
    "data",
    "How many images does SFT need?",
    points,
    data_table,
    f"RFT, and SFT of fewer than {min(STEPS)} shots, are the main table's; SFT of "
    f"{', '.join(map(str, STEPS))} shots has {', '.join(map(str, STEPS.values()))} steps. SFT is here in "
    "RFT's form alone (*form*, by the probe of each seed), with all its rates. Where the last step was "
    "chosen, more steps might do better.",
    plot=data_plot,
    question="At how many images does SFT catch up with RFT of few?",
    answer=data_answer,
    elsewhere=False,
)
