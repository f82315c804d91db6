"""The policy: a vision-language model with its tokenizer, image processor and Frame.

Axes: R answer rows, A answer tokens.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutputWithPooling

from vrft.data.images import open_rgb
from vrft.errors import InputError, ModelError
from vrft.geometry.frames import View
from vrft.models.attention.shared_attention import NAME
from vrft.models.families.family import Family, Features, Inputs
from vrft.types import Edit

IMAGE_CACHE = 512
"""Processed pictures and frozen features kept in memory, at most."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture as the image processor gives it; two are told apart by identity."""

    path: Path
    inputs: Inputs
    """Arguments of the model's ``get_image_features``."""
    written: str
    """What stands for it in a prompt."""
    view: View
    edits: tuple[Edit, ...] = ()
    """What was done to it between the file and the image processor."""

    @property
    def source(self) -> tuple[Path, tuple[Edit, ...]]:
        """What decides its pixels."""
        return (self.path, self.edits)


@dataclass(frozen=True)
class Prompt:
    """One encoded question about one picture."""

    token_ids: tuple[int, ...]
    picture: Picture


@dataclass
class Policy:
    """A vision-language model ready to answer and to learn."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    image_processor: Any
    family: Family
    source: str
    vision_frozen: bool = True
    lean: bool | None = None
    """Whether the engine's own decoding step gives the model's hidden states; None until it was tried."""
    _pictures: OrderedDict[Path, Picture] = field(default_factory=OrderedDict)
    _features: OrderedDict[Path, Features] = field(default_factory=OrderedDict)
    _edited_features: WeakKeyDictionary[Picture, Features] = field(default_factory=WeakKeyDictionary)
    """Of edited pictures, which seldom come again: kept as long as the step that asks about them."""

    @property
    def core(self) -> Any:
        """The conditional-generation model itself, inside a LoRA wrapper where there is one."""
        unwrap = getattr(self.model, "get_base_model", None)
        return unwrap() if unwrap is not None else self.model

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return next(self.model.parameters()).device

    @property
    def shares_prompt(self) -> bool:
        """Whether its attention reads a shared prompt's keys (``vrft.models.attention.shared_attention``)."""
        return bool(self.core.get_decoder().config._attn_implementation == NAME)

    @property
    def vocabulary(self) -> int:
        """Number of logits a token."""
        return int(self.core.get_decoder().config.vocab_size)

    @property
    def image_token_id(self) -> int:
        """The placeholder id of a picture token."""
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
        """The id of the family's own token at the end of an answer, where it has one."""
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
        """Ids that must never be sampled: the model would look for picture features behind them."""
        named = [getattr(self.core.config, name, None) for name in self.family.never_ids]
        named += [self._id_of(token) for token in self.family.never_tokens]
        return tuple(dict.fromkeys(int(i) for i in named if i is not None))

    def picture(self, path: Path, edits: tuple[Edit, ...] = ()) -> Picture:
        """Read and process a picture; the most recent ones are kept, edited ones are not.

        Args:
            path: a picture file.
            edits: what to do to its pixels, in this order.

        Returns:
            What the model takes, what stands in the prompt, and the view that converts coordinates.
        """
        if edits:
            return self._process(path, edits)
        if path not in self._pictures:
            self._pictures[path] = self._process(path)
            if len(self._pictures) > IMAGE_CACHE:
                self._pictures.popitem(last=False)
        return self._pictures[path]

    def _process(self, path: Path, edits: tuple[Edit, ...] = ()) -> Picture:
        image = open_rgb(path)
        for edit in edits:
            image = edit.pixels(image)
        seen = self.family.see(image, self.image_processor, self.tokenizer, self.core.config)
        view = View(self.family.frame, image.size, seen.input_wh)
        return Picture(path, seen.inputs, seen.written, view, edits)

    def prompt(self, question: str, picture: Picture) -> Prompt:
        """Encode a question about a picture through the model's own chat template.

        Args:
            question: the user's text.
            picture: from ``picture``.

        Returns:
            Token ids with one placeholder a picture token, written as the family's own processor writes it.

        Raises:
            ModelError: the template has no place for a picture.
            InputError: the question itself holds a token that stands for a picture.
        """
        own = set(self.tokenizer(question, add_special_tokens=False)["input_ids"]).intersection(
            self.placeholder_ids
        )
        if own:
            token = self.tokenizer.convert_ids_to_tokens(min(own))
            raise InputError(
                f"{picture.path}: the question contains '{token}', which stands for a picture. Rename the "
                f"class or expression: {question!r}"
            )
        content = [{"type": "image"}, {"type": "text", "text": question}]
        text = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        marker = self.family.marker(self.tokenizer, self.core.config)
        before, found, after = text.partition(marker)
        if not found:
            raise ModelError(
                f"{self.source}: its chat template writes no '{marker}' where a picture stands. "
                "Take the template of the model's own release."
            )
        # As the families' processors do it: where the template writes no first token, the tokenizer may.
        first = self.tokenizer.bos_token
        begun = first is not None and text.startswith(first)
        ids = self.tokenizer(before + picture.written + after, add_special_tokens=not begun)["input_ids"]
        return Prompt(tuple(ids), picture)

    def answer_ids(self, text: str) -> tuple[int, ...]:
        """Token ids of an answer to be taught, end token included."""
        end = self.tokenizer.eos_token_id if self._turn_end_id is None else self._turn_end_id
        return (*self.tokenizer(text, add_special_tokens=False)["input_ids"], end)

    def decode(self, token_ids: tuple[int, ...]) -> str:
        """Text of an answer, special tokens left out."""
        return str(self.tokenizer.decode(list(token_ids), skip_special_tokens=True))

    def features(self, pictures: list[Picture]) -> BaseModelOutputWithPooling:
        """Picture features, one entry a picture, as ``mm_encoder_outputs`` takes them.

        With a frozen vision tower each picture is encoded once and kept; otherwise the distinct pictures are
        encoded in one pass that carries gradient where gradient is on.

        Args:
            pictures: one a prompt; a repeated one is encoded once.
        """
        distinct = {p.source: p for p in pictures}
        found = {
            source: features for source, p in distinct.items() if (features := self._kept(p)) is not None
        }
        missing = [p for source, p in distinct.items() if source not in found]
        if missing:
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self.vision_frozen):
                fresh = self._encode(missing)
            found |= {p.source: features for p, features in zip(missing, fresh, strict=True)}
            if self.vision_frozen:
                self._keep(missing, fresh)
        return self.family.joined([found[p.source] for p in pictures])

    def _kept(self, picture: Picture) -> Features | None:
        if not self.vision_frozen:
            return None
        return self._edited_features.get(picture) if picture.edits else self._features.get(picture.path)

    def _keep(self, pictures: list[Picture], features: list[Features]) -> None:
        for picture, found in zip(pictures, features, strict=True):
            if picture.edits:
                self._edited_features[picture] = found
            else:
                self._features[picture.path] = found
        while len(self._features) > IMAGE_CACHE:
            self._features.popitem(last=False)

    def _encode(self, pictures: list[Picture]) -> list[Features]:
        inputs = [{name: self._placed(value) for name, value in p.inputs.items()} for p in pictures]
        return self.family.encode(self.core.model, inputs)

    def _placed(self, value: torch.Tensor) -> torch.Tensor:
        return value.to(self.device, self.core.dtype if value.is_floating_point() else value.dtype)

    @contextmanager
    def learning(self) -> Iterator[None]:
        """The mode of passes that carry gradient: adapters drop out, activations are checkpointed, each where
        that is on. Outside the policy is in eval mode."""
        self.model.train()
        try:
            yield
        finally:
            self.model.eval()

    def forget_features(self) -> None:
        """Drop kept features; needed after the tower's weights or device changed."""
        self._features.clear()
        self._edited_features.clear()
