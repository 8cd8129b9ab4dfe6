//! How the detectors' sources augment images, in one table.
//!
//! | recipe | color | then | probability of a flip | source |
//! | --- | --- | --- | --- | --- |
//! | none | | | 0 | |
//! | flip | | | 0.5 | Fast, Faster and Mask R-CNN |
//! | jitter | SSD's | each edge moved by up to a fifth of the side | 0.5 | small sets of images |
//! | ssd | SSD's | expansion up to 4 x with probability 0.5; one of seven crops | 0.5 | Caffe's SSD |
//! | ssdlite | | one of seven crops | 0.5 | torchvision's SSDlite |
//! | yolo | hue, saturation, value | each edge moved by up to a fifth of the side | 0.5 | darknet |
//!
//! An object is kept if its center is in the crop, and cut to the crop. The order of the steps is the sources': colors,
//! expansion, crop, resizing, flip.

use dl_record::BBox;
use dl_vision::boxes::iou;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::color::between;
use super::photometric::Photometric;

/// The augmentation of a detector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Its name, after `--augment`.
    pub name: &'static str,
    /// The change of colors.
    pub color: Photometric,
    /// Whether the image is put in a larger one.
    pub expand: Option<Expand>,
    /// The part of the image that is shown.
    pub crop: Crop,
    /// The probability that left and right are exchanged.
    pub flip: f64,
}

/// SSD's expansion (Liu et al. 2016, section 3.6): the image at a random place of a larger one, for small objects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expand {
    /// Its probability.
    pub probability: f64,
    /// The most that both sides are multiplied by.
    pub most: f64,
}

/// The part of the image that is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crop {
    /// All.
    Whole,
    /// SSD's sampling (section 2.2): the whole image, a crop with an IoU of at least 0.1, 0.3, 0.5, 0.7 or 0.9 with some
    /// object, or any crop.
    Overlap,
    /// darknet's: each edge is moved in or out by up to this fraction of the side.
    Jitter(f64),
}

const EXPAND: Option<Expand> = Some(Expand { probability: 0.5, most: 4.0 });

/// Every recipe.
#[rustfmt::skip]
pub static RECIPES: [Recipe; 6] = [
    Recipe { name: "none",    color: Photometric::None, expand: None,   crop: Crop::Whole,       flip: 0.0 },
    Recipe { name: "flip",    color: Photometric::None, expand: None,   crop: Crop::Whole,       flip: 0.5 },
    Recipe { name: "jitter",  color: Photometric::Ssd,  expand: None,   crop: Crop::Jitter(0.2), flip: 0.5 },
    Recipe { name: "ssd",     color: Photometric::Ssd,  expand: EXPAND, crop: Crop::Overlap,     flip: 0.5 },
    Recipe { name: "ssdlite", color: Photometric::None, expand: None,   crop: Crop::Overlap,     flip: 0.5 },
    Recipe { name: "yolo",    color: Photometric::Hsv,  expand: None,   crop: Crop::Jitter(0.2), flip: 0.5 },
];

/// The least IoU of each of SSD's crops with some object; the last one takes any.
const LEAST_OVERLAPS: [f64; 6] = [0.1, 0.3, 0.5, 0.7, 0.9, 0.0];
const TRIES: usize = 50;
/// The square root of a crop's fraction of the area.
const SCALE: [f64; 2] = [0.3, 1.0];
/// Width over height of a crop, of a square image.
const RATIO: [f64; 2] = [0.5, 2.0];

impl Recipe {
    /// The recipe of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }

    /// The rectangle of an image of `width` x `height` pixels with these objects that is shown. It may extend outside
    /// the image.
    pub fn rectangle(&self, [width, height]: [u32; 2], objects: &[BBox], rng: &mut ChaCha8Rng) -> BBox {
        let [width, height] = [width, height].map(f64::from);
        let mut whole = BBox::new(0.0, 0.0, width, height);
        if let Some(Expand { probability, most }) = self.expand
            && rng.random::<f64>() < probability
        {
            let factor = between([1.0, most], rng);
            let [w, h] = [width * factor, height * factor];
            let (x, y) = (-between([0.0, w - width], rng), -between([0.0, h - height], rng));
            whole = BBox::new(x, y, x + w, y + h);
        }
        match self.crop {
            Crop::Whole => whole,
            Crop::Overlap => overlapping(&whole, objects, rng),
            Crop::Jitter(most) => {
                let mut moved = |length: f64| between([-most, most], rng) * length;
                BBox::new(
                    whole.x1 + moved(width),
                    whole.y1 + moved(height),
                    whole.x2 + moved(width),
                    whole.y2 + moved(height),
                )
            }
        }
    }
}

/// One of the crops that could be found, and the whole image, all equally likely.
fn overlapping(whole: &BBox, objects: &[BBox], rng: &mut ChaCha8Rng) -> BBox {
    let mut found = vec![*whole];
    for least in LEAST_OVERLAPS {
        for _ in 0..TRIES {
            let scale = between(SCALE, rng);
            // As in Caffe, so that neither side is longer than the image's.
            let ratio = between([RATIO[0].max(scale * scale), RATIO[1].min(1.0 / (scale * scale))], rng).sqrt();
            let (w, h) = (whole.width() * scale * ratio, whole.height() * scale / ratio);
            let x = whole.x1 + between([0.0, (whole.width() - w).max(0.0)], rng);
            let y = whole.y1 + between([0.0, (whole.height() - h).max(0.0)], rng);
            let crop = BBox::new(x, y, x + w, y + h);
            if objects.iter().any(|object| iou(object, &crop) >= least) {
                found.push(crop);
                break;
            }
        }
    }
    found[rng.random_range(0..found.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: BBox = BBox::new(20.0, 30.0, 60.0, 70.0);

    fn rectangles(name: &str, objects: &[BBox]) -> Vec<BBox> {
        let draw = |seed| Recipe::find(name).unwrap().rectangle([200, 100], objects, &mut dl_record::rng(seed, "r"));
        (0..200).map(draw).collect()
    }

    #[test]
    fn half_of_the_images_are_expanded_and_crops_stay_inside() {
        let all = rectangles("ssd", &[OBJECT]);
        let outside = all.iter().filter(|source| source.x1 < 0.0 || source.x2 > 200.0).count();
        assert!((40..160).contains(&outside), "{outside}");
        for source in &all {
            assert!(source.x1 >= -600.0 && source.x2 <= 800.0 && source.y1 >= -300.0 && source.y2 <= 400.0);
            assert!((0.09..=4.0).contains(&(source.width() / 200.0)));
            let ratio = source.width() / source.height() / 2.0;
            assert!((0.49..=2.01).contains(&ratio), "{ratio}");
        }
        let crops = rectangles("ssdlite", &[OBJECT]);
        assert!(crops.iter().all(|source| source.x1 >= 0.0 && source.x2 <= 200.0 + 1e-9));
        assert!(crops.iter().any(|source| iou(source, &OBJECT) >= 0.5));
    }

    #[test]
    fn an_image_without_objects_is_shown_whole() {
        let whole = BBox::new(0.0, 0.0, 200.0, 100.0);
        for name in ["ssdlite", "flip", "none"] {
            assert!(rectangles(name, &[]).iter().all(|source| *source == whole));
        }
    }

    #[test]
    fn jitter_moves_each_edge_by_up_to_a_fifth() {
        let all = rectangles("yolo", &[]);
        assert!(all.iter().all(|source| source.x1.abs() <= 40.0 && (source.x2 - 200.0).abs() <= 40.0));
        assert!(all.iter().any(|source| source.y1 > 15.0) && all.iter().any(|source| source.y1 < -15.0));
    }
}
