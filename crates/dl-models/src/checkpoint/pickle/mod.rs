//! Reads Python pickles, as far as weights need them.
//!
//! A pickle is a program for a stack machine that can call anything it names, even `os.system`. This machine calls
//! nothing. It has a short list of names ([`globals`]), each with its meaning in a weights file, and rejects the file
//! at the first name that is not on the list. Whatever the file claims, memory and time are bounded.
//!
//! Reference: CPython's `pickletools.py`, which describes every opcode; PyTorch's `torch/_weights_only_unpickler.py`.

mod globals;
mod machine;
mod state_dict;
mod value;

pub(super) use machine::{LONGEST_PICKLE, unpickle, unpickle_arrays};
pub(super) use state_dict::state_dict;
pub(super) use value::{Storage, TensorView};
