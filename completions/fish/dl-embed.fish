complete -c dl-embed -l model -d 'Model file (safetensors) of the network, or a folder as Hugging Face writes it' -r -F
complete -c dl-embed -l arch -d 'Architecture of a file of bare weights, see dl-model list [default: what the file says]' -r
complete -c dl-embed -l layer -d 'Outputs to take: module paths (features.12, classifier.4, encoder.layer.11), names of the papers (pool5, fc7, fire9), logits; a map averaged to 3x3 is fire9@3 [default: what the file or the architecture says]' -r
complete -c dl-embed -l pool -d 'How the rows of a sample, one for each token, become one; mean and max work on maps too [default: mean of a text, last of a GPT\'s, cls of CLIP\'s pictures; maps are kept]' -r -f -a "cls\t'The first token\'s row: BERT\'s [CLS], CLIP\'s class vector'
mean\t'The mean over the tokens, or over the places of a map'
last\t'The last token\'s row'
max\t'The largest number of each column, over the tokens or the places of a map'
none\t'Not at all: a row for each token; a map as one long row'"
complete -c dl-embed -l input -d 'What CLIP embeds of a record that has both [default: its image]' -r -f -a "image\t'The picture'
text\t'The text'"
complete -c dl-embed -l batch -d 'Regions, pictures or texts that go through the network at once; the result does not depend on it' -r
complete -c dl-embed -l warp -d 'How a region becomes the network\'s input [default: as the network was trained, or context]' -r -f -a "context\t'Stretched, with --pad pixels of context on every side'
tight\t'Stretched, without context'
square\t'The tightest square around it, with context'"
complete -c dl-embed -l pad -d 'Context around a region, in pixels of the network\'s input [default: as the network was trained, or 16; an eighth of an input of 32 pixels or less]' -r
complete -c dl-embed -l resize -d 'How a whole picture becomes the network\'s input [default: what the file says]' -r -f -a "shorter\t'The shorter side to a length, the centre cut out'
stretch\t'Both sides, the aspect ratio is not kept'
letterbox\t'The longer side, the rest filled with the mean'
none\t'Not at all: only normalised'"
complete -c dl-embed -l max-proposals -d 'Embed at most N proposals a record, the first ones; the others are dropped [default: all]' -r
complete -c dl-embed -l dtype -d 'Type of the numbers written' -r -f -a "f32\t'4 bytes a number'
f16\t'2 bytes a number'"
complete -c dl-embed -l features-dir -d 'Write the features into one safetensors file a record in this folder, and into the record only where' -r -F
complete -c dl-embed -l truncated -d 'What to do with an image that is cut off or lacks part of its data' -r -f -a "error\t'Its record fails'
keep\t'Decode what is there, and report it'"
complete -c dl-embed -l device -d 'Where to compute: cpu, cuda:N or metal' -r
complete -c dl-embed -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-embed -l seed -d 'Seed of every random draw' -r
complete -c dl-embed -l normalize -d 'Divide each row by its length, so that products of rows are cosines'
complete -c dl-embed -l with-objects -d 'Put the boxes of the true objects before the proposals, with score 1 and the object\'s index as `truth`: for training'
complete -c dl-embed -l features-json -d 'Write the features as JSON numbers'
complete -c dl-embed -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-embed -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-embed -l strict -d 'Stop at the first record that fails'
complete -c dl-embed -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-embed -s V -l version -d 'Print version'
