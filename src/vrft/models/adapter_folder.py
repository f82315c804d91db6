"""The folder of a LoRA adapter: which adapter a model's name means, and which base model it belongs to."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from transformers.utils.peft_utils import find_adapter_config_file

from vrft.errors import ModelError, RunError
from vrft.miniature.location import embedded_name, is_miniature, miniature_folder
from vrft.models.model_options import Bits
from vrft.run_folder import read_json, write_json

SETTINGS, WEIGHTS = "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")
INSIDE = "lora_adapter"
"""Where a merger of other trainers leaves an adapter, in the folder of the base that it belongs to."""
NOTE = "base_model.json"
"""What vrft writes beside an adapter: where its base lay, and which weights it had."""
_WHOLE = ("model*.safetensors", "model.safetensors.index.json", "pytorch_model*.bin*")


@dataclass(frozen=True)
class AdapterFolder:
    """A LoRA adapter on this machine, and the folder or hub id of its base model."""

    path: Path
    settings: dict[str, Any]
    base: str
    weights: str | None
    """The digest of the base's weights when the adapter was saved; None where nobody wrote it down."""
    bits: Bits | None = None
    """Of the base's weights while the adapter was trained on them; None where they were whole."""


def find_adapter(place: str, local_files_only: bool = False) -> AdapterFolder | None:
    """The adapter that a folder or hub id holds; None where it holds none.

    Args:
        place: the folder or hub id.
        local_files_only: of the hub, only what this machine's cache has.

    Raises:
        ModelError: it is broken, of another kind than LoRA, its base is not known, or the folder holds a
            whole model as well and nothing says how they belong together.
    """
    folder = Path(place)
    if not folder.exists():
        fetched = _fetched(place, local_files_only)
        return _adapter(fetched, place) if fetched is not None else None
    inner = folder / INSIDE
    if (folder / SETTINGS).exists():
        if is_whole(folder):
            raise ModelError(
                f"{place}: the folder holds a whole model and the settings of an adapter ({SETTINGS}), and "
                "nothing says which is meant. Move one of them into a folder of its own."
            )
        return _adapter(folder, place)
    if not (inner / SETTINGS).exists():
        return None
    named = _settings(inner, str(inner)).get("base_model_name_or_path")
    if is_whole(folder) and named and Path(named).resolve() != folder.resolve():
        raise ModelError(
            f"{place}: the folder holds a whole model and, in {INSIDE}, an adapter of '{named}'. Give "
            f"{inner} to use the adapter with its own base, or move {INSIDE} away where the whole model "
            "holds its changes already."
        )
    return _adapter(inner, str(inner))


def adapter_chain(place: str, local_files_only: bool = False) -> list[AdapterFolder]:
    """The adapters that a folder or hub id stands for, the outermost first: one may have been trained on
    another, which is its base then; arguments and what is raised as of ``find_adapter``."""
    chain: list[AdapterFolder] = []
    while (adapter := find_adapter(place, local_files_only)) is not None:
        if any(adapter.path.samefile(other.path) for other in chain):
            raise ModelError(
                f"{place}: the adapter's base model is that adapter again. Write the right one into "
                f"{SETTINGS}, as base_model_name_or_path."
            )
        chain.append(adapter)
        place = adapter.base
        if is_whole(Path(place)) and not (Path(place) / SETTINGS).exists():
            break  # also where an adapter lies inside: as a base, a folder means its own weights
    return chain


def is_whole(folder: Path) -> bool:
    """Whether a folder holds a model with all of its weights."""
    return (folder / "config.json").exists() and any(any(folder.glob(name)) for name in _WHOLE)


def write_base(folder: Path, base: str, weights: str | None, bits: Bits | None = None) -> None:
    """Write down beside a saved adapter which base it belongs to.

    Args:
        folder: of the adapter.
        base: the base's folder, or hub id.
        weights: the digest of its weights.
        bits: of its weights, where the adapter was trained on quantized ones.
    """
    relative = os.path.relpath(base, folder) if Path(base).exists() else None
    note: dict[str, Any] = {
        "model": embedded_name(Path(base)) or base,
        "relative": relative,
        "weights": weights,
    }
    note |= {"bits": bits} if bits is not None else {}
    write_json(folder / NOTE, note)


def _fetched(name: str, local_files_only: bool) -> Path | None:
    """The files of an adapter of the hub, in this machine's cache."""
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        return None
    try:
        if find_adapter_config_file(name, local_files_only=local_files_only) is None:
            return None
        wanted = ["adapter_*"]
        return Path(snapshot_download(name, allow_patterns=wanted, local_files_only=local_files_only))
    except (OSError, ValueError):  # no network, or no such name: the model's own loading says so
        return None


def _adapter(folder: Path, source: str) -> AdapterFolder:
    settings = _settings(folder, source)
    kind = settings.get("peft_type")
    if kind != "LORA":
        raise ModelError(
            f"{source}: this is an adapter of the kind {kind}, and vrft reads LoRA adapters alone. Merge it "
            "into its base model with peft (merge_and_unload), and give the folder of the whole model."
        )
    if not any((folder / name).exists() for name in WEIGHTS):
        raise ModelError(
            f"{source}: the adapter has no weights ({WEIGHTS[0]}). Copy the file into the folder, or save "
            "the adapter again."
        )
    note = _note(folder, settings)
    base = _base(folder, source, settings, note)
    return AdapterFolder(folder, settings, base, note.get("weights"), note.get("bits"))


def _settings(folder: Path, source: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / SETTINGS).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{source}: {SETTINGS} cannot be read ({error}). Save or download the adapter again."
        ) from error
    if not isinstance(found, dict):
        raise ModelError(f"{source}: {SETTINGS} has no settings. Save or download the adapter again.")
    return found


def _note(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """What was written of the base, beside the adapter or, before that was so, in the file of its run."""
    try:
        if (folder / NOTE).exists():
            return dict(read_json(folder / NOTE))
        run = read_json(folder.parent / "run.json") if (folder.parent / "run.json").exists() else {}
    except (RunError, TypeError, ValueError):
        return {}
    name = str(run.get("model"))
    same = (str(miniature_folder(name)) if is_miniature(name) else name) == settings.get(
        "base_model_name_or_path"
    )
    return {"model": name, "weights": run.get("weights")} if same else {}


def _base(folder: Path, source: str, settings: dict[str, Any], note: dict[str, Any]) -> str:
    """Where the base is: as named, from here or from a folder above the adapter, or as vrft wrote it down."""
    named = settings.get("base_model_name_or_path")
    if not named:
        if is_whole(folder.parent):
            return str(folder.parent)
        raise ModelError(
            f"{source}: {SETTINGS} does not name the adapter's base model. Write its folder or hub id there, "
            "as base_model_name_or_path."
        )
    named, known = str(named), str(note.get("model"))
    places = [Path(named), *(above / named for above in folder.resolve().parents)]
    if note.get("relative"):
        places.insert(1, (folder / str(note["relative"])).resolve())
    found = next((place for place in places if place.exists()), None)
    if found is not None:
        return str(found)
    if is_miniature(named) or is_miniature(known):
        return str(miniature_folder(named if is_miniature(named) else known))
    if named.count("/") <= 1 and not named.startswith((".", "/", "~")):
        return named
    raise ModelError(
        f"{source}: the adapter's base model '{named}' is not there. Put it there, or write its folder or "
        f"hub id into {SETTINGS}, as base_model_name_or_path."
    )
