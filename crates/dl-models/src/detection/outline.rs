//! The structure of a detector without its weights: which weights come before which output.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::model::position;

/// The outputs and the weights of a detector.
#[derive(Clone, Debug)]
pub struct DetectorOutline {
    /// Its outputs, in the order of computation.
    pub layers: Vec<String>,
    /// The shapes of its weights by name, running statistics included.
    pub weights: BTreeMap<String, Vec<usize>>,
}

/// torchvision's prefixes of the weights of a trunk, which the names of its outputs do not have.
const PREFIXES: [&str; 2] = ["backbone.body.", "backbone."];

impl DetectorOutline {
    /// The weights of the output `layer` and of everything before it.
    /// # Errors
    /// When the layer does not exist; the message lists some that do.
    pub fn weights_up_to(&self, layer: &str) -> Result<Vec<String>> {
        let last = self.layers.iter().rposition(|known| known == layer).with_context(|| {
            let short = self.layers.iter().filter(|known| known.matches('.').count() < 2).map(String::as_str);
            format!("layer {layer} does not exist; choose from {}", short.collect::<Vec<_>>().join(", "))
        })?;
        let before = |weight: &&String| self.position(weight).is_some_and(|position| position <= last);
        Ok(self.weights.keys().filter(before).cloned().collect())
    }

    /// The position, in the order of computation, of the output that a weight belongs to.
    fn position(&self, weight: &str) -> Option<usize> {
        let short = PREFIXES.iter().find_map(|prefix| weight.strip_prefix(prefix));
        position(&self.layers, short.unwrap_or(weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_belongs_to_the_innermost_output_with_its_name() {
        let layers = ["features.0", "features.1", "head"].map(str::to_owned).to_vec();
        let names = ["backbone.features.0.0.weight", "features.1.bias", "head.weight", "other.weight"];
        let weights = names.map(|name| (name.to_owned(), vec![1])).into();
        let outline = DetectorOutline { layers, weights };
        assert_eq!(outline.weights_up_to("features.1").unwrap(), names[..2]);
        let error = outline.weights_up_to("fc").unwrap_err().to_string();
        assert_eq!(error, "layer fc does not exist; choose from features.0, features.1, head");
    }
}
