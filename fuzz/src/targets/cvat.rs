//! `dl-data from cvat`: CVAT's XML for images.

use dl_cli::tools::data::Args as Data;

use super::Target;
use crate::folder::Folder;
use crate::program::records;

pub(super) const TARGET: Target = Target {
    name: "cvat",
    run,
    words: &[
        "annotations",
        "version",
        "meta",
        "task",
        "image",
        "id",
        "name",
        "width",
        "height",
        "box",
        "label",
        "xtl",
        "ytl",
        "xbr",
        "ybr",
        "polygon",
        "points",
        "polyline",
        "mask",
        "rle",
        "left",
        "top",
        "occluded",
        "z_order",
        "attribute",
        "track",
        "rotation",
        "cuboid",
        "ellipse",
        "1,2;3,4",
        "&amp;",
        "<image ",
    ],
    seeds: &[],
    share: 30,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "annotations.xml");
    records::<Data>(&["from", "cvat", &folder.arg("annotations.xml")], b"");
}
