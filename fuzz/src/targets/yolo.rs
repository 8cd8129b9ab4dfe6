//! `dl-data from yolo`: labels, `data.yaml`, lists of classes; and writing the result again.

use dl_cli::tools::data::Args as Data;

use super::Target;
use crate::folder::Folder;
use crate::program::{records, run as program};

pub(super) const TARGET: Target = Target {
    name: "yolo",
    run,
    words: &[
        "names",
        "nc",
        "path",
        "train",
        "val",
        "test",
        "kpt_shape",
        "flip_idx",
        "classes",
        "valid",
        "backup",
        "- ",
        "{",
        "[",
        "&a ",
        "*a",
        "<<: *a",
        "!!str ",
        "!!binary ",
        "--- ",
        "...",
        "|",
        ">",
        "? ",
        "0: ",
        "yes",
        "~",
        "0x7f",
        ".inf",
        ".nan",
        "0 0.5 0.5 0.1 0.1",
        "\t",
        "# ",
    ],
    seeds: &[],
    share: 30,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "data.yaml");
    let found = records::<Data>(&["from", "yolo", &folder.arg("")], b"");
    program::<Data>(&["to", "yolo", &folder.arg("again"), "--images", "leave", "--polygons"], &found);
    records::<Data>(&["from", "yolo", &folder.arg("again")], b"");
}
