//! The sliding window: every position, scale and aspect ratio. The exhaustive search that region proposals replaced
//! (Viola and Jones 2001; Dalal and Triggs 2005; Felzenszwalb et al. 2010).

use anyhow::{Result, bail};
use dl_record::{BBox, Proposal};
use rand::Rng;
use rand::seq::index;

use super::ranked;

/// More windows than this are rejected as a likely mistake.
const MOST_WINDOWS: usize = 10_000_000;

/// The windows to use.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Square roots of the windows' areas, in pixels.
    pub scales: Vec<f64>,
    /// Aspect ratios: height / width.
    pub ratios: Vec<f64>,
    /// Distance between windows as a fraction of their side; at least one pixel.
    pub stride: f64,
    /// The most windows, drawn at random from all; `None` for all.
    pub max: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self { scales: vec![64.0, 128.0, 256.0], ratios: vec![0.5, 1.0, 2.0], stride: 0.5, max: None }
    }
}

/// The windows of one size.
struct Grid {
    window: (u32, u32),
    step: (u32, u32),
    columns: usize,
    rows: usize,
}

/// Windows over an image of `width` x `height` pixels, each once, in random order: none is better than another, and so
/// the first N are a fair sample of all.
///
/// A window larger than the image is clipped to it, and the last one of a row or column ends at the edge of the image,
/// so that every pixel is in some window of each size.
/// # Errors
/// When a scale, ratio or stride is not a positive number, or `config` asks for more than ten million windows.
pub fn propose(width: u32, height: u32, config: &Config, rng: &mut impl Rng) -> Result<Vec<Proposal>> {
    let numbers = config.scales.iter().chain(&config.ratios).chain([&config.stride]);
    if let Some(number) = numbers.into_iter().find(|number| !(number.is_finite() && **number > 0.0)) {
        bail!("scales, ratios and stride must be positive numbers, not {number}");
    }
    let grids = grids(width, height, config);
    let total = grids.iter().fold(0_usize, |total, grid| total.saturating_add(grid.columns.saturating_mul(grid.rows)));
    let count = config.max.unwrap_or(total).min(total);
    if count > MOST_WINDOWS {
        bail!(
            "{total} windows over {width} x {height} pixels are too many; use a larger stride or scale, or a maximum"
        );
    }
    let order = index::sample(rng, total, count);
    Ok(ranked(order.into_iter().map(|index| window(&grids, index, width, height))))
}

fn grids(width: u32, height: u32, config: &Config) -> Vec<Grid> {
    let mut sizes = Vec::new();
    for scale in &config.scales {
        for ratio in &config.ratios {
            let side = |length: f64, longest: u32| (length.round() as u32).clamp(1, longest.max(1));
            let size = (side(scale / ratio.sqrt(), width), side(scale * ratio.sqrt(), height));
            if !sizes.contains(&size) {
                sizes.push(size);
            }
        }
    }
    let grid = |window: (u32, u32)| {
        let step = |side: u32| ((config.stride * f64::from(side)).round() as u32).max(1);
        let step = (step(window.0), step(window.1));
        let count = |length: u32, side: u32, step: u32| (length.saturating_sub(side)).div_ceil(step) as usize + 1;
        Grid { window, step, columns: count(width, window.0, step.0), rows: count(height, window.1, step.1) }
    };
    sizes.into_iter().map(grid).collect()
}

/// Window `index` of all, counted grid by grid, row by row.
fn window(grids: &[Grid], mut index: usize, width: u32, height: u32) -> BBox {
    for grid in grids {
        if index < grid.columns * grid.rows {
            let place = |position: usize, step: u32, side: u32, length: u32| {
                (position as u64 * u64::from(step)).min(u64::from(length.saturating_sub(side))) as f64
            };
            let x = place(index % grid.columns, grid.step.0, grid.window.0, width);
            let y = place(index / grid.columns, grid.step.1, grid.window.1, height);
            return BBox::new(x, y, x + f64::from(grid.window.0), y + f64::from(grid.window.1));
        }
        index -= grid.columns * grid.rows;
    }
    unreachable!("an index below the number of windows lies in one of the grids")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn boxes(width: u32, height: u32, config: &Config) -> Vec<BBox> {
        let proposals = propose(width, height, config, &mut dl_record::rng(0, "test")).unwrap();
        proposals.iter().map(|proposal| proposal.bbox).collect()
    }

    fn config(scales: &[f64], ratios: &[f64], stride: f64) -> Config {
        Config { scales: scales.to_vec(), ratios: ratios.to_vec(), stride, max: None }
    }

    #[test]
    fn the_windows_of_a_small_image_are_as_computed_by_hand() {
        let mut found: Vec<[f64; 4]> =
            boxes(5, 4, &config(&[4.0], &[1.0, 4.0], 0.5)).into_iter().map(Into::into).collect();
        found.sort_by(|a, b| a.partial_cmp(b).unwrap());
        // 4 x 4 at x = 0 and, at the edge, 1; 2 x 8, clipped to 2 x 4, at x = 0, 1, 2, 3.
        let expected = [[0, 0, 2, 4], [0, 0, 4, 4], [1, 0, 3, 4], [1, 0, 5, 4], [2, 0, 4, 4], [3, 0, 5, 4]];
        assert_eq!(found, expected.map(|edges| edges.map(f64::from)));
    }

    #[test]
    fn every_window_is_inside_the_image_and_unique() {
        for (width, height) in [(1, 1), (1, 5000), (5000, 1), (640, 480), (63, 257)] {
            let found = boxes(width, height, &Config::default());
            assert!(!found.is_empty());
            let different: HashSet<_> = found.iter().map(|b| [b.x1, b.y1, b.x2, b.y2].map(f64::to_bits)).collect();
            assert_eq!(different.len(), found.len());
            for b in found {
                assert!(b.x1 >= 0.0 && b.y1 >= 0.0 && b.x2 <= width.into() && b.y2 <= height.into() && b.area() > 0.0);
            }
        }
    }

    #[test]
    fn the_first_n_are_the_same_sample_for_the_same_seed() {
        let few = Config { max: Some(10), ..Config::default() };
        assert_eq!(boxes(640, 480, &few).len(), 10);
        assert_eq!(boxes(640, 480, &few), boxes(640, 480, &few));
    }

    #[test]
    fn too_many_windows_are_rejected_unless_a_maximum_is_given() {
        let mut fine = config(&[1.0, 2.0, 3.0], &[1.0], 0.01);
        let mut rng = dl_record::rng(0, "test");
        assert!(propose(10_000, 10_000, &fine, &mut rng).unwrap_err().to_string().contains("too many"));
        fine.max = Some(5);
        assert_eq!(propose(10_000, 10_000, &fine, &mut rng).unwrap().len(), 5);
        assert!(propose(9, 9, &config(&[-1.0], &[1.0], 0.5), &mut rng).is_err());
        assert!(propose(9, 9, &config(&[1.0], &[1.0], f64::NAN), &mut rng).is_err());
    }
}
