//! VOC folders, as records and back.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::support::shared;

#[test]
fn a_folder_of_images_alone_is_left_to_from_folder() {
    let folder = folder();
    write_image(folder.path(), "photos/a.pgm", 4, 4);
    let ran = data("from voc {}/photos", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("use dl-data from folder --no-labels"), "{}", ran.stderr);
}

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
    write_image(folder, "JPEGImages/cell 1.pgm", 20, 10);
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
    assert_eq!(none["objects"], json!([]), "an image without objects counts for dl-eval");
}

#[test]
fn voc_survives_a_round_trip_exactly() {
    let (folder, copy) = (folder(), folder());
    voc(folder.path());
    let records = data("from voc {} --split train", folder.path(), "").expect(0).stdout;
    // The image of the second one does not exist, which is reported; its annotation is still written.
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
    assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("1 image does not exist; the first: "), "{}", ran.stderr);
    assert_eq!(records[1]["id"], "broken");
    assert!(data("from voc {} --split all --strict", folder.path(), "").expect(2).stderr.contains("--strict"));
}

#[test]
fn a_list_of_one_class_selects_the_images_that_have_it() {
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
fn bccd_survives_a_round_trip_exactly() {
    let Some(bccd) = shared("data/bccd") else { return };
    let copy = folder();
    let records = data("from voc {} --split test", &bccd, "").expect(0).stdout;
    data("to voc {} --split test --images leave", copy.path(), &records).expect(0);
    let written = texts(&copy.path().join("Annotations"));
    assert_eq!(written.len(), 72);
    for (name, text) in written {
        let before = fs::read_to_string(bccd.join("Annotations").join(&name)).unwrap();
        // Some of the files are indented by two spaces; dl-data uses tabs.
        assert!(text.lines().map(str::trim).eq(before.lines().map(str::trim)), "{name}");
    }
}

/// An annotation with these objects.
fn annotated(objects: &[&str]) -> String {
    let objects: String = objects.iter().map(|inside| format!("<object>{inside}</object>")).collect();
    format!("<annotation><size><width>20</width><height>10</height></size>{objects}</annotation>")
}

const BOX: &str = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>";

#[test]
fn an_invalid_object_loses_itself_and_an_odd_field_loses_nothing() {
    let folder = folder();
    let objects = [
        format!("<name>a</name><difficult>Unspecified</difficult><truncated>Unspecified</truncated><pose></pose>{BOX}"),
        format!("<name>b</name><difficult>True</difficult><occluded>0.0</occluded>{BOX}"),
        BOX.to_owned(),
        "<name>swapped</name><bndbox><xmin>9</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>".to_owned(),
        "<name>word</name><bndbox><xmin>nan</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>".to_owned(),
        "<name>none</name>".to_owned(),
        format!("<name>two</name>{BOX}{BOX}"),
        "<name>poly</name><polygon><x1>3</x1><y1>2</y1><x2>9</x2><y2>5</y2><x3>4</x3><y3>8</y3></polygon>".to_owned(),
    ];
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    write(folder.path(), "Annotations/x.xml", annotated(&objects));
    write_image(folder.path(), "JPEGImages/x.pgm", 20, 10);
    let ran = data("from voc {}", folder.path(), "").expect(1);
    let record = &ran.records()[0];
    assert!(record.get("error").is_none(), "{record}");
    let labels: Vec<&str> =
        record["objects"].as_array().unwrap().iter().map(|o| o["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["a", "b", "two", "poly"]);
    assert!(record["objects"][0].get("difficult").is_none());
    assert_eq!(record["objects"][1]["difficult"], true);
    assert_eq!(record["objects"][3]["box"], json!([2.0, 1.0, 9.0, 8.0]));
    for message in [
        "object 2 skipped: it has no <name>",
        "object 3 (swapped)",
        "xmin 9 is above xmax 4",
        "object 4 (word)",
        "object 5 (none) skipped: it has no <bndbox>",
        "object 6 (two): it has more than one <bndbox>",
    ] {
        assert!(ran.stderr.contains(message), "{message}: {}", ran.stderr);
    }
    data("to voc {}/out", folder.path(), &ran.stdout).expect(0);
    let again = data("from voc {}/out", folder.path(), "").records();
    assert_eq!(again[0]["objects"][0], record["objects"][0], "\"Unspecified\" comes back");
}

#[test]
fn annotations_are_read_in_their_declared_encoding() {
    let folder = folder();
    let text = |encoding: &str, label: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"{encoding}\"?>{}",
            annotated(&[&format!("<name>{label}</name>{BOX}")])
        )
    };
    let latin: Vec<u8> = text("ISO-8859-1", "caf\u{e9}").chars().map(|letter| letter as u8).collect();
    let wide: Vec<u8> = "\u{feff}"
        .chars()
        .chain(text("UTF-16", "猫").chars())
        .collect::<String>()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (name, bytes) in
        [("a", latin), ("b", wide), ("c", text("UTF-8", "x").into_bytes()), ("d", b"<annotation>\xff".to_vec())]
    {
        write(folder.path(), &format!("Annotations/{name}.xml"), bytes);
        write_image(folder.path(), &format!("JPEGImages/{name}.pgm"), 20, 10);
    }
    let utf16: Vec<u8> = "\u{feff}a\r\n\r\nb\r\nc\r\nd\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    write(folder.path(), "ImageSets/Main/train.txt", utf16);
    let ran = data("from voc {} --split train", folder.path(), "").expect(1);
    let records = ran.records();
    let labels: Vec<&Value> = records.iter().take(3).map(|record| &record["objects"][0]["label"]).collect();
    assert_eq!(labels, ["café", "猫", "x"]);
    assert!(records[3]["error"]["message"].as_str().unwrap().contains("d.xml: line 1 is not UTF-8"), "{}", records[3]);
    write(folder.path(), "ImageSets/Main/bad.txt", b"a\n\xff\n");
    let ran = data("from voc {} --split bad", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("bad.txt: line 2 is not UTF-8"), "{}", ran.stderr);
}

#[test]
fn other_layouts_are_found_and_reported() {
    for (annotation, image, id) in [
        ("annotations/x.xml", "images/x.pgm", "x"),
        ("annots/x.xml", "Imgs/x.PGM", "x"),
        ("xml/x.xml", "x.pgm", "x"),
        ("x.xml", "x.pgm", "x"),
        ("x.xml", "images/x.pgm", "x"),
        ("train/x.rf.1.xml", "train/x.rf.1.pgm", "train/x.rf.1"),
        ("train/annotations/x.xml", "train/images/x.pgm", "train/x"),
        ("Annotations/train/x.xml", "JPEGImages/train/x.pgm", "train/x"),
        ("Annotations/train/x.xml", "JPEGImages/x.pgm", "train/x"),
        ("annotations/xmls/x.xml", "images/x.pgm", "x"),
    ] {
        let folder = folder();
        write(
            folder.path(),
            annotation,
            annotated(&[]).replace("<size>", "<filename>C:\\photos\\other.jpg</filename><size>"),
        );
        write_image(folder.path(), image, 20, 10);
        let ran = data("from voc {}", folder.path(), "").expect(0);
        let records = ran.records();
        assert_eq!(records.len(), 1, "{annotation}: {}", ran.stderr);
        assert_eq!(records[0]["id"], id);
        assert_eq!(records[0]["image"], folder.path().join(image).to_str().unwrap(), "{annotation}");
        let is_standard = annotation.starts_with("Annotations");
        assert_eq!(ran.stderr.is_empty(), is_standard, "{annotation}: {}", ran.stderr);
        if annotation.contains("train") {
            let records = data("from voc {} --split train", folder.path(), "").expect(0).records();
            assert_eq!(records[0]["id"], id, "{annotation}");
        }
    }
}

#[test]
fn the_image_that_an_annotation_names_is_found_by_its_file_name() {
    let folder = folder();
    let text = annotated(&[]).replace("<size>", "<filename>C:\\photos\\real.jpg</filename><size>");
    write(folder.path(), "Annotations/x.xml", text.replace("20", "0"));
    write_image(folder.path(), "JPEGImages/real.pgm", 20, 10);
    let records = data("from voc {}", folder.path(), "").expect(0).records();
    assert_eq!(records[0]["image"], folder.path().join("JPEGImages/real.pgm").to_str().unwrap());
    assert_eq!((&records[0]["width"], &records[0]["height"]), (&json!(20), &json!(10)), "a size of 0 is none");
}

#[test]
fn images_without_annotation_and_content_after_the_root_are_reported() {
    let folder = folder();
    for name in ["a", "b", "c"] {
        write_image(folder.path(), &format!("JPEGImages/{name}.pgm"), 20, 10);
    }
    write(folder.path(), "Annotations/a.xml", annotated(&[]) + "\n" + &annotated(&[]));
    write(folder.path(), "Annotations/gone.xml", annotated(&[]));
    let ran = data("from voc {}", folder.path(), "").expect(1);
    assert_eq!(ran.records().len(), 2);
    for message in ["a.xml: line 2: a second <annotation>", "2 images have no annotation", "1 image does not exist"] {
        assert!(ran.stderr.contains(message), "{message}: {}", ran.stderr);
    }
}

#[test]
fn spaces_around_names_survive_and_control_characters_are_an_error() {
    let folder = folder();
    let record = |id: &str, label: &str| {
        json!({"id": id, "width": 9, "height": 9, "objects": [{"box": [0, 0, 2, 2], "label": label}]}).to_string()
            + "\n"
    };
    let stream = [record("a ", " cat "), record("b", "dog\t"), record("bad", "x\u{1}y"), record("c", "z")].concat();
    let ran = data("to voc {}/out --split train", folder.path(), &stream).expect(1);
    assert!(ran.stderr.contains("U+0001"), "{}", ran.stderr);
    let records = data("from voc {}/out --split train", folder.path(), "").expect(0).records();
    let found: Vec<_> =
        records.iter().map(|r| (r["id"].as_str().unwrap(), r["objects"][0]["label"].as_str().unwrap())).collect();
    assert_eq!(found, [("a ", " cat "), ("b", "dog\t"), ("c", "z")]);
}

#[test]
fn an_empty_list_and_a_duplicate_name_are_reported() {
    let folder = folder();
    voc(folder.path());
    write(folder.path(), "ImageSets/Main/empty.txt", "\n");
    write(folder.path(), "ImageSets/Main/twice.txt", "cell 1\nnone\ncell 1\n");
    let ran = data("from voc {} --split empty", folder.path(), "").expect(1);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("empty.txt: the list has no images"), "{}", ran.stderr);
    let ran = data("from voc {} --split twice", folder.path(), "").expect(0);
    assert_eq!(ran.records().len(), 2);
    assert!(ran.stderr.contains("1 name is in a list twice and read once; the first: cell 1"), "{}", ran.stderr);
}

#[test]
fn objects_under_another_tag_are_reported() {
    let folder = folder();
    let text = annotated(&[&format!("<name>a</name>{BOX}")]);
    write(folder.path(), "Annotations/a.xml", text.replace("object>", "OBJECT>"));
    write_image(folder.path(), "JPEGImages/a.pgm", 20, 10);
    let ran = data("from voc {}", folder.path(), "").expect(1);
    assert!(ran.stderr.contains("it has no <object>, but <OBJECT>"), "{}", ran.stderr);
}

#[test]
fn expanding_entities_are_rejected() {
    let folder = folder();
    let bomb = "<!DOCTYPE a [<!ENTITY x \"xxxxxxxx\"><!ENTITY y \"&x;&x;&x;&x;\">]><annotation><a>&y;</a></annotation>";
    write(folder.path(), "Annotations/a.xml", bomb);
    let ran = data("from voc {}", folder.path(), "").expect(1);
    assert!(ran.stderr.contains("unknown entity &y;"), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_in_the_output_folder() {
    let (out, home) = (folder(), folder());
    std::os::unix::fs::symlink(home.path(), out.path().join("Annotations")).unwrap();
    let record = "{\"id\":\"a\",\"objects\":[]}\n";
    let ran = data("to voc {}", out.path(), record).expect(2);
    assert!(ran.stderr.contains("is a symlink"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn an_input_image_behind_a_link_to_its_folder_is_not_overwritten() {
    let (out, home) = (folder(), folder());
    write_image(home.path(), "a.pgm", 4, 4);
    write_image(home.path(), "b.pgm", 8, 8);
    let before = texts(home.path());
    std::os::unix::fs::symlink(home.path(), out.path().join("JPEGImages")).unwrap();
    let record = json!({"id": "b", "image": home.path().join("a.pgm"), "objects": []}).to_string();
    let ran = data("to voc {}", out.path(), &record).expect(2);
    assert!(ran.stderr.contains("JPEGImages: is a symlink"), "{}", ran.stderr);
    assert_eq!(texts(home.path()), before);
}

#[test]
fn an_existing_image_is_not_replaced_by_another() {
    let folder = folder();
    write_image(folder.path(), "JPEGImages/a.pgm", 4, 4);
    write_image(folder.path(), "JPEGImages/b.pgm", 8, 8);
    let before = texts(folder.path());
    let record = |id: &str, image: &str| {
        let path = folder.path().join("JPEGImages").join(image);
        json!({"id": id, "image": path, "objects": []}).to_string() + "\n"
    };
    let swapped = record("a", "b.pgm") + &record("b", "a.pgm");
    for images in ["copy", "link"] {
        let ran = data(&format!("to voc {{}} --images {images}"), folder.path(), &swapped).expect(1);
        assert!(ran.stderr.contains("b.pgm exists and is another image"), "{}", ran.stderr);
        let after = texts(folder.path());
        assert!(before.iter().all(|(name, text)| after[name] == *text), "{after:?}");
        assert!(!after.keys().any(|name| name.starts_with("Annotations/")), "{after:?}");
    }
    // Identical images are accepted.
    let same = record("a", "a.pgm") + &record("b", "b.pgm");
    data("to voc {}", folder.path(), &same).expect(0);
    data("to voc {}/new", folder.path(), &same).expect(0);
    data("to voc {}/new", folder.path(), &same).expect(0);
}
