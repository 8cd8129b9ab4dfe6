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
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "conditional" -d 'Train a GAN on images and their labels, so that samples of a label can be made'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "dcgan" -d 'Train the convolutional GAN of Radford et al. 2016'
complete -c dl-gan-train -n "__fish_dl_gan_train_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l width -d 'Factor on the number of channels, or of hidden columns' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l latent -d 'Numbers of a random vector [default: 100, or those of --init-from]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that exists' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l freeze-d -d 'With --init-from: freeze the first N layers of the discriminator (FreezeD)' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l loss -d 'Loss of both players [default: lsgan for conditional with --body vanilla, otherwise non-saturating]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
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
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l lazy -d 'Compute the penalty on every Nth batch, N times as large: 16 in StyleGAN2' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l batch -d 'Images per batch [default: 64]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l iterations -d 'Number of batches [default: 25 epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l epochs -d 'Passes over the images, instead of --iterations' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l n-critic -d 'Batches for the discriminator per batch for the generator [default: 5 for --loss wgan, otherwise 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l augment -d 'Augmentation of all images that the discriminator sees, for small sets of images' -r -f -a "none\t'No augmentation'
diff\t'DiffAugment (Zhao et al. 2020): colors, shifts and cut-out squares, through which the generator is trained'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l samples-every -d 'Draw a sheet of 64 samples every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l no-batch-norm -d 'Discriminator without batch norms'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l flip -d 'Flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l force -d 'Overwrite an existing --output'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand vanilla" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l body -d 'The networks' -r -f -a "vanilla\t'Those of dl-gan-train vanilla'
dcgan\t'Those of dl-gan-train dcgan'
upsample\t'A generator of nearest upsampling and convolutions, and the discriminator of dcgan'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l conditioning -d 'How the discriminator gets to know the label' -r -f -a "embed\t'As numbers or a channel beside the image'
project\t'As the inner product with the last features (Miyato and Koyama 2018)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l label-columns -d 'Numbers of a label\'s embedding in the generator' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l width -d 'Factor on the number of channels, or of hidden columns' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l latent -d 'Numbers of a random vector [default: 100, or those of --init-from]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that exists' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l freeze-d -d 'With --init-from: freeze the first N layers of the discriminator (FreezeD)' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l loss -d 'Loss of both players [default: lsgan for conditional with --body vanilla, otherwise non-saturating]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
non-saturating\t'The same, but the generator maximizes the log of the probability'
lsgan\t'Least squares (Mao et al. 2017)'
hinge\t'Hinge (Lim and Ye 2017)'
wgan\t'The critic\'s difference (Arjovsky et al. 2017)'
relativistic\t'Each generated image against a real one (R3GAN)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l penalty -d 'Penalty on the discriminator\'s gradient with respect to images; its batch norms are then left out [default: wgan-gp for --loss wgan, otherwise none]' -r -f -a "none\t'No penalty'
r1\t'On real images, toward 0 (Mescheder et al. 2018)'
r1+r2\t'On real and on generated images, toward 0 (R3GAN)'
wgan-gp\t'Between real and generated images, toward a norm of 1 (Gulrajani et al. 2017)'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l gamma -d 'Weight of the penalty [default: 10; for r1+r2 0.05]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l lazy -d 'Compute the penalty on every Nth batch, N times as large: 16 in StyleGAN2' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l batch -d 'Images per batch [default: 64]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l iterations -d 'Number of batches [default: 25 epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l epochs -d 'Passes over the images, instead of --iterations' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l n-critic -d 'Batches for the discriminator per batch for the generator [default: 5 for --loss wgan, otherwise 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l augment -d 'Augmentation of all images that the discriminator sees, for small sets of images' -r -f -a "none\t'No augmentation'
diff\t'DiffAugment (Zhao et al. 2020): colors, shifts and cut-out squares, through which the generator is trained'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l samples-every -d 'Draw a sheet of 64 samples every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l no-batch-norm -d 'Discriminator without batch norms'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l flip -d 'Flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l force -d 'Overwrite an existing --output'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand conditional" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l output -d 'Model file to write: the generator. Beside it, STEM.last.safetensors holds everything that --resume needs' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l size -d 'Size of the images in pixels [default: that of the first image if it is at most 128 and fits, otherwise 64]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l colors -d 'Colors of the images [default: gray if the first images are, otherwise rgb]' -r -f -a "gray\t'One channel; colors become their brightness'
rgb\t'Three channels'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l width -d 'Factor on the number of channels, or of hidden columns' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l latent -d 'Numbers of a random vector [default: 100, or those of --init-from]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l init-from -d 'Generator to start from; its discriminator is read from STEM.last.safetensors beside it, if that exists' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l freeze-d -d 'With --init-from: freeze the first N layers of the discriminator (FreezeD)' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l loss -d 'Loss of both players [default: lsgan for conditional with --body vanilla, otherwise non-saturating]' -r -f -a "minimax\t'The zero-sum game of Goodfellow et al. 2014'
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
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l lazy -d 'Compute the penalty on every Nth batch, N times as large: 16 in StyleGAN2' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l batch -d 'Images per batch [default: 64]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l iterations -d 'Number of batches [default: 25 epochs]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l epochs -d 'Passes over the images, instead of --iterations' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l minutes -d 'Stop after so many minutes, if not before; the result then depends on the machine' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l lr-g -d 'Learning rate of the generator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l lr-d -d 'Learning rate of the discriminator [default: 0.0002]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l beta1 -d 'Adam\'s decay rate of the first moment [default: 0.5]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l n-critic -d 'Batches for the discriminator per batch for the generator [default: 5 for --loss wgan, otherwise 1]' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l ema -d 'Write a moving average of the generator\'s weights with this decay, for example 0.999' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l label-smoothing -d 'Train the discriminator on 1 - X as the probability of real images, for example 0.1' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l instance-noise -d 'Standard deviation of noise on all images that the discriminator sees; falls to 0 during training' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l augment -d 'Augmentation of all images that the discriminator sees, for small sets of images' -r -f -a "none\t'No augmentation'
diff\t'DiffAugment (Zhao et al. 2020): colors, shifts and cut-out squares, through which the generator is trained'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l weight-decay -d 'Weight decay of all weight matrices' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l cache -d 'Megabytes of memory for decoded images' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l samples-every -d 'Draw a sheet of 64 samples every N batches, as STEM.samples-BATCH.png beside --output; 0: never' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l checkpoint-every -d 'Write the model files every N batches, so that a killed run can resume' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l log -d 'Write a log of every batch, for dl-draw curves' -r -F
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l truncated -d 'What to do with an image that is truncated or lacks part of its data' -r -f -a "error\t'Fail its record'
keep\t'Decode what is there, and report the damage'"
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l device -d 'Device to compute on: cpu, cuda:N or metal' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l threads -d 'Number of threads, at most 1024; does not affect the results [default: one per core]' -r
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l seed -d 'Seed of all random numbers' -r -f
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l no-batch-norm -d 'Discriminator without batch norms'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l flip -d 'Flip half of the images horizontally'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l resume -d 'Resume from STEM.last.safetensors, to the same result as without a break'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l force -d 'Overwrite an existing --output'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -s q -l quiet -d 'Print only errors on stderr, and no progress display'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -s v -l verbose -d 'Print details on stderr, and every repeated message'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -l strict -d 'Stop at the first record that fails'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand dcgan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla conditional dcgan help" -f -a "vanilla" -d 'Train the fully connected GAN of Goodfellow et al. 2014'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla conditional dcgan help" -f -a "conditional" -d 'Train a GAN on images and their labels, so that samples of a label can be made'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla conditional dcgan help" -f -a "dcgan" -d 'Train the convolutional GAN of Radford et al. 2016'
complete -c dl-gan-train -n "__fish_dl_gan_train_using_subcommand help; and not __fish_seen_subcommand_from vanilla conditional dcgan help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
