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
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "classifier" -d 'Train a network to classify regions, images or texts'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "detector" -d 'Train a network to find objects in images'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "linear" -d 'Train a linear classifier on the features of whole images or texts: logistic regression, or an SVM'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "neighbors" -d 'Keep labeled features: a row gets the label of its nearest neighbors'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "prototypes" -d 'Average labeled features: a row gets the label of the nearest mean (Snell et al. 2017)'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "attributes" -d 'Relate features to attributes of the classes, to recognize classes that were never seen (zero-shot)'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "boost" -d 'Train on many labeled source records and a few labeled target ones (TrAdaBoost; Dai et al. 2007)'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "adversarial" -d 'Train a classifier on a labeled source domain so that it holds for an unlabeled target domain'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "distill" -d 'Train a student that follows a teacher: knowledge distillation (Hinton et al. 2015)'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "multitask" -d 'Train one network for several tasks, each with its own classes'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "contrast" -d 'Pre-train a network on images without labels'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "prototypical" -d 'Train a network to learn new classes from a few images each: prototypical networks (Snell et al. 2017)'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "lm" -d 'Train a language model on texts'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "svm" -d 'Train one linear SVM per class on the features of regions, with hard-negative mining'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "bbox" -d 'Train one box regressor per class, from the features of a proposal to the box of its object'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "disentangle" -d 'Train an autoencoder of content and style, whose styles dl-gan-edit swap exchanges'
complete -c dl-finetune -n "__fish_dl_finetune_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l output -d 'Model file to write; it is a complete model at any time during training' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l val -d 'File of validation records' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l val-fraction -d 'Hold out this fraction of the images or texts for validation, chosen at random' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l per-class -d 'Train on at most N examples of each class, chosen at random' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l input -d 'What to classify [default: proposals if the records have objects or proposals, otherwise image; text for a BERT]' -r -f -a "image\t'Whole images, by their label'
objects\t'Ground-truth objects, cropped'
proposals\t'Proposals and ground-truth objects, against background'
text\t'Texts, by their label'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l arch -d 'Architecture to train from scratch, or of a file of bare weights; see dl-model list' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l width-mult -d 'Factor on the number of channels, if the architecture supports it' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l size -d 'Side of the network\'s input in pixels [default: that of --init-from, or 224]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l dtype -d 'Number type of the stored weights' -r -f -a "f32\t'Single precision'
f16\t'Half precision: a file of half the size'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l strategy -d 'Which layers of a pretrained network to train, and how [default: all]' -r -f -a "auto\t'Whichever is best in a short cross-validation; prints the scores'
feature-extraction\t'Only a new head, by logistic regression on the features of the network'
head\t'Only the head'
top\t'The head and the last two stages; for a BERT, the last two blocks'
all\t'All layers'
scratch\t'All layers, from random weights; --init-from provides only the architecture'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l freeze -d 'Layers to freeze: none, all (except the classification layer), or LAYER and all layers before it' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l trainable-layers -d 'Train the last N stages and everything after them; a stage is a run of layers whose feature maps have the same size (layer1 to layer4 of a ResNet), or a block of a BERT' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l head-lr -d 'Factor on the learning rate of the classification layer [default: 10 while --head-first trains it alone, otherwise 1]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l head-first -d 'Train the classification layer alone for the first N batches, then all layers (Kumar et al. 2022) [default: a tenth of the batches for regions with pretrained weights without batch norms, otherwise 0]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l layer-lr -d 'Factor on the learning rate of a layer and its parts; may be repeated' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l cost -d 'For --strategy feature-extraction: C, the inverse of the regularization strength' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l batch -d 'Examples per batch, at most 4096 [default: a quarter of the examples, at least 8 and at most 32 (128 for images from scratch, 16 for texts)]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l positive-fraction -d 'Fraction of a batch that shows objects; the rest is background' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l positive-iou -d 'Proposals with at least this IoU with an object are examples of its class. With R-CNN\'s 0.5, the features become less sensitive to where an object ends' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l background-iou -d 'Proposals with less than this IoU with every object are background' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l label-smoothing -d 'Label smoothing: fraction of each label to spread evenly over all classes' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l class-weights -d 'Weights of the classes in the loss: none, balanced (inversely proportional to their frequency), or a file with {"LABEL": X, ..}' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l dropout -d 'Probability of dropout, if the architecture has dropout [default: the architecture\'s]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l cache -d 'Megabytes of memory for decoded images, and the same amount again for the features of frozen layers without dropout' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l iterations -d 'Number of steps, each of one batch [default: 100 epochs from scratch, 10 epochs from pretrained weights (3 for texts, 60 for detectors); at least 100 (500 from scratch), at most 10000 (2000 for regions from pretrained weights)]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l epochs -d 'Passes over the examples, instead of --iterations' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l optimizer -d 'Optimizer [default: sgd for images, adamw for texts and detectors]' -r -f -a "sgd\t'Stochastic gradient descent with momentum'
adam\t'Adam, with weight decay as part of the gradient'
adamw\t'Adam with decoupled weight decay'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l lr -d 'Learning rate [default: from pretrained weights 0.0003, or 0.02 with batch norms; for the head alone 0.002, or 0.05 with batch norms; from scratch 0.01, or 0.05 with batch norms; Adam and AdamW 0.00005 from pretrained weights, otherwise 0.001; detectors 0.01 with sgd, otherwise 0.001, from scratch 0.003]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l schedule -d 'Learning-rate schedule [default: cosine, or step with --lr-steps]' -r -f -a "constant\t'Constant after the warm-up'
step\t'Divided by ten at --lr-steps'
cosine\t'Down to 0 along a cosine'
inverse\t'Divided by (1 + 10 p)^0.75 at the fraction p of the iterations'
plateau\t'Divided by ten when the validation loss stops improving'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l lr-steps -d 'Iterations at which to divide the rate by ten [default: at 2/3 and 8/9 of the iterations]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l plateau-patience -d 'For --schedule plateau: divide the rate by ten after N validations without a lower loss' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l warmup -d 'Iterations over which the rate rises to --lr; 0 for no warm-up [default: a tenth of the iterations, at most 100]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l momentum -d 'Momentum of sgd' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l weight-decay -d 'Weight decay; not applied to biases and norms' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l accumulate -d 'Batches per step, whose gradients are averaged: as a batch N times as large, in the memory of one' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l ema -d 'Validate and write a moving average of the weights with this decay, for example 0.999' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l clip -d 'Clip gradients to this norm; none for no limit' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l stop-above -d 'Stop when the loss stays above X times its initial value for 30 batches; none for no limit. A loss that is not a number always stops training' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l validate-every -d 'Validate every N iterations [default: once per epoch]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l patience -d 'Stop after N validations without improvement' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l checkpoint-every -d 'Write the model files every N iterations, so that a killed run can resume' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l log -d 'Write one JSON object per line for each iteration (metrics, learning rate) and each validation' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l augment -d 'Kinds of augmentation, with new random values in each epoch [default: flip]' -r -f -a "none\t'No augmentation'
crop\t'Crop to a random size and position'
flip\t'Flip horizontally with probability 0.5'
color\t'Change brightness, contrast, saturation and hue'
affine\t'Rotate, shift, scale and shear'
cutout\t'Erase a rectangle'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l crop-scale -d 'For crop: minimum and maximum fraction of the area [default: 0.08,1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l jitter -d 'For color: maximum change of brightness, contrast, saturation and hue [default: 0.4,0.4,0.4,0.1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l affine -d 'For affine: degrees of rotation, shift as a fraction of the image, minimum and maximum scale, degrees of shear [default: 10,0.1,0.9,1.1,0]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l cutout -d 'For cutout: probability [default: 0.5]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l mixup -d 'Mix pairs of examples and their labels with a ratio drawn from Beta(X, X); 0 for no mixing' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l init-from -d 'Pretrained model to start from: a model file, or for a BERT also a Hugging Face model folder. The classification layer is reinitialized unless the labels are the same' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l warp -d 'How to warp a region to the network\'s input size [default: that of --init-from, or context]' -r -f -a "context\t'Stretch it, with --pad pixels of context on every side'
tight\t'Stretch it, without context'
square\t'Take the tightest square around it, with context'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l pad -d 'Context around a region, in pixels of the network\'s input [default: that of --init-from, or 16; for inputs of at most 32 pixels, an eighth of the side]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l cosine -d 'Same as --schedule cosine'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l resume -d 'Resume from STEM.last.safetensors beside the model, if it exists; the weights are the same as without interruption'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l no-flip -d 'Do not flip: for images in which left and right differ, such as text'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand classifier" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l output -d 'Model file to write; it is a complete model at any time during training' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l val -d 'File of validation records' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l val-fraction -d 'Hold out this fraction of the images or texts for validation, chosen at random' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l arch -d 'Architecture [default: that of the detector in --init-from]; see dl-model list. A .cfg of darknet with a [detection] is one, too' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l backbone -d 'For fast_rcnn, faster_rcnn, mask_rcnn and cascade_rcnn: the network for images below [default: that in --init-from, or mobilenet_v1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l recipe -d 'Train with the constants of this program, such as pixels, anchors, samples and thresholds [default: those of the architecture, or of the detector in --init-from]' -r -f -a "torchvision\t'torchvision: R-CNNs, SSD, SSDlite'
detectron2\t'detectron2: R-CNNs'
caffe\t'The papers\' programs in Caffe: R-CNNs, SSD'
darknet\t'darknet: YOLO'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l option -d 'Option of a two-stage detector, such as fpn=none, fpn_channels=64, box_hidden=256 or box_nms_thresh=0.3; can be repeated' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l init-from -d 'Pretrained model to start from: a network for images, which becomes the trunk, or a detector' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l width-mult -d 'Factor on the number of channels, if the architecture supports it' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l size -d 'Side of the network\'s input in pixels [default: that of the architecture, or of the detector in --init-from]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l resize -d 'How images of another shape than the input are resized [default: stretch, or that of --init-from]' -r -f -a "stretch\t'Both sides to the input\'s, ignoring the aspect ratio'
pad\t'The aspect ratio is kept, and the rest is filled with the mean'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l default-boxes -d 'For a new SSD: the shapes of its default boxes; objects needs the records\' `width` and `height`' -r -f -a "objects\t'Clusters of the widths and heights of the objects'
architecture\t'Those of the architecture'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l grid -d 'For yolov1 and fast_yolo: cells per side of the grid [default: --size / 64]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l dtype -d 'Number type of the stored weights' -r -f -a "f32\t'Single precision'
f16\t'Half precision: a file of half the size'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l freeze -d 'Layers to freeze: none, all (except the heads), or LAYER and all layers before it' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l head-lr -d 'Factor on the learning rate of the heads' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l batch -d 'Images per batch' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l iterations -d 'Number of steps, each of one batch [default: 100 epochs from scratch, 10 epochs from pretrained weights (3 for texts, 60 for detectors); at least 100 (500 from scratch), at most 10000 (2000 for regions from pretrained weights)]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l epochs -d 'Passes over the examples, instead of --iterations' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l optimizer -d 'Optimizer [default: sgd for images, adamw for texts and detectors]' -r -f -a "sgd\t'Stochastic gradient descent with momentum'
adam\t'Adam, with weight decay as part of the gradient'
adamw\t'Adam with decoupled weight decay'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l lr -d 'Learning rate [default: from pretrained weights 0.0003, or 0.02 with batch norms; for the head alone 0.002, or 0.05 with batch norms; from scratch 0.01, or 0.05 with batch norms; Adam and AdamW 0.00005 from pretrained weights, otherwise 0.001; detectors 0.01 with sgd, otherwise 0.001, from scratch 0.003]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l schedule -d 'Learning-rate schedule [default: cosine, or step with --lr-steps]' -r -f -a "constant\t'Constant after the warm-up'
step\t'Divided by ten at --lr-steps'
cosine\t'Down to 0 along a cosine'
inverse\t'Divided by (1 + 10 p)^0.75 at the fraction p of the iterations'
plateau\t'Divided by ten when the validation loss stops improving'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l lr-steps -d 'Iterations at which to divide the rate by ten [default: at 2/3 and 8/9 of the iterations]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l plateau-patience -d 'For --schedule plateau: divide the rate by ten after N validations without a lower loss' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l warmup -d 'Iterations over which the rate rises to --lr; 0 for no warm-up [default: a tenth of the iterations, at most 100]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l momentum -d 'Momentum of sgd' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l weight-decay -d 'Weight decay; not applied to biases and norms' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l accumulate -d 'Batches per step, whose gradients are averaged: as a batch N times as large, in the memory of one' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l ema -d 'Validate and write a moving average of the weights with this decay, for example 0.999' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l clip -d 'Clip gradients to this norm; none for no limit' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l stop-above -d 'Stop when the loss stays above X times its initial value for 30 batches; none for no limit. A loss that is not a number always stops training' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l validate-every -d 'Validate every N iterations [default: once per epoch]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l patience -d 'Stop after N validations without improvement' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l checkpoint-every -d 'Write the model files every N iterations, so that a killed run can resume' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l log -d 'Write one JSON object per line for each iteration (metrics, learning rate) and each validation' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l augment -d 'Augmentation of images, with new random values in each epoch' -r -f -a "none\t'No augmentation'
flip\t'Flip horizontally with probability 0.5: Fast, Faster and Mask R-CNN'
jitter\t'Change colors, move each edge by up to a fifth of the side, flip'
ssd\t'Change colors, expand by up to 4, crop around objects, flip: SSD'
ssdlite\t'Crop around objects, flip: torchvision\'s SSDlite'
yolo\t'Change hue, saturation and value, move each edge by up to a fifth of the side, flip: YOLO'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l no-batch-norm -d 'For yolov1 and fast_yolo: convolutions without batch norms, as in the paper'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l no-difficult -d 'Do not train on difficult objects'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l cosine -d 'Same as --schedule cosine'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l resume -d 'Resume from STEM.last.safetensors beside the model, if it exists; the weights are the same as without interruption'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l no-flip -d 'Do not flip: for objects in which left and right differ, such as arrows'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand detector" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l loss -d 'Loss of a row' -r -f -a "logistic\t'Multinomial logistic regression, solved by L-BFGS'
hinge\t'An SVM between each two classes, whose votes decide: libsvm, scikit-learn\'s SVC with a linear kernel'
squared-hinge\t'An SVM of each class against the rest: liblinear, scikit-learn\'s LinearSVC'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l cost -d 'C, the inverse of the regularization strength' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l tolerance -d 'Stop when every component of the gradient is below this; with a hinge loss, when no pair of rows violates the conditions of the optimum by more [default: 0.0001; with a hinge loss 0.001]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l iterations -d 'Maximum number of solver iterations, of the logistic loss' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l output -d 'Model file to write' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l layer -d 'Layer to train on [default: the only one in the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l balanced -d 'Weight classes inversely to their number of examples'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l raw -d 'Do not standardize the features'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l force -d 'Overwrite an existing model file'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand linear" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -l k -d 'How many neighbors vote' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -l metric -d 'Distance of two rows' -r -f -a "euclid\t'The Euclidean distance'
cosine\t'One minus the cosine of the angle'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -l votes -d 'How much the vote of a neighbor counts' -r -f -a "uniform\t'All alike'
distance\t'One over its distance'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -l output -d 'Model file to write' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -l layer -d 'Layer to train on [default: the only one in the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -l force -d 'Overwrite an existing model file'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand neighbors" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -l metric -d 'Distance of two rows' -r -f -a "euclid\t'The Euclidean distance'
cosine\t'One minus the cosine of the angle'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -l scale -d 'Factor on the logits, which are minus the squared distances, or the cosines [default: 1, or 10 for the cosine]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -l output -d 'Model file to write' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -l layer -d 'Layer to train on [default: the only one in the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -l force -d 'Overwrite an existing model file'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l classes -d 'Attributes of the classes: CSV with the names of the attributes in the first line and a class in each other, or JSON {class: {attribute: value}}; it may have more classes than the records' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l method -d 'How to relate them' -r -f -a "eszsl\t'A bilinear map, in closed form'
dap\t'A classifier of each attribute, which must be 0 or 1; others are cut at their mean'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l gamma -d 'ESZSL\'s penalty on the side of the features [default: by holding out classes]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l lambda -d 'ESZSL\'s penalty on the side of the attributes [default: by holding out classes]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l cost -d 'DAP\'s C, the inverse of the regularization strength' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l output -d 'Model file to write' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l layer -d 'Layer to train on [default: the only one in the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l force -d 'Overwrite an existing model file'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand attributes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l rounds -d 'Number of rounds' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l base -d 'The classifier of each round' -r -f -a "svm\t'A linear SVM'
logistic\t'Logistic regression'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l cost -d 'C, the inverse of the regularization strength' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l output -d 'Model file to write' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l layer -d 'Layer to train on [default: the only one in the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l force -d 'Overwrite an existing model file'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand boost" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l output -d 'Model file to write; it is a complete model at any time during training' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l init-from -d 'Pretrained model to start from. The classification layer is reinitialized unless the labels are the same' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l arch -d 'Architecture to train from scratch, or of a file of bare weights; see dl-model list' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l width-mult -d 'Factor on the number of channels, if the architecture supports it' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l size -d 'Side of the network\'s input in pixels [default: that of --init-from, or 224]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l dtype -d 'Number type of the stored weights' -r -f -a "f32\t'Single precision'
f16\t'Half precision: a file of half the size'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l dropout -d 'Probability of dropout, if the architecture has dropout [default: the architecture\'s]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l iterations -d 'Number of steps, each of one batch [default: 100 epochs from scratch, 10 epochs from pretrained weights (3 for texts, 60 for detectors); at least 100 (500 from scratch), at most 10000 (2000 for regions from pretrained weights)]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l epochs -d 'Passes over the examples, instead of --iterations' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l optimizer -d 'Optimizer [default: sgd for images, adamw for texts and detectors]' -r -f -a "sgd\t'Stochastic gradient descent with momentum'
adam\t'Adam, with weight decay as part of the gradient'
adamw\t'Adam with decoupled weight decay'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l lr -d 'Learning rate [default: from pretrained weights 0.0003, or 0.02 with batch norms; for the head alone 0.002, or 0.05 with batch norms; from scratch 0.01, or 0.05 with batch norms; Adam and AdamW 0.00005 from pretrained weights, otherwise 0.001; detectors 0.01 with sgd, otherwise 0.001, from scratch 0.003]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l lr-steps -d 'Iterations at which to divide the rate by ten [default: at 2/3 and 8/9 of the iterations]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l plateau-patience -d 'For --schedule plateau: divide the rate by ten after N validations without a lower loss' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l warmup -d 'Iterations over which the rate rises to --lr; 0 for no warm-up [default: a tenth of the iterations, at most 100]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l momentum -d 'Momentum of sgd' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l weight-decay -d 'Weight decay; not applied to biases and norms' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l accumulate -d 'Batches per step, whose gradients are averaged: as a batch N times as large, in the memory of one' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l ema -d 'Validate and write a moving average of the weights with this decay, for example 0.999' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l clip -d 'Clip gradients to this norm; none for no limit' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l stop-above -d 'Stop when the loss stays above X times its initial value for 30 batches; none for no limit. A loss that is not a number always stops training' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l validate-every -d 'Validate every N iterations [default: once per epoch]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l patience -d 'Stop after N validations without improvement' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l checkpoint-every -d 'Write the model files every N iterations, so that a killed run can resume' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l log -d 'Write one JSON object per line for each iteration (metrics, learning rate) and each validation' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l augment -d 'Kinds of augmentation, with new random values in each epoch [default: flip]' -r -f -a "none\t'No augmentation'
crop\t'Crop to a random size and position'
flip\t'Flip horizontally with probability 0.5'
color\t'Change brightness, contrast, saturation and hue'
affine\t'Rotate, shift, scale and shear'
cutout\t'Erase a rectangle'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l crop-scale -d 'For crop: minimum and maximum fraction of the area [default: 0.08,1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l jitter -d 'For color: maximum change of brightness, contrast, saturation and hue [default: 0.4,0.4,0.4,0.1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l affine -d 'For affine: degrees of rotation, shift as a fraction of the image, minimum and maximum scale, degrees of shear [default: 10,0.1,0.9,1.1,0]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l cutout -d 'For cutout: probability [default: 0.5]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l mixup -d 'Mix pairs of examples and their labels with a ratio drawn from Beta(X, X); 0 for no mixing' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l method -d 'How the domains are made alike' -r -f -a "dann\t'A domain classifier on the features'
cdan\t'A domain classifier on features and predicted classes'
coral\t'Equal covariances'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l trade-off -d 'Factor on the domain\'s part of the loss' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l domain-hidden -d 'Hidden widths of the domain classifier' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l hidden -d 'For features: widths of the layers before the class scores, at most 3' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l layer -d 'For features: the layer to train on [default: the only one in the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l batch -d 'Examples of each domain per batch, at most 4096 [default: a quarter of the smaller domain, at least 8 and at most 32]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l schedule -d 'Learning-rate schedule' -r -f -a "constant\t'Constant after the warm-up'
step\t'Divided by ten at --lr-steps'
cosine\t'Down to 0 along a cosine'
inverse\t'Divided by (1 + 10 p)^0.75 at the fraction p of the iterations'
plateau\t'Divided by ten when the validation loss stops improving'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l val -d 'File of labeled records, for the log alone' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l val-fraction -d 'Hold out this fraction of the images or texts for validation, chosen at random' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l cosine -d 'Same as --schedule cosine'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l resume -d 'Resume from STEM.last.safetensors beside the model, if it exists; the weights are the same as without interruption'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l no-flip -d 'Do not flip: for images in which left and right differ, such as text'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l entropy -d 'For cdan: let rows count more whose predicted class is certain'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -l raw -d 'For features: do not standardize them'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand adversarial" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l output -d 'Model file to write; it is a complete model at any time during training' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l arch -d 'Architecture to train from scratch, or of a file of bare weights; see dl-model list' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l width-mult -d 'Factor on the number of channels, if the architecture supports it' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l size -d 'Side of the network\'s input in pixels [default: that of --init-from, or 224]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l dtype -d 'Number type of the stored weights' -r -f -a "f32\t'Single precision'
f16\t'Half precision: a file of half the size'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l dropout -d 'Probability of dropout, if the architecture has dropout [default: the architecture\'s]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l iterations -d 'Number of steps, each of one batch [default: 100 epochs from scratch, 10 epochs from pretrained weights (3 for texts, 60 for detectors); at least 100 (500 from scratch), at most 10000 (2000 for regions from pretrained weights)]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l epochs -d 'Passes over the examples, instead of --iterations' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l optimizer -d 'Optimizer [default: sgd for images, adamw for texts and detectors]' -r -f -a "sgd\t'Stochastic gradient descent with momentum'
adam\t'Adam, with weight decay as part of the gradient'
adamw\t'Adam with decoupled weight decay'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l lr -d 'Learning rate [default: from pretrained weights 0.0003, or 0.02 with batch norms; for the head alone 0.002, or 0.05 with batch norms; from scratch 0.01, or 0.05 with batch norms; Adam and AdamW 0.00005 from pretrained weights, otherwise 0.001; detectors 0.01 with sgd, otherwise 0.001, from scratch 0.003]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l schedule -d 'Learning-rate schedule [default: cosine, or step with --lr-steps]' -r -f -a "constant\t'Constant after the warm-up'
step\t'Divided by ten at --lr-steps'
cosine\t'Down to 0 along a cosine'
inverse\t'Divided by (1 + 10 p)^0.75 at the fraction p of the iterations'
plateau\t'Divided by ten when the validation loss stops improving'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l lr-steps -d 'Iterations at which to divide the rate by ten [default: at 2/3 and 8/9 of the iterations]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l plateau-patience -d 'For --schedule plateau: divide the rate by ten after N validations without a lower loss' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l warmup -d 'Iterations over which the rate rises to --lr; 0 for no warm-up [default: a tenth of the iterations, at most 100]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l momentum -d 'Momentum of sgd' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l weight-decay -d 'Weight decay; not applied to biases and norms' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l accumulate -d 'Batches per step, whose gradients are averaged: as a batch N times as large, in the memory of one' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l ema -d 'Validate and write a moving average of the weights with this decay, for example 0.999' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l clip -d 'Clip gradients to this norm; none for no limit' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l stop-above -d 'Stop when the loss stays above X times its initial value for 30 batches; none for no limit. A loss that is not a number always stops training' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l validate-every -d 'Validate every N iterations [default: once per epoch]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l patience -d 'Stop after N validations without improvement' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l checkpoint-every -d 'Write the model files every N iterations, so that a killed run can resume' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l log -d 'Write one JSON object per line for each iteration (metrics, learning rate) and each validation' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l augment -d 'Kinds of augmentation, with new random values in each epoch [default: flip]' -r -f -a "none\t'No augmentation'
crop\t'Crop to a random size and position'
flip\t'Flip horizontally with probability 0.5'
color\t'Change brightness, contrast, saturation and hue'
affine\t'Rotate, shift, scale and shear'
cutout\t'Erase a rectangle'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l crop-scale -d 'For crop: minimum and maximum fraction of the area [default: 0.08,1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l jitter -d 'For color: maximum change of brightness, contrast, saturation and hue [default: 0.4,0.4,0.4,0.1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l affine -d 'For affine: degrees of rotation, shift as a fraction of the image, minimum and maximum scale, degrees of shear [default: 10,0.1,0.9,1.1,0]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l cutout -d 'For cutout: probability [default: 0.5]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l mixup -d 'Mix pairs of examples and their labels with a ratio drawn from Beta(X, X); 0 for no mixing' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l val -d 'File of validation records' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l val-fraction -d 'Hold out this fraction of the images or texts for validation, chosen at random' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l teacher -d 'The model to follow' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l temperature -d 'Temperature: what the class scores of both networks are divided by' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l alpha -d 'Share of the teacher in the loss; the rest is that of the labels' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l features -d 'Layer of the teacher whose features the student is to predict, from its own before the head or from STUDENT_LAYER' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l features-weight -d 'Factor on the loss of --features' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l correct-bias -d 'After training, correct the bias of each class that had no example, so that on these records it is as frequent as the others: their labels are not read' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l batch -d 'Examples per batch, at most 4096 [default: a quarter of the examples, at least 8 and at most 32 (128 from scratch)]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l init-from -d 'Pretrained student, instead of --arch; for language models, a GPT-2 file or folder' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l cosine -d 'Same as --schedule cosine'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l resume -d 'Resume from STEM.last.safetensors beside the model, if it exists; the weights are the same as without interruption'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l no-flip -d 'Do not flip: for images in which left and right differ, such as text'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand distill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l output -d 'Model file to write; it is a complete model at any time during training' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l init-from -d 'Pretrained model to start from. The classification layer is reinitialized unless the labels are the same' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l arch -d 'Architecture to train from scratch, or of a file of bare weights; see dl-model list' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l width-mult -d 'Factor on the number of channels, if the architecture supports it' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l size -d 'Side of the network\'s input in pixels [default: that of --init-from, or 224]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l dtype -d 'Number type of the stored weights' -r -f -a "f32\t'Single precision'
f16\t'Half precision: a file of half the size'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l dropout -d 'Probability of dropout, if the architecture has dropout [default: the architecture\'s]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l iterations -d 'Number of steps, each of one batch [default: 100 epochs from scratch, 10 epochs from pretrained weights (3 for texts, 60 for detectors); at least 100 (500 from scratch), at most 10000 (2000 for regions from pretrained weights)]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l epochs -d 'Passes over the examples, instead of --iterations' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l optimizer -d 'Optimizer [default: sgd for images, adamw for texts and detectors]' -r -f -a "sgd\t'Stochastic gradient descent with momentum'
adam\t'Adam, with weight decay as part of the gradient'
adamw\t'Adam with decoupled weight decay'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l lr -d 'Learning rate [default: from pretrained weights 0.0003, or 0.02 with batch norms; for the head alone 0.002, or 0.05 with batch norms; from scratch 0.01, or 0.05 with batch norms; Adam and AdamW 0.00005 from pretrained weights, otherwise 0.001; detectors 0.01 with sgd, otherwise 0.001, from scratch 0.003]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l schedule -d 'Learning-rate schedule [default: cosine, or step with --lr-steps]' -r -f -a "constant\t'Constant after the warm-up'
step\t'Divided by ten at --lr-steps'
cosine\t'Down to 0 along a cosine'
inverse\t'Divided by (1 + 10 p)^0.75 at the fraction p of the iterations'
plateau\t'Divided by ten when the validation loss stops improving'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l lr-steps -d 'Iterations at which to divide the rate by ten [default: at 2/3 and 8/9 of the iterations]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l plateau-patience -d 'For --schedule plateau: divide the rate by ten after N validations without a lower loss' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l warmup -d 'Iterations over which the rate rises to --lr; 0 for no warm-up [default: a tenth of the iterations, at most 100]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l momentum -d 'Momentum of sgd' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l weight-decay -d 'Weight decay; not applied to biases and norms' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l accumulate -d 'Batches per step, whose gradients are averaged: as a batch N times as large, in the memory of one' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l ema -d 'Validate and write a moving average of the weights with this decay, for example 0.999' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l clip -d 'Clip gradients to this norm; none for no limit' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l stop-above -d 'Stop when the loss stays above X times its initial value for 30 batches; none for no limit. A loss that is not a number always stops training' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l validate-every -d 'Validate every N iterations [default: once per epoch]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l patience -d 'Stop after N validations without improvement' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l checkpoint-every -d 'Write the model files every N iterations, so that a killed run can resume' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l log -d 'Write one JSON object per line for each iteration (metrics, learning rate) and each validation' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l augment -d 'Kinds of augmentation, with new random values in each epoch [default: flip]' -r -f -a "none\t'No augmentation'
crop\t'Crop to a random size and position'
flip\t'Flip horizontally with probability 0.5'
color\t'Change brightness, contrast, saturation and hue'
affine\t'Rotate, shift, scale and shear'
cutout\t'Erase a rectangle'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l crop-scale -d 'For crop: minimum and maximum fraction of the area [default: 0.08,1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l jitter -d 'For color: maximum change of brightness, contrast, saturation and hue [default: 0.4,0.4,0.4,0.1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l affine -d 'For affine: degrees of rotation, shift as a fraction of the image, minimum and maximum scale, degrees of shear [default: 10,0.1,0.9,1.1,0]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l cutout -d 'For cutout: probability [default: 0.5]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l mixup -d 'Mix pairs of examples and their labels with a ratio drawn from Beta(X, X); 0 for no mixing' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l val -d 'File of validation records' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l val-fraction -d 'Hold out this fraction of the images or texts for validation, chosen at random' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l tasks -d 'Tasks to learn [default: all in the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l weighting -d 'How the losses of the tasks become one' -r -f -a "fixed\t'The sum of the losses, each times its --task-weight'
uncertainty\t'Learned: by the uncertainty of each task (Kendall et al. 2018)'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l task-weight -d 'For fixed weighting: factor on the loss of a task, 1 if not given; may be repeated' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l batch -d 'Examples per batch, at most 4096 [default: a quarter of the examples, at least 8 and at most 32 (128 from scratch)]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l cosine -d 'Same as --schedule cosine'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l resume -d 'Resume from STEM.last.safetensors beside the model, if it exists; the weights are the same as without interruption'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l no-flip -d 'Do not flip: for images in which left and right differ, such as text'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand multitask" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l output -d 'Model file to write; it is a complete model at any time during training' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l init-from -d 'Pretrained model to start from. The classification layer is reinitialized unless the labels are the same' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l arch -d 'Architecture to train from scratch, or of a file of bare weights; see dl-model list' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l width-mult -d 'Factor on the number of channels, if the architecture supports it' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l size -d 'Side of the network\'s input in pixels [default: that of --init-from, or 224]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l dtype -d 'Number type of the stored weights' -r -f -a "f32\t'Single precision'
f16\t'Half precision: a file of half the size'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l dropout -d 'Probability of dropout, if the architecture has dropout [default: the architecture\'s]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l iterations -d 'Number of steps, each of one batch [default: 100 epochs from scratch, 10 epochs from pretrained weights (3 for texts, 60 for detectors); at least 100 (500 from scratch), at most 10000 (2000 for regions from pretrained weights)]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l epochs -d 'Passes over the examples, instead of --iterations' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l optimizer -d 'Optimizer [default: sgd for images, adamw for texts and detectors]' -r -f -a "sgd\t'Stochastic gradient descent with momentum'
adam\t'Adam, with weight decay as part of the gradient'
adamw\t'Adam with decoupled weight decay'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l lr -d 'Learning rate [default: from pretrained weights 0.0003, or 0.02 with batch norms; for the head alone 0.002, or 0.05 with batch norms; from scratch 0.01, or 0.05 with batch norms; Adam and AdamW 0.00005 from pretrained weights, otherwise 0.001; detectors 0.01 with sgd, otherwise 0.001, from scratch 0.003]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l schedule -d 'Learning-rate schedule [default: cosine, or step with --lr-steps]' -r -f -a "constant\t'Constant after the warm-up'
step\t'Divided by ten at --lr-steps'
cosine\t'Down to 0 along a cosine'
inverse\t'Divided by (1 + 10 p)^0.75 at the fraction p of the iterations'
plateau\t'Divided by ten when the validation loss stops improving'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l lr-steps -d 'Iterations at which to divide the rate by ten [default: at 2/3 and 8/9 of the iterations]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l plateau-patience -d 'For --schedule plateau: divide the rate by ten after N validations without a lower loss' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l warmup -d 'Iterations over which the rate rises to --lr; 0 for no warm-up [default: a tenth of the iterations, at most 100]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l momentum -d 'Momentum of sgd' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l weight-decay -d 'Weight decay; not applied to biases and norms' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l accumulate -d 'Batches per step, whose gradients are averaged: as a batch N times as large, in the memory of one' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l ema -d 'Validate and write a moving average of the weights with this decay, for example 0.999' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l clip -d 'Clip gradients to this norm; none for no limit' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l stop-above -d 'Stop when the loss stays above X times its initial value for 30 batches; none for no limit. A loss that is not a number always stops training' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l validate-every -d 'Validate every N iterations [default: once per epoch]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l patience -d 'Stop after N validations without improvement' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l checkpoint-every -d 'Write the model files every N iterations, so that a killed run can resume' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l log -d 'Write one JSON object per line for each iteration (metrics, learning rate) and each validation' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l crop-scale -d 'For crop: minimum and maximum fraction of the area [default: 0.08,1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l jitter -d 'For color: maximum change of brightness, contrast, saturation and hue [default: 0.4,0.4,0.4,0.1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l affine -d 'For affine: degrees of rotation, shift as a fraction of the image, minimum and maximum scale, degrees of shear [default: 10,0.1,0.9,1.1,0]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l cutout -d 'For cutout: probability [default: 0.5]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l mixup -d 'Mix pairs of examples and their labels with a ratio drawn from Beta(X, X); 0 for no mixing' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l temperature -d 'For simclr: what the similarities are divided by' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l projection -d 'For simclr: width of the projections that are compared' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l batch -d 'Images per batch, at most 4096 [default: a quarter of the images, at least 8 and at most 128]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l augment -d 'Kinds of augmentation, with new random values in each epoch [default: crop,flip,color for simclr, flip for rotation]' -r -f -a "none\t'No augmentation'
crop\t'Crop to a random size and position'
flip\t'Flip horizontally with probability 0.5'
color\t'Change brightness, contrast, saturation and hue'
affine\t'Rotate, shift, scale and shear'
cutout\t'Erase a rectangle'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l cosine -d 'Same as --schedule cosine'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l resume -d 'Resume from STEM.last.safetensors beside the model, if it exists; the weights are the same as without interruption'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l no-flip -d 'Do not flip: for images in which left and right differ, such as text'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand contrast" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l output -d 'Model file to write; it is a complete model at any time during training' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l init-from -d 'Pretrained model to start from. The classification layer is reinitialized unless the labels are the same' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l arch -d 'Architecture to train from scratch, or of a file of bare weights; see dl-model list' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l width-mult -d 'Factor on the number of channels, if the architecture supports it' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l size -d 'Side of the network\'s input in pixels [default: that of --init-from, or 224]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l dtype -d 'Number type of the stored weights' -r -f -a "f32\t'Single precision'
f16\t'Half precision: a file of half the size'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l dropout -d 'Probability of dropout, if the architecture has dropout [default: the architecture\'s]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l epochs -d 'Passes over the examples, instead of --iterations' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l optimizer -d 'Optimizer [default: sgd for images, adamw for texts and detectors]' -r -f -a "sgd\t'Stochastic gradient descent with momentum'
adam\t'Adam, with weight decay as part of the gradient'
adamw\t'Adam with decoupled weight decay'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l lr -d 'Learning rate [default: from pretrained weights 0.0003, or 0.02 with batch norms; for the head alone 0.002, or 0.05 with batch norms; from scratch 0.01, or 0.05 with batch norms; Adam and AdamW 0.00005 from pretrained weights, otherwise 0.001; detectors 0.01 with sgd, otherwise 0.001, from scratch 0.003]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l schedule -d 'Learning-rate schedule [default: cosine, or step with --lr-steps]' -r -f -a "constant\t'Constant after the warm-up'
step\t'Divided by ten at --lr-steps'
cosine\t'Down to 0 along a cosine'
inverse\t'Divided by (1 + 10 p)^0.75 at the fraction p of the iterations'
plateau\t'Divided by ten when the validation loss stops improving'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l lr-steps -d 'Iterations at which to divide the rate by ten [default: at 2/3 and 8/9 of the iterations]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l plateau-patience -d 'For --schedule plateau: divide the rate by ten after N validations without a lower loss' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l warmup -d 'Iterations over which the rate rises to --lr; 0 for no warm-up [default: a tenth of the iterations, at most 100]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l momentum -d 'Momentum of sgd' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l weight-decay -d 'Weight decay; not applied to biases and norms' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l accumulate -d 'Batches per step, whose gradients are averaged: as a batch N times as large, in the memory of one' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l ema -d 'Validate and write a moving average of the weights with this decay, for example 0.999' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l clip -d 'Clip gradients to this norm; none for no limit' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l stop-above -d 'Stop when the loss stays above X times its initial value for 30 batches; none for no limit. A loss that is not a number always stops training' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l validate-every -d 'Validate every N iterations [default: once per epoch]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l patience -d 'Stop after N validations without improvement' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l checkpoint-every -d 'Write the model files every N iterations, so that a killed run can resume' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l log -d 'Write one JSON object per line for each iteration (metrics, learning rate) and each validation' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l augment -d 'Kinds of augmentation, with new random values in each epoch [default: flip]' -r -f -a "none\t'No augmentation'
crop\t'Crop to a random size and position'
flip\t'Flip horizontally with probability 0.5'
color\t'Change brightness, contrast, saturation and hue'
affine\t'Rotate, shift, scale and shear'
cutout\t'Erase a rectangle'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l crop-scale -d 'For crop: minimum and maximum fraction of the area [default: 0.08,1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l jitter -d 'For color: maximum change of brightness, contrast, saturation and hue [default: 0.4,0.4,0.4,0.1]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l affine -d 'For affine: degrees of rotation, shift as a fraction of the image, minimum and maximum scale, degrees of shear [default: 10,0.1,0.9,1.1,0]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l cutout -d 'For cutout: probability [default: 0.5]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l mixup -d 'Mix pairs of examples and their labels with a ratio drawn from Beta(X, X); 0 for no mixing' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l ways -d 'Classes of an episode' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l shots -d 'Images of each class that are given' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l queries -d 'Images of each class that are to be recognized' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l val-ways -d 'Classes of a validation episode [default: those of --ways, as far as there are]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l val -d 'File of validation records, of other classes' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l val-fraction -d 'Hold out this fraction of the images or texts for validation, chosen at random' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l iterations -d 'Number of episodes [default: as for images in dl-finetune classifier]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l cosine -d 'Same as --schedule cosine'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l resume -d 'Resume from STEM.last.safetensors beside the model, if it exists; the weights are the same as without interruption'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l no-flip -d 'Do not flip: for images in which left and right differ, such as text'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand prototypical" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l output -d 'Model file to write; it is a complete model at any time during training' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l init-from -d 'GPT-2 to start from: a model file, or a Hugging Face model folder' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l val -d 'File of validation records' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l val-fraction -d 'Hold out this fraction of the images or texts for validation, chosen at random' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l freeze -d 'Freeze LAYER (embeddings, h.3) and all layers before it' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l trainable-layers -d 'Train the last N blocks and everything after them' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l batch -d 'Texts per batch, at most 4096 [default: a quarter of the texts, at least 8 and at most 32]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l dropout -d 'Probability of dropout [default: the model\'s]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l epochs -d 'Passes over the examples, instead of --iterations' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l schedule -d 'Learning-rate schedule [default: cosine, or step with --lr-steps]' -r -f -a "constant\t'Constant after the warm-up'
step\t'Divided by ten at --lr-steps'
cosine\t'Down to 0 along a cosine'
inverse\t'Divided by (1 + 10 p)^0.75 at the fraction p of the iterations'
plateau\t'Divided by ten when the validation loss stops improving'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l lr-steps -d 'Iterations at which to divide the rate by ten [default: at 2/3 and 8/9 of the iterations]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l plateau-patience -d 'For --schedule plateau: divide the rate by ten after N validations without a lower loss' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l warmup -d 'Iterations over which the rate rises to --lr; 0 for no warm-up [default: a tenth of the iterations, at most 100]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l momentum -d 'Momentum of sgd' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l weight-decay -d 'Weight decay; not applied to biases and norms' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l accumulate -d 'Batches per step, whose gradients are averaged: as a batch N times as large, in the memory of one' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l ema -d 'Validate and write a moving average of the weights with this decay, for example 0.999' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l clip -d 'Clip gradients to this norm; none for no limit' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l stop-above -d 'Stop when the loss stays above X times its initial value for 30 batches; none for no limit. A loss that is not a number always stops training' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l validate-every -d 'Validate every N iterations [default: once per epoch]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l patience -d 'Stop after N validations without improvement' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l checkpoint-every -d 'Write the model files every N iterations, so that a killed run can resume' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l log -d 'Write one JSON object per line for each iteration (metrics, learning rate) and each validation' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l iterations -d 'Number of batches [default: 3 epochs; at least 100 batches, at most 10000]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l optimizer -d 'Optimizer [default: adamw]' -r -f -a "sgd\t'Stochastic gradient descent with momentum'
adam\t'Adam, with weight decay as part of the gradient'
adamw\t'Adam with decoupled weight decay'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l lr -d 'Learning rate [default: 0.00005, or 0.0003 with sgd]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l cosine -d 'Same as --schedule cosine'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l resume -d 'Resume from STEM.last.safetensors beside the model, if it exists; the weights are the same as without interruption'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand lm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l output -d 'Model file to write; the part written by dl-finetune bbox is kept, and must come from features of the same network' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l layer -d 'Layer to train on [default: the only one in the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l cost -d 'C, the weight of the loss of a negative: the inverse of the regularization strength' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l positive-weight -d 'Factor on C for positives' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l bias -d 'Value of the constant feature whose weight is the bias' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l tolerance -d 'Stop the solver when the projected gradients differ by less than this' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l negative-iou -d 'Proposals with less than this IoU with every object of the class are negatives' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l hard-score -d 'Add negatives that score above this to the training set of a class' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l easy-score -d 'Drop negatives that score below this after training' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l retrain-after -d 'Retrain a class after N new negatives' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l passes -d 'Passes over the records to mine for negatives' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l spool-dir -d 'Folder for the temporary file [default: the system\'s]' -r -f -a "(__fish_complete_directories)"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l force -d 'Replace an existing svm part of the model file'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand svm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l output -d 'Model file to write; the part written by dl-finetune svm is kept, and must come from features of the same network' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l layer -d 'Layer to train on [default: the only one in the records]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l min-iou -d 'Train on proposals with more than this IoU with an object' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l lambda -d 'Regularization strength' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l spool-dir -d 'Folder for the temporary file [default: the system\'s]' -r -f -a "(__fish_complete_directories)"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l force -d 'Replace an existing bbox part of the model file'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand bbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l style -d 'Task of `labels` that names the style [default: the style is the `domain`]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l content -d 'Task of `labels` that names the content' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l channels -d 'Channels of the first maps' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l blocks -d 'Residual blocks of the content encoder, and of the decoder' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l style-numbers -d 'Numbers of a style' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l batch -d 'Images per batch [default: 32, or all]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l epochs -d 'Passes over the data, instead of --iterations [default: 50; with --minutes, no limit]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l lr-g -d 'Learning rate of the network [default: 0.001]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l lr-d -d 'Learning rate of the judge [default: 0.001]' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l ema -d 'Write a moving average of the weights with this decay, for example 0.999' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l samples-every -d 'Draw 8 images, and below them their contents in each style, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l image-weight -d 'Weight of images made again: the mean absolute difference of the pixels, which are -1 to 1' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l content-weight -d 'Weight of the contents found in swaps' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l style-weight -d 'Weight of the styles found in swaps' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l real-weight -d 'Weight of swaps as real images, by least squares (Mao et al. 2017)' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l class-weight -d 'Weight of the classes of swaps: the cross entropy of the style, and of the content' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l output -d 'Model file to write. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l flip -d 'Flip half of the images horizontally'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -l strict -d 'Stop at the first record that fails'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand disentangle" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "classifier" -d 'Train a network to classify regions, images or texts'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "detector" -d 'Train a network to find objects in images'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "linear" -d 'Train a linear classifier on the features of whole images or texts: logistic regression, or an SVM'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "neighbors" -d 'Keep labeled features: a row gets the label of its nearest neighbors'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "prototypes" -d 'Average labeled features: a row gets the label of the nearest mean (Snell et al. 2017)'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "attributes" -d 'Relate features to attributes of the classes, to recognize classes that were never seen (zero-shot)'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "boost" -d 'Train on many labeled source records and a few labeled target ones (TrAdaBoost; Dai et al. 2007)'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "adversarial" -d 'Train a classifier on a labeled source domain so that it holds for an unlabeled target domain'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "distill" -d 'Train a student that follows a teacher: knowledge distillation (Hinton et al. 2015)'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "multitask" -d 'Train one network for several tasks, each with its own classes'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "contrast" -d 'Pre-train a network on images without labels'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "prototypical" -d 'Train a network to learn new classes from a few images each: prototypical networks (Snell et al. 2017)'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "lm" -d 'Train a language model on texts'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "svm" -d 'Train one linear SVM per class on the features of regions, with hard-negative mining'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "bbox" -d 'Train one box regressor per class, from the features of a proposal to the box of its object'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "disentangle" -d 'Train an autoencoder of content and style, whose styles dl-gan-edit swap exchanges'
complete -c dl-finetune -n "__fish_dl_finetune_using_subcommand help; and not __fish_seen_subcommand_from classifier detector linear neighbors prototypes attributes boost adversarial distill multitask contrast prototypical lm svm bbox disentangle help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
