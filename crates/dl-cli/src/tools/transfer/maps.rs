//! What all maps share: their options, the model file, and the records with the new layer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use dl_models::{FeatureMapFile, check_network};
use dl_record::{Dtype, Matrix, Record, Tensor};
use dl_transfer::feature_map::{FeatureMap, RowMap};
use dl_transfer::moments::{Gathered, Spectrum};
use dl_transfer::normalize::RowNorm;
use dl_transfer::{WholeFeatures, whole_features};
use serde_json::{Map, Value};

use super::rows::{RowArgs, Taken};
use crate::common::{Io, Job, Outcome, SideArgs, map_batches, model_files, second_pass_in_batches};

/// Rows that go through a map together.
const BATCH: usize = 256;

/// Options of every map.
#[derive(clap::Args, Debug)]
pub(super) struct MapArgs {
    /// Name of the new layer [default: the name of the method]
    #[arg(long = "as", value_name = "LAYER")]
    pub(super) name: Option<String>,

    /// Keep the layer that was mapped; otherwise the new one takes its place
    #[arg(long)]
    keep: bool,

    /// Model file to write: the map, for dl-transfer apply
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Overwrite an existing model file
    #[arg(long, requires = "output")]
    force: bool,

    /// Write the model file alone, and no records
    #[arg(long, requires = "output")]
    map_only: bool,

    #[command(flatten)]
    pub(super) rows: RowArgs,
}

/// What [`MapArgs::spectra`] found.
pub(super) struct Spectra {
    pub(super) source: Spectrum,
    pub(super) target: Spectrum,
    /// Rows of the source and of the target.
    pub(super) rows: [usize; 2],
    pub(super) domains: BTreeMap<String, usize>,
    pub(super) taken: Taken,
}

/// A fitted method: a map for each side, or one for all rows.
pub(super) struct Fitted {
    /// The maps, and which one each domain takes; empty where all rows take the first.
    pub(super) maps: Vec<RowMap>,
    pub(super) domains: BTreeMap<String, usize>,
    /// How each row is scaled first.
    pub(super) rows: Option<RowNorm>,
    /// Options and findings, for the model file.
    pub(super) training: Map<String, Value>,
}

impl MapArgs {
    pub(super) fn writes_model(&self) -> bool {
        self.output.is_some()
    }

    /// Checks the files before anything is read.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(self.name.as_ref().is_none_or(|name| !name.is_empty()), "--as: the name of a layer cannot be empty");
        if let Some(output) = &self.output {
            model_files::check(&[("--output", output)], &self.rows.inputs, &[])?;
            model_files::check_new(output, self.force, "--force overwrites it")?;
        }
        Ok(())
    }

    /// The mean and the principal directions of each side.
    /// # Errors
    /// When a side has fewer than two rows.
    pub(super) fn spectra(&self, io: &mut Io, sides: &SideArgs) -> Result<Spectra> {
        let (found, taken) =
            self.rows.sided(io, sides, Gathered::new, |set, row| set.push(&row.features), Gathered::merge, || ())?;
        let rows = [found.source.rows(), found.target.rows()];
        let source = found.source.spectrum().context("the source")?;
        let target = found.target.spectrum().context("the target")?;
        Ok(Spectra { source, target, rows, domains: found.domains, taken })
    }

    /// Writes the model file, and the records with the new layer.
    pub(super) fn write(&self, io: &mut Io, method: &str, taken: Taken, fitted: Fitted) -> Result<Outcome> {
        let intake = &taken.intake;
        ensure!(
            !self.keep || self.name.is_none() || self.name != intake.layer,
            "--as is the name of the layer that --keep keeps; choose another"
        );
        let Fitted { maps, domains, rows, mut training } = fitted;
        training.insert("data_digest".into(), intake.digest.to_string().into());
        let map = FeatureMap {
            method: method.to_owned(),
            layer: intake.layer.clone().unwrap_or_default(),
            network: intake.network.clone(),
            output: self.name.clone().unwrap_or_else(|| method.to_owned()),
            columns: intake.columns,
            rows,
            domains,
            maps,
        };
        // As it is read back, so that `apply` gives the same bytes.
        let file = FeatureMapFile::new(map, training);
        if let Some(output) = &self.output {
            file.save(output)?;
            io.messages.note(format_args!("the map is written to {}", output.display()));
        }
        if self.map_only {
            return Ok(Outcome::AllWell);
        }
        apply(io, self.rows.job(), &file, Some(&taken), None, self.keep)
    }
}

/// Adds the mapped layer to each record; `domain` takes the place of the records' own. With the first pass of a fit,
/// the records must be the same, and those that it did not accept fail.
pub(super) fn apply(
    io: &mut Io,
    job: Job,
    file: &FeatureMapFile,
    fit: Option<&Taken>,
    domain: Option<&str>,
    keep: bool,
) -> Result<Outcome> {
    let map = &file.map;
    let fingerprint = file.fingerprint();
    let prepare = |record: &mut Record| -> Result<(usize, Vec<f32>)> {
        let WholeFeatures { layer, network, row } = whole_features(record, Some(&map.layer))?;
        check_network(&layer, network.as_deref(), map.network.as_deref())?;
        map.check_width(row.len())?;
        let own = record.domain()?;
        Ok((map.map_of(domain.or(own.as_deref()))?, row))
    };
    let mapper = map.mapper();
    let finish = |records: &mut [&mut Record], rows: Vec<(usize, Vec<f32>)>| {
        let mut results: Vec<Result<()>> = records.iter().map(|_| Ok(())).collect();
        for index in 0..map.maps.len() {
            let places: Vec<usize> = (0..rows.len()).filter(|place| rows[*place].0 == index).collect();
            let own: Vec<&[f32]> = places.iter().map(|place| rows[*place].1.as_slice()).collect();
            match mapper.apply(index, &own) {
                Ok(mapped) => {
                    for (row, place) in mapped.into_iter().zip(places) {
                        results[place] = set(records[place], map, row, &fingerprint, keep);
                    }
                }
                Err(error) => places.iter().for_each(|place| results[*place] = Err(anyhow!("{error:#}"))),
            }
        }
        results
    };
    match fit {
        None => map_batches(io, job, BATCH, prepare, finish),
        Some(taken) => {
            let why = |record: &Record| taken.why(record);
            second_pass_in_batches(io, job, &taken.first, BATCH, why, prepare, finish)
        }
    }
}

/// Sets the new layer of a record.
fn set(record: &mut Record, map: &FeatureMap, row: Vec<f32>, fingerprint: &str, keep: bool) -> Result<()> {
    ensure!(
        row.iter().all(|value| value.is_finite()),
        "the mapped row does not fit single precision; scale the features first, with dl-transfer normalize"
    );
    let mut features = record.features()?.unwrap_or_default();
    if !keep {
        features.remove(&map.layer);
    }
    let matrix = Matrix { rows: 1, columns: row.len(), data: row };
    features.insert(map.output.clone(), Tensor::inline(matrix, Dtype::F32).computed_by(fingerprint));
    record.set_features(&features)
}
