//! The file of a classifier of features that is not one linear function a class: one safetensors file, with what its
//! tensors mean in the metadata's `config`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use dl_transfer::Mat;
use dl_transfer::attributes::{Dap, Eszsl, Signatures};
use dl_transfer::boost::{BoostError, Boosted, Voter};
use dl_transfer::feature_head::{FeatureHead, HeadMethod};
use dl_transfer::linear::OneVsOne;
use dl_transfer::mlp::{Dense, Mlp};
use dl_transfer::neighbors::{Metric, NeighborsConfig, Votes};
use dl_transfer::prototypes::{Prototypes, PrototypesConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::checkpoint::{self, Checkpoint, Precision};
use crate::file::{Kind, limits};
use crate::heads::parts::{Parts, ensure_different, ensure_only, find, row, tensor, vector};

/// A classifier of features with how it was trained.
#[derive(Clone, Debug)]
pub struct FeatureHeadFile {
    /// The classifier.
    pub head: FeatureHead,
    /// Options, counts and data digest of the training, for information only.
    pub training: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Config {
    kind: Kind,
    layer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    labels: Vec<String>,
    #[serde(flatten)]
    method: Method,
    #[serde(default)]
    training: Map<String, Value>,
}

/// What the tensors mean.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
enum Method {
    Neighbors { k: usize, metric: Metric, votes: Votes, classes: Vec<usize> },
    Prototypes { metric: Metric, scale: f64, counts: Vec<usize> },
    Boosted { error: BoostError },
    OneVsOne,
    Eszsl { attributes: Vec<String> },
    Dap { attributes: Vec<String>, used: Vec<usize> },
    Mlp { layers: usize },
}

/// Names of the layers of a network.
const LAYERS: [[&str; 2]; 4] = [
    ["layers.0.weight", "layers.0.bias"],
    ["layers.1.weight", "layers.1.bias"],
    ["layers.2.weight", "layers.2.bias"],
    ["layers.3.weight", "layers.3.bias"],
];

impl FeatureHeadFile {
    /// Reads a model file.
    /// # Errors
    /// When it does not hold such a head, or its tensors do not fit.
    pub fn from_checkpoint(file: &Checkpoint) -> Result<Self> {
        Self::read(file).with_context(|| format!("model {}", file.path().display()))
    }

    fn read(file: &Checkpoint) -> Result<Self> {
        let Config { layer, network, labels, method, training, .. } = file.config()?.context("has no config")?;
        limits::labels(&labels)?;
        ensure_different(&labels)?;
        let part = |name: &str| find(file, name)?.with_context(|| format!("has no tensor {name}"));
        let numbers = |name: &str| vector(name, &part(name)?);
        let signatures = |attributes: Vec<String>| Signatures::new(labels.clone(), attributes, part("signatures")?);
        let method = match method {
            Method::Neighbors { k, metric, votes, classes } => {
                HeadMethod::neighbors(part("rows")?, classes, labels.len(), NeighborsConfig { k, metric, votes })?
            }
            Method::Prototypes { metric, scale, counts } => {
                let means = part("means")?;
                ensure!(counts.len() == labels.len(), "{} counts for {} labels", counts.len(), labels.len());
                let config = PrototypesConfig { metric, scale };
                HeadMethod::Prototypes(Prototypes::from_means(means.as_ref(), &counts, config)?)
            }
            Method::Boosted { error } => {
                let (weight, bias, votes) = (part("weight")?, numbers("bias")?, numbers("votes")?);
                let planes = if labels.len() == 2 { 1 } else { labels.len() };
                ensure!(
                    !votes.is_empty() && weight.nrows() == planes * votes.len() && bias.len() == weight.nrows(),
                    "its {} votes, {} biases and {} planes do not match {} labels",
                    votes.len(),
                    bias.len(),
                    weight.nrows(),
                    labels.len()
                );
                let voter = |(at, vote): (usize, &f64)| Voter {
                    vote: *vote,
                    weight: weight.subrows(at * planes, planes).to_owned(),
                    bias: bias[at * planes..][..planes].to_vec(),
                };
                let voters = votes.iter().enumerate().map(voter).collect();
                let (errors, source_shares) = (Vec::new(), Vec::new());
                HeadMethod::Boosted(Boosted { error, classes: labels.len(), voters, errors, source_shares })
            }
            Method::OneVsOne => {
                let (weight, bias, classes) = (part("weight")?, numbers("bias")?, labels.len());
                let pairs = classes * classes.saturating_sub(1) / 2;
                ensure!(
                    pairs > 0 && weight.nrows() == pairs && bias.len() == pairs,
                    "{} planes and {} biases for {classes} labels; expected {pairs}",
                    weight.nrows(),
                    bias.len()
                );
                HeadMethod::OneVsOne(OneVsOne { classes, weight, bias })
            }
            Method::Eszsl { attributes } => {
                let map = part("map")?;
                ensure!(
                    map.ncols() == attributes.len(),
                    "{} attributes for a map to {}",
                    attributes.len(),
                    map.ncols()
                );
                let signatures = signatures(attributes.clone())?;
                HeadMethod::Eszsl(Eszsl { map, attributes }, signatures)
            }
            Method::Dap { attributes, used } => {
                let (weight, bias, prior) = (part("weight")?, numbers("bias")?, numbers("prior")?);
                let fits = [weight.nrows(), bias.len(), prior.len()].iter().all(|count| *count == used.len());
                ensure!(
                    fits && used.iter().all(|index| *index < attributes.len()),
                    "its classifiers of attributes do not match the attributes"
                );
                let signatures = signatures(attributes.clone())?;
                HeadMethod::Dap(Dap { attributes, used, weight, bias, prior }, signatures)
            }
            Method::Mlp { layers } => {
                ensure!((1..=LAYERS.len()).contains(&layers), "{layers} layers; expected 1 to {}", LAYERS.len());
                let layer = |[weight, bias]: [&str; 2]| Ok(Dense { weight: part(weight)?, bias: numbers(bias)? });
                let network = Mlp::new(LAYERS[..layers].iter().copied().map(layer).collect::<Result<_>>()?)?;
                ensure!(network.classes() == labels.len(), "{} scores for {} labels", network.classes(), labels.len());
                HeadMethod::Mlp(network)
            }
        };
        ensure!(method.columns() > 0, "classifies rows of 0 columns");
        ensure_only(file, &parts(&method).1.keys().map(|name| (*name).to_owned()).collect())?;
        let head = FeatureHead { layer, network, labels, method, calibration: None };
        Ok(Self { head, training })
    }

    /// Writes the file, atomically.
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let (config, tensors) = self.contents()?;
        checkpoint::save(path, &config, &tensors, Precision::F32)
    }

    /// The config and the tensors of the file.
    /// # Errors
    /// When candle fails.
    pub fn contents(&self) -> Result<(Value, BTreeMap<String, Tensor>)> {
        let (method, parts) = parts(&self.head.method);
        let tensors: Result<BTreeMap<_, _>> =
            parts.iter().map(|(name, part)| Ok(((*name).to_owned(), tensor(part)?))).collect();
        let config = Config {
            kind: Kind::FeatureHead,
            layer: self.head.layer.clone(),
            network: self.head.network.clone(),
            labels: self.head.labels.clone(),
            method,
            training: self.training.clone(),
        };
        Ok((serde_json::to_value(&config)?, tensors?))
    }
}

fn parts(method: &HeadMethod) -> (Method, Parts) {
    let owned = |matrix: dl_transfer::MatRef<f64>| -> Mat<f64> { matrix.to_owned() };
    match method {
        HeadMethod::Neighbors { x, classes, config, .. } => {
            let NeighborsConfig { k, metric, votes } = *config;
            (Method::Neighbors { k, metric, votes, classes: classes.clone() }, Parts::from([("rows", x.clone())]))
        }
        HeadMethod::Prototypes(prototypes) => {
            let PrototypesConfig { metric, scale } = prototypes.config();
            let counts = prototypes.counts().to_vec();
            (Method::Prototypes { metric, scale, counts }, Parts::from([("means", owned(prototypes.means()))]))
        }
        HeadMethod::Boosted(Boosted { error, voters, .. }) => {
            let bias: Vec<f64> = voters.iter().flat_map(|voter| voter.bias.iter().copied()).collect();
            let votes: Vec<f64> = voters.iter().map(|voter| voter.vote).collect();
            let planes = voters.first().map_or(0, |voter| voter.weight.nrows());
            let columns = voters.first().map_or(0, |voter| voter.weight.ncols());
            let weight =
                Mat::from_fn(bias.len(), columns, |row, column| voters[row / planes].weight[(row % planes, column)]);
            let parts = Parts::from([("weight", weight), ("bias", row(&bias)), ("votes", row(&votes))]);
            (Method::Boosted { error: *error }, parts)
        }
        HeadMethod::OneVsOne(OneVsOne { weight, bias, .. }) => {
            (Method::OneVsOne, Parts::from([("weight", weight.clone()), ("bias", row(bias))]))
        }
        HeadMethod::Eszsl(Eszsl { map, attributes }, signatures) => (
            Method::Eszsl { attributes: attributes.clone() },
            Parts::from([("map", map.clone()), ("signatures", owned(signatures.values()))]),
        ),
        HeadMethod::Mlp(network) => {
            let named = network.layers().iter().zip(LAYERS);
            let both =
                named.flat_map(|(layer, [weight, bias])| [(weight, layer.weight.clone()), (bias, row(&layer.bias))]);
            (Method::Mlp { layers: network.layers().len() }, both.collect())
        }
        HeadMethod::Dap(Dap { attributes, used, weight, bias, prior }, signatures) => (
            Method::Dap { attributes: attributes.clone(), used: used.clone() },
            Parts::from([
                ("weight", weight.clone()),
                ("bias", row(bias)),
                ("prior", row(prior)),
                ("signatures", owned(signatures.values())),
            ]),
        ),
    }
}
