//! Which detections are right: those that a person would tick off against the truth.
//!
//! As in VOC's evaluation: in the order of their scores, a detection takes the object of its class that it overlaps
//! most; it is right when the overlap is at least `iou` and the object was not taken before.

use dl_record::{Detection, Object};
use dl_vision::boxes::iou;

/// How a detection fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It found an object.
    Right,
    /// It found nothing, or what was found before.
    Wrong,
    /// It found an object that does not count: difficult, or a crowd.
    Neither,
}

/// The verdict on each detection, and for each object whether it was found. `detections` come best first.
pub(super) fn judge(detections: &[&Detection], objects: &[Object], least: f64) -> (Vec<Verdict>, Vec<bool>) {
    let mut found = vec![false; objects.len()];
    let judge_one = |detection: &&Detection| {
        let same = objects.iter().enumerate().filter(|(_, object)| object.label == detection.label);
        let overlaps = same.map(|(index, object)| (index, iou(&detection.bbox, &object.bbox)));
        match overlaps.reduce(|best, next| if next.1 > best.1 { next } else { best }) {
            Some((index, overlap)) if overlap >= least => {
                if objects[index].difficult || objects[index].crowd {
                    Verdict::Neither
                } else if std::mem::replace(&mut found[index], true) {
                    Verdict::Wrong
                } else {
                    Verdict::Right
                }
            }
            _ => Verdict::Wrong,
        }
    };
    let verdicts = detections.iter().map(judge_one).collect();
    (verdicts, found)
}

#[cfg(test)]
mod tests {
    use dl_record::BBox;

    use super::*;

    #[test]
    fn an_object_is_found_once() {
        let object = |x: f64, difficult| Object {
            bbox: BBox::new(x, 0.0, x + 10.0, 10.0),
            label: "dog".into(),
            difficult,
            ..Object::default()
        };
        let detection = |x: f64, label: &str| Detection {
            bbox: BBox::new(x, 0.0, x + 10.0, 10.0),
            label: label.into(),
            score: 1.0,
            mask: None,
            proposal: None,
            extra: serde_json::Map::new(),
        };
        let objects = [object(0.0, false), object(50.0, true), object(90.0, false)];
        let found = [detection(1.0, "dog"), detection(0.0, "dog"), detection(90.0, "cat"), detection(50.0, "dog")];
        let (verdicts, taken) = judge(&found.iter().collect::<Vec<_>>(), &objects, 0.5);
        assert_eq!(verdicts, [Verdict::Right, Verdict::Wrong, Verdict::Wrong, Verdict::Neither]);
        assert_eq!(taken, [true, false, false]);
    }
}
