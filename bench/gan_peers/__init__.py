"""Networks and steps of training in PyTorch, for bench/gan_training.py: a function makes a step, which returns its seconds."""
