//! Region proposals: where objects may be, whatever their class.
//!
//! [`selective_search`] groups similar regions; [`sliding_window`] is the exhaustive baseline.

pub mod selective_search;
pub mod sliding_window;

use dl_record::{BBox, Proposal};

/// Boxes, best first, as proposals with the score 1 / (1 + rank), because these methods give a ranking without scores.
fn ranked(boxes: impl IntoIterator<Item = BBox>) -> Vec<Proposal> {
    let scored = boxes.into_iter().enumerate();
    scored.map(|(rank, bbox)| Proposal { bbox, score: 1.0 / (1.0 + rank as f64), extra: Default::default() }).collect()
}
