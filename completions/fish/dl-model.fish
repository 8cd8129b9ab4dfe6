# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dl_model_global_optspecs
    string join \n h/help V/version
end

function __fish_dl_model_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dl_model_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dl_model_using_subcommand
    set -l cmd (__fish_dl_model_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dl-model -n "__fish_dl_model_needs_command" -s h -l help -d 'Print help'
complete -c dl-model -n "__fish_dl_model_needs_command" -s V -l version -d 'Print version'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "info" -d 'Describe model files: format, config, number of tensors and weights, types, license, SHA-256'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "list" -d 'List the networks that dl-tools supports, and the names of weights to fetch'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "summary" -d 'List the layers of a network: output shape, parameters, multiply-adds, memory'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "convert" -d 'Convert a model file of any format to dl-tools\' format'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "export" -d 'Export a network to ONNX'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "fetch" -d 'Download model files into a cache'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "bench" -d 'Measure the speed of a network on this machine'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Human-readable text'
json\t'One JSON object per line'"
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -l tensors -d 'List the tensors and their shapes'
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Human-readable text'
json\t'One JSON object per line'"
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l arch -d 'Architecture; see dl-model list. Needed without FILE, and for a file of bare weights' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l size -d 'Side of the image in pixels [default: the network\'s input size]' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l tokens -d 'Number of tokens in the text [default: the maximum that the network reads]' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Human-readable text'
json\t'One JSON object per line'"
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l dtype -d 'Number type to store the weights as [default: as in the file]' -r -f -a "f16\t'Half precision: 11 significant bits, up to 65504'
bf16\t'bfloat16: 8 significant bits, the range of f32'
f32\t'Single precision'"
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l arch -d 'Architecture of a file that does not state it; see dl-model list. All of its tensors must fit' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l labels -d 'Class names in the order of the scores: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l mean -d 'Caffe\'s mean image (.binaryproto); its mean per channel is stored in the config' -r -F
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l license -d 'License of the weights, as an SPDX identifier' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l svd -d 'Truncate fc6 and fc7 of a two-stage detector to these ranks, by singular value decomposition' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand export" -l onnx -d 'ONNX file to write' -r -F
complete -c dl-model -n "__fish_dl_model_using_subcommand export" -l layer -d 'Layers to export as outputs [default: the scores of the classes, `logits`]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand export" -l arch -d 'Architecture of a file that does not state it; see dl-model list' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand export" -l size -d 'Side of the input of a generator that turns images into images, in pixels' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand export" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand export" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand export" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-model -n "__fish_dl_model_using_subcommand export" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-model -n "__fish_dl_model_using_subcommand export" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l output -d 'Also copy the model to FILE' -r -F
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l cache-dir -d 'Folder of the cache [default: dl-tools in $XDG_CACHE_HOME or ~/.cache]' -r -f -a "(__fish_complete_directories)"
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l sha256 -d 'Expected SHA-256 of the file' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l retries -d 'Retries in a row without progress before giving up' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l max-bytes -d 'Refuse files of more than N bytes; K, M and G stand for thousand, million and billion' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l format -d 'Output format [default: table on a terminal, otherwise json]' -r -f -a "table\t'Human-readable text'
json\t'One JSON object per line'"
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l offline -d 'Use cached files only; fail if the file is not in the cache'
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l arch -d 'Architecture to measure, with random weights unless --model is given; see dl-model list' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l model -d 'Model file to measure' -r -F
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l batch -d 'Images per batch, at most 4096' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l size -d 'Side of the images in pixels [default: the network\'s input size]' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l layer -d 'Layer to stop at' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l dtype -d 'Number type to compute with' -r -f -a "f32\t'Single precision'"
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l engine -d 'Implementation to measure' -r -f -a "plan\t'The fused plan for inference on the CPU; graph on other devices'
graph\t'One operation after another, as in training'
candle\t'candle\'s operations, for comparison'
train\t'A training step: forward, backward, SGD with momentum'"
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l seconds -d 'Seconds to measure for, at most 600; at least five batches are run' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert export fetch bench help" -f -a "info" -d 'Describe model files: format, config, number of tensors and weights, types, license, SHA-256'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert export fetch bench help" -f -a "list" -d 'List the networks that dl-tools supports, and the names of weights to fetch'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert export fetch bench help" -f -a "summary" -d 'List the layers of a network: output shape, parameters, multiply-adds, memory'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert export fetch bench help" -f -a "convert" -d 'Convert a model file of any format to dl-tools\' format'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert export fetch bench help" -f -a "export" -d 'Export a network to ONNX'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert export fetch bench help" -f -a "fetch" -d 'Download model files into a cache'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert export fetch bench help" -f -a "bench" -d 'Measure the speed of a network on this machine'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert export fetch bench help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
