//! The properties of a region for grouping: size, box, and histograms of color and texture (section 3.2).

use rayon::prelude::*;

use super::color::Planes;
use super::gaussian;
use super::segmentation::{Joined, Segmentations};
use crate::wide::wide;

const COLOR_BINS: usize = 25;
const ORIENTATIONS: usize = 8;
const TEXTURE_BINS: usize = 10;
const TEXTURE_SIGMA: f32 = 1.0;
/// Histograms are padded with zeros to a multiple of this, for vector instructions.
pub(super) const LANES: usize = 8;

/// Size and position of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Pixels.
    pub(super) size: u32,
    /// Left, top, right, bottom in pixels; right and bottom are one past the last pixel.
    pub(super) edges: [u32; 4],
}

impl Extent {
    /// No pixel.
    const NONE: Self = Self { size: 0, edges: [u32::MAX, u32::MAX, 0, 0] };

    pub(super) fn join(&self, other: &Self) -> Self {
        let (a, b) = (self.edges, other.edges);
        let edges = [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])];
        Self { size: self.size + other.size, edges }
    }

    pub(super) fn box_area(&self) -> f32 {
        let [x1, y1, x2, y2] = self.edges;
        (x2 - x1) as f32 * (y2 - y1) as f32
    }
}

/// The regions of a segmentation.
pub(super) struct Regions {
    pub(super) extents: Vec<Extent>,
    /// Pairs of regions that touch, at least at a corner, each once, lower number first, sorted.
    pub(super) neighbors: Vec<(u32, u32)>,
    /// For each region a row of color bins, then texture bins; each part sums to 1.
    pub(super) histograms: Vec<f32>,
    /// Length of the color part of a row.
    pub(super) color_bins: usize,
    /// Length of the texture part of a row.
    pub(super) texture_bins: usize,
    /// Pixels of the image.
    pub(super) image_size: u32,
}

impl Regions {
    /// The regions for each threshold. The properties of a region are sums over its parts.
    pub(super) fn of(planes: &Planes, segmentations: &Segmentations) -> Vec<Self> {
        let channels = planes.channels.len();
        let color_bins = (channels * COLOR_BINS).next_multiple_of(LANES);
        let texture_bins = (channels * ORIENTATIONS * TEXTURE_BINS).next_multiple_of(LANES);
        let row = color_bins + texture_bins;
        let parts = extents(segmentations);
        let mut counts = vec![0_u32; parts.len() * row];
        let derivatives = |plane: &Vec<f32>| gaussian::derivatives(plane, planes.width, planes.height, TEXTURE_SIGMA);
        let textures: Vec<_> = planes.channels.par_iter().map(derivatives).collect();
        let most = strongest(&textures);
        for (channel, (plane, (along_x, along_y))) in planes.channels.iter().zip(&textures).enumerate() {
            let (colors, textures) = (channel * COLOR_BINS, color_bins + channel * ORIENTATIONS * TEXTURE_BINS);
            let pixels = segmentations.parts.chunks_exact(planes.width).zip(plane.chunks_exact(planes.width));
            let slopes = along_x.chunks_exact(planes.width).zip(along_y.chunks_exact(planes.width));
            let mut bins = Bins::new(planes.width);
            for ((parts, values), (along_x, along_y)) in pixels.zip(slopes) {
                fill(&mut bins, values, along_x, along_y, most);
                for (x, part) in parts.iter().enumerate() {
                    let counts = &mut counts[*part as usize * row..][..row];
                    counts[colors + bins.color[x] as usize] += 1;
                    bins.texture.iter().for_each(|axis| counts[textures + axis[x] as usize] += 1);
                }
            }
        }
        let of_threshold = |joined: &Joined| {
            let mut extents = vec![Extent::NONE; joined.count];
            let mut sums = vec![0; joined.count * row];
            for ((region, extent), counts) in joined.region_of.iter().zip(&parts).zip(counts.chunks_exact(row)) {
                let region = *region as usize;
                extents[region] = extents[region].join(extent);
                sums[region * row..][..row].iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            }
            let mut histograms = Vec::with_capacity(sums.len());
            for (counts, extent) in sums.chunks_exact_mut(row).zip(&extents) {
                let size = (extent.size as usize * channels) as f32;
                let (color, texture) = counts.split_at_mut(color_bins);
                for orientation in texture.chunks_exact_mut(TEXTURE_BINS).take(channels * ORIENTATIONS) {
                    orientation[0] = extent.size - orientation[1..].iter().sum::<u32>();
                }
                histograms.extend(color.iter().map(|count| *count as f32 / size));
                histograms.extend(texture.iter().map(|count| *count as f32 / (size * ORIENTATIONS as f32)));
            }
            let regions = |(a, b): &(u32, u32)| (joined.region_of[*a as usize], joined.region_of[*b as usize]);
            let mut neighbors: Vec<(u32, u32)> = (segmentations.touching.iter().map(regions))
                .filter(|(a, b)| a != b)
                .map(|(a, b)| (a.min(b), a.max(b)))
                .collect();
            neighbors.sort_unstable();
            neighbors.dedup();
            let image_size = segmentations.parts.len() as u32;
            Self { extents, neighbors, histograms, color_bins, texture_bins, image_size }
        };
        segmentations.regions.par_iter().map(of_threshold).collect()
    }
}

/// The bins of a row of pixels in one channel.
struct Bins {
    color: Vec<i32>,
    /// For each of the four axes, a bin of the orientation along or against it, whichever the derivative points to. It
    /// adds only to higher bins than the first one of the other orientation; the first bins are counted as the
    /// remainder.
    texture: [Vec<i32>; ORIENTATIONS / 2],
}

impl Bins {
    fn new(width: usize) -> Self {
        Self { color: vec![0; width], texture: [(); ORIENTATIONS / 2].map(|()| vec![0; width]) }
    }
}

wide! {
    /// Fills the bins of a row: of its values, and of its slopes, of which `most` is the strongest.
    fn fill(bins: &mut Bins, values: &[f32], along_x: &[f32], along_y: &[f32], most: f32) {
        bins.color.iter_mut().zip(values).for_each(|(place, value)| *place = bin(*value, 256.0, COLOR_BINS));
        for (axis, places) in bins.texture.iter_mut().enumerate() {
            for (place, (x, y)) in places.iter_mut().zip(along_x.iter().zip(along_y)) {
                let response = responses(*x, *y)[axis];
                let against = if response < 0.0 { ORIENTATIONS / 2 } else { 0 };
                *place = ((axis + against) * TEXTURE_BINS) as i32 + bin(response.abs(), most, TEXTURE_BINS);
            }
        }
    }
}

/// Gaussian derivatives along four axes, 45 degrees apart: where one is negative, its opposite is positive.
#[inline(always)]
fn responses(along_x: f32, along_y: f32) -> [f32; ORIENTATIONS / 2] {
    let (rising, falling) =
        ((along_x + along_y) * std::f32::consts::FRAC_1_SQRT_2, (along_y - along_x) * std::f32::consts::FRAC_1_SQRT_2);
    [along_x, rising, along_y, falling]
}

wide! {
    /// The strongest response in the image: the range of the texture bins.
    fn strongest(textures: &[(Vec<f32>, Vec<f32>)]) -> f32 {
        let mut most = [f32::MIN_POSITIVE; ORIENTATIONS / 2];
        for (along_x, along_y) in textures {
            for (x, y) in along_x.iter().zip(along_y) {
                for (most, response) in most.iter_mut().zip(responses(*x, *y)) {
                    *most = if response.abs() > *most { response.abs() } else { *most };
                }
            }
        }
        most.into_iter().fold(f32::MIN_POSITIVE, f32::max)
    }
}

#[inline(always)]
fn bin(value: f32, range: f32, bins: usize) -> i32 {
    ((value * bins as f32 / range) as i32).min(bins as i32 - 1)
}

fn extents(segmentations: &Segmentations) -> Vec<Extent> {
    let count = segmentations.parts.iter().max().map_or(0, |last| *last as usize + 1);
    let mut extents = vec![Extent::NONE; count];
    for (y, row) in segmentations.parts.chunks_exact(segmentations.width).enumerate() {
        for (x, part) in row.iter().enumerate() {
            let pixel = Extent { size: 1, edges: [x as u32, y as u32, x as u32 + 1, y as u32 + 1] };
            let extent = &mut extents[*part as usize];
            *extent = extent.join(&pixel);
        }
    }
    extents
}
