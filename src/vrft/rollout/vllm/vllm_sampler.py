"""Answers drawn by vLLM servers: token ids there and back, images as the policy itself sees them."""

from __future__ import annotations

import base64
import logging
import math
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch

from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import ConfigError, InputError, RunError
from vrft.models.policy import Policy
from vrft.models.sized_image import png_of, sized_image
from vrft.rollout.digit_watch import NO_DIGIT
from vrft.rollout.length_check import check_length
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.vllm.served_name import check_model, label_prefix
from vrft.rollout.vllm.served_weights import AdapterWeights, ServedWeights, TransferredWeights, paused
from vrft.rollout.vllm.server import ServedModel, ServerGone, ServerRefusal, VllmServer
from vrft.types import Completion, Medium, Prompt, SampleSeed, SamplingParams, Turn

AT_ONCE = 64
"""Requests on their way to one server; it puts them into batches itself."""
IMAGES = 256
"""Latest images kept as they are sent."""
LOST = 3
"""Times in a row that a server may lose the weights that it was given."""
_LOGGER = logging.getLogger("vrft.rollout")


class _LostWeights(Exception):
    """A server answered with other weights than it was given, as after a restart."""


class VllmSampler:
    """The ``Sampler`` of servers that ``vrft serve`` started, anywhere; log-probabilities are vLLM's own.

    Args:
        policy: whose weights the servers get, and who writes prompts.
        urls: addresses, which share the prompts.
        folder: where adapters are written for the servers; None takes a temporary folder of this machine.
        context: which process this is.

    Raises:
        ConfigError: servers cannot take this policy, or its images.
    """

    def __init__(
        self,
        policy: Policy,
        urls: Sequence[str],
        folder: Path | None = None,
        context: DistributedContext = SINGLE_PROCESS,
    ) -> None:
        _check(policy)
        self.policy, self.version = policy, 0
        self._servers, self._context = [VllmServer(url) for url in urls], context
        self._served: dict[str, ServedModel] = {}
        adapted = hasattr(policy.model, "peft_config")
        self._weights: ServedWeights = (
            AdapterWeights(policy, folder, context) if adapted else TransferredWeights(policy, context)
        )
        self._adapted, self._tag, self._label, self._given = adapted, "", "", 0
        self._pool = ThreadPoolExecutor(AT_ONCE * len(self._servers))
        self._images: OrderedDict[Medium, str] = OrderedDict()

    def encode(self, prompts: Sequence[Prompt]) -> None:
        """The server encodes prompts itself, without gradient."""

    def sync(self, policy: object, version: int) -> None:
        """Give the servers the policy's weights; those of one version are given once."""
        if version == self.version and self._label:
            return
        self.version = version
        self._give_all()

    def close(self) -> None:
        """Ask nothing more, wait for what is on its way, and take the adapter away."""
        for server in self._servers:
            server.closed = True
        self._pool.shutdown(cancel_futures=True)
        self._weights.close(self._servers if self._label else [])

    def generate(
        self,
        prompts: Sequence[Prompt],
        n: int,
        params: SamplingParams,
        draw: SampleSeed,
        encoded: object | None = None,
    ) -> list[list[Completion]]:
        """Draw ``n`` completions to each prompt; see ``Sampler``. Waits for a server that has gone.

        Raises:
            RunError: a server did not come back, makes other tokens of the prompt, or has other weights.
        """
        if params.stop:
            raise InputError(
                f"The sampler 'vllm' stops at end tokens only. Leave `stop` empty; it is {params.stop}."
            )
        if not prompts:
            return []
        check_length(self.policy, prompts, params.max_new_tokens)
        if not self._label:
            self._give_all()
        bodies = [
            self._body(prompt, n, params, place_seed(draw.seed, place))
            for prompt, place in zip(prompts, draw.places, strict=True)
        ]
        found: dict[int, list[Completion]] = {}
        for _ in range(LOST):
            missing = [i for i in range(len(prompts)) if i not in found]
            asked = {i: self._pool.submit(self._ask, i, prompts[i], n, params, bodies[i]) for i in missing}
            lost: dict[str, RunError | _LostWeights] = {}
            for i, answer in asked.items():
                try:
                    found[i] = answer.result()
                except (ServerGone, _LostWeights) as error:
                    lost[self._server(i).url] = error
            if not lost:
                return [found[i] for i in range(len(prompts))]
            for server in self._servers:
                if server.url in lost:
                    self._restore(server, lost[server.url])
        raise RunError(
            f"rollout.url: the server at {', '.join(lost)} lost the weights that it was given {LOST} times "
            "in a row. Does another run use it? Give each run a server of its own."
        )

    def explain(self, turn: Turn, scorer: AnswerScorer, limit: float, temperature: float) -> str:
        """See ``ServedSampler``: it asks again, with less kept each time."""

        def still() -> bool:
            params = SamplingParams(0.0, max_new_tokens=max(1, len(turn.completion.token_ids)))
            count = len(self._servers)  # each answers once
            drawn = self.generate([turn.prompt] * count, 1, params, SampleSeed.whole(count))
            gaps = []
            for (said,) in drawn:
                with torch.no_grad():
                    own, _ = scorer([turn.prompt], [said.token_ids], 1, 1.0, "plain")
                gaps.append(float((own[0].cpu() - torch.tensor(said.logprobs)).abs().max()))
            return self._context.broadcast_object(max(gaps)) > limit

        if not still():
            if temperature != 1:
                return (
                    f"The server gives log-probabilities at temperature 1, and rollout.temperature is "
                    f"{temperature:g}: start it with 'vrft serve MODEL --logprobs processed_logprobs'."
                )
            return (
                "Asked again, the server agrees: its weights were changed in between. Give each run a "
                "server of its own."
            )
        if self._context.is_first:
            for server in self._servers:
                with paused(server):
                    pass
        self._context.wait_for_everyone()
        if not still():
            return (
                "The server kept beginnings of prompts or image features of older weights: its caches were "
                "not dropped with the last update. Let vrft alone change its weights, and start it again."
            )
        self._give_all()
        if not still():
            return (
                "The server had other weights than this run gave it"
                + (", as where an adapter's path is used twice" if self._adapted else "")
                + ". Give each run a server and a folder of its own."
            )
        names = ", ".join(f"'{one.name}' at {url}" for url, one in self._served.items())
        return (
            f"Weights given anew do not change it: the server computes otherwise. It serves {names}, and "
            f"this run trains {self.policy.base or self.policy.source} in {self.policy.precision}: start it "
            f"with 'vrft serve' on that model, with --dtype {self.policy.precision}, or set "
            "rollout.max_mismatch higher."
        )

    # ---- weights

    def _give_all(self) -> None:
        """Give every server the weights, under a label of their own."""
        for server in self._servers:
            if server.url not in self._served:
                self._served[server.url] = check_model(server, self.policy, self._adapted)
        self._tag = self._tag or self._context.broadcast_object(run_tag())
        for attempt in range(LOST):
            self._given += 1
            label = f"{label_prefix(self._tag)}{self.version}-{self._given}"
            try:
                self._weights.give(self._servers, label)
                break
            except ServerGone:
                if not self._label or self._context.count > 1 or attempt + 1 == LOST:
                    raise
                self._wait(self._servers)
        self._label = label

    def _restore(self, server: VllmServer, why: Exception) -> None:
        """Have a server as it was before it went."""
        if self._context.count > 1 and not self._adapted:
            raise RunError(
                f"{why} Several processes cannot give it the weights in the middle of a step: start it "
                "again, and go on with --resume."
            ) from why
        self._wait([server])
        self._weights.give_again(server, self._label)

    def _wait(self, servers: Sequence[VllmServer]) -> None:
        for server in servers:
            if not server.alive:
                _LOGGER.warning(
                    "The server at %s has gone. The run waits for it, and gives it the weights again.",
                    server.url,
                )
            server.wait()

    # ---- requests

    def _server(self, place: int) -> VllmServer:
        return self._servers[place % len(self._servers)]

    def _body(self, prompt: Prompt, n: int, params: SamplingParams, seed: int) -> dict[str, Any]:
        policy, pad = self.policy, self.policy.image_token_id
        digits = list(policy.digit_ids) if params.digits else []
        settings: dict[str, Any] = {
            "n": 1 if params.temperature == 0 else n,
            "temperature": params.temperature,
            "top_p": params.top_p,
            "top_k": params.top_k,
            "max_tokens": params.max_new_tokens,
            "min_tokens": params.min_new_tokens,
            "seed": seed,
            "logprobs": len(digits),
            "detokenize": False,
            "stop_token_ids": list(policy.end_token_ids),
            "logit_bias": {str(token): -100.0 for token in policy.placeholder_ids},
        }
        if digits:
            settings["logprob_token_ids"] = digits
        body: dict[str, Any] = {
            # The server puts as many placeholders of an image as it has features.
            "token_ids": [t for t, run in groupby(prompt.token_ids) for _ in ([t] if t == pad else run)],
            "sampling_params": settings,
            "return_token_ids": True,
        }
        if prompt.media:
            body["content_parts"] = [{"type": "image_url", "url": self._image(m)} for m in prompt.media]
        return body

    def _image(self, medium: Medium) -> str:
        if medium not in self._images:
            encoded = base64.b64encode(png_of(sized_image(self.policy, medium))).decode()
            self._images[medium] = f"data:image/png;base64,{encoded}"
            if len(self._images) > IMAGES:
                self._images.popitem(last=False)
        self._images.move_to_end(medium)
        return self._images[medium]

    def _ask(
        self, place: int, prompt: Prompt, n: int, params: SamplingParams, body: dict[str, Any]
    ) -> list[Completion]:
        server = self._server(place)
        served = self._served[server.url]
        body = {**body, "model": self._weights.model(served.name, self._label)}
        needed = len(prompt.token_ids) + params.max_new_tokens
        if served.room is not None and needed > served.room:
            raise InputError(
                f"{server.url}: a prompt of {len(prompt.token_ids)} tokens and {params.max_new_tokens} more "
                f"need {needed}, and the server has room for {served.room}. Start it with --max-length "
                f"{needed} or more, or set a smaller rollout.max_new_tokens or model.max_pixels."
            )
        try:
            reply = server.post("inference/v1/generate", body)
        except ServerRefusal as error:
            if error.status == 404 and self._adapted:
                raise _LostWeights(str(error)) from error
            raise
        _check_prompt(server, prompt, reply.get("prompt_token_ids"), self.policy)
        said = [self._completion(reply, choice, params) for choice in reply["choices"]]
        return said * n if params.temperature == 0 else said

    def _completion(self, reply: Any, choice: Any, params: SamplingParams) -> Completion:
        label = self._weights.label_of(reply, choice)
        if label is not None and label != self._label:
            raise _LostWeights(f"the server answered with the weights '{label}' instead of '{self._label}'")
        content = choice["logprobs"]["content"]
        digits = self._digits(choice["token_ids"], content) if params.digits else ()
        logprobs = [float(one["logprob"]) for one in content]
        finished = choice["finish_reason"] == "stop"
        return self.policy.completion(choice["token_ids"], logprobs, finished, self.version, digits)

    def _digits(self, tokens: Sequence[int], content: Sequence[Any]) -> list[float]:
        """As ``DigitWatch.means``."""
        values = {token: value for value, token in enumerate(self.policy.digit_ids)}
        means = []
        for token, one in zip(tokens, content, strict=True):
            shares = {
                values[o["token_id"]]: math.exp(o["logprob"])
                for o in one["top_logprobs"]
                if o["token_id"] in values
            }
            mean = sum(value * share for value, share in shares.items()) / max(sum(shares.values()), 1e-30)
            means.append(mean if token in values else NO_DIGIT)
        return means if values else []


def run_tag() -> str:
    """What tells the weights of one run from those of all others."""
    return uuid4().hex[:8]


def place_seed(seed: int, place: int) -> int:
    """The seed of one prompt's answers: vLLM draws those after the first from the numbers that follow."""
    return int(np.random.SeedSequence([seed, place]).generate_state(1)[0])


def _check(policy: Policy) -> None:
    """Refuse a policy that servers cannot stand in for."""
    if not policy.family.served:
        raise ConfigError(
            f"rollout.sampler: vrft does not know how vLLM sees the images of '{policy.family.model_type}' "
            "models. Set rollout.sampler: shared_prompt."
        )
    if policy.bits is not None:
        raise ConfigError(
            f"rollout.sampler: a server's weights are whole, and those of this policy have {policy.bits} "
            "bits. Leave model.bits out, or set rollout.sampler: shared_prompt."
        )
    if policy.saves_whole and hasattr(policy.model, "peft_config"):
        raise ConfigError(
            "model.lora.on_adapter: a server cannot be given an adapter on a base that another was merged "
            "into. Merge that one first (docs/lora.md), and name the merged folder as model.path."
        )


def _check_prompt(server: VllmServer, prompt: Prompt, theirs: Any, policy: Policy) -> None:
    """See that a server has made the policy's own tokens of a prompt."""
    if theirs is None or tuple(theirs) == prompt.token_ids:
        return
    pad = policy.image_token_id
    ours, found = prompt.token_ids.count(pad), list(theirs).count(pad)
    if found == 2 * ours - len(prompt.media) and ours:
        why = f"it put {found} placeholders of images where there are {ours}: they were doubled on the way"
        fix = "Ask it without anything in between that rewrites prompts."
    elif found != ours:
        least, most = (
            policy.image_processor.size["shortest_edge"],
            policy.image_processor.size["longest_edge"],
        )
        why = f"its image limits differ: {found} image tokens, and {ours} here"
        fix = f"Start it with 'vrft serve MODEL --min-pixels {least} --max-pixels {most}'."
    else:
        why, fix = "its tokens differ", "It serves another model: start it with 'vrft serve' on this run's."
    raise RunError(f"{server.url}: the server does not see the prompt as the policy does: {why}. {fix}")
