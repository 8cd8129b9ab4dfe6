//! One list of the objects that several views of an image show.

use anyhow::Result;
use dl_models::detection::Found;
use dl_record::BBox;
use dl_vision::boxes::iou;
use dl_vision::masks::union;

use super::views::Seen;

/// The overlap above which two boxes of one class show one object.
const OVERLAP: f64 = 0.5;

/// The objects of all views, best first, each once. Of an object over a seam, a tile shows only a part, which overlaps
/// little with the whole, but lies in it; so whole objects come first, and take in the parts. The parts of an object that
/// no view shows whole are put together, and their masks, too.
/// # Errors
/// When a mask is damaged.
pub(super) fn merged(views: Vec<Vec<Seen>>, max: Option<usize>) -> Result<Vec<Found>> {
    let (mut all, mut parts): (Vec<Seen>, Vec<Seen>) = views.into_iter().flatten().partition(|seen| !seen.is_cut);
    // The sorts are stable: ties stay in the order of the views.
    let best_first = |seen: &mut Vec<Seen>| seen.sort_by(|a, b| b.found.score.total_cmp(&a.found.score));
    best_first(&mut all);
    best_first(&mut parts);
    all.append(&mut parts);
    let mut kept: Vec<Seen> = Vec::new();
    for seen in all {
        let is_same = |kept: &&mut Seen| {
            let (a, b) = (kept.found.bbox, seen.found.bbox);
            let is_part = kept.is_cut || seen.is_cut;
            kept.found.class == seen.found.class && (iou(&a, &b) > OVERLAP || (is_part && inside(&a, &b) > OVERLAP))
        };
        match kept.iter_mut().find(is_same) {
            Some(kept) => {
                let (a, b) = (kept.found.bbox, seen.found.bbox);
                kept.found.score = kept.found.score.max(seen.found.score);
                if kept.is_cut {
                    kept.found.bbox = BBox::new(a.x1.min(b.x1), a.y1.min(b.y1), a.x2.max(b.x2), a.y2.max(b.y2));
                    if let (Some(a), Some(b)) = (&kept.found.mask, &seen.found.mask) {
                        kept.found.mask = Some(union(a, b)?);
                    }
                }
            }
            None => kept.push(seen),
        }
    }
    best_first(&mut kept);
    kept.truncate(max.unwrap_or(usize::MAX));
    Ok(kept.into_iter().map(|seen| seen.found).collect())
}

/// Intersection over the smaller of two boxes.
fn inside(a: &BBox, b: &BBox) -> f64 {
    let width = a.x2.min(b.x2) - a.x1.max(b.x1);
    let height = a.y2.min(b.y2) - a.y1.max(b.y1);
    let smaller = a.area().min(b.area());
    if width <= 0.0 || height <= 0.0 || smaller <= 0.0 { 0.0 } else { width * height / smaller }
}

#[cfg(test)]
mod tests {
    use dl_vision::masks::{from_bitmap, to_bitmap};

    use super::*;

    fn seen(bbox: [f64; 4], score: f64, is_cut: bool) -> Seen {
        let [x1, y1, x2, y2] = bbox;
        Seen { found: Found { bbox: BBox::new(x1, y1, x2, y2), class: 0, score, mask: None }, is_cut }
    }

    #[test]
    fn an_object_over_a_seam_is_found_once_and_whole() {
        let left = vec![seen([10.0, 10.0, 100.0, 50.0], 0.9, true)];
        let right = vec![seen([80.0, 10.0, 160.0, 50.0], 0.8, true)];
        let whole = vec![seen([10.0, 10.0, 160.0, 50.0], 0.7, false)];
        let found = merged(vec![whole, left, right], None).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].bbox, found[0].score), (BBox::new(10.0, 10.0, 160.0, 50.0), 0.9));
    }

    #[test]
    fn the_masks_of_parts_become_one() {
        let part = |bbox: [f64; 4], bitmap: [u8; 4]| {
            let mut seen = seen(bbox, 0.9, true);
            seen.found.mask = Some(from_bitmap(&bitmap, 4, 1).unwrap());
            seen
        };
        let views =
            vec![vec![part([0.0, 0.0, 3.0, 1.0], [1, 1, 1, 0])], vec![part([1.0, 0.0, 4.0, 1.0], [0, 1, 0, 1])]];
        let found = merged(views, None).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(to_bitmap(found[0].mask.as_ref().unwrap()).unwrap(), [1, 1, 1, 1]);
    }

    #[test]
    fn a_small_object_before_a_large_one_is_kept() {
        let views = vec![vec![seen([0.0, 0.0, 100.0, 100.0], 0.9, false), seen([10.0, 10.0, 30.0, 30.0], 0.8, false)]];
        assert_eq!(merged(views, None).unwrap().len(), 2);
    }
}
