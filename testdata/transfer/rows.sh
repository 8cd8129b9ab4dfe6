# What networks.sh and domains.sh have in common: sourced in the folder of the results.
#
# A row prints a name and a figure. What exists is not made again, so that an interrupted run goes on where it was.

row() { printf '%-72s %s\n' "$1" "$2"; }

# once FILE COMMAND..: writes what the command prints to FILE, unless it exists.
once() {
  [ -e "$1" ] || { "${@:2}" > "$1.tmp" && mv "$1.tmp" "$1"; }
}

# accuracy MODEL RECORDS [OPTION..]: with the options of dl-eval classify.
accuracy() {
  dl-classify -q --model "$1" --top-k 0 "$2" | dl-eval classify -q --format json "${@:3}" | jq -r '.top1 * 1000 | round / 1000'
}

# train MODEL COMMAND..: trains with dl-finetune, unless the model exists; a training that was interrupted resumes.
train() {
  [ -e "$1" ] || { dl-finetune "${@:2}" -q --resume --output "part-$1" && mv "part-$1" "$1"; }
}
