//! Detectors: what turns features or images into objects.

pub mod rcnn;
