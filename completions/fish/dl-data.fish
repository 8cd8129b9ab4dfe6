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
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "from" -d 'Read a dataset and write one record for each image or text'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "to" -d 'Write records as a dataset in another format'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "split" -d 'Split records at random, reproducibly for the same --seed and ids'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "select" -d 'Print the records that meet all conditions, unchanged'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "shard" -d 'Print part I of N: every N-th record, starting at the I-th'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "check" -d 'Find missing and broken images, wrong sizes, boxes, masks and labels, and duplicate ids'
complete -c dl-data -n "__fish_dl_data_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "voc" -d 'Read Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "coco" -d 'Read COCO: one JSON file with images, categories and annotations'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "yolo" -d 'Read YOLO: images, text files with normalized boxes, and data.yaml or a list of class names'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "folder" -d 'Read images from folders, one folder per class, or from a single folder'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "idx" -d 'Read IDX: the files of MNIST, Fashion-MNIST and EMNIST as downloaded, plain or gzipped'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "labelme" -d 'Read labelme: one JSON file per image'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "cvat" -d 'Read CVAT for images 1.1: one XML file with images, boxes, polygons and masks'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "label-studio" -d 'Read Label Studio: one JSON file with tasks for images or texts'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "lines" -d 'Read texts, one per line'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "csv" -d 'Read a table with a column of texts or image paths, and a column of labels'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and not __fish_seen_subcommand_from voc coco yolo folder idx labelme cvat label-studio lines csv help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -l split -d 'Lists in ImageSets/Main, or folders, to read in this order [default: all annotations, sorted by name]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -l domain -d 'Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from voc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -l images -d 'Folder that the image file names are relative to [default: the folder of ANN.json]' -r -f -a "(__fish_complete_directories)"
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -l domain -d 'Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from coco" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l split -d 'Splits to read, in this order [default: all]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l labels -d 'Names of the classes 0, 1, 2, ...: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc [default: those that the dataset states]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l obb -d 'What to do with oriented boxes (a class and four corners per line, or DOTA\'s format) [default: read four corners as a polygon; refuse DOTA\'s format]' -r -f -a "box\t'Use the bounding box of the corners'
refuse\t'Report and skip them'"
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l domain -d 'Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l predictions -d 'Read the output of a detector, with a confidence at the end of each line, into `detections` instead of `objects`'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from yolo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -l domain -d 'Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -l no-labels -d 'Do not set labels: the folders are not classes'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from folder" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l split -d 'Split to read: train or test (t10k), or letters-train and so on if the folder has several EMNIST datasets' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l labels -d 'Names of the classes 0, 1, 2, ...: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc [default: those of the mapping file, or the numbers]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l domain -d 'Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from idx" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -l images -d 'Folder with the images, if they are not beside their JSON files' -r -f -a "(__fish_complete_directories)"
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -l domain -d 'Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from labelme" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -l images -d 'Folder that the image file names are relative to [default: the folder of ANN.xml]' -r -f -a "(__fish_complete_directories)"
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -l domain -d 'Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from cvat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l images -d 'Folder with the images [default: the folder of FILE.json]' -r -f -a "(__fish_complete_directories)"
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l domain -d 'Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l predictions -d 'Read the last prediction of each task into `detections`'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from label-studio" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -l domain -d 'Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from lines" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l text -d 'Column with the text' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l label -d 'Column with the label' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l id -d 'Column with the id [default: FILE:LINE]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l image -d 'Column with the image path' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l images -d 'Folder that the image paths are relative to [default: the folder of FILE]' -r -f -a "(__fish_complete_directories)"
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l delimiter -d 'Cell delimiter: one character, tab, or auto (a tab in .tsv files, otherwise whichever of , ; | and tab is most frequent in the first line)' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l domain -d 'Set the field `domain` of every record, and begin its id with NAME/, so that the ids of several datasets differ' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l no-header -d 'Treat the first row as data; columns are named 1, 2, 3, ...'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l no-quotes -d 'Treat quotes as ordinary characters'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from csv" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "voc" -d 'Read Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "coco" -d 'Read COCO: one JSON file with images, categories and annotations'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "yolo" -d 'Read YOLO: images, text files with normalized boxes, and data.yaml or a list of class names'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "folder" -d 'Read images from folders, one folder per class, or from a single folder'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "idx" -d 'Read IDX: the files of MNIST, Fashion-MNIST and EMNIST as downloaded, plain or gzipped'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "labelme" -d 'Read labelme: one JSON file per image'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "cvat" -d 'Read CVAT for images 1.1: one XML file with images, boxes, polygons and masks'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "label-studio" -d 'Read Label Studio: one JSON file with tasks for images or texts'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "lines" -d 'Read texts, one per line'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "csv" -d 'Read a table with a column of texts or image paths, and a column of labels'
complete -c dl-data -n "__fish_dl_data_using_subcommand from; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -f -a "coco" -d 'Write COCO annotations of the ground truth (`objects`)'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -f -a "coco-results" -d 'Write `detections` as a COCO results list'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -f -a "voc" -d 'Write Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -f -a "yolo" -d 'Write YOLO: images/, labels/*.txt with normalized centers, and data.yaml'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and not __fish_seen_subcommand_from coco coco-results voc yolo help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l output -d 'File to write [default: stdout]' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l truth -d 'COCO file whose image and category ids to use' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l labels -d 'Labels to number from 1, in this order: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -l output -d 'File to write [default: stdout]' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -l truth -d 'COCO file whose image and category ids to use [default: those in the records]' -r -F
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from coco-results" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -l split -d 'Name of the list in ImageSets/Main' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -l images -d 'What to do with the image files' -r -f -a "copy\t'Copy them'
link\t'Make symbolic links to them'
leave\t'Leave them where they are; write only the annotations'"
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from voc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l split -d 'Write to images/NAME and labels/NAME' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l labels -d 'Names of the classes 0, 1, 2, ...: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l images -d 'What to do with the image files' -r -f -a "copy\t'Copy them'
link\t'Make symbolic links to them'
leave\t'Leave them where they are; write only the annotations'"
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l polygons -d 'Write polygons instead of boxes, for objects with a single polygon'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from yolo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from help" -f -a "coco" -d 'Write COCO annotations of the ground truth (`objects`)'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from help" -f -a "coco-results" -d 'Write `detections` as a COCO results list'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from help" -f -a "voc" -d 'Write Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from help" -f -a "yolo" -d 'Write YOLO: images/, labels/*.txt with normalized centers, and data.yaml'
complete -c dl-data -n "__fish_dl_data_using_subcommand to; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l fractions -d 'Fraction of each part; the sum must be 1' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l parts -d 'Names of the parts [default: train,test for two, train,val,test for three]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l output-dir -d 'Write each part to DIR/PART.jsonl instead of stdout' -r -f -a "(__fish_complete_directories)"
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l stratify -d 'Give each part its exact fraction of every label (`label`, or the set of labels of `objects`); needs a temporary file for all records'
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand split" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l domain -d 'Domains to keep' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l label -d 'Labels to keep' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l where -d 'Condition to meet; repeat for several' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l central -d 'Of the records that meet the conditions, keep the N most central of each --group by their features, for example to summarize documents by their sentences' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l sample -d 'Of the records that meet the conditions, keep N of each --group at random; which ones depends on --seed and their ids, not on their order' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l group -d 'Field whose values are the groups of --central or --sample [default: all records are one]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l layer -d 'Layer of --central [default: the only one in the records]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l centrality -d 'How central a record is, for --central' -r -f -a "lexrank\t'Visits of a random walk between similar records (LexRank; Erkan and Radev 2004)'
centroid\t'Cosine to the mean'"
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l repeat -d 'Skip a record whose features have a cosine above this with one that is kept, for --central' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l invert -d 'Print the other records instead'
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand select" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand shard" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l labels -d 'Known labels: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc; any other label is a finding [default: accept any label]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l empty -d 'Treat a box as empty if its width or height is at most this; a VOC box with xmin = xmax has a width of 1' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l grid -d 'Cells per side of YOLOv1\'s grid, to count the objects that it loses' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l fix -d 'Write the records with the problems fixed'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l headers -d 'Read only the image headers: faster, but does not notice truncated images'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -l strict -d 'Stop at the first record that fails'
complete -c dl-data -n "__fish_dl_data_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split select shard check help" -f -a "from" -d 'Read a dataset and write one record for each image or text'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split select shard check help" -f -a "to" -d 'Write records as a dataset in another format'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split select shard check help" -f -a "split" -d 'Split records at random, reproducibly for the same --seed and ids'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split select shard check help" -f -a "select" -d 'Print the records that meet all conditions, unchanged'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split select shard check help" -f -a "shard" -d 'Print part I of N: every N-th record, starting at the I-th'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split select shard check help" -f -a "check" -d 'Find missing and broken images, wrong sizes, boxes, masks and labels, and duplicate ids'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and not __fish_seen_subcommand_from from to split select shard check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "voc" -d 'Read Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "coco" -d 'Read COCO: one JSON file with images, categories and annotations'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "yolo" -d 'Read YOLO: images, text files with normalized boxes, and data.yaml or a list of class names'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "folder" -d 'Read images from folders, one folder per class, or from a single folder'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "idx" -d 'Read IDX: the files of MNIST, Fashion-MNIST and EMNIST as downloaded, plain or gzipped'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "labelme" -d 'Read labelme: one JSON file per image'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "cvat" -d 'Read CVAT for images 1.1: one XML file with images, boxes, polygons and masks'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "label-studio" -d 'Read Label Studio: one JSON file with tasks for images or texts'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "lines" -d 'Read texts, one per line'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from from" -f -a "csv" -d 'Read a table with a column of texts or image paths, and a column of labels'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from to" -f -a "coco" -d 'Write COCO annotations of the ground truth (`objects`)'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from to" -f -a "coco-results" -d 'Write `detections` as a COCO results list'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from to" -f -a "voc" -d 'Write Pascal VOC: JPEGImages/, Annotations/*.xml, ImageSets/Main/SPLIT.txt'
complete -c dl-data -n "__fish_dl_data_using_subcommand help; and __fish_seen_subcommand_from to" -f -a "yolo" -d 'Write YOLO: images/, labels/*.txt with normalized centers, and data.yaml'
