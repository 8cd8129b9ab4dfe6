//! `dl-data from coco`, and writing the result again.

use dl_cli::tools::data::Args as Data;

use super::Target;
use crate::folder::Folder;
use crate::program::{records, run as program};

pub(super) const TARGET: Target = Target { name: "coco", run, words: WORDS, seeds: &[], share: 30 };

pub(super) const WORDS: &[&str] = &[
    "images",
    "annotations",
    "categories",
    "licenses",
    "info",
    "id",
    "image_id",
    "category_id",
    "bbox",
    "area",
    "iscrowd",
    "segmentation",
    "counts",
    "size",
    "width",
    "height",
    "file_name",
    "coco_url",
    "record_id",
    "keypoints",
    "num_keypoints",
    "attributes",
    "score",
    "name",
    "supercategory",
    "ignore",
    "[0,0,1e308,1e308]",
    "[1,2,3]",
    "[[]]",
    "[[0,0,1,1]]",
    "{\"size\":[4,4],\"counts\":\"04\"}",
    "{\"size\":[4,4],\"counts\":[0,4]}",
    "\\\\",
];

fn run(data: &[u8]) {
    let folder = Folder::of(data, "instances.json");
    let found = records::<Data>(&["from", "coco", &folder.arg("instances.json")], b"");
    let written = program::<Data>(&["to", "coco"], &found);
    if !written.is_empty() {
        let path = folder.put("again.json", &written);
        records::<Data>(&["from", "coco", &path.display().to_string()], b"");
    }
}
