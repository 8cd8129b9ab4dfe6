//! `dl-eval coco`.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use dl_metrics::coco::{CocoBuilder, CocoConfig, CocoData, CocoReport, NAMES, UNDEFINED, evaluate};
use dl_record::Detection;
use serde_json::{Map, Value, json};

use super::args::SourceArgs;
use super::report::{Cell, Report};
use super::source::each_named_image;
use super::{Found, is_json};
use crate::common::{Io, Outcome, Tally};

/// Compute the twelve COCO metrics, for boxes or masks
///
/// AP is the mean over IoU 0.5, 0.55, ..., 0.95; s, m and l stand for objects of up to 32^2, up to 96^2 and more than
/// 96^2 pixels. Metrics are fractions from 0 to 1, or -1 if there are no true objects. Objects marked difficult count
/// like any other: COCO has no such mark.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval coco --truth instances_val2017.json --detections results.json
  dl-eval coco --masks --format table \\
    --truth instances_val2017.json --detections masks.json
  dl-eval coco --max-dets 1,10,300 found.jsonl | jq .AP")]
pub(super) struct Args {
    /// Compare masks; same as --iou-type segm
    #[arg(long)]
    masks: bool,

    /// What to compare: boxes or masks
    #[arg(long, value_name = "TYPE", value_parser = ["bbox", "segm"], conflicts_with = "masks")]
    iou_type: Option<String>,

    /// Use at most N detections per image and class, the best ones. Three increasing numbers: AR1, AR10 and AR100 use
    /// the first, second and third; everything else uses the third
    #[arg(long, value_name = "N,N,N", value_delimiter = ',', default_value = "1,10,100")]
    max_dets: Vec<usize>,

    /// Reproduce pycocotools, quirks included: AP uses 100 detections whatever --max-dets is, and the object with the
    /// annotation id 0 is never found
    #[arg(long)]
    pycocotools: bool,

    /// Also write the precision at recall 0, 0.01, ..., 1 and IoU 0.5, per class, for dl-draw pr
    #[arg(long, value_name = "FILE.json")]
    curves: Option<PathBuf>,

    #[command(flatten)]
    pub(super) source: SourceArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let config = self.config()?;
        self.source.check()?;
        self.curves.as_deref().map_or(Ok(()), |path| self.source.not_read(path))?;
        let (data, tally) = match (&self.source.truth, &self.source.detections) {
            (Some(truth), Some(detections)) if is_json(truth) && is_json(detections) => {
                let data = CocoData::open(truth, detections, config.masks)?;
                let tally = Tally { good: data.images(), ..Tally::default() };
                (data, tally)
            }
            _ => {
                let mut builder = CocoBuilder::new(config.masks);
                let tally = each_named_image::<Detection>(io, &self.source, |image, objects, found| {
                    builder.add(&image.name, image.coco, objects, found)
                })?;
                (builder.build(), tally)
            }
        };
        data.notes().iter().for_each(|note| io.messages.note(note));
        data.lost().iter().for_each(|reason| io.messages.error(reason));
        let failed = tally.failed + data.lost().len();
        let errors = failed + tally.carried;
        let counts = data.classes();
        let report = evaluate(data, &config);
        let classes: Vec<Found> =
            counts.iter().map(|(label, truth, found)| Found { label, truth: *truth, found: *found }).collect();
        let empty = super::why_empty(tally, "detections", &classes);
        match &empty {
            Some(why) => io.messages.error(why),
            None => super::report_unknown(io, report.unknown.iter()),
        }
        if tally.good + errors == 0 {
            return Ok(Outcome::SomeFailed);
        }
        if let Some(path) = &self.curves {
            super::write_curves(
                path,
                report.classes.iter().filter(|class| !class.precision.is_empty()).map(|class| {
                    let last = (class.precision.len() - 1).max(1) as f64;
                    let recall: Vec<f64> = (0..class.precision.len()).map(|point| point as f64 / last).collect();
                    let curve = json!({"precision": class.precision, "recall": recall, "ap": class.stats[1]});
                    (class.label.clone(), curve)
                }),
            )?;
        }
        self.report(&report, &config, errors).write(io, self.source.format)?;
        Ok(Outcome::of(failed + usize::from(empty.is_some())))
    }

    fn config(&self) -> Result<CocoConfig> {
        let max_dets: [usize; 3] = self.max_dets.clone().try_into().map_err(|given: Vec<usize>| {
            anyhow!("--max-dets: expected three numbers, for example 1,10,100; got {}", given.len())
        })?;
        if max_dets[0] == 0 || max_dets[0] >= max_dets[1] || max_dets[1] >= max_dets[2] {
            bail!("--max-dets: expected three increasing numbers from 1, for example 1,10,100");
        }
        let masks = self.masks || self.iou_type.as_deref() == Some("segm");
        Ok(CocoConfig { masks, max_dets, pycocotools: self.pycocotools })
    }

    fn report(&self, report: &CocoReport, config: &CocoConfig, errors: usize) -> Report {
        let object = |stats: &[f64; 12]| -> Map<String, Value> {
            NAMES.iter().zip(stats).map(|(name, figure)| ((*name).to_owned(), json!(figure))).collect()
        };
        let row = |label: &str, stats: &[f64; 12]| -> Vec<Cell> {
            let figures = stats.iter().map(|figure| Cell::Figure((*figure > UNDEFINED).then_some(*figure)));
            std::iter::once(Cell::Text(label.to_owned())).chain(figures).collect()
        };
        let per_class: Map<String, Value> =
            report.classes.iter().map(|class| (class.label.clone(), object(&class.stats).into())).collect();
        let mut json = object(&report.stats);
        json.insert("iou_type".to_owned(), json!(if config.masks { "segm" } else { "bbox" }));
        json.insert("max_dets".to_owned(), json!(config.max_dets));
        json.insert("images".to_owned(), json!(report.images));
        json.insert("errors".to_owned(), json!(errors));
        json.insert("per_class".to_owned(), per_class.into());
        let mut rows: Vec<Vec<Cell>> = report.classes.iter().map(|class| row(&class.label, &class.stats)).collect();
        rows.push(row("all", &report.stats));
        let header = std::iter::once("class").chain(NAMES).map(str::to_owned).collect();
        Report { json: json.into(), header, rows }
    }
}
