complete -c dl-detect -l model -d 'Model file: a detector, or SVMs and box regressors, as written by dl-finetune svm and bbox' -r -F
complete -c dl-detect -l arch -d 'Architecture of a detector whose file does not state it' -r
complete -c dl-detect -l score -d 'Drop detections with a lower score [default: that of the detector\'s recipe; -1, the margin of the SVMs; 0.05 with --softmax]' -r -f
complete -c dl-detect -l max -d 'Keep at most N detections per image, the best of all classes [default: that of the detector\'s recipe; all]' -r -f
complete -c dl-detect -l classes -d 'Report only these classes' -r
complete -c dl-detect -l recipe -d 'Use the thresholds, the suppression and the numbers of boxes of this program, instead of those in the model' -r -f -a "torchvision\t'torchvision: R-CNNs, SSD, SSDlite'
detectron2\t'detectron2: R-CNNs'
caffe\t'The papers\' programs in Caffe: R-CNNs, SSD'
darknet\t'darknet: YOLO'"
complete -c dl-detect -l tile -d 'Also detect in square tiles of PIXELS, for small objects in large images, and merge' -r -f
complete -c dl-detect -l overlap -d 'Fraction of a tile that overlaps the next one' -r -f
complete -c dl-detect -l batch -d 'Images that are computed together; does not affect the results' -r -f
complete -c dl-detect -l softmax -d 'Instead of SVMs, score with the softmax of the features of layer `logits`. FILE is the network, as written by dl-finetune classifier, and provides the class names; box regressors still come from --model' -r -F
complete -c dl-detect -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-detect -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-detect -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-detect -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-detect -l raw -d 'Skip non-maximum suppression: dl-nms can follow'
complete -c dl-detect -l tta -d 'Also detect in the mirrored image, and merge (test-time augmentation)'
complete -c dl-detect -l cells -d 'Also write `cells`: what each cell of YOLOv1\'s grid predicts; dl-draw grid draws it'
complete -c dl-detect -l no-regression -d 'Keep the boxes of the proposals, even if the model has box regressors'
complete -c dl-detect -l with-objects -d 'Also score the ground-truth boxes that dl-embed --with-objects added to the proposals'
complete -c dl-detect -l drop-features -d 'Remove the `features`, which are large, from the records'
complete -c dl-detect -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-detect -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-detect -l strict -d 'Stop at the first record that fails'
complete -c dl-detect -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-detect -s V -l version -d 'Print version'
