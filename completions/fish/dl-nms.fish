complete -c dl-nms -l method -d 'What happens to a detection that overlaps a better one' -r -f -a "hard\t'It goes: greedy suppression'
soft-linear\t'Its score is multiplied by 1 - IoU (Soft-NMS, Bodla et al. 2017)'
soft-gaussian\t'Its score, and that of every overlapping one, is multiplied by exp(-IoU^2 / sigma)'
diou\t'It goes when distance-IoU, which also counts how far apart the centres are, is above --iou (Zheng et al. 2020)'
weighted\t'It goes, after the better one has moved to the mean of both, weighted by score (weighted NMS, Zhou et al. 2017); masks and scores stay'"
complete -c dl-nms -l iou -d 'Overlap above which a detection is suppressed, from 0 to 1 (soft-gaussian: not used) [default: 0.5; R-CNN: 0.3]' -r
complete -c dl-nms -l score -d 'Drop detections with a lower score [default: keep all; soft methods: 0.001]' -r
complete -c dl-nms -l max -d 'Keep at most N detections a record, the best of all classes [default: all]' -r
complete -c dl-nms -l sigma -d 'Width of soft-gaussian\'s decay: a score is multiplied by exp(-IoU^2 / sigma)' -r
complete -c dl-nms -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-nms -l seed -d 'Seed of every random draw' -r
complete -c dl-nms -l class-agnostic -d 'Let detections of different classes suppress each other'
complete -c dl-nms -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-nms -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-nms -l strict -d 'Stop at the first record that fails'
complete -c dl-nms -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-nms -s V -l version -d 'Print version'
