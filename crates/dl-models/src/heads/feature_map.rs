//! The file of a fitted map of features: one safetensors file with the tensors `0.matrix`, `0.shift` and so on of each
//! map, and in the metadata's `config` what the map reads, what it writes, and which domain takes which map.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_record::Fnv1a;
use dl_transfer::affine::Affine;
use dl_transfer::dictionary::Dictionary;
use dl_transfer::feature_map::{FeatureMap, RowMap};
use dl_transfer::normalize::RowNorm;
use dl_transfer::{Kernel, KernelMap, Lift, Mat};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::checkpoint::{self, Checkpoint, Precision, printable};
use crate::file::Kind;
use crate::heads::parts::{Parts, ensure_only, find, round, row, row_major, tensor, vector};

/// A map with how it was fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMapFile {
    /// The map; its numbers are those of single precision.
    pub map: FeatureMap,
    /// Options, counts and data digest of the fit, for information only.
    pub training: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Config {
    kind: Kind,
    method: String,
    layer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    output: String,
    columns: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
    #[serde(default)]
    domains: BTreeMap<String, usize>,
    maps: Vec<Form>,
    #[serde(default)]
    training: Map<String, Value>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rows {
    L1,
    L2,
}

/// What the tensors of a map mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "kebab-case")]
enum Form {
    Identity,
    /// With the tensors that it has of shift, factor, matrix and offset, since none is required.
    Affine {
        parts: Vec<String>,
    },
    Primal,
    LinearKernel,
    Rbf {
        gamma: f64,
    },
    Fourier,
    Codes {
        beta: f64,
    },
}

impl FeatureMapFile {
    /// The file of a map, with its numbers rounded to those that the file holds.
    pub fn new(map: FeatureMap, training: Map<String, Value>) -> Self {
        let maps = map.maps.iter().map(|map| {
            let (form, mut parts) = parts(map);
            parts.values_mut().for_each(round);
            of_parts(form, |name| Ok(parts.get(name).cloned())).unwrap_or_else(|_| map.clone())
        });
        let maps = maps.collect();
        Self { map: FeatureMap { maps, ..map }, training }
    }

    /// Reads a model file.
    /// # Errors
    /// When it does not hold a map, or its tensors do not fit.
    pub fn from_checkpoint(file: &Checkpoint) -> Result<Self> {
        Self::read(file).with_context(|| format!("model {}", file.path().display()))
    }

    fn read(file: &Checkpoint) -> Result<Self> {
        let config: Config = file.config()?.context("has no config")?;
        let Config { method, layer, network, output, columns, rows, domains, maps: forms, training, .. } = config;
        ensure!(!forms.is_empty(), "has no map");
        ensure!(
            domains.values().all(|index| *index < forms.len()),
            "names a map for a domain that it does not contain"
        );
        let mut maps = Vec::new();
        for (index, form) in forms.into_iter().enumerate() {
            let tensor = |name: &str| -> Result<Option<Mat<f64>>> {
                let name = format!("{index}.{name}");
                find(file, &name)
            };
            maps.push(of_parts(form, tensor).with_context(|| format!("map {index}"))?);
        }
        let rows = rows.map(|rows| match rows {
            Rows::L1 => RowNorm::L1,
            Rows::L2 => RowNorm::L2,
        });
        let map = FeatureMap { method, layer, network, output, columns, rows, domains, maps };
        map.check().context("its tensors do not fit")?;
        let names = |(index, map): (usize, &RowMap)| {
            parts(map).1.into_keys().map(move |name| format!("{index}.{name}")).collect::<Vec<_>>()
        };
        ensure_only(file, &map.maps.iter().enumerate().flat_map(names).collect())?;
        Ok(Self { map, training })
    }

    /// Writes the file, atomically.
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let map = &self.map;
        let mut tensors = BTreeMap::new();
        let mut forms = Vec::new();
        for (index, map) in map.maps.iter().enumerate() {
            let (form, parts) = parts(map);
            for (name, part) in parts {
                tensors.insert(format!("{index}.{name}"), tensor(&part)?);
            }
            forms.push(form);
        }
        let config = Config {
            kind: Kind::FeatureMap,
            method: map.method.clone(),
            layer: map.layer.clone(),
            network: map.network.clone(),
            output: map.output.clone(),
            columns: map.columns,
            rows: map.rows.map(|rows| match rows {
                RowNorm::L1 => Rows::L1,
                RowNorm::L2 => Rows::L2,
            }),
            domains: map.domains.clone(),
            maps: forms,
            training: self.training.clone(),
        };
        checkpoint::save(path, &config, &tensors, Precision::F32)
    }

    /// What the features it writes are computed by: the method and a digest of the numbers, so that a head trained on
    /// them refuses others.
    pub fn fingerprint(&self) -> String {
        let mut digest = Fnv1a::default();
        let mut text = |text: &str| {
            text.bytes().for_each(|byte| digest.add(byte.into()));
            digest.add(0xff);
        };
        text(&self.map.layer);
        text(self.map.network.as_deref().unwrap_or_default());
        for map in &self.map.maps {
            for part in parts(map).1.values() {
                row_major(part).for_each(|value| digest.add((value as f32).to_bits().into()));
            }
        }
        format!("{}:{:016x}", self.map.method, digest.value())
    }
}

/// The tensors of a map.
fn parts(map: &RowMap) -> (Form, Parts) {
    match map {
        RowMap::Identity => (Form::Identity, Parts::new()),
        RowMap::Affine(Affine { shift, factor, matrix, offset }) => {
            let vectors = [("shift", shift), ("factor", factor), ("offset", offset)];
            let mut parts: Parts =
                vectors.into_iter().filter_map(|(name, numbers)| Some((name, row(numbers.as_ref()?)))).collect();
            if let Some(matrix) = matrix {
                parts.insert("matrix", matrix.clone());
            }
            (Form::Affine { parts: parts.keys().map(|name| (*name).to_owned()).collect() }, parts)
        }
        RowMap::Codes(Dictionary { atoms, mean, beta }) => {
            (Form::Codes { beta: *beta }, Parts::from([("atoms", atoms.clone()), ("mean", row(mean))]))
        }
        RowMap::Kernel(KernelMap { lift, weights }) => {
            let mut parts = Parts::from([("weights", weights.clone())]);
            let form = match lift {
                Lift::Identity => Form::Primal,
                Lift::Landmarks { kernel, rows } => {
                    parts.insert("landmarks", rows.clone());
                    match kernel {
                        Kernel::Linear => Form::LinearKernel,
                        Kernel::Rbf { gamma } => Form::Rbf { gamma: *gamma },
                    }
                }
                Lift::Fourier { frequencies, phases } => {
                    parts.insert("frequencies", frequencies.clone());
                    parts.insert("phases", row(phases));
                    Form::Fourier
                }
            };
            (form, parts)
        }
    }
}

/// The map of these tensors.
fn of_parts(form: Form, tensor: impl Fn(&str) -> Result<Option<Mat<f64>>>) -> Result<RowMap> {
    let part = |name: &str| tensor(name)?.with_context(|| format!("has no {name}"));
    let landmarks = |kernel| -> Result<RowMap> {
        let lift = Lift::Landmarks { kernel, rows: part("landmarks")? };
        Ok(RowMap::Kernel(KernelMap { lift, weights: part("weights")? }))
    };
    Ok(match form {
        Form::Identity => RowMap::Identity,
        Form::Primal => RowMap::Kernel(KernelMap { lift: Lift::Identity, weights: part("weights")? }),
        Form::Codes { beta } => {
            ensure!(beta > 0.0 && beta.is_finite(), "beta is {beta}; expected a number above 0");
            let mean = vector("mean", &part("mean")?)?;
            RowMap::Codes(Dictionary { atoms: part("atoms")?, mean, beta })
        }
        Form::LinearKernel => landmarks(Kernel::Linear)?,
        Form::Rbf { gamma } => landmarks(Kernel::Rbf { gamma })?,
        Form::Fourier => {
            let phases = vector("phases", &part("phases")?)?;
            let lift = Lift::Fourier { frequencies: part("frequencies")?, phases };
            RowMap::Kernel(KernelMap { lift, weights: part("weights")? })
        }
        Form::Affine { parts } => {
            let known = ["shift", "factor", "matrix", "offset"];
            if let Some(other) = parts.iter().find(|name| !known.contains(&name.as_str())) {
                bail!("lists the part \"{}\"; expected shift, factor, matrix or offset", printable(other));
            }
            let listed = |name: &str| parts.iter().any(|part| part == name);
            let numbers = |name: &str| match listed(name) {
                true => vector(name, &part(name)?).map(Some),
                false => Ok(None),
            };
            RowMap::Affine(Affine {
                shift: numbers("shift")?,
                factor: numbers("factor")?,
                matrix: listed("matrix").then(|| part("matrix")).transpose()?,
                offset: numbers("offset")?,
            })
        }
    })
}
