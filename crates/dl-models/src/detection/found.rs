//! What a detector finds, and what it should leave out.

use dl_record::{BBox, Detection, Mask};
use serde_json::Map;

/// An object that a detector found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its box, in pixels of the image.
    pub bbox: BBox,
    /// Index of its class in [`Detector::labels`](super::Detector::labels).
    pub class: usize,
    /// From 0 to 1.
    pub score: f64,
    /// Its pixels, from a detector with masks.
    pub mask: Option<Mask>,
}

impl Found {
    /// The object as records have it. `labels`: those of the detector.
    pub fn detection(self, labels: &[String]) -> Detection {
        let Self { bbox, class, score, mask } = self;
        Detection { bbox, label: labels[class].clone(), score, mask, proposal: None, extra: Map::new() }
    }
}

/// Which objects to report. The default is the detector's own recipe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Leave out objects with a lower score, instead of the recipe's threshold.
    pub score: Option<f64>,
    /// The most objects per image, instead of the recipe's number.
    pub max: Option<usize>,
    /// The classes to report; `None`: all.
    pub classes: Option<Vec<usize>>,
    /// Skip non-maximum suppression and the limits on the number of objects.
    pub raw: bool,
}

impl Rules {
    /// Whether a class is to be reported.
    pub fn wants(&self, class: usize) -> bool {
        self.classes.as_ref().is_none_or(|classes| classes.contains(&class))
    }
}
