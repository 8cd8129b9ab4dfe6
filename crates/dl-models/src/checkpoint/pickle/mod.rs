//! Python's pickles, as far as weights need them.
//!
//! A pickle is a program for a stack machine, which may call whatever it names: `os.system` too. This machine calls
//! nothing. It knows a short list of names ([`globals`]), each with what it stands for in a file of weights, and refuses
//! the file at the first name that is not in the list. What it builds is bounded, whatever the file says.
//!
//! Reference: CPython's `pickletools.py`, which describes every opcode; PyTorch's `torch/_weights_only_unpickler.py`.

mod globals;
mod machine;
mod state_dict;
mod value;

pub(super) use machine::{LONGEST_PICKLE, unpickle};
pub(super) use state_dict::state_dict;
pub(super) use value::{Storage, TensorView};
