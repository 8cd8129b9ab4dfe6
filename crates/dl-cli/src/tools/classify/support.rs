//! `--support`: a few labeled records, from which a head of prototypes recognizes more classes.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_models::check_network;
use dl_record::Reader;
use dl_record::file::open_named;
use dl_transfer::FeatureTable;

use super::scorer::Scorer;

/// Adds the records of a file to the prototypes.
/// # Errors
/// When the model has none, or a record has no label or no fit features.
pub(super) fn add_support(scorer: &mut Scorer, path: &Path, model: &Path) -> Result<()> {
    let Some(head) = scorer.head() else {
        bail!("model {} has no prototypes to add to; dl-finetune prototypes trains one that has", model.display());
    };
    let name = path.display().to_string();
    let file = std::io::BufReader::new(open_named(path).with_context(|| name.clone())?);
    let mut table = FeatureTable::new(Some(head.layer.clone()));
    for line in Reader::new(file, &name, "dl-classify") {
        let line = line.with_context(|| name.clone())?;
        if let Some(error) = line.record.error()? {
            bail!("{}: {}", line.place, error.message);
        }
        table.push(&line.record).with_context(|| line.place.clone())?;
        ensure!(table.labels.last().is_some_and(Option::is_some), "{}: the record has no \"label\"", line.place);
    }
    ensure!(!table.is_empty(), "{name}: no records");
    check_network(&head.layer, table.intake.network.as_deref(), head.network.as_deref())?;
    let labels: Vec<String> = table.labels.iter().flatten().cloned().collect();
    head.support(table.matrix().as_ref(), &labels).with_context(|| format!("model {}", model.display()))
}
