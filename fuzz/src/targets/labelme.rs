//! `dl-data from labelme`: a JSON file beside each image.

use dl_cli::tools::data::Args as Data;

use super::Target;
use crate::folder::Folder;
use crate::program::records;

pub(super) const TARGET: Target = Target {
    name: "labelme",
    run,
    words: &[
        "version",
        "flags",
        "shapes",
        "label",
        "points",
        "group_id",
        "shape_type",
        "polygon",
        "rectangle",
        "circle",
        "linestrip",
        "line",
        "point",
        "points",
        "mask",
        "imagePath",
        "imageData",
        "imageHeight",
        "imageWidth",
        "[[0,0],[1,1]]",
        "[[1e308,0]]",
        "[]",
        "..\\\\\\\\a.jpg",
    ],
    seeds: &[],
    share: 30,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "a.json");
    records::<Data>(&["from", "labelme", &folder.arg("")], b"");
}
