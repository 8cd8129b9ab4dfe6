# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dl_eval_global_optspecs
    string join \n h/help V/version
end

function __fish_dl_eval_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dl_eval_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dl_eval_using_subcommand
    set -l cmd (__fish_dl_eval_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dl-eval -n "__fish_dl_eval_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -s V -l version -d 'Print version'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "voc" -d 'VOC: average precision per class and its mean'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "coco" -d 'COCO: the twelve numbers, of boxes or of masks'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "proposals" -d 'Proposals: recall and average best overlap by number of boxes'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "classify" -d 'Classification: accuracy, precision, recall and F1 per class, ROC AUC, calibration'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "lm" -d 'Texts: how likely they are to a language model'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l truth -d 'Truth apart from what was found: a COCO file (.json), a VOC folder, or records (.jsonl)' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l detections -d 'What was found, for --truth: records (.jsonl), joined by `id`, or COCO\'s results (.json), joined by `image_id`' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l split -d 'Of a VOC folder, measure only the images listed in ImageSets/Main/NAME.txt; may be repeated' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l format -d 'How the figures are written [default: table on a terminal, json elsewhere]' -r -f -a "table\t'For people: aligned columns, long labels cut, `-` where a figure is undefined'
json\t'One object on one line'
csv\t'Comma-separated values with a header, empty where a figure is undefined. A label that a spreadsheet would take for a formula begins with a quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l seed -d 'Seed of every random draw' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l iou -d 'Overlap from which a detection has found a true box' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l points -d 'Which AP `mAP` and `AP` are; both kinds are always in the JSON' -r -f -a "all\t'Area under the whole curve (VOC 2010 and later)'
11\t'Mean precision at recall 0, 0.1, ..., 1 (VOC 2007)'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l curves -d 'Also write precision and recall after each detection, per class, for dl-draw' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l plus-one -d 'Overlap of boxes whose far corner is their last pixel, as in VOC\'s own files: every side counts one more. Boxes that came through dl-data are continuous and give the devkit\'s overlap without it'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l truth -d 'Truth apart from what was found: a COCO file (.json), a VOC folder, or records (.jsonl)' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l detections -d 'What was found, for --truth: records (.jsonl), joined by `id`, or COCO\'s results (.json), joined by `image_id`' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l split -d 'Of a VOC folder, measure only the images listed in ImageSets/Main/NAME.txt; may be repeated' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l format -d 'How the figures are written [default: table on a terminal, json elsewhere]' -r -f -a "table\t'For people: aligned columns, long labels cut, `-` where a figure is undefined'
json\t'One object on one line'
csv\t'Comma-separated values with a header, empty where a figure is undefined. A label that a spreadsheet would take for a formula begins with a quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l seed -d 'Seed of every random draw' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l iou-type -d 'What is compared: boxes or masks' -r -f -a "bbox\t''
segm\t''"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l max-dets -d 'How many of an image\'s best detections of a class may be used, three rising numbers: AR1, AR10 and AR100 stand for the first, second and third; everything else is at the third' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l curves -d 'Also write precision at recall 0, 0.01, ..., 1 and IoU 0.5, per class, for dl-draw' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l masks -d 'Compare masks; the same as --iou-type segm'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l pycocotools -d 'Reproduce pycocotools to the last trap: AP stays at 100 detections whatever --max-dets says, and the object with annotation id 0 cannot be found'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l truth -d 'Truth apart from what was found: a COCO file (.json), a VOC folder, or records (.jsonl)' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l detections -d 'What was found, for --truth: records (.jsonl), joined by `id`, or COCO\'s results (.json), joined by `image_id`' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l split -d 'Of a VOC folder, measure only the images listed in ImageSets/Main/NAME.txt; may be repeated' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l format -d 'How the figures are written [default: table on a terminal, json elsewhere]' -r -f -a "table\t'For people: aligned columns, long labels cut, `-` where a figure is undefined'
json\t'One object on one line'
csv\t'Comma-separated values with a header, empty where a figure is undefined. A label that a spreadsheet would take for a formula begins with a quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l seed -d 'Seed of every random draw' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l iou -d 'Overlaps from which an object is covered' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l at -d 'How many of an image\'s first proposals may be used' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l confusion -d 'Also write the confusion matrix, for dl-draw: rows are true classes, columns predicted ones. Of more than 1000 classes, only the counts that are not 0 are written' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l format -d 'How the figures are written [default: table on a terminal, json elsewhere]' -r -f -a "table\t'For people: aligned columns, long labels cut, `-` where a figure is undefined'
json\t'One object on one line'
csv\t'Comma-separated values with a header, empty where a figure is undefined. A label that a spreadsheet would take for a formula begins with a quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l seed -d 'Seed of every random draw' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l model -d 'Model file (safetensors) of a GPT-2, or a folder as Hugging Face writes it' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l records -d 'Write the records to this file, with the text\'s own `nll` (mean of its tokens) and `tokens`' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l format -d 'How the figures are written [default: table on a terminal, json elsewhere]' -r -f -a "table\t'For people: aligned columns, long labels cut, `-` where a figure is undefined'
json\t'One object on one line'
csv\t'Comma-separated values with a header, empty where a figure is undefined. A label that a spreadsheet would take for a formula begins with a quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l device -d 'Where to compute: cpu, cuda:N or metal' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l seed -d 'Seed of every random draw' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm help" -f -a "voc" -d 'VOC: average precision per class and its mean'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm help" -f -a "coco" -d 'COCO: the twelve numbers, of boxes or of masks'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm help" -f -a "proposals" -d 'Proposals: recall and average best overlap by number of boxes'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm help" -f -a "classify" -d 'Classification: accuracy, precision, recall and F1 per class, ROC AUC, calibration'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm help" -f -a "lm" -d 'Texts: how likely they are to a language model'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
