//! `dl-transfer label-clusters`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use dl_record::{Prediction, Reader, Record};
use dl_transfer::label_clusters::{Naming, label_clusters};
use serde_json::Map;

use super::rows::NoInput;
use crate::common::{Common, Inputs, Io, Job, Outcome, counted, first_pass, only_records, open_records, second_pass};

/// Name the groups of dl-transfer cluster by a few labeled records
///
/// Each `cluster` takes the label of most of its labeled records. Writes it to every record as `predictions`, with the
/// share of the group's labeled records that have it as score.
#[derive(clap::Args, Debug)]
#[command(mut_arg("inputs", only_records))]
#[command(after_help = "\
Examples:
  dl-transfer cluster kmeans --k 4 features.jsonl \\
    | dl-transfer label-clusters --labels few.jsonl | dl-eval classify")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Records with `id` and `label` [default: the labels of the input]
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,

    /// How labels are given to groups
    #[arg(long, value_enum, default_value_t = NamingName::Majority)]
    naming: NamingName,

    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum NamingName {
    /// The most frequent label of each group; several may take the same
    Majority,
    /// Each label for at most one group
    Assignment,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let known = self.labels.as_deref().map(read_labels).transpose()?;
        let job = Job { common: &self.common, inputs: &self.inputs };
        let mut rows: Vec<(String, Option<String>)> = Vec::new();
        let first = first_pass(io, job, |record| {
            let cluster = cluster(record)?;
            let label = match &known {
                Some(known) => record.id()?.and_then(|id| known.get(&id).cloned()),
                None => record.label()?.filter(|label| !label.is_empty()),
            };
            rows.push((cluster, label));
            Ok(())
        })?;
        if first.accepted.is_empty() {
            return Err(NoInput.into());
        }
        let mut names: Vec<&str> = rows.iter().map(|(cluster, _)| cluster.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        ensure!(!names.is_empty(), "no record has a \"cluster\" that is a text; dl-transfer cluster writes it");
        let clusters: Vec<usize> =
            rows.iter().filter_map(|(cluster, _)| names.binary_search(&cluster.as_str()).ok()).collect();
        let labels: Vec<Option<&str>> = rows.iter().map(|(_, label)| label.as_deref()).collect();
        let naming = match self.naming {
            NamingName::Majority => Naming::Majority,
            NamingName::Assignment => Naming::Assignment,
        };
        let found = label_clusters(&clusters, names.len(), &labels, naming)?;
        let labeled: usize = found.labeled.iter().sum();
        let unnamed = found.unnamed();
        io.messages.note(format_args!(
            "{} of {} named by {}, of which {:.1}% have the name of their group",
            names.len() - unnamed.len(),
            counted(names.len(), "group"),
            counted(labeled, "labeled record"),
            100.0 * found.purity
        ));
        // The share of each group's labeled records that have its name.
        let mut right = vec![0_usize; names.len()];
        for (cluster, label) in clusters.iter().zip(&labels) {
            right[*cluster] += usize::from(label.is_some() && *label == found.names[*cluster].as_deref());
        }
        let predictions: BTreeMap<String, Vec<Prediction>> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let prediction = found.names[index].as_ref().map(|label| Prediction {
                    label: label.clone(),
                    score: right[index] as f64 / found.labeled[index].max(1) as f64,
                    extra: Map::new(),
                });
                ((*name).to_owned(), prediction.into_iter().collect())
            })
            .collect();
        second_pass(
            io,
            job,
            &first,
            |record| cluster(record).map(drop),
            |record| {
                let cluster = cluster(record)?;
                let found = predictions.get(&cluster).cloned().unwrap_or_default();
                record.set_predictions(&found)?;
                Ok(true)
            },
        )
    }
}

fn cluster(record: &Record) -> Result<String> {
    record.require("cluster", "dl-transfer cluster writes it")
}

/// The label of each id.
fn read_labels(path: &Path) -> Result<BTreeMap<String, String>> {
    let name = path.display().to_string();
    let file = open_records(path).with_context(|| format!("--labels {name}"))?;
    let mut labels = BTreeMap::new();
    for line in Reader::new(file, &name, "dl-transfer") {
        let line = line.with_context(|| name.clone())?;
        if let Some(error) = line.record.error()? {
            bail!("{}: {}", line.place, error.message);
        }
        let id: String = line.record.require("id", "it says whose label it is").with_context(|| line.place.clone())?;
        let label: String = line.record.require("label", "it names the group").with_context(|| line.place.clone())?;
        labels.insert(id, label);
    }
    ensure!(!labels.is_empty(), "--labels {name}: no records");
    Ok(labels)
}
