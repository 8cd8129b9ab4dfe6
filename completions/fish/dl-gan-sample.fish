complete -c dl-gan-sample -s n -l count -l n -d 'Number of images or rows [default: R x C of --grid, otherwise 16]' -r -f
complete -c dl-gan-sample -l first -d 'Number of the first sample' -r -f
complete -c dl-gan-sample -l truncation -d 'Factor on the random vectors, 0 to 1; for StyleGAN on the distance of the styles from the mean style (psi): smaller values give more typical and less diverse images' -r -f
complete -c dl-gan-sample -l interpolate -d 'Make --count images between the samples number A and B' -r
complete -c dl-gan-sample -l mix -d 'Mix styles, with --grid RxC: the samples from --first on are the styles of R rows, the next ones those of C columns; the images have the column\'s style in these layers, counted from 0, and otherwise the row\'s. The sheet shows the unmixed images beside them. StyleGAN only' -r
complete -c dl-gan-sample -l latents -d 'Random vectors, instead of those of --seed: a safetensors file with a tensor `latent` [n, columns] or [n, columns, 1, 1], and `label` [n] if the generator is conditional; or records (.jsonl) of dl-gan-edit project' -r -F
complete -c dl-gan-sample -l output-dir -d 'Write the images as PNG files to this folder' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-sample -l grid -d 'Draw the first R x C images as one, to --output; small images are enlarged. Without --output-dir, each record still holds its image, as a data: URI' -r
complete -c dl-gan-sample -l output -d 'Image of --grid to write: .png' -r -F
complete -c dl-gan-sample -l csv -d 'Write the rows of a table as CSV, too' -r -F
complete -c dl-gan-sample -l label -d 'Label of the images; may be repeated, the samples then take turns [default: all labels in turn]. Of a table, a value of the column of labels, or COLUMN=VALUE [default: as often as in the data]' -r
complete -c dl-gan-sample -l prompt -d 'Text of which the images are made, by a generator trained on features of texts; may be repeated, the samples then take turns' -r
complete -c dl-gan-sample -l text-model -d 'Network that computes the features of --prompt: the one of the training' -r -F
complete -c dl-gan-sample -l conditions -d 'File of records (.jsonl) whose features the generator is told; the samples take turns' -r -F
complete -c dl-gan-sample -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-sample -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-sample -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-sample -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-sample -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-sample -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-sample -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-sample -s V -l version -d 'Print version'
