//! Detectors: networks that find objects in whole images.
//!
//! A detector is written like its paper's figure: a network that computes maps, and a rule that turns their numbers into
//! boxes with classes and scores. The network is a [`Backbone`](crate::Backbone), so it runs on a plan and can be
//! trained; the rule uses the boxes, coders and suppression of [`dl_vision::boxes`].

pub mod darknet;
mod default_boxes;
mod found;
mod one_stage;
mod onnx;
mod outline;
mod placed;
mod preset;
pub mod rcnn;
pub mod ssd;
pub(crate) mod summary;
mod table;
mod yolo;
pub mod yolo_v1;
mod yolo_v2;

use anyhow::{Result, bail};
use dl_record::Cell;

pub use default_boxes::{DefaultBoxes, SourceBoxes};
pub use found::{Found, Rules};
pub use one_stage::{Candidate, Selection};
pub use outline::DetectorOutline;
pub use placed::Placed;
pub use preset::{Family, Preset};
pub use table::{DETECTORS, DetectorKind, open};

use crate::{OnnxModel, Preprocessing};

/// A network that finds objects in whole images.
pub trait Detector: Send + Sync {
    /// Class names by [`Found::class`].
    fn labels(&self) -> &[String];

    /// A note about its file, for the user.
    fn note(&self) -> Option<&str> {
        None
    }

    /// How an image becomes the input.
    fn preprocessing(&self) -> &Preprocessing;

    /// Where an image of `width` x `height` pixels is put in the input.
    fn placed(&self, width: u32, height: u32) -> Placed {
        Placed::of(self.preprocessing(), width, height)
    }

    /// Chooses what is reported as this program does: thresholds, suppression and numbers of boxes. What the weights were
    /// trained with, such as pixels, anchors and the pooling of regions, stays.
    /// # Errors
    /// When the program has no such detectors.
    fn report_as(&mut self, preset: Preset) -> Result<()>;

    /// The detector as one of two stages, for its proposals alone, or for given ones.
    fn two_stage(&self) -> Option<&rcnn::GeneralizedRcnn> {
        None
    }

    /// The cells of its grid for each image, row by row, in pixels of the image. `x` and `images` as for
    /// [`detect`](Self::detect).
    /// # Errors
    /// When the detector has no grid, or as [`detect`](Self::detect).
    fn cells(&self, _x: &[f32], _images: &[Placed]) -> Result<Vec<Vec<Cell>>> {
        bail!("the detector has no grid of cells, as YOLOv1 has")
    }

    /// The detector for one image as an ONNX model, with its suppression: the input is `input` [1, 3, height, width],
    /// preprocessed; the outputs are `boxes` [n, 4] in pixels of the input, `labels` [n] and `scores` [n], best first.
    /// # Errors
    /// When it cannot be exported.
    fn onnx(&self) -> Result<OnnxModel> {
        bail!(
            "detectors of two stages cannot be exported: only networks that are one plan, such as SSD and YOLO, can be"
        )
    }

    /// The objects in each image, best first. `x` is [n, 3, h, w] for n images that are placed in inputs of one size.
    /// What is found in an image does not depend on the other images.
    /// # Errors
    /// When `x` has the wrong length, or the network cannot be run.
    fn detect(&self, x: &[f32], images: &[Placed], rules: &Rules) -> Result<Vec<Vec<Found>>>;
}
