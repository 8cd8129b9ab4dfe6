complete -c dl-detect -l model -d 'Model file with SVMs, box regressors or both, as written by dl-finetune svm and bbox' -r -F
complete -c dl-detect -l softmax -d 'Score with the softmax of the features of the layer logits instead of SVMs. FILE is the network, as written by dl-finetune classifier, and provides the class names; box regressors still come from --model' -r -F
complete -c dl-detect -l score -d 'Drop detections with a lower score [default: -1, the margin of the SVMs; 0.05 with --softmax]' -r -f
complete -c dl-detect -l max -d 'Keep at most N detections per record, the best of all classes [default: all]' -r -f
complete -c dl-detect -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-detect -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-detect -l no-regression -d 'Keep the boxes of the proposals, even if the model has box regressors'
complete -c dl-detect -l with-objects -d 'Also score the ground-truth boxes that dl-embed --with-objects added to the proposals'
complete -c dl-detect -l drop-features -d 'Remove the `features`, which are large, from the records'
complete -c dl-detect -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-detect -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-detect -l strict -d 'Stop at the first record that fails'
complete -c dl-detect -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-detect -s V -l version -d 'Print version'
