# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dl_gan_train_global_optspecs
    string join \n h/help V/version
end

function __fish_dl_gan_train_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dl_gan_train_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dl_gan_train_using_subcommand
    set -l cmd (__fish_dl_gan_train_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -s h -l help -d 'Print help'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -s V -l version -d 'Print version'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "vanilla" -d 'Train the fully connected GAN of Goodfellow et al. 2014'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "dcgan" -d 'Train the convolutional GAN of Radford et al. 2016'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "lapgan" -d 'Train LAPGAN (Denton et al. 2015): a small image first, then details of each larger size'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "stylegan" -d 'Train StyleGAN2 (Karras et al. 2020) on small images'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "conditional" -d 'Train a GAN on images and their labels or captions, so that samples of a label or a prompt can be made'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "srgan" -d 'Train SRGAN (Ledig et al. 2017), which enlarges images 2, 4 or 8 times'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "pix2pix" -d 'Train pix2pix (Isola et al. 2017), which makes one image of another'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "complete" -d 'Train a network that completes images (Pathak et al. 2016)'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "colorize" -d 'Train a network that colorizes gray images, by pix2pix\'s recipe'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "cyclegan" -d 'Train CycleGAN (Zhu et al. 2017): translators between two domains of images without pairs'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "discogan" -d 'Train DiscoGAN (Kim et al. 2017): translators between two domains of images without pairs'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "table" -d 'Train a GAN on a table, to make rows like its own (CTGAN, Xu et al. 2019)'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "voxel" -d 'Train a generator of solids (voxels) from silhouettes'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l latent -d 'Numbers of a random vector; with --init-from, those of its generator [default: 100]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that exists' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l freeze-d -d 'With --init-from: freeze the first N layers of the discriminator (FreezeD)' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l width -d 'Factor on the number of hidden columns [default: 1, or that of --init-from]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l batch -d 'Images per batch [default: 64]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l epochs -d 'Passes over the data, instead of --iterations [default: 25; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l n-critic -d 'Batches for the discriminator per batch for the generator [default: 5 for --loss wgan, otherwise 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l samples-every -d 'Draw a sheet of 8 x 8 samples, always of the same random vectors, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l loss -d 'Loss of both players [default: non-saturating]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
non-saturating\t'The same, but the generator maximizes the log of the probability'
lsgan\t'Least squares (Mao et al. 2017)'
hinge\t'Hinge (Lim and Ye 2017)'
wgan\t'The critic\'s difference (Arjovsky et al. 2017)'
relativistic\t'Each generated image against a real one (R3GAN)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l penalty -d 'Penalty on the discriminator\'s gradient with respect to images; its batch norms are then left out [default: wgan-gp for --loss wgan, otherwise none]' -r -f -a "none\t'No penalty'
r1\t'On real images, toward 0 (Mescheder et al. 2018)'
r1+r2\t'On real and on generated images, toward 0 (R3GAN)'
wgan-gp\t'Between real and generated images, toward a norm of 1 (Gulrajani et al. 2017)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l gamma -d 'Weight of the penalty [default: 10; for r1+r2 0.05]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l lazy -d 'Compute the penalty on every Nth batch, and multiply it by N [default: 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l augment -d 'Augmentation of all images that the discriminator sees, for small sets of images' -r -f -a "none\t'No augmentation'
diff\t'DiffAugment (Zhao et al. 2020): colors, shifts and cut-out squares, through which the generator is trained'
ada\t'Adaptive (Karras et al. 2020a): flips, turns, shifts, scales and colors, as often as the discriminator overfits'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l ada-speed -d 'With --augment ada: thousands of images in which the probability of an augmentation can rise from 0 to 1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l ada-target -d 'With --augment ada: the mean sign of the discriminator\'s logits of real images to hold' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l fid-against -d 'Compute the Fréchet inception distance to the images of these records, and write the generator with the smallest one to --output' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l fid-model -d 'Network whose features --fid-against compares; distances by different networks cannot be compared' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l fid-layer -d 'Layer of --fid-model [default: as dl-embed]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l fid-every -d 'Compute the distance every N batches, and at the end' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l fid-samples -d 'Samples of the generator for the distance [default: as many as real images, at most 2000]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l no-batch-norm -d 'Discriminator without batch norms'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l spectral-norm -d 'Divide each weight of the discriminator by its largest singular value (Miyato et al. 2018); its batch norms are then left out'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l flip -d 'Flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l latent -d 'Numbers of a random vector; with --init-from, those of its generator [default: 100]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that exists' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l freeze-d -d 'With --init-from: freeze the first N layers of the discriminator (FreezeD)' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l width -d 'Factor on the number of channels [default: 1, or that of --init-from]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l batch -d 'Images per batch [default: 64]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l epochs -d 'Passes over the data, instead of --iterations [default: 25; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l n-critic -d 'Batches for the discriminator per batch for the generator [default: 5 for --loss wgan, otherwise 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l samples-every -d 'Draw a sheet of 8 x 8 samples, always of the same random vectors, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l loss -d 'Loss of both players [default: non-saturating]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
non-saturating\t'The same, but the generator maximizes the log of the probability'
lsgan\t'Least squares (Mao et al. 2017)'
hinge\t'Hinge (Lim and Ye 2017)'
wgan\t'The critic\'s difference (Arjovsky et al. 2017)'
relativistic\t'Each generated image against a real one (R3GAN)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l penalty -d 'Penalty on the discriminator\'s gradient with respect to images; its batch norms are then left out [default: wgan-gp for --loss wgan, otherwise none]' -r -f -a "none\t'No penalty'
r1\t'On real images, toward 0 (Mescheder et al. 2018)'
r1+r2\t'On real and on generated images, toward 0 (R3GAN)'
wgan-gp\t'Between real and generated images, toward a norm of 1 (Gulrajani et al. 2017)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l gamma -d 'Weight of the penalty [default: 10; for r1+r2 0.05]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l lazy -d 'Compute the penalty on every Nth batch, and multiply it by N [default: 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l augment -d 'Augmentation of all images that the discriminator sees, for small sets of images' -r -f -a "none\t'No augmentation'
diff\t'DiffAugment (Zhao et al. 2020): colors, shifts and cut-out squares, through which the generator is trained'
ada\t'Adaptive (Karras et al. 2020a): flips, turns, shifts, scales and colors, as often as the discriminator overfits'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l ada-speed -d 'With --augment ada: thousands of images in which the probability of an augmentation can rise from 0 to 1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l ada-target -d 'With --augment ada: the mean sign of the discriminator\'s logits of real images to hold' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l fid-against -d 'Compute the Fréchet inception distance to the images of these records, and write the generator with the smallest one to --output' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l fid-model -d 'Network whose features --fid-against compares; distances by different networks cannot be compared' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l fid-layer -d 'Layer of --fid-model [default: as dl-embed]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l fid-every -d 'Compute the distance every N batches, and at the end' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l fid-samples -d 'Samples of the generator for the distance [default: as many as real images, at most 2000]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l no-batch-norm -d 'Discriminator without batch norms'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l spectral-norm -d 'Divide each weight of the discriminator by its largest singular value (Miyato et al. 2018); its batch norms are then left out'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l flip -d 'Flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l levels -d 'Sizes of images, each half of the next [default: until the smallest side is at most 15 pixels]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l coarse -d 'The networks of the smallest size' -r -f -a "vanilla\t'Fully connected, with two hidden layers (the paper\'s)'
dcgan\t'Those of dl-gan-train dcgan'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l width -d 'Factor on the number of channels, and of hidden columns' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l latent -d 'Numbers of the random vector of the smallest size; the others have one number per pixel' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l batch -d 'Images per batch [default: 128]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l epochs -d 'Passes over the data, instead of --iterations [default: 50; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l lr-g -d 'Learning rate of the generator [default: 0.0002; with --optimizer sgd 0.02]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002; with --optimizer sgd 0.02]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l optimizer -d 'How the weights are trained' -r -f -a "adam\t'Kingma and Ba 2015'
sgd\t'Gradient descent with momentum and a falling rate (the source\'s)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l momentum -d 'Momentum of --optimizer sgd; it rises from 0 to 0.7 in the source' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l samples-every -d 'Draw a sheet of 8 x 8 samples, of the same random vectors and the labels, if any, in turn, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l conditional -d 'Show all networks the `label` of the records, so that samples of a label can be made'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l flip -d 'Flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand lapgan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l mapping-layers -d 'Fully connected layers from the random vector to the style' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l latent -d 'Numbers of a random vector; with --init-from, those of its generator [default: 512 times --width]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that exists' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l freeze-d -d 'With --init-from: freeze the first N layers of the discriminator (FreezeD)' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l width -d 'Factor on the number of channels, at most 512 [default: 1, or that of --init-from]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l style-mixing -d 'Probability that the last layers of a batch get other styles than the first ones' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l ema-half-life -d 'Images after which the moving average has forgotten half of a weight, instead of --ema [default: 312.5 times --batch]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l batch -d 'Images per batch [default: 32]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l epochs -d 'Passes over the data, instead of --iterations [default: 25; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l lr-g -d 'Learning rate of the generator [default: 0.0025]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l lr-d -d 'Learning rate of the discriminator [default: 0.0025]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999 [default: by --ema-half-life]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l n-critic -d 'Batches for the discriminator per batch for the generator [default: 5 for --loss wgan, otherwise 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l samples-every -d 'Draw a sheet of 8 x 8 samples, always of the same random vectors, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l loss -d 'Loss of both players [default: non-saturating]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
non-saturating\t'The same, but the generator maximizes the log of the probability'
lsgan\t'Least squares (Mao et al. 2017)'
hinge\t'Hinge (Lim and Ye 2017)'
wgan\t'The critic\'s difference (Arjovsky et al. 2017)'
relativistic\t'Each generated image against a real one (R3GAN)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l penalty -d 'Penalty on the discriminator\'s gradient with respect to images; its batch norms are then left out [default: wgan-gp for --loss wgan, otherwise r1]' -r -f -a "none\t'No penalty'
r1\t'On real images, toward 0 (Mescheder et al. 2018)'
r1+r2\t'On real and on generated images, toward 0 (R3GAN)'
wgan-gp\t'Between real and generated images, toward a norm of 1 (Gulrajani et al. 2017)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l gamma -d 'Weight of the penalty [default: 0.0002 times the pixels of an image, divided by --batch; for r1+r2 0.05, for wgan-gp 10]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l lazy -d 'Compute the penalty on every Nth batch, and multiply it by N [default: 16]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l augment -d 'Augmentation of all images that the discriminator sees, for small sets of images' -r -f -a "none\t'No augmentation'
diff\t'DiffAugment (Zhao et al. 2020): colors, shifts and cut-out squares, through which the generator is trained'
ada\t'Adaptive (Karras et al. 2020a): flips, turns, shifts, scales and colors, as often as the discriminator overfits'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l ada-speed -d 'With --augment ada: thousands of images in which the probability of an augmentation can rise from 0 to 1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l ada-target -d 'With --augment ada: the mean sign of the discriminator\'s logits of real images to hold' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l fid-against -d 'Compute the Fréchet inception distance to the images of these records, and write the generator with the smallest one to --output' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l fid-model -d 'Network whose features --fid-against compares; distances by different networks cannot be compared' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l fid-layer -d 'Layer of --fid-model [default: as dl-embed]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l fid-every -d 'Compute the distance every N batches, and at the end' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l fid-samples -d 'Samples of the generator for the distance [default: as many as real images, at most 2000]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l spectral-norm -d 'Divide each weight of the discriminator by its largest singular value (Miyato et al. 2018); its batch norms are then left out'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l no-batch-norm -d 'Discriminator without batch norms'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l flip -d 'Flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand stylegan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l body -d 'The networks' -r -f -a "vanilla\t'Those of dl-gan-train vanilla'
dcgan\t'Those of dl-gan-train dcgan'
upsample\t'A generator of nearest upsampling and convolutions, and the discriminator of dcgan'
stylegan\t'Those of dl-gan-train stylegan'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l condition -d 'What the networks are told: label, or the name of features in the records' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l conditioning -d 'How the discriminator gets to know the condition' -r -f -a "embed\t'As numbers or a channel beside the image'
project\t'As the inner product with the last features (Miyato and Koyama 2018)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l label-columns -d 'Numbers of the condition\'s embedding in the generator' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l width -d 'Factor on the number of channels, or of hidden columns [default: 1, or that of --init-from]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l latent -d 'Numbers of a random vector; with --init-from, those of its generator [default: 100; with --body stylegan 512 times --width]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that exists' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l freeze-d -d 'With --init-from: freeze the first N layers of the discriminator (FreezeD)' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l batch -d 'Images per batch [default: 64; with --body stylegan 32]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l epochs -d 'Passes over the data, instead of --iterations [default: 25; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l lr-g -d 'Learning rate of the generator [default: 0.0002; with --body stylegan 0.0025]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002; with --body stylegan 0.0025]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5; with --body stylegan 0]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999 [default: none; with --body stylegan one that forgets half in 312.5 batches]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l n-critic -d 'Batches for the discriminator per batch for the generator [default: 5 for --loss wgan, otherwise 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l samples-every -d 'Draw a sheet of 8 x 8 samples, of the same random vectors and the labels or features in turn, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l loss -d 'Loss of both players [default: non-saturating; with --body vanilla lsgan]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
non-saturating\t'The same, but the generator maximizes the log of the probability'
lsgan\t'Least squares (Mao et al. 2017)'
hinge\t'Hinge (Lim and Ye 2017)'
wgan\t'The critic\'s difference (Arjovsky et al. 2017)'
relativistic\t'Each generated image against a real one (R3GAN)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l penalty -d 'Penalty on the discriminator\'s gradient with respect to images; its batch norms are then left out [default: wgan-gp for --loss wgan, r1 with --body stylegan, otherwise none]' -r -f -a "none\t'No penalty'
r1\t'On real images, toward 0 (Mescheder et al. 2018)'
r1+r2\t'On real and on generated images, toward 0 (R3GAN)'
wgan-gp\t'Between real and generated images, toward a norm of 1 (Gulrajani et al. 2017)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l gamma -d 'Weight of the penalty [default: 10; for r1+r2 0.05; for r1 with --body stylegan 0.0002 times the pixels of an image, divided by --batch]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l lazy -d 'Compute the penalty on every Nth batch, and multiply it by N [default: 1; with --body stylegan 16]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l augment -d 'Augmentation of all images that the discriminator sees, for small sets of images' -r -f -a "none\t'No augmentation'
diff\t'DiffAugment (Zhao et al. 2020): colors, shifts and cut-out squares, through which the generator is trained'
ada\t'Adaptive (Karras et al. 2020a): flips, turns, shifts, scales and colors, as often as the discriminator overfits'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l ada-speed -d 'With --augment ada: thousands of images in which the probability of an augmentation can rise from 0 to 1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l ada-target -d 'With --augment ada: the mean sign of the discriminator\'s logits of real images to hold' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l fid-against -d 'Compute the Fréchet inception distance to the images of these records, and write the generator with the smallest one to --output' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l fid-model -d 'Network whose features --fid-against compares; distances by different networks cannot be compared' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l fid-layer -d 'Layer of --fid-model [default: as dl-embed]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l fid-every -d 'Compute the distance every N batches, and at the end' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l fid-samples -d 'Samples of the generator for the distance [default: as many as real images, at most 2000]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l no-batch-norm -d 'Discriminator without batch norms'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l spectral-norm -d 'Divide each weight of the discriminator by its largest singular value (Miyato et al. 2018); its batch norms are then left out. Not with --body stylegan'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l flip -d 'Flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l scale -d 'How many times as high and wide: 2, 4 or 8' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l crop -d 'Side of the crops of the large images, in pixels' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l generator -d 'Generator' -r -f -a "srgan\t'The paper\'s, with batch norms; the names of leftthomas/SRGAN'
srresnet\t'Without batch norms, added to the bilinear enlargement; the names of BasicSR'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l blocks -d 'Residual blocks of the generator' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l width -d 'Factor on the number of channels of both networks' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that has one' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l batch -d 'Images per batch [default: 16]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l epochs -d 'Passes over the data, instead of --iterations [default: 100; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l lr-g -d 'Learning rate of the generator [default: 0.0001]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l lr-d -d 'Learning rate of the discriminator [default: 0.0001]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.9]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l samples-every -d 'Draw a sheet of the first 8 pairs, a row each of inputs, results and targets, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l adversarial -d 'Weight of the game in the generator\'s loss; 0: no discriminator [default: 0.001]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l loss -d 'Loss of both players [default: non-saturating]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
non-saturating\t'The same, but the generator maximizes the log of the probability'
lsgan\t'Least squares (Mao et al. 2017)'
hinge\t'Hinge (Lim and Ye 2017)'
wgan\t'The critic\'s difference (Arjovsky et al. 2017)'
relativistic\t'Each generated image against a real one (R3GAN)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l pixel-loss -d 'How the pixels are compared [default: l2]' -r -f -a "l1\t'Absolute differences'
l2\t'Squared differences'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l pixel-weight -d 'Weight of the pixels\' loss [default: 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l perceptual -d 'Model file of a network whose features of the image and of the target are compared, too' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l perceptual-arch -d 'Architecture of --perceptual, a file of bare weights; see dl-model list' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l perceptual-layer -d 'Layer of these features, as dl-model summary names it [default: the one of dl-embed]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l perceptual-loss -d 'How these features are compared' -r -f -a "l1\t'Absolute differences'
l2\t'Squared differences'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l perceptual-weight -d 'Weight of these features\' loss' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l variation -d 'Weight of the total variation, which makes images smooth, for example 2e-8' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l val -d 'Records to validate with: the mean peak signal-to-noise ratio of whole images is logged. Without a discriminator, the best model is kept, otherwise the last' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l validate-every -d 'Validate every N batches, and at the end' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l no-flip -d 'Do not flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand srgan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l target -d 'Field of the records with the image to be made: a path or a `data:` URI' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l size -d 'Size that images are resized to in training, in pixels: multiples of 32 for unet, of 4 for resnet [default: that of the first image as multiples of 32, at most 256]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l generator -d 'Generator' -r -f -a "unet\t'The U-Net of pix2pix'
resnet\t'The residual network of CycleGAN'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l norm -d 'Norms of both networks [default: instance for batches of 1, otherwise batch]' -r -f -a "instance\t'Of each image by itself'
batch\t'Of the batch'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l patch-layers -d 'Layers of the discriminator: 1, 2 and 3 see patches of 16, 34 and 70 pixels [default: 3; less for small images]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l width -d 'Factor on the number of channels of both networks' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that has one' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l jitter -d 'Resize images to X times the size, and cut a random part out; 1: the whole image' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l batch -d 'Images per batch [default: 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l epochs -d 'Passes over the data, instead of --iterations [default: 200; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l samples-every -d 'Draw a sheet of the first 8 pairs, a row each of inputs, results and targets, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l adversarial -d 'Weight of the game in the generator\'s loss; 0: no discriminator [default: 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l loss -d 'Loss of both players [default: non-saturating]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
non-saturating\t'The same, but the generator maximizes the log of the probability'
lsgan\t'Least squares (Mao et al. 2017)'
hinge\t'Hinge (Lim and Ye 2017)'
wgan\t'The critic\'s difference (Arjovsky et al. 2017)'
relativistic\t'Each generated image against a real one (R3GAN)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l pixel-loss -d 'How the pixels are compared [default: l1]' -r -f -a "l1\t'Absolute differences'
l2\t'Squared differences'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l pixel-weight -d 'Weight of the pixels\' loss [default: 100]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l perceptual -d 'Model file of a network whose features of the image and of the target are compared, too' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l perceptual-arch -d 'Architecture of --perceptual, a file of bare weights; see dl-model list' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l perceptual-layer -d 'Layer of these features, as dl-model summary names it [default: the one of dl-embed]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l perceptual-loss -d 'How these features are compared' -r -f -a "l1\t'Absolute differences'
l2\t'Squared differences'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l perceptual-weight -d 'Weight of these features\' loss' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l variation -d 'Weight of the total variation, which makes images smooth, for example 2e-8' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l val -d 'Records to validate with: the mean peak signal-to-noise ratio of whole images is logged. Without a discriminator, the best model is kept, otherwise the last' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l validate-every -d 'Validate every N batches, and at the end' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l no-flip -d 'Do not flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand pix2pix" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l size -d 'Size that images are resized to in training, in pixels: multiples of 32 for unet, of 4 for resnet [default: that of the first image as multiples of 32, at most 256]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l generator -d 'Generator' -r -f -a "unet\t'The U-Net of pix2pix'
resnet\t'The residual network of CycleGAN'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l norm -d 'Norms of both networks [default: instance for batches of 1, otherwise batch]' -r -f -a "instance\t'Of each image by itself'
batch\t'Of the batch'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l patch-layers -d 'Layers of the discriminator: 1, 2 and 3 see patches of 16, 34 and 70 pixels [default: 3; less for small images]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l width -d 'Factor on the number of channels of both networks' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that has one' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l hole -d 'Share of an image that is missing; each random hole covers 0.5 to 1.5 times this share' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l hole-shape -d 'Form of the holes' -r -f -a "random\t'Rectangles and strokes of a brush'
center\t'The center'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l jitter -d 'Resize images to X times the size, and cut a random part out; 1: the whole image' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l batch -d 'Images per batch [default: 16]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l epochs -d 'Passes over the data, instead of --iterations [default: 100; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l samples-every -d 'Draw a sheet of the first 8 pairs, a row each of inputs, results and targets, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l adversarial -d 'Weight of the game in the generator\'s loss; 0: no discriminator [default: 0.001]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l loss -d 'Loss of both players [default: non-saturating]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
non-saturating\t'The same, but the generator maximizes the log of the probability'
lsgan\t'Least squares (Mao et al. 2017)'
hinge\t'Hinge (Lim and Ye 2017)'
wgan\t'The critic\'s difference (Arjovsky et al. 2017)'
relativistic\t'Each generated image against a real one (R3GAN)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l pixel-loss -d 'How the pixels are compared [default: l2]' -r -f -a "l1\t'Absolute differences'
l2\t'Squared differences'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l pixel-weight -d 'Weight of the pixels\' loss [default: 0.999]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l perceptual -d 'Model file of a network whose features of the image and of the target are compared, too' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l perceptual-arch -d 'Architecture of --perceptual, a file of bare weights; see dl-model list' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l perceptual-layer -d 'Layer of these features, as dl-model summary names it [default: the one of dl-embed]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l perceptual-loss -d 'How these features are compared' -r -f -a "l1\t'Absolute differences'
l2\t'Squared differences'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l perceptual-weight -d 'Weight of these features\' loss' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l variation -d 'Weight of the total variation, which makes images smooth, for example 2e-8' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l val -d 'Records to validate with: the mean peak signal-to-noise ratio of whole images is logged. Without a discriminator, the best model is kept, otherwise the last' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l validate-every -d 'Validate every N batches, and at the end' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l no-flip -d 'Do not flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand complete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l size -d 'Size that images are resized to in training, in pixels: multiples of 32 for unet, of 4 for resnet [default: that of the first image as multiples of 32, at most 256]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l generator -d 'Generator' -r -f -a "unet\t'The U-Net of pix2pix'
resnet\t'The residual network of CycleGAN'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l norm -d 'Norms of both networks [default: instance for batches of 1, otherwise batch]' -r -f -a "instance\t'Of each image by itself'
batch\t'Of the batch'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l patch-layers -d 'Layers of the discriminator: 1, 2 and 3 see patches of 16, 34 and 70 pixels [default: 3; less for small images]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l width -d 'Factor on the number of channels of both networks' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that has one' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l jitter -d 'Resize images to X times the size, and cut a random part out; 1: the whole image' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l batch -d 'Images per batch [default: 4]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l epochs -d 'Passes over the data, instead of --iterations [default: 200; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l samples-every -d 'Draw a sheet of the first 8 pairs, a row each of inputs, results and targets, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l adversarial -d 'Weight of the game in the generator\'s loss; 0: no discriminator [default: 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l loss -d 'Loss of both players [default: non-saturating]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
non-saturating\t'The same, but the generator maximizes the log of the probability'
lsgan\t'Least squares (Mao et al. 2017)'
hinge\t'Hinge (Lim and Ye 2017)'
wgan\t'The critic\'s difference (Arjovsky et al. 2017)'
relativistic\t'Each generated image against a real one (R3GAN)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l pixel-loss -d 'How the pixels are compared [default: l1]' -r -f -a "l1\t'Absolute differences'
l2\t'Squared differences'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l pixel-weight -d 'Weight of the pixels\' loss [default: 100]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l perceptual -d 'Model file of a network whose features of the image and of the target are compared, too' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l perceptual-arch -d 'Architecture of --perceptual, a file of bare weights; see dl-model list' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l perceptual-layer -d 'Layer of these features, as dl-model summary names it [default: the one of dl-embed]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l perceptual-loss -d 'How these features are compared' -r -f -a "l1\t'Absolute differences'
l2\t'Squared differences'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l perceptual-weight -d 'Weight of these features\' loss' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l variation -d 'Weight of the total variation, which makes images smooth, for example 2e-8' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l val -d 'Records to validate with: the mean peak signal-to-noise ratio of whole images is logged. Without a discriminator, the best model is kept, otherwise the last' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l validate-every -d 'Validate every N batches, and at the end' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l no-flip -d 'Do not flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand colorize" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l output-back -d 'Model file to write: the generator from the second domain back to the first [default: STEM.back.safetensors beside --output]' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l domains -d 'The domains, from A to B; records of others are left out [default: the two of the records, by name]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l width -d 'Factor on the number of channels' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l generator -d 'The generators' -r -f -a "resnet\t'The paper\'s, with residual blocks and instance norms'
small\t'A small one for 32 x 32 pixels with batch norms; give --batch 16'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l blocks -d 'Residual blocks of the generators [default: 9 from 256 pixels on, otherwise 6]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l patch-layers -d 'Halvings in the discriminators: 3 judge patches of 70 pixels, 2 of 34, 1 of 16 [default: 3 from 128 pixels on, otherwise 2]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l batch -d 'Images per batch [default: 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l epochs -d 'Passes over the data, instead of --iterations [default: 200; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l random-crop -d 'Resize images to X times --size, and cut out a part at random; 1.12 in CycleGAN\'s source' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l samples-every -d 'Draw a sheet of 8 images of each domain, a row each of images, these translated, and translated back, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l pool -d 'Images of each domain in the pool that the discriminators see older results from; 0: no pool' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l loss -d 'Loss of both players' -r -f -a "lsgan\t'Least squares (Mao et al. 2017)'
non-saturating\t'The cross entropy of Goodfellow et al. 2014'
hinge\t'Hinge (Lim and Ye 2017)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l cycle -d 'Weight of the cycles: translated and back, an image should be as it was' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l identity -d 'Weight of the identity, relative to --cycle: an image of the other domain should stay as it is; 0: none' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l residual -d 'Let the generators compute a change that is added to the image, which leaves alone what need not change'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l flip -d 'Flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand cyclegan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l output-back -d 'Model file to write: the generator from the second domain back to the first [default: STEM.back.safetensors beside --output]' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l domains -d 'The domains, from A to B; records of others are left out [default: the two of the records, by name]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l width -d 'Factor on the number of channels' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l code -d 'Channels of a code between encoder and decoder, 100 in the source\'s larger network; 0: none' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l batch -d 'Images per batch [default: 64]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l epochs -d 'Passes over the data, instead of --iterations [default: 100; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l random-crop -d 'Resize images to X times --size, and cut out a part at random; 1.12 in CycleGAN\'s source' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l samples-every -d 'Draw a sheet of 8 images of each domain, a row each of images, these translated, and translated back, every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l d-every -d 'Train the discriminators on every Nth batch, and the generators on the others' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l weight-decay -d 'Weight decay of all weight matrices; 0 means the default [default: 0.00001]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l warm-iterations -d 'First batches, in which the reconstruction has a share of --warm-share in the generators\' loss [default: 10000, at most a fifth of all]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l warm-share -d 'Share of the reconstruction in the generators\' loss during --warm-iterations' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l share -d 'Share of the reconstruction in the generators\' loss after --warm-iterations' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l flip -d 'Flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand discogan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l label -d 'Column with the class of a row, which dl-gan-sample --label VALUE then means' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l categorical -d 'Columns of categories, also if they look like numbers' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l numeric -d 'Columns of numbers, also if they have few values' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l ignore -d 'Columns to leave out, such as a number of the row' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l modes -d 'Largest number of modes per column of numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l pac -d 'Rows that the discriminator sees at once (PacGAN)' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l latent -d 'Numbers of a random vector' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l width -d 'Factor on the 256 columns of the hidden layers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l n-critic -d 'Batches for the discriminator per batch for the generator' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l epochs -d 'Passes over the data, instead of --iterations [default: 300; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l batch -d 'Rows per batch [default: 500, or all]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l samples-every -d 'Write 64 samples every N batches, as STEM.samples-BATCH.csv beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l gamma -d 'Weight of the gradient penalty' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand table" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l channels -d 'Channels of the first map' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l most-accuracy -d 'Train the discriminator only on batches of which it is right about at most this share' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l iterations -d 'Number of batches [default: --epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l epochs -d 'Passes over the data, instead of --iterations [default: 50; with --minutes, no limit]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l batch -d 'Solids per batch [default: 32, or all]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l samples-every -d 'Draw the first 8 silhouettes, the solids made of them and the true ones every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l reconstruction -d 'Weight of the cross entropy of the voxels' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l force -d 'Overwrite the files of an earlier run: --output, its .last file, the --log'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand voxel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "vanilla" -d 'Train the fully connected GAN of Goodfellow et al. 2014'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "dcgan" -d 'Train the convolutional GAN of Radford et al. 2016'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "lapgan" -d 'Train LAPGAN (Denton et al. 2015): a small image first, then details of each larger size'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "stylegan" -d 'Train StyleGAN2 (Karras et al. 2020) on small images'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "conditional" -d 'Train a GAN on images and their labels or captions, so that samples of a label or a prompt can be made'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "srgan" -d 'Train SRGAN (Ledig et al. 2017), which enlarges images 2, 4 or 8 times'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "pix2pix" -d 'Train pix2pix (Isola et al. 2017), which makes one image of another'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "complete" -d 'Train a network that completes images (Pathak et al. 2016)'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "colorize" -d 'Train a network that colorizes gray images, by pix2pix\'s recipe'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "cyclegan" -d 'Train CycleGAN (Zhu et al. 2017): translators between two domains of images without pairs'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "discogan" -d 'Train DiscoGAN (Kim et al. 2017): translators between two domains of images without pairs'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "table" -d 'Train a GAN on a table, to make rows like its own (CTGAN, Xu et al. 2019)'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "voxel" -d 'Train a generator of solids (voxels) from silhouettes'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla dcgan lapgan stylegan conditional srgan pix2pix complete colorize cyclegan discogan table voxel help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
