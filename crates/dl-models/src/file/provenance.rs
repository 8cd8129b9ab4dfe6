//! Where a model comes from: the part of every description that says nothing of the network.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Origin, license and training of the weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Origin of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Value>,
    /// License of the weights.
    #[serde(default, alias = "licence", skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Training seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Digest of the training data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_digest: Option<String>,
    /// Training statistics: steps, losses, accuracy.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub training: Map<String, Value>,
}
