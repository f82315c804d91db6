"""What a vLLM server loads of vrft: a way of taking over weights that also works on processors.

It runs in vLLM's environment, where vrft is not installed: ``vrft serve`` puts this folder on the server's
path, and vLLM finds it by its entry point.
"""

from contextlib import suppress

NAME = "vrft"
"""Of the weight-transfer back end."""


def register() -> None:
    """Make the back end known to vLLM, in each of its processes."""
    from vllm.distributed.weight_transfer import WeightTransferEngineFactory

    with suppress(ValueError):  # vLLM loads plugins more than once in a process
        WeightTransferEngineFactory.register_engine(NAME, f"{__name__}.engine", "TorchWeightTransfer")
