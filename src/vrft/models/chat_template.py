"""Prompts as a model's chat template and image processor write them. Tokens are appended, never rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from vrft.errors import InputError, ModelError
from vrft.types import Completion, CoordinateFrame, Medium, Message, Prompt

if TYPE_CHECKING:
    from vrft.models.policy import Policy

_ANSWER = "\ue000"
"""Stands for an answer while a template is rendered: a private character, which no template has."""


def first_prompt(policy: Policy, messages: Sequence[Message]) -> Prompt:
    """The prompt of a conversation; a message of the assistant at its end is the beginning of the answer."""
    shown, begun = _split(messages)
    _check(policy, messages, Prompt(tuple(messages)).media)
    text = _rendered(policy, shown)
    prompt = Prompt(shown)
    # As the families' processors do it: where the template writes no first token, the tokenizer may.
    first = policy.tokenizer.bos_token
    special = first is None or not text.startswith(first)
    ids = _ids(policy, _with_media(policy, text, prompt.media), special)
    return _begun(policy, Prompt(shown, ids, _frames(policy, prompt.media)), begun)


def next_prompt(policy: Policy, prompt: Prompt, said: Completion, messages: Sequence[Message]) -> Prompt:
    """The prompt after an answer; its tokens begin with those of ``prompt`` and ``said``."""
    ended = bool(said.token_ids) and said.token_ids[-1] in policy.end_token_ids
    goes_on = not messages or messages[0].role == "assistant"
    if ended and goes_on:
        raise InputError(
            "An answer that has ended cannot go on: leave its end token out, or reply with a message of the "
            "user."
        )
    fresh = Prompt(tuple(messages)).media
    _check(policy, messages, (*prompt.media, *fresh))
    prompt = _spoken(prompt, said.text, said.token_ids)
    if goes_on:
        prompt = _begun(policy, prompt, messages[0] if messages else None)
        messages = messages[1:]
    shown, begun = _split(messages)
    if not shown:
        return prompt
    text = _with_media(policy, _reply(policy, prompt.messages, shown), fresh)
    ids = _ids(policy, text, special=False)
    if ended and ids[:1] == said.token_ids[-1:]:
        ids = ids[1:]
    frames = (*prompt.frames, *_frames(policy, fresh))
    following = Prompt((*prompt.messages, *shown), (*prompt.token_ids, *ids), frames)
    return _begun(policy, following, begun)


def _reply(policy: Policy, spoken: Sequence[Message], shown: Sequence[Message]) -> str:
    """What the template writes after the last answer."""
    *earlier, last = spoken
    (text,) = last.content
    before = _rendered(policy, earlier)
    marked = _rendered(policy, [*earlier, Message("assistant", (_ANSWER,)), *shown])
    head, found, tail = marked.partition(_ANSWER)
    whole = _rendered(policy, [*earlier, last, *shown])
    own = whole[len(head) : len(whole) - len(tail)]
    # Blanks around an answer are the template's business: the tokens stay as they were sampled.
    same = (
        head.rstrip() == before.rstrip() and whole == head + own + tail and own.strip() == str(text).strip()
    )
    if not (found and same):
        raise ModelError(
            f"{policy.source}: its chat template rewrites earlier answers in a longer conversation (it may "
            "drop the thinking), which would change the sampled tokens. Use this model for one turn only."
        )
    return tail


def _split(messages: Sequence[Message]) -> tuple[tuple[Message, ...], Message | None]:
    """The messages that are shown, and the beginning of the answer."""
    if messages and messages[-1].role == "assistant":
        return tuple(messages[:-1]), messages[-1]
    return tuple(messages), None


def _begun(policy: Policy, prompt: Prompt, message: Message | None) -> Prompt:
    """A prompt behind which the answer has begun with given words."""
    text = "".join(map(str, message.content)) if message is not None else ""
    return _spoken(prompt, text, _ids(policy, text, special=False)) if text else prompt


def _spoken(prompt: Prompt, text: str, ids: tuple[int, ...]) -> Prompt:
    """A prompt with more of the answer; parts of one answer are one message."""
    messages = prompt.messages
    if messages and messages[-1].role == "assistant":
        messages, text = messages[:-1], f"{messages[-1].content[0]}{text}"
    return Prompt((*messages, Message("assistant", (text,))), (*prompt.token_ids, *ids), prompt.frames)


def _rendered(policy: Policy, messages: Sequence[Message]) -> str:
    """The conversation as text, up to where an answer begins, one mark for each medium."""
    turns = [
        {
            "role": message.role,
            "content": [
                {"type": "text", "text": part} if isinstance(part, str) else {"type": "image"}
                for part in message.content
            ],
        }
        for message in messages
    ]
    try:
        return str(policy.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    except TemplateError as error:
        raise InputError(
            f"{policy.source}: its chat template refuses these messages ({error}). Check their roles."
        ) from error


def _with_media(policy: Policy, text: str, media: Sequence[Medium]) -> str:
    """A rendered text with what stands for each medium."""
    mark = policy.family.marker(policy.tokenizer, policy.core.config)
    if mark == str(None):
        raise ModelError(
            f"{policy.source}: its tokenizer does not have the token that stands for an image. Add the "
            "model's own tokenizer files (tokenizer.json and tokenizer_config.json) to the folder."
        )
    before, *parts = text.split(mark)
    if len(parts) != len(media):
        raise ModelError(
            f"{policy.source}: its chat template writes '{mark}', which stands for an image, {len(parts)} "
            f"times for {len(media)} of them. Use the template of the original model."
        )
    return before + "".join(policy.image(m).text + part for m, part in zip(media, parts, strict=True))


def _check(policy: Policy, messages: Sequence[Message], media: Sequence[Medium]) -> None:
    if len(media) > 1 and not policy.family.several_images:
        raise InputError(
            f"{policy.source}: a model of type '{policy.family.model_type}' sees one image at a time, "
            f"and the prompt has {len(media)}. Use a model of another family."
        )
    for text in (part for message in messages for part in message.content if isinstance(part, str)):
        own = set(policy.tokenizer(text, add_special_tokens=False)["input_ids"]).intersection(
            policy.placeholder_ids
        )
        if own:
            token = policy.tokenizer.convert_ids_to_tokens(min(own))
            where = f"{media[0].path}: " if media else ""
            raise InputError(
                f"{where}the question contains '{token}', which stands for an image. Rename the class or "
                f"expression: {text!r}"
            )


def _frames(policy: Policy, media: Sequence[Medium]) -> tuple[CoordinateFrame, ...]:
    return tuple(policy.image(medium).frame for medium in media)


def _ids(policy: Policy, text: str, special: bool) -> tuple[int, ...]:
    return tuple(policy.tokenizer(text, add_special_tokens=special)["input_ids"])
