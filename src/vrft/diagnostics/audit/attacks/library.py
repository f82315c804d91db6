"""All attacks. A module of this folder that calls ``attack`` is found; nothing lists them by name."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from vrft.diagnostics.audit.attacks.attack import LIBRARY, Attack, Role
from vrft.diagnostics.audit.audit_case import NOTATIONS
from vrft.errors import InputError


def attacks_on(task: str) -> tuple[Attack, ...]:
    """Every way of answering that can be written in a task's notation, references first.

    Args:
        task: ``detection``, ``grounding`` or ``classification``.

    Raises:
        InputError: the audit does not know how the task's answers are written.

    Example:
        >>> [attack.name for attack in attacks_on("classification")][:2]
        ['gold', 'honest']
    """
    if task not in NOTATIONS:
        raise InputError(f"The audit has no attacks on {task}. It knows: {', '.join(NOTATIONS)}.")
    package = import_module("vrft.diagnostics.audit.attacks")
    for module in sorted(m.name for m in iter_modules(package.__path__)):
        import_module(f"{package.__name__}.{module}")
    found = [attack for attack in LIBRARY.values() if NOTATIONS[task] in attack.notations]
    order = list(Role)
    return tuple(sorted(found, key=lambda attack: (order.index(attack.role), attack.name)))
