//! Training a network of images by other means than a label for each image: a [`Method`] makes the batches and the
//! loss, and [`NetworkTask`] does the rest.

mod task;
mod trainee;

pub use task::{Method, NetworkTask};
pub use trainee::Trainee;
