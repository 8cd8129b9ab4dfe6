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
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "info" -d 'What files hold: their format, config, numbers of tensors and weights, types, licence, SHA-256'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "list" -d 'The networks that dl-embed and others can run'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "summary" -d 'The layers of a network: output shape, parameters, multiply-adds, memory'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "convert" -d 'A model file of any format as one of ours'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "fetch" -d 'Model files from the net into a cache, once'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "bench" -d 'How long a network takes on this machine'
complete -c dl-model -n "__fish_dl_model_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -l format -d 'table for people, json: one object a line [default: table on a terminal, json otherwise]' -r -f -a "table\t'Lines for people'
json\t'One JSON object a line'"
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -l seed -d 'Seed of every random draw' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -l tensors -d 'List the tensors too, with their shapes'
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -l format -d 'table for people, json: one object a line [default: table on a terminal, json otherwise]' -r -f -a "table\t'Lines for people'
json\t'One JSON object a line'"
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -l seed -d 'Seed of every random draw' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l arch -d 'A network of the table (see dl-model list); with a file of bare weights, what it is' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l size -d 'Side of the picture in pixels [default: the network\'s own]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l tokens -d 'Tokens of the text [default: of the longest that the network reads]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l format -d 'table for people, json: one object [default: table on a terminal, json otherwise]' -r -f -a "table\t'Lines for people'
json\t'One JSON object a line'"
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l seed -d 'Seed of every random draw' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand summary" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l to -d 'How to store the weights [default: as they are]' -r -f -a "f16\t'Half precision, 11 bits, up to 65504'
bf16\t'Half precision, 8 bits, as far as single'
f32\t'Single precision'"
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l arch -d 'What network it is, for a file that does not say (see dl-model list); all of it must fit' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l labels -d 'Names of the classes, one a line, in the order of the scores' -r -F
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l mean -d 'Caffe\'s mean image (.binaryproto): the mean of each channel goes into the config' -r -F
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l licence -d 'Licence of the weights, as an SPDX name' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l seed -d 'Seed of every random draw' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l cache-dir -d 'Where fetched files are kept [default: dl-tools in $XDG_CACHE_HOME or ~/.cache]' -r -F
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l sha256 -d 'The SHA-256 that the file must have' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l retries -d 'Attempts after one that brought nothing' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l max-bytes -d 'Give up a file that has, or turns out to have, more bytes' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l format -d 'table for people, json: one object a line [default: table on a terminal, json otherwise]' -r -f -a "table\t'Lines for people'
json\t'One JSON object a line'"
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l seed -d 'Seed of every random draw' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l offline -d 'Take the file from the cache, or fail; ask no server'
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l arch -d 'A network of the table, with random weights (see dl-model list)' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l model -d 'A model file' -r -F
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l batch -d 'Pictures at a time, at most 4096' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l size -d 'Side of the pictures in pixels [default: the network\'s own]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l layer -d 'The layer to stop at' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l precision -d 'The numbers to compute with' -r -f -a "f32\t'Single precision'"
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l engine -d 'What runs it' -r -f -a "plan\t'The fused plan of inference, on the CPU; elsewhere as graph'
graph\t'One operation after the other, as in training'
candle\t'candle\'s own operations, for comparison'
train\t'A step of training: forward, backward, SGD with momentum'"
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l seconds -d 'How long to measure, in seconds, at most 600; at least five runs are made' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l device -d 'Where to compute: cpu, cuda:N or metal' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l seed -d 'Seed of every random draw' -r
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -l strict -d 'Stop at the first record that fails'
complete -c dl-model -n "__fish_dl_model_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert fetch bench help" -f -a "info" -d 'What files hold: their format, config, numbers of tensors and weights, types, licence, SHA-256'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert fetch bench help" -f -a "list" -d 'The networks that dl-embed and others can run'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert fetch bench help" -f -a "summary" -d 'The layers of a network: output shape, parameters, multiply-adds, memory'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert fetch bench help" -f -a "convert" -d 'A model file of any format as one of ours'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert fetch bench help" -f -a "fetch" -d 'Model files from the net into a cache, once'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert fetch bench help" -f -a "bench" -d 'How long a network takes on this machine'
complete -c dl-model -n "__fish_dl_model_using_subcommand help; and not __fish_seen_subcommand_from info list summary convert fetch bench help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
