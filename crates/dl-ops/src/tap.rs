//! The source of a resized pixel.

/// The source pixels of one output along one axis: `(1 - share)` of `first` and `share` of `second`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tap {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) share: f32,
}
