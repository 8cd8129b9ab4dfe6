//! What all detectors have in common in training.

use anyhow::Result;
use candle_core::Tensor;
use dl_models::detection::Placed;
use dl_record::{BBox, Mask};
use rand_chacha::ChaCha8Rng;

/// An image of a batch and the objects in it.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The place of the image in the input.
    pub placed: Placed,
    /// [height, width] of the part of the input that is not padding, in pixels from its top left.
    pub extent: [f64; 2],
    /// The ground-truth boxes, in pixels of the input. All have a width and a height above 0 and are inside the input.
    pub boxes: Vec<BBox>,
    /// The class of each box: its index in the labels, without a background.
    pub classes: Vec<usize>,
    /// The mask of each box, of the input's size; empty for detectors without masks.
    pub masks: Vec<Mask>,
    /// Regions that may show objects, in pixels of the input, for detectors without a region proposal network.
    pub proposals: Vec<BBox>,
}

/// The loss of a batch.
#[derive(Debug)]
pub struct DetectionLoss {
    /// A scalar, with its gradient.
    pub value: Tensor,
    /// Its parts for the log, by their names in the source: `loss_classifier`, `loss_box_reg` and so on.
    pub parts: Vec<(&'static str, f64)>,
}

/// A detector that is trained.
pub trait Trainee: Sync {
    /// The loss for x [n, 3, h, w], the inputs of n images. An image may have no objects.
    /// # Errors
    /// When x has the wrong shape, or a number of the network is not finite.
    fn loss(&self, x: &Tensor, truths: &[Truth], rng: &mut ChaCha8Rng) -> Result<DetectionLoss>;

    /// Whether it is trained on masks.
    fn needs_masks(&self) -> bool {
        false
    }

    /// Whether it is trained on given proposals.
    fn needs_proposals(&self) -> bool {
        false
    }
}
