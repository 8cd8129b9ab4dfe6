//! The overlap of two boxes.

use dl_record::BBox;

fn intersection(a: &BBox, b: &BBox) -> f64 {
    let width = a.x2.min(b.x2) - a.x1.max(b.x1);
    let height = a.y2.min(b.y2) - a.y1.max(b.y1);
    width.max(0.0) * height.max(0.0)
}

/// The smallest box around both.
fn hull(a: &BBox, b: &BBox) -> BBox {
    BBox::new(a.x1.min(b.x1), a.y1.min(b.y1), a.x2.max(b.x2), a.y2.max(b.y2))
}

/// Intersection over union, from 0 to 1; 0 if either box is empty or inverted.
#[inline]
pub fn iou(a: &BBox, b: &BBox) -> f64 {
    let intersection = intersection(a, b);
    if intersection <= 0.0 {
        return 0.0;
    }
    intersection / (a.area() + b.area() - intersection)
}

/// Intersection over union as in the VOC devkit: corners are pixels that belong to the box, so every side is one
/// longer. Only for results that must equal the devkit's.
pub fn iou_inclusive(a: &BBox, b: &BBox) -> f64 {
    let grown = |bbox: &BBox| BBox { x2: bbox.x2 + 1.0, y2: bbox.y2 + 1.0, ..*bbox };
    iou(&grown(a), &grown(b))
}

/// Distance IoU (Zheng et al. 2020), from -1 to 1: IoU minus the squared distance of the centers over the squared
/// diagonal of the hull.
pub fn diou(a: &BBox, b: &BBox) -> f64 {
    let hull = hull(a, b);
    let diagonal = hull.width().powi(2) + hull.height().powi(2);
    if diagonal <= 0.0 {
        return 0.0;
    }
    let ((ax, ay), (bx, by)) = (a.center(), b.center());
    iou(a, b) - ((ax - bx).powi(2) + (ay - by).powi(2)) / diagonal
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: BBox = BBox::new(0.0, 0.0, 2.0, 2.0);

    #[test]
    fn overlap_is_divided_by_the_union_not_the_hull() {
        // Intersection 1, union 7, hull 9.
        assert_eq!(iou(&A, &BBox::new(1.0, 1.0, 3.0, 3.0)), 1.0 / 7.0);
        assert_eq!(iou(&A, &A), 1.0);
    }

    #[test]
    fn empty_and_inverted_boxes_overlap_nothing() {
        for bad in [BBox::new(1.0, 1.0, 1.0, 1.0), BBox::new(2.0, 2.0, 0.0, 0.0), BBox::new(1.0, 0.0, 1.0, 2.0)] {
            assert_eq!(iou(&A, &bad), 0.0);
            assert_eq!(iou(&bad, &bad), 0.0);
            assert!(diou(&bad, &bad).is_finite());
        }
    }

    #[test]
    fn diou_penalizes_distance() {
        let apart = BBox::new(4.0, 0.0, 6.0, 2.0);
        // Hull 12, union 8; centers 4 apart, diagonal squared 40.

        assert_eq!(diou(&A, &apart), -16.0 / 40.0);
        assert_eq!(diou(&A, &A), 1.0);
    }

    #[test]
    fn inclusive_iou_counts_shared_border_pixels() {
        // Pixels 0..=2 and 2..=4: one column of three in fifteen.
        let (a, b) = (BBox::new(0.0, 0.0, 2.0, 2.0), BBox::new(2.0, 0.0, 4.0, 2.0));
        assert_eq!((iou(&a, &b), iou_inclusive(&a, &b)), (0.0, 3.0 / 15.0));
    }
}
