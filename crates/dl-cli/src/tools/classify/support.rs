//! `--support`: a few labeled records, from which a head of prototypes recognizes more classes.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_models::check_network;
use dl_record::{Reader, Record};
use dl_transfer::FeatureTable;

use super::scorer::Scorer;
use crate::common::{Messages, few, one_line, open_records, report_failed};

/// Adds the records of a file to the prototypes. Returns how many could not be used, which are reported.
/// # Errors
/// When the model has none, the file cannot be read, or no record of a class can be used.
pub(super) fn add_support(scorer: &mut Scorer, path: &Path, model: &Path, messages: &Messages) -> Result<usize> {
    let Some(head) = scorer.head() else {
        bail!("model {} has no prototypes to add to; dl-finetune prototypes trains one that has", model.display());
    };
    let name = path.display().to_string();
    let file = open_records(path).with_context(|| name.clone())?;
    let mut table = FeatureTable::new(Some(head.layer.clone()));
    let (mut failed, mut lost) = (0, BTreeSet::new());
    for line in Reader::new(file, &name, "dl-classify") {
        let line = line.with_context(|| name.clone())?;
        if let Err(error) = add(&line.record, &mut table, head.network.as_deref()) {
            report_failed(messages, &line.place, &one_line(&error));
            failed += 1;
            lost.extend(line.record.label().ok().flatten());
        }
    }
    let labels: Vec<String> = table.labels.iter().flatten().cloned().collect();
    lost.retain(|label| !labels.contains(label));
    ensure!(lost.is_empty(), "{name}: no record of {} can be used", few(lost.iter().map(String::as_str)));
    ensure!(!table.is_empty(), "{name}: no records{}", if failed > 0 { " that can be used" } else { "" });
    head.support(table.matrix().as_ref(), &labels).with_context(|| format!("model {}", model.display()))?;
    Ok(failed)
}

/// Adds a record; one that fails changes nothing.
fn add(record: &Record, table: &mut FeatureTable, network: Option<&str>) -> Result<()> {
    if let Some(error) = record.error()? {
        bail!("{}", error.message);
    }
    let label = record.label()?.filter(|label| !label.is_empty());
    ensure!(label.is_some(), "the record has no \"label\"");
    if let Some(layer) = &table.intake.layer {
        let own = record.features()?.and_then(|mut features| features.remove(layer)).and_then(|tensor| tensor.network);
        check_network(layer, own.as_deref(), network)?;
    }
    table.push(record)
}
