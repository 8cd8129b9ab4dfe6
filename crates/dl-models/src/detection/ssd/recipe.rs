//! What the sources of SSD do differently after the network.

use dl_vision::boxes::BoxCoder;

use crate::detection::one_stage::Selection;

/// How a network's numbers become detections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Its name in a config: `options.recipe`.
    pub name: &'static str,
    /// How class scores are computed from logits.
    pub scores: Scores,
    /// The order of the four box codes.
    pub order: CodeOrder,
    /// One over each of Caffe's variances, for x, y, width and height.
    pub weights: [f64; 4],
    /// Threshold, suppression and limits.
    pub selection: Selection,
    /// Boxes are cut to the image before suppression.
    pub clip: bool,
}

/// How class scores are computed from logits. Class 0 is the background in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scores {
    /// Over all classes, with the background.
    Softmax,
    /// Of each class on its own.
    Sigmoid,
}

/// The order of the four box codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOrder {
    /// Center x, center y, width, height.
    Xywh,
    /// Center y, center x, height, width.
    Yxhw,
}

/// Every recipe.
#[rustfmt::skip]
pub static RECIPES: [Recipe; 6] = [
    //       name                  scores           order            score  top_k  iou   keep  clip
    recipe("torchvision",          Scores::Softmax, CodeOrder::Xywh, 0.01,  400,   0.45, 200,  true),
    recipe("torchvision-lite",     Scores::Softmax, CodeOrder::Xywh, 0.001, 300,   0.55, 300,  true),
    recipe("caffe",                Scores::Softmax, CodeOrder::Xywh, 0.01,  400,   0.45, 200,  false),
    // The most detections of a class are 100, too.
    recipe("tensorflow",           Scores::Sigmoid, CodeOrder::Yxhw, 1e-8,  ALL,   0.6,  100,  false),
    // TensorFlow's order of codes, for its networks when they are trained here.
    recipe("softmax-yxhw",         Scores::Softmax, CodeOrder::Yxhw, 0.01,  400,   0.45, 200,  true),
    recipe("ultra-light-face",     Scores::Softmax, CodeOrder::Xywh, 0.7,   200,   0.3,  200,  false),
];

/// Variances 0.1 and 0.2, as in all sources.
const WEIGHTS: [f64; 4] = [10.0, 10.0, 5.0, 5.0];
const ALL: usize = usize::MAX;

#[expect(clippy::too_many_arguments, reason = "the columns of a table")]
const fn recipe(
    name: &'static str,
    scores: Scores,
    order: CodeOrder,
    score: f64,
    top_k: usize,
    iou: f64,
    keep: usize,
    clip: bool,
) -> Recipe {
    Recipe { name, scores, order, weights: WEIGHTS, selection: Selection { score, top_k, iou, keep }, clip }
}

impl Recipe {
    /// The recipe of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }

    /// Encodes and decodes boxes in the order x, y, width, height.
    pub fn coder(&self) -> BoxCoder {
        BoxCoder { weights: self.weights }
    }
}
