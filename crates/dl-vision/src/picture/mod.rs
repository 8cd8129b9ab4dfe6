//! Images: decoding, warping and drawing.

pub mod draw;
mod exif;
mod frames;
mod imresize;
mod jpeg;
mod load;
mod pixels;
pub mod raster;
mod source;
pub mod text;
mod tiff;
pub mod warp;

pub use frames::{Frame, Frames};
pub use imresize::{Part, imresize};
pub use load::{LARGE_BYTES, Loaded, Loader, MOST_BYTES, Truncated, Turn, dimensions, load};
pub use source::Source;
