//! Linear heads and R-CNN heads, applied to records with features.

use dl_cli::tools::classify::Args as Classify;
use dl_cli::tools::detect::Args as Detect;

use super::Target;
use crate::folder::{Folder, part, split};
use crate::program::records;
use crate::weights::safetensors;

pub(super) const TARGET: Target = Target {
    name: "heads",
    run,
    words: &[
        "format",
        "dl-linear-head",
        "dl-rcnn-heads",
        "svm",
        "bbox",
        "layer",
        "labels",
        "scale",
        "training",
        "head.weight",
        "head.bias",
        "svm.weight",
        "svm.bias",
        "bbox.weight",
        "bbox.bias",
        "dtype",
        "shape",
        "data_offsets",
        "F32",
        "F16",
        "fc7",
        "features",
        "proposals",
        "base64",
        "values",
        "[]",
        "[[1,2]]",
    ],
    seeds: &[],
    share: 30,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "config");
    let files = split(data);
    let model = folder.put("model.safetensors", &safetensors(&files)).display().to_string();
    let stdin = part(&files, "stdin").unwrap_or_default();
    records::<Classify>(&["--model", &model, "--top-k", "0"], stdin);
    records::<Detect>(&["--model", &model], stdin);
}
