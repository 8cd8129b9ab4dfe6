//! Streaming programs do not hold the stream in memory: ten times the records take the same memory.
//!
//! The number of records in memory depends on the load of the machine, so these tests run one by one, in
//! `make test-slow`, and read the peak from Linux's /proc.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::{program, root};

/// Peak memory of the program in KB, as Linux counts it.
pub(crate) fn peak_memory(tool: &str, args: &[&str], input: Option<File>) -> u64 {
    let mut child = Command::new(program(tool))
        .args(args)
        .current_dir(root())
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let writer = thread::spawn(move || {
        if let (Some(mut input), Some(mut stdin)) = (input, stdin) {
            io::copy(&mut input, &mut stdin).unwrap();
            // A fast program is measured when it has done its work, before the end of its input ends it.
            thread::sleep(Duration::from_millis(50));
        }
    });
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    // The mark only rises: the last value before the end is the peak, except for the last few milliseconds.
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        thread::sleep(Duration::from_millis(2));
    }
    writer.join().unwrap();
    assert!(child.wait().unwrap().success(), "{tool} failed");
    peak
}

/// Runs the program over `line(0)`, `line(1)` ...: 200 records, then 2000.
#[track_caller]
fn assert_flat(tool: &str, args: &[&str], line: impl Fn(usize) -> String) {
    let folder = tempfile::tempdir().unwrap();
    assert_equal(tool, |count| {
        let path = folder.path().join(format!("{count}.jsonl"));
        let mut file = std::io::BufWriter::new(File::create(&path).unwrap());
        (0..count).for_each(|n| writeln!(file, "{}", line(n)).unwrap());
        file.into_inner().unwrap();
        peak_memory(tool, args, Some(File::open(&path).unwrap()))
    });
}

#[track_caller]
fn assert_equal(tool: &str, peak: impl Fn(usize) -> u64) {
    let few = peak(200);
    // A program of 5 MB varies by a page table from run to run: allow 10 % and half a megabyte.
    let most = 1.1 * few as f64 + 512.0;
    // Records pile up when other programs use the processor; a program that holds the stream does so every time.
    let mut peaks = Vec::new();
    let flat = (0..3).any(|_| {
        peaks.push(peak(2000));
        peaks.iter().any(|many| *many as f64 <= most)
    });
    assert!(flat, "{tool}: {few} KB for 200 records, {peaks:?} KB for 2000");
}

/// Writes a small image with a few shapes as PPM. Returns its path.
fn write_image(folder: &Path, side: usize) -> String {
    let path = folder.join("image.ppm");
    let mut bytes = format!("P6 {side} {side} 255\n").into_bytes();
    for index in 0..side * side {
        let (x, y) = (index % side, index / side);
        bytes.extend([(x / 16 * 37 % 256) as u8, (y / 12 * 53 % 256) as u8, ((x / 24 + y / 20) * 71 % 256) as u8]);
    }
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// `count` boxes in an image of 96 x 96 pixels as JSON, each with `more` fields.
fn boxes(count: usize, more: &str) -> String {
    let one = |n: usize| format!(r#"{{"box":[{},{},{},{}]{more}}}"#, n % 40, n % 30, n % 40 + 30 + n % 20, n % 30 + 40);
    (0..count).map(one).collect::<Vec<_>>().join(",")
}

#[test]
#[ignore = "measured alone, on Linux: make test-slow"]
fn nms_holds_no_more_than_a_few_records() {
    let detections = boxes(200, r#","label":"a","score":0.5"#);
    let features = "A".repeat(40_000);
    assert_flat("dl-nms", &["--iou", "0.3"], |n| {
        format!(r#"{{"id":"{n}","detections":[{detections}],"features":{{"fc7":"{features}"}}}}"#)
    });
}

#[test]
#[ignore = "measured alone, on Linux: make test-slow"]
fn data_checks_and_shards_a_stream_without_holding_it() {
    let folder = tempfile::tempdir().unwrap();
    let image = write_image(folder.path(), 96);
    // `check` keeps the ids to find duplicates; the records themselves are many times as large.
    let objects = boxes(100, r#","label":"a""#);
    let line =
        |n| format!(r#"{{"id":"{n}","image":"{image}","width":96,"height":96,"objects":[{objects}],"text":"{n}"}}"#);
    assert_flat("dl-data", &["check"], line);
    assert_flat("dl-data", &["shard", "1/2"], line);
}

#[test]
#[ignore = "measured alone, on Linux: make test-slow"]
fn data_converts_datasets_without_holding_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let found = boxes(100, r#","label":"a","score":0.5"#);
    let truth = boxes(20, r#","label":"a""#);
    let line = |n: usize| {
        let fields = format!(r#""width":96,"height":96,"objects":[{truth}],"detections":[{found}]"#);
        format!(r#"{{"id":"{n}","image":"{n}.jpg","coco":{{"id":{n}}},{fields}}}"#)
    };
    let coco = folder.path().join("truth.json");
    let images: Vec<String> = (0..2000).map(|n| format!(r#"{{"id":{n},"file_name":"{n}.jpg"}}"#)).collect();
    let categories = r#"[{"id":1,"name":"a"}]"#;
    let text = format!(r#"{{"images":[{}],"annotations":[],"categories":{categories}}}"#, images.join(","));
    fs::write(&coco, text).unwrap();
    assert_flat("dl-data", &["to", "coco-results", "--truth", coco.to_str().unwrap()], line);
    assert_flat("dl-data", &["to", "voc", &format!("{root}/voc"), "--images", "leave"], line);
    assert_flat("dl-data", &["to", "yolo", &format!("{root}/yolo"), "--images", "leave", "--labels", "a"], line);
    assert_equal("dl-data", |count| {
        // The list of names is in memory; the annotations are read one by one.
        let names: Vec<String> = (0..count).map(|n| n.to_string()).collect();
        fs::write(format!("{root}/voc/ImageSets/Main/{count}.txt"), names.join("\n")).unwrap();
        let args = ["from", "voc", &format!("{root}/voc"), "--split", &count.to_string()];
        peak_memory("dl-data", &args, None)
    });
}

#[test]
#[ignore = "measured alone, on Linux: make test-slow"]
fn detect_holds_no_more_than_a_few_records() {
    let features = format!(r#"{{"fire9":{{"dtype":"f32","shape":[20,2304],"base64":"{}"}}}}"#, "A".repeat(245_760));
    let proposals = boxes(20, "");
    assert_flat("dl-detect", &["--model", "testdata/models/signs-rcnn.safetensors", "--drop-features"], |n| {
        format!(r#"{{"id":"{n}","width":96,"height":96,"proposals":[{proposals}],"features":{features}}}"#)
    });
}

#[test]
#[ignore = "measured alone, on Linux: make test-slow"]
fn draw_holds_no_more_than_a_few_images() {
    let folder = tempfile::tempdir().unwrap();
    let image = write_image(folder.path(), 96);
    let detections = boxes(3, r#","label":"a","score":0.5"#);
    let output = folder.path().join("drawn");
    assert_flat("dl-draw", &["boxes", "--output-dir", output.to_str().unwrap()], |n| {
        format!(r#"{{"id":"{n}","image":"{image}","detections":[{detections}]}}"#)
    });
}

#[test]
#[ignore = "measured alone, on Linux: make test-slow"]
fn propose_holds_no_more_than_a_few_images() {
    let folder = tempfile::tempdir().unwrap();
    let image = write_image(folder.path(), 96);
    assert_flat("dl-propose", &["selective-search", "--mode", "fast"], |n| {
        format!(r#"{{"id":"{n}","image":"{image}"}}"#)
    });
}

#[test]
#[ignore = "measured alone, on Linux: make test-slow"]
fn embed_holds_no_more_than_a_few_batches() {
    let folder = tempfile::tempdir().unwrap();
    let image = write_image(folder.path(), 96);
    let proposals = boxes(10, "");
    assert_flat("dl-embed", &["--model", "testdata/models/signs.safetensors", "--layer", "fire9"], |n| {
        format!(r#"{{"id":"{n}","image":"{image}","proposals":[{proposals}]}}"#)
    });
}
