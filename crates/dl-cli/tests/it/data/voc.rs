//! VOC folders, as records and back.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::support::shared;

const CELL: &str = "<annotation verified=\"yes\">
	<folder>VOC2012</folder>
	<filename>cell 1.pgm</filename>
	<source>
		<database>A &amp; B</database>
		<annotation>by hand</annotation>
	</source>
	<size>
		<width>20</width>
		<height>10</height>
		<depth>1</depth>
	</size>
	<segmented>0</segmented>
	<object>
		<name>Zelle ü</name>
		<pose>Left</pose>
		<truncated>1</truncated>
		<occluded>0</occluded>
		<difficult>1</difficult>
		<bndbox>
			<xmin>1</xmin>
			<ymin>2.3</ymin>
			<xmax>20</xmax>
			<ymax>9.5</ymax>
		</bndbox>
		<part>
			<name>head</name>
			<bndbox>
				<xmin>3</xmin>
			</bndbox>
		</part>
		<part>
			<name>tail</name>
		</part>
	</object>
	<object>
		<name>dot</name>
		<difficult>0</difficult>
		<bndbox>
			<xmin>4</xmin>
			<ymin>4</ymin>
			<xmax>4</xmax>
			<ymax>4</ymax>
		</bndbox>
	</object>
</annotation>
";

pub(super) fn voc(folder: &Path) {
    write(folder, "Annotations/cell 1.xml", CELL);
    picture(folder, "JPEGImages/cell 1.pgm", 20, 10);
    write(folder, "Annotations/none.xml", "<annotation><filename>none.jpg</filename></annotation>");
    write(folder, "Annotations/broken.xml", &CELL[..CELL.find("</truncated>").unwrap()]);
    write(folder, "ImageSets/Main/train.txt", "cell 1\r\nnone\n\n");
    write(folder, "ImageSets/Main/all.txt", "cell 1\nbroken\nnone\nmissing\n");
    write(folder, "ImageSets/Main/dot_train.txt", "cell 1  1\nnone -1\nbroken  0\n");
}

#[test]
fn voc_becomes_records_with_continuous_boxes() {
    let folder = folder();
    voc(folder.path());
    let records = data("from voc {} --split train", folder.path(), "").expect(0).records();
    let [cell, none] = &records[..] else { panic!("{records:?}") };
    assert_eq!(cell["id"], "cell 1");
    assert_eq!(cell["image"], folder.path().join("JPEGImages/cell 1.pgm").to_str().unwrap());
    assert_eq!((&cell["width"], &cell["height"]), (&json!(20), &json!(10)));
    assert_eq!(cell["objects"][0]["box"], json!([0.0, 1.2999999999999998, 20.0, 9.5]));
    assert_eq!(cell["objects"][0]["label"], "Zelle ü");
    assert_eq!(cell["objects"][0]["difficult"], true);
    assert_eq!((&cell["objects"][0]["truncated"], &cell["objects"][0]["occluded"]), (&json!(true), &json!(false)));
    assert_eq!(cell["objects"][1], json!({"box": [3.0, 3.0, 4.0, 4.0], "label": "dot"}));
    assert_eq!(none["objects"], json!([]), "a picture without objects counts for dl-eval");
}

#[test]
fn voc_survives_a_round_trip_to_the_letter() {
    let (folder, copy) = (folder(), folder());
    voc(folder.path());
    let records = data("from voc {} --split train", folder.path(), "").expect(0).stdout;
    // The picture of the second is not there, which is told; its annotation is written all the same.
    let ran = data("to voc {} --split train", copy.path(), &records).expect(1);
    assert!(ran.stderr.contains("none.jpg"), "{}", ran.stderr);
    let written = texts(copy.path());
    assert_eq!(written["Annotations/cell 1.xml"], CELL);
    assert_eq!(written["ImageSets/Main/train.txt"], "cell 1\nnone\n");
    assert!(written.contains_key("JPEGImages/cell 1.pgm"));
    let again = data("from voc {} --split train", copy.path(), "").expect(0).stdout;
    assert_eq!(again.replace(copy.path().to_str().unwrap(), folder.path().to_str().unwrap()), records);
}

#[test]
fn a_broken_annotation_fails_alone() {
    let folder = folder();
    voc(folder.path());
    let ran = data("from voc {} --split all", folder.path(), "").expect(1);
    let records = ran.records();
    let failed: Vec<_> = records.iter().map(|record| record["error"]["message"].as_str()).collect();
    assert!(failed[0].is_none() && failed[2].is_none());
    assert!(failed[1].unwrap().ends_with("broken.xml: line 17: the file ends inside <truncated>"), "{failed:?}");
    assert!(failed[3].unwrap().ends_with("missing.xml: no such annotation"), "{failed:?}");
    assert_eq!(ran.stderr.lines().count(), 2);
    assert_eq!(records[1]["id"], "broken");
    assert!(data("from voc {} --split all --strict", folder.path(), "").expect(2).stderr.contains("--strict"));
}

#[test]
fn a_list_of_one_class_gives_the_pictures_that_have_it() {
    let folder = folder();
    voc(folder.path());
    let ids = |line: &str| -> Vec<String> {
        let records = data(line, folder.path(), "").records();
        records.iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("from voc {} --split dot_train"), ["cell 1"]);
    assert_eq!(ids("from voc {} --split train,dot_train"), ["cell 1", "none", "cell 1"]);
    assert_eq!(ids("from voc {}"), ["broken", "cell 1", "none"]);
}

#[test]
fn bccd_survives_a_round_trip_to_the_letter() {
    let Some(bccd) = shared("data/bccd") else { return };
    let copy = folder();
    let records = data("from voc {} --split test", &bccd, "").expect(0).stdout;
    data("to voc {} --split test --images leave", copy.path(), &records).expect(0);
    let written = texts(&copy.path().join("Annotations"));
    assert_eq!(written.len(), 72);
    for (name, text) in written {
        let before = fs::read_to_string(bccd.join("Annotations").join(&name)).unwrap();
        // Some of the files are indented by two blanks, ours by tabs.
        assert!(text.lines().map(str::trim).eq(before.lines().map(str::trim)), "{name}");
    }
}
