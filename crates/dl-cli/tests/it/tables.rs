//! Figures as tables, CSV and JSON, with hostile labels and with many classes.

use std::fs;

use serde_json::{Value, json};

use crate::support::run;

/// A record with one correct prediction, for `dl-eval classify`.
fn right(label: &str) -> String {
    json!({"id": label, "label": label, "predictions": [{"label": label, "score": 1}]}).to_string()
}

fn classify(format: &str, lines: &[String]) -> String {
    run("dl-eval", &["classify", "--format", format], &lines.join("\n")).expect(0).stdout
}

#[test]
fn labels_cannot_control_the_terminal_or_break_a_table() {
    let hostile = ["\u{1b}]0;owned\u{7}", "two\nrows\tand\r", "\u{9b}2J", "\u{202e}gpj.exe"];
    let table = classify("table", &hostile.map(right));
    assert!(!table.chars().any(|letter| letter.is_control() && letter != '\n' || letter == '\u{202e}'), "{table:?}");
    // The header, the classes, the mean, and three more figures.
    assert_eq!(table.lines().count(), 1 + 4 + 1 + 3, "{table}");
    let object = json!({"id": "a", "objects": [{"box": [0, 0, 5, 5], "label": "\u{1b}[31mred\nrow"}],
        "detections": [{"box": [0, 0, 5, 5], "label": "\u{1b}[31mred\nrow", "score": 1}]});
    let table = run("dl-eval", &["voc", "--format", "table"], &object.to_string()).expect(0).stdout;
    assert!(table.contains("\\u{1b}[31mred\\nrow  1.0000"), "{table}");
}

#[test]
fn a_long_label_is_cut_in_a_table_and_whole_elsewhere() {
    let long = "x".repeat(100_000);
    let labels = [long.as_str(), "short", "信号機信号機信号機信号機信号機信号機信号機信号機信号機", "e\u{301}"];
    let lines = labels.map(right);
    let table = classify("table", &lines);
    assert!(table.lines().all(|line| line.chars().count() < 130), "{table}");
    assert!(table.contains("xxx...") && table.contains("信...") && !table.contains(&long[..60]), "{table}");
    // The columns are aligned; wide letters take two.
    let column = |line: &str| {
        let head = &line[..line.find("1.0000").unwrap()];
        head.chars()
            .map(|letter| if ('\u{4e00}'..'\u{a000}').contains(&letter) { 2 } else { usize::from(letter != '\u{301}') })
            .sum::<usize>()
    };
    let columns: Vec<usize> = table.lines().filter(|line| line.contains("1.0000")).map(column).collect();
    assert!(columns.iter().all(|at| *at == columns[0]), "{columns:?}\n{table}");
    assert!(classify("csv", &lines).contains(&long));
    assert!(classify("json", &lines).contains(&long));
}

#[test]
fn a_csv_cell_is_never_a_formula() {
    let labels = ["=1+1", "+1", "-0.5", "@SUM(A1)", "\tx", "a,b", "say \"no\"", "two\nlines", "a=b"];
    let csv = classify("csv", &labels.map(right));
    for cell in [
        "'=1+1,",
        "'+1,",
        "'-0.5,",
        "'@SUM(A1),",
        "'\tx,",
        "\"a,b\",",
        "\"say \"\"no\"\"\",",
        "\"two\nlines\",",
        "\na=b,",
    ] {
        assert!(csv.contains(cell), "{cell:?} in\n{csv}");
    }
    assert!(csv.ends_with("top-1,1,,,,,\ntop-5,1,,,,,\ncalibration error,0,,,,,\n"), "{csv}");
}

#[test]
fn memory_grows_with_the_records_and_not_with_the_confusion_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let classes = 21_841_usize;
    let line = |index: usize| {
        let (truth, found) = (index % classes, index * 7 % classes);
        format!(
            "{{\"id\":\"{index}\",\"label\":\"c{truth}\",\"predictions\":[{{\"label\":\"c{found}\",\"score\":0.5}}]}}\n"
        )
    };
    fs::write(at("in.jsonl"), (0..30_000).map(line).collect::<String>()).unwrap();
    let args = ["classify", "--confusion", &at("matrix.json"), &at("in.jsonl")];
    // A dense matrix would take 3.8 GB.
    #[cfg(target_os = "linux")]
    assert!(crate::memory::peak_memory("dl-eval", &args, None) < 300_000);
    let ran = run("dl-eval", &args, "").expect(0);
    let figures: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(figures["samples"], 30_000);
    assert_eq!(figures["per_class"].as_object().unwrap().len(), classes);
    let matrix: Value = serde_json::from_str(&fs::read_to_string(at("matrix.json")).unwrap()).unwrap();
    assert_eq!(matrix["labels"].as_array().unwrap().len(), classes);
    assert!(matrix["cells"].as_array().unwrap().len() <= 30_000 && matrix.get("counts").is_none());
    // The drawing shows the worst classes only, so its size is bounded.
    let ran = run("dl-draw", &["confusion", &at("matrix.json"), "--max", "40", "--output", &at("m.png")], "").expect(0);
    assert!(ran.stderr.contains("of 21841 classes, the 40 that are confused most often are drawn"), "{}", ran.stderr);
    assert!(image::open(at("m.png")).unwrap().width() < 1600);
}
