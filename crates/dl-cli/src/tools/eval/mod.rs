//! `dl-eval`: metrics of detections, proposals, classes, language models, and generated samples, images and tables.

mod adapt;
mod args;
mod classify;
mod coco;
mod findings;
mod generated;
mod join;
mod lm;
mod pairs;
mod proposals;
mod report;
mod same_image;
mod samples;
mod shift;
mod source;
mod table;
mod truth;
mod voc;
mod voxels;

use std::path::Path;

use anyhow::Result;
use clap::{Parser, Subcommand};
use dl_record::write_atomically;
use dl_vision::formats::has_ending;
use serde::{Serialize, Serializer};

use crate::common::{Common, Io, Outcome, Tally, Tool, few};

/// Measure detections, proposals, predicted classes, language models, generated images, pairs of images, tables and
/// solids
///
/// Reads records that contain the ground truth and the results: `objects` and `detections` (or `proposals`), or `label`
/// and `predictions`. voc, coco and proposals can also read the two from separate files. Metrics of generated samples
/// read `features` of two streams, shift those of two domains; adapt compares runs without labels of the target; psnr,
/// ssim, ms-ssim and lpips read pairs of images; table compares files of rows, and voxels the solids that records name.
///
/// Records with `error` are left out of the metrics, reported, and counted as `errors`. A record without `objects` or
/// without `detections` fails; an image in which nothing was found has `[]`. Without any records, no metrics are
/// printed. The exit status is 1 if records failed, or if there is nothing to measure: no records, no ground truth, no
/// results, or no label that is in both.
#[derive(Parser, Debug)]
#[command(
    name = "dl-eval",
    version,
    after_help = "Examples:
  dl-eval voc --iou 0.5 found.jsonl
  dl-eval coco --truth instances_val2017.json --detections results.json
  dl-eval classify --format table predicted.jsonl
  dl-eval proposals --iou 0.5,0.7 --at 100,2000 proposals.jsonl \\
    | jq '.at[1].MABO'
  dl-eval fid --layer fire9@1 --against real.jsonl generated.jsonl
  dl-eval psnr --protocol sr --border 4 --field target pairs.jsonl"
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
    Fid(generated::fid::Args),
    Kid(generated::kid::Args),
    InceptionScore(generated::inception_score::Args),
    PrecisionRecall(generated::precision_recall::Args),
    Duplicates(generated::duplicates::Args),
    Modes(generated::modes::Args),
    TwoSample(generated::two_sample::Args),
    Shift(shift::Args),
    Adapt(adapt::Args),
    Table(Box<table::Args>),
    Voxels(voxels::Args),
    Psnr(pairs::psnr::Args),
    Ssim(pairs::ssim::Args),
    MsSsim(pairs::ms_ssim::Args),
    Lpips(pairs::lpips::Args),
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
            Metric::Fid(args) => &args.sets.common,
            Metric::Kid(args) => &args.sets.common,
            Metric::InceptionScore(args) => &args.common,
            Metric::PrecisionRecall(args) => &args.sets.common,
            Metric::Duplicates(args) => &args.sets.common,
            Metric::Modes(args) => &args.common,
            Metric::TwoSample(args) => &args.sets.common,
            Metric::Shift(args) => &args.common,
            Metric::Adapt(args) => &args.common,
            Metric::Table(args) => &args.common,
            Metric::Voxels(args) => &args.common,
            Metric::Psnr(args) => &args.pairs.common,
            Metric::Ssim(args) => &args.pairs.common,
            Metric::MsSsim(args) => &args.pairs.common,
            Metric::Lpips(args) => &args.pairs.common,
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match &self.metric {
            Metric::Voc(args) => args.run(io),
            Metric::Coco(args) => args.run(io),
            Metric::Proposals(args) => args.run(io),
            Metric::Classify(args) => args.run(io),
            Metric::Lm(args) => args.run(io),
            Metric::Fid(args) => args.run(io),
            Metric::Kid(args) => args.run(io),
            Metric::InceptionScore(args) => args.run(io),
            Metric::PrecisionRecall(args) => args.run(io),
            Metric::Duplicates(args) => args.run(io),
            Metric::Modes(args) => args.run(io),
            Metric::TwoSample(args) => args.run(io),
            Metric::Shift(args) => args.run(io),
            Metric::Adapt(args) => args.run(io),
            Metric::Table(args) => args.run(io),
            Metric::Voxels(args) => args.run(io),
            Metric::Psnr(args) => args.run(io),
            Metric::Ssim(args) => args.run(io),
            Metric::MsSsim(args) => args.run(io),
            Metric::Lpips(args) => args.run(io),
        }
    }
}

/// How often a class occurs in the truth and among the findings.
struct Found<'a> {
    label: &'a str,
    /// Its true objects or samples, including those that do not count.
    truth: usize,
    /// How often it was found or predicted.
    found: usize,
}

/// Why there is nothing to measure, if so: no record, no truth, no findings (`what`), or no label that both have.
fn why_empty(tally: Tally, what: &str, classes: &[Found]) -> Option<String> {
    let labels = |has: fn(&Found) -> bool| classes.iter().filter(move |class| has(class)).map(|class| class.label);
    if tally.good == 0 {
        let errors = tally.failed + tally.carried;
        return Some(match errors {
            0 => "nothing to measure: the input has no record".to_owned(),
            1 => "nothing to measure: the only record carries an error or failed".to_owned(),
            _ => format!("nothing to measure: all {errors} records carry an error or failed"),
        });
    }
    if labels(|class| class.truth > 0).next().is_none() {
        return Some("nothing to measure: no record has any truth".to_owned());
    }
    if labels(|class| class.found > 0).next().is_none() {
        return Some(format!("nothing to measure: no record has any {what}"));
    }
    (!classes.iter().any(|class| class.truth > 0 && class.found > 0)).then(|| {
        let (truth, found) = (few(labels(|class| class.truth > 0)), few(labels(|class| class.found > 0)));
        format!("no label is in both: the truth has {truth}, the {what} have {found}")
    })
}

/// Reports the labels of findings that no true object has: a misspelling is as likely as a false positive.
fn report_unknown<'a>(io: &Io, labels: impl Iterator<Item = &'a String>) {
    let labels = few(labels.map(String::as_str));
    if !labels.is_empty() {
        io.messages.note(format_args!("no true object has the label {labels}; it has no AP"));
    }
}

/// Writes `{"class": {"precision": [..], "recall": [..], "ap": ..}, ..}`.
fn write_curves<C: Serialize>(path: &Path, curves: impl Iterator<Item = (String, C)>) -> Result<()> {
    write_atomically(path, |output| Ok(serde_json::Serializer::new(output).collect_map(curves)?))
}

fn is_json(path: &Path) -> bool {
    has_ending(path, &["json"])
}
