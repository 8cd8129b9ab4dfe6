//! Which weights of a text network are frozen.

use std::fmt;

use anyhow::{Result, bail};

use super::TextNetwork;

/// The frozen weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TextFreeze {
    /// None.
    #[default]
    Nothing,
    /// All but the classification head.
    Body,
    /// The embeddings and this number of blocks after them.
    Blocks(usize),
}

impl fmt::Display for TextFreeze {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Nothing => formatter.write_str("none"),
            Self::Body => formatter.write_str("all"),
            Self::Blocks(count) => write!(formatter, "embeddings and {count} blocks"),
        }
    }
}

impl TextFreeze {
    /// Freezes up to a layer: `embeddings`, `encoder.layer.3`, `h.3`.
    /// # Errors
    /// When it is another layer.
    pub fn up_to(network: &dyn TextNetwork, layer: &str) -> Result<Self> {
        let name = network.layer(layer)?.name;
        match block(&format!("{name}.")) {
            Some(index) => Ok(Self::Blocks(index + 1)),
            None if name.ends_with("embeddings") => Ok(Self::Blocks(0)),
            None => bail!("a text network can be frozen up to its embeddings or one of its blocks, not up to {layer}"),
        }
    }

    /// Freezes all but the last `count` blocks and what follows them.
    /// # Errors
    /// When there are fewer blocks.
    pub fn all_but_last(network: &dyn TextNetwork, count: usize) -> Result<Self> {
        let blocks = network.layers().iter().filter(|layer| block(&format!("{}.", layer.name)).is_some()).count();
        match blocks.checked_sub(count) {
            Some(frozen) => Ok(Self::Blocks(frozen)),
            None => bail!("the network has {blocks} blocks, fewer than {count}"),
        }
    }

    /// Whether the weight of this name is frozen.
    pub fn holds(&self, weight: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Body => !in_head(weight),
            Self::Blocks(frozen) => match block(weight) {
                Some(index) => index < *frozen,
                None => ["embeddings.", "wte.", "wpe."].iter().any(|part| weight.contains(part)),
            },
        }
    }
}

/// Whether a weight belongs to the classification head; DistilBERT's has another layer before `classifier`.
pub(super) fn in_head(weight: &str) -> bool {
    weight.starts_with("classifier.") || weight.starts_with("pre_classifier.")
}

/// The index of the block that a weight belongs to.
fn block(weight: &str) -> Option<usize> {
    for place in ["encoder.layer.", "encoder.layers.", "transformer.layer.", "h."] {
        let found = weight.match_indices(place).find(|(at, _)| *at == 0 || weight[..*at].ends_with('.'));
        if let Some((at, _)) = found {
            return weight[at + place.len()..].split('.').next()?.parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_frozen_by_block() {
        let freeze = TextFreeze::Blocks(2);
        for (weight, frozen) in [
            ("bert.embeddings.LayerNorm.gamma", true),
            ("bert.encoder.layer.1.output.dense.weight", true),
            ("encoder.layer.2.output.dense.weight", false),
            ("encoder.layer.11.output.dense.weight", false),
            ("transformer.h.1.attn.c_attn.weight", true),
            ("h.2.attn.c_attn.weight", false),
            ("transformer.wte.weight", true),
            ("transformer.ln_f.weight", false),
            ("bert.pooler.dense.weight", false),
            ("classifier.weight", false),
        ] {
            assert_eq!(freeze.holds(weight), frozen, "{weight}");
        }
        assert!(TextFreeze::Body.holds("bert.pooler.dense.weight") && !TextFreeze::Body.holds("classifier.bias"));
        assert!(!TextFreeze::Nothing.holds("wte.weight"));
    }
}
