"""Where a model comes from, and its side files: what vrft does not read and other tools need."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers
from huggingface_hub import HfApi, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from transformers import AutoConfig

from vrft.errors import ModelError
from vrft.miniature.location import EMBEDDED, is_miniature, miniature_folder
from vrft.models.adapter_folder import SETTINGS, AdapterFolder, adapter_chain
from vrft.types.options import did_you_mean

HUB_TIMEOUT_S = 20.0


def read_config(base: str, source: str) -> Any:
    """transformers' configuration of a folder or hub id; ``source`` is what the user called it."""
    if Path(base).exists() and not (Path(base) / "config.json").exists():
        raise ModelError(
            f"{source}: the folder has no config.json. Give a Hugging Face model folder or a hub id."
        )
    if base.count("/") > 1 and not Path(base).exists():
        raise ModelError(f"{source}: there is no such folder. Give a Hugging Face model folder or a hub id.")
    check_hub(base, source)
    try:
        with quiet():
            return AutoConfig.from_pretrained(base, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise cannot_load(source, "the configuration of the model", error) from error


def check_hub(base: str, source: str) -> None:
    """Ask the hub once whether it has a model that is not on this machine: the libraries ask for each file of
    a misspelt name again and again."""
    if Path(base).exists() or base.count("/") > 1:
        return
    try:
        here = (try_to_load_from_cache(base, file) for file in ("config.json", SETTINGS))
        if not any(isinstance(file, str) for file in here):
            HfApi().model_info(base, timeout=HUB_TIMEOUT_S)
    except GatedRepoError as error:
        raise ModelError(
            f"{source}: the hub gives this model to those who accepted its terms. Accept them on its page, "
            "and log in with 'hf auth login'."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelError(
            f"{source}: there is no such folder, and no such model on the hub. Check the name; a private one "
            "needs 'hf auth login'."
        ) from error
    except HfHubHTTPError:  # a mirror may give files and no information: loading them says more
        return
    except Exception as error:  # whatever the network raises
        raise ModelError(
            f"{source}: there is no such folder, and the hub cannot be reached ({first_line(error)}). Check "
            "the name and the network, or give a model folder."
        ) from error


def cannot_load(source: str, what: str, error: Exception) -> ModelError:
    """What is said where transformers loads something not; ``source`` is what the user called the model."""
    if "trust_remote_code" in str(error):
        return ModelError(
            f"{source}: {what} brings program code of its own (auto_map), and vrft never runs such code. "
            "Use a model that transformers supports by itself."
        )
    return ModelError(
        f"{source}: {what} cannot be loaded ({first_line(error)}). Check the path or hub id, or download the "
        "model again."
    )


def check_weights(loading: dict[str, Any], model: Any, source: str) -> None:
    """Refuse a model of which transformers has made up some weights (its ``output_loading_info``), or left
    out layers or an adapter."""
    lacking = sorted(map(str, [*loading["missing_keys"], *loading["mismatched_keys"]]))[:3]
    if lacking:
        raise ModelError(
            f"{source}: weights are missing or of another shape ({', '.join(lacking)}, ...). "
            "Save or download the model again."
        )
    kinds = {_NUMBER.sub("*", name) for name in model.state_dict()}
    unread = sorted(map(str, loading["unexpected_keys"]))
    if strange := [n for n in unread if "lora_" in n or ".base_layer." in n or _NUMBER.sub("*", n) in kinds]:
        raise ModelError(
            f"{source}: {len(strange)} weights have no place in the model ({', '.join(strange[:3])}). Its "
            "config.json is of another model, or an adapter was saved among its weights. Save it again."
        )


def first_line(error: Exception) -> str:
    """What an error says, without what follows its first line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def first_sentence(error: Exception) -> str:
    """What an error says at once, where it goes on with advice for others."""
    return first_line(error).partition(". ")[0].rstrip(".")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' bars and hints off the screen."""
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        transformers.logging.enable_progress_bar()


_NUMBER = re.compile(r"\d+")
_PIECE = 1 << 20
"""Bytes at either end of a weight file that are looked at."""
_DIGITS = 64
"""Of a digest; a commit of the hub has fewer."""
PROCESSOR = "processor_config.json"
COPIED = (
    "chat_template.jinja",
    "chat_template.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
)
"""Carried along as they are, where saving has written no newer one."""


def resolve_source(source: str) -> str:
    """The folder or hub id behind a model's name, which may be that of an embedded one."""
    if is_miniature(source):
        return str(miniature_folder(source))
    if not Path(source).exists() and (hint := did_you_mean(source, EMBEDDED)):
        raise ModelError(f"{source}: there is no such model folder.{hint}")
    return source


def fetch_side_files(source: str) -> Path | None:
    """Have a model's side files on this machine, while there is a network: those of a hub id go to its cache.

    Returns the folder that holds them; None where the hub cannot be reached and its cache has nothing.
    """
    return _folder(source, local_files_only=False)


def copy_side_files(source: str, folder: Path) -> None:
    """Copy the side files of a folder or hub id to where the model, its tokenizer and its image processor
    have been saved."""
    own = _folder(source, local_files_only=True)
    if own is None:
        return
    for name in COPIED:
        if (own / name).exists() and not (folder / name).exists():
            (folder / name).write_bytes((own / name).read_bytes())
    if (own / PROCESSOR).exists():
        # A processor's own settings go along; its image processor's were written apart.
        settings = json.loads((own / PROCESSOR).read_text("utf-8"))
        settings.pop("image_processor", None)
        (folder / PROCESSOR).write_text(json.dumps(settings, indent=2) + "\n", "utf-8")


def weights_of(source: str) -> str | None:
    """Which weights a model's name means: what differs between two of them that have one name.

    Of a folder a digest of both ends of each weight file; of an adapter one of its own and its base's; of a
    hub id the commit that this machine's cache then holds; None where there is none of these.
    ModelError where the hub has no model of that name, or cannot be reached.
    """
    place = resolve_source(source)
    check_hub(place, source)
    chain = adapter_chain(place)
    return stacked_weights(chain, innermost(chain, place))


def innermost(chain: Sequence[AdapterFolder], place: str) -> str:
    """The whole model below all adapters: ``place`` where there are none."""
    return chain[-1].base if chain else place


def stacked_weights(chain: Sequence[AdapterFolder], base: str) -> str | None:
    """The same of adapters, the outermost first, on a whole model."""
    if Path(base).exists():
        found = _digest(Path(base), "*.safetensors")
    else:
        # Fetched first: a cache that is still empty must not give another answer than the same one filled.
        fetched = fetch_side_files(base)
        found = fetched.name if fetched is not None else None
    for adapter in reversed(chain):
        own = _digest(adapter.path, "adapter_model.*")
        found = hashlib.sha256(f"{own} {found}".encode()).hexdigest()
    return found


def check_bases(chain: Sequence[AdapterFolder], base: str, source: str) -> None:
    """ModelError where the base of an adapter has other weights than when the adapter was trained; a hub id's
    commit changes with its texts too, and is not compared."""
    for place, adapter in enumerate(chain):
        now = stacked_weights(chain[place + 1 :], base) if adapter.weights is not None else None
        if now != adapter.weights and len(now or "") == len(adapter.weights or "") == _DIGITS:
            raise ModelError(
                f"{source}: the weights of its base model '{adapter.base}' have changed since the adapter "
                "was trained. Restore them, or train the adapter again."
            )


def weight_files(source: str) -> list[Path]:
    """The weight files of a model's folder, those of its adapters first; none of a hub id's base."""
    place = resolve_source(source)
    chain = adapter_chain(place)
    own = [file for adapter in chain for file in sorted(adapter.path.glob("adapter_model.safetensors"))]
    return own + sorted(Path(innermost(chain, place)).glob("*.safetensors"))


def _digest(folder: Path, pattern: str) -> str | None:
    files = sorted(folder.glob(pattern))
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(f"{file.name} {file.stat().st_size}".encode())
            digest.update(stream.read(_PIECE))
            stream.seek(max(0, file.stat().st_size - _PIECE))
            digest.update(stream.read(_PIECE))
    return digest.hexdigest() if files else None


def _folder(source: str, local_files_only: bool) -> Path | None:
    place = resolve_source(source)
    place = innermost(adapter_chain(place, local_files_only), place)
    if Path(place).exists():
        return Path(place)
    try:
        wanted = [*COPIED, PROCESSOR]
        with quiet():
            return Path(snapshot_download(place, allow_patterns=wanted, local_files_only=local_files_only))
    except (OSError, ValueError):  # no network and no cache, or no such name: the model's own loading says so
        return None
