//! Training of networks on pairs of images: super-resolution (Ledig et al. 2017), pix2pix (Isola et al. 2017), completion
//! (Pathak et al. 2016) and colorization.
//!
//! What differs between them is how a pair is made ([`PairKind`]), and how the network's output becomes the image
//! ([`Task::composed`](dl_models::gan::Task::composed)); the game is the same ([`PairedTask`]).

mod batches;
mod holes;
mod images;
mod loss;
mod pairs;
mod perceptual;
mod task;
mod validation;

pub use batches::{PairedBatch, PairedBatchConfig, PairedBatches};
pub use holes::{HoleShape, Holes};
pub use images::PairedImages;
pub use loss::{Distance, total_variation};
pub use pairs::{PairKind, full_pair, input_channels};
pub use perceptual::Perceptual;
pub use task::{CRITIC, Critic, PairedLosses, PairedPlayers, PairedTask};
pub use validation::PairedValidation;
