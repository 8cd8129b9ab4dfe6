//! Maps of features, groups and gaps.

use std::fs;

use serde_json::{Value, json};

use super::{at, domains, formula, lines, record, transfer};
use crate::support::run;

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
