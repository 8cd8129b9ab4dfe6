//! Pictures: decoding, warping and drawing.

pub mod draw;
pub mod font;
mod jpeg;
mod load;
pub mod raster;
pub mod warp;

pub use load::{bytes, dimensions, load};
