//! Greedy suppression: a box is kept unless it overlaps a better kept one.

use dl_record::BBox;

use super::super::{diou, iou};
use super::grid::{Grid, can_overlap};
use super::{Class, Kept, NmsConfig, NmsMethod};

/// Keeps the best box, then each next one that overlaps none of the kept ones by more than the threshold.
pub(super) fn select(class: &Class, config: &NmsConfig, kept: &mut Vec<Kept>) {
    let mut left_to_keep = config.max.unwrap_or(usize::MAX);
    let mut grid = Grid::new(&class.boxes, config.iou);
    for (rank, bbox) in class.boxes.iter().enumerate() {
        if left_to_keep == 0 {
            break;
        }
        let area = bbox.area();
        if can_overlap(area) {
            let covered = match config.method {
                // Distance IoU is never above IoU, so the grid finds all candidates.
                NmsMethod::Diou => grid.search(bbox, area, |better| diou(&class.boxes[better], bbox) > config.iou),
                _ => grid.search(bbox, area, |better| iou(&class.boxes[better], bbox) > config.iou),
            };
            if covered {
                continue;
            }
            grid.insert(bbox, area, rank);
        }
        left_to_keep -= 1;
        kept.push(class.kept(rank));
    }
}

/// As [`select`], but a kept box becomes the mean of itself and the boxes that it was the first to suppress.
pub(super) fn select_weighted(class: &Class, config: &NmsConfig, kept: &mut Vec<Kept>) {
    let most = config.max.unwrap_or(usize::MAX);
    let mut grid = Grid::new(&class.boxes, config.iou);
    let mut heads: Vec<usize> = Vec::new();
    // The index of a kept box, and the rank of a box that it suppressed.
    let mut suppressed: Vec<(usize, usize)> = Vec::new();
    for (rank, bbox) in class.boxes.iter().enumerate() {
        let area = bbox.area();
        if can_overlap(area) {
            let mut first = usize::MAX;
            grid.search(bbox, area, |better| {
                if better < first && iou(&class.boxes[heads[better]], bbox) > config.iou {
                    first = better;
                }
                false
            });
            if first != usize::MAX {
                suppressed.push((first, rank));
                continue;
            }
            if heads.len() < most {
                grid.insert(bbox, area, heads.len());
            }
        }
        if heads.len() < most {
            heads.push(rank);
        }
    }
    // Summed from left to right.
    suppressed.sort_by(|a, b| {
        let left = |rank: usize| class.boxes[rank].x1;
        a.0.cmp(&b.0).then(left(a.1).total_cmp(&left(b.1))).then(a.1.cmp(&b.1))
    });
    let mut rest = suppressed.as_slice();
    for (number, &head) in heads.iter().enumerate() {
        let (own, others) = rest.split_at(rest.partition_point(|(of, _)| *of == number));
        kept.push(Kept { bbox: weighted_mean(class, head, own), ..class.kept(head) });
        rest = others;
    }
}

/// The mean of a cluster's boxes, weighted by score; the kept box itself if all scores are 0.
fn weighted_mean(class: &Class, head: usize, suppressed: &[(usize, usize)]) -> BBox {
    let scores = &class.scores;
    let total: f64 = scores[head] + suppressed.iter().map(|&(_, rank)| scores[rank]).sum::<f64>();
    if suppressed.is_empty() || total <= 0.0 {
        return class.boxes[head];
    }
    let mut mean = [0.0; 4];
    for rank in std::iter::once(head).chain(suppressed.iter().map(|&(_, rank)| rank)) {
        for (edge, value) in mean.iter_mut().zip(<[f64; 4]>::from(class.boxes[rank])) {
            *edge += scores[rank] / total * value;
        }
    }
    mean.into()
}
