//! Models in several files, and the index that lists them.

use super::Target;
use crate::folder::{Folder, part, split};
use crate::weights::{read_all, safetensors};

pub(super) const TARGET: Target = Target {
    name: "sharded",
    run,
    words: &[
        "weight_map",
        "metadata",
        "total_size",
        "a.safetensors",
        "b.safetensors",
        "../a.safetensors",
        "/etc/passwd",
        "model.safetensors.index.json",
        ".",
        "..",
        "a",
        "b",
    ],
    seeds: &[],
    share: 40,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "model.safetensors.index.json");
    let files = split(data);
    if part(&files, "tensors").is_some() {
        folder.put("a.safetensors", &safetensors(&files));
    }
    read_all(folder.path());
}
