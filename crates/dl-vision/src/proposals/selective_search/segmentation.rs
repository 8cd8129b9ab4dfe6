//! The initial regions: Felzenszwalb and Huttenlocher, "Efficient graph-based image segmentation", IJCV 2004.
//!
//! Pixels are nodes, joined to their eight neighbors by edges whose weight is the color difference in the smoothed
//! image. Edges are processed by increasing weight; an edge joins two regions unless it is heavier than the heaviest
//! edge of either region plus k / its size.
//!
//! Several k share most of the work. The edges do not depend on k, and an edge that joins regions for the least k does
//! so for all. So the image is first divided into *patches* for all k at once: as soon as an edge of a patch is
//! rejected for the least k, or leads to such a patch, the patch is complete, and its regions are determined for each k
//! separately ([`Patches::segment`]). There, only the first of the edges between the same two patches counts: a region
//! that rejects an edge also rejects all later ones, which are heavier, and so never grows again.

use rayon::prelude::*;

use super::color::Planes;
use super::gaussian;
use crate::wide::wide;

/// The eight neighbors, each pair once: right, down, down right, up right.
const DIRECTIONS: [(usize, isize); 4] = [(1, 0), (0, 1), (1, 1), (1, -1)];

/// How many edges are processed at once.
const BLOCK: usize = 64;

/// The edges of an image's pixels, by increasing weight.
pub(super) struct Graph {
    width: usize,
    height: usize,
    edges: Vec<Edge>,
}

#[derive(Clone, Copy, Default)]
struct Edge {
    /// Color difference, as bits: those of positive floats sort like the floats.
    weight: u32,
    /// Pixel times 4 plus direction.
    place: u32,
}

/// The image's regions for several thresholds.
pub(super) struct Segmentations {
    pub(super) width: usize,
    /// For each pixel, row by row, the number of its part: the parts are the largest pieces that no threshold divides.
    /// Numbered from 0, in the order of their first pixels.
    pub(super) parts: Vec<u32>,
    /// Pairs of parts that touch, at least at a corner, each at least once.
    pub(super) touching: Vec<(u32, u32)>,
    /// The regions for each threshold.
    pub(super) regions: Vec<Joined>,
}

/// Regions as unions of smaller pieces.
pub(super) struct Joined {
    /// The region of each piece: from 0, in the order in which the regions first occur, row by row.
    pub(super) region_of: Vec<u32>,
    /// How many regions.
    pub(super) count: usize,
}

/// Pieces of the image that belong to one region for every k.
struct Patches {
    /// The patch of each pixel, numbered from 0 in the order of their first pixels.
    patch_of: Vec<u32>,
    sets: Vec<Set>,
    /// The lightest edge between each pair of touching patches, by increasing weight.
    borders: Vec<Border>,
}

#[derive(Clone, Copy)]
struct Border {
    weight: f32,
    a: u32,
    b: u32,
}

impl Graph {
    /// Smooths by `sigma` pixels and weighs all edges by the Euclidean color difference. A single channel counts three
    /// times, so that the same k works for all color spaces.
    pub(super) fn new(planes: &Planes, sigma: f32) -> Self {
        let (width, height) = (planes.width, planes.height);
        let smooth: Vec<Vec<f32>> =
            planes.channels.iter().map(|plane| gaussian::smooth(plane, width, height, sigma)).collect();
        let mut edges = Vec::with_capacity(DIRECTIONS.len() * width * height);
        // A row of weights for each direction.
        let mut weights = DIRECTIONS.map(|_| vec![0.0; width]);
        for y in 0..height {
            for ((right, down), weights) in DIRECTIONS.iter().zip(&mut weights) {
                let below = y.checked_add_signed(*down).filter(|below| *below < height);
                // Edges must not lead out of the image.
                let inside = below.map_or(0, |_| width - right);
                weights[inside..].fill(f32::NAN);
                if let Some(below) = below {
                    let (from, to) = (y * width, below * width + right);
                    color_differences(&smooth, from, to, &mut weights[..inside]);
                }
            }
            for x in 0..width {
                for (direction, weights) in weights.iter().enumerate() {
                    if !weights[x].is_nan() {
                        let place = ((y * width + x) * DIRECTIONS.len() + direction) as u32;
                        edges.push(Edge { weight: weights[x].to_bits(), place });
                    }
                }
            }
        }
        sort_by_weight(&mut edges);
        Self { width, height, edges }
    }

    /// Regions for the thresholds `ks`; those smaller than `min_size` pixels are joined to their most similar neighbor.
    pub(super) fn segment(&self, ks: &[f32], min_size: u32) -> Segmentations {
        let least = ks.iter().copied().fold(f32::INFINITY, f32::min);
        let patches = self.patches(least);
        let by_patch: Vec<Joined> = ks.par_iter().map(|k| patches.segment(*k, min_size)).collect();

        // A part is a set of patches that belong to the same region for every k.
        let mut part_of = vec![0; patches.sets.len()];
        let mut count = 1;
        for joined in &by_patch {
            let mut cuts = Pairs::new();
            part_of.iter_mut().zip(&joined.region_of).for_each(|(part, region)| *part = cuts.number(*part, *region));
            count = cuts.count as usize;
        }
        let regions = by_patch.into_iter().map(|joined| {
            let mut region_of = vec![0; count];
            part_of.iter().zip(joined.region_of).for_each(|(part, region)| region_of[*part as usize] = region);
            Joined { region_of, count: joined.count }
        });
        let parts_of = |border: &Border| (part_of[border.a as usize], part_of[border.b as usize]);
        Segmentations {
            width: self.width,
            parts: patches.patch_of.iter().map(|patch| part_of[*patch as usize]).collect(),
            touching: patches.borders.iter().map(parts_of).filter(|(a, b)| a != b).collect(),
            regions: regions.collect(),
        }
    }

    /// Joins everything that all thresholds from `k` on join.
    fn patches(&self, k: f32) -> Patches {
        let count = self.width * self.height;
        let mut forest = Forest::new(vec![Set::pixel(k); count]);
        let steps = DIRECTIONS.map(|(right, down)| (right as isize + down * self.width as isize) as i32);
        let mut borders = Vec::new();
        let mut open = [Border { weight: 0.0, a: 0, b: 0 }; BLOCK];
        for edges in self.edges.chunks(BLOCK) {
            // Most edges are inside a region, and most pixels are direct children of its root. These are skipped a
            // block at a time, without a branch, so that the processor need not wait for one pixel's parent before the
            // next.
            let mut count = 0;
            for edge in edges {
                let a = edge.place / DIRECTIONS.len() as u32;
                let b = a.wrapping_add_signed(steps[edge.place as usize % DIRECTIONS.len()]);
                open[count] = Border { weight: f32::from_bits(edge.weight), a, b };
                count += usize::from(forest.parent[a as usize] != forest.parent[b as usize]);
            }
            for Border { weight, a, b } in open[..count].iter().copied() {
                let Some((a, b)) = forest.apart(a, b) else { continue };
                if forest.may_join(a, b, weight) {
                    forest.join(a, b, weight, k);
                } else {
                    // From here on, no edge is light enough to join these.
                    forest.sets[a as usize].threshold = -1.0;
                    forest.sets[b as usize].threshold = -1.0;
                    borders.push(Border { weight, a, b });
                }
            }
        }
        let patches = forest.numbered();
        let mut sets = vec![Set::pixel(k); patches.count];
        for (pixel, patch) in patches.region_of.iter().enumerate() {
            if forest.parent[pixel] == pixel as u32 {
                sets[*patch as usize] = forest.sets[pixel];
            }
        }
        let mut seen = Pairs::new();
        borders.retain_mut(|border| {
            let [a, b] = [border.a, border.b].map(|root| patches.region_of[root as usize]);
            (border.a, border.b) = (a.min(b), a.max(b));
            let known = seen.count;
            seen.number(border.a, border.b) == known
        });
        Patches { patch_of: patches.region_of, sets, borders }
    }
}

impl Patches {
    /// The regions for this k, as unions of patches.
    fn segment(&self, k: f32, min_size: u32) -> Joined {
        let mut forest = Forest::new(self.sets.iter().map(|set| set.with(k)).collect());
        for border in &self.borders {
            let Some((a, b)) = forest.apart(border.a, border.b) else { continue };
            if forest.may_join(a, b, border.weight) {
                forest.join(a, b, border.weight, k);
            }
        }
        for border in &self.borders {
            let Some((a, b)) = forest.apart(border.a, border.b) else { continue };
            if forest.sets[a as usize].size.min(forest.sets[b as usize].size) < min_size {
                forest.join(a, b, border.weight, k);
            }
        }
        forest.numbered()
    }
}

wide! {
    /// The Euclidean distances between the colors of the pixels starting at `from` and those starting at `to`. A single
    /// channel counts three times.
    fn color_differences(channels: &[Vec<f32>], from: usize, to: usize, differences: &mut [f32]) {
        differences.fill(0.0);
        for channel in channels {
            let pairs = channel[from..].iter().zip(&channel[to..]);
            differences.iter_mut().zip(pairs).for_each(|(sum, (a, b))| *sum += (a - b).powi(2));
        }
        let scale = 3.0 / channels.len() as f32;
        differences.iter_mut().for_each(|sum| *sum = (scale * *sum).sqrt());
    }
}

/// Least significant digit first, 11 bits at a time: stable, so ties keep the order of the pixels.
fn sort_by_weight(edges: &mut Vec<Edge>) {
    const BITS: u32 = 11;
    const SIZE: usize = 1 << BITS;
    let digit = |edge: &Edge, place: usize| (edge.weight >> (BITS * place as u32)) as usize % SIZE;
    let mut counts = [[0_u32; SIZE]; 3];
    for edge in edges.iter() {
        for (place, counts) in counts.iter_mut().enumerate() {
            counts[digit(edge, place)] += 1;
        }
    }
    let mut sorted = vec![Edge::default(); edges.len()];
    for (place, next) in counts.iter_mut().enumerate() {
        let mut start = 0;
        for slot in next.iter_mut() {
            start += std::mem::replace(slot, start);
        }
        for edge in edges.iter() {
            let slot = &mut next[digit(edge, place)];
            sorted[*slot as usize] = *edge;
            *slot += 1;
        }
        std::mem::swap(edges, &mut sorted);
    }
}

/// Disjoint sets of nodes.
struct Forest {
    parent: Vec<u32>,
    /// The set of each root.
    sets: Vec<Set>,
}

#[derive(Clone, Copy)]
struct Set {
    /// Pixels.
    size: u32,
    /// The heaviest edge inside; below 0 for a single pixel.
    heaviest: f32,
    /// The heaviest edge that can still join the set.
    threshold: f32,
}

impl Set {
    fn pixel(k: f32) -> Self {
        Self { size: 1, heaviest: -1.0, threshold: k }
    }

    /// The same set for another k.
    fn with(self, k: f32) -> Self {
        let threshold = if self.heaviest < 0.0 { k } else { self.heaviest + k / self.size as f32 };
        Self { threshold, ..self }
    }
}

impl Forest {
    fn new(sets: Vec<Set>) -> Self {
        Self { parent: (0..sets.len() as u32).collect(), sets }
    }

    fn root(&mut self, mut node: u32) -> u32 {
        while self.parent[node as usize] != node {
            let above = self.parent[self.parent[node as usize] as usize];
            self.parent[node as usize] = above;
            node = above;
        }
        node
    }

    /// The roots of two nodes, unless they are the same.
    #[inline]
    fn apart(&mut self, a: u32, b: u32) -> Option<(u32, u32)> {
        if self.parent[a as usize] == self.parent[b as usize] {
            return None;
        }
        let (a, b) = (self.root(a), self.root(b));
        (a != b).then_some((a, b))
    }

    fn may_join(&self, a: u32, b: u32, weight: f32) -> bool {
        weight <= self.sets[a as usize].threshold && weight <= self.sets[b as usize].threshold
    }

    /// Joins two roots by an edge of this weight; the larger one stays the root.
    fn join(&mut self, a: u32, b: u32, weight: f32, k: f32) {
        let (size_a, size_b) = (self.sets[a as usize].size, self.sets[b as usize].size);
        let (root, leaf) = if size_a >= size_b { (a, b) } else { (b, a) };
        self.parent[leaf as usize] = root;
        self.sets[root as usize] = Set { size: size_a + size_b, heaviest: weight, threshold: 0.0 }.with(k);
    }

    /// Numbers the sets in the order of their first nodes.
    fn numbered(&mut self) -> Joined {
        const NONE: u32 = u32::MAX;
        let mut number_of_root = vec![NONE; self.parent.len()];
        let mut count = 0;
        let region_of = (0..self.parent.len() as u32).map(|node| {
            let number = &mut number_of_root[self.root(node) as usize];
            if *number == NONE {
                *number = count;
                count += 1;
            }
            *number
        });
        Joined { region_of: region_of.collect(), count: count as usize }
    }
}

/// Numbers pairs in the order of their first occurrence, in a hash table with open addressing.
struct Pairs {
    /// A pair, and its number.
    slots: Vec<(u64, u32)>,
    count: u32,
}

impl Pairs {
    /// No pair: no number is this large.
    const EMPTY: (u64, u32) = (u64::MAX, 0);

    fn new() -> Self {
        Self { slots: vec![Self::EMPTY; 1 << 12], count: 0 }
    }

    fn number(&mut self, a: u32, b: u32) -> u32 {
        let pair = u64::from(a) << 32 | u64::from(b);
        let slot = self.slot(pair);
        if self.slots[slot].0 == pair {
            return self.slots[slot].1;
        }
        self.slots[slot] = (pair, self.count);
        self.count += 1;
        if 2 * self.count as usize > self.slots.len() {
            let twice = vec![Self::EMPTY; 2 * self.slots.len()];
            for full in std::mem::replace(&mut self.slots, twice).into_iter().filter(|slot| *slot != Self::EMPTY) {
                let slot = self.slot(full.0);
                self.slots[slot] = full;
            }
        }
        self.count - 1
    }

    /// The slot of the pair, or the one where it belongs.
    fn slot(&self, pair: u64) -> usize {
        let last = self.slots.len() - 1;
        // A multiple of an irrational fraction of 2^64 is spread evenly, best in its high bits.
        let mut slot = (pair.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & last;
        while self.slots[slot].0 != pair && self.slots[slot] != Self::EMPTY {
            slot = (slot + 1) & last;
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The image of `testdata/goldens/segmentation/make.py`.
    fn noisy_quarters(width: usize, height: usize) -> Planes {
        let mut state = 1_u64;
        let mut channels = vec![Vec::new(); 3];
        for place in 0..width * height * 3 {
            let (y, x) = (place / 3 / width, place / 3 % width);
            state = (state * 1_103_515_245 + 12_345) % (1 << 31);
            let quarter = 2 * usize::from(y >= height / 2) + usize::from(x >= width / 2);
            channels[place % 3].push((40 * quarter) as f32 + (state >> 11) as f32 / 16384.0);
        }
        Planes { width, height, channels }
    }

    /// The region number of each pixel.
    fn labels(segmentations: &Segmentations, number: usize) -> Vec<u32> {
        segmentations.parts.iter().map(|part| segmentations.regions[number].region_of[*part as usize]).collect()
    }

    /// The algorithm as in the paper, for one k.
    fn plain(graph: &Graph, k: f32, min_size: u32) -> Vec<u32> {
        let count = graph.width * graph.height;
        let mut forest = Forest::new(vec![Set::pixel(k); count]);
        for smallest in [false, true] {
            for edge in &graph.edges {
                let (right, down) = DIRECTIONS[edge.place as usize % 4];
                let pixel = edge.place / 4;
                let other = pixel as isize + right as isize + down * graph.width as isize;
                let (a, b) = (forest.root(pixel), forest.root(other as u32));
                let weight = f32::from_bits(edge.weight);
                let small = forest.sets[a as usize].size.min(forest.sets[b as usize].size) < min_size;
                if a != b && if smallest { small } else { forest.may_join(a, b, weight) } {
                    forest.join(a, b, weight, k);
                }
            }
        }
        forest.numbered().region_of
    }

    #[test]
    fn several_thresholds_give_the_same_as_each_alone() {
        let stripes = |width, height| {
            let value = |place: usize| ((place % width) / 5 % 3 * 20 + (place / width) / 7 % 2 * 9) as f32;
            Planes { width, height, channels: vec![(0..width * height).map(value).collect()] }
        };
        let ks = [150.0, 0.0, 3.0, 50.0, 1e6, 20.0];
        for planes in [noisy_quarters(61, 47), noisy_quarters(200, 3), stripes(40, 33), stripes(1, 50), stripes(1, 1)] {
            for (sigma, min_size) in [(0.0, 1), (0.8, 5), (0.8, 20), (2.0, 1000)] {
                let graph = Graph::new(&planes, sigma);
                let found = graph.segment(&ks, min_size);
                for (number, k) in ks.iter().enumerate() {
                    assert_eq!(labels(&found, number), plain(&graph, *k, min_size), "k = {k}, sigma {sigma}");
                }
            }
        }
    }

    #[test]
    fn regions_equal_those_of_scikit_image() {
        let golden: Value =
            serde_json::from_str(include_str!("../../../../../testdata/goldens/segmentation/felzenszwalb.json"))
                .unwrap();
        let side = |name: &str| golden[name].as_u64().unwrap() as usize;
        let graph = Graph::new(&noisy_quarters(side("width"), side("height")), 0.0);
        for case in golden["cases"].as_array().unwrap() {
            let k = case["k"].as_f64().unwrap() as f32;
            let found = graph.segment(&[k], case["min_size"].as_u64().unwrap() as u32);
            let expected: Vec<u32> = serde_json::from_value(case["labels"].clone()).unwrap();
            assert_eq!(labels(&found, 0), expected, "k = {k}");
            assert_eq!(found.regions[0].count as u32, expected.iter().max().unwrap() + 1);
        }
    }

    #[test]
    fn edges_are_sorted_and_equals_keep_their_order() {
        let weights = [3.5_f32, 0.0, 441.7, 3.5, 1e-3, 0.0, 3.4999];
        let edge = |(place, weight): (usize, &f32)| Edge { weight: weight.to_bits(), place: place as u32 };
        let mut edges: Vec<Edge> = weights.iter().enumerate().map(edge).collect();
        sort_by_weight(&mut edges);
        assert_eq!(edges.iter().map(|edge| edge.place).collect::<Vec<_>>(), [1, 5, 4, 6, 0, 3, 2]);
    }

    #[test]
    fn a_single_channel_weighs_as_much_as_three_equal_ones() {
        let gray = noisy_quarters(12, 9).channels.swap_remove(0);
        let planes = |count| Planes { width: 12, height: 9, channels: vec![gray.clone(); count] };
        let (one, three) = (Graph::new(&planes(1), 0.8), Graph::new(&planes(3), 0.8));
        assert_eq!(labels(&one.segment(&[50.0], 5), 0), labels(&three.segment(&[50.0], 5), 0));
    }
}
