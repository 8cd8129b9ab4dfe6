# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dl_propose_global_optspecs
    string join \n h/help V/version
end

function __fish_dl_propose_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dl_propose_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dl_propose_using_subcommand
    set -l cmd (__fish_dl_propose_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dl-propose -n "__fish_dl_propose_needs_command" -s h -l help -d 'Print help'
complete -c dl-propose -n "__fish_dl_propose_needs_command" -s V -l version -d 'Print version'
complete -c dl-propose -n "__fish_dl_propose_needs_command" -f -a "selective-search" -d 'Merge similar regions, from small to large (Uijlings et al. 2013)'
complete -c dl-propose -n "__fish_dl_propose_needs_command" -f -a "sliding-window" -d 'Slide windows of every scale and aspect ratio over the image'
complete -c dl-propose -n "__fish_dl_propose_needs_command" -f -a "rpn" -d 'Propose the regions of a detector\'s region proposal network (Ren et al. 2015)'
complete -c dl-propose -n "__fish_dl_propose_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l mode -d 'How many grouping strategies to combine: single (1), fast (8) or quality (80)' -r -f -a "single\t''
fast\t''
quality\t''"
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l max -d 'Propose at most N regions per image' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l min-size -d 'Minimum size of an initial region, in pixels' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l sigma -d 'Standard deviation of the smoothing before the initial segmentation, in pixels' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l width -d 'Scale every image to this width first; boxes still refer to the original [default: no scaling]' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l max-pixels -d 'Scale larger images down to N pixels first; boxes still refer to the original' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l strict -d 'Stop at the first record that fails'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l scales -d 'Square roots of the windows\' areas, in pixels' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l ratios -d 'Aspect ratios of the windows: height / width' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l stride -d 'Distance from one window to the next, as a fraction of the window\'s side' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l max -d 'Propose at most N windows per image [default: all]' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l strict -d 'Stop at the first record that fails'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -l model -d 'Model file: a detector with a region proposal network' -r -F
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -l arch -d 'Architecture of the detector, if the file does not state it' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -l max -d 'Propose at most N regions per image [default: that of the detector\'s recipe]' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -l strict -d 'Stop at the first record that fails'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand rpn" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand help; and not __fish_seen_subcommand_from selective-search sliding-window rpn help" -f -a "selective-search" -d 'Merge similar regions, from small to large (Uijlings et al. 2013)'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand help; and not __fish_seen_subcommand_from selective-search sliding-window rpn help" -f -a "sliding-window" -d 'Slide windows of every scale and aspect ratio over the image'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand help; and not __fish_seen_subcommand_from selective-search sliding-window rpn help" -f -a "rpn" -d 'Propose the regions of a detector\'s region proposal network (Ren et al. 2015)'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand help; and not __fish_seen_subcommand_from selective-search sliding-window rpn help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
