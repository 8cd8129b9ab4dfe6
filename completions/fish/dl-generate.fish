complete -c dl-generate -l model -d 'Model file (safetensors) of a GPT-2, or a folder as Hugging Face writes it' -r -F
complete -c dl-generate -l prompt -d 'Beginning of a text, in place of records; may be repeated, and be empty' -r
complete -c dl-generate -l count -d 'Samples of each prompt or record; beyond one, their ids end in /1, /2, ...' -r
complete -c dl-generate -l max-tokens -d 'Tokens after the prompt, at most' -r
complete -c dl-generate -l temperature -d 'Divides the logits: below 1 the likely gets likelier; 0 takes the likeliest token always' -r
complete -c dl-generate -l top-k -d 'Choose among the K likeliest tokens [default: all]' -r
complete -c dl-generate -l top-p -d 'Choose among the likeliest tokens whose probabilities reach this sum' -r
complete -c dl-generate -l stop -d 'End a text before this, should the model write it; may be repeated' -r
complete -c dl-generate -l batch -d 'Texts that are written at once; the result does not depend on it' -r
complete -c dl-generate -l device -d 'Where to compute: cpu, cuda:N or metal' -r
complete -c dl-generate -l threads -d 'Threads to compute with, at most 1024; the result does not depend on it [default: one a core]' -r
complete -c dl-generate -l seed -d 'Seed of every random draw' -r
complete -c dl-generate -l bos -d 'Begin every prompt with the mark that begins texts (GPT-2\'s <|endoftext|>)'
complete -c dl-generate -s q -l quiet -d 'Say nothing on stderr but errors, and draw no progress bar'
complete -c dl-generate -s v -l verbose -d 'Say more on stderr; twice for still more'
complete -c dl-generate -l strict -d 'Stop at the first record that fails'
complete -c dl-generate -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-generate -s V -l version -d 'Print version'
