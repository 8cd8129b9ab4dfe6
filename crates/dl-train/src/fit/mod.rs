//! The training loop, whatever is learned: a [`Task`] says what a batch is, what its loss is and how good the model is,
//! [`fit`] does the rest.
//!
//! A training can be killed at any moment and go on (`resume`) to the same final weights, bit for bit. For that, every
//! draw of a task depends on its seed and the number of the step alone, and the loop keeps everything else in one file,
//! written atomically: the weights, what else training changes (running statistics), the optimiser's memory, and where
//! schedule, early stopping and running means stand. That file, `STEM.last.safetensors` beside the model, is itself a
//! whole model: the last one. The model file itself holds the best one where there is validation, and the last one
//! otherwise.

mod log;
mod optimiser;
mod progress;
mod run;
mod state;
mod task;
#[cfg(test)]
mod tests;

pub use log::Log;
pub use optimiser::{Optimiser, OptimiserConfig, Parameter, Rule};
pub use progress::Progress;
pub use run::{Ended, Event, Files, Plan, Why, fit};
pub use task::{Loss, ModelFile, Task, Validation};
