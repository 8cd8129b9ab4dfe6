complete -c dl-embed -l model -d 'Model file of the network, or a Hugging Face model folder' -r -F
complete -c dl-embed -l arch -d 'Architecture of a file of bare weights; see dl-model list [default: from the file]' -r
complete -c dl-embed -l layer -d 'Layers whose outputs are the features: module paths (features.12, classifier.4, encoder.layer.11), names from the papers (pool5, fc7, fire9), or logits; fire9@3 averages a map to 3x3 [default: from the file or architecture]' -r
complete -c dl-embed -l pool -d 'How to pool the rows of a sample, one per token, into one row; mean and max also pool feature maps [default: mean for texts (last for GPT-2), cls for images in CLIP and ViT, mean for those in SigLIP, none for maps]' -r -f -a "cls\t'Take the row of the first token: BERT\'s [CLS], the class token of CLIP and ViT'
mean\t'Average over the tokens, or over the positions of a map'
last\t'Take the row of the last token'
max\t'Take the maximum of each column over the tokens, or over the positions of a map'
none\t'Do not pool: one row per token, or a map as one long row'"
complete -c dl-embed -l input -d 'What CLIP and SigLIP embed if a record has both [default: image]' -r -f -a "image\t'The image'
text\t'The text'"
complete -c dl-embed -l batch -d 'Regions, images or texts per batch; does not affect the results' -r -f
complete -c dl-embed -l warp -d 'How to warp a region to the network\'s input size [default: as the network was trained, or context]' -r -f -a "context\t'Stretch it, with --pad pixels of context on every side'
tight\t'Stretch it, without context'
square\t'Take the tightest square around it, with context'"
complete -c dl-embed -l pad -d 'Context around a region, in pixels of the network\'s input [default: as the network was trained, or 16; for inputs of at most 32 pixels, an eighth of the side]' -r -f
complete -c dl-embed -l resize -d 'How to resize a whole image to the network\'s input size [default: from the file]' -r -f -a "shorter\t'Scale the shorter side, then crop the center'
stretch\t'Scale both sides, ignoring the aspect ratio'
letterbox\t'Scale the longer side, and fill the rest with the mean color'
none\t'Do not resize, only normalize'"
complete -c dl-embed -l max -d 'Embed at most N proposals per record, the first ones, and drop the others [default: all]' -r -f
complete -c dl-embed -l dtype -d 'Number type of the features' -r -f -a "f32\t'4 bytes per number'
f16\t'2 bytes per number'"
complete -c dl-embed -l features-dir -d 'Write the features of each record to a safetensors file in DIR; the record only gets a reference to the file' -r -f -a "(__fish_complete_directories)"
complete -c dl-embed -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-embed -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-embed -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-embed -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-embed -l normalize -d 'Divide each row by its L2 norm, so that dot products of rows are cosines'
complete -c dl-embed -l with-objects -d 'Insert the boxes of the ground-truth objects before the proposals, for training; each gets a score of 1 and the object\'s index as `truth`'
complete -c dl-embed -l features-json -d 'Write the features as JSON numbers instead of base64'
complete -c dl-embed -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-embed -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-embed -l strict -d 'Stop at the first record that fails'
complete -c dl-embed -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-embed -s V -l version -d 'Print version'
