# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dl_gan_edit_global_optspecs
    string join \n h/help V/version
end

function __fish_dl_gan_edit_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dl_gan_edit_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dl_gan_edit_using_subcommand
    set -l cmd (__fish_dl_gan_edit_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -s h -l help -d 'Print help'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -s V -l version -d 'Print version'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "super-resolve" -d 'Enlarge images: 2, 3, 4 or 8 times as high and wide, as the model was trained'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "translate" -d 'Translate images into another domain, as the model was trained: photos into paintings, faces into faces with sunglasses'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "complete" -d 'Fill the missing parts of images'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "colorize" -d 'Colorize gray images'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "project" -d 'Find the random vectors whose generated images are nearest to images'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "swap" -d 'Give images the style of other images, and keep their content'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "voxel" -d 'Make solids (voxels) from silhouettes, with a model of dl-gan-train voxel'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l model -d 'Model file of a generator: safetensors, or a PyTorch file whose tensors show the architecture' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l output-dir -d 'Folder for the results; created if it does not exist. The result of the record with the id `street/7` is DIR/street/7.png; a file that dl-gan-edit has not written is never replaced [default: each result is a `data:` URI in its record]' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l format -d 'Format of the results' -r -f -a "png\t'Lossless'
jpg\t'Smaller files, without transparency'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l tile -d 'Side of the tiles that a large image is cut into, in pixels; less takes less memory [default: by the network]' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand super-resolve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l model -d 'Model file of a generator: safetensors, or a PyTorch file whose tensors show the architecture' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l output-dir -d 'Folder for the results; created if it does not exist. The result of the record with the id `street/7` is DIR/street/7.png; a file that dl-gan-edit has not written is never replaced [default: each result is a `data:` URI in its record]' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l format -d 'Format of the results' -r -f -a "png\t'Lossless'
jpg\t'Smaller files, without transparency'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l tile -d 'Side of the tiles that a large image is cut into, in pixels; less takes less memory [default: by the network]' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand translate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -l mask -d 'Image of the size of all images, white where pixels are missing' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -l box -d 'Rectangle that is missing in all images, in pixels; may be given several times' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -l model -d 'Model file of a generator: safetensors, or a PyTorch file whose tensors show the architecture' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -l output-dir -d 'Folder for the results; created if it does not exist. The result of the record with the id `street/7` is DIR/street/7.png; a file that dl-gan-edit has not written is never replaced [default: each result is a `data:` URI in its record]' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -l format -d 'Format of the results' -r -f -a "png\t'Lossless'
jpg\t'Smaller files, without transparency'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -l tile -d 'Side of the tiles that a large image is cut into, in pixels; less takes less memory [default: by the network]' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand complete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -l model -d 'Model file of a generator: safetensors, or a PyTorch file whose tensors show the architecture' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -l output-dir -d 'Folder for the results; created if it does not exist. The result of the record with the id `street/7` is DIR/street/7.png; a file that dl-gan-edit has not written is never replaced [default: each result is a `data:` URI in its record]' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -l format -d 'Format of the results' -r -f -a "png\t'Lossless'
jpg\t'Smaller files, without transparency'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -l tile -d 'Side of the tiles that a large image is cut into, in pixels; less takes less memory [default: by the network]' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand colorize" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l model -d 'Model file of a generator of images from random vectors' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l steps -d 'Steps of Adam for each image' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l lr -d 'Largest learning rate' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l perceptual -d 'Also minimize the perceptual distance by this network: the convolutions of AlexNet, VGG-16 or SqueezeNet 1.1' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l linear -d 'Calibrated weights of its channels, such as vgg.pth of the lpips package' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l perceptual-weight -d 'Weight of the perceptual distance' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l pixel-weight -d 'Weight of the mean squared difference of the pixels, which are -1 to 1' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l output-dir -d 'Folder for the results; created if it does not exist [default: each result is a `data:` URI in its record]' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l format -d 'Format of the results' -r -f -a "png\t'Lossless'
jpg\t'Smaller files, without transparency'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand project" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -l model -d 'Model file of dl-finetune disentangle' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -l style-from -d 'Image whose style all images get, or records of images (.jsonl): their mean style' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -l mix -d 'Share of the new style, from 0, the image\'s own, to 1' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -l output-dir -d 'Folder for the results; created if it does not exist [default: each result is a `data:` URI in its record]' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -l format -d 'Format of the results' -r -f -a "png\t'Lossless'
jpg\t'Smaller files, without transparency'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -l pairs -d 'Each record has the image whose style its image gets, in the field `style_from`'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand swap" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l model -d 'Model file of dl-gan-train voxel' -r -F
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l output-dir -d 'Folder for the results; created if it does not exist. The solid of the record with the id `chair/7` is DIR/chair/7.npy' -r -f -a "(__fish_complete_directories)"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l field -d 'Field for the path of the solid' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l threshold -d 'Smallest probability of a filled voxel' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l draw -d 'Draw the solid, too, as a PNG with sides of this length, 256 if none is given, and write its path to the field `drawing`' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l largest -d 'Keep only the largest connected part'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l obj -d 'Write the surface as OBJ, too, and its path to the field `obj`'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l ply -d 'Write the surface as PLY, too, and its path to the field `ply`'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand voxel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate complete colorize project swap voxel help" -f -a "super-resolve" -d 'Enlarge images: 2, 3, 4 or 8 times as high and wide, as the model was trained'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate complete colorize project swap voxel help" -f -a "translate" -d 'Translate images into another domain, as the model was trained: photos into paintings, faces into faces with sunglasses'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate complete colorize project swap voxel help" -f -a "complete" -d 'Fill the missing parts of images'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate complete colorize project swap voxel help" -f -a "colorize" -d 'Colorize gray images'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate complete colorize project swap voxel help" -f -a "project" -d 'Find the random vectors whose generated images are nearest to images'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate complete colorize project swap voxel help" -f -a "swap" -d 'Give images the style of other images, and keep their content'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate complete colorize project swap voxel help" -f -a "voxel" -d 'Make solids (voxels) from silhouettes, with a model of dl-gan-train voxel'
complete -c dl-gan-edit -n "__fish_dl_gan_edit_using_subcommand help; and not __fish_seen_subcommand_from super-resolve translate complete colorize project swap voxel help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
