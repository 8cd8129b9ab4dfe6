//! The training loop, independent of what is trained: a [`Task`] provides the batches, their loss, a validation and the
//! model file, and [`fit`] does the rest.
//!
//! Training can be killed at any moment and resumed to the same final weights, bit for bit. For that, every random draw
//! of a task depends only on its seed and the number of the step, and the loop keeps everything else in one file,
//! written atomically: the weights, the buffers (running statistics), what else the task declares, the optimizer state, and
//! the state of schedule, early stopping and running means. That file, `STEM.last.safetensors` beside the model, is itself a
//! whole model: the last one. The model file holds the best model if there is validation, and the last one otherwise.
//!
//! A step has one or several [`Phase`]s, each of which trains the weights of one [`Player`]: a GAN's discriminator, then its
//! generator.

mod average;
mod gradients;
mod log;
mod optimizer;
mod phase;
mod progress;
mod run;
mod state;
mod task;
#[cfg(test)]
mod tests;
mod weights;

pub use log::Log;
pub use optimizer::{Early, Optimizer, OptimizerConfig, Parameter, Rule};
pub use phase::{Phase, Player, When};
pub use progress::Progress;
pub use run::{Ended, Event, Files, FitConfig, Why, fit};
pub use task::{EarlyRate, Loss, MakeModel, RateFactor, Task, TrainedModel, Validation};
pub use weights::{buffers, weights};
