//! Domains in records: `dl-data`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{at, domains, lines, transfer, words};
use crate::support::{root, run};

#[test]
fn a_domain_is_set_and_begins_the_ids() {
    let folder = tempfile::tempdir().unwrap();
    let class = folder.path().join("cat");
    fs::create_dir(&class).unwrap();
    fs::copy(root().join("testdata/signs/JPEGImages/test-0003.jpg"), class.join("1.jpg")).unwrap();
    let path = folder.path().display().to_string();
    let ran = run("dl-data", &["from", "folder", &path, "--domain", "scans"], "").expect(0);
    let record = &ran.records()[0];
    assert_eq!((&record["domain"], &record["id"]), (&json!("scans"), &json!("scans/cat/1.jpg")));
    run("dl-data", &["from", "folder", &path, "--domain", ""], "").expect(2);
}

#[test]
fn records_are_selected_by_domain_label_and_conditions() {
    let input = lines(&domains(6));
    let count = |args: &str| {
        run("dl-data", &[vec!["select".to_owned()], words(args)].concat(), &input).expect(0).records().len()
    };
    assert_eq!(count("--domain source"), 6);
    assert_eq!(count("--domain source --label a,b"), 4);
    assert_eq!(count("--where mine=1 --where label!=a"), 8);
    assert_eq!(count("--domain source --invert"), 6);
    let none = run("dl-data", &["select", "--label", "x"], &input).expect(1);
    assert!(none.stderr.contains("none of 12 records is selected") && none.stdout.is_empty(), "{}", none.stderr);
    let bare = run("dl-data", &["select"], &input).expect(2);
    assert!(bare.stderr.contains("give --domain, --label, --where, --central or --sample"), "{}", bare.stderr);
    // One of each class.
    let ran = run("dl-data", &["select", "--central", "1", "--group", "label"], &lines(&domains(6)[..6])).expect(0);
    let labels: Vec<Value> = ran.records().iter().map(|record| record["label"].clone()).collect();
    assert_eq!(labels.len(), 3);
    assert!(["a", "b", "c"].iter().all(|label| labels.contains(&json!(label))), "{labels:?}");
}

#[test]
fn compressed_records_are_read_and_a_sample_is_drawn_of_each_group() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, packed) = (at(folder.path(), "both.jsonl"), at(folder.path(), "both.jsonl.gz"));
    let records = domains(30);
    fs::write(&plain, lines(&records)).unwrap();
    let status = std::process::Command::new("gzip").args(["-k", &plain]).status().unwrap();
    assert!(status.success() && Path::new(&packed).exists());
    let expected = transfer(&format!("coral {plain}"), "").expect(0).stdout;
    assert!(transfer(&format!("coral {packed}"), "").expect(0).stdout == expected);
    let select = |words_of: &str, input: &str| run("dl-data", &words(&format!("select {words_of}")), input);
    let piped = std::process::Command::new("sh")
        .args([
            "-c",
            &format!("{} select --sample 3 --group label < {packed}", crate::support::program("dl-data").display()),
        ])
        .output()
        .unwrap();
    let drawn = select(&format!("--sample 3 --group label {packed}"), "").expect(0);
    assert!(piped.status.success() && piped.stdout == drawn.stdout.as_bytes());
    let counts =
        |records: &[Value]| ["a", "b", "c"].map(|label| records.iter().filter(|it| it["label"] == label).count());
    assert_eq!(counts(&drawn.records()), [3, 3, 3]);
    // The same ones in any order, others with another seed.
    let ids = |records: Vec<Value>| {
        records.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    let mut reversed = records.clone();
    reversed.reverse();
    let again = select("--sample 3 --group label", &lines(&reversed)).expect(0).records();
    assert!(again[0]["id"].as_str() > again[8]["id"].as_str());
    assert_eq!(ids(again), ids(drawn.records()));
    assert_ne!(
        ids(select("--sample 3 --group label --seed 1", &lines(&records)).expect(0).records()),
        ids(drawn.records())
    );
    let few = select("--sample 50 --domain source", &lines(&records)).expect(0).records();
    assert_eq!(few.len(), 30);
    assert!(select("--group label", &lines(&records)).expect(2).stderr.contains("add one of them"));
}
