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
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "voc" -d 'Compute the average precision per class and its mean, as Pascal VOC does'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "coco" -d 'Compute the twelve COCO metrics, for boxes or masks'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "proposals" -d 'Compute the recall and the average best overlap of the first N proposals'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "classify" -d 'Compute the accuracy, calibration error, and precision, recall, F1 and ROC AUC per class'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "lm" -d 'Compute the negative log-likelihood and the perplexity of texts under a language model'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "fid" -d 'Compute the Fréchet distance between the features of generated and real samples (FID with Inception\'s features)'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "kid" -d 'Compute the kernel distance between the features of generated and real samples (KID with Inception\'s features)'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "inception-score" -d 'Compute the Inception score of class scores: are samples clear, and of many classes?'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "precision-recall" -d 'Compute the precision and recall of generated samples by nearest neighbors'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "duplicates" -d 'Find generated samples that are copies of real ones, by the distance of their features'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "modes" -d 'Count the classes of generated samples, to find classes that a generator never makes'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "two-sample" -d 'Train a fresh classifier to tell generated from real samples by their features'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "shift" -d 'Measure how far apart the features of two domains are'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "adapt" -d 'Choose among runs of a method without labels of the target'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "table" -d 'Measure made rows of a table: distances, copies, and what they are worth for training'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "voxels" -d 'Measure solids: the overlap (IoU) of made voxels with the true ones'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "psnr" -d 'Compute the peak signal-to-noise ratio of pairs of images, in decibels'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "ssim" -d 'Compute the structural similarity of pairs of images'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "ms-ssim" -d 'Compute the multi-scale structural similarity of pairs of images'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "lpips" -d 'Compute the learned perceptual distance of pairs of images (LPIPS 0.1)'
complete -c dl-eval -n "__fish_dl_eval_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l iou -d 'Minimum overlap (IoU) for a detection to match a true box' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l points -d 'How to compute `AP` and `mAP`; the JSON output always has both kinds' -r -f -a "all\t'Area under the whole curve (VOC 2010 and later)'
11\t'Mean precision at recall 0, 0.1, ..., 1 (VOC 2007)'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l curves -d 'Also write the precision and recall after each detection, per class, for dl-draw pr' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l truth -d 'Read the ground truth from a separate file: COCO (.json), records (.jsonl), or a VOC folder' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l detections -d 'Results to compare with --truth: records (.jsonl), joined by `id`, or COCO results (.json), joined by `image_id`' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l split -d 'Use only the images listed in ImageSets/Main/NAME.txt of a VOC folder' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l plus-one -d 'Add 1 to every width and height, for boxes with inclusive coordinates (xmax and ymax are the last pixel), as in VOC\'s own files. The boxes that dl-data writes do not need it'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l iou-type -d 'What to compare: boxes or masks' -r -f -a "bbox\t''
segm\t''"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l max-dets -d 'Use at most N detections per image and class, the best ones. Three increasing numbers: AR1, AR10 and AR100 use the first, second and third; everything else uses the third' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l curves -d 'Also write the precision at recall 0, 0.01, ..., 1 and IoU 0.5, per class, for dl-draw pr' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l truth -d 'Read the ground truth from a separate file: COCO (.json), records (.jsonl), or a VOC folder' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l detections -d 'Results to compare with --truth: records (.jsonl), joined by `id`, or COCO results (.json), joined by `image_id`' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l split -d 'Use only the images listed in ImageSets/Main/NAME.txt of a VOC folder' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l masks -d 'Compare masks; same as --iou-type segm'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l pycocotools -d 'Reproduce pycocotools, quirks included: AP uses 100 detections whatever --max-dets is, and the object with the annotation id 0 is never found'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand coco" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l iou -d 'Minimum overlaps (IoU) for a proposal to cover an object' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l at -d 'Numbers of proposals per image' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l truth -d 'Read the ground truth from a separate file: COCO (.json), records (.jsonl), or a VOC folder' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l detections -d 'Results to compare with --truth: records (.jsonl), joined by `id`, or COCO results (.json), joined by `image_id`' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l split -d 'Use only the images listed in ImageSets/Main/NAME.txt of a VOC folder' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand proposals" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l input -d 'What to score [default: the record\'s predictions, else those of its objects, else those of its detections]' -r -f -a "image\t'The record\'s predictions against its label'
objects\t'Each object\'s predictions against its label; objects marked difficult or crowd are left out'
detections\t'Each detection\'s predictions against the label of the object that it overlaps most'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l task -d 'Score the predictions of this task, of dl-finetune multitask, against the record\'s `labels`' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l iou -d 'Minimum overlap (IoU) for a detection to match an object' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l confusion -d 'Also write the confusion matrix, for dl-draw confusion: rows are true classes, columns predicted ones. With more than 1000 classes, only the counts that are not 0 are written' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l by -d 'Also print the figures of each value of this field, such as domain' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand classify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l model -d 'Model file of a GPT-2, or a Hugging Face model folder' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l records -d 'Also write the records to this file, each with its `nll` (mean over its tokens) and its number of `tokens`' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand fid" -l against -d 'Records of the real samples (.jsonl), with features of the same network and layer; `-` is stdin' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand fid" -l layer -d 'Layer whose features are compared [default: the only one in the records]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand fid" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand fid" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand fid" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand fid" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand fid" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand fid" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand fid" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -l subsets -d 'Number of subsets' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -l subset-size -d 'Rows of each set in a subset [default: 1000, or all rows of the smaller set if it has fewer]' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -l against -d 'Records of the real samples (.jsonl), with features of the same network and layer; `-` is stdin' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -l layer -d 'Layer whose features are compared [default: the only one in the records]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -l exact -d 'Compute the value over all rows, without subsets'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand kid" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand inception-score" -l layer -d 'Layer of the class scores' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand inception-score" -l splits -d 'Number of parts' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand inception-score" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand inception-score" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand inception-score" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand inception-score" -l no-shuffle -d 'Divide the samples in the order of the input; samples sorted by class then get a score that is too low'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand inception-score" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand inception-score" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand inception-score" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand inception-score" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand precision-recall" -l k -d 'How many nearest other rows a ball reaches to' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand precision-recall" -l against -d 'Records of the real samples (.jsonl), with features of the same network and layer; `-` is stdin' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand precision-recall" -l layer -d 'Layer whose features are compared [default: the only one in the records]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand precision-recall" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand precision-recall" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand precision-recall" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand precision-recall" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand precision-recall" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand precision-recall" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand precision-recall" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand duplicates" -l max -d 'List at most N pairs, the nearest first' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand duplicates" -l against -d 'Records of the real samples (.jsonl), with features of the same network and layer; `-` is stdin' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand duplicates" -l layer -d 'Layer whose features are compared [default: the only one in the records]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand duplicates" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand duplicates" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand duplicates" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand duplicates" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand duplicates" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand duplicates" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand duplicates" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand modes" -l against -d 'Records of the real samples (.jsonl), whose shares are the reference' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand modes" -l labels -d 'Classes that should occur equally often: LABEL,... or @FILE with one per line, or @imagenet, @coco, @voc [default: the classes that occur]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand modes" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand modes" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand modes" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand modes" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand modes" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand modes" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand modes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -l folds -d 'Number of parts; each is held out once' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -l cost -d 'C, the inverse of the regularization strength' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -l against -d 'Records of the real samples (.jsonl), with features of the same network and layer; `-` is stdin' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -l layer -d 'Layer whose features are compared [default: the only one in the records]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand two-sample" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -l layer -d 'Layer to compare [default: the only one in the records]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -l gamma -d 'Gamma of the kernel [default: 1 / (2 m^2), where m is the median distance of two rows]' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -l cost -d 'C of the classifier, the inverse of the regularization strength' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand shift" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -l loss -d 'Loss of a source record' -r -f -a "zero-one\t'1 for a wrong class, else 0'
log\t'Minus the logarithm of the label\'s probability'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -l neighbors -d 'Number of neighbors of circular' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -l layer -d 'Layer of circular [default: the only one in the records]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -l temperature -d 'Temperature of density' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand adapt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l real -d 'Table of the real rows that the generator was trained on (.csv, .tsv, also .gz, .jsonl)' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l synthetic -d 'Table of the made rows; `-` is stdin' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l test -d 'Table of real rows that the generator was not trained on' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l label -d 'Column with the class' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l positive -d 'Class that is looked for [default: the rarest]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l categorical -d 'Columns of categories, also if they look like numbers' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l numeric -d 'Columns of numbers, also if they have few values' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l ignore -d 'Columns to leave out' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand table" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voxels" -l field -d 'Field with the made solid' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voxels" -l truth -d 'Field with the true solid' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voxels" -l mean-of -d 'Records (.jsonl) whose mean solid is measured, too: those that the generator was trained on' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voxels" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voxels" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voxels" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voxels" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voxels" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voxels" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand voxels" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l protocol -d 'Whose figures to reproduce' -r -f -a "skimage\t'scikit-image\'s defaults: red, green and blue; SSIM with a uniform window of 7 x 7'
sr\t'Super-resolution papers and BasicSR: luma (BT.601, 16 to 235), a cropped border; SSIM with a Gaussian window of 11 x 11'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l channels -d 'What to compare [default: rgb; y in the protocol sr]' -r -f -a "rgb\t'Red, green and blue'
y\t'Luma (ITU-R BT.601, 16 to 235, not rounded)'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l border -d 'Pixels to crop on each side; in the protocol sr, the factor of the super-resolution [default: 0]' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l exclude -d 'Leave out the pixels from X1,Y1 to before X2,Y2: how well did an edit leave the rest alone?' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l field -d 'Compare with the image in this field of the same record: a path or a data: URI' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l against -d 'Compare with the image of the record of the same `id` in a file of records (.jsonl), or with the image of the same path in a folder' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l records -d 'Also write the records to this file, each with its figure' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand psnr" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l protocol -d 'Whose figures to reproduce' -r -f -a "skimage\t'scikit-image\'s defaults: red, green and blue; SSIM with a uniform window of 7 x 7'
sr\t'Super-resolution papers and BasicSR: luma (BT.601, 16 to 235), a cropped border; SSIM with a Gaussian window of 11 x 11'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l channels -d 'What to compare [default: rgb; y in the protocol sr]' -r -f -a "rgb\t'Red, green and blue'
y\t'Luma (ITU-R BT.601, 16 to 235, not rounded)'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l border -d 'Pixels to crop on each side; in the protocol sr, the factor of the super-resolution [default: 0]' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l field -d 'Compare with the image in this field of the same record: a path or a data: URI' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l against -d 'Compare with the image of the record of the same `id` in a file of records (.jsonl), or with the image of the same path in a folder' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l records -d 'Also write the records to this file, each with its figure' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ssim" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -l field -d 'Compare with the image in this field of the same record: a path or a data: URI' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -l against -d 'Compare with the image of the record of the same `id` in a file of records (.jsonl), or with the image of the same path in a folder' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -l records -d 'Also write the records to this file, each with its figure' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand ms-ssim" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l model -d 'Model file with the convolutions of AlexNet, VGG-16 or SqueezeNet 1.1' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l linear -d 'File with the weights of the channels' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l field -d 'Compare with the image in this field of the same record: a path or a data: URI' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l against -d 'Compare with the image of the record of the same `id` in a file of records (.jsonl), or with the image of the same path in a folder' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l records -d 'Also write the records to this file, each with its figure' -r -F
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Aligned columns; long labels are cut, and `-` is an undefined metric'
json\t'One JSON object on one line'
csv\t'Comma-separated values with a header; an undefined metric is empty. A label that a spreadsheet would read as a formula gets a leading quote mark (\')'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l uncalibrated -d 'Weigh every channel equally; the distances are then not those of LPIPS'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -l strict -d 'Stop at the first record that fails'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand lpips" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "voc" -d 'Compute the average precision per class and its mean, as Pascal VOC does'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "coco" -d 'Compute the twelve COCO metrics, for boxes or masks'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "proposals" -d 'Compute the recall and the average best overlap of the first N proposals'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "classify" -d 'Compute the accuracy, calibration error, and precision, recall, F1 and ROC AUC per class'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "lm" -d 'Compute the negative log-likelihood and the perplexity of texts under a language model'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "fid" -d 'Compute the Fréchet distance between the features of generated and real samples (FID with Inception\'s features)'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "kid" -d 'Compute the kernel distance between the features of generated and real samples (KID with Inception\'s features)'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "inception-score" -d 'Compute the Inception score of class scores: are samples clear, and of many classes?'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "precision-recall" -d 'Compute the precision and recall of generated samples by nearest neighbors'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "duplicates" -d 'Find generated samples that are copies of real ones, by the distance of their features'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "modes" -d 'Count the classes of generated samples, to find classes that a generator never makes'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "two-sample" -d 'Train a fresh classifier to tell generated from real samples by their features'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "shift" -d 'Measure how far apart the features of two domains are'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "adapt" -d 'Choose among runs of a method without labels of the target'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "table" -d 'Measure made rows of a table: distances, copies, and what they are worth for training'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "voxels" -d 'Measure solids: the overlap (IoU) of made voxels with the true ones'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "psnr" -d 'Compute the peak signal-to-noise ratio of pairs of images, in decibels'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "ssim" -d 'Compute the structural similarity of pairs of images'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "ms-ssim" -d 'Compute the multi-scale structural similarity of pairs of images'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "lpips" -d 'Compute the learned perceptual distance of pairs of images (LPIPS 0.1)'
complete -c dl-eval -n "__fish_dl_eval_using_subcommand help; and not __fish_seen_subcommand_from voc coco proposals classify lm fid kid inception-score precision-recall duplicates modes two-sample shift adapt table voxels psnr ssim ms-ssim lpips help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
