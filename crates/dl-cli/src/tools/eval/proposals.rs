//! `dl-eval proposals`.

use anyhow::Result;
use dl_metrics::proposals::{ProposalConfig, ProposalEvaluator, ProposalReport};
use dl_record::Proposal;
use serde_json::{Map, Value, json};

use super::Found;
use super::args::SourceArgs;
use super::report::{Cell, Report};
use super::source::each_image;
use crate::common::{Io, Outcome, numbers};

/// Compute the recall and the average best overlap of the first N proposals
///
/// Uses the first N proposals of each image, for each N of --at. ABO is the overlap with the best proposal, averaged
/// over the objects of a class; MABO is its mean over the classes (Uijlings et al. 2013). Objects marked difficult or
/// crowd are left out.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-propose selective-search < truth.jsonl | dl-eval proposals
  dl-eval proposals --iou 0.5,0.7,0.9 --at 100,1000 --format table \\
    proposals.jsonl")]
pub(super) struct Args {
    /// Minimum overlaps (IoU) for a proposal to cover an object
    #[arg(long, value_name = "IOU,...", value_delimiter = ',', default_value = "0.5,0.7", value_parser = numbers::overlap_above_zero)]
    iou: Vec<f64>,

    /// Numbers of proposals per image
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "10,100,1000,2000")]
    at: Vec<usize>,

    #[command(flatten)]
    pub(super) source: SourceArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.source.check()?;
        let config = ProposalConfig { ious: self.iou.clone(), at: self.at.clone() };
        let mut evaluator = ProposalEvaluator::new(config);
        let tally = each_image::<Proposal>(io, &self.source, |objects, proposals| {
            let boxes: Vec<_> = proposals.iter().map(|proposal| proposal.bbox).collect();
            evaluator.add(&objects, &boxes);
            Ok(())
        })?;
        let errors = tally.failed + tally.carried;
        let report = evaluator.finish();
        // Proposals have no labels: all count as one class.
        let found = usize::from(report.proposals_per_image > 0.0);
        let all = Found { label: "", truth: report.objects, found };
        let empty = super::why_empty(tally, "proposals", &[all]);
        if let Some(why) = &empty {
            io.messages.error(why);
        }
        if tally.good + errors > 0 {
            self.report(&report, errors).write(io, self.source.format)?;
        }
        Ok(Outcome::of(tally.failed + usize::from(empty.is_some())))
    }

    fn report(&self, report: &ProposalReport, errors: usize) -> Report {
        let mut header = vec!["proposals".to_owned()];
        header.extend(self.iou.iter().map(|iou| format!("recall@{iou}")));
        header.extend(["mean_best_overlap".to_owned(), "MABO".to_owned()]);
        let mut rows = Vec::new();
        let mut all = Vec::new();
        for at in &report.at {
            let recall: Map<String, Value> =
                self.iou.iter().zip(&at.recall).map(|(iou, recall)| (iou.to_string(), json!(recall))).collect();
            let abo: Map<String, Value> = at.abo.iter().map(|(label, abo)| (label.clone(), json!(abo))).collect();
            all.push(json!({
                "proposals": at.count,
                "recall": recall,
                "mean_best_overlap": at.mean_best_overlap,
                "MABO": at.mabo,
                "ABO": abo,
            }));
            let figures = at.recall.iter().chain([&at.mean_best_overlap, &at.mabo]);
            rows.push(
                std::iter::once(Cell::Count(at.count)).chain(figures.map(|figure| Cell::Figure(*figure))).collect(),
            );
        }
        let json = json!({
            "images": report.images,
            "objects": report.objects,
            "errors": errors,
            "proposals_per_image": report.proposals_per_image,
            "at": all,
        });
        Report { json, header, rows }
    }
}
