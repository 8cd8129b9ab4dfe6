//! The description in the file of a network of contents and styles.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Checkpoint;
use crate::checkpoint::printable;
use crate::file::{Kind, Provenance, limits};
use crate::gan::Canvas;
use crate::gan::config::is_of;

/// The architecture.
pub const SWAP: &str = "swap";

/// Most numbers of a style.
const MOST_STYLE: usize = 1024;
/// The least side of an image in pixels.
const LEAST_SIDE: usize = 16;

/// Everything about a network of contents and styles except its weights. Unknown keys are preserved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SwapConfig {
    /// [`Kind::Generator`].
    pub kind: Kind,
    /// [`SWAP`].
    pub architecture: String,
    /// The images, gray or RGB; sides are multiples of 4, from 16 on. Their pixels are -1 to 1.
    pub image: Canvas,
    /// Channels of the first map.
    pub channels: usize,
    /// Residual blocks of the content encoder, and of the decoder.
    pub blocks: usize,
    /// Numbers of a style.
    pub style: usize,
    /// Where the weights come from.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Unknown keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl SwapConfig {
    /// A network for images of this shape, with styles of 8 numbers as in the paper.
    pub fn new(image: Canvas, channels: usize, blocks: usize) -> Self {
        Self {
            kind: Kind::Generator,
            architecture: SWAP.to_owned(),
            image,
            channels,
            blocks,
            style: 8,
            provenance: Provenance::default(),
            extra: Map::new(),
        }
    }

    /// Whether a file says that it holds a network of contents and styles.
    pub fn is_in(file: &Checkpoint) -> bool {
        is_of(file, SWAP)
    }

    /// Reads the description in a file.
    /// # Errors
    /// When it is missing or invalid.
    pub fn read(file: &Checkpoint) -> Result<Self> {
        let config: Self = file.config()?.context("has no config")?;
        config.check()?;
        Ok(config)
    }

    /// Checks that every value is valid and within limits.
    /// # Errors
    /// When one is not.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.architecture == SWAP,
            "generator architecture {} has no contents and styles; expected {SWAP}",
            printable(&self.architecture)
        );
        self.image.check()?;
        let Canvas { channels, height, width } = self.image;
        ensure!(matches!(channels, 1 | 3), "images of {channels} channels; gray and RGB are supported");
        let near = |side: usize| side.max(LEAST_SIDE).next_multiple_of(4);
        ensure!(
            [near(height), near(width)] == [height, width],
            "images of {width} x {height} pixels do not fit the network, which halves them twice; {} x {} do",
            near(width),
            near(height)
        );
        limits::count("channels", self.channels, limits::MOST_CHANNELS)?;
        limits::count("blocks", self.blocks, limits::MOST_BLOCKS)?;
        limits::count("style", self.style, MOST_STYLE)
    }
}
