//! Masks: run lengths in every form, polygons, bitmaps.

use dl_record::Mask;
use dl_vision::masks::{area, bounding_box, from_bitmap, from_polygons, from_runs, to_bitmap, to_runs};
use serde_json::Value;

use super::Target;
use crate::weights::checked;

pub(super) const TARGET: Target = Target {
    name: "masks",
    run,
    words: &["size", "counts", "runs", "polygons", "[]", "[[]]", "[0,0,1,0,1,1]", "~", "`", "0", "o", "P", "\\\\"],
    seeds: &[],
    share: 60,
};

/// Larger bitmaps only take longer.
const MOST_PIXELS: u64 = 1 << 20;

fn run(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let read = |name: &str| value.get(name).cloned().unwrap_or_default();
    let Ok([height, width]) = serde_json::from_value::<[u32; 2]>(read("size")) else { return };
    let pixels = u64::from(height) * u64::from(width);
    if let Ok(counts) = serde_json::from_value(read("counts")) {
        look(&Mask { size: [height, width], counts }, pixels);
    }
    if let Ok(runs) = serde_json::from_value::<Vec<u32>>(read("runs"))
        && let Some(mask) = checked(from_runs(&runs, width, height))
    {
        look(&mask, pixels);
        assert!(checked(area(&mask)).is_some(), "the mask that was made is invalid");
    }
    if let Ok(polygons) = serde_json::from_value::<Vec<Vec<f64>>>(read("polygons"))
        && let Some(mask) = checked(from_polygons(&polygons, width, height))
    {
        look(&mask, pixels);
        assert!(checked(area(&mask)).is_some(), "the mask that was made is invalid");
    }
}

fn look(mask: &Mask, pixels: u64) {
    if let Some(area) = checked(area(mask)) {
        assert!(area <= pixels, "a mask of {area} pixels in an image of {pixels}");
    }
    checked(bounding_box(mask));
    checked(to_runs(mask));
    if pixels <= MOST_PIXELS
        && let Some(bitmap) = checked(to_bitmap(mask))
    {
        let [height, width] = mask.size;
        let again = checked(from_bitmap(&bitmap, width, height)).expect("the bitmap is a mask");
        assert_eq!(checked(to_bitmap(&again)), Some(bitmap), "a mask has changed");
    }
}
