complete -c dl-detect -l model -d 'Model file with the SVMs, box regressors or both that dl-finetune svm and bbox have written' -r -F
complete -c dl-detect -l softmax -d 'Score by the softmax of features.logits in place of SVMs; the file is the network that dl-finetune classifier has written, and names the classes. Box regressors still come from --model' -r -F
complete -c dl-detect -l score -d 'Least score of a detection [default: -1, the margin of the SVM\'s negatives; 0.05 with --softmax]' -r
complete -c dl-detect -l max -d 'At most so many detections a record, the best of all classes [default: all]' -r
complete -c dl-detect -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-detect -l seed -d 'Seed of every random draw' -r
complete -c dl-detect -l no-regression -d 'Leave the boxes where the proposals are, even if the model has box regressors'
complete -c dl-detect -l with-objects -d 'Also score true boxes that dl-embed --with-objects put among the proposals'
complete -c dl-detect -l drop-features -d 'Take the features, which are large, out of the records [default: they stay]'
complete -c dl-detect -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-detect -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-detect -l strict -d 'Stop at the first record that fails'
complete -c dl-detect -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-detect -s V -l version -d 'Print version'
