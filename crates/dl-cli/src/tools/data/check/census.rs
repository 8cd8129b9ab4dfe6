//! What is not wrong with a dataset, but worth knowing before training.

use std::collections::{BTreeMap, HashSet};

use dl_record::Object;

use crate::common::{Messages, counted, few};

/// The most labels that are counted; a dataset with more has no classes.
const MOST_LABELS: usize = 100_000;

/// Counts over the records of a dataset for detection.
pub(super) struct Census {
    /// Cells per side of YOLOv1's grid.
    grid: usize,
    images: usize,
    without_objects: usize,
    objects: usize,
    /// Objects whose center is in the same cell as that of an earlier object of the image.
    in_taken_cells: usize,
    labels: BTreeMap<String, usize>,
}

impl Census {
    pub(super) fn new(grid: usize) -> Self {
        let labels = BTreeMap::new();
        Self { grid, images: 0, without_objects: 0, objects: 0, in_taken_cells: 0, labels }
    }

    /// Adds the objects of an image; `size`: its width and height in pixels.
    pub(super) fn add(&mut self, objects: &[Object], size: Option<(u32, u32)>) {
        self.images += 1;
        self.without_objects += usize::from(objects.is_empty());
        self.objects += objects.len();
        for object in objects {
            if let Some(count) = self.labels.get_mut(&object.label) {
                *count += 1;
            } else if self.labels.len() < MOST_LABELS {
                self.labels.insert(object.label.clone(), 1);
            }
        }
        let Some((width, height)) = size else { return };
        let mut taken = HashSet::new();
        let cell = |center: f64, side: u32| {
            let cell = (center / f64::from(side) * self.grid as f64).max(0.0) as usize;
            cell.min(self.grid - 1)
        };
        for Object { bbox, .. } in objects {
            let [x, y] = [(bbox.x1 + bbox.x2) / 2.0, (bbox.y1 + bbox.y2) / 2.0];
            self.in_taken_cells += usize::from(!taken.insert((cell(x, width), cell(y, height))));
        }
    }

    /// Reports the counts that matter.
    pub(super) fn report(&self, messages: &Messages) {
        if self.without_objects > 0 {
            let all = counted(self.images, "image");
            messages.note(format_args!(
                "{} of {all} without objects: detectors train on them as negatives",
                self.without_objects
            ));
        }
        let once = self.labels.iter().filter(|(_, count)| **count == 1).map(|(label, _)| label.as_str());
        let once = few(once);
        if !once.is_empty() {
            messages.note(format_args!("labels with a single object: {once}"));
        }
        if self.in_taken_cells > 0 {
            let (lost, all, grid) = (self.in_taken_cells, counted(self.objects, "object"), self.grid);
            messages.note(format_args!(
                "{lost} of {all} in a cell of a {grid} x {grid} grid that an earlier object has: YOLOv1 loses them"
            ));
        }
    }
}
