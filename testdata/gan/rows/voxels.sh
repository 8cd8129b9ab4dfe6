# Silhouettes to solids of 32 x 32 x 32 voxels: the overlap with the true solid, and that of the mean solid.
for split in train:2000 test:200; do
  xtask testdata shapes --split "${split%:*}" --count "${split#*:}" --output solids
done
train solids voxel solids/train.jsonl
once solids.made.jsonl dl-gan-edit voxel -q "${threads[@]}" --model solids.safetensors --output-dir solids-made --largest --obj --draw=400 \
  solids/test.jsonl
row "silhouettes to voxels" "$(dl-eval voxels -q --mean-of solids/train.jsonl --format json solids.made.jsonl \
  | jq -r '"IoU \(.iou * 1000 | round / 1000), mean solid \(.iou_of_mean * 1000 | round / 1000)"'); $(spent solids)"
