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

#[cfg(test)]
mod tests {
    use super::{BUILTIN, builtin};

    #[test]
    fn every_list_has_the_number_of_classes_of_its_dataset() {
        let counts = BUILTIN.map(|name| builtin(name).expect("built in").len());
        assert_eq!(counts, [80, 1000, 20]);
        assert_eq!(builtin("imagenet").expect("built in")[1], "goldfish");
        assert_eq!(builtin("cifar"), None);
    }
}
