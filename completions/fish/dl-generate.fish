complete -c dl-generate -l model -d 'Model file of a GPT-2, Hugging Face model folder (gpt2, llama), or GGUF file of a Llama' -r -F
complete -c dl-generate -l prompt -d 'Text to continue, instead of records; may be empty, may be repeated' -r
complete -c dl-generate -l count -d 'Samples per prompt or record; with more than one, their ids end in /1, /2, ...' -r -f
complete -c dl-generate -l max-tokens -d 'Generate at most N tokens after the prompt' -r -f
complete -c dl-generate -l temperature -d 'Randomness: the logits are divided by X, so lower is more deterministic; 0 always takes the most likely token' -r -f
complete -c dl-generate -l top-k -d 'Sample from the K most likely tokens [default: all]' -r -f
complete -c dl-generate -l top-p -d 'Sample from the smallest set of most likely tokens whose probabilities sum to P' -r -f
complete -c dl-generate -l stop -d 'End the text before the first TEXT that the model generates; may be repeated' -r
complete -c dl-generate -l batch -d 'Texts per batch; does not affect the results' -r -f
complete -c dl-generate -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-generate -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-generate -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-generate -l bos -d 'Put the beginning-of-text token (GPT-2\'s <|endoftext|>, Llama\'s <s>) before every prompt'
complete -c dl-generate -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-generate -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-generate -l strict -d 'Stop at the first record that fails'
complete -c dl-generate -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-generate -s V -l version -d 'Print version'
