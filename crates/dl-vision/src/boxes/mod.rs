//! Overlap, coding, matching and suppression of boxes: one of each for the whole house.

mod coder;
mod iou;
mod matcher;
pub mod nms;

pub use coder::BoxCoder;
pub use iou::{diou, giou, iou, iou_inclusive};
pub use matcher::{Best, Match, Matcher, best_overlap};
pub use nms::{NmsConfig, NmsMethod, nms};
