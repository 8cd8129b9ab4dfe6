//! Option values and their meaning.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use dl_models::{LayerName, Model};
use dl_record::file::{MOST_LIST_BYTES, read_text};
use dl_train::classifier::{Freeze, Kind, balanced};
use dl_train::transfer::Strategy;
use serde::Serialize;

/// What to classify.
#[derive(ValueEnum, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum InputName {
    /// Whole images, by their label
    Image,
    /// Ground-truth objects, cropped
    Objects,
    /// Proposals and ground-truth objects, against background
    Proposals,
    /// Texts, by their label
    Text,
}

impl InputName {
    /// The kind of examples.
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Self::Image => Some(Kind::Images),
            Self::Objects => Some(Kind::Crops),
            Self::Proposals => Some(Kind::Regions),
            Self::Text => None,
        }
    }
}

/// What to train.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StrategyName {
    /// Whichever is best in a short cross-validation; prints the scores
    Auto,
    /// Only a new head, by logistic regression on the features of the network
    FeatureExtraction,
    /// Only the head
    Head,
    /// The head and the last two stages; for a BERT, the last two blocks
    Top,
    /// All layers
    All,
    /// All layers, from random weights; --init-from provides only the architecture
    Scratch,
}

impl StrategyName {
    /// The strategy; `None` if it is yet to be chosen.
    pub(super) fn strategy(self) -> Option<Strategy> {
        match self {
            Self::Auto => None,
            Self::FeatureExtraction => Some(Strategy::FeatureExtraction),
            Self::Head => Some(Strategy::Head),
            Self::Top => Some(Strategy::Top),
            Self::All => Some(Strategy::All),
            Self::Scratch => Some(Strategy::Scratch),
        }
    }
}

/// `--freeze`.
#[derive(Serialize, Clone, Debug, PartialEq)]
#[serde(into = "String")]
pub(super) enum FreezeTo {
    None,
    All,
    Layer(LayerName),
}

impl FromStr for FreezeTo {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "none" => Self::None,
            "all" => Self::All,
            layer => Self::Layer(layer.parse()?),
        })
    }
}

impl From<FreezeTo> for String {
    fn from(freeze: FreezeTo) -> Self {
        match freeze {
            FreezeTo::None => "none".to_owned(),
            FreezeTo::All => "all".to_owned(),
            FreezeTo::Layer(layer) => layer.to_string(),
        }
    }
}

/// Stages trained by the strategy `top`; for a BERT, blocks.
pub(super) const TOP: usize = 2;

/// Which layers are frozen.
pub(super) fn freeze(strategy: Option<Strategy>, freeze: Option<&FreezeTo>, trainable: Option<usize>) -> Freeze {
    match (strategy, freeze, trainable) {
        (Some(Strategy::FeatureExtraction | Strategy::Head), ..) | (None, Some(FreezeTo::All), _) => Freeze::Body,
        (Some(Strategy::Top), ..) => Freeze::ButLastStages(TOP),
        (None, Some(FreezeTo::Layer(layer)), _) => Freeze::UpTo(layer.clone()),
        (None, None, Some(count)) => Freeze::ButLastStages(count),
        _ => Freeze::Nothing,
    }
}

/// Weights of the classes in the loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClassWeights {
    None,
    Balanced,
    File(PathBuf),
}

impl FromStr for ClassWeights {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "none" => Self::None,
            "balanced" => Self::Balanced,
            path => Self::File(path.into()),
        })
    }
}

impl fmt::Display for ClassWeights {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("none"),
            Self::Balanced => formatter.write_str("balanced"),
            Self::File(path) => write!(formatter, "{}", path.display()),
        }
    }
}

impl ClassWeights {
    /// The weights of `labels` with `counts` examples each; empty for equal weights.
    /// # Errors
    /// When a file does not have exactly the labels, or has a number that is not above 0.
    pub(super) fn of(&self, labels: &[String], counts: &[usize]) -> Result<Vec<f64>> {
        match self {
            Self::None => Ok(Vec::new()),
            Self::Balanced => Ok(balanced(counts)),
            Self::File(path) => {
                let in_context = || format!("--class-weights {}", path.display());
                let text = read_text(path, MOST_LIST_BYTES).context("--class-weights")?;
                let given: BTreeMap<String, f64> =
                    serde_json::from_str(&text).context("expected {\"LABEL\": WEIGHT, ..}").with_context(in_context)?;
                if let Some(label) = given.keys().find(|label| !labels.contains(label)) {
                    bail!("{}: label \"{label}\" has no training example", in_context());
                }
                let weight = |label: &String| {
                    let weight = given.get(label).with_context(|| format!("{}: no \"{label}\"", in_context()))?;
                    ensure!(*weight > 0.0 && weight.is_finite(), "{}: \"{label}\" must be above 0", in_context());
                    Ok(*weight)
                };
                labels.iter().map(weight).collect()
            }
        }
    }
}

/// Factors on the learning rate.
pub(super) struct Factors {
    /// The name of the head, and its factor.
    head: (String, f64),
    /// Modules and their factors; the last match counts.
    modules: Vec<(String, f64)>,
}

impl Factors {
    /// # Errors
    /// When a layer does not exist.
    pub(super) fn new(model: &Model, head: f64, layers: &[(String, f64)]) -> Result<Self> {
        let module = |(layer, factor): &(String, f64)| -> Result<(String, f64)> {
            let name = model.backbone.check(&layer.parse()?).with_context(|| format!("--layer-lr {layer}"))?;
            Ok((name, *factor))
        };
        let modules = layers.iter().map(module).collect::<Result<_>>()?;
        Ok(Self { head: (model.architecture.head.to_owned(), head), modules })
    }

    /// The factor of a weight, by its name.
    pub(super) fn of(&self, weight: &str) -> f64 {
        let within = |module: &str| weight.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'));
        let own = self.modules.iter().rev().find(|(module, _)| within(module));
        match own {
            Some((_, factor)) => *factor,
            None if within(&self.head.0) => self.head.1,
            None => 1.0,
        }
    }
}
