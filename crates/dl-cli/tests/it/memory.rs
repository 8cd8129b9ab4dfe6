//! Streaming programs do not hold the stream: ten times the records, the same memory.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::{program, root};

/// Most memory that the program ever held, in KB, as Linux counts it.
fn peak_memory(tool: &str, args: &[&str], input: &Path) -> u64 {
    let mut child = Command::new(program(tool))
        .args(args)
        .current_dir(root())
        .stdin(File::open(input).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    // The mark only rises, so the last look before the end is the peak, but for the last few milliseconds.
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        thread::sleep(Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success(), "{tool} failed");
    peak
}

/// `line(n)` is the n-th record.
fn assert_flat(tool: &str, args: &[&str], line: impl Fn(usize) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let peak = |count: usize| {
        let path = folder.path().join(format!("{count}.jsonl"));
        let mut file = std::io::BufWriter::new(File::create(&path).unwrap());
        (0..count).for_each(|n| writeln!(file, "{}", line(n)).unwrap());
        file.into_inner().unwrap();
        peak_memory(tool, args, &path)
    };
    let (few, many) = (peak(200), peak(2000));
    // A program of 5 MB moves by a page table's worth from run to run: allow it 10 % and half a megabyte.
    assert!(many as f64 <= 1.1 * few as f64 + 512.0, "{tool}: {few} KB for 200 records, {many} KB for 2000");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads the peak from /proc")]
fn nms_holds_no_more_than_a_few_records() {
    let detections: Vec<String> = (0..200)
        .map(|n| format!(r#"{{"box":[{n},{n},{},{}],"label":"{}","score":0.5}}"#, n + 30, n + 40, n % 3))
        .collect();
    let detections = detections.join(",");
    let features = "A".repeat(40_000);
    assert_flat("dl-nms", &["--iou", "0.3"], |n| {
        format!(r#"{{"id":"{n}","detections":[{detections}],"features":{{"fc7":"{features}"}}}}"#)
    });
}
