#!/usr/bin/env bash
# Measures the programs and their peers, which it installs into bench/.venv, and prints the tables of RESULTS.md.
#
#   bench/run.sh [--quick] [DATA]        (default: the real data beside the checkout, ../shared/data)
#
# --quick takes every measurement once and as briefly as possible, to check that the scripts run; ignore its figures.
set -euo pipefail
quick=
if [ "${1-}" = --quick ]; then quick=1 && shift; fi
data=${1:-$(dirname "$0")/../../shared/data}
for folder in bccd rcnn-demo; do
  [ -d "$data/$folder" ] || { echo "bench/run.sh: $data/$folder does not exist; name the folder of the data" >&2; exit 2; }
done
data=$(realpath "$data")
cd "$(dirname "$0")"
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install --quiet numpy 'opencv-contrib-python-headless<5' pycocotools hotcoco torch torchvision \
  timm onnx onnxruntime onnxscript safetensors pillow scikit-image pytorch-fid torch-fidelity scipy scikit-learn \
  cvxopt skada
(cd .. && cargo build --release --locked --workspace --bins --examples)

# measure TITLE SHORT FULL SCRIPT [ARGUMENTS]: SHORT (with --quick) and FULL are the options that set the duration.
measure() {
  local title=$1 options=$3
  [ -z "$quick" ] || options=$2
  local script=$4 command="bench/${*:4}${options:+ $options}"
  printf '\n## %s\n\n`%s`\n\n' "$title" "${command//"$data"/DATA}"
  shift 4
  case $script in
    # shellcheck disable=SC2086
    *.py) .venv/bin/python "$script" "$@" $options ;;
    # shellcheck disable=SC2086
    *) "./$script" "$@" $options ;;
  esac
}

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
level=$(../target/release/dl-model bench --arch squeezenet1_1 --seconds 0 | sed 's/.*"level":"\([^"]*\)".*/\1/')
echo "$(date +%F), CPU ${cpu:-$(uname -m)}, $(nproc) cores, level $level, load at the start $(cut -d' ' -f1 /proc/loadavg)"
measure "Detectors" "--rounds 1 fast_yolo" "" detectors.py --bin ../target/release
measure "Detectors: single operations" "--runs 1" "" detector_ops.py
measure "Detectors: training" "--rounds 1 --steps 2" "" detector_training.py --bin ../target/release
measure "GANs: training" "--rounds 1 --steps 2" "" gan_training.py --bin ../target/release
measure "Adversarial adaptation: training" "--rounds 1 --steps 2" "" adversarial_training.py --bin ../target/release
short="--networks squeezenet1_0 --batches 1 --rounds 1 --seconds 0"
measure "Networks" "$short" "" networks.py
measure "Networks, candle's own operations" "$short" "--rounds 1 --seconds 0.5" networks.py --peers candle
measure "Training" "--networks resnet18 --batches 1 --rounds 1 --seconds 0" "--networks resnet18,vgg11 --batches 16" \
  networks.py --train
measure "Transfer: an epoch" "--networks squeezenet1_0 --images 64 --rounds 1" "--rounds 2" epoch.py "$data/bccd"
measure "Features of regions" "--regions 64 --rounds 1" "" regions.py "$data/rcnn-demo/000456.jpg"
for mode in single fast quality; do
  measure "Selective search, $mode" "--first 1" "" selective_search.py "$data/bccd" --mode $mode
done
measure "Selective search: time" "--first 1 --runs 1" "" selective_search.py "$data/rcnn-demo" --speed
measure "Non-maximum suppression" "--runs 3" "" nms.py
measure "Features through a pipe" "2 100 100" "" records.sh
measure "COCO evaluation" "--rounds 0 --fast-rounds 1" "" coco_eval.py
measure "Metrics of generated images" "--rounds 1 --rows 500 --columns 64" "" gan_metrics.py --bin ../target/release
measure "Transfer methods" "--rounds 1 --scale 40" "" transfer.py --bin ../target/release
