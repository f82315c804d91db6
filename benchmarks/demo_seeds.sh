#!/usr/bin/env bash
# The demo on the default seed and five others, a JSON file for each: benchmarks/demo_seeds.sh FOLDER, or
# --save to write over results/demo. DEMO=reasoning takes the other demo, and writes over results/demo_reasoning.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:?name a folder for the results, or --save to write over results/demo}
demo=${DEMO:+--$DEMO}
if [ "$out" = --save ]; then out=results/demo${DEMO:+_$DEMO}; fi
mkdir -p "$out"
for seed in ${SEEDS:-0 1 2 3 4 5}; do
  .venv/bin/vrft demo $demo --seed "$seed" ${CONTROL---control} --json --out runs/seeds > "$out/seed_$seed.json.new"
  # The page's place on this machine says nothing elsewhere.
  sed "s#$PWD/##" "$out/seed_$seed.json.new" > "$out/seed_$seed.json"
  rm "$out/seed_$seed.json.new"
done
