//! `dl-data`, as a user runs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Ran, run};

mod annotations;
mod check;
mod coco;
mod folder;
mod formats;
mod split;
mod texts;
mod voc;
mod yolo;

/// Runs `dl-data` with the arguments in `line`, in which `{}` is replaced by `folder`.
#[track_caller]
fn data(line: &str, folder: &Path, stdin: &str) -> Ran {
    let folder = folder.to_str().unwrap();
    let args: Vec<String> = line.split(' ').map(|word| word.replace("{}", folder)).collect();
    run("dl-data", &args, stdin)
}

fn folder() -> TempDir {
    // Spaces and non-ASCII characters in the paths of every test.
    tempfile::Builder::new().prefix("dl data ü ").tempdir().unwrap()
}

fn write(folder: &Path, name: &str, contents: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

/// Writes a gray image as PGM, which needs no encoder.
fn write_image(folder: &Path, name: &str, width: usize, height: usize) {
    let mut bytes = format!("P5 {width} {height} 255\n").into_bytes();
    bytes.extend(vec![128; width * height]);
    write(folder, name, bytes);
}

fn json_of(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// All text files below a folder, by path.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let inside = texts(&path);
            let name = path.file_name().unwrap().to_str().unwrap();
            found.extend(inside.into_iter().map(|(path, text)| (format!("{name}/{path}"), text)));
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            found.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), text);
        }
    }
    found
}

/// Equal, numbers to `tolerance`.
#[track_caller]
fn assert_close(found: &Value, expected: &Value, tolerance: f64) {
    match (found, expected) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= tolerance, "{a} is not {b}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{found} is not {expected}");
            a.iter().zip(b).for_each(|(a, b)| assert_close(a, b, tolerance));
        }
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(a.keys().collect::<std::collections::BTreeSet<_>>(), b.keys().collect());
            a.iter().for_each(|(name, a)| assert_close(a, &b[name], tolerance));
        }
        _ => assert_eq!(found, expected),
    }
}

/// The parts of a COCO file with its lists in the order of their ids.
fn by_id(mut coco: Value) -> Value {
    for list in ["images", "annotations", "categories"] {
        coco[list].as_array_mut().unwrap().sort_by_key(|entry| entry["id"].as_i64());
    }
    coco
}
