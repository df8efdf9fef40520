#!/usr/bin/env bash
# What a GPU does with this project, in ten minutes at most: scripts/gpu.sh [--device webgpu|cuda|cpu] [--layers N]
#
# Needs the repository, node_modules and, for webgpu, the Vulkan loader and a driver. Says each figure as soon as it is
# known, so that a cut leaves what was reached. --layers N makes the checkpoint N + N layers deep instead of 28 + 32: a
# rehearsal where there is no GPU is `scripts/gpu.sh --device cpu --layers 2`. GPU_DIR is where the random checkpoint
# lies (default: a temporary folder that is removed); OUT is where all that is said is kept (default: gpu-figures/).
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

device=webgpu
layers=0
while [ $# -gt 0 ]; do
  case "$1" in
    --device) device="${2:?--device needs webgpu, cuda or cpu}"; shift 2 ;;
    --layers) layers="${2:?--layers needs a number}"; shift 2 ;;
    *) echo "gpu.sh: unknown argument $1; it takes --device and --layers" >&2; exit 2 ;;
  esac
done
out="${OUT:-gpu-figures}"
mkdir -p "$out"
if [ -n "${GPU_DIR:-}" ]; then folder="$GPU_DIR"; else folder="$(mktemp -d)"; trap 'rm -rf "$folder"' EXIT; fi
# Seconds left of the ten minutes.
end=$((SECONDS + 590))
# A rehearsal on a CPU is to end, not to be measured.
tokens=256
[ "$device" = cpu ] && tokens=16

part() { # NAME SECONDS COMMAND…
  local name="$1" most="$2" left=$((end - SECONDS)) began=$SECONDS; shift 2
  [ "$left" -lt 5 ] && { echo "== $name: no time left"; return 1; }
  [ "$most" -gt "$left" ] && most=$left
  echo "== $name (at most $most s): $*"
  timeout -k 5 "$most" "$@" 2>&1 | tee "$out/$name.txt"
  local status=${PIPESTATUS[0]}
  echo "== $name: ended with $status after $((SECONDS - began)) s"
  return "$status"
}

part machine 20 bash -c 'nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>/dev/null || echo "no nvidia-smi"; nproc; node --version'
part devices 70 node scripts/devices.ts "$device" || exit 1
part parity 150 npx vitest run test/policy/onnx/Devices.test.ts
model="$folder/checkpoint-$layers"
if [ ! -d "$model" ]; then
  part checkpoint 120 node bench/large/checkpoint.ts "$model" --layers "$layers" --vision-layers "$layers" || exit 1
fi
large="node bench/large/run.ts --model $model --cache $folder/cache --device $device"
# Short first: what a cut leaves is something.
part rollout 150 $large --group 8 --new-tokens "$((tokens / 8))"
part lora 240 $large --mode lora --group 8 --new-tokens "$tokens"
part int4 120 $large --quantize int4 --group 8 --new-tokens "$tokens"
echo "all that was said is in $out"
