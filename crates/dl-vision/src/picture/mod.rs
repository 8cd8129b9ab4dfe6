//! Pictures: decoding, warping and drawing.

pub mod font;
mod jpeg;
mod load;
pub mod raster;

pub use load::{dimensions, load};
