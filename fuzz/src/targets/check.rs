//! `dl-data check`, `split` and `shard` on records.

use dl_cli::tools::data::Args as Data;

use super::Target;
use crate::program::records;

pub(super) const TARGET: Target =
    Target { name: "check", run, words: super::detections::WORDS, seeds: &["fuzz/corpus/detections"], share: 20 };

fn run(data: &[u8]) {
    records::<Data>(&["check", "--fix"], data);
    records::<Data>(&["check", "--headers", "--labels", "cat,dog"], data);
    records::<Data>(&["split", "--stratify"], data);
    records::<Data>(&["shard", "1/2"], data);
}
