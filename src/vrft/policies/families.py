"""Model families: what vrft must know about an architecture beyond what transformers knows.

One entry a ``model_type``, read from the configuration, never from a path's name.
"""

from __future__ import annotations

from dataclasses import dataclass

from vrft.errors import ModelError
from vrft.geometry.frames import FrameKind


@dataclass(frozen=True)
class Family:
    """One architecture.

    Args:
        model_type: as in ``config.json``.
        frame: how the family writes coordinates (its model card's convention).
        vision: module path of the vision tower, below the conditional-generation model.
    """

    model_type: str
    frame: FrameKind
    vision: str = "model.visual"


FAMILIES = {
    family.model_type: family
    for family in (
        Family("qwen2_vl", "thousand"),
        Family("qwen2_5_vl", "input_pixels"),
        Family("qwen3_vl", "thousand"),
    )
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
