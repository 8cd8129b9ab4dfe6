//! What grouping knows of a region: its size, its box, and histograms of its colour and texture (section 3.2).

use super::color::Planes;
use super::gaussian;
use super::segmentation::Segmentation;

const COLOR_BINS: usize = 25;
const ORIENTATIONS: usize = 8;
const TEXTURE_BINS: usize = 10;
const TEXTURE_SIGMA: f32 = 1.0;
/// Histograms are filled up with zeros to whole numbers of these, for the sake of vector units.
pub(super) const LANES: usize = 8;

/// Size and place of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Pixels.
    pub(super) size: u32,
    /// Left, top, right, bottom in pixels; right and bottom are one past the last pixel.
    pub(super) edges: [u32; 4],
}

impl Extent {
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
    /// Pairs of regions that touch, at a corner at least, each once, the lower number first, sorted.
    pub(super) neighbors: Vec<(u32, u32)>,
    /// For each region a row of colour bins, then texture bins; either part sums to 1.
    pub(super) histograms: Vec<f32>,
    /// Length of the colour part of a row.
    pub(super) color_bins: usize,
    /// Length of the texture part of a row.
    pub(super) texture_bins: usize,
    /// Pixels of the picture.
    pub(super) picture_size: u32,
}

impl Regions {
    /// The regions of segmentations of the same picture; what does not depend on the segmentation is computed once.
    pub(super) fn of(planes: &Planes, segmentations: &[Segmentation]) -> Vec<Self> {
        let channels = planes.channels.len();
        let color_bins = (channels * COLOR_BINS).next_multiple_of(LANES);
        let texture_bins = (channels * ORIENTATIONS * TEXTURE_BINS).next_multiple_of(LANES);
        let row = color_bins + texture_bins;
        let mut counts: Vec<Vec<u32>> =
            segmentations.iter().map(|segmentation| vec![0; segmentation.count * row]).collect();
        let textures: Vec<_> = planes
            .channels
            .iter()
            .map(|plane| gaussian::derivatives(plane, planes.width, planes.height, TEXTURE_SIGMA))
            .collect();
        let most = strongest(&textures);
        for (channel, (plane, (along_x, along_y))) in planes.channels.iter().zip(&textures).enumerate() {
            let first_texture = color_bins + channel * ORIENTATIONS * TEXTURE_BINS;
            for (pixel, value) in plane.iter().enumerate() {
                let color = channel * COLOR_BINS + bin(*value, 256.0, COLOR_BINS);
                let mut texture = [0; ORIENTATIONS];
                for (orientation, response) in responses(along_x[pixel], along_y[pixel]).into_iter().enumerate() {
                    let bin = bin(response, most, TEXTURE_BINS);
                    texture[orientation] = first_texture + orientation * TEXTURE_BINS + bin;
                }
                for (counts, segmentation) in counts.iter_mut().zip(segmentations) {
                    let at = segmentation.labels[pixel] as usize * row;
                    let counts = &mut counts[at..at + row];
                    counts[color] += 1;
                    texture.iter().for_each(|bin| counts[*bin] += 1);
                }
            }
        }
        let normalized = |(counts, segmentation): (Vec<u32>, &Segmentation)| {
            let extents = extents(segmentation);
            let mut histograms = Vec::with_capacity(counts.len());
            for (counts, extent) in counts.chunks_exact(row).zip(&extents) {
                let size = (extent.size as usize * channels) as f32;
                let (color, texture) = counts.split_at(color_bins);
                histograms.extend(color.iter().map(|count| *count as f32 / size));
                histograms.extend(texture.iter().map(|count| *count as f32 / (size * ORIENTATIONS as f32)));
            }
            let picture_size = segmentation.labels.len() as u32;
            let neighbors = neighbors(segmentation);
            Self { extents, neighbors, histograms, color_bins, texture_bins, picture_size }
        };
        counts.into_iter().zip(segmentations).map(normalized).collect()
    }
}

/// Gaussian derivatives in eight orientations, 45 degrees apart, each where it is positive.
fn responses(along_x: f32, along_y: f32) -> [f32; ORIENTATIONS] {
    let (rising, falling) =
        ((along_x + along_y) * std::f32::consts::FRAC_1_SQRT_2, (along_y - along_x) * std::f32::consts::FRAC_1_SQRT_2);
    [along_x, rising, along_y, falling, -along_x, -rising, -along_y, -falling].map(|response| response.max(0.0))
}

/// The strongest response in the picture: the range of the texture bins.
fn strongest(textures: &[(Vec<f32>, Vec<f32>)]) -> f32 {
    let gradients = textures.iter().flat_map(|(along_x, along_y)| along_x.iter().zip(along_y));
    gradients.flat_map(|(x, y)| responses(*x, *y)).fold(f32::MIN_POSITIVE, f32::max)
}

fn bin(value: f32, range: f32, bins: usize) -> usize {
    ((value * bins as f32 / range) as usize).min(bins - 1)
}

fn extents(segmentation: &Segmentation) -> Vec<Extent> {
    let mut extents = vec![Extent { size: 0, edges: [u32::MAX, u32::MAX, 0, 0] }; segmentation.count];
    for (y, row) in segmentation.labels.chunks_exact(segmentation.width).enumerate() {
        for (x, label) in row.iter().enumerate() {
            let pixel = Extent { size: 1, edges: [x as u32, y as u32, x as u32 + 1, y as u32 + 1] };
            let extent = &mut extents[*label as usize];
            *extent = extent.join(&pixel);
        }
    }
    extents
}

fn neighbors(segmentation: &Segmentation) -> Vec<(u32, u32)> {
    let (width, height, labels) = (segmentation.width, segmentation.height, &segmentation.labels);
    let mut pairs = Vec::new();
    let mut meet = |a: u32, b: u32| {
        let pair = (a.min(b), a.max(b));
        // Along a border the same two meet again and again.
        if a != b && pairs.last() != Some(&pair) {
            pairs.push(pair);
        }
    };
    for y in 0..height {
        for x in 0..width {
            let here = labels[y * width + x];
            let right = x + 1 < width;
            if right {
                meet(here, labels[y * width + x + 1]);
            }
            if y + 1 < height {
                let below = (y + 1) * width + x;
                meet(here, labels[below]);
                if right {
                    meet(here, labels[below + 1]);
                    meet(labels[y * width + x + 1], labels[below]);
                }
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}
