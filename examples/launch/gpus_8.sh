#!/usr/bin/env bash
# One machine with 8 GPUs:   bash examples/launch/gpus_8.sh train mine.yaml optim.prompts_per_step=32
set -euo pipefail

exec torchrun --standalone --nproc_per_node 8 -m vrft "${@:?name a verb and its arguments: train mine.yaml}"
