//! Images: decoding, warping and drawing.

pub mod draw;
mod exif;
pub mod font;
mod jpeg;
mod load;
mod pixels;
pub mod raster;
mod source;
mod tiff;
pub mod warp;

pub use load::{LARGE_BYTES, Loaded, Loader, MOST_BYTES, Truncated, Turn, dimensions, load};
pub use source::Source;
