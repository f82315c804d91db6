"""The reliability diagram shows each bin where its figures say."""

import re

import numpy as np
import pytest

from vrft.report.charts import draw_line_chart
from vrft.tasks.detection.calibration import calibration, reliability_chart


def reliability_plot(found, name="measured"):
    drawn, legend = draw_line_chart(reliability_chart(found, name), "rft")
    assert legend == ([(name, "rft")] if drawn else [])
    return drawn


def test_dots_lie_where_the_bins_say():
    confidences, hits = np.array([0.0, 0.25, 0.25, 0.95, 1.0]), np.array([0, 1, 0, 1, 1])
    found = calibration(confidences, hits)
    svg = str(reliability_plot(found, name="RFT"))
    low, high = (
        tuple(map(float, pair.split(",")))
        for pair in re.search(r'points="([^"]+)" class="curve"', svg).group(1).split()
    )
    dots = re.findall(r'<circle cx="(\S+)" cy="(\S+)" r="3.5" class="dot">', svg)
    filled = [b for b in found.bins if b.n]
    assert len(dots) == len(filled) == 3
    for (x, y), b in zip(dots, filled, strict=True):
        assert float(x) == pytest.approx(low[0] + b.confidence * (high[0] - low[0]), abs=0.1)
        assert float(y) == pytest.approx(low[1] + b.hit_share * (high[1] - low[1]), abs=0.1)
    assert "RFT, confidence 0.25: 0.5" in svg and ">0.2<" in svg and ">confidence<" in svg


def test_a_whisker_is_long_where_a_bin_has_few_boxes():
    # Wilson's interval in closed form, at one and at a hundred boxes, all of them hits.
    confidences, hits = np.array([0.55, *[0.95] * 100]), np.ones(101)
    svg = str(reliability_plot(calibration(confidences, hits)))
    # Marks of the axis are written four units below their lines.
    zero, one = (
        float(re.search(rf'y="(\S+)" class="tick" text-anchor="end">{v}<', svg).group(1)) - 4 for v in "01"
    )
    stems = re.findall(r'<line x1="(\S+)" x2="\1" y1="(\S+)" y2="(\S+)" class="spread">', svg)
    z = 1.959964
    for (_, low, high), n in zip(stems, (1, 100), strict=True):
        shares = [(zero - float(y)) / (zero - one) for y in (low, high)]
        assert shares == pytest.approx([n / (n + z * z), 1.0], abs=0.002)


def test_without_boxes_there_is_no_plot():
    assert reliability_plot(calibration(np.zeros(0), np.zeros(0))) == ""
