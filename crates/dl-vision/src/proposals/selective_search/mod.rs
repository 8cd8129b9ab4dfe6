//! Selective search: J.R.R. Uijlings, K.E.A. van de Sande, T. Gevers and A.W.M. Smeulders, "Selective Search for Object
//! Recognition", IJCV 2013.
//!
//! The image is segmented into small regions ([`segmentation`]); the neighbors most similar in color, texture, size and
//! fill are joined until one is left ([`grouping`]); the box of every region on the way is a proposal. This is repeated
//! in several color spaces, with several thresholds and sets of similarities ([`strategy`]), and the proposals are
//! mixed in a random order that favors those joined late (section 4.3).
//!
//! Where the paper leaves details open:
//!
//! - Channels range from 0 to 255 in every color space; hue is a number on a line, as in the authors' code.
//! - Texture is the Gaussian derivative with sigma 1 in eight orientations; the ten bins range from 0 to the strongest
//!   response in the image, in any channel.
//! - Regions are neighbors if two of their pixels touch, at least at a corner.

mod color;
mod gaussian;
mod grouping;
mod regions;
mod segmentation;
mod strategy;

use std::collections::HashSet;

use anyhow::{Result, ensure};
use dl_record::{BBox, Proposal};
use image::RgbImage;
use image::imageops::{self, FilterType};
use rand::Rng;
use rayon::prelude::*;

use super::ranked;
use color::Planes;
use regions::Regions;
use segmentation::Graph;
pub use strategy::Mode;

/// Options of the search.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The strategies to use.
    pub mode: Mode,
    /// Smoothing before the segmentation: standard deviation of the Gaussian in pixels.
    pub sigma: f32,
    /// The least pixels of an initial region.
    pub min_size: u32,
    /// The most proposals.
    pub max: usize,
    /// Scale the image to this width first.
    pub width: Option<u32>,
    /// Scale larger images down to this many pixels, because time and memory grow with them.
    pub max_pixels: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { mode: Mode::Fast, sigma: 0.8, min_size: 20, max: 2000, width: None, max_pixels: 1_000_000 }
    }
}

/// Proposals for `image`, best first, each box once. Boxes are in pixels of the given image, whatever the working size.
/// The random ranking is drawn from `dl_record::rng(seed, id)`.
/// # Errors
/// When the image has no pixels.
pub fn propose(image: &RgbImage, config: &Config, seed: u64, id: &str) -> Result<Vec<Proposal>> {
    ensure!(image.width() > 0 && image.height() > 0, "the image has no pixels");
    let (width, height) = working_size(image.width(), image.height(), config);
    let scaled;
    let working = if (width, height) == image.dimensions() {
        image
    } else {
        scaled = imageops::resize(image, width, height, FilterType::Triangle);
        &scaled
    };
    let mut candidates = candidates(working, config, seed, id);
    // Stable: of equals, the one of the earlier strategy comes first.
    candidates.sort_by(|a, b| a.priority.total_cmp(&b.priority));
    let mut seen = HashSet::new();
    let edges = candidates.into_iter().map(|candidate| candidate.edges).filter(|edges| seen.insert(*edges));
    let (x, y) = (f64::from(image.width()) / f64::from(width), f64::from(image.height()) / f64::from(height));
    Ok(ranked(edges.take(config.max).map(|edges| original(edges, x, y))))
}

/// A region's box, and its position in the ranking: lowest first.
struct Candidate {
    priority: f64,
    edges: [u32; 4],
}

/// The regions of all strategies, in the order of the strategies.
fn candidates(image: &RgbImage, config: &Config, seed: u64, id: &str) -> Vec<Candidate> {
    let similarities = config.mode.similarities();
    let by_space = config.mode.color_spaces().par_iter().map(|space| {
        let planes = Planes::of(image, *space);
        let graph = Graph::new(&planes, config.sigma);
        let segmentations = graph.segment(config.mode.ks(), config.min_size);
        drop(graph);
        let regions = Regions::of(&planes, &segmentations);
        drop((planes, segmentations));
        let strategies: Vec<_> = regions
            .iter()
            .zip(config.mode.ks())
            .flat_map(|(regions, k)| {
                similarities.iter().enumerate().map(move |similarities| (regions, k, similarities))
            })
            .collect();
        let grouped = strategies.into_par_iter().flat_map_iter(|(regions, k, (number, similarities))| {
            let hierarchy = grouping::group(regions, *similarities);
            let mut rng = dl_record::rng(seed, &format!("selective-search/{space:?}/{k}/{number}/{id}"));
            let count = hierarchy.len();
            // Section 4.3: the whole image is number 1, and each number is multiplied by a random one.
            let draw = move |(index, extent): (usize, regions::Extent)| Candidate {
                priority: (count - index) as f64 * uniform(&mut rng),
                edges: extent.edges,
            };
            hierarchy.into_iter().enumerate().map(draw)
        });
        grouped.collect::<Vec<_>>()
    });
    by_space.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// From [0, 1).
fn uniform(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The working size: `config.width` wide, and at most `config.max_pixels`.
fn working_size(width: u32, height: u32, config: &Config) -> (u32, u32) {
    let (w, h) = (f64::from(width), f64::from(height));
    let requested = config.width.map_or(1.0, |width| f64::from(width.max(1)) / w);
    let most = (config.max_pixels.max(1) as f64 / (w * h)).sqrt();
    let scale = requested.min(most);
    if scale == 1.0 {
        return (width, height);
    }
    // The short side of an elongated image is at least one pixel, and the long one is reduced accordingly.
    let side = |length: f64, other: f64| {
        let longest = config.max_pixels.max(1) as f64 / (other * scale).max(1.0);
        (length * scale).min(longest).round().max(1.0) as u32
    };
    (side(w, h), side(h, w))
}

/// The box in pixels of the original image, rounded to hundredths.
fn original(edges: [u32; 4], x: f64, y: f64) -> BBox {
    let round = |edge: f64| (edge * 100.0).round() / 100.0;
    let [x1, y1, x2, y2] = edges.map(f64::from);
    BBox::new(round(x1 * x), round(y1 * y), round(x2 * x), round(y2 * y))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn boxes(image: &RgbImage, config: &Config) -> Vec<[f64; 4]> {
        propose(image, config, 0, "test").unwrap().into_iter().map(|proposal| proposal.bbox.into()).collect()
    }

    fn noise(width: u32, height: u32) -> RgbImage {
        let mut state = 3_u32;
        RgbImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
        })
    }

    #[test]
    fn four_flat_rectangles_are_proposed_exactly() {
        // Where two colors meet, smoothing leaves lines that are regions of their own; it takes several strategies
        // until every rectangle has been joined with only its own lines.
        for (mode, [width, height], [x, y]) in [
            (Mode::Quality, [60, 40], [25, 14]),
            (Mode::Quality, [32, 28], [17, 13]),
            (Mode::Fast, [300, 200], [170, 80]),
        ] {
            let image = RgbImage::from_fn(width, height, |column, row| match (column < x, row < y) {
                (true, true) => Rgb([200, 30, 40]),
                (false, true) => Rgb([20, 160, 60]),
                (true, false) => Rgb([30, 50, 190]),
                (false, false) => Rgb([220, 200, 40]),
            });
            let found = boxes(&image, &Config { mode, ..Config::default() });
            for expected in
                [[0, 0, x, y], [x, 0, width, y], [0, y, x, height], [x, y, width, height], [0, 0, width, height]]
            {
                let expected = expected.map(f64::from);
                assert!(found.contains(&expected), "{mode:?}: no {expected:?} among {found:?}");
            }
        }
    }

    #[test]
    fn a_blank_or_single_pixel_image_is_one_proposal() {
        for (width, height) in [(1, 1), (64, 48), (1, 5000), (5000, 1)] {
            let found = boxes(&RgbImage::from_pixel(width, height, Rgb([9, 9, 9])), &Config::default());
            assert_eq!(found, [[0.0, 0.0, width.into(), height.into()]]);
        }
    }

    #[test]
    fn elongated_images_and_small_working_sizes_keep_boxes_inside_the_image() {
        let config = |width, max_pixels| Config { width, max_pixels, ..Config::default() };
        for (width, height) in [(1, 5000), (5000, 1), (3, 700), (120, 90)] {
            for config in
                [config(None, 1_000_000), config(Some(500), 2000), config(Some(1), 1_000_000), config(None, 1)]
            {
                let found = boxes(&noise(width, height), &config);
                assert!(found.contains(&[0.0, 0.0, width.into(), height.into()]), "{width} x {height}, {config:?}");
                for [x1, y1, x2, y2] in found {
                    assert!(x1 >= 0.0 && y1 >= 0.0 && x2 <= width.into() && y2 <= height.into());
                    assert!(x1 < x2 && y1 < y2);
                }
            }
        }
    }

    #[test]
    fn the_working_size_keeps_the_aspect_ratio_and_the_limit() {
        let size = |width, height, working_width, max_pixels| {
            working_size(width, height, &Config { width: working_width, max_pixels, ..Config::default() })
        };
        assert_eq!(size(640, 480, None, 1_000_000), (640, 480));
        assert_eq!(size(640, 480, Some(500), 1_000_000), (500, 375));
        assert_eq!(size(320, 240, Some(640), 1_000_000), (640, 480));
        assert_eq!(size(10_000, 10_000, None, 1_000_000), (1000, 1000));
        assert_eq!(size(1, 4_000_000, None, 1_000_000), (1, 1_000_000));
        assert_eq!(size(1, 5000, Some(500), 1_000_000), (14, 70_711));
    }

    #[test]
    fn proposals_depend_on_the_seed_but_not_on_threads() {
        let image = noise(80, 60);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| propose(&image, &Config::default(), 5, "a").unwrap())
        };
        assert_eq!(on(1), on(3));
        assert_ne!(on(1), propose(&image, &Config::default(), 6, "a").unwrap());
        assert_ne!(on(1), propose(&image, &Config::default(), 5, "b").unwrap());
    }

    #[test]
    fn boxes_are_unique_and_a_maximum_keeps_the_best() {
        let image = noise(80, 60);
        let all = propose(&image, &Config::default(), 0, "test").unwrap();
        let few = propose(&image, &Config { max: 10, ..Config::default() }, 0, "test").unwrap();
        assert_eq!(all[..10], few);
        assert!(all.is_sorted_by(|a, b| a.score > b.score));
        let mut boxes: Vec<[u64; 4]> = all.iter().map(|p| <[f64; 4]>::from(p.bbox).map(f64::to_bits)).collect();
        boxes.sort_unstable();
        boxes.dedup();
        assert_eq!(boxes.len(), all.len());
    }
}
