#!/usr/bin/env bash
# gpu.sh [PART ...]: what this project does on a GPU, as tables for RESULTS.md, in at most eight minutes.
#
#   bash benchmarks/gpu.sh                       everything that follows
#   bash benchmarks/gpu.sh large small           steps of 512 x 1,024 and of 16 x 1,024 tokens, beside the others
#   bash benchmarks/gpu.sh deterministic start curves scoring demo tests
#
# It needs a GPU, torch and transformers and this package's other dependencies; neither a network nor an installation,
# for the package is run from its sources. What the machine lacks may lie as wheels in the folder WHEELS, which are
# unpacked beside. PYTHON names another interpreter. A part has LIMIT seconds (150 unless said), and all of them BUDGET
# (470); what is not over then is ended, and what it printed stays. The parts' logs are in LOGS.
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
logs=${LOGS:-$scratch/logs}
mkdir -p "$logs" "$scratch/wheels"
for wheel in "${WHEELS:-/nowhere}"/*.whl; do
    [ -e "$wheel" ] && "$python" -m zipfile -e "$wheel" "$scratch/wheels"
done
export PYTHONPATH="$PWD/src:$PWD:$scratch/wheels${PYTHONPATH:+:$PYTHONPATH}"
export HF_HUB_OFFLINE=1 TORCHINDUCTOR_CACHE_DIR="$scratch/compiled"
limit=${LIMIT:-150}
budget=${BUDGET:-470}
began=$(date +%s)

"$python" - <<'CHECK' || exit 1
import sys
from importlib.util import find_spec
missing = [name for name in ("torch", "transformers", "accelerate", "pydantic", "typer", "pyarrow", "pandas", "scipy",
                             "numba", "tokenizers", "jinja2", "matplotlib", "rich", "filelock") if find_spec(name) is None]
if missing:
    sys.exit(f"missing: {', '.join(missing)}. Install them, or put their wheels in a folder and set WHEELS to it.")
import torch
if not torch.cuda.is_available():
    sys.exit("no GPU that torch can use.")
from impossible_lms.versions import versions, commit
print(torch.cuda.get_device_name(), *versions("torch", "transformers").items(), commit() or "")
CHECK

part() {  # part NAME TITLE COMMAND ...: run one, in its time
    local name=$1 title=$2 from=$(date +%s)
    shift 2
    local left=$((budget - from + began))
    printf '\n## %s\n\n`%s`\n\n' "$title" "$*"
    [ "$left" -gt 0 ] || { echo "(no time left: bash benchmarks/gpu.sh $name)"; return; }
    timeout $((left < limit ? left : limit)) "$@" 2>"$logs/$name.log" || { echo "(ended with code $?; the log's end:)"; tail -n 5 "$logs/$name.log"; }
    printf '\n%d s\n' "$(( $(date +%s) - from ))"
}

training=("$python" -m benchmarks.training --device cuda --size small --context 1024 --vocabulary 50257)
train=("$python" -m impossible_lms train --size small --recipe "$scratch/start.toml" --data "$scratch/data")

large() {
    part large "Training, 512 x 1,024 tokens a step" "${training[@]}" --sequences 512 --micro-batch 16 --rounds 2 --steps 2 \
        --contestants ours plain-compiled trainer-best
}
small() {
    part small "Training, 16 x 1,024 tokens a step" "${training[@]}" --sequences 16 --rounds 3 --steps 20 \
        --contestants ours plain-compiled trainer-best trainer-bf16
}
deterministic() {
    part deterministic "What --deterministic costs" "${training[@]}" --sequences 64 --rounds 2 --steps 4 \
        --contestants ours ours-deterministic
}
start() {  # from the command to the first line of metrics.jsonl, with nothing compiled yet and again
    part data "Data for the next" "$python" -m impossible_lms build --corpus grammar:sentences=60000,seed=0 \
        --language partial-reverse --tokenizer train:vocab=2048 --context 1024 --output "$scratch/data"
    "$python" - "$scratch/start.toml" <<'RECIPE'
import sys
from impossible_lms.training.recipe import load_recipe
fields = load_recipe("paper").model_dump() | {"steps": 3, "sequences_per_step": 64, "warmup_steps": 1, "checkpoint_every": 3}
fields["held_out_every"] = 0
open(sys.argv[1], "w").write("".join(f"{name} = {value!r}\n" for name, value in fields.items()))
RECIPE
    for when in "with nothing compiled yet" "out of the cache"; do
        rm -rf "$scratch/run"
        printf '\n## Start, %s\n\n' "$when"
        local from=$(date +%s%N)
        timeout "$limit" "${train[@]}" --output "$scratch/run" --compile 2>>"$logs/start.log" >&2 &
        local process=$!
        until [ -s "$scratch/run/metrics.jsonl" ] || ! kill -0 $process 2>/dev/null; do sleep 0.05; done
        if [ -s "$scratch/run/metrics.jsonl" ]; then
            printf 'first step after %d.%d s\n' $(( ($(date +%s%N) - from) / 1000000000 )) $(( ($(date +%s%N) - from) / 100000000 % 10 ))
        else
            tail -n 5 "$logs/start.log"
        fi
        wait $process
    done
}
curves() {
    part curves "Loss curves of bf16, fp32 and a plain loop" "$python" -m benchmarks.curves --device cuda --seeds 8 --compile
}
scoring() {
    part scoring "Scoring" "$python" -m benchmarks.evaluation --sentences 4000 --pairs 16
}
demo() {
    part demo "The demonstration" bash -c 'time "$0" -m impossible_lms demo --output "$1" | tail -n 3' "$python" "$scratch/demo"
}
tests() {
    part tests "Tests that need a GPU" "$python" -m pytest -m gpu -p no:cacheprovider
}

for name in "${@:-large small deterministic start curves scoring demo tests}"; do
    for each in $name; do
        declare -F "$each" >/dev/null || { echo "no part is called $each." >&2; exit 2; }
        "$each"
    done
done
printf '\nall of it: %d s\n' "$(( $(date +%s) - began ))"
