"""The end of a weight transfer in each worker of a vLLM server: tensors come over torch's own process group.

Written for vLLM 0.32; its own 'nccl' back end needs vLLM in the trainer's process, and none of its back ends
runs on processors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from vllm.distributed.weight_transfer.base import (
    WeightTransferEngine,
    WeightTransferInitInfo,
    WeightTransferUpdateInfo,
)
from vllm.model_executor.model_loader.reload import finalize_layerwise_reload, initialize_layerwise_reload

from .process_group import join_group


@dataclass
class GroupInfo(WeightTransferInitInfo):  # type: ignore[misc]
    """Where the trainer waits."""

    address: str
    port: int
    size: int
    backend: str


@dataclass
class TensorsInfo(WeightTransferUpdateInfo):  # type: ignore[misc]
    """What the trainer sends, in order."""

    names: list[str]
    dtypes: list[str]
    shapes: list[list[int]]


class TorchWeightTransfer(WeightTransferEngine[GroupInfo, TensorsInfo]):  # type: ignore[misc]
    """Receives every weight under its Hugging Face name, and loads it as a checkpoint's."""

    init_info_cls, update_info_cls = GroupInfo, TensorsInfo
    group: Any = None

    def init_transfer_engine(self, init_info: GroupInfo) -> None:
        """Join the trainer's group; each run of a trainer makes a new one."""
        parallel = self.parallel_config
        rank = 1 + parallel.data_parallel_index * parallel.world_size + parallel.rank
        self.group = join_group(init_info.address, init_info.port, rank, init_info.size, init_info.backend)

    def start_weight_update(self) -> None:
        """vLLM keeps weights in forms of its own: they are made anew, layer by layer."""
        initialize_layerwise_reload(self.model)

    def update_weights(self, update_info: dict[str, Any]) -> None:
        """As the base class's, which asks for an accelerator."""
        self.receive_weights(self.parse_update_info(update_info))
        if self.device.type != "cpu":
            torch.accelerator.synchronize()

    def receive_weights(self, update_info: TensorsInfo) -> None:
        """Load what comes; where that fails, receive the rest all the same: the trainer sends it."""
        tensors = self._tensors(update_info)
        try:
            self.model.load_weights(tensors)
        finally:
            for _ in tensors:
                pass

    def _tensors(self, sent: TensorsInfo) -> Iterator[tuple[str, torch.Tensor]]:
        for name, dtype, shape in zip(sent.names, sent.dtypes, sent.shapes, strict=True):
            weight = torch.empty(shape, dtype=getattr(torch, dtype), device=self.device)
            self.group.broadcast(weight, 0).wait()
            yield name, weight

    def finish_weight_update(self) -> None:
        """Bring the layers into vLLM's forms."""
        finalize_layerwise_reload(self.model, self.model_config)
        for module in self.model.modules():
            # On processors 0.32 keeps a packed copy of the output matrix, and forgets it where that is tied
            # to the embedding.
            if hasattr(module, "cpu_linear") and type(module).__name__ == "ParallelLMHead":
                module.quant_method.process_weights_after_loading(module)

    def shutdown(self) -> None:
        """Leave the group."""
        self.group = None
