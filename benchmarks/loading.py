"""What one process takes to load its part of a model that all processes train: started by ``true_size.py``.

torchrun --nproc_per_node 2 benchmarks/loading.py MODEL FOLDER
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import psutil
from machine import GIB

from vrft.distributed import init_distributed
from vrft.models.divided import own_part
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.run_folder import write_json
from vrft.training.sharding import scorer_of

if __name__ == "__main__":
    context, model, folder = init_distributed(), sys.argv[1], Path(sys.argv[2])
    before = psutil.Process().memory_info().rss
    options = ModelOptions(path=model, device="cpu", dtype="bfloat16", train_vision=True)
    policy = load_policy(options, unread=True)
    scorer_of(policy, context, shard=True)
    weights = list(policy.model.parameters())
    found = {
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB,
        "before_gib": before / GIB,
        "weights_gib": sum(p.numel() * p.element_size() for p in weights) / GIB,
        "own_gib": sum(own_part(p).numel() * p.element_size() for p in weights) / GIB,
    }
    write_json(folder / f"loaded_{context.count}_{context.index}.json", found)
