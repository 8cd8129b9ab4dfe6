//! `dl-data from label-studio`: tasks, or the small form of an export.

use dl_cli::tools::data::Args as Data;

use super::Target;
use crate::folder::Folder;
use crate::program::records;

pub(super) const TARGET: Target = Target {
    name: "label_studio",
    run,
    words: &[
        "id",
        "data",
        "image",
        "text",
        "annotations",
        "predictions",
        "result",
        "type",
        "rectanglelabels",
        "polygonlabels",
        "brushlabels",
        "keypointlabels",
        "choices",
        "value",
        "x",
        "y",
        "width",
        "height",
        "rotation",
        "points",
        "format",
        "rle",
        "original_width",
        "original_height",
        "from_name",
        "to_name",
        "was_cancelled",
        "/data/upload/1/a.jpg",
        "/data/local-files/?d=a.jpg",
        "%2e%2e",
        "image_rotation",
    ],
    seeds: &[],
    share: 30,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "project.json");
    records::<Data>(&["from", "label-studio", &folder.arg("project.json")], b"");
}
