//! Class names of widely used datasets, in the order of their networks' outputs.

/// The names of the built-in lists.
pub const BUILTIN: [&str; 3] = ["coco", "imagenet", "voc"];

/// The class names of a dataset: the 80 of COCO, the 1000 of ImageNet (ILSVRC 2012), or the 20 of Pascal VOC, in
/// torchvision's spelling and order.
pub fn builtin(dataset: &str) -> Option<Vec<String>> {
    let text = match dataset {
        "coco" => include_str!("coco.txt"),
        "imagenet" => include_str!("imagenet.txt"),
        "voc" => include_str!("voc.txt"),
        _ => return None,
    };
    Some(text.lines().map(str::to_owned).collect())
}

/// The numbers from 1 to 90 that COCO's annotations do not use: its 80 classes are numbered with gaps.
const UNUSED_COCO_IDS: [usize; 10] = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];

/// COCO's class names by their numbers in its annotations, from 1 to 90, as detectors with 91 outputs have them; `None`
/// for unused numbers and for 0, which is the background there.
pub fn coco_by_id() -> Vec<Option<String>> {
    let mut names = builtin("coco").into_iter().flatten();
    let used = |id: &usize| *id > 0 && !UNUSED_COCO_IDS.contains(id);
    (0..=90).map(|id| if used(&id) { names.next() } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use super::{BUILTIN, builtin, coco_by_id};

    #[test]
    fn cocos_numbers_have_gaps() {
        let names = coco_by_id();
        let name = |id: usize| names[id].as_deref();
        assert_eq!((names.len(), names.iter().flatten().count()), (91, 80));
        assert_eq!(
            [name(0), name(1), name(11), name(12), name(13)],
            [None, Some("person"), Some("fire hydrant"), None, Some("stop sign")]
        );
        assert_eq!(
            [name(44), name(70), name(72), name(90)],
            [Some("bottle"), Some("toilet"), Some("tv"), Some("toothbrush")]
        );
    }

    #[test]
    fn every_list_has_the_number_of_classes_of_its_dataset() {
        let counts = BUILTIN.map(|name| builtin(name).expect("built in").len());
        assert_eq!(counts, [80, 1000, 20]);
        assert_eq!(builtin("imagenet").expect("built in")[1], "goldfish");
        assert_eq!(builtin("cifar"), None);
    }
}
