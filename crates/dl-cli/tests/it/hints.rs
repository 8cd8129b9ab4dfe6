//! Repeated messages, and hints for common mistakes.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{program, root, run};

const IMAGE: &str = "testdata/signs/JPEGImages/test-0001.jpg";
const OTHER: &str = "testdata/signs/JPEGImages/test-0002.jpg";
const PROPOSE: [&str; 3] = ["sliding-window", "--max", "1"];

#[test]
fn of_two_thousand_errors_of_one_kind_the_first_ten_are_printed_and_the_others_counted() {
    let stream: String = (0..2000).map(|n| format!("{}\n", json!({"image": format!("/none/{n}.jpg")}))).collect();
    let ran = run("dl-propose", &PROPOSE, &stream).expect(1);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 11, "{}", ran.stderr);
    assert_eq!(lines[9], "dl-propose: <stdin>:10: /none/9.jpg: no such file");
    let expected = "dl-propose: ... and 1990 more like \"<stdin>:1: /none/0.jpg: no such file\" (-v prints all)";
    assert_eq!(lines[10], expected);
    assert!(ran.records().iter().all(|record| record["error"]["tool"] == "dl-propose"));
    let ran = run("dl-propose", &[&PROPOSE[..], &["-v"]].concat(), &stream).expect(1);
    assert_eq!(ran.stderr.lines().count(), 2000);
}

#[test]
fn names_of_images_on_stdin_are_images() {
    for separator in ["\n", "\r\n", "\0"] {
        let names = [IMAGE, OTHER].map(|name| format!("{name}{separator}")).concat();
        let records = run("dl-propose", &PROPOSE, &names).expect(0).records();
        let images: Vec<&str> = records.iter().map(|record| record["image"].as_str().unwrap()).collect();
        assert_eq!(images, [IMAGE, OTHER]);
    }
    // As `ls` prints them in another folder, with a record between.
    let names = format!("test-0001.jpg\n{}\ntestdata\n", json!({"image": IMAGE}));
    let ran = run("dl-propose", &PROPOSE, &names).expect(1);
    assert!(ran.stderr.contains("<stdin>:1: test-0001.jpg: no such file; paths on stdin"), "{}", ran.stderr);
    assert!(ran.stderr.contains("<stdin>:3: testdata: a folder on stdin; name it"), "{}", ran.stderr);
    assert!(ran.records()[1].get("proposals").is_some());
}

#[test]
fn an_image_on_stdin_is_refused_with_a_remedy_by_a_program_that_opens_no_images() {
    let stdin = fs::File::open(root().join(IMAGE)).unwrap();
    let ran = Command::new(program("dl-nms")).stdin(stdin).output().unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    assert_eq!((ran.status.code(), ran.stdout.len()), (Some(2), 0), "{stderr}");
    assert!(stderr.contains("stdin is a JPEG image") && stderr.contains("reads records; dl-propose"), "{stderr}");
}

#[test]
fn images_on_stdin_are_the_frames_of_a_video() {
    let bytes = |name: &str| fs::read(root().join(name)).unwrap();
    let feed = |stream: &[u8]| {
        let mut child = Command::new(program("dl-propose"));
        let child = child.args(PROPOSE).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stream).unwrap();
        let ran = child.wait_with_output().unwrap();
        let records = String::from_utf8(ran.stdout).unwrap();
        let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (ran.status.code(), records, String::from_utf8(ran.stderr).unwrap())
    };
    let stream = [bytes(IMAGE), bytes(OTHER), bytes(IMAGE)].concat();
    let (status, records, stderr) = feed(&stream);
    assert_eq!((status, stderr.as_str(), records.len()), (Some(0), "", 3));
    for (number, (record, name)) in records.iter().zip([IMAGE, OTHER, IMAGE]).enumerate() {
        let named = json!({"id": format!("frame-{:06}", number + 1), "image": name});
        let mut expected = run("dl-propose", &PROPOSE, &format!("{named}\n")).expect(0).records().remove(0);
        expected["image"] = record["image"].clone();
        assert_eq!(*record, expected);
    }
    // A last frame that is cut off, or that is no image, fails alone.
    let (status, records, stderr) = feed(&stream[..stream.len() - 50]);
    assert_eq!((status, records.len()), (Some(1), 3), "{stderr}");
    assert!(stderr.contains("<stdin>: frame 3") && stderr.contains("truncated"), "{stderr}");
    let (status, records, stderr) = feed(&[&bytes(IMAGE)[..], b"no image at all"].concat());
    assert_eq!((status, records.len()), (Some(1), 2), "{stderr}");
    assert!(stderr.contains("<stdin>: frame 2: the rest of the stream is skipped: not an image"), "{stderr}");
}

/// Runs a shell script in the repository's root with the programs in PATH: status and stderr.
#[cfg(unix)]
fn shell(script: &str) -> (Option<i32>, String) {
    let programs = program("dl-nms").parent().unwrap().display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let ran = Command::new("sh").args(["-c", script]).env("PATH", path).current_dir(root()).output().unwrap();
    (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
}

#[cfg(unix)]
#[test]
fn what_is_on_stdin_is_recognized_however_the_pipe_is_cut() {
    let utf16 = r#"printf '{\000"\000i\000d\000"\000:\000"\000a\000"\000}\000\n\000'"#;
    for (feed, words) in [
        (format!("(head -c 2 {IMAGE}; sleep .3; tail -c +3 {IMAGE})"), "stdin is a JPEG image"),
        (format!("gzip -c {IMAGE} | (head -c 1; sleep .3; cat)"), "pipe it through gzip -dc first"),
        (utf16.to_owned(), "iconv -f UTF-16LE -t UTF-8"),
        ("cat testdata/models/signs.safetensors".to_owned(), "stdin is a model file"),
        ("printf 'P6\\n2 2\\n255\\n123456789012'".to_owned(), "stdin is a PNM image"),
    ] {
        let (status, stderr) = shell(&format!("{feed} | dl-nms"));
        assert!(status == Some(2) && stderr.contains(words) && stderr.lines().count() == 1, "{feed}: {stderr}");
    }
    let names = format!("(printf {}; sleep .3; printf '{}\\0{OTHER}\\0')", &IMAGE[..9], &IMAGE[9..]);
    let (status, stderr) = shell(&format!("{names} | dl-propose sliding-window --max 1"));
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
}

#[test]
fn files_of_records_that_are_something_else_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for name in ["a.jsonl", "a.jsonl.gz"] {
        fs::write(at(name), b"\xFD7zXZ\0\0\x04").unwrap();
        let ran = run("dl-nms", &[at(name)], "").expect(2);
        assert!(ran.stderr.contains(&format!("xz -dc {} | dl-nms", at(name))), "{}", ran.stderr);
    }
    let ran = run::<&str>("dl-nms", &[], "found.jsonl\n").expect(1);
    assert!(ran.stderr.contains("found.jsonl: a file of records on stdin; name it as an argument"), "{}", ran.stderr);
}

#[test]
fn a_record_without_the_needed_field_is_not_explained_by_its_folder() {
    for (tool, args) in [("dl-nms", &[][..]), ("dl-eval", &["voc"])] {
        let ran = run(tool, args, "{\"id\":\"a\",\"image\":\"none/a.jpg\"}\n").expect(1);
        assert!(!ran.stderr.contains("hint:"), "{tool}: {}", ran.stderr);
    }
}

#[test]
fn records_made_in_another_folder_get_one_hint() {
    let stream = "{\"image\":\"none/a.jpg\"}\n{\"image\":\"none/b.jpg\"}\n";
    let ran = run("dl-propose", &PROPOSE, stream).expect(1);
    let hints: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("hint: ")).collect();
    assert!(matches!(hints[..], [hint] if hint.contains(root().to_str().unwrap())), "{}", ran.stderr);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.jsonl"), "{\"image\":\"a.png\"}\n").unwrap();
    image::RgbImage::new(9, 9).save(folder.path().join("a.png")).unwrap();
    let records = folder.path().join("a.jsonl");
    let ran = run("dl-propose", &[&PROPOSE[..], &[records.to_str().unwrap()]].concat(), "").expect(1);
    let found = format!("they exist below {}", folder.path().display());
    assert!(ran.stderr.contains(&found), "{}", ran.stderr);
}
