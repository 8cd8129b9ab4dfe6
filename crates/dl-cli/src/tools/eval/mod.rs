//! `dl-eval`: how good is what was found?

mod args;
mod classify;
mod coco;
mod findings;
mod join;
mod lm;
mod proposals;
mod report;
mod source;
mod truth;
mod voc;

use std::path::Path;

use anyhow::Result;
use clap::{Parser, Subcommand};
use dl_record::write_atomically;
use serde_json::{Map, Value};

use crate::common::{Common, Io, Outcome, Tool};

/// Measure detections, proposals, predicted classes and language models against the truth
///
/// Reads records that carry `objects` and `detections` (or `proposals`), or `label` and `predictions`, or truth and
/// detections from files. Records
/// with `error` are left out of the figures, counted as `errors`, and said. A record without `objects` or without
/// `detections` fails: nothing found is written `[]`. Without any record nothing is written.
#[derive(Parser, Debug)]
#[command(
    name = "dl-eval",
    version,
    after_help = "Examples:
  dl-eval voc --iou 0.5 found.jsonl
  dl-eval coco --truth instances_val2017.json --detections results.json
  dl-eval classify --format table predicted.jsonl
  dl-eval proposals --iou 0.5,0.7 --at 100,2000 < proposals.jsonl | jq .at[1].MABO"
)]
pub struct Args {
    #[command(subcommand)]
    metric: Metric,
}

#[derive(Subcommand, Debug)]
enum Metric {
    Voc(voc::Args),
    Coco(coco::Args),
    Proposals(proposals::Args),
    Classify(classify::Args),
    Lm(lm::Args),
}

impl Tool for Args {
    const NAME: &'static str = "dl-eval";

    fn common(&self) -> &Common {
        match &self.metric {
            Metric::Voc(args) => &args.source.common,
            Metric::Coco(args) => &args.source.common,
            Metric::Proposals(args) => &args.source.common,
            Metric::Classify(args) => &args.common,
            Metric::Lm(args) => &args.common,
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match &self.metric {
            Metric::Voc(args) => args.run(io),
            Metric::Coco(args) => args.run(io),
            Metric::Proposals(args) => args.run(io),
            Metric::Classify(args) => args.run(io),
            Metric::Lm(args) => args.run(io),
        }
    }
}

/// Says which labels were found that no true object has: as likely a slip of the pen as a false alarm.
fn say_unknown<'a>(io: &Io, labels: impl Iterator<Item = &'a String>) {
    let labels: Vec<String> = labels.map(|label| format!("\"{label}\"")).collect();
    if !labels.is_empty() {
        io.messages.note(format_args!("no true object has the label {}; it has no AP", labels.join(", ")));
    }
}

/// Writes `{"class": {"precision": [..], "recall": [..], "ap": ..}, ..}`.
fn write_curves(path: &Path, curves: impl Iterator<Item = (String, Value)>) -> Result<()> {
    let curves: Map<String, Value> = curves.collect();
    write_atomically(path, |output| Ok(serde_json::to_writer(output, &curves)?))
}

fn is_json(path: &Path) -> bool {
    has_ending(path, "json")
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}
