#!/usr/bin/env bash
# One machine with 4 GPUs:   bash examples/launch/gpus_4.sh train mine.yaml
set -euo pipefail

exec torchrun --standalone --nproc_per_node 4 -m vrft "${@:?name a verb and its arguments: train mine.yaml}"
