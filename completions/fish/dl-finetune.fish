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
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "classifier" -d 'Train a network to name what a region shows, a whole picture, or a text'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "linear" -d 'Train a linear classifier on the features of whole pictures or texts: multinomial logistic regression'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "lm" -d 'Train a language model on texts'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "svm" -d 'Train one linear SVM per class on the features of regions, with hard-negative mining'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "bbox" -d 'Train one box regressor per class: from the features of a proposal to the true box near it'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l model -d 'Model file to write; it is a whole model, also before the end' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l val -d 'Records to judge by, which are not learned from' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l val-share -d 'Put this share of the pictures or texts aside, drawn by the seed, to judge by' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l per-class -d 'Learn from at most so many examples of each class, drawn by the seed' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l init-from -d 'Model file to start from (of a BERT a folder too); the layer of the class scores is a new one unless the labels are the same' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l arch -d 'Architecture of a network from nothing, or of a file of bare weights' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l width -d 'Factor on the architecture\'s numbers of channels, where it has such an option' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l size -d 'Side of the network\'s input in pixels [default: the start\'s, or 224]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l warp -d 'How a region becomes the network\'s input [default: as the network was trained, or context]' -r -f -a "context\t'Stretched, with --pad pixels of context on every side'
tight\t'Stretched, without context'
square\t'The tightest square around it, with context'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l pad -d 'Context around a region, in pixels of the network\'s input [default: as the network was trained, or 16; an eighth of an input of 32 pixels or less]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l precision -d 'How the weights are stored' -r -f -a "f32\t'Single precision'
f16\t'Half precision: half the file'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l strategy -d 'What learns, of a network that starts from --init-from' -r -f -a "auto\t'As the number of examples and the features\' LogME suggest; says why'
feature-extraction\t'Nothing of the network: a logistic regression on its features becomes the head'
head\t'The head alone'
top\t'The head and the last two stages; of a BERT, the last two blocks'
all\t'Everything'
scratch\t'Everything, from nothing; the file only says what the network is'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l freeze -d 'Layers that do not learn: none, all (but that of the class scores), or all up to a layer' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l trainable-layers -d 'Learn the last N stages and what comes after them; a stage makes maps of one size (layer1 to layer4 of a ResNet), or is a block of a BERT' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l head-lr -d 'Factor on the rate of the layer of the class scores' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l layer-lr -d 'Factor on the rate of a layer and of what it is made of; may be given several times' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l cost -d 'feature-extraction: C, how much an error counts against large weights' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l batch -d 'Examples in a batch, at most 4096' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l positives -d 'Share of a batch that shows objects; the rest is background' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l positive-iou -d 'A proposal with at least this IoU with an object shows the object' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l background-iou -d 'A proposal with less than this IoU with every object shows background' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l label-smoothing -d 'Share of each label that goes to all classes alike' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l class-weights -d 'How much examples of each class count: alike, every class alike, or as a file says ({"LABEL": X, ..})' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l dropout -d 'Probability of dropout, where the architecture has it [default: the architecture\'s]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l cache -d 'Megabytes of decoded pictures to keep, and of features of frozen layers that nothing random stands in' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l iterations -d 'Number of batches [default: 10000, or as --epochs says]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l epochs -d 'Passes over the examples, in place of --iterations' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l optimizer -d 'How the weights follow their gradients' -r -f -a "sgd\t'Stochastic gradient descent with momentum'
adam\t'Adam'
adamw\t'Adam with decoupled weight decay'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l lr -d 'Learning rate' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l schedule -d 'How the rate falls [default: step]' -r -f -a "constant\t'As it is, after the warm-up'
step\t'Divided by ten at --lr-steps'
cosine\t'To 0 along a cosine'
plateau\t'Divided by ten when the validation\'s loss falls no more'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l lr-steps -d 'Iterations at which the rate is divided by ten [default: after 2/3 and 8/9 of them]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l plateau-patience -d '--schedule plateau: validations without a lower loss, after which the rate is divided by ten' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l warmup -d 'Iterations over which the rate rises to --lr' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l momentum -d 'SGD: share of the last step that is taken again' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l weight-decay -d 'Weight of the squared norm of the weights in the loss; biases and norms have none. AdamW: share of the rate by which they shrink' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l clip -d 'Shorten gradients whose norm is larger than this [default: 1 for a network from nothing, no limit otherwise]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l validate-every -d 'Validate every so many iterations [default: once an epoch]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l patience -d 'Stop after so many validations without a better one' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l checkpoint-every -d 'Write the files every so many iterations, so that a run that is killed is not lost' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l log -d 'Write loss, accuracy and rate of every iteration, and every validation, one JSON object a line' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l augment -d 'Views to learn from, drawn anew in each epoch [default: flip]' -r -f -a "none\t'Each example as it is'
crop\t'A part of random size and place'
flip\t'Mirrored half of the time'
color\t'Other brightness, contrast, saturation and hue'
affine\t'Turned, shifted, scaled, sheared'
cutout\t'A rectangle blotted out'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l crop-scale -d 'crop: least and most share of the area [default: 0.08,1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l jitter -d 'color: brightness, contrast, saturation and hue [default: 0.4,0.4,0.4,0.1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l affine -d 'affine: degrees of turn, share of shift, least and most size, degrees of shear [default: 10,0.1,0.9,1.1,0]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l cutout -d 'cutout: its probability [default: 0.5]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l mixup -d 'Blend pairs of examples and their labels by a share from Beta(X, X); 0 for none' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l truncated -d 'What to do with an image that is cut off or lacks part of its data' -r -f -a "error\t'Its record fails'
keep\t'Decode what is there, and report it'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l device -d 'Where to compute: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l seed -d 'Seed of every random draw' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l crops -d 'Learn to tell the true objects of records apart; there is no background, and proposals are passed over'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l cosine -d 'The same as --schedule cosine'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l resume -d 'Go on from STEM.last.safetensors beside the model, if it is there, to the same weights as without a break'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l force -d 'Overwrite the model of an earlier training'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l no-flip -d 'Do not mirror examples: left and right mean something here'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l model -d 'Model file to write' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l layer -d 'Layer to learn on [default: the only one of the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l cost -d 'C: how much an error counts against large weights' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l tolerance -d 'Stop when no number of the objective\'s gradient is larger' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l iterations -d 'Most iterations of the solver' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l seed -d 'Seed of every random draw' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l force -d 'Overwrite the model of an earlier training'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l balanced -d 'Count every class alike, whatever its number of examples'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l raw -d 'Take the features as they are, not standardised'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l model -d 'Model file to write; it is a whole model, also before the end' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l init-from -d 'GPT-2 to start from: a model file, or a folder as Hugging Face writes it' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l val -d 'Records to judge by, which are not learned from' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l val-share -d 'Put this share of the texts aside, drawn by the seed, to judge by' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l freeze -d 'Layers that do not learn: all up to this one (embeddings, h.3)' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l trainable-layers -d 'Learn the last N blocks and what comes after them' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l batch -d 'Texts in a batch, at most 4096' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l dropout -d 'Probability of dropout [default: the model\'s]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l iterations -d 'Number of batches [default: 10000, or as --epochs says]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l epochs -d 'Passes over the examples, in place of --iterations' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l optimizer -d 'How the weights follow their gradients' -r -f -a "sgd\t'Stochastic gradient descent with momentum'
adam\t'Adam'
adamw\t'Adam with decoupled weight decay'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l lr -d 'Learning rate' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l schedule -d 'How the rate falls [default: step]' -r -f -a "constant\t'As it is, after the warm-up'
step\t'Divided by ten at --lr-steps'
cosine\t'To 0 along a cosine'
plateau\t'Divided by ten when the validation\'s loss falls no more'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l lr-steps -d 'Iterations at which the rate is divided by ten [default: after 2/3 and 8/9 of them]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l plateau-patience -d '--schedule plateau: validations without a lower loss, after which the rate is divided by ten' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l warmup -d 'Iterations over which the rate rises to --lr' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l momentum -d 'SGD: share of the last step that is taken again' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l weight-decay -d 'Weight of the squared norm of the weights in the loss; biases and norms have none. AdamW: share of the rate by which they shrink' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l clip -d 'Shorten gradients whose norm is larger than this [default: 1 for a network from nothing, no limit otherwise]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l validate-every -d 'Validate every so many iterations [default: once an epoch]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l patience -d 'Stop after so many validations without a better one' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l checkpoint-every -d 'Write the files every so many iterations, so that a run that is killed is not lost' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l log -d 'Write loss, accuracy and rate of every iteration, and every validation, one JSON object a line' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l device -d 'Where to compute: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l seed -d 'Seed of every random draw' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l cosine -d 'The same as --schedule cosine'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l resume -d 'Go on from STEM.last.safetensors beside the model, if it is there, to the same weights as without a break'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l force -d 'Overwrite the model of an earlier training'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -s h -l help -d 'Print help (see more with \'--help\')'
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
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l seed -d 'Seed of every random draw' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l force -d 'Replace the part of the model file that an earlier training of this kind has written'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l model -d 'Model file to write; what dl-finetune svm has written into it stays' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l layer -d 'Layer to learn on [default: the only one of the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l min-iou -d 'Learn from proposals whose IoU with a true object is above this' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l lambda -d 'How much small weights count against a small error' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l spool-dir -d 'Folder for the temporary file [default: the system\'s]' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l seed -d 'Seed of every random draw' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l force -d 'Replace the part of the model file that an earlier training of this kind has written'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier linear lm svm bbox help" -f -a "classifier" -d 'Train a network to name what a region shows, a whole picture, or a text'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier linear lm svm bbox help" -f -a "linear" -d 'Train a linear classifier on the features of whole pictures or texts: multinomial logistic regression'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier linear lm svm bbox help" -f -a "lm" -d 'Train a language model on texts'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier linear lm svm bbox help" -f -a "svm" -d 'Train one linear SVM per class on the features of regions, with hard-negative mining'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier linear lm svm bbox help" -f -a "bbox" -d 'Train one box regressor per class: from the features of a proposal to the true box near it'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier linear lm svm bbox help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
