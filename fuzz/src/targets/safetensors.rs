//! safetensors: headers, and the tensors that they describe.

use super::Target;
use crate::folder::Folder;
use crate::weights::{file, read_all};

pub(super) const TARGET: Target = Target {
    name: "safetensors",
    run,
    words: &[
        "dtype",
        "shape",
        "data_offsets",
        "F64",
        "F32",
        "F16",
        "BF16",
        "I64",
        "U8",
        "BOOL",
        "F8_E4M3",
        "F4",
        "__metadata__",
        "config",
        "format",
        "architecture",
    ],
    seeds: &["fuzz/corpus/tensor_file"],
    share: 40,
};

fn run(data: &[u8]) {
    let folder = Folder::of(&file(data), "model.safetensors");
    read_all(&folder.path().join("model.safetensors"));
}
