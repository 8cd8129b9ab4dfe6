//! The labeled features that heads are trained on.

use anyhow::{Result, bail};
use dl_record::Record;
use dl_transfer::FeatureTable;

use super::no_record;
use crate::common::{Io, Job, Tally, each_record};

/// The features of `layer` of all records, which have at least two labels.
/// # Errors
/// When a record has no label, all have the same, or no record is fit.
pub(super) fn labeled(io: &mut Io, job: Job, layer: Option<String>) -> Result<(FeatureTable, Tally)> {
    let mut table = FeatureTable::new(layer);
    let mut unlabeled = 0;
    let tally = each_record(io, job, |record: Record, _| {
        if record.label()?.is_none_or(|label| label.is_empty()) {
            unlabeled += 1;
            bail!("the record has no \"label\" to train on");
        }
        table.push(&record)
    })?;
    if unlabeled > 0 {
        bail!("{unlabeled} records have no \"label\"; add one, or leave them out");
    }
    if table.is_empty() {
        return Err(no_record(&tally));
    }
    if let [only] = table.classes().0.as_slice() {
        bail!("all records have the same label, \"{only}\"; training needs at least two");
    }
    Ok((table, tally))
}
