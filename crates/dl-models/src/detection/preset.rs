//! The programs whose constants a detector is trained and run with: `--recipe`. The constants of each are rows of the
//! tables [`rcnn::RECIPES`](super::rcnn::RECIPES), [`ssd::RECIPES`](super::ssd::RECIPES) and
//! [`darknet::RECIPES`](super::darknet::RECIPES).

use anyhow::{Context, Result};

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// torchvision's detection models.
    Torchvision,
    /// detectron2's model zoo.
    Detectron2,
    /// The papers' programs: fast-rcnn, py-faster-rcnn, and the ssd branch of Caffe.
    Caffe,
    /// darknet.
    Darknet,
}

/// Detectors with the same constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// R-CNNs with a region proposal network.
    FasterRcnn,
    /// R-CNNs that are given regions.
    FastRcnn,
    /// SSDs.
    Ssd,
    /// SSDs on a mobile network with separable heads.
    SsdLite,
    /// YOLOs.
    Yolo,
}

/// The recipe of each program for each family; the columns are in the order of [`PRESETS`].
#[rustfmt::skip]
const TABLE: [(Family, &str, [Option<&str>; 4]); 5] = [
    //                                                torchvision               detectron2          caffe                 darknet
    (Family::FasterRcnn, "a detector of two stages", [Some("torchvision"),      Some("detectron2"), Some("faster-caffe"), None]),
    (Family::FastRcnn,   "Fast R-CNN",               [Some("torchvision"),      Some("detectron2"), Some("fast-caffe"),   None]),
    (Family::Ssd,        "an SSD",                   [Some("torchvision"),      None,               Some("caffe"),        None]),
    (Family::SsdLite,    "an SSDlite",               [Some("torchvision-lite"), None,               None,                 None]),
    (Family::Yolo,       "a YOLO",                   [None,                     None,               None,                 Some("darknet")]),
];

/// All programs, with their names.
const PRESETS: [(Preset, &str); 4] = [
    (Preset::Torchvision, "torchvision"),
    (Preset::Detectron2, "detectron2"),
    (Preset::Caffe, "caffe"),
    (Preset::Darknet, "darknet"),
];

impl Preset {
    /// Its name.
    pub fn name(self) -> &'static str {
        PRESETS.iter().find(|(preset, _)| *preset == self).map_or("", |(_, name)| name)
    }

    /// The name of its recipe for a family.
    /// # Errors
    /// When the program has no such detectors; the message lists those that do.
    pub fn recipe(self, family: Family) -> Result<&'static str> {
        let row = TABLE.iter().find(|(of_row, ..)| *of_row == family);
        let (_, detector, recipes) = row.context("the family is missing in the table of recipes")?;
        let known = || PRESETS.iter().zip(recipes);
        let found = known().find_map(|((preset, _), recipe)| recipe.filter(|_| *preset == self));
        found.with_context(|| {
            let others: Vec<&str> =
                known().filter(|(_, recipe)| recipe.is_some()).map(|((_, name), _)| *name).collect();
            format!("recipe {} is not for {detector}; choose from {}", self.name(), others.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::{darknet, rcnn, ssd};

    #[test]
    fn every_recipe_of_the_table_exists() {
        for (family, _, recipes) in TABLE {
            for ((preset, _), stated) in PRESETS.into_iter().zip(recipes) {
                let found = preset.recipe(family);
                assert_eq!(found.as_ref().ok().copied(), stated);
                let Ok(name) = found else { continue };
                let exists = match family {
                    Family::FasterRcnn | Family::FastRcnn => rcnn::Recipe::find(name).is_ok(),
                    Family::Ssd | Family::SsdLite => ssd::Recipe::find(name).is_some(),
                    Family::Yolo => darknet::Recipe::named(name).is_ok(),
                };
                assert!(exists, "{name}");
            }
        }
        let error = Preset::Detectron2.recipe(Family::Ssd).unwrap_err().to_string();
        assert_eq!(error, "recipe detectron2 is not for an SSD; choose from torchvision, caffe");
    }
}
