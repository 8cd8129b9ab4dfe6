//! Which detections of an image are right, by the rule of the VOC devkit's `VOCevaldet.m`.
//!
//! Detections are taken by falling score, ties in input order. Each goes to the object of its class that it overlaps
//! most, whether or not another detection has found it before.

use std::collections::HashMap;

use dl_record::{BBox, Detection, Object};

/// How a detection compares with the ground truth. Objects are given by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the first detection of this object: a true positive.
    Right(usize),
    /// The object was found before by a higher-scoring detection: a false positive.
    Duplicate(usize),
    /// It found an object that does not count, difficult or a crowd: neither true nor false.
    Ignored(usize),
    /// It overlaps no object of its class enough: a false positive.
    Unmatched,
}

/// The verdict on each detection, in input order. A detection matches an object when `overlap` of their boxes is at
/// least `threshold`.
pub fn match_detections(
    objects: &[Object],
    detections: &[Detection],
    threshold: f64,
    overlap: fn(&BBox, &BBox) -> f64,
) -> Vec<Verdict> {
    let mut order: Vec<usize> = (0..detections.len()).collect();
    order.sort_by(|&a, &b| detections[b].score.total_cmp(&detections[a].score).then(a.cmp(&b)));
    let mut by_label: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, object) in objects.iter().enumerate() {
        by_label.entry(&object.label).or_default().push(index);
    }
    let mut found = vec![false; objects.len()];
    let mut verdicts = vec![Verdict::Unmatched; detections.len()];
    for index in order {
        let detection = &detections[index];
        let Some(same_class) = by_label.get(detection.label.as_str()) else { continue };
        let overlaps = same_class.iter().map(|&object| (object, overlap(&detection.bbox, &objects[object].bbox)));
        // The first of equals.
        let Some((best, most)) = overlaps.reduce(|best, next| if next.1 > best.1 { next } else { best }) else {
            continue;
        };
        if most < threshold {
            continue;
        }
        verdicts[index] = if !counts(&objects[best]) {
            Verdict::Ignored(best)
        } else if std::mem::replace(&mut found[best], true) {
            Verdict::Duplicate(best)
        } else {
            Verdict::Right(best)
        };
    }
    verdicts
}

/// Whether an object counts in the evaluation: it is neither difficult nor a crowd.
pub fn counts(object: &Object) -> bool {
    !object.difficult && !object.crowd
}

#[cfg(test)]
mod tests {
    use dl_vision::boxes::iou;

    use super::*;

    #[test]
    fn an_object_is_found_once() {
        let bbox = |x: f64| BBox::new(x, 0.0, x + 10.0, 10.0);
        let object = |x: f64, difficult| Object { bbox: bbox(x), label: "dog".into(), difficult, ..Object::default() };
        let detection = |x: f64, label: &str| Detection {
            bbox: bbox(x),
            label: label.into(),
            score: 1.0,
            mask: None,
            proposal: None,
            extra: serde_json::Map::new(),
        };
        let objects = [object(0.0, false), object(50.0, true), object(90.0, false)];
        let found = [detection(1.0, "dog"), detection(0.0, "dog"), detection(90.0, "cat"), detection(50.0, "dog")];
        assert_eq!(
            match_detections(&objects, &found, 0.5, iou),
            [Verdict::Right(0), Verdict::Duplicate(0), Verdict::Unmatched, Verdict::Ignored(1)]
        );
    }
}
