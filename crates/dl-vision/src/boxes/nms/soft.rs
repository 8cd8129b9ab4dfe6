//! Soft suppression: a box that overlaps a better one loses score (Bodla et al. 2017).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::super::iou;
use super::grid::{Grid, can_overlap};
use super::{Class, Kept, NmsConfig};

/// Repeatedly takes the box with the highest current score, lowers the scores of the others that overlap it by more
/// than `threshold`, and drops those whose score is too low, like the authors' `cpu_soft_nms`.
pub(super) fn select(
    class: &Class,
    config: &NmsConfig,
    threshold: f64,
    decay: impl Fn(f64) -> f64,
    kept: &mut Vec<Kept>,
) {
    let least = config.score.unwrap_or(f64::NEG_INFINITY);
    let mut current = class.scores.clone();
    let mut alive = vec![true; current.len()];
    // The round in which a box's score was last lowered: the grid may return a box twice.
    let mut lowered = vec![usize::MAX; current.len()];
    let mut grid = Grid::new(&class.boxes, threshold);
    for (rank, bbox) in class.boxes.iter().enumerate().filter(|(_, bbox)| can_overlap(bbox.area())) {
        grid.insert(bbox, bbox.area(), rank);
    }
    let ranked = |rank: usize, score: f64| Ranked { score, index: Reverse(class.indices[rank]), rank };
    let mut queue: BinaryHeap<Ranked> = current.iter().enumerate().map(|(rank, &score)| ranked(rank, score)).collect();
    let mut left_to_keep = config.max.unwrap_or(usize::MAX);
    while let Some(Ranked { score, rank, .. }) = queue.pop() {
        // Scores only decrease, so a box whose score has changed since it was queued is queued again, further back.
        if !alive[rank] {
            continue;
        }
        if current[rank] != score {
            queue.push(ranked(rank, current[rank]));
            continue;
        }
        if left_to_keep == 0 {
            break;
        }
        left_to_keep -= 1;
        alive[rank] = false;
        kept.push(Kept { score, ..class.kept(rank) });
        let (bbox, area) = (&class.boxes[rank], class.boxes[rank].area());
        if !can_overlap(area) {
            continue;
        }
        grid.search(bbox, area, |other| {
            if alive[other] && lowered[other] != rank {
                let overlap = iou(bbox, &class.boxes[other]);
                if overlap > threshold {
                    lowered[other] = rank;
                    current[other] *= decay(overlap);
                    alive[other] = current[other] >= least;
                }
            }
            false
        });
    }
}

/// A box in the queue: the highest score first, then the lowest index.
#[derive(PartialEq)]
struct Ranked {
    score: f64,
    index: Reverse<usize>,
    rank: usize,
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(self.index.cmp(&other.index))
    }
}
