//! Overlap, coding, matching and suppression of boxes; all programs use these.

mod coder;
mod iou;
mod matcher;
pub mod nms;

pub use coder::BoxCoder;
pub use iou::{diou, iou, iou_inclusive};
pub use matcher::{Best, Match, Matcher, best_overlap};
pub use nms::{NmsConfig, NmsMethod, nms};
