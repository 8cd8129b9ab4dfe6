complete -c dl-nms -l method -d 'What to do with a detection that overlaps a better one' -r -f -a "hard\t'Remove it: greedy suppression'
soft-linear\t'Multiply its score by 1 - IoU (Soft-NMS, Bodla et al. 2017)'
soft-gaussian\t'Multiply its score by exp(-IoU^2 / sigma), however small the overlap (Soft-NMS)'
diou\t'Remove it if the distance-IoU, which also considers the distance between the centers, is above --iou (Zheng et al. 2020)'
weighted\t'Remove it, and move the better box to the mean of both, weighted by score (weighted NMS, Zhou et al. 2017); masks and scores stay unchanged'"
complete -c dl-nms -l iou -d 'IoU above which a detection is suppressed, from 0 to 1; soft-gaussian ignores it; R-CNN uses 0.3' -r -f
complete -c dl-nms -l score -d 'Drop detections with a lower score [default: keep all; 0.001 with the soft methods]' -r -f
complete -c dl-nms -l max -d 'Keep at most N detections per record, the best of all classes [default: all]' -r -f
complete -c dl-nms -l sigma -d 'Width of the decay of soft-gaussian, which multiplies a score by exp(-IoU^2 / sigma)' -r -f
complete -c dl-nms -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-nms -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-nms -l class-agnostic -d 'Let detections of different classes suppress each other'
complete -c dl-nms -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-nms -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-nms -l strict -d 'Stop at the first record that fails'
complete -c dl-nms -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-nms -s V -l version -d 'Print version'
