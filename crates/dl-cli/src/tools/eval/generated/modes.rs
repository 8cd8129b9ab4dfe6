//! `dl-eval modes`.

use anyhow::{Context, Result, ensure};
use dl_metrics::modes::{ModeCounts, ModeReport};
use dl_record::Record;
use serde_json::{Map, Value, json};

use crate::common::{Common, Inputs, Io, Job, Labels, Outcome, each_record, few};
use crate::tools::eval::report::{Cell, Format, Report};
use crate::tools::eval::source::carrying;

/// Count the classes of generated samples, to find classes that a generator never makes
///
/// The class of a sample is the first of its `predictions`, which dl-classify writes; of a reference record, its `label`,
/// else the first of its predictions. Reports the share of each class, how many classes of the reference occur, and
/// KL(generated || reference) in nats: 0 for equal shares, null if a class occurs that the reference lacks. If records have
/// a `label`, the class that the generator was asked for, agreement is the share in which the prediction equals it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval modes --labels cat,dog predicted.jsonl
  dl-eval modes --against pets.jsonl --format table predicted.jsonl")]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(in crate::tools::eval) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Records of the real samples (.jsonl), whose shares are the reference
    #[arg(long, value_name = "FILE", conflicts_with = "labels")]
    against: Option<String>,

    /// Classes that should occur equally often: LABEL,... or @FILE with one per line, or @imagenet, @coco, @voc
    /// [default: the classes that occur]
    #[arg(long, value_name = "LABELS")]
    labels: Option<Labels>,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    pub(in crate::tools::eval) common: Common,
}

/// The first of the record's predictions.
fn predicted(record: &Record) -> Result<Option<String>> {
    let Some(predictions) = record.predictions()? else { return Ok(None) };
    ensure!(!predictions.is_empty(), "\"predictions\" is empty");
    // Best first; a tie goes to the first.
    let best = predictions.into_iter().reduce(|best, next| if next.score > best.score { next } else { best });
    Ok(best.map(|best| best.label))
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let (mut failed, mut errors) = (0, 0);
        let mut counts = ModeCounts::default();
        let (mut asked, mut agreed) = (0_usize, 0_usize);
        let mut reference = self.labels.as_ref().map(|labels| ModeCounts::even(labels.names()));
        let mut streams = vec![(None, self.inputs.clone())];
        if let Some(path) = &self.against {
            let is_stdin = self.inputs.inputs.is_empty() || self.inputs.inputs.iter().any(|input| input == "-");
            ensure!(path != "-" || !is_stdin, "--against -: stdin is also the generated records; name a file");
            streams.insert(0, (Some(path), Inputs { inputs: vec![path.clone()] }));
        }
        for (against, inputs) in &streams {
            let job = Job { common: &self.common, inputs };
            let tally = each_record(io, job, |record, _| {
                let label = record.label()?;
                if against.is_some() {
                    let label = label.map_or_else(|| predicted(&record), |label| Ok(Some(label)))?;
                    let label = label.context("the record has neither \"label\" nor \"predictions\"")?;
                    reference.get_or_insert_default().add(&label);
                    return Ok(());
                }
                let class =
                    predicted(&record)?.context("the record has no \"predictions\"; dl-classify writes them")?;
                if let Some(label) = label {
                    asked += 1;
                    agreed += usize::from(label == class);
                }
                counts.add(&class);
                Ok(())
            })?;
            if tally.carried > 0 {
                io.messages.note(format_args!("{} \"error\"; left out of the figures", carrying(tally.carried)));
            }
            failed += tally.failed;
            errors += tally.failed + tally.carried;
            if tally.good == 0 {
                let what = if against.is_some() { "reference" } else { "generated" };
                io.messages.error(format_args!("nothing to measure: no {what} record with a class"));
                return Ok(Outcome::SomeFailed);
            }
        }
        let is_given = reference.is_some();
        let reference = reference.unwrap_or_else(|| ModeCounts::even(counts.labels()));
        let found = counts.compare(&reference);
        if !is_given {
            io.messages.note("the reference is the classes that occur; name all of them with --labels or --against");
        }
        let unknown: Vec<&str> =
            found.modes.iter().filter(|mode| mode.reference == 0.0).map(|mode| mode.label.as_str()).collect();
        if !unknown.is_empty() {
            io.messages.note(format_args!("not in the reference: {}; KL is infinite", few(unknown.into_iter())));
        }
        let agreement = (asked > 0).then(|| agreed as f64 / asked as f64);
        report(&found, counts.samples(), agreement, errors).write(io, self.format)?;
        Ok(Outcome::of(failed))
    }
}

fn report(found: &ModeReport, samples: usize, agreement: Option<f64>, errors: usize) -> Report {
    let mut per_class = Map::new();
    let mut rows = Vec::new();
    for mode in &found.modes {
        let figures = json!({"count": mode.count, "share": mode.share, "reference": mode.reference});
        per_class.insert(mode.label.clone(), figures);
        rows.push(vec![
            Cell::Text(mode.label.clone()),
            Cell::Count(mode.count),
            Cell::Figure(Some(mode.share)),
            Cell::Figure(Some(mode.reference)),
        ]);
    }
    let modes = format!("modes ({} of {})", found.found, found.expected);
    rows.push(vec![Cell::Text(modes), Cell::Count(samples), Cell::Figure(Some(1.0)), Cell::Figure(Some(1.0))]);
    let single = [("smallest share", Some(found.smallest)), ("KL", found.divergence), ("agreement", agreement)];
    rows.extend(single.map(|(name, figure)| {
        let empty = || Cell::Text(String::new());
        vec![Cell::Text(name.to_owned()), empty(), Cell::Figure(figure), empty()]
    }));
    let json = json!({
        "modes": found.found,
        "expected": found.expected,
        "smallest_share": found.smallest,
        "kl": found.divergence,
        "agreement": agreement,
        "samples": samples,
        "errors": errors,
        "per_class": Value::Object(per_class),
    });
    Report { json, header: ["class", "count", "share", "reference"].map(str::to_owned).to_vec(), rows }
}
