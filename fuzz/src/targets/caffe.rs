//! Caffe files: networks and mean images.

use dl_models::checkpoint::mean_of_image;

use super::Target;
use crate::folder::Folder;
use crate::weights::{checked, read_all};

pub(super) const TARGET: Target = Target {
    name: "caffe",
    run,
    words: &[
        "conv1",
        "Convolution",
        "InnerProduct",
        "BatchNorm",
        "Scale",
        "fc6",
        "\u{a}",
        "\u{12}",
        "\u{32}",
        "\u{3a}",
    ],
    seeds: &["testdata/goldens/checkpoints"],
    share: 40,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "model.caffemodel");
    let path = folder.path().join("model.caffemodel");
    read_all(&path);
    checked(mean_of_image(&path));
}
