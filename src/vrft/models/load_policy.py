"""Loading a policy from a folder or hub id, and saving it as an ordinary Hugging Face folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from vrft.errors import ConfigError, ModelError
from vrft.models.adapter_folder import AdapterFolder, adapter_chain, write_base
from vrft.models.adapter_weights import WRAPPER, attach_adapter, merge_adapter, report_initial
from vrft.models.attention.shared_attention import NAME
from vrft.models.families import family_of
from vrft.models.families.family import Family
from vrft.models.model_options import ALPHA, RANK, Bits, LoraOptions, ModelOptions
from vrft.models.model_source import (
    cannot_load,
    check_bases,
    check_hub,
    check_weights,
    copy_side_files,
    fetch_side_files,
    first_sentence,
    innermost,
    quiet,
    read_config,
    resolve_source,
    stacked_weights,
)
from vrft.models.policy import Policy
from vrft.models.quantized import bits_of, check_installed, quantized_loading, settle
from vrft.models.saved_weights import check_saved
from vrft.models.weight_files import WeightFiles, place_without_weights, without_weights
from vrft.types.options import did_you_mean

SDPA = "sdpa"
WITHOUT_WEIGHTS = "meta"
"""The device of a model that has shapes and no weights."""


def load_policy(options: ModelOptions | str | Path, *, unread: bool = False) -> Policy:
    """Load a policy, in eval mode.

    Args:
        options: a model and how to load it; a bare path or hub id takes the defaults.
        unread: leave its weights on the disk, where they can be read one by one (``Policy.unread``).

    Raises:
        ModelError: the source is missing or broken, or is not a vision-language model that vrft can train.
        ConfigError: this machine does not have the device, or not the attention implementation.

    Example:
        >>> policy = load_policy(ModelOptions(path="miniature", device="cpu"))
        >>> policy.family.model_type
        'qwen3_vl'
    """
    if not isinstance(options, ModelOptions):
        options = ModelOptions(path=str(options))
    place = _Place.of(options)
    model, tokenizer, image_processor, files = _read(place, unread)
    family, lora, chain = place.family, options.lora, place.chain
    family.prepare(image_processor, model.config, options.min_pixels, options.max_pixels)
    if options.attention == SDPA:
        model.set_attn_implementation({"text_config": NAME})
    if place.bits is None:
        model.to(place.device)
    model.eval()
    model = _with_adapters(model, place)
    model.eval()  # an adapter's new modules too
    return Policy(
        model,
        tokenizer,
        image_processor,
        family,
        place.source,
        vision_frozen=not options.train_vision or lora is not None,
        bits=place.bits,
        base=chain[0].base if chain else place.folder,
        base_weights=stacked_weights(chain[1:], place.base) if lora is not None else None,
        saves_whole=bool(chain) and lora is not None and not place.continues,
        unread=files,
    )


@dataclass(frozen=True)
class _Place:
    """Where a model lies, with what its settings say, and how it is to be loaded."""

    options: ModelOptions
    device: str
    dtype: torch.dtype
    folder: str
    chain: list[AdapterFolder]
    """The adapters in the folder, from the one that is named to the one next to the base."""
    base: str
    config: Any
    family: Family
    bits: Bits | None

    @classmethod
    def of(cls, options: ModelOptions) -> Self:
        """Look at the settings of a model and of this machine; no weights are read."""
        source = options.path
        folder = resolve_source(source)
        device = natural_device() if options.device == "auto" else options.device
        dtype = natural_dtype(device) if options.dtype == "auto" else options.dtype
        check_available(device, options.attention)
        check_hub(folder, source)  # before an adapter is looked for there
        chain = adapter_chain(folder)
        base = innermost(chain, folder)
        check_bases(chain, base, source)
        config = read_config(base, source)
        family = family_of(config.model_type, source)
        bits = options.bits or (chain[0].bits if chain else None) or bits_of(config)
        if bits is not None and device != WITHOUT_WEIGHTS:
            check_installed(bits)
        return cls(
            options,
            device,
            getattr(torch, dtype),
            folder,
            chain,
            base=base,
            config=config,
            family=family,
            bits=bits,
        )

    @property
    def source(self) -> str:
        """The model as the user names it."""
        return self.options.path

    @property
    def continues(self) -> bool:
        """Whether the adapter that is named learns on."""
        lora = self.options.lora
        return bool(self.chain) and lora is not None and lora.on_adapter == "continue"

    @property
    def merges(self) -> bool:
        """Whether an adapter goes into the weights."""
        return len(self.chain) > self.continues


def _read(place: _Place, unread: bool) -> tuple[Any, Any, Any, WeightFiles | None]:
    """The base model, its tokenizer, its image processor, and where its weights are, if they are not read."""
    base, source, attention = place.base, place.source, place.options.attention
    try:
        with quiet():
            found = _unread_model(place) if unread else None
            model, files = (_base_model(place), None) if found is None else found
            tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False)
            # The PIL backend everywhere: the torchvision one differs by up to 0.015 per pixel value, and runs
            # must agree.
            image_processor = AutoImageProcessor.from_pretrained(base, backend="pil", trust_remote_code=False)
        fetch_side_files(base)
    except (OSError, ValueError, RuntimeError, ImportError, SafetensorError) as error:
        if attention != SDPA and "ttention" in str(error):
            raise ConfigError(
                f"model.attention: '{attention}' cannot be used here ({first_sentence(error)}). "
                "Install what it needs, or set model.attention: sdpa."
            ) from error
        raise cannot_load(source, "the model", error) from error
    if not tokenizer.chat_template:
        raise ModelError(
            f"{source}: its tokenizer has no chat template. Add chat_template.jinja to the folder."
        )
    return model, tokenizer, image_processor, files


def _with_adapters(model: Any, place: _Place) -> Any:
    """The model with its adapters, and a fresh one where one is to be learned; what learns has gradients."""
    options, lora, family = place.options, place.options.lora, place.family
    _check_merges(place.bits, place.chain, lora, place.source)
    for adapter in reversed(place.chain):
        learns = place.continues and adapter is place.chain[0]
        model = _with_adapter(
            model, adapter, place.source, lora if learns else None, merges=place.bits is None
        )
    model.requires_grad_(lora is None and place.bits is None)
    if place.continues:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_("lora_" in name or "modules_to_save" in name)
    elif lora is not None:
        model = _add_lora(model, lora, family)
    if not options.train_vision or place.continues:
        for name, parameter in model.named_parameters():
            if name.removeprefix(WRAPPER).startswith(family.vision):
                parameter.requires_grad_(False)
    return model


def _check_merges(
    bits: Bits | None, chain: list[AdapterFolder], lora: LoraOptions | None, source: str
) -> None:
    """Refuse what would merge an adapter into weights in few bits: they would be rounded again."""
    if bits is None or not chain:
        return
    if len(chain) > 1:
        raise ModelError(
            f"{source}: its base model is an adapter too, which cannot be merged into weights of {bits} "
            "bits. Leave model.bits out, or merge that adapter into its own base first."
        )
    if lora is not None and lora.on_adapter == "merge":
        raise ConfigError(
            f"model.lora.on_adapter: the adapter in {source} cannot be merged into weights of {bits} bits. "
            "Set model.lora.on_adapter: continue."
        )


def check_available(device: str, attention: str) -> None:
    """ConfigError where this machine lacks a device or what an attention needs."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"model.device: '{device}' cannot be used here ({first_sentence(error)}). Set model.device: "
            "auto, which takes CUDA where there is one and else the CPU."
        ) from error
    known = ("eager", *ALL_ATTENTION_FUNCTIONS.valid_keys())
    if attention not in known:
        hint = did_you_mean(attention, known)
        raise ConfigError(f"model.attention: there is no '{attention}'.{hint} The usual one is sdpa.")


def natural_device() -> str:
    """The device that this machine trains on: CUDA where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def natural_dtype(device: str) -> str:
    """The precision that a device computes in fast and safely; a GPU that is not here counts as a new one."""
    if not device.startswith("cuda"):
        return "float32"
    if not torch.cuda.is_available():
        return "bfloat16"
    return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"


def _unread_model(place: _Place) -> tuple[Any, WeightFiles] | None:
    """The base model without weights; None where they have to be read at once."""
    if place.bits is not None or place.merges or place.device == WITHOUT_WEIGHTS:
        return None
    settings = {"dtype": place.dtype, "attn_implementation": place.options.attention}
    model = without_weights(place.config, place.base, **settings)
    files = WeightFiles.of(model, place.base, place.source, place.device)
    if files is None:
        return None
    place_without_weights(model, place.device)
    return model, files


def _base_model(place: _Place) -> Any:
    config, device, bits = place.config, place.device, place.bits
    attention = place.options.attention
    if device == WITHOUT_WEIGHTS:
        with torch.device(device):
            return AutoModelForImageTextToText.from_config(
                config, dtype=place.dtype, attn_implementation=attention, trust_remote_code=False
            )
    narrow = (
        {}
        if bits is None
        else quantized_loading(bits, config, place.dtype, device, lora_targets(place.family))
    )
    model, loading = AutoModelForImageTextToText.from_pretrained(
        place.base,
        dtype=place.dtype,
        attn_implementation=attention,
        output_loading_info=True,
        trust_remote_code=False,
        **narrow,
    )
    check_weights(loading, model, place.source)
    if bits is not None:
        settle(model, place.source)
    return model


def _with_adapter(
    model: Any, adapter: AdapterFolder, source: str, lora: LoraOptions | None, merges: bool
) -> Any:
    """The model with its adapter merged into it or, where that is to learn on or must not be merged, beside
    it."""
    wrapped = attach_adapter(model, adapter, source, dropout=None if lora is None else lora.dropout)
    if lora is not None:
        settings = wrapped.peft_config["default"]
        for key, asked, found in (
            ("rank", lora.rank, settings.r),
            ("alpha", lora.alpha, settings.lora_alpha),
        ):
            if asked not in (None, found):
                raise ConfigError(
                    f"model.lora.{key}: it is {asked}, and the adapter in {source} was made with {found}. "
                    "Leave it out to go on with that adapter, or set model.lora.on_adapter: merge, which "
                    "merges it into its base and trains a fresh one."
                )
        return wrapped
    if model.device.type == WITHOUT_WEIGHTS:
        return wrapped.unload()
    report_initial(wrapped, source)
    return merge_adapter(wrapped) if merges else wrapped


def lora_targets(family: Family) -> str:
    """The pattern of the modules that an adapter goes to: the text model's projections."""
    return rf".*{family.decoder}.*\.({'|'.join(family.adapted)})"


def _add_lora(model: Any, lora: LoraOptions, family: Family) -> Any:
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(
        r=lora.rank or RANK,
        lora_alpha=lora.alpha or ALPHA,
        lora_dropout=lora.dropout,
        target_modules=lora_targets(family),
        bias="none",
    )
    return get_peft_model(model, settings)


def save_policy(policy: Policy, folder: Path) -> Path:
    """Save a policy as an ordinary Hugging Face folder that transformers loads without vrft.

    Every weight is read again from the disk and compared with memory.

    Args:
        policy: a full model, or one with a LoRA adapter: then only the adapter is written, peft's way, unless
            an earlier one was merged into its base; then the adapter is merged too, and all is written.
        folder: where to write; also what is returned.

    Raises:
        RunError: what is on the disk is not what is in memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if policy.saves_whole and hasattr(policy.model, "peft_config"):
        policy.model = merge_adapter(policy.model)
    if (settings := getattr(policy.model, "peft_config", None)) is not None:
        here = Path(policy.base).exists()
        settings["default"].base_model_name_or_path = (
            str(Path(policy.base).resolve()) if here else policy.base
        )
        write_base(folder, policy.base, policy.base_weights, policy.bits)
    # Of an adapter peft would ask the hub whether the vocabulary has grown.
    further = {"save_embedding_layers": False} if settings is not None else {}
    with quiet():
        policy.model.save_pretrained(folder, **further)
    check_saved(policy.model, folder)
    policy.tokenizer.save_pretrained(folder)
    # Image processor and template are written apart: a processor class of our own would not load elsewhere.
    policy.image_processor.save_pretrained(folder)
    copy_side_files(policy.base, folder)
    return folder
