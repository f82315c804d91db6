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


def test_a_long_legend_goes_on_in_the_next_line():
    chart = interval_plot([Whisker("a", "sft", 0.1, 0.0, 0.2)], "label")
    names = ["base", "a name of some length", "another one of some length", "third, also long", "RFT"]
    text = standalone([Panel(chart, 460, 100)], [(name, "sft") for name in names])
    keys = {n: [*map(int, re.search(rf'x="(\d+)" y="(\d+)">{n}<', text).groups())] for n in names}
    assert max(x + 7 * len(name) for name, (x, _) in keys.items()) <= 460
    lines = [y for _, y in keys.values()]
    assert lines == sorted(lines) and len(set(lines)) == 2
    assert f'viewBox="0 0 460 {100 + 2 * 24}"' in text
