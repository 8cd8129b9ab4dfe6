# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dl_draw_global_optspecs
    string join \n h/help V/version
end

function __fish_dl_draw_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dl_draw_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dl_draw_using_subcommand
    set -l cmd (__fish_dl_draw_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dl-draw -n "__fish_dl_draw_needs_command" -s h -l help -d 'Print help'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -s V -l version -d 'Print version'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "boxes" -d 'Draw each record\'s boxes on its picture'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "grid" -d 'Draw the records as one grid of annotated pictures with captions'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "pr" -d 'Draw precision-recall curves, as dl-eval\'s --curves writes them'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "confusion" -d 'Draw a confusion matrix, as dl-eval\'s --confusion writes it'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "curves" -d 'Draw how losses and accuracies went, as dl-finetune\'s --log writes them'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "lines" -d 'Draw one figure against another, with a line for each value of a third'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l output-dir -d 'Folder for the drawings; it is made' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l what -d 'What to draw [default: detections and objects; proposals where a record has neither]' -r -f -a "detections\t'What was found: solid lines; beside the truth, ticked when right, crossed and dashed black when wrong'
objects\t'The truth: lines dashed in green and white'
proposals\t'Regions: thin lines, yellow for the best to blue for the last'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l score -d 'Leave out detections with a lower score' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l max -d 'Draw at most N detections and N proposals, the best ones' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l iou -d 'Overlap with an object of its class from which a detection counts as right' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l truncated -d 'What to do with an image that is cut off or lacks part of its data' -r -f -a "error\t'Its record fails'
keep\t'Decode what is there, and report it'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l zoom -d 'Enlarge the pictures N times before drawing [default: small ones to about 640 pixels]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l format -d 'Format of the drawings' -r -f -a "jpg\t'Small'
png\t'Exact'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l seed -d 'Seed of every random draw' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l masks -d 'Tint the pixels of masks'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l output -d 'The grid: a .png or .jpg file' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l columns -d 'Pictures side by side' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l cell -d 'Width and height of a picture\'s place, in pixels' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l rows -d 'Rows of pictures at most; records beyond them pass through undrawn' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l what -d 'What to draw [default: detections and objects; proposals where a record has neither]' -r -f -a "detections\t'What was found: solid lines; beside the truth, ticked when right, crossed and dashed black when wrong'
objects\t'The truth: lines dashed in green and white'
proposals\t'Regions: thin lines, yellow for the best to blue for the last'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l score -d 'Leave out detections with a lower score' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l max -d 'Draw at most N detections and N proposals, the best ones' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l iou -d 'Overlap with an object of its class from which a detection counts as right' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l truncated -d 'What to do with an image that is cut off or lacks part of its data' -r -f -a "error\t'Its record fails'
keep\t'Decode what is there, and report it'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l seed -d 'Seed of every random draw' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l masks -d 'Tint the pixels of masks'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l output -d 'The chart: a .png, .jpg or .svg file' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l width -d 'Width of the chart in pixels' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l height -d 'Height of the chart in pixels' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l title -d 'Words above the chart [default: the mean of the average precisions]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l seed -d 'Seed of every random draw' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l output -d 'The picture: a .png, .jpg or .svg file' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l cell -d 'Side of a cell in pixels [default: 6 to 64, by the number of classes]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l max -d 'Draw at most N classes, those that are most often confused with others' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l seed -d 'Seed of every random draw' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l output -d 'The charts: a .png, .jpg or .svg file' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l figures -d 'Figures to draw, without val_ [default: all but iteration, epoch, lr and seconds]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l width -d 'Width of the charts in pixels' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l height -d 'Height of each chart in pixels' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l seed -d 'Seed of every random draw' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l x -d 'Key of what goes to the right' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l y -d 'Key of what goes up' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l by -d 'Key that tells the lines apart [default: one line]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l output -d 'The chart: a .png, .jpg or .svg file' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l width -d 'Width of the chart in pixels' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l height -d 'Height of the chart in pixels' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l title -d 'Words above the chart' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l seed -d 'Seed of every random draw' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l log-x -d 'Steps to the right are factors'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid pr confusion curves lines help" -f -a "boxes" -d 'Draw each record\'s boxes on its picture'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid pr confusion curves lines help" -f -a "grid" -d 'Draw the records as one grid of annotated pictures with captions'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid pr confusion curves lines help" -f -a "pr" -d 'Draw precision-recall curves, as dl-eval\'s --curves writes them'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid pr confusion curves lines help" -f -a "confusion" -d 'Draw a confusion matrix, as dl-eval\'s --confusion writes it'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid pr confusion curves lines help" -f -a "curves" -d 'Draw how losses and accuracies went, as dl-finetune\'s --log writes them'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid pr confusion curves lines help" -f -a "lines" -d 'Draw one figure against another, with a line for each value of a third'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid pr confusion curves lines help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
