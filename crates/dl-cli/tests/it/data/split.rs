//! Shards and splits.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn numbered(count: usize) -> String {
    (0..count)
        .map(|n| {
            format!("{}\n", json!({"id": format!("{n}.jpg"), "label": (if n % 10 == 0 { "rare" } else { "often" })}))
        })
        .collect()
}

#[test]
fn shards_are_disjoint_and_complete() {
    let stream = numbered(10) + "no record\n";
    let shards: Vec<Ran> = (1..=3).map(|index| data(&format!("shard {index}/3"), Path::new(""), &stream)).collect();
    assert_eq!(shards.iter().map(|shard| shard.status).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(shards.iter().map(|shard| shard.records().len()).collect::<Vec<_>>(), [4, 4, 3]);
    assert_eq!(shards[2].records()[0]["id"], "2.jpg");
}

#[test]
fn a_split_depends_only_on_ids_and_seed() {
    let parts = |line: &str, stream: &str| -> BTreeMap<String, String> {
        let records = data(line, Path::new(""), stream).expect(0).records();
        let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
        records.iter().map(|record| (text(record, "id"), text(record, "split"))).collect()
    };
    let stream = numbered(1000);
    let reversed: String = stream.lines().rev().map(|line| format!("{line}\n")).collect();
    let line = "split --fractions 0.6,0.1,0.3";
    let split = parts(line, &stream);
    assert_eq!(split, parts(line, &reversed));
    assert_ne!(split, parts("split --fractions 0.6,0.1,0.3 --seed 1", &stream));
    let half = parts(line, &stream.lines().step_by(2).map(|line| format!("{line}\n")).collect::<String>());
    assert!(half.iter().all(|(id, part)| split[id] == *part), "a sample moved when others went");
    for (part, share) in [("train", 600.0), ("val", 100.0), ("test", 300.0)] {
        let count = split.values().filter(|name| *name == part).count() as f64;
        assert!((count - share).abs() < 50.0, "{part}: {count}");
    }
}

#[test]
fn a_stratified_split_is_exact_for_every_label() {
    let folder = folder();
    let stream = numbered(1000);
    data("split --fractions 0.8,0.2 --stratify --parts first,second --output-dir {}", folder.path(), &stream).expect(0);
    for (part, often, rare) in [("first", 720, 80), ("second", 180, 20)] {
        let text = fs::read_to_string(folder.path().join(format!("{part}.jsonl"))).unwrap();
        assert_eq!(text.matches("often").count(), often);
        assert_eq!(text.matches("rare").count(), rare);
        assert!(!text.contains("split"), "the records are unchanged");
    }
    let reversed: String = stream.lines().rev().map(|line| format!("{line}\n")).collect();
    let before = fs::read_to_string(folder.path().join("second.jsonl")).unwrap();
    data("split --stratify --parts first,second --output-dir {}", folder.path(), &reversed).expect(0);
    let after = fs::read_to_string(folder.path().join("second.jsonl")).unwrap();
    assert!(before.lines().eq(after.lines().rev()), "the order of the stream matters");
}

#[test]
fn a_split_keeps_broken_records() {
    let folder = folder();
    let stream =
        "{\"id\":\"a\"}\n{\"label\":\"no id\"}\n{\"id\":\"b\",\"error\":{\"tool\":\"t\",\"message\":\"m\"}}\nbroken\n";
    for line in ["split", "split --stratify"] {
        let ran = data(line, folder.path(), stream).expect(1);
        assert_eq!(ran.records().len(), 4);
        assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
        assert_eq!(ran.stdout.lines().nth(2), stream.lines().nth(2), "a failed record passes untouched");
        let ran = data(&format!("{line} --output-dir {{}} -q"), folder.path(), stream).expect(1);
        assert_eq!(ran.stdout, "");
        assert_eq!(texts(folder.path()).values().map(|text| text.lines().count()).sum::<usize>(), 4);
    }
}

#[cfg(unix)]
#[test]
fn a_stratified_split_fails_only_the_record_whose_label_is_not_a_string() {
    let stream =
        "{\"id\": \"a\", \"label\": \"x\"}\n{\"id\": \"b\", \"label\": 7}\n{\"id\": \"c\", \"label\": \"x\"}\n";
    let ran = data("split --stratify", folder().path(), stream).expect(1);
    let records = ran.records();
    assert_eq!(records[1]["error"]["tool"], "dl-data");
    assert!(records[0]["split"].is_string() && records[2]["split"].is_string(), "{}", ran.stdout);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

#[test]
fn a_link_in_the_output_folder_is_replaced_and_its_target_kept() {
    let folder = folder();
    write(folder.path(), "precious", "mine");
    fs::create_dir(folder.path().join("s")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("precious"), folder.path().join("s/train.jsonl")).unwrap();
    data("split --output-dir {}/s", folder.path(), &numbered(10)).expect(0);
    assert_eq!(fs::read_to_string(folder.path().join("precious")).unwrap(), "mine");
    assert!(fs::read_to_string(folder.path().join("s/train.jsonl")).unwrap().lines().count() > 0);
}
