//! If a record's size is not that of its image, which of the two do the boxes belong to?
//!
//! A size that is merely wrong can be corrected. But if the images were resized or rotated after they were annotated,
//! the boxes are in the scale of the old size; with the new size, the record would look right and be wrong.

use dl_record::Object;

use super::findings::Findings;
use super::objects::fits;

/// Sizes that differ by no more than this are considered miscounted.
const MISCOUNTED: u32 = 2;

/// The size to check boxes and masks against: the image's, or the stated one if the boxes belong to it or the image's
/// is unknown.
pub(super) fn reconcile(
    stated: (Option<u32>, Option<u32>),
    real: Option<(u32, u32)>,
    objects: &[Object],
    findings: &mut Findings,
) -> Option<(u32, u32)> {
    let Some(real) = real else { return stated.0.zip(stated.1) };
    let stated = (stated.0.unwrap_or(real.0), stated.1.unwrap_or(real.1));
    if stated == real {
        return Some(real);
    }
    let text = format!("the record says {} x {}, the image is {} x {}", stated.0, stated.1, real.0, real.1);
    if belong_to_the_image(stated, real, objects) {
        findings.fixable(text, "corrected");
        return Some(real);
    }
    let turned = stated == (real.1, real.0);
    let guess = if turned { "those of the image before rotation" } else { "in the scale of the stated size" };
    findings.lasting(format_args!("{text}; the boxes may be {guess}, so the size is not corrected"));
    Some(stated)
}

fn belong_to_the_image(stated: (u32, u32), real: (u32, u32), objects: &[Object]) -> bool {
    let boxes: Vec<_> = objects.iter().map(|object| object.bbox).filter(|bbox| bbox.check().is_ok()).collect();
    let is_miscounted = stated.0.abs_diff(real.0) <= MISCOUNTED && stated.1.abs_diff(real.1) <= MISCOUNTED;
    if boxes.is_empty() || is_miscounted {
        return true;
    }
    let all_fit = |size| boxes.iter().all(|bbox| fits(bbox, size));
    match (all_fit(stated), all_fit(real)) {
        (true, false) => false,
        (false, true) => true,
        _ => stated != (real.1, real.0) && !is_scaled(stated, real),
    }
}

/// Do both sizes have the same aspect ratio, up to rounding?
fn is_scaled((w1, h1): (u32, u32), (w2, h2): (u32, u32)) -> bool {
    let (one, two) = (u64::from(w1) * u64::from(h2), u64::from(w2) * u64::from(h1));
    one.abs_diff(two) <= u64::from(w1.max(h1).max(w2).max(h2))
}

#[cfg(test)]
mod tests {
    use dl_record::BBox;

    use super::*;

    fn is_corrected(stated: (u32, u32), real: (u32, u32), boxes: &[[f64; 4]]) -> bool {
        let objects: Vec<_> =
            boxes.iter().map(|edges| Object { bbox: BBox::from(*edges), ..Object::default() }).collect();
        let mut findings = Findings::new(true);
        let size = reconcile((Some(stated.0), Some(stated.1)), Some(real), &objects, &mut findings);
        assert_eq!(size == Some(real), findings.lasting.is_empty());
        findings.lasting.is_empty()
    }

    #[test]
    fn a_size_is_corrected_only_if_the_boxes_can_belong_to_the_image() {
        assert!(is_corrected((640, 480), (64, 48), &[]));
        assert!(is_corrected((21, 10), (20, 10), &[[0.0, 0.0, 21.0, 10.0]]), "miscounted");
        assert!(is_corrected((1, 1), (64, 64), &[[0.0, 0.0, 30.0, 30.0]]), "the boxes do not fit the stated size");
        assert!(
            is_corrected((100, 48), (64, 48), &[[0.0, 0.0, 30.0, 30.0]]),
            "another aspect ratio, and the boxes fit"
        );
        assert!(!is_corrected((640, 480), (64, 48), &[[300.0, 200.0, 500.0, 400.0]]), "shrunk");
        assert!(!is_corrected((640, 480), (64, 48), &[[10.0, 10.0, 40.0, 40.0]]), "shrunk, and it fits by chance");
        assert!(!is_corrected((64, 48), (640, 480), &[[10.0, 10.0, 40.0, 40.0]]), "enlarged");
        assert!(!is_corrected((640, 427), (1000, 667), &[[10.0, 10.0, 40.0, 40.0]]), "enlarged, with rounding");
        assert!(!is_corrected((64, 48), (48, 64), &[[50.0, 10.0, 60.0, 20.0]]), "rotated");
        assert!(!is_corrected((64, 48), (48, 64), &[[10.0, 10.0, 20.0, 20.0]]), "rotated, and it fits by chance");
        assert!(is_corrected((64, 48), (48, 64), &[[10.0, 50.0, 20.0, 60.0]]), "the boxes are upright already");
    }
}
