"""Model families by ``model_type``, read from the configuration, never from a path's name.

A family is one file of this folder with its entries in ``FAMILIES``, or an entry point of another package in
the group ``vrft.models.families`` that names such entries; nothing else need know of it.
"""

from __future__ import annotations

from vrft.errors import ModelError
from vrft.models.families.family import Family
from vrft.types.plugins import discover

FAMILIES: dict[str, Family] = {
    family.model_type: family for families in discover(__name__, "FAMILIES", __name__) for family in families
}


def family_of(model_type: str, source: str) -> Family:
    """The family of a model type; ``source`` is what the user called the model."""
    if model_type not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ModelError(
            f"{source}: model type '{model_type}' is not a vision-language model that vrft can train. "
            f"Known: {known}."
        )
    return FAMILIES[model_type]
