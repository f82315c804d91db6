"""Weights, gradients, optimizer and reference divided among processes, by torch's FSDP2.

Each layer of the decoder is a group of its own, whose weights come together while it is used. All others are
one group, that of the scorer: every gradient pass goes through its forward. A vision tower that does not
learn stays whole in every process, so that an image's features can be computed at any time. Gradients are
summed, not averaged: the losses are divided by what the whole step has.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import Any, cast

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import (
    FSDPModule,
    MixedPrecisionPolicy,
    fully_shard,
)
from torch.distributed.tensor import DTensor

from vrft.distributed import DistributedContext
from vrft.errors import ConfigError
from vrft.models.divided import ValueOf, everywhere, fill, own_part, skeleton_of, whole
from vrft.models.policy import Policy
from vrft.rollout.logprobs import AnswerScorer
from vrft.training.memory import GIB, free_memory_gib
from vrft.training.optimizer import HALF

ROOM, TO_COME = 1.5, 16
"""Free memory from which on all weights are gathered to sample: copies of what other processes hold, and
bytes of gradient and optimizer for each own weight that learns."""


class ShardedScorer(AnswerScorer):
    """A policy's scorer, and the policy divided among all processes; made by all of them at once.

    Args:
        policy: with its weights, or with none yet.
        context: which process this is.
        mesh: of all processes (``mesh_of``).
        by_layer: whether samplers gather one layer at a time; None does where memory has no room for all.
        value_of: gives weights that are on the meta device; None takes the policy's, or what it has not read.
    """

    is_divided = True

    def __init__(
        self,
        policy: Policy,
        context: DistributedContext,
        mesh: DeviceMesh,
        by_layer: bool | None = None,
        value_of: ValueOf | None = None,
    ) -> None:
        super().__init__(policy)
        self._context, self._mesh, self._is_open = context, mesh, False
        self._copy = partial(skeleton_of, skeleton_of(policy.model))  # no part of this module
        self._layers = list(policy.core.get_decoder().layers)
        if policy.unread is not None:
            fill(policy.model, partial(_on_meta, policy.unread))
            value_of, policy.unread = policy.unread, None
        self._divide()
        if value_of is not None:
            fill(policy.model, value_of)
        root: FSDPModule = fully_shard(_Root(self), mesh=mesh)
        cast(_Root, root)()
        self._forget = root.reset_iter_state  # the root itself would be a part of its own part
        self.by_layer = self._lacks_room() if by_layer is None else by_layer

    def _divide(self) -> None:
        policy = self.policy
        settings: dict[str, Any] = {
            "mesh": self._mesh,
            "mp_policy": MixedPrecisionPolicy(
                reduce_dtype=torch.float32 if policy.core.dtype in HALF else None
            ),
            "reshard_after_forward": True,
        }
        for layer in self._layers:
            fully_shard(layer, **settings)
        tower = {p for name, p in policy.core.named_parameters() if self._stays(name)}
        fully_shard(self, ignored_params=tower, **settings)
        for group in self._groups:
            group.set_gradient_divide_factor(1.0)
            group.set_force_sum_reduction_for_comms(True)  # gloo has no other

    def _stays(self, name: str) -> bool:
        """Whether a weight of the model stays whole everywhere."""
        return self.policy.vision_frozen and name.startswith(self.policy.family.vision)

    @property
    def _groups(self) -> list[FSDPModule]:
        return [module for module in self.modules() if isinstance(module, FSDPModule)]

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """All weights in this process, or each layer's while it is used; a meeting at both ends."""
        if self._is_open:
            yield
            return
        self._is_open = True
        try:
            with self._by_layer() if self.by_layer else _whole(self._groups):
                yield
        finally:
            self._is_open = False
            # torch gathers ahead in the order of all passes so far, and these differ between processes.
            self._forget()

    @contextmanager
    def _by_layer(self) -> Iterator[None]:
        """Who comes to the decoder waits for all others; who has no more to ask gathers along."""
        policy = self.policy
        fast, policy.fast_decode = policy.fast_decode, False  # its steps call no layer
        hook = policy.core.get_decoder().register_forward_pre_hook(self._ask)
        try:
            with _whole([cast(FSDPModule, self)]):
                try:
                    yield
                finally:
                    hook.remove()
                    while self._somebody_asks(False):
                        for layer in self._layers:
                            layer.unshard()
                            layer.reshard()
        finally:
            policy.fast_decode = fast

    def _ask(self, *_: Any) -> None:
        """What a hook gives back would be the decoder's input."""
        self._somebody_asks(True)

    def _somebody_asks(self, here: bool) -> bool:
        asks = torch.tensor([int(here)], device=self.policy.device)
        self._context.all_reduce([asks])
        return bool(asks)

    def _lacks_room(self) -> bool:
        """Whether some process has no room for what the others hold."""
        weights = list(self.parameters())
        own = sum(own_part(p).numel() * p.element_size() for p in weights)
        learned = sum(own_part(p).numel() for p in weights if p.requires_grad)
        needs = ROOM * (sum(p.numel() * p.element_size() for p in weights) - own) + TO_COME * learned
        free = free_memory_gib(self.policy.device)
        beside = hosts(self._context).count(socket.gethostname()) if self.policy.device.type == "cpu" else 1
        return any(self._context.all_gather_object([free is not None and free * GIB / beside < needs]))

    def twin(self) -> AnswerScorer:
        """Of a policy with the weights that this one has now, divided likewise."""
        own = dict(self.policy.model.named_parameters())
        other = self.policy.frozen_copy(self._copy())

        def value_of(name: str, weight: torch.Tensor) -> torch.Tensor:
            value = own[name].detach()
            return own_part(value).clone() if isinstance(weight.data, DTensor) else everywhere(value)

        return ShardedScorer(other, self._context, self._mesh, self.by_layer, value_of)

    def on_one(self) -> Policy | None:
        """An ordinary policy with these weights in the first process's memory; None in the others."""
        weights = {name: whole(p.detach()).cpu() for name, p in self.policy.model.named_parameters()}
        if not self._context.is_first:
            return None
        model = self._copy()
        fill(model, lambda name, _: weights[name])
        return self.policy.elsewhere(model.to("cpu"))


class _Root(nn.Module):
    """Shows torch the whole before a layer is used alone. It has no weights of its own: a forward of the
    scorer would gather the embedding, and a vision tower that learns."""

    def __init__(self, scorer: ShardedScorer) -> None:
        super().__init__()
        self.scorer = scorer

    def forward(self) -> None:
        """Nothing is computed."""


def _on_meta(names: Container[str], name: str, weight: torch.Tensor) -> torch.Tensor | None:
    return torch.empty(weight.shape, dtype=weight.dtype, device="meta") if name in names else None


@contextmanager
def _whole(groups: Sequence[FSDPModule]) -> Iterator[None]:
    """All weights of some groups in this process."""
    for group in groups:
        group.set_reshard_after_forward(False, recurse=False)
        group.unshard()
    try:
        yield
    finally:
        for group in groups:
            group.reshard()
            group.set_reshard_after_forward(True, recurse=False)


def mesh_of(context: DistributedContext, device: str, machines: int = 1) -> DeviceMesh:
    """All processes as torch's mesh.

    Args:
        context: which process this is.
        device: its type.
        machines: parts of the processes that hold a whole policy each; their gradients are summed too.
    """
    if machines == 1:
        return init_device_mesh(device, (context.count,))
    return init_device_mesh(
        device, (machines, context.count // machines), mesh_dim_names=("machine", "process")
    )


def hosts(context: DistributedContext) -> list[str]:
    """The machine of each process."""
    return context.all_gather_object([socket.gethostname()])


def copies(context: DistributedContext, shard: bool | str) -> int:
    """How many whole policies the processes hold together under ``optim.shard``; a meeting.

    Raises:
        ConfigError: it is 'machine', and there are not equally many processes on each.
    """
    if shard != "machine":
        return 1 if shard else context.count
    names = hosts(context)
    every = Counter(names)
    # torchrun numbers the processes of one machine after those of another.
    if len(set(every.values())) > 1 or len(list(groupby(names))) > len(every):
        raise ConfigError(
            "optim.shard: 'machine' needs equally many processes on each machine, and here they are on "
            f"{', '.join(f'{name} ({count})' for name, count in every.items())}. Start as many on each, or "
            "set optim.shard: true."
        )
    return len(every)


def scorer_of(policy: Policy, context: DistributedContext, shard: bool | str) -> AnswerScorer:
    """The scorer of a policy as ``optim.shard`` asks for it; where nothing is divided an ordinary one.

    Raises:
        ConfigError: as ``copies``.
    """
    machines = copies(context, shard)
    if machines == context.count:
        if policy.unread is not None:
            fill(policy.model, policy.unread)
            policy.unread = None
        return AnswerScorer(policy)
    return ShardedScorer(policy, context, mesh_of(context, policy.device.type, machines))
