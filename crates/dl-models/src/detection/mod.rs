//! Detectors of objects in images or features.

pub mod rcnn;
