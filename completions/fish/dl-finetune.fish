# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dl_finetune_global_optspecs
    string join \n h/help V/version
end

function __fish_dl_finetune_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dl_finetune_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dl_finetune_using_subcommand
    set -l cmd (__fish_dl_finetune_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -s h -l help -d 'Print help'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -s V -l version -d 'Print version'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "classifier" -d 'Train a network to name what a region shows, or a whole picture'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "svm" -d 'Train one linear SVM per class on the features of regions, with hard-negative mining'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "bbox" -d 'Train one box regressor per class: from the features of a proposal to the true box near it'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l model -d 'Model file to write; it is a whole model, also before the end' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l init-from -d 'Model file to start from; the layer of the class scores is a new one unless the labels are the same' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l arch -d 'Architecture of a network from nothing, or of a file of bare weights' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l width -d 'Factor on the architecture\'s numbers of channels, where it has such an option' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l size -d 'Side of the network\'s input in pixels [default: the start\'s, or 224]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l warp -d 'How a region becomes the network\'s input [default: as the network was trained, or context]' -r -f -a "context\t'Stretched, with --pad pixels of context on every side'
tight\t'Stretched, without context'
square\t'The tightest square around it, with context'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l pad -d 'Context around a region, in pixels of the network\'s input [default: as the network was trained, or 16]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l precision -d 'How the weights are stored' -r -f -a "f32\t'Single precision'
f16\t'Half precision: half the file'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l iterations -d 'Number of batches' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l batch -d 'Examples in a batch' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l positives -d 'Share of a batch that shows objects; the rest is background' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l positive-iou -d 'A proposal with at least this IoU with an object shows the object' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l background-iou -d 'A proposal with less than this IoU with every object shows background' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l lr -d 'Learning rate' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l lr-steps -d 'Iterations at which the rate is divided by ten [default: after 2/3 and 8/9 of them]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l warmup -d 'Iterations over which the rate rises to --lr' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l head-lr -d 'Factor on the rate of the layer of the class scores' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l momentum -d 'Share of the last step that is taken again' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l weight-decay -d 'Weight of the squared norm of the weights in the loss' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l clip -d 'Shorten gradients whose norm is larger than this [default: 1 for a network from nothing, no limit otherwise]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l checkpoint-every -d 'Write the model file every so many iterations, so that a run that is killed is not lost' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l log -d 'Write loss, accuracy and rate of every iteration to this file, one JSON object a line' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l cache -d 'Megabytes of decoded pictures to keep' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l device -d 'Where to compute: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l threads -d 'Threads to compute with; the result does not depend on it [default: one a core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l seed -d 'Seed of every random draw' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l cosine -d 'Let the rate fall to 0 along a cosine, in place of the steps'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l no-flip -d 'Do not mirror examples: left and right mean something here'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l model -d 'Model file to write; what dl-finetune bbox has written into it stays' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l layer -d 'Layer to learn on [default: the only one of the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l cost -d 'C: weight of the loss of one negative against that of large weights' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l positive-weight -d 'How much more the loss of a positive counts than that of a negative' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l bias -d 'Constant feature that carries the bias' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l tolerance -d 'Spread of the projected gradient at which the solver stops' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l negative-iou -d 'A proposal is a negative when its IoU with every object of the class is below this' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l hard-score -d 'Negatives that score above this enter a class\'s training set' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l easy-score -d 'Negatives that score below this leave it after a training' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l retrain-after -d 'Train a class again after so many new negatives' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l passes -d 'Passes over the records to mine for negatives' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l spool-dir -d 'Folder for the temporary file [default: the system\'s]' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l threads -d 'Threads to compute with; the result does not depend on it [default: one a core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l seed -d 'Seed of every random draw' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l model -d 'Model file to write; what dl-finetune svm has written into it stays' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l layer -d 'Layer to learn on [default: the only one of the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l min-iou -d 'Learn from proposals whose IoU with a true object is above this' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l lambda -d 'How much small weights count against a small error' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l spool-dir -d 'Folder for the temporary file [default: the system\'s]' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l threads -d 'Threads to compute with; the result does not depend on it [default: one a core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l seed -d 'Seed of every random draw' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier svm bbox help" -f -a "classifier" -d 'Train a network to name what a region shows, or a whole picture'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier svm bbox help" -f -a "svm" -d 'Train one linear SVM per class on the features of regions, with hard-negative mining'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier svm bbox help" -f -a "bbox" -d 'Train one box regressor per class: from the features of a proposal to the true box near it'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier svm bbox help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
