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
complete -c dl-propose -n "__fish_dl_propose_needs_command" -f -a "selective-search" -d 'Group similar regions, from small to large (Uijlings et al. 2013)'
complete -c dl-propose -n "__fish_dl_propose_needs_command" -f -a "sliding-window" -d 'Take every place, at every scale and shape: the brute force'
complete -c dl-propose -n "__fish_dl_propose_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l mode -d 'How many strategies to join: single (1), fast (8) or quality (80)' -r -f -a "single\t''
fast\t''
quality\t''"
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l max -d 'At most so many proposals an image' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l min-size -d 'The least number of pixels of an initial region' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l sigma -d 'Standard deviation in pixels of the smoothing before the initial segmentation' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l width -d 'Scale every image to this width first; boxes stay in pixels of the original [default: as it is]' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l max-pixels -d 'Scale a larger image down to so many pixels first; boxes stay in pixels of the original' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l truncated -d 'What to do with an image that is cut off or lacks part of its data' -r -f -a "error\t'Its record fails'
keep\t'Decode what is there, and report it'"
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l seed -d 'Seed of every random draw' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -l strict -d 'Stop at the first record that fails'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand selective-search" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l scales -d 'Square roots of the windows\' areas, in pixels' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l ratios -d 'Shapes of the windows: height / width' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l stride -d 'From one window to the next, as a fraction of the window\'s side' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l max -d 'At most so many windows an image [default: all]' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l truncated -d 'What to do with an image that is cut off or lacks part of its data' -r -f -a "error\t'Its record fails'
keep\t'Decode what is there, and report it'"
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l seed -d 'Seed of every random draw' -r
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -l strict -d 'Stop at the first record that fails'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand sliding-window" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand help; and not __fish_seen_subcommand_from selective-search sliding-window help" -f -a "selective-search" -d 'Group similar regions, from small to large (Uijlings et al. 2013)'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand help; and not __fish_seen_subcommand_from selective-search sliding-window help" -f -a "sliding-window" -d 'Take every place, at every scale and shape: the brute force'
complete -c dl-propose -n "__fish_dl_propose_using_subcommand help; and not __fish_seen_subcommand_from selective-search sliding-window help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
