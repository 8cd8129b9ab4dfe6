//! Hierarchical grouping (algorithm 1): joins the two most similar neighbors until the image is one region.
//!
//! The similarities of neighbors are in a heap. Joining two regions makes a new one with a new number; entries of the
//! old ones in the heap and in the lists of neighbors are skipped, and removed when they become the majority, so that
//! memory stays proportional to the number of regions.

use std::collections::BinaryHeap;

use super::regions::{Extent, LANES, Regions};
use super::strategy::Similarities;

/// The extents of all regions of the hierarchy in the order of their creation: first the initial ones, last the whole
/// image.
pub(super) fn group(regions: &Regions, similarities: Similarities) -> Vec<Extent> {
    let mut grouping = Grouping::new(regions, similarities);
    while let Some(pair) = grouping.queue.pop() {
        let (a, b) = pair.regions();
        if grouping.alive[a as usize] && grouping.alive[b as usize] {
            grouping.join(a, b);
        }
    }
    grouping.extents
}

/// A pair of neighbors as one number. The greatest is the most similar; among equals, the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair(u128);

impl Pair {
    fn new(similarity: f32, a: u32, b: u32) -> Self {
        // Numbers in the same order as the floats: all bits of negative ones are flipped, only the sign of the others.
        let bits = similarity.to_bits();
        let rising = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        Self(u128::from(rising) << 64 | u128::from(!a) << 32 | u128::from(!b))
    }

    fn regions(self) -> (u32, u32) {
        (!((self.0 >> 32) as u32), !(self.0 as u32))
    }
}

struct Grouping {
    similarities: Similarities,
    image_size: f32,
    extents: Vec<Extent>,
    alive: Vec<bool>,
    neighbors: Vec<Vec<u32>>,
    /// A joined region takes over the row of its first part. Empty if neither color nor texture is used.
    histograms: Vec<f32>,
    row: Vec<u32>,
    color_bins: usize,
    row_length: usize,
    queue: BinaryHeap<Pair>,
    /// The length at which pairs with a removed region are cleared from the queue.
    queue_limit: usize,
    /// The last region whose neighbors were collected and included this one.
    gathered_for: Vec<u32>,
}

impl Grouping {
    fn new(regions: &Regions, similarities: Similarities) -> Self {
        let count = regions.extents.len();
        let needs_histograms = similarities.color || similarities.texture;
        let mut grouping = Self {
            similarities,
            image_size: regions.image_size as f32,
            extents: regions.extents.clone(),
            alive: vec![true; count],
            neighbors: vec![Vec::new(); count],
            histograms: if needs_histograms { regions.histograms.clone() } else { Vec::new() },
            row: (0..count as u32).collect(),
            color_bins: regions.color_bins,
            row_length: regions.color_bins + regions.texture_bins,
            queue: BinaryHeap::new(),
            queue_limit: 4 * regions.neighbors.len() + 1024,
            gathered_for: vec![u32::MAX; count],
        };
        for (a, b) in &regions.neighbors {
            grouping.neighbors[*a as usize].push(*b);
            grouping.neighbors[*b as usize].push(*a);
        }
        let pair = |(a, b): &(u32, u32)| Pair::new(grouping.similarity(*a, *b), *a, *b);
        grouping.queue = regions.neighbors.iter().map(pair).collect::<Vec<_>>().into();
        grouping
    }

    fn join(&mut self, a: u32, b: u32) {
        let joined = self.extents.len() as u32;
        self.join_histograms(a, b);
        self.extents.push(self.extents[a as usize].join(&self.extents[b as usize]));
        self.row.push(self.row[a as usize]);
        self.alive[a as usize] = false;
        self.alive[b as usize] = false;
        self.alive.push(true);
        self.gathered_for.push(u32::MAX);

        let mut around = std::mem::take(&mut self.neighbors[a as usize]);
        around.append(&mut self.neighbors[b as usize]);
        around.retain(|neighbor| {
            let first = std::mem::replace(&mut self.gathered_for[*neighbor as usize], joined) != joined;
            first && self.alive[*neighbor as usize]
        });
        for neighbor in &around {
            self.queue.push(Pair::new(self.similarity(*neighbor, joined), *neighbor, joined));
            let theirs = &mut self.neighbors[*neighbor as usize];
            // Remove joined regions before the list would have to grow.
            if theirs.len() == theirs.capacity() {
                theirs.retain(|other| self.alive[*other as usize]);
                theirs.reserve(theirs.len() + 4);
            }
            theirs.push(joined);
        }
        self.neighbors.push(around);
        if self.queue.len() > self.queue_limit {
            let alive = &self.alive;
            self.queue.retain(|pair| {
                let (a, b) = pair.regions();
                alive[a as usize] && alive[b as usize]
            });
            self.queue_limit = 4 * self.queue.len() + 1024;
        }
    }

    /// The histogram of the joined region is the mean of its parts', weighted by their sizes; it takes the place of
    /// a's.
    fn join_histograms(&mut self, a: u32, b: u32) {
        if self.histograms.is_empty() {
            return;
        }
        let (size_a, size_b) = (self.extents[a as usize].size as f32, self.extents[b as usize].size as f32);
        let (weight_a, weight_b) = (size_a / (size_a + size_b), size_b / (size_a + size_b));
        let (start_a, start_b) =
            (self.row[a as usize] as usize * self.row_length, self.row[b as usize] as usize * self.row_length);
        for bin in 0..self.row_length {
            self.histograms[start_a + bin] =
                weight_a * self.histograms[start_a + bin] + weight_b * self.histograms[start_b + bin];
        }
    }

    /// The sum of the selected similarities, each from 0 to 1 (equations 1 to 6).
    fn similarity(&self, a: u32, b: u32) -> f32 {
        let (extent_a, extent_b) = (&self.extents[a as usize], &self.extents[b as usize]);
        let sizes = extent_a.size as f32 + extent_b.size as f32;
        let mut sum = 0.0;
        if self.similarities.color || self.similarities.texture {
            let (color_a, texture_a) = self.histogram(a);
            let (color_b, texture_b) = self.histogram(b);
            if self.similarities.color {
                sum += intersection(color_a, color_b);
            }
            if self.similarities.texture {
                sum += intersection(texture_a, texture_b);
            }
        }
        if self.similarities.size {
            sum += 1.0 - sizes / self.image_size;
        }
        if self.similarities.fill {
            sum += 1.0 - (extent_a.join(extent_b).box_area() - sizes) / self.image_size;
        }
        sum
    }

    fn histogram(&self, region: u32) -> (&[f32], &[f32]) {
        let start = self.row[region as usize] as usize * self.row_length;
        self.histograms[start..start + self.row_length].split_at(self.color_bins)
    }
}

/// The sum of the bins' minima, in lanes: a plain sum of floats has a fixed order and cannot be vectorized.
fn intersection(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            sums[lane] += if a[lane] < b[lane] { a[lane] } else { b[lane] };
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::super::color::Planes;
    use super::super::segmentation::Graph;
    use super::super::strategy::{ColorSpace, Mode};
    use super::*;

    fn regions() -> Regions {
        let mut state = 7_u32;
        let image = image::RgbImage::from_fn(97, 71, |x, y| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let flat = (x / 13 * 31 + y / 11 * 57) as u8;
            image::Rgb([flat, flat.wrapping_mul(3), (state >> 26) as u8 + flat / 2])
        });
        let planes = Planes::of(&image, ColorSpace::Hsv);
        let segmentation = Graph::new(&planes, 0.8).segment(&[30.0], 50);
        Regions::of(&planes, &segmentation).remove(0)
    }

    /// Follows `found` through algorithm 1 as in the paper, recomputing all similarities at each step, and fails if a
    /// joined pair was not the most similar one, up to rounding.
    fn check(found: &[Extent], regions: &Regions, similarities: Similarities) {
        let row = regions.color_bins + regions.texture_bins;
        let mut extents = regions.extents.clone();
        let mut histograms: Vec<Vec<f32>> = regions.histograms.chunks(row).map(<[f32]>::to_vec).collect();
        let mut touching = regions.neighbors.clone();
        let image = regions.image_size as f32;
        assert_eq!(found[..extents.len()], extents);
        while !touching.is_empty() {
            let similarity = |&(a, b): &(u32, u32)| {
                let (a, b) = (a as usize, b as usize);
                let shared = |bins: std::ops::Range<usize>| -> f32 {
                    bins.map(|bin| histograms[a][bin].min(histograms[b][bin])).sum()
                };
                let sizes = (extents[a].size + extents[b].size) as f32;
                let terms = [
                    (similarities.color, shared(0..regions.color_bins)),
                    (similarities.texture, shared(regions.color_bins..row)),
                    (similarities.size, 1.0 - sizes / image),
                    (similarities.fill, 1.0 - (extents[a].join(&extents[b]).box_area() - sizes) / image),
                ];
                terms.iter().filter(|(is_used, _)| *is_used).map(|(_, term)| term).sum::<f32>()
            };
            let joined = extents.len();
            let joins = |(a, b): &&(u32, u32)| extents[*a as usize].join(&extents[*b as usize]) == found[joined];
            let by_similarity = |p: &&(u32, u32), q: &&(u32, u32)| similarity(p).total_cmp(&similarity(q));
            let best = touching.iter().max_by(by_similarity).unwrap();
            let (a, b) = *touching.iter().filter(joins).max_by(by_similarity).expect("a pair of neighbors was joined");
            let lost = similarity(best) - similarity(&(a, b));
            assert!(lost < 1e-5, "{similarities:?}: joined {a} and {b}, but {best:?} are more similar by {lost}");

            let (a_size, b_size) = (extents[a as usize].size as f32, extents[b as usize].size as f32);
            let mean = histograms[a as usize].iter().zip(&histograms[b as usize]);
            let mean = mean.map(|(p, q)| (a_size * p + b_size * q) / (a_size + b_size)).collect();
            histograms.push(mean);
            extents.push(found[joined]);
            let renamed = |region: u32| if region == a || region == b { joined as u32 } else { region };
            touching = touching.iter().map(|(p, q)| (renamed(*p), renamed(*q))).filter(|(p, q)| p != q).collect();
        }
        assert_eq!(found.len(), extents.len());
    }

    #[test]
    fn the_hierarchy_equals_that_of_the_papers_algorithm() {
        let regions = regions();
        assert!(regions.extents.len() > 20, "{}", regions.extents.len());
        for similarities in Mode::Quality.similarities() {
            let found = group(&regions, *similarities);
            check(&found, &regions, *similarities);
            assert_eq!(found.len(), 2 * regions.extents.len() - 1);
            assert_eq!(found.last().unwrap().edges, [0, 0, 97, 71]);
        }
    }

    #[test]
    fn the_intersection_of_a_histogram_with_itself_is_1() {
        let regions = regions();
        let grouping = Grouping::new(&regions, super::super::strategy::CTSF);
        for region in 0..regions.extents.len() as u32 {
            let (color, texture) = grouping.histogram(region);
            assert!((intersection(color, color) - 1.0).abs() < 1e-5);
            assert!((intersection(texture, texture) - 1.0).abs() < 1e-5);
        }
    }
}
