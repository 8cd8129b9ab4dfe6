//! What a conditional generator is told of each sample.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use dl_models::gan::{Condition, FeatureCondition, GeneratorConfig};
use dl_record::Reader;
use dl_transfer::{WholeFeatures, check_same_network, whole_features};

use super::latents::Given;
use crate::common::{few, numbers, open_records};
use crate::tools::embed::prompt_features;

/// Options of conditional generators.
#[derive(clap::Args, Debug)]
pub(super) struct ConditionArgs {
    /// Label of the images; may be repeated, the samples then take turns [default: all labels in turn]. Of a table, a
    /// value of the column of labels, or COLUMN=VALUE [default: as often as in the data]
    #[arg(long, value_name = "NAME")]
    pub(super) label: Vec<String>,

    /// Text of which the images are made, by a generator trained on features of texts; may be repeated, the samples
    /// then take turns
    #[arg(long, value_name = "TEXT", requires = "text_model", conflicts_with = "conditions")]
    pub(super) prompt: Vec<String>,

    /// Network that computes the features of --prompt: the one of the training
    #[arg(long, value_name = "FILE|DIR", requires = "prompt")]
    text_model: Option<PathBuf>,

    /// File of records (.jsonl) whose features the generator is told; the samples take turns
    #[arg(long, value_name = "FILE")]
    pub(super) conditions: Option<PathBuf>,
}

/// The condition of each sample, and what its record says of it.
pub(super) enum Conditions {
    Nothing,
    /// Labels, and which one each sample has.
    Labels(Vec<String>, Vec<u32>),
    /// Rows of features with their texts, which the samples take in turn.
    Features(Vec<(Option<String>, Vec<f32>)>),
}

/// A part of the samples.
pub(super) enum Part {
    Nothing,
    Labels(Vec<u32>),
    Features(Vec<f32>),
}

impl Part {
    pub(super) fn condition(&self) -> Condition<'_> {
        match self {
            Self::Nothing => Condition::None,
            Self::Labels(labels) => Condition::Labels(labels),
            Self::Features(features) => Condition::Features(features),
        }
    }
}

impl Conditions {
    /// Those of samples `first + range`.
    pub(super) fn part(&self, samples: std::ops::Range<usize>) -> Part {
        match self {
            Self::Nothing => Part::Nothing,
            Self::Labels(_, labels) => Part::Labels(samples.map(|sample| labels[sample % labels.len()]).collect()),
            Self::Features(rows) => {
                Part::Features(samples.flat_map(|sample| &rows[sample % rows.len()].1).copied().collect())
            }
        }
    }

    /// That of one sample, for `count` ones.
    pub(super) fn repeated(&self, sample: usize, count: usize) -> Part {
        match self.part(sample..sample + 1) {
            Part::Nothing => Part::Nothing,
            Part::Labels(labels) => Part::Labels(labels.repeat(count)),
            Part::Features(features) => Part::Features(features.repeat(count)),
        }
    }

    /// The label of a sample.
    pub(super) fn label(&self, sample: usize) -> Option<&str> {
        match self {
            Self::Labels(names, labels) => Some(&names[labels[sample % labels.len()] as usize]),
            _ => None,
        }
    }

    /// The text of a sample.
    pub(super) fn text(&self, sample: usize) -> Option<&str> {
        match self {
            Self::Features(rows) => rows[sample % rows.len()].0.as_deref(),
            _ => None,
        }
    }
}

impl ConditionArgs {
    /// The conditions of the samples, from number 0; `given`: labels of --latents.
    pub(super) fn read(&self, config: &GeneratorConfig, given: Option<&Given>) -> Result<Conditions> {
        match (&config.labels, &config.condition) {
            (Some(names), _) => {
                self.refuse_features("the generator has labels; use --label")?;
                self.labels(names, given)
            }
            (None, Some(condition)) => {
                ensure!(self.label.is_empty(), "--label: the generator has no labels; use --prompt or --conditions");
                self.features(condition)
            }
            (None, None) => {
                ensure!(self.label.is_empty(), "--label: the generator is not conditional");
                self.refuse_features("the generator is not conditional")?;
                Ok(Conditions::Nothing)
            }
        }
    }

    fn refuse_features(&self, why: &str) -> Result<()> {
        ensure!(self.prompt.is_empty(), "--prompt: {why}");
        ensure!(self.conditions.is_none(), "--conditions: {why}");
        Ok(())
    }

    fn labels(&self, names: &[String], given: Option<&Given>) -> Result<Conditions> {
        if let Some(labels) = given.and_then(|given| given.labels.clone()).filter(|_| self.label.is_empty()) {
            ensure!(
                labels.iter().all(|label| (*label as usize) < names.len()),
                "--latents: a label is not below {}",
                names.len()
            );
            return Ok(Conditions::Labels(names.to_vec(), labels));
        }
        let chosen: Vec<u32> = match self.label.is_empty() {
            true => (0..names.len() as u32).collect(),
            false => self.label.iter().map(|label| find(names, label)).collect::<Result<_>>()?,
        };
        Ok(Conditions::Labels(names.to_vec(), chosen))
    }

    fn features(&self, condition: &FeatureCondition) -> Result<Conditions> {
        let rows = match (&self.conditions, &self.text_model) {
            (Some(path), _) => rows_of(path, condition).with_context(|| format!("--conditions {}", path.display()))?,
            (None, Some(model)) => {
                let rows = prompt_features(model, condition, &self.prompt)
                    .with_context(|| format!("--text-model {}", model.display()))?;
                self.prompt.iter().cloned().map(Some).zip(rows).collect()
            }
            (None, None) => bail!(
                "the generator was trained on features {}: give --prompt and --text-model, or --conditions",
                condition.feature
            ),
        };
        if let Some((_, row)) = rows.iter().find(|(_, row)| row.len() != condition.columns) {
            let (feature, wanted) = (&condition.feature, condition.columns);
            bail!("features {feature} have {} columns; the generator was trained on {wanted}", row.len());
        }
        Ok(Conditions::Features(rows))
    }
}

fn rows_of(path: &Path, condition: &FeatureCondition) -> Result<Vec<(Option<String>, Vec<f32>)>> {
    let mut rows = Vec::new();
    let file = open_records(path)?;
    for (number, line) in Reader::new(file, &path.display().to_string(), "dl-gan-sample").enumerate() {
        let in_line = || format!("line {}", number + 1);
        let record = line.with_context(in_line)?.record;
        let WholeFeatures { layer, network, row } =
            whole_features(&record, Some(&condition.feature)).with_context(in_line)?;
        check_same_network(&layer, network.as_deref(), condition.network.as_deref()).with_context(in_line)?;
        rows.push((record.text()?, row));
        ensure!(rows.len() <= numbers::MOST, "more than {} records", numbers::MOST);
    }
    ensure!(!rows.is_empty(), "has no records");
    Ok(rows)
}

fn find(names: &[String], label: &str) -> Result<u32> {
    match names.iter().position(|name| name == label) {
        Some(place) => Ok(place as u32),
        None => bail!(
            "--label {label}: the generator has no such label; choose from {}",
            few(names.iter().map(String::as_str))
        ),
    }
}
