"""The policy: a vision-language model with its tokenizer and image processor; it writes its own prompts.

Axes: R answer rows, A answer tokens.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Generic, TypeVar

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutputWithPooling

from vrft.data.images import open_image
from vrft.errors import InputError
from vrft.models.attention.shared_attention import NAME
from vrft.models.chat_template import first_prompt, next_prompt
from vrft.models.families.family import Family, Features, Inputs
from vrft.models.image_limits import ImageLimits
from vrft.models.model_options import Bits
from vrft.models.offload import activations_on_cpu
from vrft.models.token_ends import token_ends
from vrft.models.weight_files import WeightFiles
from vrft.types import Completion, CoordinateFrame, Image, Medium, Message, Prompt
from vrft.types.rollouts import FinishReason

IMAGE_CACHE = 512
"""Processed images and frozen features kept in memory, at most: of images as their files have them."""
SHOWN_CACHE = 128
"""The same of images that are shown otherwise, which seldom come again: more than a step asks about."""
_PIECES = 2**17
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class ProcessedImage:
    """One image as the model takes it."""

    medium: Medium
    inputs: Inputs
    """Arguments of the model's ``get_image_features``."""
    text: str
    """What stands for it in a prompt."""
    frame: CoordinateFrame


class MediumCache(Generic[_T]):
    """The latest values by medium."""

    def __init__(self) -> None:
        self._lock = Lock()  # answers may be drawn in a thread while the policy learns
        self._plain: OrderedDict[Medium, _T] = OrderedDict()
        self._shown: OrderedDict[Medium, _T] = OrderedDict()

    def _kept(self, medium: Medium) -> tuple[OrderedDict[Medium, _T], int]:
        plain = isinstance(medium, Image) and medium.is_plain
        return (self._plain, IMAGE_CACHE) if plain else (self._shown, SHOWN_CACHE)

    def get(self, medium: Medium) -> _T | None:
        """The value; None where it was not kept."""
        kept, _ = self._kept(medium)
        with self._lock:
            if medium in kept:
                kept.move_to_end(medium)
            return kept.get(medium)

    def put(self, medium: Medium, value: _T) -> _T:
        """Keep a value, and let the oldest go where there are too many."""
        kept, most = self._kept(medium)
        with self._lock:
            kept[medium] = value
            while len(kept) > most:
                kept.popitem(last=False)
        return value

    def clear(self) -> None:
        self._plain.clear()
        self._shown.clear()


@dataclass
class Policy:
    """A vision-language model ready to answer and to learn; ``vrft.models.load_policy`` makes one.

    It is the ``Renderer`` of its own prompts (``vrft.rollout.sampler``): they hold token ids and media,
    never tensors.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    image_processor: Any
    family: Family
    source: str
    vision_frozen: bool = True
    bits: Bits | None = None
    """Of the weights that an adapter goes to; None where they are in the model's precision."""
    offloads: bool = False
    """Whether activations wait for the backward pass in the computer's own memory."""
    fast_decode: bool | None = None
    """Whether the sampler's own decoding step gives the model's hidden states; None until it was tried."""
    base: str = ""
    """The folder or hub id of the base model: that of the adapter, where there is one."""
    base_weights: str | None = None
    """The digest of the base's weights, where an adapter learns on them."""
    saves_whole: bool = False
    """Whether an earlier adapter was merged into the base, so that the present one alone is not the model."""
    unread: WeightFiles | None = None
    """Reads the weights that are still on the disk; until then they are 0 and take no memory."""
    _images: MediumCache[ProcessedImage] = field(default_factory=MediumCache)
    _features: MediumCache[Features] = field(default_factory=MediumCache)
    _pieces: dict[tuple[int, ...], str] = field(default_factory=dict)

    @property
    def core(self) -> Any:
        """The conditional-generation model itself, inside a LoRA wrapper where there is one."""
        unwrap = getattr(self.model, "get_base_model", None)
        return unwrap() if unwrap is not None else self.model

    @property
    def precision(self) -> str:
        """The precision of its weights, as settings write it: 'bfloat16'."""
        return str(self.core.dtype).removeprefix("torch.")

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        found: torch.device = next(self.model.parameters()).device
        return found

    @property
    def shares_prompt(self) -> bool:
        """Whether its attention reads a shared prompt's keys (``vrft.models.attention.shared_attention``)."""
        return bool(self.core.get_decoder().config._attn_implementation == NAME)

    @property
    def vocabulary(self) -> int:
        """Number of logits per token."""
        return int(self.core.get_decoder().config.vocab_size)

    @property
    def image_token_id(self) -> int:
        """The placeholder id of an image token."""
        return int(self.core.config.image_token_id)

    @property
    def end_token_ids(self) -> tuple[int, ...]:
        """Tokens that end an answer: the generation config's, the tokenizer's and the template's."""
        configured = self.core.generation_config.eos_token_id if self.core.generation_config else None
        listed = configured if isinstance(configured, list) else [configured]
        ids = [i for i in (*listed, self.tokenizer.eos_token_id, self._turn_end_id) if i is not None]
        return tuple(dict.fromkeys(int(i) for i in ids))

    @property
    def _turn_end_id(self) -> int | None:
        return None if self.family.turn_end is None else self._id_of(self.family.turn_end)

    def _id_of(self, token: str) -> int | None:
        """The id of a token by its text; None where the vocabulary has no such token."""
        found = self.tokenizer.convert_tokens_to_ids(token)
        known = found is not None and self.tokenizer.convert_ids_to_tokens(found) == token
        return int(found) if known else None

    @property
    def pad_token_id(self) -> int:
        """Filler of rows that are shorter than the longest; never read, masks go by length."""
        pad = self.tokenizer.pad_token_id
        return int(pad) if pad is not None else self.end_token_ids[0]

    @property
    def placeholder_ids(self) -> tuple[int, ...]:
        """Ids that must never be sampled: the model would look for image features behind them."""
        named = [getattr(self.core.config, name, None) for name in self.family.never_ids]
        named += [self._id_of(token) for token in self.family.never_tokens]
        return tuple(dict.fromkeys(int(i) for i in named if i is not None))

    # ---- prompts and answers

    def frame(self, medium: Medium) -> CoordinateFrame:
        """How the model writes places in a medium."""
        return self.image(medium).frame

    def first(self, messages: Sequence[Message]) -> Prompt:
        """The prompt of a conversation, by the model's own chat template.

        Args:
            messages: one of the assistant at the end is the beginning of the answer.

        Returns:
            Token ids with one placeholder per image token, written as the family's own processor writes them.

        Raises:
            ModelError: the template has no place for an image.
            InputError: a text holds a token that stands for an image, or the family cannot show these media.
        """
        return first_prompt(self, messages)

    def following(self, prompt: Prompt, said: Completion, messages: Sequence[Message]) -> Prompt:
        """The prompt of the next turn: it begins with the tokens of ``prompt`` and ``said`` as they were.

        Args:
            prompt: of the turn before.
            said: what was answered to it.
            messages: what is shown next; empty, or a message of the assistant, lets the same answer go on.

        Raises:
            ModelError: the template would write earlier turns in another way.
            InputError: as ``first``; or an answer is to go on that has ended.
        """
        return next_prompt(self, prompt, said, messages)

    def said(self, text: str) -> Completion:
        """A given text (gold, logged) as an answer, end token included."""
        end = self.tokenizer.eos_token_id if self._turn_end_id is None else self._turn_end_id
        ids = (*self.tokenizer(text, add_special_tokens=False)["input_ids"], end)
        return Completion(text, ids, ends=token_ends(self._piece, ids, text))

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of an answer, special tokens left out."""
        return str(self.tokenizer.decode(list(token_ids), skip_special_tokens=True))

    def completion(
        self,
        token_ids: Sequence[int],
        logprobs: Sequence[float],
        finished: bool,
        version: int = 0,
        digits: Sequence[float] = (),
    ) -> Completion:
        """Sampled tokens as a completion, with their text and their places in it."""
        ids, text = tuple(token_ids), self.decode(token_ids)
        ends = token_ends(self._piece, ids, text)
        reason: FinishReason = "stop" if finished else "length"
        return Completion(text, ids, tuple(logprobs), ends, reason, version, digits=tuple(digits))

    @property
    def digit_ids(self) -> tuple[int, ...]:
        """The tokens of 0 to 9; empty where a digit has none of its own."""
        ids = self.tokenizer.convert_tokens_to_ids([*"0123456789"])
        known = self.tokenizer.convert_ids_to_tokens(ids) if None not in ids else []
        return tuple(ids) if known == [*"0123456789"] else ()

    def _piece(self, token_ids: tuple[int, ...]) -> str:
        """``decode``, which remembers single tokens and pairs."""
        if len(token_ids) > 2:
            return self.decode(token_ids)
        found = self._pieces.get(token_ids)  # other threads may clear what is kept
        if found is None:
            if len(self._pieces) >= _PIECES:
                self._pieces.clear()
            found = self._pieces[token_ids] = self.decode(token_ids)
        return found

    # ---- images

    def image(self, medium: Medium) -> ProcessedImage:
        """Read and process an image; the latest ones are kept.

        Raises:
            InputError: the family cannot show it.
            LabelError: the file is missing or is not a readable image.
        """
        return self._images.get(medium) or self._images.put(medium, self._processed(medium))

    def _processed(self, medium: Medium) -> ProcessedImage:
        if not isinstance(medium, Image):
            raise InputError(
                f"{medium.path}: a model of type '{self.family.model_type}' takes images, and this is a "
                f"{medium.kind}. Use its frames as images."
            )
        if refused := self.limits.refusal(medium):
            raise refused
        pixels = open_image(medium)
        found = self.family.process(pixels, self.image_processor, self.tokenizer, self.core.config)
        return ProcessedImage(
            medium, found.inputs, found.text, medium.frame(self.family.frame, found.input_wh)
        )

    @property
    def limits(self) -> ImageLimits:
        """Which images its processor refuses."""
        return ImageLimits(self.family, self.image_processor)

    def images_of(self, prompts: Sequence[Prompt]) -> list[ProcessedImage]:
        """The images of all prompts, one after the other."""
        return [self.image(medium) for prompt in prompts for medium in prompt.media]

    def features(self, images: Sequence[ProcessedImage]) -> BaseModelOutputWithPooling:
        """Image features, one entry per image, as ``mm_encoder_outputs`` takes them.

        With a frozen vision tower each image is encoded once and kept; otherwise the distinct images are
        encoded in one pass that carries gradient where gradient is on.
        """
        distinct = {image.medium: image for image in images}
        kept = {m: self._features.get(m) for m in distinct} if self.vision_frozen else {}
        found = {medium: features for medium, features in kept.items() if features is not None}
        missing = [image for medium, image in distinct.items() if medium not in found]
        if missing:
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self.vision_frozen):
                inputs = [{name: self._placed(value) for name, value in i.inputs.items()} for i in missing]
                fresh = self.family.encode(self.core.model, inputs)
            for image, features in zip(missing, fresh, strict=True):
                found[image.medium] = (
                    self._features.put(image.medium, features) if self.vision_frozen else features
                )
        return self.family.joined([found[image.medium] for image in images])

    def model_inputs(self, images: Sequence[ProcessedImage]) -> dict[str, torch.Tensor]:
        """The images as arguments of the model's own forward pass."""
        together = self.family.together([image.inputs for image in images])
        return {name: self._placed(value) for name, value in together.items()}

    def _placed(self, value: torch.Tensor) -> torch.Tensor:
        return value.to(self.device, self.core.dtype if value.is_floating_point() else value.dtype)

    def forget_features(self) -> None:
        """Drop kept features; needed after the tower's weights or device changed."""
        self._features.clear()

    # ---- weights

    @contextmanager
    def learning(self) -> Iterator[None]:
        """The mode of passes that carry gradient: adapters drop out, activations are checkpointed or
        offloaded, each where that is on. Outside the policy is in eval mode."""
        was_training = self.model.training
        self.model.train()
        try:
            with activations_on_cpu(self.model) if self.offloads else nullcontext():
                yield
        finally:
            self.model.train(was_training)

    def frozen_copy(self, model: Any = None) -> Policy:
        """A twin whose weights never change; it shares the features that both compute alike.

        Args:
            model: a copy that is there already; None makes one.
        """
        model = (copy.deepcopy(self.model) if model is None else model).eval().requires_grad_(False)
        features = self._features if self.vision_frozen else MediumCache[Features]()
        return replace(self, model=model, vision_frozen=True, _features=features)

    def elsewhere(self, model: Any) -> Policy:
        """The same policy whose model is a copy in other memory."""
        return replace(self, model=model, _features=MediumCache[Features]())
