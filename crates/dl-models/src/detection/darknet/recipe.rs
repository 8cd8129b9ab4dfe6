//! The constants in which programs that run darknet's networks differ.

use anyhow::{Context, Result};

use crate::detection::yolo::Suppression;

/// Constants of a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Its name.
    pub name: &'static str,
    /// What divides by the standard deviation in a batch norm.
    pub epsilon: Epsilon,
    /// How an image is placed in the input of YOLOv2 and later.
    pub fit: Fit,
    /// Which boxes of YOLOv1 are reported.
    pub yolo_v1: Suppression,
    /// Which boxes of YOLOv2 and later are reported.
    pub yolo_v2: Suppression,
}

/// What a batch norm divides by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Epsilon {
    /// sqrt(variance + this).
    Inside(f64),
    /// sqrt(variance) + this.
    Outside(f64),
}

/// How an image is placed in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// As the program that wrote the weights: the newer darknet (0.2.5) stretches as OpenCV does, the older one keeps
    /// the aspect ratio. `letter_box` of the `.cfg` decides if it is stated.
    ByVersion,
    /// Both sides to the input's, ignoring the aspect ratio. YOLOv1 is always stretched, with aligned corners.
    Stretched,
    /// The aspect ratio is kept, the rest is gray.
    Letterboxed,
}

const YOLO_V1: Suppression = Suppression { score: 0.2, iou: 0.4, clip: true };
const YOLO_V2: Suppression = Suppression { score: 0.25, iou: 0.45, clip: true };

/// The recipes. The first is the default.
///
/// | recipe | batch norm | images of YOLOv2 and later |
/// | --- | --- | --- |
/// | darknet | sqrt(v + 1e-5): darknet on GPUs, where networks are trained, and all of the newer darknet | by version |
/// | darknet-cpu | sqrt(v) + 1e-6: the older darknet on CPUs | by version |
/// | opencv | sqrt(v + 1e-6): OpenCV's DNN module | stretched |
pub const RECIPES: [Recipe; 3] = [
    Recipe { name: "darknet", epsilon: Epsilon::Inside(1e-5), fit: Fit::ByVersion, yolo_v1: YOLO_V1, yolo_v2: YOLO_V2 },
    Recipe {
        name: "darknet-cpu",
        epsilon: Epsilon::Outside(1e-6),
        fit: Fit::ByVersion,
        yolo_v1: YOLO_V1,
        yolo_v2: YOLO_V2,
    },
    Recipe { name: "opencv", epsilon: Epsilon::Inside(1e-6), fit: Fit::Stretched, yolo_v1: YOLO_V1, yolo_v2: YOLO_V2 },
];

impl Recipe {
    /// The recipe of this name.
    /// # Errors
    /// When it does not exist.
    pub fn named(name: &str) -> Result<Self> {
        let found = RECIPES.into_iter().find(|recipe| recipe.name == name);
        let known = RECIPES.map(|recipe| recipe.name).join(", ");
        found.with_context(|| format!("recipe {name} does not exist; choose from {known}"))
    }
}

impl Default for Recipe {
    fn default() -> Self {
        RECIPES[0]
    }
}
