//! Pictures: decoding, warping and drawing.

mod jpeg;
mod load;

pub use load::{dimensions, load};
