#!/usr/bin/env bash
# The demo on the default seed and five others; one JSON file a seed under results/demo/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p results/demo
for seed in ${SEEDS:-0 1 2 3 4 5}; do
  .venv/bin/vrft demo --seed "$seed" ${CONTROL---control} --json --out runs/seeds > "results/demo/seed_$seed.json.new"
  mv "results/demo/seed_$seed.json.new" "results/demo/seed_$seed.json"
done
