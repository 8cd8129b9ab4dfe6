//! `dl-eval` on features and classes of generated samples, as a user runs it.

use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde_json::{Value, json};

use crate::support::{root, run, shared};

/// Records with a row of features each.
fn records(prefix: &str, layer: &str, network: Option<&str>, rows: &[Vec<f32>]) -> String {
    let line = |(index, row): (usize, &Vec<f32>)| {
        let mut tensor = json!({"dtype": "f32", "shape": [1, row.len()], "values": [row]});
        if let Some(network) = network {
            tensor["network"] = json!(network);
        }
        format!("{}\n", json!({"id": format!("{prefix}{index}"), "features": {layer: tensor}}))
    };
    rows.iter().enumerate().map(line).collect()
}

/// The rows of testdata/goldens/generated/make.py.
fn golden_rows(first: usize, rows: usize, columns: usize, shift: f64) -> Vec<Vec<f32>> {
    let formula = |row: u64, column: u64| {
        let mut mixed = (row * 2_654_435_761 + column * 40_503 + 12_345) & 0xffff_ffff;
        mixed ^= mixed >> 13;
        mixed = (mixed * 1_597_334_677) & 0xffff_ffff;
        mixed ^= mixed >> 16;
        (mixed % 256) as f64 / 64.0 - 2.0
    };
    let value = |row: u64, column: u64| {
        let mixed = formula(row, column) + formula(row, column + 1) + 0.5 * formula(row, column % 4 + 1000);
        (mixed + shift * (1 + column % 3) as f64) as f32
    };
    let row = |row: usize| (0..columns as u64).map(|column| value(row as u64, column)).collect();
    (first..first + rows).map(row).collect()
}

#[track_caller]
fn close(found: &Value, expected: &Value, tolerance: f64) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= tolerance * (1.0 + expected.abs()), "{found}, expected {expected}");
}

#[track_caller]
fn eval(args: &[&str], stdin: &str) -> Value {
    let ran = run("dl-eval", args, stdin).expect(0);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn figures_equal_those_of_torch_fidelity_and_name_what_was_compared() {
    let golden: Value =
        serde_json::from_slice(&fs::read(root().join("testdata/goldens/generated/golden.json")).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sets = |case: &Value, generated: &str, real: &str| {
        let number = |key: &str| case[key].as_u64().unwrap() as usize;
        let (shift, columns) = (case["shift"].as_f64().unwrap(), number("columns"));
        let real = golden_rows(10_000, number(real), columns, 0.0);
        let real = write(folder.path(), "real.jsonl", &records("r", "f6", Some("lenet5:1"), &real));
        (records("g", "f6", Some("lenet5:1"), &golden_rows(0, number(generated), columns, shift)), real)
    };
    for case in golden["fid"].as_array().unwrap() {
        let (generated, real) = sets(case, "generated", "real");
        let ran = run("dl-eval", &["fid", "--against", &real], &generated).expect(0);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        close(&found["fid"], &case["torch_fidelity"], case["tolerance"].as_f64().unwrap());
        assert_eq!(found["layer"], "f6");
        assert_eq!(found["network"], "lenet5:1");
        for key in ["generated", "real", "columns"] {
            assert_eq!(found[key], case[key]);
        }
        let is_small = case["generated"].as_u64().unwrap() < 10 * case["columns"].as_u64().unwrap();
        assert_eq!(ran.stderr.contains("generated rows for"), is_small, "{}", ran.stderr);
    }
    for case in golden["kid"].as_array().unwrap() {
        let (generated, real) = sets(case, "rows", "rows");
        let found = eval(&["kid", "-q", "--exact", "--against", &real], &generated);
        close(&found["kid"], &case["torch_fidelity"], 1e-9);
    }
    for case in golden["precision_recall"].as_array().unwrap() {
        let (generated, real) = sets(case, "generated", "real");
        let found = eval(&["precision-recall", "-q", "--k", &case["k"].to_string(), "--against", &real], &generated);
        ["precision", "recall", "f_score"].iter().for_each(|key| close(&found[*key], &case[*key], 1e-6));
    }
    for case in golden["inception_score"].as_array().unwrap() {
        let number = |key: &str| case[key].as_u64().unwrap() as usize;
        let logits = records("g", "logits", None, &golden_rows(0, number("rows"), number("classes"), 0.0));
        let splits = case["splits"].to_string();
        let found = eval(&["inception-score", "-q", "--no-shuffle", "--splits", &splits], &logits);
        close(&found["inception_score"], &case["mean"], 1e-9);
        close(&found["deviation"], &case["deviation"], 1e-9);
        assert_eq!(found["network"], Value::Null);
    }
}

#[test]
fn figures_equal_the_stated_ones_of_the_shared_features() {
    let Some(path) = shared("data/gan-metrics/features.safetensors") else { return };
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let expected: Value =
        serde_json::from_slice(&fs::read(path.with_file_name("features.expected.json")).unwrap()).unwrap();
    let rows = |name: &str| tensors[name].to_vec2::<f32>().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let real = write(folder.path(), "real.jsonl", &records("r", "x", None, &rows("real")));
    let generated = records("g", "x", None, &rows("generated"));
    let found = eval(&["fid", "-q", "--against", &real], &generated);
    close(&found["fid"], &expected["fid"]["torch_fidelity"], 1e-9);
    let few = records("g", "x", None, &rows("generated")[..20]);
    close(
        &eval(&["fid", "-q", "--against", &real], &few)["fid"],
        &expected["fid"]["first_20_generated_against_real"]["symmetric"],
        1e-6,
    );
    let first = write(folder.path(), "first.jsonl", &records("r", "x", None, &rows("real")[..400]));
    let found = eval(&["kid", "-q", "--exact", "--against", &first], &generated);
    close(&found["kid"], &expected["kid"]["all"]["value"], 1e-9);
    // Other subsets of the same size: within the deviation of their mean.
    let found = eval(&["kid", "-q", "--subsets", "20", "--subset-size", "200", "--against", &real], &generated);
    let (mean, deviation) = (expected["kid"]["mean"].as_f64().unwrap(), expected["kid"]["std"].as_f64().unwrap());
    assert!((found["kid"].as_f64().unwrap() - mean).abs() < deviation, "{found}");
    assert!((found["deviation"].as_f64().unwrap() / deviation - 1.0).abs() < 0.6, "{found}");
    for k in ["1", "3", "5"] {
        let found = eval(&["precision-recall", "-q", "--k", k, "--against", &real], &generated);
        let expected = &expected["precision_recall"][format!("k{k}")];
        ["precision", "recall"].iter().for_each(|key| close(&found[*key], &expected[*key], 1e-9));
    }
    let logits = records("g", "logits", None, &rows("logits"));
    let found = eval(&["inception-score", "-q", "--no-shuffle"], &logits);
    close(&found["inception_score"], &expected["inception_score"]["splits_10_in_order"]["mean"], 1e-9);
    close(&found["deviation"], &expected["inception_score"]["splits_10_in_order"]["std"], 1e-9);
}

#[test]
fn digits_through_a_real_lenet_have_the_stated_figures() {
    let (Some(mnist), Some(model)) = (shared("data/mnist"), shared("weights/mnist_lenet.safetensors")) else { return };
    let expected: Value =
        serde_json::from_slice(&fs::read(model.with_file_name("mnist_lenet.expected.json")).unwrap()).unwrap();
    let expected = &expected["generator_figures"]["sets"];
    let folder = tempfile::tempdir().unwrap();
    let (mnist, model) = (mnist.display().to_string(), model.display().to_string());
    let embed = |lines: &str| {
        let layers = ["--layer", "c5,f6,logits", "--dtype", "f32"];
        run("dl-embed", &[&["-q", "--model", &model][..], &layers].concat(), lines).expect(0).stdout
    };
    let first = |lines: &str, most: usize| lines.lines().take(most).fold(String::new(), |all, line| all + line + "\n");
    let test = embed(&run("dl-data", &["from", "idx", &mnist, "--split", "test"], "").expect(0).stdout);
    assert_eq!(test.lines().count(), 10_000);
    let ones = test.lines().filter(|line| line.contains(r#""label":"1""#));
    let ones = ones.fold(String::new(), |all, line| all + line + "\n");
    let train = run("dl-data", &["from", "idx", &mnist, "--split", "train"], "").expect(0).stdout;
    let train = embed(&first(&train, 10_000));
    let real = write(folder.path(), "real.jsonl", &test);
    let first_real = write(folder.path(), "first.jsonl", &first(&test, 2000));
    for (name, generated) in [("mnist_train_0_9999", &train), ("mnist_test_class_1_only", &ones)] {
        let expected = &expected[name];
        for (layer, key) in [("c5", "fid_features_120"), ("f6", "fid_features_84")] {
            let found = eval(&["fid", "-q", "--layer", layer, "--against", &real], generated);
            close(&found["fid"], &expected[key], 1e-3);
            assert!(found["network"].as_str().unwrap().starts_with("lenet5:"), "{found}");
        }
        let found = eval(&["inception-score", "-q", "--splits", "1"], generated);
        close(&found["inception_score"], &expected["inception_score_one_split"], 1e-3);
        let options = ["precision-recall", "-q", "--layer", "f6", "--against", &first_real];
        let found = eval(&options, &first(generated, 2000));
        ["precision", "recall"].iter().for_each(|key| close(&found[*key], &expected[*key], 0.003));
        if let Some(value) = expected.get("kid_features_84_first_2000") {
            let options = ["kid", "-q", "--exact", "--layer", "f6", "--against", &first_real];
            close(&eval(&options, &first(generated, 2000))["kid"], value, 1e-3);
        }
    }
    // The network's classes.
    let classified = run("dl-classify", &["-q", "--model", &model], &ones).expect(0).stdout;
    let digits = "0,1,2,3,4,5,6,7,8,9";
    let found = eval(&["modes", "-q", "--labels", digits], &classified);
    let counts = expected["mnist_test_class_1_only"]["classes"].as_array().unwrap();
    for (digit, count) in counts.iter().enumerate() {
        let found = found["per_class"][digit.to_string()]["count"].as_i64().unwrap();
        assert!((found - count.as_i64().unwrap()).abs() <= 4, "{digit}: {found}, expected {count}");
    }
    assert!(found["agreement"].as_f64().unwrap() > 0.99 && found["kl"].as_f64().unwrap() > 2.0, "{found}");
}

#[test]
fn features_of_another_network_or_width_fail_and_errors_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let real = write(folder.path(), "real.jsonl", &records("r", "f6", Some("a:1"), &golden_rows(50, 30, 3, 0.0)));
    let other = records("x", "f6", Some("b:2"), &golden_rows(0, 1, 3, 0.0));
    let wide = records("y", "f6", Some("a:1"), &golden_rows(0, 1, 4, 0.0));
    let layer = records("z", "f7", Some("a:1"), &golden_rows(0, 1, 3, 0.0));
    let carried = r#"{"id":"c","error":{"tool":"dl-embed","message":"no such file"}}"#;
    let nan = r#"{"id":"n","features":{"f6":{"dtype":"f16","shape":[1,3],"base64":"AHwAAAAA"}}}"#;
    let good = records("g", "f6", Some("a:1"), &golden_rows(0, 40, 3, 0.0));
    let stdin = format!("{good}{other}{wide}{layer}{carried}\n{nan}\nnot a record\n");
    for metric in ["fid", "precision-recall", "duplicates", "two-sample", "kid"] {
        let ran = run("dl-eval", &[metric, "--against", &real], &stdin).expect(1);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(
            (found["generated"].as_u64(), found["real"].as_u64(), found["errors"].as_u64()),
            (Some(40), Some(30), Some(6))
        );
        for message in [
            "<stdin>:41: features \"f6\" were computed by \"b:2\", those of the records before by \"a:1\"",
            "<stdin>:42: features \"f6\" have 4 columns, earlier records have 3",
            "<stdin>:43: the record has no features \"f6\", only f7",
            "1 record carries \"error\"",
            "<stdin>:45: features \"f6\" hold inf",
            "<stdin>:46: ",
        ] {
            assert!(ran.stderr.contains(message), "{metric}: no {message} in\n{}", ran.stderr);
        }
    }
}

#[test]
fn nothing_to_measure_is_an_error_and_so_are_two_streams_on_stdin() {
    let folder = tempfile::tempdir().unwrap();
    let real = write(folder.path(), "real.jsonl", &records("r", "f6", None, &golden_rows(0, 9, 3, 0.0)));
    let empty = write(folder.path(), "empty.jsonl", "");
    for metric in ["fid", "kid", "precision-recall", "duplicates", "two-sample"] {
        let ran = run("dl-eval", &[metric, "--against", &real], "").expect(1);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("no generated record with features"), "{}", ran.stderr);
        let generated = fs::read_to_string(&real).unwrap();
        let ran = run("dl-eval", &[metric, "--against", &empty], &generated).expect(1);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("no real record with features"), "{}", ran.stderr);
        let ran = run("dl-eval", &[metric, "--against", "-"], &generated).expect(2);
        assert!(ran.stderr.contains("stdin is also the generated records"), "{}", ran.stderr);
        // The other way round works: real records on stdin.
        eval(&[metric, "-q", "--against", "-", &real], &generated);
        let ran = run("dl-eval", &[metric, "--against", "no-such.jsonl"], &generated).expect(2);
        assert!(ran.stderr.contains("no-such.jsonl"), "{}", ran.stderr);
    }
    for metric in ["inception-score", "modes"] {
        let ran = run("dl-eval", &[metric], "").expect(1);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("nothing to measure"), "{}", ran.stderr);
    }
    let one = records("g", "f6", None, &golden_rows(0, 1, 3, 0.0));
    let ran = run("dl-eval", &["fid", "--against", &real], &one).expect(2);
    assert!(
        ran.stderr.contains("the input has one row of features; a covariance needs at least two"),
        "{}",
        ran.stderr
    );
    let ran = run("dl-eval", &["kid", "--subset-size", "10", "--against", &real], &one).expect(2);
    assert!(ran.stderr.contains("the generated set has 1 rows; expected at least 10"), "{}", ran.stderr);
}

#[test]
fn copies_of_real_records_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let real = golden_rows(100, 300, 4, 0.0);
    let against = write(folder.path(), "real.jsonl", &records("r", "f", None, &real));
    let mut generated = golden_rows(5000, 200, 4, 0.0);
    generated[7] = real[123].clone();
    let found = eval(&["duplicates", "-q", "--max", "2", "--against", &against], &records("g", "f", None, &generated));
    assert_eq!(found["copies"], 1);
    assert_eq!(found["nearest"].as_array().unwrap().len(), 2);
    assert_eq!(found["nearest"][0], json!({"generated": "g7", "real": "r123", "distance": 0.0}));
    assert!(found["below_1"].as_f64().unwrap() >= 0.005 && found["below_50"].as_f64().unwrap() < 0.7, "{found}");
}

#[test]
fn a_classifier_cannot_tell_equal_distributions_apart_and_tells_shifted_ones() {
    let folder = tempfile::tempdir().unwrap();
    let real = write(folder.path(), "real.jsonl", &records("r", "f", None, &golden_rows(5000, 500, 6, 0.0)));
    let accuracy = |shift: f64| {
        let found =
            eval(&["two-sample", "-q", "--against", &real], &records("g", "f", None, &golden_rows(0, 600, 6, shift)));
        assert_eq!((found["rows_of_each"].as_u64(), found["folds"].as_u64()), (Some(500), Some(5)));
        (found["accuracy"].as_f64().unwrap(), found["standard_error"].as_f64().unwrap())
    };
    let (same, error) = accuracy(0.0);
    assert!((same - 0.5).abs() < 3.0 * error && error < 0.017, "{same} {error}");
    assert!(accuracy(2.0).0 > 0.95);
}

#[test]
fn modes_of_a_collapsed_generator_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let record = |class: &str, label: Option<&str>| {
        let mut record = json!({"predictions": [{"label": "z", "score": 0.25}, {"label": class, "score": 0.5}]});
        if let Some(label) = label {
            record["label"] = json!(label);
        }
        format!("{record}\n")
    };
    let generated: String = ["a", "a", "b", "b"].map(|class| record(class, Some("a"))).concat();
    let found = eval(&["modes", "-q", "--labels", "a,b,c,d"], &generated);
    assert_eq!((found["modes"].as_u64(), found["expected"].as_u64()), (Some(2), Some(4)));
    assert_eq!((found["smallest_share"].as_f64(), found["agreement"].as_f64()), (Some(0.0), Some(0.5)));
    close(&found["kl"], &json!(2_f64.ln()), 1e-12);
    assert_eq!(found["per_class"]["b"], json!({"count": 2, "share": 0.5, "reference": 0.25}));
    let real = write(folder.path(), "real.jsonl", "{\"label\":\"a\"}\n{\"label\":\"a\"}\n");
    let ran = run("dl-eval", &["modes", "--against", &real], &generated).expect(0);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((found["kl"].clone(), found["modes"].as_u64()), (Value::Null, Some(1)));
    assert!(ran.stderr.contains("not in the reference: \"b\""), "{}", ran.stderr);
    let ran = run("dl-eval", &["modes", "--format", "table"], &generated).expect(0);
    assert!(ran.stdout.contains("modes (2 of 2)") && ran.stderr.contains("--labels"), "{}{}", ran.stdout, ran.stderr);
    let ran = run("dl-eval", &["modes"], "{\"id\":\"x\"}\n").expect(1);
    assert!(ran.stderr.contains("no \"predictions\"; dl-classify writes them"), "{}", ran.stderr);
}

/// Random features are not needed for this: the bits of one thread are those of three.
#[test]
fn figures_do_not_depend_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    let noise = |seed: usize| {
        let tensor = Tensor::rand(-1_f32, 1.0, (600, 20), &Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
        records(&format!("{seed}-"), "f", None, &tensor)
    };
    let real = write(folder.path(), "real.jsonl", &noise(0));
    let generated = noise(1);
    for metric in ["fid", "kid", "precision-recall", "duplicates", "two-sample"] {
        let on = |threads: &str| {
            let options = [metric, "-q", "--threads", threads, "--against", &real];
            run("dl-eval", &options, &generated).expect(0).stdout
        };
        assert_eq!(on("1"), on("3"), "{metric}");
    }
}
