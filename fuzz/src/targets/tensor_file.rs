//! Feature files beside a stream.

use dl_record::read_tensor_file;

use super::Target;
use crate::folder::Folder;
use crate::weights::{checked, file};

pub(super) const TARGET: Target = Target {
    name: "tensor_file",
    run,
    words: &["dtype", "shape", "data_offsets", "F32", "F16", "BF16", "F64", "I64", "BOOL", "__metadata__", "fc7"],
    seeds: &["fuzz/corpus/safetensors"],
    share: 40,
};

fn run(data: &[u8]) {
    let folder = Folder::of(&file(data), "features.safetensors");
    for name in ["fc7", "a", ""] {
        checked(read_tensor_file(&folder.path().join("features.safetensors"), name));
    }
}
