# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dl_transfer_global_optspecs
    string join \n h/help V/version
end

function __fish_dl_transfer_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dl_transfer_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dl_transfer_using_subcommand
    set -l cmd (__fish_dl_transfer_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -s V -l version -d 'Print version'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "normalize" -d 'Scale rows, then columns'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "pca" -d 'Project rows on their principal directions'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "subspace" -d 'Align the principal directions of the source with those of the target (subspace alignment; Fernando et al. 2013)'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "coral" -d 'Give source rows the covariance of the target (CORAL; Sun et al. 2016)'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "tca" -d 'Find components in which the two sides are alike (TCA; Pan et al. 2011)'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "sstca" -d 'Find components in which the two sides are alike and the source\'s labels are kept (semi-supervised TCA; Pan et al. 2011)'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "jda" -d 'Find components in which the two sides, and their classes one by one, are alike (JDA; Long et al. 2013)'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "kmm" -d 'Weigh source records so that their mean in a kernel\'s space is that of the target (KMM; Huang et al. 2006)'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "kliep" -d 'Weigh source records by the ratio of the two densities (KLIEP; Sugiyama et al. 2008)'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "domain-classifier" -d 'Weigh source records by how much they look like target records to a classifier'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "dictionary" -d 'Learn a dictionary from unlabeled records, and code all records sparsely by it (self-taught learning; Raina et al. 2007)'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "cluster" -d 'Group records by their features'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "label-clusters" -d 'Name the groups of dl-transfer cluster by a few labeled records'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "complete" -d 'Fill unknown features and labels (matrix completion)'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "apply" -d 'Map new rows by the model file of an earlier run'
complete -c dl-transfer -n "__fish_dl_transfer_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l rows -d 'How to scale each row' -r -f -a "l1\t'To a sum of absolute values of 1'
l2\t'To length 1'"
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l columns -d 'How to scale each column' -r -f -a "zscore\t'To mean 0 and deviation 1'"
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l as -d 'Name of the new layer [default: the name of the method]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l output -d 'Model file to write: the map, for dl-transfer apply' -r -F
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l per-domain -d 'Scale the columns of each domain by themselves'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l keep -d 'Keep the layer that was mapped; otherwise the new one takes its place'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l force -d 'Overwrite an existing model file'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l map-only -d 'Write the model file alone, and no records'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand normalize" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l components -d 'Columns of the new layer [default: 100, or the rank of the rows]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l domain -d 'Domains to fit to; all records are mapped [default: all records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l as -d 'Name of the new layer [default: the name of the method]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l output -d 'Model file to write: the map, for dl-transfer apply' -r -F
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l whiten -d 'Scale each new column to variance 1'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l keep -d 'Keep the layer that was mapped; otherwise the new one takes its place'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l force -d 'Overwrite an existing model file'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l map-only -d 'Write the model file alone, and no records'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand pca" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l components -d 'Columns of the new layer [default: 100, or the lower rank of the two sides]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l as -d 'Name of the new layer [default: the name of the method]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l output -d 'Model file to write: the map, for dl-transfer apply' -r -F
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l keep -d 'Keep the layer that was mapped; otherwise the new one takes its place'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l force -d 'Overwrite an existing model file'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l map-only -d 'Write the model file alone, and no records'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand subspace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l regularization -d 'Number added to the diagonals of both covariances' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l as -d 'Name of the new layer [default: the name of the method]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l output -d 'Model file to write: the map, for dl-transfer apply' -r -F
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l center -d 'Move the mean of the source to that of the target as well'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l keep -d 'Keep the layer that was mapped; otherwise the new one takes its place'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l force -d 'Overwrite an existing model file'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l map-only -d 'Write the model file alone, and no records'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand coral" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l components -d 'Columns of the new layer [default: 100; with fewer rows or columns, half as many as there are]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l kernel -d 'Kernel that compares rows' -r -f -a "linear\t'The inner products with the rows of the fit'
rbf\t'The similarities exp(-gamma |a - b|^2) to the rows of the fit'
primal\t'The columns themselves, without a kernel'"
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l gamma -d 'Gamma of the rbf kernel, exp(-gamma |a - b|^2) [default: 1 / (2 m^2), where m is the median distance of two rows]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l lambda -d 'Weight of the penalty on the size of the components; the distance between the domains is first scaled to 1, as in the code of Long et al' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l mu -d 'Weight of the penalty as in Pan et al. 2011, in place of --lambda' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l landmarks -d 'Approximate the kernel by this many rows, drawn from both sides' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l random-features -d 'Approximate the rbf kernel by this many random Fourier features' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l as -d 'Name of the new layer [default: the name of the method]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l output -d 'Model file to write: the map, for dl-transfer apply' -r -F
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l keep -d 'Keep the layer that was mapped; otherwise the new one takes its place'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l force -d 'Overwrite an existing model file'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l map-only -d 'Write the model file alone, and no records'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand tca" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l class-weight -d 'Weight of the labels, from 0 to 1 (gamma in the paper)' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l graph-weight -d 'Weight of the neighbors (lambda in the paper)' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l neighbors -d 'Number of neighbors of each row' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l components -d 'Columns of the new layer [default: 100; with fewer rows or columns, half as many as there are]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l kernel -d 'Kernel that compares rows' -r -f -a "linear\t'The inner products with the rows of the fit'
rbf\t'The similarities exp(-gamma |a - b|^2) to the rows of the fit'
primal\t'The columns themselves, without a kernel'"
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l gamma -d 'Gamma of the rbf kernel, exp(-gamma |a - b|^2) [default: 1 / (2 m^2), where m is the median distance of two rows]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l lambda -d 'Weight of the penalty on the size of the components; the distance between the domains is first scaled to 1, as in the code of Long et al' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l mu -d 'Weight of the penalty as in Pan et al. 2011, in place of --lambda' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l landmarks -d 'Approximate the kernel by this many rows, drawn from both sides' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l random-features -d 'Approximate the rbf kernel by this many random Fourier features' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l as -d 'Name of the new layer [default: the name of the method]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l output -d 'Model file to write: the map, for dl-transfer apply' -r -F
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l keep -d 'Keep the layer that was mapped; otherwise the new one takes its place'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l force -d 'Overwrite an existing model file'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l map-only -d 'Write the model file alone, and no records'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand sstca" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l rounds -d 'Maximum number of rounds; fewer when the guesses no longer change' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l components -d 'Columns of the new layer [default: 100; with fewer rows or columns, half as many as there are]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l kernel -d 'Kernel that compares rows' -r -f -a "linear\t'The inner products with the rows of the fit'
rbf\t'The similarities exp(-gamma |a - b|^2) to the rows of the fit'
primal\t'The columns themselves, without a kernel'"
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l gamma -d 'Gamma of the rbf kernel, exp(-gamma |a - b|^2) [default: 1 / (2 m^2), where m is the median distance of two rows]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l lambda -d 'Weight of the penalty on the size of the components; the distance between the domains is first scaled to 1, as in the code of Long et al' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l mu -d 'Weight of the penalty as in Pan et al. 2011, in place of --lambda' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l landmarks -d 'Approximate the kernel by this many rows, drawn from both sides' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l random-features -d 'Approximate the rbf kernel by this many random Fourier features' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l as -d 'Name of the new layer [default: the name of the method]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l output -d 'Model file to write: the map, for dl-transfer apply' -r -F
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l keep -d 'Keep the layer that was mapped; otherwise the new one takes its place'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l force -d 'Overwrite an existing model file'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l map-only -d 'Write the model file alone, and no records'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand jda" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -l bound -d 'Largest weight (B in the paper)' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -l eps -d 'How far the mean weight may be from 1 [default: (sqrt(n) - 1) / sqrt(n) for n source records]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -l gamma -d 'Gamma of the kernel exp(-gamma |a - b|^2) [default: 1 / (2 m^2), where m is the median distance of two rows]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -l random-features -d 'Approximate the kernel by this many random Fourier features; memory then grows with the rows alone' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kmm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -l centers -d 'Number of kernels, each around a target record' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -l gamma -d 'Gammas of the kernel exp(-gamma |a - b|^2) to choose from [default: 1/16, 1/8, .. 16 times that of the median distance]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand kliep" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -l cost -d 'C, the inverse of the regularization strength' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -l folds -d 'Parts of the records: each is weighed by a classifier that was trained on the others; 1 for a single classifier' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -l bound -d 'Largest weight' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -l source -d 'Domains to learn from [default: source; with --target, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -l target -d 'Domains to adapt to [default: target; with --source, all others]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand domain-classifier" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l atoms -d 'Number of atoms' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l beta -d 'Weight of the L1 norm, in the squared unit of the features; larger gives sparser codes, and too large codes of 0' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l iterations -d 'Maximum number of rounds' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l domain -d 'Domains to fit to; all records are mapped [default: all records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l as -d 'Name of the new layer [default: the name of the method]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l output -d 'Model file to write: the map, for dl-transfer apply' -r -F
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l raw -d 'Do not subtract the mean of the rows'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l keep -d 'Keep the layer that was mapped; otherwise the new one takes its place'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l force -d 'Overwrite an existing model file'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l map-only -d 'Write the model file alone, and no records'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand dictionary" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and not __fish_seen_subcommand_from kmeans gmm help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and not __fish_seen_subcommand_from kmeans gmm help" -f -a "kmeans" -d 'By k-means, from k-means++ starts'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and not __fish_seen_subcommand_from kmeans gmm help" -f -a "gmm" -d 'By a mixture of Gaussians (expectation-maximization), from k-means'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and not __fish_seen_subcommand_from kmeans gmm help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from kmeans" -l k -d 'Number of groups' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from kmeans" -l restarts -d 'Number of starts, of which the best is kept' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from kmeans" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from kmeans" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from kmeans" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from kmeans" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from kmeans" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from kmeans" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from kmeans" -s h -l help -d 'Print help'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -l covariance -d 'Shape of the covariances' -r -f -a "full\t'Any, for each group'
diagonal\t'A variance for each column of each group'"
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -l floor -d 'Number added to the variances of the columns, so that no group collapses' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -l k -d 'Number of groups' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -l restarts -d 'Number of starts, of which the best is kept' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from gmm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "kmeans" -d 'By k-means, from k-means++ starts'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "gmm" -d 'By a mixture of Gaussians (expectation-maximization), from k-means'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand label-clusters" -l labels -d 'Records with `id` and `label` [default: the labels of the input]' -r -F
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand label-clusters" -l naming -d 'How labels are given to groups' -r -f -a "majority\t'The most frequent label of each group; several may take the same'
assignment\t'Each label for at most one group'"
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand label-clusters" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand label-clusters" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand label-clusters" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand label-clusters" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand label-clusters" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand label-clusters" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand complete" -l method -d 'What to minimize [default: mc-b where records have `labels`, otherwise soft-impute]' -r -f -a "soft-impute\t'Squared errors and the nuclear norm; features alone'
mc-b\t'Labels too, with a bias for each'
mc-1\t'Labels too, with a column of ones'"
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand complete" -l rank -d 'Largest rank' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand complete" -l lambda -d 'Weight of the nuclear norm, for soft-impute [default: by held-out entries]' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand complete" -l layer -d 'Layer to read [default: the only one in the records]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand complete" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand complete" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand complete" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand complete" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand complete" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand complete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand apply" -l model -d 'Model file of a map' -r -F
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand apply" -l domain -d 'Domain of all records [default: that of each record]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand apply" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand apply" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand apply" -l keep -d 'Keep the layer that is mapped; otherwise the new one takes its place'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand apply" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand apply" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand apply" -l strict -d 'Stop at the first record that fails'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "normalize" -d 'Scale rows, then columns'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "pca" -d 'Project rows on their principal directions'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "subspace" -d 'Align the principal directions of the source with those of the target (subspace alignment; Fernando et al. 2013)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "coral" -d 'Give source rows the covariance of the target (CORAL; Sun et al. 2016)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "tca" -d 'Find components in which the two sides are alike (TCA; Pan et al. 2011)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "sstca" -d 'Find components in which the two sides are alike and the source\'s labels are kept (semi-supervised TCA; Pan et al. 2011)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "jda" -d 'Find components in which the two sides, and their classes one by one, are alike (JDA; Long et al. 2013)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "kmm" -d 'Weigh source records so that their mean in a kernel\'s space is that of the target (KMM; Huang et al. 2006)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "kliep" -d 'Weigh source records by the ratio of the two densities (KLIEP; Sugiyama et al. 2008)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "domain-classifier" -d 'Weigh source records by how much they look like target records to a classifier'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "dictionary" -d 'Learn a dictionary from unlabeled records, and code all records sparsely by it (self-taught learning; Raina et al. 2007)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "cluster" -d 'Group records by their features'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "label-clusters" -d 'Name the groups of dl-transfer cluster by a few labeled records'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "complete" -d 'Fill unknown features and labels (matrix completion)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "apply" -d 'Map new rows by the model file of an earlier run'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and not __fish_seen_subcommand_from normalize pca subspace coral tca sstca jda kmm kliep domain-classifier dictionary cluster label-clusters complete apply help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "kmeans" -d 'By k-means, from k-means++ starts'
complete -c dl-transfer -n "__fish_dl_transfer_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "gmm" -d 'By a mixture of Gaussians (expectation-maximization), from k-means'
