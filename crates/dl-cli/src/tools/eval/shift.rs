//! `dl-eval shift`.

use anyhow::{Context, Result};
use dl_transfer::FeatureTable;
use dl_transfer::rows::RowIntake;
use dl_transfer::shift::{covariance_distance, mmd, proxy_a_distance};
use serde_json::json;

use super::report::{Cell, Format, Report};
use crate::common::{Common, Domains, Inputs, Io, Job, Outcome, SideArgs, counted, each_record, numbers, only_records};

/// Measure how far apart the features of two domains are
///
/// mmd2 is the squared distance of the means in the space of the kernel exp(-gamma |a - b|^2), without bias
/// (mmd2_biased: with it; Gretton et al. 2012): around 0 for equal distributions. covariance_distance is CORAL's, |Cs -
/// Ct|^2 / (4 d^2), which depends on the scale of the features: do not compare it between layers. proxy_a_distance is 2
/// (1 - 2 error) of a linear classifier of the two sides on rows that it was not trained on: 0 or below when it cannot
/// tell, 2 when it always can (Ben-David et al. 2007), with its standard error. A smaller distance does not promise a
/// higher accuracy.
#[derive(clap::Args, Debug)]
#[command(mut_arg("inputs", only_records))]
#[command(after_help = "Examples:
  dl-eval shift --source source --target target both.jsonl
  dl-transfer coral both.jsonl | dl-eval shift")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    sides: SideArgs,

    /// Layer to compare [default: the only one in the records]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,

    /// Gamma of the kernel [default: 1 / (2 m^2), where m is the median distance of two rows]
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    gamma: Option<f64>,

    /// C of the classifier, the inverse of the regularization strength
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive)]
    cost: f64,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let mut intake = RowIntake::new(self.layer.clone());
        let mut domains = Domains::new();
        let job = Job { common: &self.common, inputs: &self.inputs };
        let tally = each_record(io, job, |record, _| {
            let row = intake.take(&record)?;
            let columns = intake.columns;
            domains.push(&self.sides, row, || FeatureTable::of_width(columns), FeatureTable::push_row)
        })?;
        let errors = tally.failed + tally.carried;
        if errors > 0 {
            let records = counted(errors, "record");
            io.messages.note(format_args!("{records} failed, here or earlier in the pipe; left out of the figures"));
        }
        if tally.good == 0 {
            io.messages.error("nothing to compare: no records with features of one row and a domain");
            return Ok(Outcome::SomeFailed);
        }
        domains.note_repeated(&io.messages);
        let sided = domains.sided(&self.sides, FeatureTable::append)?;
        let (source, target) = (sided.source.matrix(), sided.target.matrix());
        let (source, target) = (source.as_ref(), target.as_ref());
        let seed = self.common.seed;
        let distance = mmd(source, target, self.gamma, seed).context("mmd2")?;
        let covariance = covariance_distance(source, target).context("covariance_distance")?;
        let proxy = proxy_a_distance(source, target, self.cost, seed).context("proxy_a_distance")?;
        if !proxy.converged {
            io.messages.note("the classifier did not converge; a smaller --cost may help");
        }
        let figures = [
            ("mmd2", distance.unbiased),
            ("mmd2_biased", distance.biased),
            ("gamma", distance.gamma),
            ("covariance_distance", covariance),
            ("proxy_a_distance", proxy.distance),
            ("proxy_a_distance_error", proxy.standard_error),
        ];
        let mut json = serde_json::Map::new();
        json.extend(figures.map(|(name, figure)| (name.to_owned(), json!(figure))));
        json.insert("source_rows".into(), json!(source.nrows()));
        json.insert("target_rows".into(), json!(target.nrows()));
        json.insert("layer".into(), json!(intake.layer));
        json.insert("errors".into(), json!(errors));
        let mut rows: Vec<Vec<Cell>> =
            figures.map(|(name, figure)| vec![Cell::Text(name.to_owned()), Cell::Figure(Some(figure))]).into();
        for (name, count) in [("source rows", source.nrows()), ("target rows", target.nrows())] {
            rows.push(vec![Cell::Text(name.to_owned()), Cell::Count(count)]);
        }
        let header = vec!["figure".to_owned(), "value".to_owned()];
        Report { json: json.into(), header, rows }.write(io, self.format)?;
        Ok(Outcome::of(tally.failed))
    }
}
