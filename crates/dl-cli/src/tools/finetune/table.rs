//! The labeled features that heads are trained on, and the model files of heads that are not linear.

use std::path::PathBuf;

use anyhow::{Result, bail};
use dl_models::FeatureHeadFile;
use dl_record::Record;
use dl_transfer::FeatureTable;
use dl_transfer::feature_head::{FeatureHead, HeadMethod};
use serde_json::Value;

use super::no_record;
use crate::common::{Common, Inputs, Io, Job, Outcome, Tally, each_record, model_files, object, only_records};

/// Options of every head.
#[derive(clap::Args, Debug)]
#[command(mut_arg("inputs", only_records))]
pub(super) struct HeadArgs {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file to write
    #[arg(long, value_name = "FILE")]
    pub(super) output: PathBuf,

    /// Overwrite an existing model file
    #[arg(long)]
    force: bool,

    /// Layer to train on [default: the only one in the records]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,

    #[command(flatten)]
    pub(super) common: Common,
}

impl HeadArgs {
    /// Checks the files and reads the labeled features.
    pub(super) fn read(&self, io: &mut Io) -> Result<(FeatureTable, Tally)> {
        model_files::check(&[("--output", &self.output)], &self.inputs, &[])?;
        model_files::check_new(&self.output, self.force, "--force overwrites it")?;
        labeled(io, Job { common: &self.common, inputs: &self.inputs }, self.layer.clone())
    }

    /// Writes the model file. `training` has what the method found.
    pub(super) fn write(
        &self,
        io: &Io,
        table: FeatureTable,
        tally: Tally,
        labels: Vec<String>,
        method: HeadMethod,
        training: Value,
    ) -> Result<Outcome> {
        let mut training = object(training);
        training.insert("records".into(), table.len().into());
        training.insert("data_digest".into(), table.intake.digest.to_string().into());
        let classes = labels.len();
        let layer = table.intake.layer.unwrap_or_default();
        let head = FeatureHead { layer, network: table.intake.network, labels, method, calibration: None };
        FeatureHeadFile { head, training }.save(&self.output)?;
        let (records, path) = (table.ids.len(), self.output.display());
        io.messages.note(format_args!("{classes} classes of {records} records; written to {path}"));
        Ok(Outcome::of(tally.failed))
    }
}

/// The features of `layer` of all records, which have at least two labels.
/// # Errors
/// When a record has no label, all have the same, or no record is fit.
fn labeled(io: &mut Io, job: Job, layer: Option<String>) -> Result<(FeatureTable, Tally)> {
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
