//! Images of a content and a style: an autoencoder with a code for each, whose decoder takes the style as the scales and
//! shifts of its norms (Huang et al. 2018, MUNIT, section 5.1), and the judge that it is trained against.

mod config;
mod judge;
mod modulate;
mod network;

pub use config::{SWAP, SwapConfig};
pub use judge::{Judged, SwapJudge, SwapJudgeConfig};
pub use modulate::modulate;
pub use network::SwapNetwork;
