complete -c dl-gan-sample -s n -l count -l n -d 'Number of images' -r -f
complete -c dl-gan-sample -l first -d 'Number of the first sample' -r -f
complete -c dl-gan-sample -l label -d 'Label of the images; may be repeated, the samples then take turns [default: all labels in turn]' -r
complete -c dl-gan-sample -l truncation -d 'Factor on the random vectors, 0 to 1: smaller values give more typical and less diverse images' -r -f
complete -c dl-gan-sample -l interpolate -d 'Make --count images between the samples number A and B' -r
complete -c dl-gan-sample -l latents -d 'Random vectors, instead of those of --seed: a safetensors file with a tensor `latent` [n, columns] or [n, columns, 1, 1], and `label` [n] if the generator is conditional' -r -F
complete -c dl-gan-sample -l output-dir -d 'Write the images as PNG files to this folder' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-sample -l grid -d 'Draw the first R x C images as one, to --output' -r
complete -c dl-gan-sample -l output -d 'Image of --grid to write: .png' -r -F
complete -c dl-gan-sample -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-sample -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-sample -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-sample -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-sample -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-sample -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-sample -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-sample -s V -l version -d 'Print version'
