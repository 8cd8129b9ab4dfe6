//! PyTorch files, given whole or built from parts.

use super::Target;
use crate::folder::Folder;
use crate::weights::{file, read_all};

pub(super) const TARGET: Target = Target {
    name: "torch",
    run,
    words: super::pickle::WORDS,
    seeds: &["testdata/goldens/checkpoints", "fuzz/corpus/pickle"],
    share: 60,
};

fn run(data: &[u8]) {
    let folder = Folder::of(&file(data), "model.pth");
    read_all(&folder.path().join("model.pth"));
}
