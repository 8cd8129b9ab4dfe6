//! Holes in images: rectangles and strokes of a brush, or the center.

use dl_vision::picture::raster::stroke;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The form of the holes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoleShape {
    /// Rectangles and strokes of a brush (Yu et al. 2019, DeepFill v2), of each half.
    Random,
    /// The center, with the aspect ratio of the image (Pathak et al. 2016).
    Center,
}

/// How images get holes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holes {
    /// Their form.
    pub shape: HoleShape,
    /// Their share of the image; random holes are up to a half smaller or larger.
    pub share: f64,
}

impl Holes {
    /// A mask [height, width] with 1 where pixels are missing: at least one, and never all.
    pub fn mask(&self, [height, width]: [usize; 2], rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut mask = vec![0.0; height * width];
        match self.shape {
            HoleShape::Center => {
                let part = |side: usize| ((side as f64 * self.share.sqrt()).round() as usize).clamp(1, side - 1);
                let [rows, columns] = [height, width].map(part);
                fill(&mut mask, width, [(height - rows) / 2, (width - columns) / 2], [rows, columns]);
            }
            HoleShape::Random => {
                let area = (height * width) as f64;
                let wanted = area * (self.share * (0.5 + rng.random::<f64>())).min(0.9);
                let strokes = rng.random::<bool>();
                // Each adds at least a pixel's width; the count bounds what overlaps.
                for _ in 0..64 {
                    let missing = mask.iter().sum::<f32>();
                    let left = wanted - f64::from(missing);
                    if left < 1.0 && missing > 0.0 {
                        break;
                    }
                    if strokes {
                        brush(&mut mask, [height, width], rng)
                    } else {
                        rectangle(&mut mask, [height, width], left, rng)
                    }
                }
            }
        }
        // A network that sees nothing, or misses nothing, is trained on nothing.
        if mask.iter().all(|missing| *missing > 0.0) {
            mask[0] = 0.0;
        }
        mask
    }
}

fn fill(mask: &mut [f32], width: usize, [top, left]: [usize; 2], [rows, columns]: [usize; 2]) {
    for row in mask.chunks_exact_mut(width).skip(top).take(rows) {
        row[left..left + columns].fill(1.0);
    }
}

/// A rectangle of about `area` pixels, up to twice as wide as high or as high as wide.
fn rectangle(mask: &mut [f32], [height, width]: [usize; 2], area: f64, rng: &mut ChaCha8Rng) {
    let aspect = 2.0_f64.powf(2.0 * rng.random::<f64>() - 1.0);
    let side = |length: f64, most: usize| (length.round() as usize).clamp(1, most);
    // Rounded down by up to a third, so that several rectangles are as likely as one.
    let area = area.max(1.0) * (0.34 + 0.66 * rng.random::<f64>());
    let size = [side((area / aspect).sqrt(), height), side((area * aspect).sqrt(), width)];
    let place = [rng.random_range(0..=height - size[0]), rng.random_range(0..=width - size[1])];
    fill(mask, width, place, size);
}

/// A stroke that turns a few times.
fn brush(mask: &mut [f32], [height, width]: [usize; 2], rng: &mut ChaCha8Rng) {
    let side = height.min(width) as f64;
    let thickness = (side * (0.06 + 0.1 * rng.random::<f64>())).max(1.0);
    let mut point = [rng.random::<f64>() * width as f64, rng.random::<f64>() * height as f64];
    let mut points = vec![point];
    for _ in 0..rng.random_range(2..=6) {
        let reach = 0.35 * side;
        let mut step =
            |limit: usize, at: f64| (at + reach * (2.0 * rng.random::<f64>() - 1.0)).clamp(0.0, limit as f64);
        point = [step(width, point[0]), step(height, point[1])];
        points.push(point);
    }
    stroke(&points, thickness, (width as u32, height as u32), |x, y, coverage| {
        if coverage >= 0.5 {
            mask[y as usize * width + x as usize] = 1.0;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_have_about_the_share_and_depend_on_the_seed_alone() {
        for shape in [HoleShape::Random, HoleShape::Center] {
            for (size, share) in [([32, 32], 0.25), ([48, 20], 0.1), ([2, 2], 0.9), ([64, 64], 0.5)] {
                let holes = Holes { shape, share };
                let mut sum = 0.0;
                for seed in 0..60 {
                    let mask = holes.mask(size, &mut dl_record::rng(seed, "hole"));
                    assert_eq!(mask, holes.mask(size, &mut dl_record::rng(seed, "hole")));
                    let missing: f32 = mask.iter().sum();
                    assert!(missing >= 1.0 && missing < mask.len() as f32, "{shape:?} {size:?} {missing}");
                    assert!(mask.iter().all(|value| [0.0, 1.0].contains(value)));
                    sum += f64::from(missing) / mask.len() as f64 / 60.0;
                }
                // A stroke may be larger than what is left.
                assert!(size[0] < 20 || (0.7 * share..1.6 * share + 0.05).contains(&sum), "{shape:?} {size:?} {sum}");
            }
        }
        let center = Holes { shape: HoleShape::Center, share: 0.25 }.mask([4, 4], &mut dl_record::rng(0, "hole"));
        assert_eq!(center.iter().sum::<f32>(), 4.0);
        assert_eq!([5, 6, 9, 10].map(|at| center[at]), [1.0; 4]);
    }
}
