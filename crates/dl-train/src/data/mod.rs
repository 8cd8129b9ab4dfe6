//! Images for training: decoding, and augmentation.
//!
//! Decoded images are kept as far as memory allows ([`Images`]). [`AugmentConfig`] makes views of images whose class does
//! not depend on the place; a [`View`] is for detectors: all that happens to the geometry of an image is the choice of
//! the rectangle that fills the input, and a flip, so that boxes and masks can follow. [`RECIPES`] has the constants of
//! the detectors' papers.

mod augment;
mod color;
mod images;
mod photometric;
mod recipes;
mod view;

pub use augment::{Affine, AugmentConfig};
pub use images::Images;
pub use photometric::Photometric;
pub use recipes::{Crop, Expand, RECIPES, Recipe};
pub use view::View;
