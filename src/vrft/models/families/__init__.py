"""Model families by ``model_type``, read from the configuration, never from a path's name.

A family is one file of this folder with its entries in ``FAMILIES``; nothing else need know of it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from vrft.errors import ModelError
from vrft.models.families.family import Family

FAMILIES: dict[str, Family] = {
    family.model_type: family
    for module in iter_modules(__path__)
    for family in getattr(import_module(f"{__name__}.{module.name}"), "FAMILIES", ())
}


def family_of(model_type: str, source: str) -> Family:
    """The family of a model type.

    Args:
        model_type: as in ``config.json``.
        source: the folder or id, for the message.

    Raises:
        ModelError: the type is not one vrft can train.
    """
    if model_type not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ModelError(
            f"{source}: model type '{model_type}' is no vision-language model that vrft can train. "
            f"Known: {known}."
        )
    return FAMILIES[model_type]
