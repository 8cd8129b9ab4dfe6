complete -c dl-classify -l model -d 'Model file of a network or a head, or a Hugging Face model folder' -r -F
complete -c dl-classify -l arch -d 'Architecture of a file of bare weights; see dl-model list [default: from the file]' -r
complete -c dl-classify -l labels -d 'Class names to use instead of the model\'s: a list, @FILE with one per line, or the built-in @imagenet, @coco or @voc. For CLIP and SigLIP: the words to choose from' -r
complete -c dl-classify -l template -d 'For CLIP and SigLIP: the sentence in which each label replaces {}; may be repeated, to average over the sentences [default: a photo of a {}]' -r
complete -c dl-classify -l classes -d 'Classes to choose from and their attributes, for a head of dl-finetune attributes: CSV with the names of the attributes in the first line and a class in each other, or JSON {class: {attribute: value}} [default: those of the training]' -r -F
complete -c dl-classify -l calibration -d 'Subtract this from the scores of classes that were seen in training, which otherwise win over unseen ones' -r -f
complete -c dl-classify -l support -d 'Labeled records to add to the model\'s prototypes, also of new classes, for a head of dl-finetune prototypes; those that cannot be used are reported' -r -F
complete -c dl-classify -l input -d 'What to classify [default: what the network was trained on: whole images, objects and detections, or proposals]' -r -f -a "image\t'The whole image; predictions are stored in the record'
objects\t'Each of the record\'s objects, cropped; predictions are stored in the object'
detections\t'Each of the record\'s detections, cropped; predictions are stored in the detection'
proposals\t'Each of the record\'s proposals, cropped; predictions are stored in the proposal'"
complete -c dl-classify -l top-k -d 'Predictions per image, region or text; 0 for all classes' -r -f
complete -c dl-classify -l batch -d 'Images or regions per batch; does not affect the results' -r -f
complete -c dl-classify -l warp -d 'How to warp a region to the network\'s input size [default: as the network was trained, or context]' -r -f -a "context\t'Stretch it, with --pad pixels of context on every side'
tight\t'Stretch it, without context'
square\t'Take the tightest square around it, with context'"
complete -c dl-classify -l pad -d 'Context around a region, in pixels of the network\'s input [default: as the network was trained, or 16; for inputs of at most 32 pixels, an eighth of the side]' -r -f
complete -c dl-classify -l resize -d 'How to resize a whole image to the network\'s input size [default: from the file]' -r -f -a "shorter\t'Scale the shorter side, then crop the center'
stretch\t'Scale both sides, ignoring the aspect ratio'
letterbox\t'Scale the longer side, and fill the rest with the mean color'
none\t'Do not resize, only normalize'"
complete -c dl-classify -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-classify -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-classify -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-classify -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-classify -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-classify -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-classify -l strict -d 'Stop at the first record that fails'
complete -c dl-classify -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-classify -s V -l version -d 'Print version'
