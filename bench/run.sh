#!/usr/bin/env bash
# Measures the programs beside their peers, which it installs into bench/.venv.
#
#   bench/run.sh [VOC_DIR]        (default: the real data beside the checkout)
set -euo pipefail
data=$(realpath "${1:-$(dirname "$0")/../../shared/data/bccd}")
cd "$(dirname "$0")"
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install --quiet numpy opencv-contrib-python-headless pycocotools hotcoco torch torchvision
(cd .. && cargo build --release --locked --workspace --examples)
.venv/bin/python selective_search.py "$data"
.venv/bin/python selective_search.py "$data/../rcnn-demo" --speed
.venv/bin/python nms.py
./records.sh
.venv/bin/python coco_eval.py
