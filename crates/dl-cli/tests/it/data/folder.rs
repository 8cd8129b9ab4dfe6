//! Folders of images, as records and back.

use serde_json::json;

use super::*;

#[test]
fn folders_are_classes_unless_no_labels_is_given() {
    let folder = folder();
    for name in ["cat/1.pgm", "cat/more/2.PGM", "dög x/3.pgm", "plain.pgm", "cat/notes.txt", ".hidden/4.pgm"] {
        write_image(folder.path(), name, 4, 3);
    }
    let ran = data("from folder {}", folder.path(), "").expect(0);
    assert!(ran.stderr.contains("1 file with another extension skipped: .txt (1)"), "{}", ran.stderr);
    let records = ran.records();
    let found: Vec<_> =
        records.iter().map(|record| (record["id"].as_str().unwrap(), record["label"].as_str())).collect();
    assert_eq!(
        found,
        [
            ("cat/1.pgm", Some("cat")),
            ("cat/more/2.PGM", Some("cat")),
            ("dög x/3.pgm", Some("dög x")),
            ("plain.pgm", None)
        ]
    );
    assert_eq!((&records[0]["width"], &records[0]["height"]), (&json!(4), &json!(3)));
    assert!(data("from folder {} --no-labels", folder.path(), "").records().iter().all(|r| r.get("label").is_none()));
}

fn ids(stdout: &str) -> Vec<String> {
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    stdout.lines().map(id).collect()
}

#[test]
fn images_are_found_by_extension_and_other_files_are_counted() {
    let folder = folder();
    for name in ["a/1.jfif", "a/2.JPE", "b/3.Pnm", "b/4.heic", "b/5.HEIC", "b/notes.txt", "empty/x.avif"] {
        write_image(folder.path(), name, 4, 3);
    }
    let ran = data("from folder {}", folder.path(), "").expect(1);
    assert_eq!(ids(&ran.stdout), ["a/1.jfif", "a/2.JPE", "b/3.Pnm"]);
    let left_out = "4 files with other extensions skipped: .heic (2), .avif (1), .txt (1)";
    assert!(ran.stderr.contains(left_out), "{}", ran.stderr);
    assert!(ran.stderr.contains("empty: no images in this folder, so the class is empty"), "{}", ran.stderr);
}

#[test]
fn a_folder_without_images_is_an_error_that_lists_other_files() {
    let folder = folder();
    write(folder.path(), "cat/a.heic", "");
    for (tool, args) in [("dl-data", &["from", "folder"][..]), ("dl-propose", &["sliding-window"][..])] {
        let path = folder.path().to_str().unwrap();
        let ran = run(tool, &[args, &[path]].concat(), "").expect(2);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains("no images in this folder; 1 file with another extension"), "{}", ran.stderr);
    }
}

#[cfg(unix)]
mod unix {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    /// The runs of `dl-data from folder` and of a program that takes images, with the ids of their records.
    fn both(folder: &std::path::Path, input: &str, status: i32) -> [(Ran, Vec<String>); 2] {
        let from = data("from folder {}", folder, "").expect(status);
        let args = ["sliding-window", "--max", "1", input];
        let taken = run("dl-propose", &args, "").expect(status);
        [from, taken].map(|ran| {
            let ids = ids(&ran.stdout);
            (ran, ids)
        })
    }

    #[test]
    fn folders_that_link_to_each_other_give_each_image_once() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        for name in ["a/1.pgm", "b/2.pgm"] {
            write_image(folder.path(), name, 8, 8);
        }
        for (link, target) in [("a/self", "."), ("a/self2", "."), ("a/up", ".."), ("a/b", "../b"), ("b/a", "../a")] {
            symlink(target, at(link)).unwrap();
        }
        let root = folder.path().to_str().unwrap();
        for input in [root.to_owned(), format!("{root}/**/*.pgm")] {
            let [(from, ids), (_, taken)] = both(folder.path(), &input, 0);
            assert_eq!(ids, ["a/1.pgm", "b/2.pgm"]);
            assert_eq!(taken, ["a/1.pgm", "b/2.pgm"].map(|name| format!("{root}/{name}")));
            assert!(from.stderr.contains("which is read only once, and 4 more like it"), "{}", from.stderr);
        }
    }

    #[test]
    fn a_class_that_is_a_link_out_of_the_folder_is_read() {
        let (folder, store) = (folder(), super::folder());
        write_image(store.path(), "x.pgm", 8, 8);
        symlink(store.path(), folder.path().join("cat")).unwrap();
        let records = data("from folder {}", folder.path(), "").expect(0).records();
        assert_eq!((&records[0]["id"], &records[0]["label"]), (&json!("cat/x.pgm"), &json!("cat")));
    }

    #[test]
    fn a_name_that_is_not_unicode_skips_only_that_file() {
        let folder = folder();
        write_image(folder.path(), "a/1.pgm", 8, 8);
        write_image(folder.path(), "a/3.pgm", 8, 8);
        let bad = folder.path().join("a").join(OsStr::from_bytes(b"2\xff.pgm"));
        std::fs::copy(folder.path().join("a/1.pgm"), &bad).unwrap();
        let root = folder.path().to_str().unwrap();
        for input in [root.to_owned(), format!("{root}/a/*.pgm"), format!("{root}/**/*.pgm")] {
            let runs = both(folder.path(), &input, 1);
            for ((ran, ids), before) in runs.iter().zip(["", &format!("{root}/")]) {
                let expected = ["a/1.pgm", "a/2\\xff.pgm", "a/3.pgm"].map(|name| format!("{before}{name}"));
                assert_eq!(ids, &expected);
                let records = ran.records();
                assert!(records[1]["error"]["message"].as_str().unwrap().contains("not Unicode"), "{}", ran.stdout);
                assert!(ran.stderr.contains("2\\xff.pgm: the name is not Unicode"), "{}", ran.stderr);
            }
        }
        let args: Vec<OsString> = vec!["sliding-window".into(), bad.into(), folder.path().join("a/1.pgm").into()];
        let ran = run("dl-propose", &args, "").expect(1);
        assert_eq!(ids(&ran.stdout).len(), 2, "an argument of the shell");
    }

    #[test]
    fn an_unreadable_folder_is_reported_and_the_others_are_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        write_image(folder.path(), "a/1.pgm", 8, 8);
        write_image(folder.path(), "b/2.pgm", 8, 8);
        let closed = folder.path().join("a");
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o0)).unwrap();
        if closed.read_dir().is_ok() {
            eprintln!("SKIPPED: root reads every folder");
            return;
        }
        let [(from, ids), (_, taken)] = both(folder.path(), folder.path().to_str().unwrap(), 1);
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!((ids, taken.len()), (vec!["b/2.pgm".to_owned()], 2));
        assert!(from.stderr.contains("a: cannot be read"), "{}", from.stderr);
    }
}

fn idx(magic: &[u32], bytes: &[u8]) -> Vec<u8> {
    magic.iter().flat_map(|number| number.to_be_bytes()).chain(bytes.iter().copied()).collect()
}

#[test]
fn mnist_is_read_under_all_published_file_names() {
    let images = idx(&[2051, 2, 1, 2], &[0, 255, 255, 0]);
    let labels = idx(&[2049, 2], &[1, 2]);
    for (images_name, labels_name, split) in [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "train"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte", "train"),
        ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "test"),
        ("raw/t10k-images-idx3-ubyte", "raw/t10k-labels-idx1-ubyte", "test"),
        ("MNIST/raw/t10k-images-idx3-ubyte", "MNIST/raw/t10k-labels-idx1-ubyte", "test"),
        ("train-images-idx3-ubyte/train-images-idx3-ubyte", "train-labels-idx1-ubyte/train-labels-idx1-ubyte", "train"),
    ] {
        let folder = folder();
        // Unpacked by the browser, under the name of the packed file.
        write(folder.path(), images_name, &images);
        write(folder.path(), labels_name, &labels);
        let records = data(&format!("from idx {{}} --split {split}"), folder.path(), "").expect(0).records();
        assert_eq!(
            (&records[0]["id"], &records[1]["label"]),
            (&json!(format!("{split}/00000")), &json!("2")),
            "{images_name}"
        );
        assert_eq!((&records[0]["width"], &records[0]["height"]), (&json!(2), &json!(1)));
    }
}

#[test]
fn emnist_is_rotated_upright_and_named_by_its_mapping() {
    let folder = folder();
    for split in ["letters", "digits"] {
        write(folder.path(), &format!("emnist-{split}-train-images-idx3-ubyte"), idx(&[2051, 1, 1, 2], &[0, 255]));
        write(folder.path(), &format!("emnist-{split}-train-labels-idx1-ubyte"), idx(&[2049, 1], &[1]));
    }
    write(folder.path(), "emnist-letters-mapping.txt", "1 65 97\r\n2 66 98\r\n");
    let ran = data("from idx {} --split train", folder.path(), "").expect(2);
    assert!(
        ran.stderr.contains("emnist-letters-train") && ran.stderr.contains("emnist-digits-train"),
        "{}",
        ran.stderr
    );
    let ran = data("from idx {} --split letters-train", folder.path(), "").expect(0);
    assert!(ran.stderr.contains("rotated upright"), "{}", ran.stderr);
    let record = &ran.records()[0];
    assert_eq!(record["label"], "A");
    assert_eq!((&record["width"], &record["height"]), (&json!(1), &json!(2)));
}
