complete -c dl-classify -l model -d 'Model file of a network or a linear head, or a folder as Hugging Face writes it' -r -F
complete -c dl-classify -l arch -d 'Architecture of a file of bare weights, see dl-model list [default: what the file says]' -r
complete -c dl-classify -l label-file -d 'File of the classes\' names, one a line, in place of the model\'s' -r -F
complete -c dl-classify -l labels -d 'Classes to choose from, in words: for CLIP' -r
complete -c dl-classify -l template -d 'The sentence that each of --labels is put into, in place of {}; of several the mean counts [default: a photo of a {}]' -r
complete -c dl-classify -l top-k -d 'Predictions a record; 0: all classes' -r
complete -c dl-classify -l batch -d 'Pictures that go through the network at once; the result does not depend on it' -r
complete -c dl-classify -l resize -d 'How a picture becomes the network\'s input [default: what the file says]' -r -f -a "shorter\t'The shorter side to a length, the centre cut out'
stretch\t'Both sides, the aspect ratio is not kept'
letterbox\t'The longer side, the rest filled with the mean'
none\t'Not at all: only normalised'"
complete -c dl-classify -l truncated -d 'What to do with an image that is cut off or lacks part of its data' -r -f -a "error\t'Its record fails'
keep\t'Decode what is there, and report it'"
complete -c dl-classify -l device -d 'Where to compute: cpu, cuda:N or metal' -r
complete -c dl-classify -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-classify -l seed -d 'Seed of every random draw' -r
complete -c dl-classify -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-classify -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-classify -l strict -d 'Stop at the first record that fails'
complete -c dl-classify -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-classify -s V -l version -d 'Print version'
