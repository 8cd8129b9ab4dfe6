//! How an image becomes the input of a two-stage detector: one side is resized to a length, unless the other one would
//! become too long, and the right and bottom are padded (torchvision's `GeneralizedRCNNTransform`).

use dl_record::BBox;

use super::recipe::{Recipe, SizeRounding};
use crate::detection::Placed;

/// The place of an image of `width` x `height` pixels.
pub(super) fn placed(recipe: &Recipe, width: u32, height: u32) -> Placed {
    let [height_f, width_f] = [height, width].map(|side| f64::from(side.max(1)));
    let [min, max] = [recipe.min_size, recipe.max_size].map(|side| side as f64);
    let scale = (min / height_f.min(width_f)).min(max / height_f.max(width_f));
    let resized = |length: f64| {
        let exact = length * scale;
        let length = match recipe.size_rounding {
            SizeRounding::Down => exact.floor(),
            SizeRounding::Nearest => (exact + 0.5).floor(),
        };
        // A very long image would have a side of 0.
        length.max(1.0)
    };
    let along = |length: f64| {
        let resized = resized(length);
        let padded = (resized as usize).next_multiple_of(recipe.divisible.max(1));
        (length * padded as f64 / resized, padded)
    };
    let ((y2, rows), (x2, columns)) = (along(height_f), along(width_f));
    Placed { image: [width, height], source: BBox::new(0.0, 0.0, x2, y2), size: [rows, columns] }
}

/// [height, width] of the resized image without its padding, in pixels of the input.
pub(super) fn resized(placed: &Placed) -> [f64; 2] {
    let [rows, columns] = placed.size.map(|side| side as f64);
    let [width, height] = placed.image.map(f64::from);
    let along = |length: f64, padded: f64, source: f64| {
        if source > 0.0 { (length * padded / source).round().clamp(1.0, padded) } else { padded }
    };
    [along(height, rows, placed.source.height()), along(width, columns, placed.source.width())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::rcnn::recipe::RECIPES;

    #[test]
    fn the_shorter_side_is_resized_and_the_end_is_padded() {
        // torchvision 0.29.2: GeneralizedRCNNTransform(800, 1333, ...), image_sizes and the batch's shape.
        for (size, resized_to, padded) in [
            ([640, 480], [800, 1066], [800, 1088]),
            ([500, 375], [800, 1066], [800, 1088]),
            ([375, 500], [1066, 800], [1088, 800]),
            ([2000, 500], [333, 1333], [352, 1344]),
            ([1333, 800], [800, 1333], [800, 1344]),
        ] {
            let placed = placed(&RECIPES[0], size[0], size[1]);
            assert_eq!(resized(&placed), resized_to.map(f64::from), "{size:?}");
            assert_eq!(placed.size, padded, "{size:?}");
            let corner = placed.to_image(BBox::new(0.0, 0.0, f64::from(resized_to[1]), f64::from(resized_to[0])));
            let error = (corner.x2 - f64::from(size[0])).abs() + (corner.y2 - f64::from(size[1])).abs();
            assert!(error < 1e-9, "{corner:?}");
        }
    }

    #[test]
    fn extreme_images_have_a_place() {
        for size in [[1, 1], [20_000, 1], [1, 20_000], [20_000, 20_000]] {
            let placed = placed(&RECIPES[0], size[0], size[1]);
            assert!(placed.size.iter().all(|side| (32..=1344).contains(side)), "{placed:?}");
            assert!(resized(&placed).iter().all(|side| *side >= 1.0));
        }
    }
}
