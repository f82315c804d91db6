"""The reliability diagram: how often boxes of a confidence are right, beside how often they should be."""

from __future__ import annotations

from markupsafe import Markup
from scipy.stats import binomtest

from vrft.report.charts import Series, line_chart
from vrft.report.number_format import hundred
from vrft.tasks.detection.calibration import Calibration, ReliabilityBin


def reliability_plot(calibration: Calibration, name: str = "measured", look: str = "rft") -> Markup:
    """Share of hits over mean confidence, a dot a bin that has boxes, beside the line where both are equal.

    A whisker is the 95 % interval of the share (Wilson 1927): long where a bin has few boxes.

    Args:
        calibration: as ``vrft.tasks.detection.calibration`` gives it.
        name: of the system, in the hover titles.
        look: its CSS class, which gives the colour.

    Returns:
        An ``<svg>`` element; empty where there are no boxes.

    Example:
        >>> import numpy as np
        >>> from vrft.tasks.detection.calibration import calibration
        >>> found = calibration(np.array([0.9, 0.9]), np.array([1, 0]))
        >>> "measured, confidence 0.9: 0.5" in reliability_plot(found)
        True
    """
    filled = [b for b in calibration.bins if b.n]
    dots = [(b.confidence, b.hit_share) for b in filled]
    if not dots:
        return Markup("")
    said = f"Share of hits over confidence, {calibration.n} boxes, ECE {hundred(calibration.ece)}"
    lines = [
        Series("perfect", "gain dash1", [(0.0, 0.0), (1.0, 1.0)]),
        Series(name, look, dots, marked=True, spread=[_wilson(b) for b in filled]),
    ]
    return line_chart(lines, said, y_range=(0.0, 1.0), axis="confidence", whole=False)


def _wilson(one: ReliabilityBin) -> tuple[float, float]:
    found = binomtest(round(one.hit_share * one.n), one.n).proportion_ci(method="wilson")
    return (float(found.low), float(found.high))
