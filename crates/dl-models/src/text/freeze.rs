//! Which weights of a network for texts do not learn.

use anyhow::{Result, bail};

use super::TextNetwork;

/// What does not learn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TextFreeze {
    /// Everything learns.
    #[default]
    Nothing,
    /// Everything but the head that names classes.
    Body,
    /// The embeddings, and so many blocks after them.
    Blocks(usize),
}

impl TextFreeze {
    /// Up to a layer, by its name: `embeddings`, `encoder.layer.3`, `h.3`.
    /// # Errors
    /// When it is no such layer.
    pub fn up_to(network: &dyn TextNetwork, layer: &str) -> Result<Self> {
        let name = network.layer(layer)?.name;
        match block(&format!("{name}.")) {
            Some(index) => Ok(Self::Blocks(index + 1)),
            None if name.ends_with("embeddings") => Ok(Self::Blocks(0)),
            None => bail!("a text's network is frozen up to its embeddings or one of its blocks, not up to {layer}"),
        }
    }

    /// All but the last `count` blocks, and what comes after them.
    /// # Errors
    /// When there are not so many.
    pub fn all_but_last(network: &dyn TextNetwork, count: usize) -> Result<Self> {
        let blocks = network.layers().iter().filter(|layer| block(&format!("{}.", layer.name)).is_some()).count();
        match blocks.checked_sub(count) {
            Some(frozen) => Ok(Self::Blocks(frozen)),
            None => bail!("the network has {blocks} blocks, not {count}"),
        }
    }

    /// Is the weight of this name one that does not learn?
    pub fn holds(&self, weight: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Body => !weight.starts_with("classifier."),
            Self::Blocks(frozen) => match block(weight) {
                Some(index) => index < *frozen,
                None => ["embeddings.", "wte.", "wpe."].iter().any(|part| weight.contains(part)),
            },
        }
    }
}

/// The number of the block that a weight belongs to.
fn block(weight: &str) -> Option<usize> {
    for place in ["encoder.layer.", "encoder.layers.", "h."] {
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
    fn weights_are_known_by_their_blocks() {
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
