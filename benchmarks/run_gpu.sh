#!/bin/sh
# All tables that need a GPU, in under eight minutes, from plain sources and without a network:
#   benchmarks/run_gpu.sh [folder for the csv files]
# Needs Python with torch, scikit-learn, scipy and pandas; pytest for the checks. A step that fails or takes too long is
# named at the end, and the others still run.
cd "$(dirname "$0")/.." || exit 1
out=${1:-benchmarks/results}
python=${PYTHON:-python3}
mkdir -p "$out"
failed=""
step() {
    limit=$1 name=$2
    shift 2
    echo "== $name"
    timeout "$limit" "$@" || failed="$failed $name"
}
step 100 checks $python -m pytest -q -x tests/gpu -p no:cacheprovider
step 60 against_plain $python -m benchmarks.against_plain --device cuda --out "$out"
step 90 blocks $python -m benchmarks.blocks --device cuda --out "$out"
step 45 full_length $python -m benchmarks.full_length --device cuda --out "$out"
step 60 same_science $python -m benchmarks.same_science --device cuda --out "$out"
step 45 precision $python -m benchmarks.precision --device cuda --out "$out" --seeds 20
step 20 memory $python -m benchmarks.memory --device cuda --out "$out"
step 40 vectorisation $python -m benchmarks.vectorisation --device cuda --out "$out"
step 30 growth $python -m benchmarks.growth --device cuda --out "$out"
step 40 kmeans $python -m benchmarks.kmeans --device cuda --out "$out"
[ -z "$failed" ] && echo "all done: $out" && exit 0
echo "failed or cut off:$failed"
exit 1
