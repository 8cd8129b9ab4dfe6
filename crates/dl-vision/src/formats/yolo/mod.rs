//! YOLO: one text file per image, one line per object: `class x_center y_center width height`, as fractions of the
//! image.
//!
//! The class is a number; its name is in `data.yaml` or in a list such as `classes.txt` (see `names`). The label file
//! of `images/a.jpg` is `labels/a.txt`, or lies beside it (see `layout`). A line may also be a polygon, `class x1 y1 x2
//! y2 ...`, which becomes `segmentation` and `mask`; a box with keypoints, if `data.yaml` has `kpt_shape`; or the
//! output of a detector, with a confidence at the end (see `line`). An image without a text file has no objects.
//!
//! The id of a sample is its path below the folder without the component `images`: `train/a.jpg`.

mod clip;
mod layout;
mod line;
mod names;
mod paths;
mod read;
mod write;
mod yaml;

use serde::{Deserialize, Serialize};

pub use line::Oriented;
pub use read::{ReadConfig, read};
pub use write::{Config, Writer};

/// Field of the first record: the class names in order.
const DATASET: &str = "yolo_dataset";

#[derive(Default, Serialize, Deserialize)]
struct Dataset {
    names: Vec<String>,
}
