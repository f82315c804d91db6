"""How a policy's weights reach vLLM servers: an adapter by its folder, all weights over a process group.

Around each update a server is paused: it finishes what it is at, and drops all that it keeps of older weights
(beginnings of prompts, processed images, image features).
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread
from typing import Any, Protocol
from urllib.parse import urlsplit

import torch
from safetensors.torch import save_file
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from vrft.distributed import DistributedContext
from vrft.errors import RunError
from vrft.models.adapter_folder import WEIGHTS
from vrft.models.adapter_weights import adapter_state
from vrft.models.policy import Policy
from vrft.rollout.vllm.server import ServerGone, ServerRefusal, VllmServer
from vrft.rollout.vllm.server_plugin.vrft_vllm.process_group import join_group

TIMEOUT = timedelta(minutes=10)


class ServedWeights(Protocol):
    """One way of giving weights to servers."""

    def give(self, servers: Sequence[VllmServer], label: str) -> None:
        """Let servers answer with the policy's weights as they now are, under a label that no others have.

        Every process calls it; the first one does it.
        """
        ...

    def give_again(self, server: VllmServer, label: str) -> None:
        """Let one server, which was started anew, answer with the weights that all have; any process may."""
        ...

    def model(self, served: str, label: str) -> str:
        """The name by which a server's model with these weights is asked."""
        ...

    def label_of(self, reply: Any, choice: Any) -> str | None:
        """The label of the weights that gave an answer; None where the reply does not say."""
        ...

    def close(self, servers: Sequence[VllmServer]) -> None:
        """Take away what servers and disk need no longer."""
        ...


@contextmanager
def paused(server: VllmServer) -> Iterator[None]:
    """Around what changes a server's weights: nothing is on its way, and nothing of older weights stays."""
    server.post("pause?mode=wait&clear_cache=true")
    try:
        yield
    finally:
        server.post("resume")


class AdapterKnown(RunError):
    """A server has an adapter of that name already."""


class AdapterWeights:
    """A LoRA adapter. Each version has a folder and a name of its own, since a server keeps what it knows of
    an adapter by its name and path, and not by its content; a server that was started anew knows neither.

    Args:
        policy: with the adapter.
        folder: where versions are written, seen by the servers under the same path; None takes a temporary
            one of this machine.
        context: which process this is.
    """

    def __init__(self, policy: Policy, folder: Path | None, context: DistributedContext) -> None:
        self._policy, self._folder, self._context = policy, folder, context
        self._last: tuple[str, Path] | None = None

    def give(self, servers: Sequence[VllmServer], label: str) -> None:
        state = {name: _whole(value) for name, value in adapter_state(self._policy.model).items()}
        path = None
        if self._context.is_first:
            path = self._saved(state, label)
            for server in servers:
                self._load(server, label, path)
            if self._last is not None:
                self._forget(servers, *self._last)
        path = self._context.broadcast_object(path)
        assert path is not None
        self._last = label, path

    def give_again(self, server: VllmServer, label: str) -> None:
        assert self._last is not None
        with suppress(AdapterKnown):  # another process was faster
            self._load(server, *self._last)

    def model(self, served: str, label: str) -> str:
        return label

    def label_of(self, reply: Any, choice: Any) -> str | None:
        return None if reply.get("model") is None else str(reply["model"])

    def close(self, servers: Sequence[VllmServer]) -> None:
        if self._last is not None and self._context.is_first:
            self._forget(servers, *self._last)

    def _load(self, server: VllmServer, label: str, path: Path) -> None:
        try:
            with paused(server):
                server.post("v1/load_lora_adapter", {"lora_name": label, "lora_path": str(path)})
        except ServerRefusal as error:
            if "already been loaded" in error.said:
                raise AdapterKnown(
                    f"{server.url}: the server knows an adapter '{label}' from before, and would answer with "
                    "what it keeps of that one. Give each run a server and a folder of its own, or start the "
                    "server again."
                ) from error
            raise RunError(
                f"{server.url}: the server does not take the adapter in {path} ({error.said}). Start it with "
                f"'vrft serve {self._policy.base} --lora-rank N', N being the adapter's rank or more; on "
                "another machine it must see the run's folder under the same path."
            ) from error

    def _saved(self, state: dict[str, torch.Tensor], label: str) -> Path:
        """The adapter's folder, a new one: peft's own files."""
        if self._folder is None:
            self._folder = Path(mkdtemp(prefix="vrft-adapters-"))
        path = (self._folder / label).resolve()
        if path.exists():
            raise RunError(
                f"{path}: an adapter was given to a server from this folder already, and the server may "
                "keep what it knows of that one. Remove the folder, and start the server again."
            )
        path.mkdir(parents=True)
        self._policy.model.peft_config["default"].save_pretrained(str(path))
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in state.items()}, path / WEIGHTS[0]
        )
        return path

    def _forget(self, servers: Sequence[VllmServer], label: str, path: Path) -> None:
        for server in servers:
            with suppress(RunError):  # it is gone, or was started anew
                server.post("v1/unload_lora_adapter", {"lora_name": label})
        shutil.rmtree(path, ignore_errors=True)


class TransferredWeights:
    """All weights, by vLLM's weight-transfer API and the back end in ``server_plugin``: nccl where the
    policy is on a GPU, gloo elsewhere."""

    def __init__(self, policy: Policy, context: DistributedContext) -> None:
        self._policy, self._context = policy, context
        self._groups: dict[str, Any] = {}

    def give(self, servers: Sequence[VllmServer], label: str) -> None:
        named = [(name, parameter.detach()) for name, parameter in self._policy.core.named_parameters()]
        if not self._context.is_first:
            for _, value in named:
                _whole(value)  # all processes gather what is divided among them
        else:
            try:
                self._send(servers, named, label)
            except RuntimeError as error:  # of torch: the other end has gone
                raise ServerGone(
                    f"rollout.url: a server has gone while it took over weights ({error})."
                ) from error
            finally:
                if not all(server.alive for server in servers):
                    self._groups.clear()
        self._context.wait_for_everyone()

    def give_again(self, server: VllmServer, label: str) -> None:
        self._groups.pop(server.url, None)
        self.give([server], label)

    def model(self, served: str, label: str) -> str:
        return served

    def label_of(self, reply: Any, choice: Any) -> str | None:
        spans = choice.get("weight_versions") or ()
        versions = dict.fromkeys(str(span["version"]) for span in spans)
        return " and ".join(versions) or None

    def close(self, servers: Sequence[VllmServer]) -> None:
        self._groups.clear()

    def _send(self, servers: Sequence[VllmServer], named: list[tuple[str, torch.Tensor]], label: str) -> None:
        info = {
            "names": [name for name, _ in named],
            "dtypes": [str(value.dtype).removeprefix("torch.") for _, value in named],
            "shapes": [list(value.shape) for _, value in named],
        }
        with ExitStack() as stack, ThreadPoolExecutor(len(servers)) as pool:
            groups = [self._group(server) for server in servers]
            for server in servers:
                stack.enter_context(paused(server))
                server.post("start_weight_update")
            loads = [pool.submit(server.post, "update_weights", {"update_info": info}) for server in servers]
            for _, value in named:
                whole = _whole(value).contiguous()
                for group in groups:
                    group.broadcast(whole, 0).wait()
            for server, load in zip(servers, loads, strict=True):
                self._finish(server, load, label)

    def _finish(self, server: VllmServer, load: Any, label: str) -> None:
        try:
            load.result()
            server.post("finish_weight_update", {"weight_version": label})
        except ServerRefusal as error:
            raise RunError(
                f"{server.url}: the server cannot take the policy's weights ({error.said}). It serves "
                f"another model: start it anew with 'vrft serve {self._policy.base}'."
            ) from error

    def _group(self, server: VllmServer) -> Any:
        """The process group of this process and a server's workers."""
        if server.url not in self._groups:
            workers = int(server.get("get_world_size")["world_size"])
            address, size = _address_towards(server.url), workers + 1
            backend = "nccl" if self._policy.device.type == "cuda" else "gloo"
            store = TCPStore(address, 0, size, is_master=True, timeout=TIMEOUT, wait_for_workers=False)
            info = {"address": address, "port": store.port, "size": size, "backend": backend}
            # The one side waits for the other, and a server that refuses never comes.
            own = Thread(
                target=lambda: self._groups.update(
                    {server.url: join_group(address, store.port, 0, size, backend, store)}
                ),
                daemon=True,
            )
            own.start()
            try:
                server.post("init_weight_transfer_engine", {"init_info": info})
            except ServerRefusal as error:
                raise RunError(
                    f"{server.url}: the server takes no weights in vrft's way ({error.said}). Start it with "
                    f"'vrft serve {self._policy.base}'."
                ) from error
            own.join()
        return self._groups[server.url]


def _whole(value: torch.Tensor) -> torch.Tensor:
    """A weight that is divided among processes, put together; every process must call this."""
    gather = getattr(value, "full_tensor", None)
    whole: torch.Tensor = gather() if gather is not None else value
    return whole


def _address_towards(url: str) -> str:
    """This machine's address as a server sees it."""
    place = urlsplit(url)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((place.hostname or "127.0.0.1", place.port or 80))
        return str(probe.getsockname()[0])
