//! `dl-draw boxes` and `grid`: untrusted boxes, masks and labels on images.

use dl_cli::tools::draw::Args as Draw;

use super::Target;
use crate::folder::Folder;
use crate::program::run as program;

pub(super) const TARGET: Target = Target {
    name: "drawing",
    run,
    words: &[
        "id",
        "image",
        "objects",
        "detections",
        "proposals",
        "box",
        "label",
        "score",
        "mask",
        "size",
        "counts",
        "difficult",
        "../../x",
        "/dev/null",
        "[0,0,1e9,1e9]",
        "[-1e300,-1e300,1e300,1e300]",
        "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
    ],
    seeds: &[],
    share: 8,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "records.jsonl");
    program::<Draw>(&["boxes", "--output-dir", &folder.arg("out/boxes"), "--format", "png"], data);
    program::<Draw>(&["grid", "--output", &folder.arg("out/grid.png"), "--cell", "32"], data);
    let found = std::fs::read_dir(folder.path()).expect("the test folder can be read").flatten();
    let names: Vec<_> = found.map(|entry| entry.file_name()).collect();
    assert!(names.iter().all(|name| name == "out" || name == "records.jsonl"), "written outside: {names:?}");
}
