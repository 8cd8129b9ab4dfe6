//! Folders of images, as records and back.

use serde_json::json;

use super::*;

#[test]
fn folders_are_classes_unless_told_otherwise() {
    let folder = folder();
    for name in ["cat/1.pgm", "cat/more/2.PGM", "dög x/3.pgm", "plain.pgm", "cat/notes.txt", ".hidden/4.pgm"] {
        picture(folder.path(), name, 4, 3);
    }
    let records = data("from folder {}", folder.path(), "").expect(0).records();
    let found: Vec<_> =
        records.iter().map(|record| (record["id"].as_str().unwrap(), record["label"].as_str())).collect();
    assert_eq!(
        found,
        [
            ("cat/1.pgm", Some("cat")),
            ("cat/more/2.PGM", Some("cat")),
            ("dög x/3.pgm", Some("dög x")),
            ("plain.pgm", None)
        ]
    );
    assert_eq!((&records[0]["width"], &records[0]["height"]), (&json!(4), &json!(3)));
    assert!(data("from folder {} --no-labels", folder.path(), "").records().iter().all(|r| r.get("label").is_none()));
}
