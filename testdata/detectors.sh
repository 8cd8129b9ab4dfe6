#!/usr/bin/env bash
# Every kind of detector on real data, as one table: boxes of blood cells (BCCD, VOC layout), and masks of cell nuclei (COCO
# layout). All start from a MobileNet V1 that was trained on ImageNet. Prints AP50, AP, seconds per image and parameters on
# the test split. docs/detectors.md has the results.
#
#   testdata/detectors.sh DATA WEIGHTS OUT [METHOD..]     (the programs must be on PATH)
#
# DATA holds bccd and nuclei; WEIGHTS holds mobilenet_v1_0.25_imagenet.safetensors and the one of width 0.75. METHODs: rcnn
# ssd fast_rcnn faster_rcnn cascade_rcnn mask_rcnn; SEEDS="0 1 2" repeats the trainings, THREADS=1 runs beside others.
set -euo pipefail
data=$(realpath "$1") weights=$(realpath "$2") out=$3
methods=("${@:4}")
[ ${#methods[@]} -gt 0 ] || methods=(rcnn ssd fast_rcnn faster_rcnn cascade_rcnn mask_rcnn)
read -ra seeds <<< "${SEEDS:-0}"
threads=(--threads "${THREADS:-2}")
small=$weights/mobilenet_v1_0.25_imagenet.safetensors
mkdir -p "$out"
cd "$out"

dl-data from voc -q "$data/bccd" --split train,val > train.jsonl
dl-data from voc -q "$data/bccd" --split test > test.jsonl
for split in train val; do
  dl-data from coco -q "$data/nuclei/instances_$split.json" --images "$data/nuclei/$split" > "nuclei-$split.jsonl"
done

# The proposals of R-CNN and Fast R-CNN, once.
propose() {
  [ ! -f test.proposed.jsonl ] || return 0
  dl-propose selective-search -q "${threads[@]}" --max 1000 train.jsonl > train.proposed.jsonl
  dl-propose selective-search -q "${threads[@]}" --max 2000 test.jsonl > proposed.jsonl
  mv proposed.jsonl test.proposed.jsonl
}

# train NAME RECORDS OPTIONS..: trains NAME.safetensors, unless an earlier run has.
train() {
  local name=$1 records=$2; shift 2
  [ -f "$name.done" ] || dl-finetune detector -q "$records" --output "$name.safetensors" --log "$name.log.jsonl" --resume \
    "${threads[@]}" "$@"
  touch "$name.done"
}

# row NAME MODEL TYPE COMMAND..: a row of the table. TYPE: bbox, or segm with up to 200 objects per image.
row() {
  local name=$1 model=$2 type=$3 began=$EPOCHREALTIME count most=100; shift 3
  [ "$type" = bbox ] || most=200
  "$@" > "$name.jsonl"
  count=$(wc -l < "$name.jsonl")
  awk -v began="$began" -v ended="$EPOCHREALTIME" -v count="$count" -v name="$name" \
    -v figures="$(dl-eval coco -q --iou-type "$type" --max-dets 1,10,$most --format json "$name.jsonl" | jq -r '"\(.AP50) \(.AP)"')" \
    -v parameters="$(dl-model info --format json "$model" | jq .parameters)" 'BEGIN {
      split(figures, ap, " ")
      printf "%-16s %6.3f %6.3f %8.3f %10d\n", name, ap[1], ap[2], (ended - began) / count, parameters }' | tee -a table.txt
}

rcnn() {
  propose
  dl-embed -q "${threads[@]}" --model "$small" --layer blocks.4 --with-objects --dtype f16 --features-dir features \
    < train.proposed.jsonl > features.jsonl
  rm -f heads.safetensors
  dl-finetune svm -q --output heads.safetensors < features.jsonl
  dl-finetune bbox -q --output heads.safetensors < features.jsonl
  rm -rf features features.jsonl
  detect_rcnn() {
    dl-embed -q "${threads[@]}" --model "$small" --layer blocks.4 test.proposed.jsonl |
      dl-detect -q --model heads.safetensors --drop-features | dl-nms -q --iou 0.3
  }
  row rcnn "$small" bbox detect_rcnn
}

# Shapes of the objects as default boxes, and the whole augmentation.
ssd() {
  train "ssd-$1" train.jsonl --arch ssd_mobilenet_v1 --init-from "$weights/mobilenet_v1_0.75_imagenet.safetensors" \
    --default-boxes objects --augment jitter --ema 0.998 --iterations 800 --seed "$1"
  row "ssd-$1" "ssd-$1.safetensors" bbox dl-detect -q "${threads[@]}" --model "ssd-$1.safetensors" test.jsonl
}

# Two stages: few channels, and fewer regions than the default.
parts=(--init-from "$small" --batch 2 --iterations 800 --ema 0.998 --option fpn_channels=64 --option box_hidden=256
  --option rpn_post_nms_top_n_train=500 --option box_batch_size_per_image=128)
# The size of the images.
own_size=(--option min_size=480 --option max_size=640 --option rpn_post_nms_top_n_test=300)
# Up to 131 small objects in an image: enlarged to twice the size.
twice=(--option min_size=512 --option max_size=720 --option box_detections_per_img=200)

two_stages() {
  local arch=$1 seed=$2 records=$3 test=$4
  train "$arch-$seed" "$records" --arch "$arch" "${parts[@]}" "${own_size[@]}" --seed "$seed"
  row "$arch-$seed" "$arch-$seed.safetensors" bbox dl-detect -q "${threads[@]}" --model "$arch-$seed.safetensors" "$test"
}

fast_rcnn() { propose && two_stages fast_rcnn "$1" train.proposed.jsonl test.proposed.jsonl; }
faster_rcnn() { two_stages faster_rcnn "$1" train.jsonl test.jsonl; }
cascade_rcnn() { two_stages cascade_rcnn "$1" train.jsonl test.jsonl; }

mask_rcnn() {
  train "mask_rcnn-$1" nuclei-train.jsonl --arch mask_rcnn "${parts[@]}" "${twice[@]}" --seed "$1"
  row "mask_rcnn-$1" "mask_rcnn-$1.safetensors" segm dl-detect -q "${threads[@]}" --model "mask_rcnn-$1.safetensors" \
    nuclei-val.jsonl
}

printf '%-16s %6s %6s %8s %10s\n' detector AP50 AP "s/image" parameters
for method in "${methods[@]}"; do
  case $method in
    rcnn) rcnn ;;
    ssd | fast_rcnn | faster_rcnn | cascade_rcnn | mask_rcnn) for seed in "${seeds[@]}"; do "$method" "$seed"; done ;;
    *) echo "no method $method" >&2; exit 2 ;;
  esac
done
