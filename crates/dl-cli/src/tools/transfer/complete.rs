//! `dl-transfer complete`.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use dl_record::{Dtype, Matrix, Prediction, Record, Tensor};
use dl_transfer::Mat;
use dl_transfer::complete::{LabelConfig, LabelMethod, Observed, SoftImputeConfig, complete_labels, soft_impute};
use serde_json::{Map, Value};

use super::rows::{NoInput, RowArgs};
use crate::common::{Io, Outcome, first_pass, numbers, second_pass};

/// Fill unknown features and labels (matrix completion)
///
/// Unknown features are `null` among the `values` of a layer, such as [1,null,3]. soft-impute fills them by a matrix of
/// low rank (Mazumder et al. 2010). mc-b and mc-1 also use `labels`, {NAME: yes or no}, of which any may be missing,
/// and write the probability of yes for every label, known or not, to `predictions` (Goldberg et al. 2010). `labels`
/// and known features stay as they are.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-transfer complete gaps.jsonl > filled.jsonl
  dl-transfer complete --method mc-b moods.jsonl \\
    | jq -c '[.id, .predictions]'")]
pub(super) struct Args {
    /// What to minimize [default: mc-b where records have `labels`, otherwise soft-impute]
    #[arg(long, value_enum)]
    method: Option<MethodName>,

    /// Largest rank
    #[arg(long, value_name = "N", default_value_t = SoftImputeConfig::default().rank, value_parser = numbers::count)]
    rank: usize,

    /// Weight of the nuclear norm, for soft-impute [default: by held-out entries]
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    lambda: Option<f64>,

    #[command(flatten)]
    pub(super) rows: RowArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum MethodName {
    /// Squared errors and the nuclear norm; features alone
    SoftImpute,
    /// Labels too, with a bias for each
    McB,
    /// Labels too, with a column of ones
    #[value(name = "mc-1", alias = "mc1")]
    Mc1,
}

/// A record's features, NaN where unknown, and what is known of its labels.
struct Gappy {
    layer: String,
    network: Option<String>,
    values: Vec<f64>,
    labels: Vec<(String, bool)>,
    names: Vec<String>,
}

/// What of an accepted record is needed to write it.
struct Known {
    layer: String,
    network: Option<String>,
    /// Whether the method could fill it.
    is_used: bool,
}

/// The error of a record that soft-impute cannot fill.
const NOTHING_KNOWN: &str = "all features of the record are null, and soft-impute does not use labels; give it a value, or \
                             use --method mc-b";

/// What was filled of a record.
struct Filled {
    values: Vec<f64>,
    predictions: Option<Vec<Prediction>>,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let mut rows: Vec<Gappy> = Vec::new();
        let first = first_pass(io, self.rows.job(), |record| {
            rows.push(self.gappy(record, rows.first())?);
            Ok(())
        })?;
        if first.accepted.is_empty() {
            return Err(NoInput.into());
        }
        let Some(columns) = rows.first().map(|row| row.values.len()) else {
            bail!("no record can be used; each needs features of one row as `values`, with null where unknown");
        };
        let names: BTreeSet<&String> = rows.iter().flat_map(|row| &row.names).collect();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let method = self.method.unwrap_or(if names.is_empty() { MethodName::SoftImpute } else { MethodName::McB });
        let gaps = rows.iter().any(|row| row.values.iter().any(|value| value.is_nan()));
        if !gaps && names.is_empty() {
            io.messages.note("nothing to complete: no feature is null, and no record has labels");
            let why = |record: &Record| self.gappy(record, None).map(drop);
            return second_pass(io, self.rows.job(), &first, why, |_| Ok(true));
        }
        // Labels do not help soft-impute.
        let uses = |row: &Gappy| method != MethodName::SoftImpute || row.values.iter().any(|value| !value.is_nan());
        let known: Vec<Known> = rows
            .iter()
            .map(|row| Known { layer: row.layer.clone(), network: row.network.clone(), is_used: uses(row) })
            .collect();
        rows.retain(uses);
        ensure!(!rows.is_empty(), "no record can be used: {NOTHING_KNOWN}");
        check_columns(&rows, columns)?;
        let features = Mat::from_fn(rows.len(), columns, |row, column| rows[row].values[column]);
        let filled = match method {
            MethodName::SoftImpute => self.impute(io, &rows, &features)?,
            MethodName::McB => self.with_labels(io, &rows, &features, &names, LabelMethod::Bias)?,
            MethodName::Mc1 => self.with_labels(io, &rows, &features, &names, LabelMethod::One)?,
        };
        let mut filled = filled.into_iter();
        let mut known = known.into_iter();
        second_pass(
            io,
            self.rows.job(),
            &first,
            |record| self.gappy(record, None).map(drop),
            |record| {
                let Some(Known { layer, network, is_used }) = known.next() else { return Ok(true) };
                ensure!(is_used, NOTHING_KNOWN);
                let Some(Filled { values, predictions }) = filled.next() else { return Ok(true) };
                set(record, &layer, network, values)?;
                if let Some(predictions) = predictions {
                    record.set_predictions(&predictions)?;
                }
                Ok(true)
            },
        )
    }

    fn impute(&self, io: &Io, rows: &[Gappy], features: &Mat<f64>) -> Result<Vec<Filled>> {
        let observed = Observed::from_nan(features.as_ref())?;
        let config = SoftImputeConfig {
            rank: self.rank,
            lambda: self.lambda,
            seed: self.rows.common.seed,
            ..SoftImputeConfig::default()
        };
        let found = soft_impute(&observed, &config)?;
        let error = found
            .held_out_error
            .map_or_else(String::new, |error| format!(", held-out error {}", numbers::short(error)));
        io.messages.note(format_args!("rank {}, lambda {:.4e}{error}", found.rank(), found.lambda));
        let value = |row: usize, column: usize, own: f64| if own.is_nan() { found.at(row, column) } else { own };
        let of_row = |(index, row): (usize, &Gappy)| Filled {
            values: row.values.iter().enumerate().map(|(column, own)| value(index, column, *own)).collect(),
            predictions: None,
        };
        Ok(rows.iter().enumerate().map(of_row).collect())
    }

    fn with_labels(
        &self,
        io: &Io,
        rows: &[Gappy],
        features: &Mat<f64>,
        names: &[String],
        method: LabelMethod,
    ) -> Result<Vec<Filled>> {
        ensure!(!names.is_empty(), "no record has \"labels\", which --method mc-b and mc-1 complete; use soft-impute");
        ensure!(
            self.lambda.is_none(),
            "--lambda is that of soft-impute; mc-b and mc-1 choose theirs by held-out labels"
        );
        if let Some(name) =
            names.iter().find(|name| !rows.iter().any(|row| row.labels.iter().any(|(own, _)| own == *name)))
        {
            bail!("no record says yes or no to the label \"{name}\"; leave it out of \"labels\"");
        }
        let mut labels = Mat::zeros(rows.len(), names.len());
        for (index, row) in rows.iter().enumerate() {
            for (name, yes) in &row.labels {
                if let Ok(column) = names.binary_search(name) {
                    labels[(index, column)] = if *yes { 1.0 } else { -1.0 };
                }
            }
        }
        let config = LabelConfig { method, rank: self.rank, seed: self.rows.common.seed, ..LabelConfig::default() };
        let found = complete_labels(labels.as_ref(), features.as_ref(), &config)?;
        io.messages.note(format_args!(
            "rank {}; of the held-out labels, {:.1}% were predicted wrong",
            found.rank,
            100.0 * found.held_out_error
        ));
        let of_row = |(index, row): (usize, &Gappy)| {
            let value =
                |(column, own): (usize, &f64)| if own.is_nan() { found.features[(index, column)] } else { *own };
            let mut predictions: Vec<Prediction> = names
                .iter()
                .enumerate()
                .map(|(column, name)| Prediction {
                    label: name.clone(),
                    score: 1.0 / (1.0 + (-found.scores[(index, column)]).exp()),
                    extra: Map::new(),
                })
                .collect();
            predictions.sort_by(|a, b| b.score.total_cmp(&a.score));
            Filled { values: row.values.iter().enumerate().map(value).collect(), predictions: Some(predictions) }
        };
        Ok(rows.iter().enumerate().map(of_row).collect())
    }

    /// Reads a record; it must have the layer and width of the `first`.
    fn gappy(&self, record: &Record, first: Option<&Gappy>) -> Result<Gappy> {
        let layers: Map<String, Value> = record.require("features", "pipe records with `values` in")?;
        let stated = self.rows.layer.as_ref().or(first.map(|first| &first.layer));
        let layer = match stated {
            Some(layer) => layer.clone(),
            None if layers.len() == 1 => layers.keys().next().cloned().unwrap_or_default(),
            None => bail!("the record has features of several layers; choose one with --layer"),
        };
        let tensor = layers.get(&layer).with_context(|| format!("the record has no features \"{layer}\""))?;
        let network = tensor.get("network").and_then(Value::as_str).map(str::to_owned);
        let values = match tensor.get("values").and_then(Value::as_array) {
            Some(values) => values.iter().map(number).collect::<Result<Vec<f64>>>(),
            // All known.
            None => (|| {
                let tensor: Tensor = serde_json::from_value(tensor.clone())?;
                let matrix = tensor.matrix()?;
                ensure!(matrix.rows == 1, "has {} rows; expected one", matrix.rows);
                Ok(matrix.data.into_iter().map(f64::from).collect())
            })(),
        };
        let values = values.with_context(|| format!("features \"{layer}\""))?;
        let shape: Vec<usize> =
            tensor.get("shape").and_then(|shape| serde_json::from_value(shape.clone()).ok()).unwrap_or_default();
        ensure!(
            shape.iter().product::<usize>() == values.len() && !values.is_empty(),
            "features \"{layer}\" have {} values, but their shape is {shape:?}",
            values.len()
        );
        if let Some(first) = first {
            let columns = first.values.len();
            ensure!(
                values.len() == columns,
                "features \"{layer}\" have {} columns, earlier records have {columns}",
                values.len()
            );
        }
        let stated: Option<Map<String, Value>> = record.get("labels")?;
        let (mut labels, mut names) = (Vec::new(), Vec::new());
        for (name, value) in stated.into_iter().flatten() {
            if let Some(yes) = answer(&value).with_context(|| format!("labels: \"{name}\""))? {
                labels.push((name.clone(), yes));
            }
            names.push(name);
        }
        ensure!(
            values.iter().any(|value| !value.is_nan()) || !labels.is_empty(),
            "nothing is known of the record: all features are null; drop it, or give it a value"
        );
        Ok(Gappy { layer, network, values, labels, names })
    }
}

/// Fails when no row knows a column, of which nothing can be inferred.
fn check_columns(rows: &[Gappy], columns: usize) -> Result<()> {
    let unknown = |column: &usize| rows.iter().all(|row| row.values[*column].is_nan());
    if let Some(column) = (0..columns).find(unknown) {
        bail!("no record has a value in column {} of {columns}; leave it out of \"values\"", column + 1);
    }
    Ok(())
}

fn number(value: &Value) -> Result<f64> {
    match value {
        Value::Null => Ok(f64::NAN),
        Value::Number(number) => {
            let number = number.as_f64().filter(|number| (*number as f32).is_finite());
            number.context("a number is beyond single precision")
        }
        other => bail!("hold {other}, which is neither a number nor null"),
    }
}

/// Yes, no, or unknown.
fn answer(value: &Value) -> Result<Option<bool>> {
    Ok(match value {
        Value::Null => None,
        Value::Bool(yes) => Some(*yes),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "yes" | "true" | "1" => Some(true),
            "no" | "false" | "0" => Some(false),
            _ => bail!("is \"{text}\"; expected yes, no or null"),
        },
        other => match other.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => bail!("is {other}; expected yes, no or null"),
        },
    })
}

/// Replaces the layer of a record.
fn set(record: &mut Record, layer: &str, network: Option<String>, values: Vec<f64>) -> Result<()> {
    let mut layers: Map<String, Value> = record.get("features")?.unwrap_or_default();
    let matrix =
        Matrix { rows: 1, columns: values.len(), data: values.into_iter().map(|value| value as f32).collect() };
    let mut tensor = Tensor::inline(matrix, Dtype::F32);
    if let Some(network) = network {
        tensor = tensor.computed_by(&network);
    }
    layers.insert(layer.to_owned(), serde_json::to_value(tensor)?);
    record.set("features", &layers)
}
