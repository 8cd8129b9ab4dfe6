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
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "boxes" -d 'Draw each record\'s boxes on its image'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "grid" -d 'Draw records as one grid of annotated images with captions'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "html" -d 'Write an HTML page to view records in a browser'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "pr" -d 'Draw the precision-recall curves that dl-eval --curves writes'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "confusion" -d 'Draw the confusion matrix that dl-eval classify --confusion writes'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "curves" -d 'Draw the losses and accuracies that --log of dl-finetune and dl-gan-train writes'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "lines" -d 'Draw a table as a line chart'
complete -c dl-draw -n "__fish_dl_draw_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l output-dir -d 'Folder for the drawings; created if it does not exist' -r -f -a "(__fish_complete_directories)"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l zoom -d 'Enlarge images N times before drawing [default: enlarge small images to about 640 pixels]' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l format -d 'Format of the drawings' -r -f -a "jpg\t'Smaller files'
png\t'Lossless'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l show -d 'What to draw [default: detections and objects; proposals if a record has neither]' -r -f -a "detections\t'Solid lines; with ground truth, ✓ if correct, ✗ and dashed black if wrong'
objects\t'Ground truth, dashed in green and white'
proposals\t'Thin lines, from yellow for the best to blue for the last'
cell-boxes\t'The boxes of YOLOv1\'s cells, the thicker the more confident (dl-detect --cells)'
cell-classes\t'The most likely class of each of YOLOv1\'s cells, as a tint'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l score -d 'Hide detections with a lower score [default: 0.5 for probabilities; 0 for margins, that is, from the first record with a score outside 0 to 1]' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l max -d 'Draw at most N detections and N proposals per image, the best ones' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l iou -d 'Minimum overlap (IoU) with an object of its class for a detection to be correct' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l font -d 'Font for characters that the built-in DejaVu Sans lacks (.ttf, .otf, .ttc); may be repeated' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l masks -d 'Tint the pixels of masks'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand boxes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l output -d 'File to write: .png or .jpg' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l columns -d 'Number of columns' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l cell -d 'Width and height of a cell, in pixels' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l rows -d 'Draw at most N rows; further records pass through undrawn' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l show -d 'What to draw [default: detections and objects; proposals if a record has neither]' -r -f -a "detections\t'Solid lines; with ground truth, ✓ if correct, ✗ and dashed black if wrong'
objects\t'Ground truth, dashed in green and white'
proposals\t'Thin lines, from yellow for the best to blue for the last'
cell-boxes\t'The boxes of YOLOv1\'s cells, the thicker the more confident (dl-detect --cells)'
cell-classes\t'The most likely class of each of YOLOv1\'s cells, as a tint'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l score -d 'Hide detections with a lower score [default: 0.5 for probabilities; 0 for margins, that is, from the first record with a score outside 0 to 1]' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l max -d 'Draw at most N detections and N proposals per image, the best ones' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l iou -d 'Minimum overlap (IoU) with an object of its class for a detection to be correct' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l font -d 'Font for characters that the built-in DejaVu Sans lacks (.ttf, .otf, .ttc); may be repeated' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l masks -d 'Tint the pixels of masks'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand grid" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l output -d 'File to write: .html' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l title -d 'Title of the page [default: the name of the file]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l records -d 'Show at most N records; further records pass through' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l thumbnail -d 'Longer side of the images in the page, in pixels; more makes the enlarged view sharper and the file larger' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l score -d 'Hide detections with a lower score, until the slider in the page is moved [default: 0.5 for probabilities; 0 for margins, that is, if any score is outside 0 to 1]' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l max -d 'Include at most N detections and N proposals per image, the best ones' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l iou -d 'Minimum overlap (IoU) with an object of its class for a detection to be correct' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand html" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l output -d 'File to write: .png, .jpg or .svg' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l width -d 'Width of the chart in pixels' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l height -d 'Height of the chart in pixels' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l title -d 'Title of the chart [default: the mean average precision]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l font -d 'Font for characters that the built-in DejaVu Sans lacks (.ttf, .otf, .ttc); may be repeated' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand pr" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l output -d 'File to write: .png, .jpg or .svg' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l cell -d 'Side of a cell in pixels [default: from 64 down to 6, depending on the number of classes]' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l max -d 'Draw at most N classes, the most frequently confused ones' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l font -d 'Font for characters that the built-in DejaVu Sans lacks (.ttf, .otf, .ttc); may be repeated' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand confusion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l output -d 'File to write: .png, .jpg or .svg' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l metrics -d 'Metrics to draw, without the prefix val_ [default: all except iteration, epoch, seconds and learning rates]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l columns -d 'Charts side by side [default: about as many as fill a square]' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l width -d 'Width of each chart in pixels' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l height -d 'Height of each chart in pixels' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l font -d 'Font for characters that the built-in DejaVu Sans lacks (.ttf, .otf, .ttc); may be repeated' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand curves" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l x -d 'Key of the x axis' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l y -d 'Key of the y axis' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l by -d 'Key whose values become separate lines [default: one line]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l output -d 'File to write: .png, .jpg or .svg' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l width -d 'Width of the chart in pixels' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l height -d 'Height of the chart in pixels' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l title -d 'Title of the chart [default: none]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l font -d 'Font for characters that the built-in DejaVu Sans lacks (.ttf, .otf, .ttc); may be repeated' -r -F
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l log-x -d 'Use a logarithmic x axis'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -l strict -d 'Stop at the first record that fails'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand lines" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid html pr confusion curves lines help" -f -a "boxes" -d 'Draw each record\'s boxes on its image'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid html pr confusion curves lines help" -f -a "grid" -d 'Draw records as one grid of annotated images with captions'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid html pr confusion curves lines help" -f -a "html" -d 'Write an HTML page to view records in a browser'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid html pr confusion curves lines help" -f -a "pr" -d 'Draw the precision-recall curves that dl-eval --curves writes'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid html pr confusion curves lines help" -f -a "confusion" -d 'Draw the confusion matrix that dl-eval classify --confusion writes'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid html pr confusion curves lines help" -f -a "curves" -d 'Draw the losses and accuracies that --log of dl-finetune and dl-gan-train writes'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid html pr confusion curves lines help" -f -a "lines" -d 'Draw a table as a line chart'
complete -c dl-draw -n "__fish_dl_draw_using_subcommand help; and not __fish_seen_subcommand_from boxes grid html pr confusion curves lines help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
