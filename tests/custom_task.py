"""Tasks outside of vrft that the laws and the contract are tried on: one in Python, one in YAML.

That of ``examples/custom_task`` is named by its folder, or by its name where it was copied into vrft.
"""

from __future__ import annotations

from pathlib import Path

from vrft.tasks import registry

CUSTOM = Path(__file__).parents[1] / "examples" / "custom_task"
CUSTOM_SPEC = "count_boxes" if "count_boxes" in registry._shipped() else str(CUSTOM)

DEFINED_SPEC = str(CUSTOM.parent / "defined_tasks" / "count_shapes.yaml")
"""A task without Python."""
