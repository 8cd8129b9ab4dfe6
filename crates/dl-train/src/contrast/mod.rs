//! Pre-training without labels: SimCLR, which tells two views of an image from those of others (Chen et al. 2020), and
//! the prediction of an image's rotation (Gidaris et al. 2018).

mod method;
mod nt_xent;
mod projection;
mod rotation;

pub use method::{ContrastMethod, Pretext};
pub use nt_xent::{nt_xent, similarities};
pub use projection::ProjectionHead;
pub use rotation::rotations;

#[cfg(test)]
const GOLDEN: &str = include_str!("../../../../testdata/goldens/losses/contrast.json");
