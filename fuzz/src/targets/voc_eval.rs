//! `dl-eval voc` with ground truth and detections in files.

use dl_cli::tools::eval::Args as Eval;

use super::Target;
use crate::folder::Folder;
use crate::program::run as program;

pub(super) const TARGET: Target =
    Target { name: "voc_eval", run, words: super::detections::WORDS, seeds: &[], share: 20 };

fn run(data: &[u8]) {
    let folder = Folder::of(data, "truth.jsonl");
    let found = folder.arg("found.jsonl");
    for truth in ["truth.jsonl", "truth.json", "voc"] {
        program::<Eval>(&["voc", "--truth", &folder.arg(truth), "--detections", &found], b"");
    }
}
