//! `dl-eval adapt`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use dl_record::Record;
use dl_transfer::Mat;
use dl_transfer::adapt::{Loss, circular, losses, soft_neighborhood_density, target_entropy, weighted_risk};
use dl_transfer::neighbors::{Neighbors, NeighborsConfig};
use dl_transfer::rows::{Row, RowIntake};
use rand::seq::index::sample;
use serde_json::{Map, Value, json};

use super::report::{Cell, Format, Report};
use crate::common::{Common, Domains, Inputs, Io, Job, Outcome, SideArgs, counted, each_record, numbers};

/// Choose among runs of a method without labels of the target
///
/// Each input is a run: a file of records of the target, and of records of the source that the run was not trained on,
/// with `predictions` of all classes (dl-classify --top-k 0). Labels of the target are not used. Names the best run by
/// each criterion:
///
/// entropy: the mean entropy of the target's predictions; smaller is better (Morerio et al. 2018). A run that names one
/// class for all records has a small one too, which mean_entropy shows: it is then near 0.
///
/// importance_weighted and dev: the loss on the source's records by their `weight`, from dl-transfer kmm, kliep or
/// domain-classifier; smaller is better (Sugiyama et al. 2007; dev with the weights as a control variate, You et al.
/// 2019).
///
/// density: how many target records have predictions like those of each, as an entropy; larger is better (soft
/// neighborhood density, Saito et al. 2021).
///
/// circular: the share of the source's records whose label is found by the nearest target records, which have the class
/// that the run predicts; larger is better (Bruzzone and Marconcini 2010; Zhong et al. 2010). Needs `features`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval adapt --format table plain.jsonl coral.jsonl tca.jsonl
  dl-eval adapt *.jsonl | jq -r .best.dev")]
pub(super) struct Args {
    /// Files of records (.jsonl, .jsonl.gz), one for each run
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,

    #[command(flatten)]
    sides: SideArgs,

    /// Loss of a source record
    #[arg(long, value_enum, default_value_t = LossName::ZeroOne)]
    loss: LossName,

    /// Number of neighbors of circular
    #[arg(long, value_name = "K", default_value_t = NeighborsConfig::default().k, value_parser = numbers::count)]
    neighbors: usize,

    /// Layer of circular [default: the only one in the records]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,

    /// Temperature of density
    #[arg(long, value_name = "X", default_value_t = 0.05, value_parser = numbers::positive)]
    temperature: f64,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum LossName {
    /// 1 for a wrong class, else 0
    ZeroOne,
    /// Minus the logarithm of the label's probability
    Log,
}

impl From<LossName> for Loss {
    fn from(name: LossName) -> Self {
        match name {
            LossName::ZeroOne => Self::ZeroOne,
            LossName::Log => Self::Log,
        }
    }
}

/// The criteria, and whether more is better.
const CRITERIA: [(&str, bool); 5] =
    [("entropy", false), ("importance_weighted", false), ("dev", false), ("density", true), ("circular", true)];

/// The most target records that density compares, each with each; of more, some are drawn.
const MOST_COMPARED: usize = 5000;

/// The records of one side.
#[derive(Default)]
struct Side {
    /// Label and probability.
    predictions: Vec<Vec<(String, f64)>>,
    labels: Vec<Option<String>>,
    weights: Vec<Option<f64>>,
    /// Empty for a record without features.
    features: Vec<Vec<f32>>,
}

/// The figures of a run.
struct Figures {
    /// In the order of [`CRITERIA`].
    criteria: [Option<f64>; 5],
    json: Map<String, Value>,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let (mut failed, mut found) = (0, Vec::new());
        let mut targets: BTreeSet<usize> = BTreeSet::new();
        for run in &self.runs {
            let (figures, failures, rows) = self.figures(io, run).with_context(|| run.clone())?;
            failed += failures;
            targets.insert(rows);
            found.push(figures);
        }
        if targets.len() > 1 {
            io.messages
                .note("the runs do not have the same number of target records; compare figures of the same ones");
        }
        let best: Vec<Option<usize>> = (0..CRITERIA.len()).map(|at| best(&found, at)).collect();
        if best.iter().all(Option::is_none) {
            io.messages.error("nothing to compare: no run has a criterion");
            failed += 1;
        }
        let names = |at: &Option<usize>| at.map(|at| self.runs[at].clone());
        let of_criteria = CRITERIA.iter().zip(&best).map(|((name, _), at)| ((*name).to_owned(), json!(names(at))));
        let of_criteria: Map<String, Value> = of_criteria.collect();
        let mut rows: Vec<Vec<Cell>> = self.runs.iter().zip(&found).map(|(run, found)| row(run, found)).collect();
        let mut last = vec![Cell::Text("best".to_owned())];
        last.extend(best.iter().map(|at| Cell::Text(names(at).unwrap_or_default())));
        rows.push(last);
        let runs: Vec<Value> = found.into_iter().map(|figures| figures.json.into()).collect();
        let mut header = vec!["run".to_owned()];
        header.extend(CRITERIA.map(|(name, _)| name.to_owned()));
        Report { json: json!({ "runs": runs, "best": of_criteria }), header, rows }.write(io, self.format)?;
        Ok(Outcome::of(failed))
    }

    /// The figures of a run, how many of its records failed, and the number of its target records.
    fn figures(&self, io: &mut Io, run: &str) -> Result<(Figures, usize, usize)> {
        let inputs = Inputs { inputs: vec![run.to_owned()] };
        let job = Job { common: &self.common, inputs: &inputs };
        let mut intake = RowIntake::new(self.layer.clone());
        let mut domains = Domains::new();
        let tally = each_record(io, job, |record, _| {
            let predictions = predictions(&record)?;
            let weight = record.weight()?;
            let row = self.row(&record, &mut intake)?;
            domains.push(&self.sides, row, Side::default, |side: &mut Side, row| {
                side.predictions.push(predictions);
                side.labels.push(row.label);
                side.weights.push(weight);
                side.features.push(row.features);
            })
        })?;
        domains.note_repeated(&io.messages);
        let errors = tally.failed + tally.carried;
        if errors > 0 {
            io.messages.note(format_args!("{run}: {} failed; left out of the figures", counted(errors, "record")));
        }
        ensure!(tally.good > 0, "no records with predictions and a domain");
        let sided = domains.sided(&self.sides, Side::append)?;
        let unlabeled = sided.source.labels.iter().filter(|label| label.is_none()).count();
        if unlabeled > 0 {
            let records = counted(unlabeled, "source record");
            io.messages.note(format_args!("{run}: {records} without a label; left out of the figures"));
        }
        let (source, target) = (sided.source.labeled(), sided.target);
        let named = |side: &Side| -> BTreeSet<String> {
            side.predictions.iter().flatten().map(|(label, _)| label.clone()).collect()
        };
        let mut classes: BTreeSet<String> = named(&source);
        classes.extend(named(&target));
        classes.extend(source.labels.iter().flatten().cloned());
        let classes: BTreeMap<String, usize> = classes.into_iter().zip(0..).collect();
        let own = |label: &Option<String>| label.as_ref().and_then(|label| classes.get(label)).copied();
        let labels: Vec<usize> = source.labels.iter().filter_map(own).collect();

        let probabilities = target.probabilities(&classes);
        let entropy = target_entropy(probabilities.as_ref())?;
        let density = self.density(&probabilities).context("density")?;
        let risk = self.risk(io, run, &source, &classes, &labels)?;
        let circle = self.circle(io, run, &source, &labels, &target, &probabilities, classes.len())?;

        let mut json = Map::new();
        let mut add = |name: &str, value: Value| drop(json.insert(name.to_owned(), value));
        add("run", json!(run));
        add("entropy", json!(entropy.of_rows));
        add("mean_entropy", json!(entropy.of_mean));
        add("source_loss", json!(risk.map(|(loss, _)| loss)));
        let weighted = risk.and_then(|(_, weighted)| weighted);
        add("importance_weighted", json!(weighted.map(|risk| risk.importance)));
        add("importance_weighted_normalized", json!(weighted.map(|risk| risk.normalized)));
        add("dev", json!(weighted.map(|risk| risk.deep_embedded)));
        add("density", json!(density));
        add("circular", json!(circle.map(|circle| circle.accuracy)));
        add("circular_balanced", json!(circle.map(|circle| circle.balanced)));
        add("source_rows", json!(source.labels.len()));
        add("target_rows", json!(target.labels.len()));
        add("errors", json!(errors));
        let criteria = [
            Some(entropy.of_rows),
            weighted.map(|risk| risk.importance),
            weighted.map(|risk| risk.deep_embedded),
            density,
            circle.map(|circle| circle.accuracy),
        ];
        Ok((Figures { criteria, json }, tally.failed, target.labels.len()))
    }

    /// What is known of a record; its features are empty if it has none, or several layers to choose from.
    fn row(&self, record: &Record, intake: &mut RowIntake) -> Result<Row> {
        let layers = record.features()?.map_or(0, |layers| layers.len());
        if layers == 1 || (layers > 0 && self.layer.is_some()) {
            return intake.take(record);
        }
        Ok(Row {
            id: record.id()?.unwrap_or_default(),
            label: record.label()?.filter(|label| !label.is_empty()),
            domain: record.domain()?.filter(|domain| !domain.is_empty()),
            weight: record.weight()?.unwrap_or(1.0),
            features: Vec::new(),
        })
    }

    /// The density of at most [`MOST_COMPARED`] records; none for a single one.
    fn density(&self, probabilities: &Mat<f64>) -> Result<Option<f64>> {
        let (rows, classes) = (probabilities.nrows(), probabilities.ncols());
        if rows < 2 {
            return Ok(None);
        }
        let mut chosen: Vec<usize> = (0..rows).collect();
        if rows > MOST_COMPARED {
            chosen = sample(&mut dl_record::rng(self.common.seed, "adapt/density"), rows, MOST_COMPARED).into_vec();
            chosen.sort_unstable();
        }
        let compared = Mat::from_fn(chosen.len(), classes, |row, class| probabilities[(chosen[row], class)]);
        soft_neighborhood_density(compared.as_ref(), self.temperature).map(Some)
    }

    /// The mean loss on the source, and the weighted risks if its records have weights.
    fn risk(
        &self,
        io: &Io,
        run: &str,
        source: &Side,
        classes: &BTreeMap<String, usize>,
        labels: &[usize],
    ) -> Result<Option<(f64, Option<dl_transfer::adapt::WeightedRisk>)>> {
        if labels.is_empty() {
            io.messages.note(format_args!("{run}: no source record has a label; only entropy and density are known"));
            return Ok(None);
        }
        let losses = losses(source.probabilities(classes).as_ref(), labels, self.loss.into())?;
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        if source.weights.iter().all(Option::is_none) || losses.len() < 2 {
            io.messages.note(format_args!(
                "{run}: importance_weighted and dev need two source records and their \"weight\"; dl-transfer kmm, kliep or \
                 domain-classifier writes it"
            ));
            return Ok(Some((mean, None)));
        }
        let weights: Vec<f64> = source.weights.iter().map(|weight| weight.unwrap_or(1.0)).collect();
        Ok(Some((mean, Some(weighted_risk(&losses, &weights).context("importance_weighted")?))))
    }

    /// Circular validation, if all records have features.
    #[expect(clippy::too_many_arguments, reason = "both sides, each with what was found of it")]
    fn circle(
        &self,
        io: &Io,
        run: &str,
        source: &Side,
        labels: &[usize],
        target: &Side,
        probabilities: &Mat<f64>,
        classes: usize,
    ) -> Result<Option<dl_transfer::adapt::Circular>> {
        if labels.is_empty() {
            return Ok(None);
        }
        let (Some(of_source), Some(of_target)) = (source.matrix(), target.matrix()) else {
            io.messages.note(format_args!(
                "{run}: circular needs the features of all records, of one layer; choose one with --layer"
            ));
            return Ok(None);
        };
        let larger = |row: usize| {
            move |best: usize, class: usize| {
                if probabilities[(row, class)] > probabilities[(row, best)] { class } else { best }
            }
        };
        let guesses: Vec<usize> = (0..probabilities.nrows()).map(|row| (0..classes).fold(0, larger(row))).collect();
        let config = NeighborsConfig { k: self.neighbors, ..NeighborsConfig::default() };
        let reverse = Neighbors::new(of_target.as_ref(), &guesses, classes, config).context("--neighbors")?;
        let found = reverse.vote(of_source.as_ref())?.best;
        circular(labels, &found, &[]).map(Some)
    }
}

/// The probabilities of a record's classes.
fn predictions(record: &Record) -> Result<Vec<(String, f64)>> {
    let predictions = record.predictions()?.context("the record has no \"predictions\"; dl-classify writes them")?;
    let sum: f64 = predictions.iter().map(|prediction| prediction.score).sum();
    ensure!(
        (sum - 1.0).abs() < 1e-3 && predictions.iter().all(|prediction| prediction.score >= 0.0),
        "the scores of the predictions are not probabilities of all classes: their sum is {}; use dl-classify --top-k 0",
        numbers::short(sum)
    );
    Ok(predictions.into_iter().map(|prediction| (prediction.label, prediction.score)).collect())
}

/// The best run by a criterion; of equal ones the first.
fn best(found: &[Figures], at: usize) -> Option<usize> {
    let sign = if CRITERIA[at].1 { 1.0 } else { -1.0 };
    let value = |run: usize| found[run].criteria[at].map(|value| sign * value);
    let better = |best: Option<usize>, run: usize| match (best.and_then(value), value(run)) {
        (Some(best), Some(own)) if own <= best => false,
        (_, own) => own.is_some(),
    };
    (0..found.len()).fold(None, |best, run| if better(best, run) { Some(run) } else { best })
}

fn row(run: &str, figures: &Figures) -> Vec<Cell> {
    let mut row = vec![Cell::Text(run.to_owned())];
    row.extend(figures.criteria.map(Cell::Figure));
    row
}

impl Side {
    fn append(&mut self, other: Self) {
        self.predictions.extend(other.predictions);
        self.labels.extend(other.labels);
        self.weights.extend(other.weights);
        self.features.extend(other.features);
    }

    /// The records that have a label.
    fn labeled(self) -> Self {
        let keep: Vec<bool> = self.labels.iter().map(Option::is_some).collect();
        Self {
            predictions: kept(self.predictions, &keep),
            labels: kept(self.labels, &keep),
            weights: kept(self.weights, &keep),
            features: kept(self.features, &keep),
        }
    }

    /// [rows, classes]; 0 for a class that a record does not name.
    fn probabilities(&self, classes: &BTreeMap<String, usize>) -> Mat<f64> {
        let mut probabilities = Mat::zeros(self.predictions.len(), classes.len());
        for (row, predictions) in self.predictions.iter().enumerate() {
            for (label, score) in predictions {
                probabilities[(row, classes[label])] += score;
            }
        }
        probabilities
    }

    /// The features [rows, columns]; none if a record has none.
    fn matrix(&self) -> Option<Mat<f64>> {
        let columns = self.features.first()?.len();
        let complete = columns > 0 && self.features.iter().all(|row| row.len() == columns);
        complete.then(|| Mat::from_fn(self.features.len(), columns, |row, column| self.features[row][column].into()))
    }
}

/// The items to keep.
fn kept<T>(items: Vec<T>, keep: &[bool]) -> Vec<T> {
    items.into_iter().zip(keep).filter(|(_, keep)| **keep).map(|(item, _)| item).collect()
}
