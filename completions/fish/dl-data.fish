# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dl_data_global_optspecs
    string join \n h/help V/version
end

function __fish_dl_data_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dl_data_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dl_data_using_subcommand
    set -l cmd (__fish_dl_data_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dl-data -n "__fish_dl_data_needs_command" -s h -l help -d 'Print help'
complete -c dl-data -n "__fish_dl_data_needs_command" -s V -l version -d 'Print version'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "from" -d 'Reads a dataset and writes one record for each image or text'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "to" -d 'Writes records as a dataset of another format'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "split" -d 'Splits the records by chance, the same way for the same --seed and ids'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "shard" -d 'Passes part I of N of the records on: every N-th, so that the parts differ by one record at most'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "check" -d 'Find images that are missing or broken, wrong sizes, boxes, masks and labels, and repeated ids'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "voc" -d 'Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "coco" -d 'COCO: one JSON file with images, categories and annotations'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "yolo" -d 'YOLO: images, text files with normalized boxes, and data.yaml or a list of the classes'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "folder" -d 'Images in folders, one for each class, or just images'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "idx" -d 'IDX: the files of MNIST, Fashion-MNIST and EMNIST as they are downloaded, plain or gzipped'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "labelme" -d 'labelme: one JSON file an image'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "cvat" -d 'CVAT for images 1.1: one XML file with images, boxes, polygons and masks'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "label-studio" -d 'Label Studio: one JSON file with tasks, of images or texts'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "lines" -d 'Texts, one a line'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "csv" -d 'A table: a column of texts or images, and one of labels'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -l split -d 'Lists in ImageSets/Main, or folders, to read one after another [default: all annotations, by name]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -l images -d 'The folder that the pictures\' file names are relative to [default: that of ANN.json]' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l split -d 'Splits to read, one after another [default: all there is]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l names -d 'Names of the classes 0, 1, 2, ... [default: as data.yaml or classes.txt says]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l obb -d 'What to do with oriented boxes, a class and four corners or lines of DOTA [default: read four corners as a polygon, refuse DOTA]' -r -f -a "box\t'Take the box around the corners'
refuse\t'Report them and leave them out'"
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l predictions -d 'The lines are what a detector found, with a confidence at the end: write `detections`, not `objects`'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -l no-labels -d 'The folders are not classes: no labels'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l split -d 'The split: train, or test (t10k); letters-train where several of EMNIST\'s are there' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l names -d 'Names of the labels 0, 1, 2, ... [default: the mapping file\'s, or the numbers]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -l images -d 'Where images are that do not lie beside their JSON file' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -l images -d 'The folder that the images\' names are relative to [default: that of ANN.xml]' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l images -d 'The folder with the images [default: that of FILE.json]' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l predictions -d 'Read the last prediction of each task, as detections'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l text -d 'The column of the text' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l label -d 'The column of the label' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l id -d 'The column of the id [default: FILE:LINE]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l image -d 'The column of the image\'s path' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l images -d 'The folder that the images\' paths are relative to [default: that of FILE]' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l delimiter -d 'What separates cells: a letter, tab, or auto: a tab in .tsv, else what the first line has most of , ; | and tab' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l no-header -d 'The first row is a sample; columns are called 1, 2, 3, ...'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l no-quotes -d 'Read quotes as letters like others'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "voc" -d 'Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "coco" -d 'COCO: one JSON file with images, categories and annotations'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "yolo" -d 'YOLO: images, text files with normalized boxes, and data.yaml or a list of the classes'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "folder" -d 'Images in folders, one for each class, or just images'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "idx" -d 'IDX: the files of MNIST, Fashion-MNIST and EMNIST as they are downloaded, plain or gzipped'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "labelme" -d 'labelme: one JSON file an image'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "cvat" -d 'CVAT for images 1.1: one XML file with images, boxes, polygons and masks'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "label-studio" -d 'Label Studio: one JSON file with tasks, of images or texts'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "lines" -d 'Texts, one a line'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "csv" -d 'A table: a column of texts or images, and one of labels'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -f -a "coco" -d 'COCO annotations of the truth (`objects`)'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -f -a "coco-results" -d 'COCO\'s result list of what was found (`detections`)'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -f -a "voc" -d 'Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -f -a "yolo" -d 'YOLO: images/, labels/*.txt with normalised centres, and data.yaml'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l output -d 'The file to write [default: stdout]' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l truth -d 'A COCO file whose ids of pictures and categories are used' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l labels -d 'Labels to number from 1 in this order' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -l output -d 'The file to write [default: stdout]' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -l truth -d 'The COCO file with the ids of pictures and categories' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -l split -d 'Name of the list in ImageSets/Main' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -l images -d 'What to do with the pictures' -r -f -a "copy\t'Copy them'
link\t'Make symbolic links to them'
leave\t'Leave them where they are; write only the truth'"
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l split -d 'Write to images/NAME and labels/NAME' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l names -d 'Names of the classes 0, 1, 2, ...' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l images -d 'What to do with the pictures' -r -f -a "copy\t'Copy them'
link\t'Make symbolic links to them'
leave\t'Leave them where they are; write only the truth'"
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l polygons -d 'Write objects that have one polygon as polygons instead of boxes'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from help" -f -a "coco" -d 'COCO annotations of the truth (`objects`)'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from help" -f -a "coco-results" -d 'COCO\'s result list of what was found (`detections`)'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from help" -f -a "voc" -d 'Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from help" -f -a "yolo" -d 'YOLO: images/, labels/*.txt with normalised centres, and data.yaml'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l fractions -d 'The share of each part; together 1' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l names -d 'The parts\' names [default: train,test for two, train,val,test for three]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l output-dir -d 'Write DIR/NAME.jsonl for each part instead of stdout' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l stratify -d 'Give each part its exact share of every label (`label`, or else the set of the labels of `objects`); keeps all records in a temporary file first'
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -s h -l help -d 'Print help'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l labels -d 'The labels that are known [default: any]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l labels-from -d 'A file with the labels that are known, one a line' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l empty -d 'A box is empty when its width or height is at most so many pixels; 1 is what VOC\'s xmin = xmax becomes' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l truncated -d 'What to do with an image that is cut off or lacks part of its data' -r -f -a "error\t'Its record fails'
keep\t'Decode what is there, and report it'"
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l seed -d 'Seed of every random draw' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l fix -d 'Write the records with what is wrong put right'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l headers -d 'Read only the headers of the images: faster, and blind to an image that is cut off'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split shard check help" -f -a "from" -d 'Reads a dataset and writes one record for each image or text'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split shard check help" -f -a "to" -d 'Writes records as a dataset of another format'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split shard check help" -f -a "split" -d 'Splits the records by chance, the same way for the same --seed and ids'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split shard check help" -f -a "shard" -d 'Passes part I of N of the records on: every N-th, so that the parts differ by one record at most'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split shard check help" -f -a "check" -d 'Find images that are missing or broken, wrong sizes, boxes, masks and labels, and repeated ids'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split shard check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "voc" -d 'Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "coco" -d 'COCO: one JSON file with images, categories and annotations'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "yolo" -d 'YOLO: images, text files with normalized boxes, and data.yaml or a list of the classes'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "folder" -d 'Images in folders, one for each class, or just images'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "idx" -d 'IDX: the files of MNIST, Fashion-MNIST and EMNIST as they are downloaded, plain or gzipped'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "labelme" -d 'labelme: one JSON file an image'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "cvat" -d 'CVAT for images 1.1: one XML file with images, boxes, polygons and masks'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "label-studio" -d 'Label Studio: one JSON file with tasks, of images or texts'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "lines" -d 'Texts, one a line'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "csv" -d 'A table: a column of texts or images, and one of labels'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from to" -f -a "coco" -d 'COCO annotations of the truth (`objects`)'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from to" -f -a "coco-results" -d 'COCO\'s result list of what was found (`detections`)'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from to" -f -a "voc" -d 'Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from to" -f -a "yolo" -d 'YOLO: images/, labels/*.txt with normalised centres, and data.yaml'
