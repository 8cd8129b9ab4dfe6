//! The initial regions: Felzenszwalb and Huttenlocher, "Efficient graph-based image segmentation", IJCV 2004.
//!
//! Pixels are nodes, joined to their eight neighbours by edges that weigh the colour difference of the smoothed
//! picture. Edges are taken lightest first; one joins two regions unless it is heavier than either region's own
//! heaviest edge plus k / its size. The edges do not depend on k: they are made and sorted once a colour space.

use super::color::Planes;
use super::gaussian;

/// The eight neighbours, each pair once: right, down, down right, up right.
const DIRECTIONS: [(usize, isize); 4] = [(1, 0), (0, 1), (1, 1), (1, -1)];

/// The edges of a picture's pixels, lightest first.
pub(super) struct Graph {
    width: usize,
    height: usize,
    edges: Vec<Edge>,
}

#[derive(Clone, Copy, Default)]
struct Edge {
    /// Colour difference, as bits: those of positive floats sort as the floats do.
    weight: u32,
    /// Pixel times 4 plus direction.
    place: u32,
}

/// A region number for each pixel.
pub(super) struct Segmentation {
    pub(super) width: usize,
    pub(super) height: usize,
    /// From 0, in the order in which the regions first occur, row by row.
    pub(super) labels: Vec<u32>,
    /// How many regions.
    pub(super) count: usize,
}

impl Graph {
    /// Smooths by `sigma` pixels and weighs all edges with the Euclidean colour difference. A single channel counts
    /// three times, so that the same k does for all colour spaces.
    pub(super) fn new(planes: &Planes, sigma: f32) -> Self {
        let (width, height) = (planes.width, planes.height);
        let smooth: Vec<Vec<f32>> =
            planes.channels.iter().map(|plane| gaussian::smooth(plane, width, height, sigma)).collect();
        let scale = 3.0 / smooth.len() as f32;
        let mut edges = Vec::with_capacity(DIRECTIONS.len() * width * height);
        for y in 0..height {
            for x in 0..width {
                let pixel = y * width + x;
                for (direction, (right, down)) in DIRECTIONS.iter().enumerate() {
                    let Some(below) = y.checked_add_signed(*down).filter(|below| *below < height) else { continue };
                    if x + right >= width {
                        continue;
                    }
                    let other = below * width + x + right;
                    let squares: f32 = smooth.iter().map(|plane| (plane[pixel] - plane[other]).powi(2)).sum();
                    let weight = (scale * squares).sqrt().to_bits();
                    edges.push(Edge { weight, place: (pixel * DIRECTIONS.len() + direction) as u32 });
                }
            }
        }
        sort_by_weight(&mut edges);
        Self { width, height, edges }
    }

    /// Regions for the threshold `k`; those of fewer than `min_size` pixels join the neighbour most like them.
    pub(super) fn segment(&self, k: f32, min_size: u32) -> Segmentation {
        let mut forest = Forest::new(self.width * self.height, k);
        for edge in &self.edges {
            let (a, b) = self.roots(&mut forest, edge);
            let weight = f32::from_bits(edge.weight);
            if a != b && weight <= forest.threshold[a as usize] && weight <= forest.threshold[b as usize] {
                let root = forest.join(a, b);
                forest.threshold[root as usize] = weight + k / forest.size[root as usize] as f32;
            }
        }
        for edge in &self.edges {
            let (a, b) = self.roots(&mut forest, edge);
            if a != b && forest.size[a as usize].min(forest.size[b as usize]) < min_size {
                forest.join(a, b);
            }
        }
        self.label(forest)
    }

    fn roots(&self, forest: &mut Forest, edge: &Edge) -> (u32, u32) {
        let (right, down) = DIRECTIONS[edge.place as usize % DIRECTIONS.len()];
        let pixel = edge.place / DIRECTIONS.len() as u32;
        let step = right as isize + down * self.width as isize;
        (forest.root(pixel), forest.root((pixel as isize + step) as u32))
    }

    fn label(&self, mut forest: Forest) -> Segmentation {
        const NONE: u32 = u32::MAX;
        let mut label_of_root = vec![NONE; forest.parent.len()];
        let mut count = 0;
        let labels = (0..forest.parent.len() as u32).map(|pixel| {
            let label = &mut label_of_root[forest.root(pixel) as usize];
            if *label == NONE {
                *label = count;
                count += 1;
            }
            *label
        });
        let labels = labels.collect();
        Segmentation { width: self.width, height: self.height, labels, count: count as usize }
    }
}

/// Least significant digit first, 11 bits at a time: stable, so ties stay in the order of the pixels.
fn sort_by_weight(edges: &mut Vec<Edge>) {
    const BITS: u32 = 11;
    const MASK: u32 = (1 << BITS) - 1;
    let mut sorted = vec![Edge::default(); edges.len()];
    for shift in [0, BITS, 2 * BITS] {
        let digit = |edge: &Edge| (edge.weight >> shift & MASK) as usize;
        let mut next = vec![0; 1 << BITS];
        edges.iter().for_each(|edge| next[digit(edge)] += 1);
        let mut start = 0;
        for slot in &mut next {
            start += std::mem::replace(slot, start);
        }
        for edge in edges.iter() {
            sorted[next[digit(edge)]] = *edge;
            next[digit(edge)] += 1;
        }
        std::mem::swap(edges, &mut sorted);
    }
}

/// Disjoint sets of pixels.
struct Forest {
    parent: Vec<u32>,
    size: Vec<u32>,
    threshold: Vec<f32>,
}

impl Forest {
    fn new(count: usize, k: f32) -> Self {
        Self { parent: (0..count as u32).collect(), size: vec![1; count], threshold: vec![k; count] }
    }

    fn root(&mut self, mut node: u32) -> u32 {
        while self.parent[node as usize] != node {
            let above = self.parent[self.parent[node as usize] as usize];
            self.parent[node as usize] = above;
            node = above;
        }
        node
    }

    /// Joins two roots; the larger stays the root.
    fn join(&mut self, a: u32, b: u32) -> u32 {
        let (root, leaf) = if self.size[a as usize] >= self.size[b as usize] { (a, b) } else { (b, a) };
        self.parent[leaf as usize] = root;
        self.size[root as usize] += self.size[leaf as usize];
        root
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The picture of `testdata/goldens/segmentation/make.py`.
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

    #[test]
    fn regions_are_those_of_scikit_image() {
        let golden: Value =
            serde_json::from_str(include_str!("../../../../../testdata/goldens/segmentation/felzenszwalb.json"))
                .unwrap();
        let side = |name: &str| golden[name].as_u64().unwrap() as usize;
        let graph = Graph::new(&noisy_quarters(side("width"), side("height")), 0.0);
        for case in golden["cases"].as_array().unwrap() {
            let k = case["k"].as_f64().unwrap() as f32;
            let found = graph.segment(k, case["min_size"].as_u64().unwrap() as u32);
            let wanted: Vec<u32> = serde_json::from_value(case["labels"].clone()).unwrap();
            assert_eq!(found.labels, wanted, "k = {k}");
            assert_eq!(found.count as u32, wanted.iter().max().unwrap() + 1);
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
        let grey = noisy_quarters(12, 9).channels.swap_remove(0);
        let planes = |count| Planes { width: 12, height: 9, channels: vec![grey.clone(); count] };
        let (one, three) = (Graph::new(&planes(1), 0.8), Graph::new(&planes(3), 0.8));
        assert_eq!(one.segment(50.0, 5).labels, three.segment(50.0, 5).labels);
    }
}
