"""What was saved must be what is in memory: each weight is read again, one at a time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers.core_model_loading import rename_source_key

from vrft.errors import RunError
from vrft.models.adapter_weights import adapter_state, old_name_rules
from vrft.models.model_source import cannot_load


def check_saved(model: Any, folder: Path) -> int:
    """Compare every saved weight with the model's own, bit for bit.

    Args:
        model: a transformers model, or a peft model, of which the adapter is compared.
        folder: where ``save_pretrained`` wrote it.

    Returns:
        How many weights were compared.

    Raises:
        RunError: one differs, is missing or belongs to nothing.
    """
    adapted = hasattr(model, "peft_config")
    own = model.state_dict()
    adapter = adapter_state(model) if adapted else {}
    # Whole models are written under the names of older releases where there are such.
    rules = [] if adapted else old_name_rules(model)
    left = dict(adapter or own)
    seen: set[int] = set()
    try:
        for file in sorted(folder.glob("*.safetensors")):
            with safe_open(file, "pt") as saved:
                for key in saved.keys():  # noqa: SIM118
                    name = key
                    if not adapted:
                        name, _ = rename_source_key(key, rules, [], model.base_model_prefix, own)
                    expected = adapter.get(name, own.get(name))
                    if expected is None or not _same(saved.get_tensor(key), expected):
                        raise _differs(file, key)
                    left.pop(name, None)
                    seen.add(expected.data_ptr())
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"{folder}: what was saved cannot be read again ({error}). Check the disk, and add --resume."
        ) from error
    # Tied weights are written once.
    if missing := [name for name, value in left.items() if value.data_ptr() not in seen]:
        raise _differs(folder, missing[0])
    return len(seen)


def broken_weights(files: Iterable[Path], dtype: torch.dtype) -> list[str]:
    """Names of weights that hold a number which is not finite in a precision, read one by one.

    Raises:
        ModelError: a file cannot be read.
    """
    found: list[str] = []
    for file in files:
        try:
            with safe_open(file, "pt") as saved:
                found += [key for key in saved.keys() if _is_broken(saved.get_tensor(key), dtype)]  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise cannot_load(str(file), "the weights", error) from error
    return found


def _is_broken(value: torch.Tensor, dtype: torch.dtype) -> bool:
    return value.is_floating_point() and not bool(value.to(dtype).isfinite().all())


def _same(saved: torch.Tensor, own: torch.Tensor) -> bool:
    """Bit for bit: numbers that are not finite are compared too."""
    if saved.shape != own.shape or saved.dtype != own.dtype:
        return False
    pair = (value.detach().cpu().contiguous().flatten().view(torch.uint8) for value in (saved, own))
    return torch.equal(*pair)


def _differs(place: Path, name: str) -> RunError:
    return RunError(
        f"{place}: the weight '{name}' is not on the disk as it is in memory. Check the disk, and add "
        "--resume."
    )
