"""A sampler and a renderer without a model: for tests, examples and documentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vrft.types import (
    Completion,
    CoordinateFrame,
    FrameName,
    Medium,
    Message,
    Prompt,
    SampleSeed,
    SamplingParams,
)

LOGPROB = -0.1
"""Of every token of a scripted answer."""


class CharacterRenderer:
    """Every character is a token, 0 ends an answer, and a medium is one '#'; earlier tokens stay as they
    were.

    Example:
        >>> CharacterRenderer().said("ok").token_ids
        (111, 107, 0)
    """

    def __init__(self, frame: FrameName = "norm1000") -> None:
        self._frame: FrameName = frame

    def frame(self, medium: Medium) -> CoordinateFrame:
        return medium.frame(self._frame, medium.size_wh)

    def first(self, messages: Sequence[Message]) -> Prompt:
        prompt = Prompt(tuple(messages))
        parts = [part if isinstance(part, str) else "#" for message in messages for part in message.content]
        return Prompt(prompt.messages, _ids("".join(parts)), tuple(map(self.frame, prompt.media)))

    def following(self, prompt: Prompt, said: Completion, messages: Sequence[Message]) -> Prompt:
        more = self.first(messages)
        return Prompt(
            (*prompt.messages, Message("assistant", (said.text,)), *more.messages),
            (*prompt.token_ids, *said.token_ids, *more.token_ids),
            (*prompt.frames, *more.frames),
        )

    def said(self, text: str) -> Completion:
        ids = (*_ids(text), 0)
        return Completion(text, ids, (LOGPROB,) * len(ids), (*range(1, len(ids)), len(text)))


class ScriptedSampler:
    """Says the texts of a list, in turn, or by chance from seed and place alone, as every real sampler must.

    Example:
        >>> prompt = CharacterRenderer().first([Message("user", ("How many?",))])
        >>> sampler = ScriptedSampler("<answer>1</answer>", "<answer>2</answer>")
        >>> [said.text for said in sampler.generate([prompt], 2, SamplingParams(), SampleSeed.whole(1))[0]]
        ['<answer>1</answer>', '<answer>2</answer>']
    """

    def __init__(self, *texts: str, by_chance: bool = False) -> None:
        self.texts, self.by_chance, self.version = texts, by_chance, 0
        self.asked: list[Prompt] = []
        """Every prompt that it was given."""
        self._said = 0

    def encode(self, prompts: Sequence[Prompt]) -> None:
        return None

    def generate(
        self,
        prompts: Sequence[Prompt],
        n: int,
        params: SamplingParams,
        draw: SampleSeed,
        encoded: object | None = None,
    ) -> list[list[Completion]]:
        if len(draw.places) != len(prompts):
            raise ValueError(f"{len(draw.places)} places for {len(prompts)} prompts")
        self.asked += prompts
        renderer, groups = CharacterRenderer(), []
        for place in draw.places:
            if self.by_chance:
                picks = np.random.default_rng([draw.seed, place]).integers(len(self.texts), size=n).tolist()
            else:
                picks = [(self._said + i) % len(self.texts) for i in range(n)]
            self._said += n
            said = [renderer.said(self.texts[pick]) for pick in picks]
            groups.append([replace(one, policy_version=self.version) for one in said])
        return groups

    def sync(self, policy: object, version: int) -> None:
        self.version = version

    def close(self) -> None:
        """Nothing is held."""


def _ids(text: str) -> tuple[int, ...]:
    return tuple(map(ord, text))
