//! Training of Fast, Faster, Mask and Cascade R-CNN.
//!
//! ```text
//! maps of the batch
//!    |-- anchors, matched to objects and sampled -> objectness, boxes     rpn_loss
//!    |-- proposals (without gradients) and the objects' own boxes
//!           |-- matched and sampled -> class, box                         regions, box_loss
//!           |      a cascade: the moved boxes go to the next stage
//!           |-- those that show objects -> mask                           mask_loss
//! ```

mod box_loss;
mod mask_loss;
mod regions;
mod rpn_loss;
mod sampler;
mod trainee;

pub use sampler::Sampler;
pub use trainee::RcnnTrainee;
