//! The config of a network: options, sizes, labels, layers.

use dl_cli::tools::embed::Args as Embed;
use dl_cli::tools::model::Args as Model;

use super::Target;
use crate::folder::{Folder, split};
use crate::program::{records, run as program};
use crate::weights::safetensors;

pub(super) const TARGET: Target = Target {
    name: "network",
    run,
    words: &[
        "architecture",
        "options",
        "num_classes",
        "labels",
        "preprocessing",
        "layer",
        "size",
        "resize",
        "shorter",
        "interpolation",
        "channel_order",
        "range",
        "mean",
        "std",
        "label_offset",
        "stretch",
        "letterbox",
        "none",
        "RGB",
        "grey",
        "resnet20_cifar",
        "resnet18",
        "alexnet",
        "alexnet_2012",
        "squeezenet1_1",
        "mobilenet_v1",
        "mobilenet_v2",
        "mobilenet_v3_small",
        "mini_xception",
        "vgg11",
        "googlenet",
        "inception_v3",
        "xception",
        "width",
        "width_mult",
        "batch_norm",
        "bn_eps",
        "labels.txt",
        "../labels.txt",
        "/dev/zero",
        "/etc/passwd",
        "avgpool@3",
        "avgpool@99999999x99999999",
        "conv1",
        "[1,16384]",
        "aux_logits",
        "transform_input",
    ],
    seeds: &[],
    share: 8,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "config");
    let files = split(data);
    let model = folder.put("model.safetensors", &safetensors(&files)).display().to_string();
    program::<Model>(&["info", "--tensors", &model], b"");
    program::<Model>(&["summary", &model], b"");
    records::<Embed>(&["--model", &model], IMAGE);
}

/// A record of one pixel.
const IMAGE: &[u8] = b"{\"id\":\"a\",\"image\":\"data:image/x-portable-bitmap;base64,UDEgMSAxIDEK\"}\n";
