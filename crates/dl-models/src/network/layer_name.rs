//! Layer names in the user's notation.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;

use crate::checkpoint::printable;
use crate::file::limits::LARGEST_POOL;

/// A layer in the user's notation: `fc7`, `features.12`, or a map averaged to a few cells, `fire9@1`, `fire9@3x4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerName {
    /// The output's name or alias.
    pub name: String,
    /// Average the map to [height, width] (torch's adaptive average pooling).
    pub pooled: Option<[usize; 2]>,
}

impl FromStr for LayerName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((name, size)) = text.split_once('@') else {
            return Ok(Self { name: text.to_owned(), pooled: None });
        };
        let (height, width) = size.split_once('x').unwrap_or((size, size));
        match (height.parse(), width.parse()) {
            (Ok(height), Ok(width)) if height > LARGEST_POOL || width > LARGEST_POOL => {
                bail!("layer {}: maps can be averaged to at most {LARGEST_POOL} x {LARGEST_POOL}", printable(text))
            }
            (Ok(height), Ok(width)) if height > 0 && width > 0 => {
                Ok(Self { name: name.to_owned(), pooled: Some([height, width]) })
            }
            _ => {
                let (text, name) = (printable(text), printable(name));
                bail!("layer {text}: expected a size to average to after @, for example {name}@1 or {name}@3x4")
            }
        }
    }
}

impl fmt::Display for LayerName {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.name)?;
        match self.pooled {
            None => Ok(()),
            Some([height, width]) if height == width => write!(formatter, "@{height}"),
            Some([height, width]) => write!(formatter, "@{height}x{width}"),
        }
    }
}
