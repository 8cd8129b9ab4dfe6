#!/usr/bin/env bash
# Measures the programs beside their peers, which it installs into bench/.venv.
#
#   bench/run.sh [VOC_DIR]        (default: the real data beside the checkout)
set -euo pipefail
data=$(realpath "${1:-$(dirname "$0")/../../shared/data/bccd}")
cd "$(dirname "$0")"
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install --quiet numpy opencv-contrib-python-headless pycocotools hotcoco torch torchvision \
  timm onnx onnxruntime safetensors
(cd .. && cargo build --release --locked --workspace --bins --examples)
.venv/bin/python networks.py
.venv/bin/python networks.py --train --networks resnet18,vgg11 --batches 16
.venv/bin/python regions.py "$data/../rcnn-demo/000456.jpg"
.venv/bin/python selective_search.py "$data"
.venv/bin/python selective_search.py "$data/../rcnn-demo" --speed
.venv/bin/python nms.py
./records.sh
.venv/bin/python coco_eval.py
