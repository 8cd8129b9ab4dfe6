//! The sizes of a LAPGAN.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::file::limits;
use crate::gan::{Canvas, GeneratorConfig};

/// Most sizes.
const MOST_LEVELS: usize = 8;
/// Least side of the smallest image.
const LEAST_SIDE: usize = 5;
/// Sides of the smallest image are at most this, if possible.
const SMALL: usize = 15;

/// Options of the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LapganOptions {
    /// Sizes of images, at least 2; each is half of the next.
    pub levels: usize,
    /// Channels of the hidden maps.
    pub channels: usize,
    /// The architecture that makes the smallest image: `vanilla` or `dcgan`.
    pub coarse: String,
    /// Its options.
    pub coarse_options: Map<String, Value>,
    /// Numbers of its random vector.
    pub coarse_latent: usize,
}

impl Default for LapganOptions {
    fn default() -> Self {
        Self { levels: 3, channels: 64, coarse: "vanilla".to_owned(), coarse_options: Map::new(), coarse_latent: 100 }
    }
}

impl LapganOptions {
    /// The most sizes whose smallest has sides above 7 pixels or so: 3 for images of 32 x 32.
    /// # Errors
    /// When the images are too small or have odd sides.
    pub fn default_levels(image: &Canvas) -> Result<usize> {
        let halved = |levels: usize| [image.height, image.width].map(|side| side >> (levels - 1));
        let fits = |levels: &usize| Self { levels: *levels, ..Self::default() }.check(image).is_ok();
        let levels = (2..=MOST_LEVELS).filter(fits);
        let mut least = None;
        for levels in levels {
            least = Some(levels);
            if halved(levels).into_iter().min() <= Some(SMALL) {
                break;
            }
        }
        match least {
            Some(levels) => Ok(levels),
            None => Self { levels: 2, ..Self::default() }.check(image).map(|()| 2),
        }
    }

    /// Checks that every value is valid and fits the images.
    /// # Errors
    /// When one does not.
    pub fn check(&self, image: &Canvas) -> Result<()> {
        let levels = self.levels;
        ensure!((2..=MOST_LEVELS).contains(&levels), "levels is {levels}; expected 2 to {MOST_LEVELS}");
        limits::count("channels", self.channels, limits::MOST_CHANNELS)?;
        limits::count("coarse_latent", self.coarse_latent, 1 << 14)?;
        ensure!(
            ["vanilla", "dcgan"].contains(&self.coarse.as_str()),
            "the smallest image is made by vanilla or dcgan, not by {}",
            crate::checkpoint::printable(&self.coarse)
        );
        let multiple = 1 << (levels - 1);
        let (width, height) = (image.width, image.height);
        let near = |side: usize| side.max(LEAST_SIDE * multiple).next_multiple_of(multiple);
        ensure!(
            [width, height].into_iter().all(|side| near(side) == side),
            "images of {width} x {height} pixels cannot be halved {} times to at least {LEAST_SIDE} pixels; {} x {} can",
            levels - 1,
            near(width),
            near(height)
        );
        Ok(())
    }

    /// The shape of the images of a size, from the smallest, 0.
    pub fn canvas(&self, image: &Canvas, level: usize) -> Canvas {
        let halvings = self.levels - 1 - level;
        Canvas { channels: image.channels, height: image.height >> halvings, width: image.width >> halvings }
    }

    /// Numbers of the random vector of a sample.
    pub fn latent(&self, image: &Canvas) -> usize {
        self.coarse_latent + (1..self.levels).map(|level| self.area(image, level)).sum::<usize>()
    }

    /// Pixels of an image of a size.
    pub(super) fn area(&self, image: &Canvas, level: usize) -> usize {
        let canvas = self.canvas(image, level);
        canvas.height * canvas.width
    }

    /// The config of the generator of the smallest image.
    pub(super) fn coarse_config(&self, config: &GeneratorConfig) -> GeneratorConfig {
        let canvas = self.canvas(&config.image, 0);
        let mut coarse = GeneratorConfig::new(&self.coarse, self.coarse_latent, canvas);
        coarse.options = self.coarse_options.clone();
        (coarse.labels, coarse.condition) = (config.labels.clone(), config.condition.clone());
        coarse.label_columns = config.label_columns;
        coarse
    }
}
