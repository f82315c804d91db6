"""Charts as files of their own."""

import re

from standalone_svg import Panel, standalone

from vrft.report.charts import Whisker, interval_plot


def test_a_chart_by_itself_needs_no_browser_for_its_colors():
    chart = interval_plot([Whisker("a", "sft", 0.1, 0.0, 0.2)], "label")
    text = standalone([Panel(chart, 460, 100)], [("SFT", "sft")])
    assert "var(" not in text and "--" not in text
    style = text.split("<style>")[1].split("</style>")[0]
    looks = set(re.findall(r"\.(\w+) \{ color: #[0-9a-f]{6}; \}", style))
    assert set(re.findall(r'<g class="(\w+)"', text)) == {"sft"} <= looks
