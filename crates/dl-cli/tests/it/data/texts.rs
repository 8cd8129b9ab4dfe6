//! Texts from lists and tables.

use serde_json::json;

use super::*;

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn each_line_is_a_text() {
    let folder = folder();
    write(folder.path(), "a.txt", "\u{feff}one\r\n\r\n two \nthrée");
    write(folder.path(), "b.txt", utf16("猫\r\nx\r\n"));
    write(folder.path(), "c.txt", b"good\n\xff\nlast\n");
    let ran = data("from lines {}/a.txt {}/b.txt {}/c.txt", folder.path(), "").expect(1);
    let records = ran.records();
    let texts: Vec<&Value> = records.iter().map(|record| &record["text"]).collect();
    assert_eq!(json!(texts), json!(["one", " two ", "thrée", "猫", "x", "good", null, "last"]));
    assert_eq!(records[1]["id"], format!("{}:3", folder.path().join("a.txt").display()));
    assert!(ran.stderr.contains("a.txt: 1 blank line skipped"), "{}", ran.stderr);
    assert!(ran.stderr.contains("c.txt:2: not UTF-8"), "{}", ran.stderr);
    assert_eq!(
        data("from lines -", folder.path(), "a\n").expect(0).records(),
        [json!({"id": "<stdin>:1", "text": "a"})]
    );
    assert!(data("from lines {}/none.txt", folder.path(), "").expect(2).stderr.contains("none.txt: no such file"));
}

#[test]
fn the_rows_of_a_table_become_records() {
    let folder = folder();
    let table = "\u{feff}id,review,stars\r\n1,\"a \"\"b\"\"\nc, d\",5\r\n2,short,\r\n3,too,many,cells\r\n4,é,1\r\n";
    write(folder.path(), "a.csv", table);
    let ran = data("from csv {}/a.csv --text review --label stars --id id", folder.path(), "").expect(1);
    let records = ran.records();
    assert_eq!(records[0], json!({"id": "1", "text": "a \"b\"\nc, d", "label": "5"}));
    assert_eq!(records[1], json!({"id": "2", "text": "short"}));
    assert!(
        records[2]["error"]["message"].as_str().unwrap().contains("a.csv:5: the row has 4 cells, expected 3"),
        "{}",
        records[2]
    );
    assert_eq!(records[3], json!({"id": "4", "text": "é", "label": "1"}));
    assert!(ran.stderr.contains("a.csv:4: the label is empty"), "{}", ran.stderr);
    let ran = data("from csv {}/a.csv --text text", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("no column \"text\"; the columns are: id, review, stars"), "{}", ran.stderr);
}

#[test]
fn a_source_without_text_is_reported() {
    let folder = folder();
    write(folder.path(), "head.csv", "text,label\n");
    write(folder.path(), "blank.txt", "\n \n");
    write(folder.path(), "none.json", "[]");
    for line in ["from csv {}/head.csv --text text", "from lines {}/blank.txt", "from label-studio {}/none.json"] {
        let ran = data(line, folder.path(), "").expect(1);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("the dataset has no samples"), "{line}: {}", ran.stderr);
    }
    write(folder.path(), "rows.csv", "text,label\na,x\n ,y\n,z\n");
    let ran = data("from csv {}/rows.csv --text text --label label", folder.path(), "").expect(0);
    assert_eq!(ran.records().len(), 1);
    assert!(ran.stderr.contains("2 rows without a text skipped"), "{}", ran.stderr);
}

#[test]
fn delimiters_and_encodings_are_detected() {
    let folder = folder();
    let expected = json!([["x, y; z", "a"], ["q \"r", "b"]]);
    for (name, bytes, options) in [
        ("a.tsv", b"text\tlabel\nx, y; z\ta\nq \"r\tb\n".to_vec(), " --no-quotes"),
        ("b.csv", utf16("text;label\r\n\"x, y; z\";a\r\n\"q \"\"r\";b\r\n"), ""),
        ("c.csv", b"label|text\na|x, y; z\nb|\"q \"\"r\"\n".to_vec(), ""),
        ("d.txt", b"label^text\na^x, y; z\nb^\"q \"\"r\"\n".to_vec(), " --delimiter ^"),
    ] {
        write(folder.path(), name, bytes);
        let line = format!("from csv {{}}/{name} --text text --label label{options}");
        let records = data(&line, folder.path(), "").expect(0).records();
        let found: Vec<Value> = records.iter().map(|record| json!([record["text"], record["label"]])).collect();
        assert_eq!(json!(found), expected, "{name}");
    }
    write(folder.path(), "e.csv", "3,good\n1,bad\n");
    let records = data("from csv {}/e.csv --no-header --text 2 --label 1", folder.path(), "").expect(0).records();
    assert_eq!((records.len(), &records[0]["text"], &records[1]["label"]), (2, &json!("good"), &json!("1")));
}

#[test]
fn images_are_found_beside_their_table() {
    let folder = folder();
    write_image(folder.path(), "images/a.pgm", 20, 10);
    write(folder.path(), "labels.csv", "filename,label\nimages\\a.pgm,cat\n");
    let records = data("from csv {}/labels.csv --image filename --label label", folder.path(), "").expect(0).records();
    assert_eq!(records[0]["image"], folder.path().join("images/a.pgm").to_str().unwrap());
    assert_eq!((&records[0]["width"], &records[0]["label"]), (&json!(20), &json!("cat")));
}

#[test]
fn a_list_of_labels_may_have_any_encoding() {
    let folder = folder();
    let record = r#"{"id":"a","width":9,"height":9,"objects":[{"box":[0,0,4,4],"label":"cat"}]}"#;
    for list in ["\u{feff}cat\r\ndog\r\n".as_bytes().to_vec(), utf16("cat\r\n\r\ndog\r\n"), b"cat \ndog\n\n".to_vec()] {
        write(folder.path(), "labels.txt", list);
        let ran = data("check --headers --labels @{}/labels.txt", folder.path(), record);
        assert!(!ran.stderr.contains("unknown label"), "{}", ran.stderr);
    }
}
