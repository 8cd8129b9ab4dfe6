//! The kinds of model files.

use serde::{Deserialize, Serialize};

/// The kinds of models, as `kind` in the config. Files without it are recognized by what else they contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A network for images.
    ImageNetwork,
    /// A network for texts.
    TextNetwork,
    /// CLIP or SigLIP: a network for images and one for texts.
    Clip,
    /// A linear classifier on features.
    LinearHead,
    /// The SVMs and box regressors of R-CNN.
    RcnnHeads,
    /// A network that finds objects in images.
    Detector,
    /// A network that makes images, from noise or from other images.
    Generator,
    /// A classifier of features by neighbors, prototypes or attributes.
    FeatureHead,
    /// A map from features to features.
    FeatureMap,
}

impl Kind {
    /// What it is, for messages.
    pub fn description(self) -> &'static str {
        match self {
            Self::ImageNetwork => "a network for images",
            Self::TextNetwork => "a network for texts",
            Self::Clip => "a network for images and texts",
            Self::LinearHead => "a linear head on features",
            Self::RcnnHeads => "SVMs and box regressors on features",
            Self::Detector => "a detector",
            Self::Generator => "a generator of images",
            Self::FeatureHead => "a head on features",
            Self::FeatureMap => "a map of features",
        }
    }

    /// The programs that take it.
    pub(crate) fn programs(self) -> &'static str {
        match self {
            Self::ImageNetwork => "dl-embed, dl-classify and dl-finetune classifier take it",
            Self::TextNetwork => "dl-embed, dl-classify, dl-generate and dl-finetune take it",
            Self::Clip => "dl-embed and dl-classify take it",
            Self::LinearHead | Self::FeatureHead => "dl-classify takes it",
            Self::RcnnHeads | Self::Detector => "dl-detect takes it",
            Self::FeatureMap => "dl-transfer apply takes it",
            Self::Generator => "dl-gan-sample takes it, or dl-gan-edit if it turns images into images",
        }
    }
}
