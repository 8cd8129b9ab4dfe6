//! Pickles, in otherwise valid files.

use super::Target;
use crate::folder::{File, Folder, join, split};
use crate::weights::{file, read_all};

pub(super) const TARGET: Target = Target { name: "pickle", run, words: WORDS, seeds: &[], share: 100 };

pub(super) const WORDS: &[&str] = &[
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ctorch._utils\n_rebuild_parameter\n",
    "ctorch\nFloatStorage\n",
    "ctorch\nHalfStorage\n",
    "ccollections\nOrderedDict\n",
    "ccollections\nCounter\n",
    "ccollections\ndefaultdict\n",
    "cbuiltins\nset\n",
    "cos\nsystem\n",
    "c__builtin__\neval\n",
    "ctorch\nSize\n",
    "cnumpy.core.multiarray\nscalar\n",
    "\u{7d}q\u{0}",
    "]q\u{0}",
    ")q\u{0}",
    "(",
    "t",
    "R",
    "Q",
    "b",
    "s",
    "u",
    "e",
    "a",
    "0",
    "1",
    "2",
    ".",
    "h\u{0}",
    "N",
    "K\u{1}",
    "M\u{ff}\u{ff}",
    "X\u{7}\u{0}\u{0}\u{0}storage",
    "I00\n",
    "I01\n",
    "L7L\n",
    "S'x'\n",
    "V\\u0041\n",
    "F1.5\n",
    "data/0",
    "data.pkl",
];

fn run(data: &[u8]) {
    // Bare bytes are read as a pickle too.
    let whole = match split(data).is_empty() {
        true => join(&[File { name: b"pickle".to_vec(), bytes: data.to_vec() }]),
        false => data.to_vec(),
    };
    let folder = Folder::of(&file(&whole), "model.pth");
    read_all(&folder.path().join("model.pth"));
}
