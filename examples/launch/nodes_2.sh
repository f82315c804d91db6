#!/usr/bin/env bash
# Two machines of 8 GPUs. On each, with the address of the first and its own number (0 or 1):
#
#   bash examples/launch/nodes_2.sh 10.0.0.1 0 train mine.yaml out=/everywhere/runs/mine --resume
#   bash examples/launch/nodes_2.sh 10.0.0.1 1 train mine.yaml out=/everywhere/runs/mine --resume
#
# The run's folder, the images and the model must be seen by both under the same paths. With --resume the same
# command begins a run and goes on with it.
set -euo pipefail

address=${1:?the address of the first machine} number=${2:?the number of this machine, 0 or 1}
shift 2
exec torchrun --nnodes 2 --node_rank "$number" --nproc_per_node "${GPUS:-8}" \
    --master_addr "$address" --master_port "${PORT:-29500}" \
    -m vrft "${@:?name a verb and its arguments: train mine.yaml}"
