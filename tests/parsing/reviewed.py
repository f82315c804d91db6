"""Real outputs with what they say, decided by reading them; one JSON object per line.

``boxes`` hold the numbers in written order, what the order is, the confidence and the name as written;
``label`` is a class name; ``faults`` are those that must be among the answer's; ``formatted`` is whether the
text has exactly the demanded form (thinking, the task's own notation), null where that was not judged.
Every row has its source and licence.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[1] / "data" / "reviewed_outputs.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in PATH.read_text("utf-8").splitlines()]
