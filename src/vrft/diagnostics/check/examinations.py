"""How examinations are found.

An examination is one file in ``on_files``, ``on_data`` or ``on_model`` that defines ``EXAMINE``: a function
from a case to findings. Those of ``on_model`` need a policy, and with it torch.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from vrft.diagnostics.check.finding import Finding

Examination = Callable[[Any], list[Finding]]


def examinations(stage: str) -> dict[str, Examination]:
    """All examinations of one stage, by the names of their files.

    Args:
        stage: ``on_files``, ``on_data`` or ``on_model``.

    Example:
        >>> list(examinations("on_files"))
        ['causes', 'empty_files', 'mistakes', 'numbering']
    """
    package = import_module(f"vrft.diagnostics.check.{stage}")
    names = sorted(module.name for module in iter_modules(package.__path__))
    modules = {name: import_module(f"{package.__name__}.{name}") for name in names}
    return {name: module.EXAMINE for name, module in modules.items() if hasattr(module, "EXAMINE")}
