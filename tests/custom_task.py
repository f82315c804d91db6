"""The task of ``examples/custom_task``: named by its folder, or by its name where it was copied into vrft."""

from __future__ import annotations

from pathlib import Path

from vrft.tasks import registry

CUSTOM = Path(__file__).parents[1] / "examples" / "custom_task"
CUSTOM_SPEC = "count_boxes" if "count_boxes" in registry._shipped() else str(CUSTOM)
