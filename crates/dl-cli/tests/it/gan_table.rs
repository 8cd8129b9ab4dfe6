//! `dl-gan-train table`, rows of `dl-gan-sample`, and `dl-eval table`.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::{Ran, run, run_killed, shared};

/// A table of customers: the rich ones with a balance of 0 pay, most of the others too.
fn table(rows: usize, end: &str) -> String {
    let mut text = format!("id,age,balance,kind,paid,country{end}");
    for row in 0..rows {
        let age = 20 + row * 7 % 50;
        let balance = if row % 4 == 0 { "0".to_owned() } else { format!("{}.{:02}", row * 37 % 900, row % 100) };
        let kind = if row % 11 == 0 { "" } else { ["new", "old", "very, old"][row % 3] };
        let kind = if kind.contains(',') { format!("\"{kind}\"") } else { kind.to_owned() };
        let age = if row % 13 == 5 { "NA".to_owned() } else { age.to_string() };
        text += &format!("{},{age},{balance},{kind},{},CH{end}", row + 1, if row % 10 == 1 { "No" } else { "Yes" });
    }
    text
}

const QUICK: &str = "table --ignore id --label paid --iterations 6 --batch 40 --pac 4 --width 0.1 --latent 8";

fn train(words: &str, output: &Path, input: &str) -> Ran {
    let words: Vec<&str> = words.split(' ').collect();
    run("dl-gan-train", &[&words[..], &["--output", output.to_str().unwrap()]].concat(), input)
}

fn sample(model: &Path, words: &[&str]) -> Ran {
    run("dl-gan-sample", &[&[model.to_str().unwrap()], words].concat(), "")
}

#[test]
fn a_generator_of_a_table_makes_rows_that_keep_what_its_columns_are() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("rows.safetensors");
    let log = folder.path().join("log.jsonl");
    let words = format!("{QUICK} --samples-every 6 --log {}", log.display());
    let ran = train(&words, &model, &table(300, "\n")).expect(0);
    for said in ["300 rows", "numbers: age, balance", "categories: kind, paid", "column country: the same"] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    let first: Value = serde_json::from_str(fs::read_to_string(&log).unwrap().lines().next().unwrap()).unwrap();
    let names = ["generator", "discriminator", "penalty", "condition", "d_real", "d_fake", "d_accuracy", "diversity"];
    assert!(names.iter().all(|name| first[name].is_number()), "{first}");
    assert_eq!(fs::read_to_string(folder.path().join("rows.samples-000006.csv")).unwrap().lines().count(), 65);
    let csv = folder.path().join("made.csv");
    let made = sample(&model, &["--count", "200", "--csv", csv.to_str().unwrap()]).expect(0).records();
    assert_eq!(made.len(), 200);
    let mut ages_missing = 0;
    for record in &made {
        assert_eq!(record["country"], "CH");
        assert!(["Yes", "No"].contains(&record["paid"].as_str().unwrap()), "{record}");
        assert!(record["kind"].is_null() || ["new", "old", "very, old"].contains(&record["kind"].as_str().unwrap()));
        match record["age"].as_i64() {
            Some(age) => assert!((20..70).contains(&age), "{record}"),
            None => ages_missing += usize::from(record["age"].is_null()),
        }
        let balance = record["balance"].as_f64().unwrap();
        assert!((0.0..900.0).contains(&balance) && (balance * 100.0 - (balance * 100.0).round()).abs() < 1e-6);
    }
    assert!(ages_missing > 0);
    let text = fs::read_to_string(&csv).unwrap();
    assert!(text.starts_with("age,balance,kind,paid,country\n") && text.lines().count() == 201, "{text}");
    // A row depends on the model, the seed and its number alone.
    let some = sample(&model, &["--count", "3", "--first", "150"]).expect(0).records();
    assert_eq!(some[..], made[150..153]);
    let other = sample(&model, &["--count", "3", "--seed", "1"]).expect(0).records();
    assert_ne!(other[..], made[..3]);
    // Of a label, in turn.
    let made = sample(&model, &["--label", "No", "--label", "kind=old", "--count", "6"]).expect(0).records();
    for (place, record) in made.iter().enumerate() {
        let expected = if place % 2 == 0 { ("paid", "No") } else { ("kind", "old") };
        assert_eq!(record[expected.0], expected.1, "{record}");
    }
    for (words, said) in [
        (&["--label", "paid=Maybe"][..], "paid has no such value; choose from \"No\", \"Yes\""),
        (&["--label", "age=20"], "the column age has no categories"),
        (&["--truncation", "0.5"], "--truncation: is for images"),
    ] {
        assert!(sample(&model, words).expect(2).stderr.contains(said), "{said}");
    }
}

#[test]
fn line_ends_compression_and_records_give_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let model = |name: &str| folder.path().join(format!("{name}.safetensors"));
    train(QUICK, &model("lf"), &table(200, "\n")).expect(0);
    let whole = fs::read(model("lf")).unwrap();
    train(QUICK, &model("cr"), table(200, "\r").trim_end()).expect(0);
    assert!(fs::read(model("cr")).unwrap() == whole, "cr");
    let path = folder.path().join("table.csv.gz");
    let mut file = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
    file.write_all(table(200, "\r\n").as_bytes()).unwrap();
    file.finish().unwrap();
    train(&format!("{QUICK} {}", path.display()), &model("gz"), "").expect(0);
    assert!(fs::read(model("gz")).unwrap() == whole, "gz");
    // Tabs, found by themselves.
    let tabs =
        table(200, "\n").replace("\"very, old\"", "very; old").replace(',', "\t").replace("very; old", "very, old");
    train(QUICK, &model("tabs"), &tabs).expect(0);
    assert!(fs::read(model("tabs")).unwrap() == whole, "tabs");
    // Records; their id is no column.
    let mut records = String::new();
    let mut reader = csv::Reader::from_reader(table(200, "\n").leak().as_bytes());
    let names = reader.headers().unwrap().clone();
    for row in reader.records() {
        let row = row.unwrap();
        let fields = names.iter().zip(&row).map(|(name, cell)| {
            let is_number = ["age", "balance"].contains(&name) && cell != "NA";
            format!("\"{name}\":{}", if is_number { cell.to_owned() } else { serde_json::to_string(cell).unwrap() })
        });
        records += &format!("{{{}}}\n", fields.collect::<Vec<_>>().join(","));
    }
    let words = QUICK.replace("--ignore id ", "");
    train(&words, &model("records"), &records).expect(0);
    assert!(fs::read(model("records")).unwrap() == whole, "records");
}

#[test]
fn a_training_killed_at_any_moment_resumes_to_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("table.csv");
    fs::write(&input, table(300, "\n")).unwrap();
    let args = |name: &str| -> Vec<String> {
        let model = folder.path().join(name).join("rows.safetensors");
        fs::create_dir_all(model.parent().unwrap()).unwrap();
        let words = QUICK.replace("--iterations 6", "--iterations 150 --checkpoint-every 7 --ema 0.9 --resume");
        let files = [input.display().to_string(), "--output".to_owned(), model.display().to_string()];
        words.split(' ').map(str::to_owned).chain(files).collect()
    };
    let kills = run_killed("dl-gan-train", &args("broken"), 10, |kills| Duration::from_millis(40 + (kills * 67) % 200));
    assert!(kills >= 1, "{kills} kills");
    run("dl-gan-train", &args("whole"), "").expect(0);
    for file in ["rows.safetensors", "rows.last.safetensors"] {
        let [broken, whole] = ["broken", "whole"].map(|name| fs::read(folder.path().join(name).join(file)).unwrap());
        assert!(broken == whole, "{file}");
    }
}

#[test]
fn tables_that_cannot_be_trained_on_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("rows.safetensors");
    let rows = |row: &str, count: usize| row.repeat(count);
    let many: String = (0..1500).map(|row| format!("name{row},{}\n", row % 2)).collect();
    for (words, input, said) in [
        ("table", String::new(), "<stdin>: is empty"),
        ("table", "a,b\n".to_owned(), "<stdin>: has a header, but no rows"),
        ("table", format!("a,a\n{}", rows("1,2\n", 20)), "two columns are named a"),
        ("table", format!("a,b\n{}", rows("1,x\n", 20)), "every column is the same in all rows"),
        (
            "table",
            format!("a,b\n{}1.5,x\ninf,y\n", rows("2.5,x\n", 30)),
            "column a, row 32: inf is not a finite number",
        ),
        ("table", format!("a,b\n{many}"), "column a: 1500 different texts are too many categories"),
        ("table --ignore c", "a,b\n1,2\n".to_owned(), "--ignore c: the table has no such column; it has a, b"),
        ("table --label c", "a,b\n1,2\n2,3\n".to_owned(), "--label c: the table has no such column"),
        ("table --numeric b", "a,b\n1,2\n2,x\n".to_owned(), "--numeric b: row 2 has \"x\""),
        ("table", "a,b\n1,2\n2,3\n".to_owned(), "2 rows cannot be shown in groups of 10; use a smaller --pac"),
        (
            "table",
            format!("a,b\n{}1,\"x\n{}", rows("1,x\n2,y\n", 20), rows("3,y\n", 9)),
            "line 42: a quote is opened and never closed",
        ),
        ("table", format!("a,b\n{}5e200,x\n", rows("1,x\n2,y\n", 20)), "column a, row 41: the number is above 1e30"),
        ("table", format!("a,b\n{}", rows("1e-90,x\n2e-90,y\n", 20)), "column a: its numbers are below 1e-30"),
        ("table", format!("features,b\n{}", rows("1,x\n2,y\n", 20)), "column features: records have a field"),
    ] {
        let ran = train(words, &model, &input).expect(2);
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        assert!(!model.exists());
    }
    // One bad row, one bad byte and a second header do not end the training; one column is enough.
    let ran =
        train("table --iterations 1 --batch 20 --width 0.1", &model, &format!("a\n{}1,2\na\n", rows("1\n2\n", 30)));
    let ran = ran.expect(1);
    assert!(ran.stderr.contains("row 61: has 2 cells, the header 1"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the header occurs 1 more times"), "{}", ran.stderr);
    // NaN is an empty cell.
    let input = format!("a,b\n{}NaN,x\n", rows("1.5,x\n2.25,y\n3.5,y\n", 30));
    train("table --iterations 1 --width 0.1 --force", &model, &input).expect(0);
    let damaged = folder.path().join("damaged.safetensors");
    let mut bytes = fs::read(&model).unwrap();
    let place = bytes.windows(9).position(|window| window == b"deviation").unwrap();
    bytes[place] = b'x';
    fs::write(&damaged, bytes).unwrap();
    assert!(sample(&damaged, &[]).expect(2).stderr.contains("damaged.safetensors"));
}

#[test]
fn made_rows_are_compared_with_real_ones_and_tested() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let all = table(400, "\n");
    let (header, rows) = all.split_once('\n').unwrap();
    let part = |is: &dyn Fn(usize) -> bool| -> String {
        let rows = rows.lines().enumerate().filter(|(row, _)| is(*row));
        rows.fold(format!("{header}\n"), |text, (_, row)| text + row + "\n")
    };
    let train = write("train.csv", &part(&|row| row % 3 != 2));
    let test = write("test.csv", &part(&|row| row % 3 == 2));
    let words = ["table", "--real", &train, "--synthetic", &train, "--ignore", "id"];
    let same = run("dl-eval", &words, "").expect(0).records().remove(0);
    for (name, expected) in
        [("mean_ks", 0.0), ("mean_total_variation", 0.0), ("correlation_difference", 0.0), ("copies", 1.0)]
    {
        assert!((same[name].as_f64().unwrap() - expected).abs() < 1e-9, "{same}");
    }
    assert_eq!(same["nearest_synthetic"]["median"].as_f64(), Some(0.0));
    let words = ["table", "--real", &train, "--synthetic", &test, "--test", &test, "--label", "paid", "--ignore", "id"];
    let found = run("dl-eval", &words, "").expect(0).records().remove(0);
    assert_eq!((found["positive"].as_str(), found["real"].as_u64()), (Some("No"), Some(267)));
    let utility = found["utility"].as_array().unwrap();
    assert_eq!(utility.len(), 8);
    assert!(utility.iter().all(|row| (0.0..=1.0).contains(&row["auc"].as_f64().unwrap())), "{utility:?}");
    assert!(found["columns"]["balance"]["ks"].as_f64().unwrap() < 0.2, "{found}");
    let ran = run("dl-eval", &[&words[..], &["--format", "table"]].concat(), "").expect(0);
    assert!(ran.stdout.contains("logistic, real + SMOTE") && ran.stdout.contains("share of copies"), "{}", ran.stdout);
    let lacking = write("lacking.csv", "id,age\n1,20\n");
    let words = ["table", "--real", &train, "--synthetic", &lacking];
    assert!(run("dl-eval", &words, "").expect(2).stderr.contains("--synthetic: has no column balance"));
}

#[test]
fn classifiers_of_credit_defaults_rank_as_those_of_scikit_learn() {
    let Some(path) = shared("data/default_credit/Default.csv") else { return };
    let all = fs::read_to_string(&path).unwrap();
    let (header, rows) = all.split_once('\n').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let part = |name: &str, is_test: bool| {
        let rows = rows.lines().enumerate().filter(|(row, _)| (row % 5 == 0) == is_test);
        let file = folder.path().join(name);
        fs::write(&file, rows.fold(format!("{header}\n"), |text, (_, row)| text + row + "\n")).unwrap();
        file.display().to_string()
    };
    let (train, test) = (part("train.csv", false), part("test.csv", true));
    let words = ["table", "--real", &train, "--synthetic", &test, "--test", &test, "--label", "default"];
    let found = run("dl-eval", &words, "").expect(0).records().remove(0);
    let of = |classifier: &str, figure: &str| {
        let rows = found["utility"].as_array().unwrap().iter();
        let mut rows = rows.filter(|row| row["classifier"] == classifier && row["trained_on"] == "real");
        rows.next().unwrap()[figure].as_f64().unwrap()
    };
    // ../shared/data/default_credit/expected.json
    assert!((of("logistic", "auc") - 0.957_262).abs() < 1e-4, "{found}");
    assert!((of("logistic", "average_precision") - 0.557_963).abs() < 1e-3, "{found}");
    // There, with fewer and smaller trees.
    assert!((of("boosting", "auc") - 0.954).abs() < 0.02, "{found}");
}
