//! Darknet weights, and the `.cfg` beside them.

use super::Target;
use crate::folder::Folder;
use crate::weights::read_all;

pub(super) const TARGET: Target = Target {
    name: "darknet",
    run,
    words: &[
        "[net]",
        "[network]",
        "[convolutional]",
        "[connected]",
        "[maxpool]",
        "[shortcut]",
        "[route]",
        "[upsample]",
        "[yolo]",
        "[region]",
        "[local]",
        "[reorg]",
        "[avgpool]",
        "[softmax]",
        "filters=",
        "size=",
        "stride=",
        "pad=",
        "padding=",
        "groups=",
        "batch_normalize=",
        "layers=",
        "from=",
        "output=",
        "width=",
        "height=",
        "channels=",
        "activation=leaky",
        "-1",
        "-99999",
    ],
    seeds: &[],
    share: 60,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "net.cfg");
    for name in ["net.weights", "net.conv.3"] {
        read_all(&folder.path().join(name));
    }
}
