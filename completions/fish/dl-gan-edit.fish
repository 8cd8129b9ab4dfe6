# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dl_gan_edit_global_optspecs
    string join \n h/help V/version
end

function __fish_dl_gan_edit_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dl_gan_edit_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dl_gan_edit_using_subcommand
    set -l cmd (__fish_dl_gan_edit_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -s h -l help -d 'Print help'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -s V -l version -d 'Print version'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "super-resolve" -d 'Enlarge images: 2, 3, 4 or 8 times as high and wide, as the model was trained'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "translate" -d 'Translate images into another domain, as the model was trained: photos into paintings, faces into faces with sunglasses'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l model -d 'Model file of a generator: safetensors, or a PyTorch file whose tensors show the architecture' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l output-dir -d 'Folder for the results; created if it does not exist. The result of the record with the id `street/7` is DIR/street/7.png; a file that dl-gan-edit has not written is never replaced [default: each result is a `data:` URI in its record]' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l format -d 'Format of the results' -r -f -a "png\t'Lossless'
jpg\t'Smaller files, without transparency'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l tile -d 'Side of the tiles that a large image is cut into, in pixels; less takes less memory [default: by the network]' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l model -d 'Model file of a generator: safetensors, or a PyTorch file whose tensors show the architecture' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l output-dir -d 'Folder for the results; created if it does not exist. The result of the record with the id `street/7` is DIR/street/7.png; a file that dl-gan-edit has not written is never replaced [default: each result is a `data:` URI in its record]' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l format -d 'Format of the results' -r -f -a "png\t'Lossless'
jpg\t'Smaller files, without transparency'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l tile -d 'Side of the tiles that a large image is cut into, in pixels; less takes less memory [default: by the network]' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate help" -f -a "super-resolve" -d 'Enlarge images: 2, 3, 4 or 8 times as high and wide, as the model was trained'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate help" -f -a "translate" -d 'Translate images into another domain, as the model was trained: photos into paintings, faces into faces with sunglasses'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
