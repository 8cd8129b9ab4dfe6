#!/usr/bin/env bash
# Runs the commands of README.md, docs/*.md and every `--help` as they stand, in bash, zsh and fish.
#
#   testdata/test-docs.sh BIN [SHELL...]        (BIN holds the programs and xtask; `make test-docs` builds them)
#
# Each page runs in a folder of its own. The programs make small stand-ins there for the files that examples name, from
# the included images and models. A command that needs more is skipped, and the reason is printed. In a Markdown file, a
# line `<!-- skip: REASON -->` before a block skips the block. The exit status is 1 if a command fails.
# PAGES='dl-data*' runs only the pages of these names; KEEP=1 keeps what each command printed.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/.."
repository=$PWD
bin=$(cd "${1:?usage: testdata/test-docs.sh BIN [SHELL...]}" && pwd)
shells=("${@:2}")
[ ${#shells[@]} -gt 0 ] || shells=(bash zsh fish)
work=$(mktemp -d)
[ -n "${KEEP:-}" ] && echo "Output is kept in $work" || trap 'rm -rf "$work"' EXIT

# Only the programs, without the other files of that folder.
mkdir -p "$work"/{bin,home,pages,networks}
for program in crates/dl-cli/src/bin/dl-*.rs; do ln -s "$bin/$(basename "$program" .rs)" "$work/bin"; done
export PATH="$work/bin:/usr/local/bin:/usr/bin:/bin" HOME="$work/home" COLUMNS=80 LC_ALL=C.UTF-8

# needs COMMAND: the reason not to run it, or nothing.
needs() {
  case $1 in
    *'dl-model fetch'* | *'git clone'* | 'cd dl-tools'* | *'apt-get '* | *rustup* | *https://*) echo "needs the network" ;;
    make\ * | *'cargo '* | testdata/*.sh* | target/* | bench/*) echo "needs the source tree and time" ;;
    *dpkg* | *RUSTC* | mkdir\ arm*) echo "needs Debian and root" ;;
    *.pth* | *.weights* | *.caffemodel* | *.cfg* | *darknet53* | *llama*) echo "needs published weights" ;;
    *'dl-eval lpips'*--linear*) echo "needs published weights" ;;
    *encoder.layer.11*) echo "needs the whole BERT" ;;
    *'dl-gan-sample testdata/models'*) ;;
    *'dl-gan-train '* | *'dl-gan-sample '* | *'dl-gan-edit '* | *'dl-eval voxels'*) echo "needs a generator trained for minutes" ;;
    *--device\ cuda* | *--device\ metal*) echo "needs a graphics card" ;;
    *'--iterations '[0-9][0-9][0-9][0-9]*) echo "trains for hours" ;;
    *'--iterations '*) ;;
    *'dl-finetune detector'*) echo "trains for minutes" ;;
    'dl-detect --model cells.safetensors photo.jpg') echo "needs a detector trained for minutes" ;;
  esac
}

# ---- Stand-ins, in $work/template.

idx() { local n; printf "\\x00\\x00\\x08\\x0$1"; shift; for n; do printf "\\x00\\x00\\x00\\x$n"; done; }

stand_ins() {
  local signs="$repository/testdata/signs" models="$repository/testdata/models" text="$repository/testdata/goldens/text"
  local image n list outline
  mkdir -p testdata/signs/{JPEGImages,Annotations,ImageSets/Main}
  for n in 1 2 3 4 5 6 7 8; do
    image=test-000$n
    cp "$signs/JPEGImages/$image.jpg" testdata/signs/JPEGImages
    cp "$signs/Annotations/$image.xml" testdata/signs/Annotations
    echo $image >> testdata/signs/ImageSets/Main/test.txt
  done
  cp "$signs/instances_test.json" testdata/signs
  ln -s "$models" testdata/models
  ln -s "$repository/testdata/goldens" testdata/goldens
  cp testdata/signs/JPEGImages/test-0001.jpg photo.jpg
  cp testdata/signs/JPEGImages/test-0002.jpg street.jpg

  # VOC, under the names that examples use.
  for list in train:1,2 val:3,3 trainval:1,3 test:4,5; do
    sed -n "${list#*:}p" testdata/signs/ImageSets/Main/test.txt > "$work/list"
    for folder in VOC2007 BCCD_Dataset/BCCD cells; do
      mkdir -p $folder/ImageSets/Main
      cp "$work/list" "$folder/ImageSets/Main/${list%:*}.txt"
      cp -r testdata/signs/{JPEGImages,Annotations} $folder
    done
  done

  # Other formats.
  dl-data from voc VOC2007 --split trainval > all.jsonl
  dl-data from voc VOC2007 --split train > train.jsonl
  dl-data from voc VOC2007 --split test > test.jsonl
  cp all.jsonl truth.jsonl
  mkdir annotations upload images photos outlines
  for folder in val2014 val2017; do
    cp -r VOC2007/JPEGImages $folder
    dl-data to coco --output "instances_$folder.json" all.jsonl
    cp "instances_$folder.json" annotations
  done
  cp instances_val2014.json instances_val.json
  for n in val2014/*.jpg; do cp "$n" .; done
  dl-data to yolo signs all.jsonl
  dl-data to yolo coco128 --split train2017 all.jsonl
  mkdir -p runs/detect/predict/labels
  cp photo.jpg runs/detect/predict
  echo "0 0.5 0.5 0.2 0.2 0.9" > runs/detect/predict/labels/photo.txt
  cp photo.jpg photos/street.jpg
  cp photo.jpg upload/street.jpg
  cp photo.jpg images/street.jpg
  cp photo.jpg outlines/street.jpg
  echo '{"imagePath":"street.jpg","imageWidth":320,"imageHeight":240,"shapes":[{"label":"stop","shape_type":"rectangle",
    "points":[[10,20],[60,70]]}]}' > photos/street.json
  echo '<annotations><version>1.1</version><image id="0" name="street.jpg" width="320" height="240">
    <box label="stop" xtl="10" ytl="20" xbr="60" ybr="70" occluded="0"/></image></annotations>' > annotations.xml
  echo '[{"id":1,"data":{"image":"/data/upload/street.jpg"},"annotations":[{"result":[{"type":"rectanglelabels",
    "original_width":320,"original_height":240,"value":{"x":10,"y":20,"width":20,"height":20,"rotation":0,
    "rectanglelabels":["stop"]}}]}]}]' > project.json
  mkdir mnist
  for n in train t10k; do
    { idx 3 04 02 02; printf '\x00\xff\x80\x00\x00\xff\x80\x00\x00\xff\x80\x00\x00\xff\x80\x00'; } > mnist/$n-images-idx3-ubyte
    { idx 1 04; printf '\x00\x01\x00\x01'; } > mnist/$n-labels-idx1-ubyte
  done

  # Classes as folders: two kinds of images, five of each, so that a tenth is one.
  for folder in pets products snapshots made faces flowers digits test services services-test imagenette/train imagenette/val; do
    mkdir -p "$folder"/{cat,dog}
    for n in 1 2 3 4 5; do
      cp testdata/signs/JPEGImages/test-000$n.jpg "$folder/cat/$n.jpg"
      cp testdata/signs/JPEGImages/test-000$((n + 3)).jpg "$folder/dog/$n.jpg"
    done
  done

  # Texts.
  ln -s "$text/bert" bert-base-uncased
  ln -s "$text/gpt2" gpt2
  ln -s "$text/clip" clip-vit-base-patch32
  ln -s "$text/../transformers/siglip" siglip-base-patch16-224
  for n in gpt2 names_gpt poems; do dl-model convert gpt2 $n.safetensors; done
  dl-model convert bert-base-uncased bert.safetensors
  printf 'good\nbad\nfair\ngood again\n' > reviews.txt
  printf 'review,stars\ngood,5\nbad,1\nfine,5\npoor,1\nnice,5\nawful,1\nlovely,5\nsad,1\n' > reviews.csv
  dl-data from csv reviews.csv --text review --label stars > reviews.jsonl
  cp reviews.csv books.csv
  cp reviews.csv kitchen.csv
  jq -c '.document = "one"' reviews.jsonl > sentences.jsonl
  for n in train made test; do
    { echo default,balance; for image in {1..60}; do echo "$((image % 3 / 2)),$image.5"; done; } \
      | sed 's/^0,/No,/; s/^1,/Yes,/' > $n.csv
  done
  for n in texts mail planets poems held-out beginnings; do cp reviews.jsonl $n.jsonl; done

  # Networks: the included one where its layers suffice, otherwise one after a single training step.
  cp "$models/signs.safetensors" voc.safetensors
  # With other labels and no background, it classifies whole images.
  dl-model convert --quiet "$models/signs.safetensors" squeezenet.safetensors --labels cat,dog,c,d,e,f,g,h,i
  for n in squeezenet1_0 squeezenet1_0_imagenet squeezenet1_1 network pets cells; do
    cp squeezenet.safetensors $n.safetensors
  done
  dl-finetune classifier --quiet --init-from squeezenet.safetensors --input objects --iterations 1 --batch 2 \
    --output "$work/networks/crops.safetensors" all.jsonl || true
  cp "$work/networks/crops.safetensors" .
  dl-data from folder pets > "$work/pets.jsonl"
  cp "$work/pets.jsonl" .
  # Large ones are links, because every page gets a copy of the template.
  for n in alexnet resnet18 resnet50; do
    dl-finetune classifier --quiet --arch $n --size 64 --iterations 1 --batch 2 \
      --output "$work/networks/$n.safetensors" "$work/pets.jsonl" || true
    rm -f "$work/networks/$n.last.safetensors"
    ln -s "$work/networks/$n.safetensors" .
  done
  # A small ResNet.
  cp "$models/roads.safetensors" imagenet.safetensors
  # The same in one part, with the index of a sharded file.
  cp imagenet.safetensors model-00001-of-00001.safetensors
  head -c "$((8 + $(od -An -tu8 -N8 imagenet.safetensors)))" imagenet.safetensors | tail -c +9 |
    jq '{weight_map: (del(.__metadata__) | map_values("model-00001-of-00001.safetensors"))}' > model.safetensors.index.json
  dl-embed --model imagenet.safetensors --layer avgpool --dtype f32 "$work/pets.jsonl" |
    dl-finetune linear --quiet --output pets-head.safetensors
  mkdir models
  cp squeezenet.safetensors pets-head.safetensors models

  # The output of stages.
  dl-propose selective-search --quiet --mode fast --max 100 all.jsonl > proposed.jsonl
  cp proposed.jsonl proposals.jsonl
  dl-embed --quiet --model squeezenet.safetensors --layer fire9 --with-objects proposed.jsonl > embedded.jsonl
  for n in signs-rcnn heads; do cp "$models/signs-rcnn.safetensors" $n.safetensors; done
  dl-embed --quiet --model alexnet.safetensors --layer pool5,fc7 --with-objects proposed.jsonl > "$work/alexnet.jsonl"
  dl-finetune svm --quiet --layer fc7 --output voc-rcnn.safetensors "$work/alexnet.jsonl"
  dl-finetune bbox --quiet --layer pool5 --output voc-rcnn.safetensors "$work/alexnet.jsonl"
  dl-detect --quiet --model heads.safetensors --drop-features embedded.jsonl > detected.jsonl
  dl-nms --quiet --iou 0.3 detected.jsonl > found.jsonl
  dl-data to coco-results --truth instances_val.json found.jsonl > results.json
  cp results.json results_val.json
  # Masks: the outlines of the boxes.
  outline='.bbox as [$x, $y, $w, $h] | .segmentation = [[$x, $y, $x + $w, $y, $x + $w, $y + $h, $x, $y + $h]]'
  jq "map($outline)" results.json > masks.json
  jq ".annotations |= map($outline)" instances_val.json > instances_val2017.json
  dl-eval voc --quiet --curves curves.json found.jsonl > metrics.json
  dl-embed --quiet --model imagenet.safetensors --layer avgpool "$work/pets.jsonl" |
    dl-classify --quiet --model pets-head.safetensors --top-k 0 > predicted.jsonl
  dl-eval classify --quiet --confusion confusion.json predicted.jsonl > classes.json
  # Generated and real samples, and a pair of images.
  for n in real generated; do
    dl-embed --quiet --model squeezenet.safetensors --layer fire9@1,logits "$work/pets.jsonl" > $n.jsonl
  done
  # Features of two domains with four classes, some of them unknown.
  awk 'BEGIN {
    split("cat dog fox owl", label, " ")
    for (n = 0; n < 64; n++) {
      class = n % 4 + 1; target = n >= 32; values = ""
      for (column = 1; column <= 6; column++)
        values = values (column > 1 ? "," : "") (column == class || column == 5 + class % 2) * (2 + target) + (n * column * 7 % 11) / 20 + target * column
      printf "{\"id\":\"%d\",\"label\":\"%s\",\"domain\":\"%s\",\"features\":{\"f\":{\"dtype\":\"f32\",\"shape\":[1,6],\"values\":[%s]}}}\n",
        n, label[class], target ? "target" : "source", values
    }
  }' > both.jsonl
  dl-data select --domain source both.jsonl | tee features.jsonl > source.jsonl
  dl-data select --domain target both.jsonl | tee new.jsonl > target.jsonl
  head -n 8 target.jsonl > few-target.jsonl
  head -n 8 source.jsonl > few.jsonl
  jq -c 'del(.label)' source.jsonl > unlabeled.jsonl
  jq -c '.features.f.values[(.id | tonumber) % 6] = null' both.jsonl > gaps.jsonl
  jq -c 'del(.label) + {labels: {happy: (if .label == "cat" then "yes" else "no" end)}}' gaps.jsonl > moods.jsonl
  printf 'class,cat,dog,fox,owl,odd,even\ncat,1,0,0,0,0,1\ndog,0,1,0,0,1,0\nfox,0,0,1,0,0,1\nowl,0,0,0,1,1,0\n' \
    | tee animals.csv > unseen.csv
  echo '{"id":"pair","image":"photo.jpg","target":"photo.jpg"}' > pairs.jsonl
  dl-finetune classifier --quiet --init-from squeezenet.safetensors --size 64 --iterations 2 --batch 2 \
    --log training.jsonl --output "$work/networks/logged.safetensors" "$work/pets.jsonl" || true
  cp training.jsonl log.jsonl
  for n in 1 5 10; do echo '{"method":"head","images":'$n',"accuracy":0.'$n'}'; done > accuracy.jsonl
}

# ---- Pages: each is a folder of numbered commands, with a `.reason` beside each command that is skipped.

# split FOLDER PREFIX REASON: cuts the lines on stdin into commands.
split() {
  local command='' line number
  number=$(find "$1" -name '*.cmd' | wc -l)
  while IFS= read -r line; do
    [ -z "$command" ] && [[ -z ${line//[[:space:]]/} || $line == '#'* ]] && continue
    command+=${command:+$'\n'}$line
    # The command continues on the next line.
    [[ $line == *\\ || $line =~ (\||&&)[[:space:]]*$ ]] && continue
    bash -n <<< "$command" 2>/dev/null || { [[ $command != *$'\n'*$'\n'*$'\n'*$'\n'* ]] && continue; }
    printf -v number '%03d' $((10#$number + 1))
    printf '%s\n' "$command" > "$1/$number.cmd"
    local reason=${2:-$(needs "$command")}
    [ -z "$reason" ] || echo "$reason" > "$1/$number.reason"
    command=
  done
  [ -z "$command" ] || printf '%s\n' "$command" > "$1/999.cmd"
}

# Blocks that are indented by four, or fenced as sh; those that do not begin with a command are data.
markdown() {
  local page=$1 line block='' reason='' fence='' next='' blank=1
  flush() {
    local first=${block%%[[:space:]]*}
    case $first in
      dl-* | make | git | cargo | cd | head | cat | jq | ls | find | for | export | mkdir | apt-get | rustup | dpkg | \
        testdata/*.sh | target/* | [A-Z]*=* | '{') [[ $block == '{"'* ]] || split "$page" "$reason" <<< "$block" ;;
    esac
    block='' reason=''
  }
  while IFS= read -r line; do
    if [[ $line =~ ^'<!-- skip: '(.*)' -->'$ ]]; then
      next=${BASH_REMATCH[1]}
    elif [[ $line == '```'* ]]; then
      flush
      [ -n "$fence" ] && fence='' || fence=$line
    elif [[ $fence == '```sh' || ( -z $fence && $line == '    '* && ( -n $block || -n $blank ) ) ]]; then
      [ -n "$block" ] || { reason=$next next=''; }
      block+=${block:+$'\n'}${line#    }
    elif [[ -n ${line//[[:space:]]/} ]]; then
      flush
    fi
    [[ -z ${line//[[:space:]]/} ]] && blank=1 || blank=''
  done
  flush
}

# help PROGRAM [SUBCOMMAND...]: its examples, and those of its subcommands.
help() {
  local text page
  text=$("$@" --help)
  page="$work/pages/$(printf '%s ' "$@")--help"
  mkdir "$page"
  sed '1,/^Examples:$/d; s/^  //' <<< "$text" | split "$page" ""
  for subcommand in $(sed -n '/^Commands:$/,/^$/s/^  \([a-z][a-z0-9-]*\).*/\1/p' <<< "$text"); do
    [ "$subcommand" = help ] || help "$@" "$subcommand"
  done
}

# session SHELL: runs the commands of ../commands one after another in this folder, and records the exit status of each.
session() {
  local options='set -o pipefail' status='$?'
  local command=("$1")
  case $1 in
    zsh) command+=(-f) ;;
    fish) command+=(--no-config) options='' status='$status' ;;
  esac
  {
    echo "$options"
    for file in "${PWD%/*}"/commands/*.cmd; do
      file=${file%.cmd}
      [ -e "$file.reason" ] ||
        echo "source '$file.cmd' > '$file.out' 2> '$file.err' < /dev/null; echo $status > '$file.status'"
    done
  } > ../session
  timeout 900 "${command[@]}" ../session > ../session.out 2>&1 || true
}

echo "Making stand-ins" >&2
mkdir "$work/template"
(cd "$work/template" && stand_ins) 2> "$work/template.err" || { cat "$work/template.err" >&2; exit 2; }
for file in README.md docs/*.md; do
  mkdir "$work/pages/$(basename "$file")"
  markdown "$work/pages/$(basename "$file")" < "$file"
done
for program in "$work"/bin/dl-*; do help "$(basename "$program")"; done

# ---- Run, and the table.

declare -A skipped
failures=0
printf '%-36s %-5s %5s %7s %7s\n' page shell ran skipped failed
for shell in "${shells[@]}"; do
  command -v "$shell" > /dev/null || { echo "SKIPPED: $shell is not installed"; continue; }
  total=(0 0 0)
  for page in "$work"/pages/${PAGES:-*}; do
    files=("$page"/*.cmd)
    [ ${#files[@]} -gt 0 ] || continue
    run="$work/runs/$shell/$(basename "$page")"
    mkdir -p "$run"
    cp -r "$page" "$run/commands"
    cp -a "$work/template" "$run/here"
    # A page makes the files that its commands write.
    for file in "$page"/*.cmd; do
      [ -e "${file%.cmd}.reason" ] || sed -nE 's/.*--output ([^ ]+).*/\1/p' "$file" |
        while IFS= read -r name; do rm -f "$run/here/$name"; done
    done
    # In the examples of dl-draw, this file is the log of a training.
    [[ $page != */dl-draw* ]] || cp "$run/here/training.jsonl" "$run/here/train.jsonl"
    (cd "$run/here" && session "$shell")
    counts=(0 0 0)
    for file in "$run"/commands/*.cmd; do
      file=${file%.cmd}
      # A script may contain comments in any shell, but zsh does not accept them in a command that is typed.
      if [ "$shell" = zsh ] && grep -qE '(^|[[:space:]])#' "$file.cmd"; then
        echo 'zsh does not accept comments in a command that is typed or pasted' > "$file.err"
        echo 1 > "$file.status"
        rm -f "$file.reason"
      fi
      if [ -e "$file.reason" ]; then
        counts[1]=$((counts[1] + 1))
        skipped["$(cat "$file.cmd")"]=$(cat "$file.reason")
      else
        counts[0]=$((counts[0] + 1))
        if [ "$(cat "$file.status" 2>/dev/null)" != 0 ]; then
          counts[2]=$((counts[2] + 1))
          { sed 's/^/    /' "$file.cmd"; head -qn 3 "$file.err" "$run/session.out" | sed "/^\$/d; s|$run/||g; s/^/      /"; } \
            >> "$run/failures" 2>/dev/null || true
        fi
      fi
    done
    printf '%-36s %-5s %5d %7d %7d\n' "$(basename "$page")" "$shell" "${counts[@]}"
    [ ! -e "$run/failures" ] || cat "$run/failures"
    for n in 0 1 2; do total[n]=$((total[n] + counts[n])); done
    rm -rf "$run/here"
  done
  printf '%-36s %-5s %5d %7d %7d\n' "all pages" "$shell" "${total[@]}"
  failures=$((failures + total[2]))
done
echo
echo "Skipped:"
for command in "${!skipped[@]}"; do printf '%s: %s\n' "${skipped[$command]}" "${command//$'\n'/ }"; done | sort
exit $((failures > 0))
