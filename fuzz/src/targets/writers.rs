//! `dl-data to`: writes files, all of them inside the output folder.

use dl_cli::tools::data::Args as Data;

use super::Target;
use crate::folder::Folder;
use crate::program::run as program;

pub(super) const TARGET: Target = Target {
    name: "writers",
    run,
    words: &[
        "id",
        "image",
        "objects",
        "detections",
        "box",
        "label",
        "score",
        "mask",
        "segmentation",
        "coco",
        "coco_dataset",
        "yolo_dataset",
        "voc",
        "category_id",
        "image_id",
        "names",
        "categories",
        "size",
        "counts",
        "../x",
        "../../x",
        "/tmp/x",
        "a/../../x",
        "a/b",
        ".",
        "..",
        "",
        "CON",
        "a\\\\b",
        "\\n",
        "\\u0000",
        "@a",
        "#text",
        "<a>",
        "data:image/png;base64,",
        "/etc/passwd",
        "/dev/zero",
    ],
    seeds: &["fuzz/corpus/detections"],
    share: 15,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "records.jsonl");
    for (format, options) in [("voc", &["--split", "train"][..]), ("yolo", &[]), ("yolo", &["--polygons"])] {
        let out = folder.arg("out/deep");
        program::<Data>(&[&["to", format, &out], options].concat(), data);
    }
    program::<Data>(&["to", "coco", "--output", &folder.arg("out/coco.json")], data);
    program::<Data>(&["to", "coco-results", "--output", &folder.arg("out/results.json")], data);
    let found = std::fs::read_dir(folder.path()).expect("the test folder can be read").flatten();
    let names: Vec<_> = found.map(|entry| entry.file_name()).collect();
    assert!(names.iter().all(|name| name == "out" || name == "records.jsonl"), "written outside: {names:?}");
}
