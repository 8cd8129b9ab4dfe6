//! Detectors: what turns features or pictures into objects.

pub mod rcnn;
