//! `dl-transfer`, and the heads and figures that go with it, on two small domains.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Ran, root, run};

/// The number at (row, column) of the goldens' matrices, in [-2, 2).
fn formula(row: u64, column: u64) -> f64 {
    let mut mixed = (row * 2_654_435_761 + column * 40_503 + 12_345) & 0xffff_ffff;
    mixed ^= mixed >> 13;
    mixed = mixed.wrapping_mul(1_597_334_677) & 0xffff_ffff;
    mixed ^= mixed >> 16;
    (mixed % 256) as f64 / 64.0 - 2.0
}

const COLUMNS: u64 = 6;

/// A record with features of one row.
fn record(id: &str, label: &str, domain: &str, features: &[f64]) -> Value {
    json!({"id": id, "label": label, "domain": domain, "mine": 1,
        "features": {"f": {"dtype": "f32", "shape": [1, features.len()], "values": features}}})
}

/// Rows of three classes in two domains: in the target, columns are stretched, mixed and moved.
fn domains(rows: u64) -> Vec<Value> {
    let mut records = Vec::new();
    for (offset, domain) in [(0, "source"), (5000, "target")] {
        for row in 0..rows {
            let class = row % 3;
            let mut x: Vec<f64> = (0..COLUMNS)
                .map(|column| 0.4 * formula(offset + row, column) + if column == class { 2.0 } else { 0.0 })
                .collect();
            if domain == "target" {
                let first = x[0];
                for (column, value) in x.iter_mut().enumerate() {
                    *value = 3.0 * *value + 0.8 * first + if column == 1 { 6.0 } else { column as f64 };
                }
            }
            records.push(record(&format!("{domain}-{row}"), ["a", "b", "c"][class as usize], domain, &x));
        }
    }
    records
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Runs `dl-transfer` with these words.
#[track_caller]
fn transfer(text: &str, input: &str) -> Ran {
    run("dl-transfer", &words(text), input)
}

fn at(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// Every map, with what it needs to fit few rows.
const MAPS: [&str; 12] = [
    "normalize --rows l2",
    "normalize --rows l1 --columns zscore",
    "normalize --columns zscore --per-domain",
    "pca --components 3 --whiten",
    "subspace --components 4",
    "coral --center",
    "tca --components 4",
    "tca --kernel rbf --components 5",
    "tca --kernel rbf --landmarks 20 --components 5",
    "tca --kernel rbf --random-features 32 --components 5 --mu 0.5",
    "sstca --kernel rbf --components 4 --neighbors 3",
    "jda --kernel primal --components 4 --rounds 3",
];

#[test]
fn every_map_writes_all_records_in_order_and_apply_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let input = lines(&domains(30));
    let file = at(folder.path(), "both.jsonl");
    fs::write(&file, &input).unwrap();
    for (index, map) in MAPS.iter().enumerate() {
        let model = at(folder.path(), &format!("{index}.safetensors"));
        let fitted = transfer(&format!("{map} --output {model}"), &input).expect(0);
        let records = fitted.records();
        assert_eq!(records.len(), 60, "{map}");
        let name = map.split(' ').next().unwrap();
        for (record, expected) in records.iter().zip(domains(30)) {
            assert_eq!((&record["id"], &record["mine"]), (&expected["id"], &json!(1)), "{map}");
            let layers: Vec<&String> = record["features"].as_object().unwrap().keys().collect();
            assert_eq!(layers, [name], "{map}");
        }
        // The same from a file, which is read twice, and by the model file.
        assert!(transfer(&format!("{map} {file}"), "").expect(0).stdout == fitted.stdout, "{map}");
        assert!(
            transfer(&format!("apply --model {model} --threads 1"), &input).expect(0).stdout == fitted.stdout,
            "{map}"
        );
        // An existing model is not overwritten unless asked.
        let refused = transfer(&format!("{map} --output {model}"), &input).expect(2);
        assert!(refused.stderr.contains("--force"), "{map}: {}", refused.stderr);
        let kept = transfer(&format!("{map} --output {model} --force --keep --as new"), &input).expect(0);
        let features = &kept.records()[0]["features"];
        assert!(features["f"].is_object() && features["new"]["network"].as_str().unwrap().starts_with(name), "{map}");
        let quiet = transfer(&format!("{map} --output {model} --force --map-only"), &input).expect(0);
        assert_eq!(quiet.stdout, "", "{map}");
    }
}

/// The share of target records whose first prediction is right.
fn accuracy(classified: &str) -> f64 {
    let ran = run("dl-eval", &["classify", "--by", "domain", "--format", "json"], classified).expect(0);
    let figures: Value = serde_json::from_str(&ran.stdout).unwrap();
    figures["by"]["domain"]["target"]["top1"].as_f64().unwrap()
}

#[test]
fn a_head_of_the_source_recognizes_the_target_after_alignment() {
    let folder = tempfile::tempdir().unwrap();
    let input = lines(&domains(120));
    let (head, map) = (at(folder.path(), "head.safetensors"), at(folder.path(), "map.safetensors"));
    let classified = |records: &str, new: &str| {
        let source = run("dl-data", &["select", "--domain", "source"], records).expect(0).stdout;
        run("dl-finetune", &["linear", "--force", "--output", &head], &source).expect(0);
        accuracy(&run("dl-classify", &["--model", &head], new).expect(0).stdout)
    };
    let before = classified(&input, &input);
    let scaled = transfer("normalize --columns zscore --per-domain", &input).expect(0).stdout;
    let aligned = transfer(&format!("coral --output {map}"), &scaled).expect(0).stdout;
    // The same records as new ones, whose domain is stated.
    let new = scaled.replace("\"domain\":\"target\"", "\"domain\":\"new\"");
    let refused = transfer(&format!("apply --model {map}"), &new);
    assert!(refused.status == 1 && refused.stderr.contains("does not know the domain \"new\""), "{}", refused.stderr);
    let new = run("dl-data", &["select", "--domain", "new"], &new).expect(0).stdout;
    let new = transfer(&format!("apply --model {map} --domain target"), &new).expect(0).stdout;
    let after = classified(&aligned, &new.replace("\"domain\":\"new\"", "\"domain\":\"target\""));
    assert!(before < 0.75 && after > 0.95, "{before} {after}");
    // The head knows which map its features came from.
    let other = run("dl-classify", &["--model", &head], &scaled.replace("\"normalize\"", "\"coral\""));
    assert!(other.status == 1 && other.stderr.contains("normalize:"), "{}", other.stderr);
}

#[test]
fn weights_of_source_records_are_honored_by_training() {
    let folder = tempfile::tempdir().unwrap();
    let input = lines(&domains(40));
    for method in ["kmm --gamma 0.05", "kliep --gamma 0.05", "domain-classifier", "kmm --random-features 64"] {
        let records = transfer(method, &input).expect(0).records();
        let weights: Vec<f64> = records.iter().filter_map(|record| record["weight"].as_f64()).collect();
        assert_eq!((records.len(), weights.len()), (80, 40), "{method}");
        assert!(weights.iter().all(|weight| *weight >= 0.0) && weights.iter().sum::<f64>() > 0.0, "{method}");
        assert!(records[40..].iter().all(|record| record.get("weight").is_none()), "{method}");
    }
    // A weight of 2 is the record twice.
    let mut records = domains(9);
    records.truncate(9);
    let mut twice = records.clone();
    let mut copy = records[4].clone();
    copy["id"] = json!("copy");
    twice.push(copy);
    records[4]["weight"] = json!(2);
    let weights = |records: &[Value]| {
        let head = at(folder.path(), "head.safetensors");
        let args = ["linear", "--force", "--tolerance", "1e-9", "--output", &head];
        run("dl-finetune", &args, &lines(records)).expect(0);
        let figures = run("dl-model", &["info", &head], "").expect(0);
        serde_json::from_str::<Value>(&figures.stdout).unwrap()["config"]["training"]["objective"].as_f64().unwrap()
    };
    let (weighted, repeated) = (weights(&records), weights(&twice));
    assert!((weighted - repeated).abs() < 1e-6 * repeated, "{weighted} {repeated}");
    records[4]["weight"] = json!(-1);
    let head = at(folder.path(), "negative.safetensors");
    let ran = run("dl-finetune", &["linear", "--output", &head], &lines(&records)).expect(1);
    assert!(ran.stderr.contains("-1 is below 0"), "{}", ran.stderr);
}

#[test]
fn neighbors_prototypes_and_boosting_classify_and_support_adds_classes() {
    let folder = tempfile::tempdir().unwrap();
    let records = domains(60);
    let (source, target) = records.split_at(60);
    let head = at(folder.path(), "head.safetensors");
    for method in [
        "neighbors --k 3",
        "neighbors --k 5 --metric cosine --votes distance",
        "prototypes",
        "prototypes --metric cosine",
    ] {
        let args = [words(method), words(&format!("--force --output {head}"))].concat();
        run("dl-finetune", &args, &lines(source)).expect(0);
        let found = run("dl-classify", &["--model", &head, "--top-k", "0"], &lines(source)).expect(0);
        let right =
            found.records().iter().filter(|record| record["predictions"][0]["label"] == record["label"]).count();
        assert!(right >= 57, "{method}: {right} of 60");
    }
    // A fourth class from three records.
    let corner = |id: &str| record(id, "d", "source", &[9.0, 9.0, 9.0, 9.0, 9.0, 9.0]);
    let few = at(folder.path(), "few.jsonl");
    fs::write(&few, lines(&[corner("1"), corner("2"), corner("3")])).unwrap();
    let found = run("dl-classify", &["--model", &head, "--support", &few], &lines(&[corner("new")])).expect(0);
    assert_eq!(found.records()[0]["predictions"].as_array().unwrap().len(), 4);
    // One that cannot be used is reported, if its class has others.
    let mut broken = [corner("1"), corner("2"), corner("3")];
    broken[1].as_object_mut().unwrap().remove("features");
    fs::write(&few, lines(&broken)).unwrap();
    let ran = run("dl-classify", &["--model", &head, "--support", &few], &lines(&[corner("new")])).expect(1);
    assert!(ran.stderr.contains(&format!("{few}:2: ")) && ran.records().len() == 1, "{}", ran.stderr);
    assert_eq!(ran.records()[0]["predictions"][0]["label"], "d");
    fs::write(&few, lines(&broken[1..2])).unwrap();
    let ran = run("dl-classify", &["--model", &head, "--support", &few], &lines(&[corner("new")])).expect(2);
    assert!(ran.stderr.contains("no record of \"d\" can be used"), "{}", ran.stderr);
    // Boosting needs both sides, with labels.
    let few_targets = [source, &target[..9]].concat();
    let boosted = at(folder.path(), "boosted.safetensors");
    run("dl-finetune", &["boost", "--rounds", "10", "--output", &boosted], &lines(&few_targets)).expect(0);
    let found = run("dl-classify", &["--model", &boosted], &lines(target)).expect(0).stdout;
    assert!(accuracy(&found) > 0.9, "{}", accuracy(&found));
    let ran = run("dl-finetune", &["boost", "--force", "--output", &boosted], &lines(source)).expect(2);
    assert!(ran.stderr.contains("no record of the target"), "{}", ran.stderr);
}

#[test]
fn classes_that_were_never_seen_are_named_by_their_attributes() {
    let folder = tempfile::tempdir().unwrap();
    // Columns show a shape (0, 1, 2) and a color (3, 4): six classes, of which two are withheld.
    let (shapes, colors) = (["round", "square", "star"], ["red", "blue"]);
    let mut csv = "class,round,square,star,red,blue\n".to_owned();
    let mut records = Vec::new();
    for (class, name) in (0..6).map(|class| (class, format!("{}-{}", shapes[class / 2], colors[class % 2]))) {
        let has = |index: usize| index == class / 2 || index == 3 + class % 2;
        csv += &format!("{name}{}\n", (0..5).map(|index| if has(index) { ",1" } else { ",0" }).collect::<String>());
        for row in 0..20 {
            let x: Vec<f64> = (0..5)
                .map(|column| {
                    0.2 * formula((class * 20 + row) as u64, column as u64) + if has(column) { 2.0 } else { 0.0 }
                })
                .collect();
            records.push(record(&format!("{name}-{row}"), &name, "target", &x));
        }
    }
    let classes = at(folder.path(), "classes.csv");
    fs::write(&classes, &csv).unwrap();
    let unseen = ["round-blue", "star-red"];
    let (seen, withheld): (Vec<Value>, Vec<Value>) =
        records.into_iter().partition(|record| !unseen.contains(&record["label"].as_str().unwrap()));
    let head = at(folder.path(), "head.safetensors");
    for method in ["eszsl --gamma 1 --lambda 1", "eszsl", "dap"] {
        let args = words(&format!("attributes --classes {classes} --method {method} --force --output {head}"));
        run("dl-finetune", &args, &lines(&seen)).expect(0);
        let found = run("dl-classify", &["--model", &head, "--classes", &classes], &lines(&withheld)).expect(0).stdout;
        let share = accuracy(&found);
        // Held-out classes of four are too few to choose penalties well.
        assert!(share > if method == "eszsl" { 0.5 } else { 0.9 }, "{method}: {share}");
        // Without --classes, the classes of the training.
        let found = run("dl-classify", &["--model", &head, "--top-k", "0"], &lines(&withheld[..1])).expect(0).records();
        assert_eq!(found[0]["predictions"].as_array().unwrap().len(), 4);
    }
    let wrong = at(folder.path(), "wrong.csv");
    fs::write(&wrong, "class,round\nx,1\n").unwrap();
    let ran = run("dl-classify", &["--model", &head, "--classes", &wrong], &lines(&withheld)).expect(2);
    assert!(ran.stderr.contains("attribute \"square\" is missing"), "{}", ran.stderr);
    let args = words(&format!("attributes --classes {wrong} --force --output {head}"));
    let ran = run("dl-finetune", &args, &lines(&seen)).expect(2);
    assert!(ran.stderr.contains("has no attributes; add it to the file of classes"), "{}", ran.stderr);
}

#[test]
fn the_shift_between_domains_is_measured_before_and_after() {
    let input = lines(&domains(60));
    let figures = |input: &str| -> Value {
        serde_json::from_str(&run("dl-eval", &["shift", "--format", "json"], input).expect(0).stdout).unwrap()
    };
    let before = figures(&input);
    let scaled = transfer("normalize --columns zscore --per-domain", &input).expect(0).stdout;
    let after = figures(&transfer("coral", &scaled).expect(0).stdout);
    for figure in ["mmd2", "covariance_distance", "proxy_a_distance"] {
        let (before, after) = (before[figure].as_f64().unwrap(), after[figure].as_f64().unwrap());
        assert!(after < 0.5 * before, "{figure}: {before} {after}");
    }
    assert_eq!(before["source_rows"], 60);
}

#[test]
fn bad_input_is_refused_by_name_with_a_remedy() {
    let both = domains(12);
    let input = lines(&both);
    let source = lines(&both[..12]);
    let one_row = lines(&both[..13]);
    let unlabeled = lines(&both.iter().cloned().map(without_label).collect::<Vec<_>>());
    let mut shared = both.clone();
    shared[20]["id"] = json!("source-3");
    let constant: Vec<Value> = both
        .iter()
        .map(|it| record(it["id"].as_str().unwrap(), "a", it["domain"].as_str().unwrap(), &[1.0; 6]))
        .collect();
    let cases: &[(&str, &str, &str)] = &[
        ("coral", &source, "no record of the target"),
        ("coral --source amazon", &input, "\"amazon\" is not among \"source\", \"target\"; choose with --source"),
        ("coral --source source --target source", &input, "is in --source and in --target"),
        ("coral", &one_row, "the target: a covariance needs at least 2 rows"),
        ("normalize --columns zscore --per-domain", &one_row, "a single row of domain \"target\""),
        ("normalize", &input, "nothing to scale: give --rows, --columns or both"),
        ("jda --components 2", &unlabeled, "12 of 12 records of the source have no \"label\""),
        ("pca --components 7", &input, "7 components, but the rows have rank 6; choose from 1 to 6"),
        ("subspace --components 9", &input, "have rank 6"),
        ("tca --components 9", &input, "9 components"),
        ("tca --kernel rbf --gamma 1e9 --components 2", &input, "gamma"),
        ("tca --kernel rbf --gamma 1e-30 --components 2", &input, "gamma"),
        ("tca --gamma 1", &input, "add --kernel rbf"),
        ("tca --random-features 5", &input, "add --kernel rbf"),
        ("coral", &lines(&shared), "the id \"source-3\" is in the domain \"target\" and in another"),
        ("pca", &lines(&constant), "are all equal"),
        ("kmm", &lines(&constant), "equal"),
        ("kmm --gamma 1e9", &input, "gamma"),
        ("kliep", &source, "no record of the target"),
        ("pca --domain sky", &input, "no record is of the domain sky"),
    ];
    for (args, input, message) in cases {
        let ran = transfer(args, input);
        assert_eq!(ran.status, 2, "{args}: {}", ran.stderr);
        assert!(ran.stderr.contains(message) && ran.stdout.is_empty(), "{args}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("dl-transfer: ")).count(), 1, "{}", ran.stderr);
    }
    // Without records there is nothing to write, but a model file cannot be made of them.
    assert_eq!(transfer("coral", "").expect(0).stdout, "");
    let folder = tempfile::tempdir().unwrap();
    transfer(&format!("coral --output {}", at(folder.path(), "map.safetensors")), "").expect(2);
}

fn without_label(mut record: Value) -> Value {
    record.as_object_mut().unwrap().remove("label");
    record
}

#[test]
fn records_that_cannot_be_used_carry_an_error_and_the_others_are_mapped() {
    let mut records = domains(12);
    records[3]["features"]["f"]["shape"] = json!([1, 3]);
    records[3]["features"]["f"]["values"] = json!([1, 2, 3]);
    records[5].as_object_mut().unwrap().remove("features");
    records[7].as_object_mut().unwrap().remove("domain");
    let mut input = lines(&records);
    input.insert_str(0, "not json\n{\"id\":\"failed\",\"error\":{\"tool\":\"x\",\"message\":\"y\"}}\n");
    for method in ["coral", "kmm", "tca --components 3"] {
        let ran = transfer(method, &input).expect(1);
        let found = ran.records();
        assert_eq!(found.len(), 26, "{method}");
        for (index, record) in found.iter().enumerate() {
            let failed = [0, 1, 5, 7, 9].contains(&index);
            assert_eq!(record.get("error").is_some(), failed, "{method}: {index}: {record}");
        }
        assert_eq!(found[1]["error"]["tool"], "x");
        assert!(ran.stderr.contains("have 3 columns"), "{method}: {}", ran.stderr);
        let strict = transfer(&format!("{method} --strict"), &input).expect(2);
        assert!(strict.stdout.lines().count() < 26, "{method}");
    }
}

#[test]
fn a_pipe_named_as_an_argument_is_refused_with_a_remedy() {
    let ran = transfer("pca /dev/null", "").expect(2);
    assert!(ran.stderr.contains("cannot be read twice; pipe its records to stdin"), "{}", ran.stderr);
}

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
fn groups_are_found_and_named_and_gaps_are_filled() {
    let folder = tempfile::tempdir().unwrap();
    let source = domains(60)[..60].to_vec();
    for method in ["kmeans", "gmm --covariance diagonal"] {
        let grouped = transfer(&format!("cluster {method} --k 3"), &lines(&source)).expect(0).stdout;
        let few = at(folder.path(), "few.jsonl");
        fs::write(&few, lines(&source[..6])).unwrap();
        let named = transfer(&format!("label-clusters --labels {few}"), &grouped).expect(0);
        let right =
            named.records().iter().filter(|record| record["predictions"][0]["label"] == record["label"]).count();
        assert!(right >= 57, "{method}: {right} of 60");
    }
    let ran = transfer("cluster kmeans --k 61", &lines(&source)).expect(2);
    assert!(ran.stderr.contains("61"), "{}", ran.stderr);
    // A table of rank 2 with gaps.
    let value = |row: usize, column: usize| {
        let (a, b) = (formula(row as u64, 0), formula(row as u64, 1));
        a * formula(7, column as u64) + b * formula(9, column as u64)
    };
    let gaps: Vec<Value> = (0..40)
        .map(|row| {
            let values: Vec<Option<f64>> =
                (0..10).map(|column| ((row * 3 + column) % 4 != 0).then(|| value(row, column))).collect();
            json!({"id": row.to_string(), "features": {"f": {"dtype": "f32", "shape": [1, 10], "values": values}}})
        })
        .collect();
    let filled = transfer("complete", &lines(&gaps)).expect(0).stdout;
    let plain = transfer("pca --components 2 --keep", &filled).expect(0);
    assert_eq!(plain.records().len(), 40);
    let shown = run("dl-data", &["select", "--where", "features"], &filled).expect(0).records();
    let rows: Vec<f32> = shown
        .iter()
        .flat_map(|record| {
            let record = dl_record::Record::parse(&record.to_string()).unwrap();
            record.features().unwrap().unwrap()["f"].matrix().unwrap().data
        })
        .collect();
    let worst = rows
        .iter()
        .enumerate()
        .map(|(at, found)| (f64::from(*found) - value(at / 10, at % 10)).abs())
        .fold(0.0, f64::max);
    assert!(worst < 1e-3, "{worst}");
    let mut unknown = gaps.clone();
    for record in &mut unknown {
        record["features"]["f"]["values"][6] = json!(null);
    }
    let ran = transfer("complete", &lines(&unknown)).expect(2);
    assert!(ran.stderr.contains("no record has a value in column 7 of 10"), "{}", ran.stderr);
    let mut nothing = gaps.clone();
    // soft-impute does not use labels.
    nothing[9]["features"]["f"]["values"] = json!(vec![Value::Null; 10]);
    nothing[9]["labels"] = json!({"happy": "yes"});
    let ran = transfer("complete --method soft-impute", &lines(&nothing)).expect(1);
    assert!(ran.stderr.contains("<stdin>:10: all features of the record are null"), "{}", ran.stderr);
    let found = ran.records();
    assert!(found.len() == 40 && found.iter().filter(|record| record.get("error").is_some()).count() == 1);
    let mut nothing = gaps.clone();
    nothing[4]["features"]["f"]["values"] = json!([null, null, null, null, null, null, null, null, null, null]);
    let ran = transfer("complete", &lines(&nothing)).expect(1);
    assert!(ran.stderr.contains("<stdin>:5: nothing is known of the record"), "{}", ran.stderr);
}

#[test]
fn a_dictionary_of_unlabeled_records_codes_others() {
    let folder = tempfile::tempdir().unwrap();
    let model = at(folder.path(), "atoms.safetensors");
    let records = domains(40);
    let args = format!("dictionary --atoms 12 --beta 0.2 --output {model} --map-only");
    assert_eq!(transfer(&args, &lines(&records[40..])).expect(0).stdout, "");
    let codes = transfer(&format!("apply --model {model}"), &lines(&records[..40])).expect(0).records();
    assert_eq!(codes[0]["features"]["dictionary"]["shape"], json!([1, 12]));
}

/// Writes a copy of a model file in which some bytes of the header are replaced by as many others.
fn changed(model: &str, from: &str, to: &str) -> String {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(model).unwrap();
    let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).expect("the header has it");
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    let path = format!("{model}.changed.safetensors");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_damaged_map_or_head_is_refused_by_the_name_of_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let input = lines(&domains(20));
    let model = at(folder.path(), "map.safetensors");
    transfer(&format!("coral --center --output {model}"), &input).expect(0);
    for (from, to, message) in [
        ("\"0.offset\":", "\"0.offxxx\":", "has no offset"),
        ("\"0.matrix\":", "\"0.matrxx\":", "has no matrix"),
        ("\\\"offset\\\",", "           ", "has a tensor 0.offset that its config does not list"),
        ("\\\"offset\\\",", "\\\"offxxx\\\",", "lists the part \"offxxx\""),
    ] {
        let path = changed(&model, from, to);
        let ran = transfer(&format!("apply --model {path}"), &input).expect(2);
        assert!(ran.stderr.contains(message), "{from}: {}", ran.stderr);
    }
    let head = at(folder.path(), "head.safetensors");
    for method in [&["prototypes"][..], &["linear"]] {
        let args = [method, &["--force", "--output", &head]].concat();
        run("dl-finetune", &args, &lines(&domains(20)[..20])).expect(0);
        let path = changed(&head, "\\\"a\\\",\\\"b\\\"", "\\\"a\\\",\\\"a\\\"");
        let ran = run("dl-classify", &["--model", &path], &input).expect(2);
        assert!(ran.stderr.contains("has the label \"a\" for two classes"), "{}", ran.stderr);
    }
}

#[test]
fn repeated_ids_are_noted_and_numbers_in_messages_are_short() {
    let mut records = domains(12);
    records[3]["id"] = json!("source-2");
    let ran = transfer("coral", &lines(&records)).expect(0);
    assert!(ran.stderr.contains("1 record has an id that was read before, the first \"source-2\""), "{}", ran.stderr);
    for method in ["kmm --gamma 1e300", "tca --kernel rbf --gamma 1e300 --components 2", "kliep --gamma 1e-300"] {
        let ran = transfer(method, &lines(&domains(12))).expect(2);
        assert!(ran.stderr.contains("gamma 1e") && ran.stderr.len() < 250, "{}", ran.stderr);
    }
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

#[test]
fn the_run_that_fits_the_target_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    // The good run knows the class; the bad one is unsure, and confuses two of them.
    let names = ["a", "b", "c"];
    let run_of = |name: &str, sure: f64| {
        let records: Vec<Value> = domains(60)
            .into_iter()
            .enumerate()
            .map(|(index, mut record)| {
                let class = index % 3;
                let confused = sure < 0.9 && index % 4 == 0;
                let named = if confused { (class + 1) % 3 } else { class };
                let share = (formula(index as u64, 40) + 2.0) / 4.0;
                // The bad run divides what is left of the probability as chance has it.
                let next = if sure < 0.9 { share } else { 0.5 };
                let scores = [sure, (1.0 - sure) * next, (1.0 - sure) * (1.0 - next)];
                let mut predictions: Vec<Value> =
                    (0..3).map(|at| json!({"label": names[(named + at) % 3], "score": scores[at]})).collect();
                predictions.sort_by(|a, b| b["score"].as_f64().unwrap().total_cmp(&a["score"].as_f64().unwrap()));
                record["predictions"] = predictions.into();
                if record["domain"] == "source" {
                    record["weight"] = json!(0.5 + index as f64 / 60.0);
                }
                record
            })
            .collect();
        let path = at(folder.path(), name);
        let scaled = transfer("normalize --columns zscore --per-domain", &lines(&records)).expect(0).stdout;
        fs::write(&path, scaled).unwrap();
        path
    };
    let (bad, good) = (run_of("bad.jsonl", 0.4), run_of("good.jsonl", 0.97));
    let ran = run("dl-eval", &["adapt", &bad, &good], "").expect(0);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    // Not by density: the predictions of a run that is unsure everywhere are alike, too.
    for criterion in ["entropy", "importance_weighted", "dev", "circular"] {
        assert_eq!(found["best"][criterion], json!(good), "{criterion}: {found}");
    }
    // By hand: the good run is always right, and sure alike of all rows.
    let entropy = -(0.97_f64 * 0.97_f64.ln() + 0.03 * 0.015_f64.ln());
    assert!((found["runs"][1]["entropy"].as_f64().unwrap() - entropy).abs() < 1e-9, "{found}");
    assert!(found["runs"][1]["importance_weighted"] == json!(0.0) && found["runs"][1]["target_rows"] == json!(60));
    let table = run("dl-eval", &["adapt", "--format", "table", &bad, &good], "").expect(0).stdout;
    assert!(table.lines().last().unwrap().starts_with("best"), "{table}");
    // What a criterion needs is said.
    let plain = fs::read_to_string(&good).unwrap().replace("\"weight\"", "\"other\"");
    fs::write(&good, plain).unwrap();
    let ran = run("dl-eval", &["adapt", &good], "").expect(0);
    assert!(ran.stderr.contains("dl-transfer kmm, kliep or domain-classifier writes it"), "{}", ran.stderr);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(found["best"]["dev"].is_null() && found["runs"][0]["source_loss"] == json!(0.0), "{found}");
    let few = fs::read_to_string(&bad).unwrap().replace("\"score\":0.4", "\"score\":0.1");
    fs::write(&bad, few).unwrap();
    let ran = run("dl-eval", &["adapt", &bad], "");
    assert!(ran.stderr.contains("use dl-classify --top-k 0"), "{}", ran.stderr);
}

#[test]
fn figures_of_each_class_are_printed_for_each_group() {
    let records: Vec<Value> = domains(12)
        .into_iter()
        .map(|mut record| {
            let guess = if record["domain"] == "source" { record["label"].clone() } else { json!("a") };
            record["predictions"] = json!([{"label": guess, "score": 1.0}]);
            record
        })
        .collect();
    let ran = run("dl-eval", &["classify", "--by", "domain", "--format", "json"], &lines(&records)).expect(0);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let by = &found["by"]["domain"];
    assert_eq!(
        (&by["source"]["per_class"]["b"]["recall"], &by["target"]["per_class"]["b"]["recall"]),
        (&json!(1.0), &json!(0.0))
    );
    assert_eq!(by["target"]["per_class"]["a"]["predicted"], json!(12));
}
