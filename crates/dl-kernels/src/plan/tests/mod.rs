//! Tests plans against the naive reference.

mod operations;

use std::sync::Arc;

use super::*;
use crate::conv::{Conv2dConfig, Winograd};
use crate::graph::Numbers;
use crate::map::Padding;
use crate::normalize::{LocalResponse, Neighbors};
use crate::reference::evaluate;
use crate::window::PoolConfig;

/// Numbers between -1 and 1 that depend only on `seed`.
fn draw(seed: usize, count: usize) -> Vec<f32> {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    next();
    (0..count).map(|_| next()).collect()
}

/// The same, scaled so that the sums of a layer stay near 1.
fn weight(seed: usize, shape: &[usize]) -> Numbers {
    let (count, inputs) = (shape.iter().product(), shape[1..].iter().product::<usize>());
    let scale = (3.0 / inputs as f32).sqrt();
    Arc::new(move || draw(seed, count).iter().map(|number| number * scale).collect())
}

fn bias(seed: usize, count: usize) -> Option<Numbers> {
    Some(Arc::new(move || draw(seed, count)))
}

struct Net {
    graph: Graph,
    seed: usize,
}

impl Net {
    fn new(image: [usize; 3]) -> Self {
        Self { graph: Graph::new(image), seed: 0 }
    }

    fn add(&mut self, operation: Operation, inputs: &[NodeId]) -> NodeId {
        self.graph.add(operation, inputs).unwrap()
    }

    fn conv_with(&mut self, x: NodeId, outputs: usize, kernel: [usize; 2], config: Conv2dConfig) -> NodeId {
        self.seed += 1;
        let shape = [outputs, self.graph.shape(x)[0] / config.groups, kernel[0], kernel[1]];
        let (weight, bias) = (weight(self.seed, &shape), bias(self.seed + 1000, outputs));
        self.add(Operation::Conv2d { weight, shape, bias, config }, &[x])
    }

    fn conv(&mut self, x: NodeId, outputs: usize, kernel: usize, stride: usize) -> NodeId {
        let padding = Padding::all(kernel / 2);
        self.conv_with(x, outputs, [kernel; 2], Conv2dConfig { stride: [stride; 2], padding, ..Default::default() })
    }

    fn relu(&mut self, x: NodeId) -> NodeId {
        self.add(Operation::Clamp { low: 0.0, high: f32::INFINITY }, &[x])
    }

    fn norm(&mut self, x: NodeId) -> NodeId {
        self.seed += 1;
        let channels = self.graph.shape(x)[0];
        let operation = Operation::Affine { scale: draw(self.seed, channels), shift: draw(self.seed + 1, channels) };
        self.add(operation, &[x])
    }

    fn linear(&mut self, x: NodeId, outputs: usize) -> NodeId {
        self.seed += 1;
        let shape = [outputs, self.graph.shape(x)[0]];
        let (weight, bias) = (weight(self.seed, &shape), bias(self.seed + 1000, outputs));
        self.add(Operation::Linear { weight, shape, bias }, &[x])
    }
}

/// Compares the plan's outputs at every level of this machine, alone and in a batch, on one and three threads, with the
/// reference, with a `tolerance` relative to the largest output; all runs of a level must have the same bits.
fn check(build: impl Fn() -> (Net, Vec<NodeId>), tolerance: f64) {
    check_each(build, |_| tolerance);
}

/// [`check`] with a tolerance for each Winograd algorithm.
fn check_each(build: impl Fn() -> (Net, Vec<NodeId>), tolerance: impl Fn(Winograd) -> f64) {
    let (net, outputs) = build();
    let (image, _) = net.graph.input_places();
    let images = draw(77, 3 * image);
    let expected: Vec<Vec<Vec<f64>>> =
        images.chunks_exact(image).map(|image| evaluate(&net.graph, &outputs, image)).collect();
    for level in Level::available() {
        for winograd in Winograd::ALL {
            let plan = Plan::new(build().0.graph, &outputs, PlanConfig { level, winograd, memory: 1 << 14 }).unwrap();
            let all = plan.run(&images).unwrap();
            for (index, output) in all.iter().enumerate() {
                let each = output.len() / 3;
                for (found, expected) in output.chunks_exact(each).zip(&expected) {
                    let expected = &expected[index];
                    assert_eq!(found.len(), expected.len());
                    let largest = expected.iter().fold(1e-3_f64, |largest, number| largest.max(number.abs()));
                    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
                        let error = (f64::from(*found) - expected).abs() / largest;
                        assert!(
                            error < tolerance(winograd),
                            "{level:?} winograd {winograd:?}: output {index} at {place}: {found} {expected}"
                        );
                    }
                }
            }
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                for (first, count) in [(0, 3), (0, 1), (1, 2), (2, 1)] {
                    let some = &images[first * image..(first + count) * image];
                    for (found, all) in pool.install(|| plan.run(some).unwrap()).iter().zip(&all) {
                        let each = all.len() / 3;
                        let same = found.iter().zip(&all[first * each..]).all(|(a, b)| a.to_bits() == b.to_bits());
                        assert!(same, "{level:?}: different bits for images {first}.. {count} on {threads} threads");
                    }
                }
                // Images made by the threads, more than are computed at once.
                let make = |index: usize, to: &mut [f32]| to.copy_from_slice(&images[index % 3 * image..][..image]);
                for batch in [2, 100] {
                    for (found, all) in pool.install(|| plan.run_made(20, batch, make).unwrap()).iter().zip(&all) {
                        assert_eq!(found.len(), 20 * (all.len() / 3));
                        let same = found.iter().zip(all.iter().cycle()).all(|(a, b)| a.to_bits() == b.to_bits());
                        assert!(same, "{level:?}: different bits for made images on {threads} threads");
                    }
                }
            }
        }
    }
}

#[test]
fn convolutions_of_odd_shapes() {
    let cases = [
        // channels, height, width, outputs, kernel, stride, dilation, groups, top, bottom, left, right
        ([3, 23, 17], 20, [7, 7], [2, 2], [1, 1], 1, [3, 3, 3, 3]),
        ([3, 31, 29], 64, [11, 11], [4, 4], [1, 1], 1, [2, 2, 2, 2]),
        ([1, 9, 40], 5, [3, 5], [1, 2], [1, 1], 1, [0, 1, 2, 0]),
        ([16, 7, 7], 70, [3, 3], [1, 1], [1, 1], 1, [1, 1, 1, 1]),
        ([40, 15, 13], 33, [3, 3], [2, 2], [1, 1], 1, [1, 1, 1, 1]),
        ([17, 12, 11], 48, [1, 1], [1, 1], [1, 1], 1, [0, 0, 0, 0]),
        ([32, 9, 14], 16, [1, 1], [2, 2], [1, 1], 1, [0, 0, 0, 0]),
        ([20, 13, 29], 24, [3, 3], [1, 1], [2, 3], 1, [2, 2, 3, 3]),
        ([32, 10, 10], 64, [3, 3], [1, 1], [1, 1], 2, [1, 1, 1, 1]),
        ([12, 10, 9], 18, [3, 3], [1, 1], [1, 1], 3, [1, 1, 1, 1]),
        ([19, 11, 16], 19, [3, 3], [1, 1], [1, 1], 19, [1, 1, 1, 1]),
        ([19, 12, 17], 19, [3, 3], [2, 2], [1, 1], 19, [0, 1, 0, 1]),
        ([16, 17, 12], 32, [1, 7], [1, 1], [1, 1], 1, [0, 0, 3, 3]),
        ([16, 17, 12], 32, [7, 1], [1, 1], [1, 1], 1, [3, 3, 0, 0]),
        ([16, 30, 27], 35, [3, 3], [1, 1], [1, 1], 1, [1, 1, 1, 1]),
        ([16, 26, 27], 16, [3, 3], [1, 1], [1, 1], 1, [0, 0, 0, 0]),
        ([24, 33, 29], 17, [3, 3], [1, 1], [1, 1], 1, [1, 0, 0, 1]),
        ([16, 1, 1], 16, [3, 3], [1, 1], [1, 1], 1, [1, 1, 1, 1]),
    ];
    for (image, outputs, kernel, stride, dilation, groups, [top, bottom, left, right]) in cases {
        let build = || {
            let mut net = Net::new(image);
            let config = Conv2dConfig { stride, padding: Padding { top, bottom, left, right }, dilation, groups };
            let input = net.graph.input();
            let y = net.conv_with(input, outputs, kernel, config);
            (net, vec![y])
        };
        // Winograd's rounding is visible in one case.
        check(build, 1e-5);
    }
}

#[test]
fn winograd_of_many_channels_stays_within_its_bounds() {
    for seed in [0, 100] {
        let build = || {
            let mut net = Net::new([512, 16, 18]);
            net.seed = seed;
            let input = net.graph.input();
            let y = net.conv(input, 32, 3, 1);
            (net, vec![y])
        };
        // The bounds stated for `Winograd`.
        check_each(build, |winograd| match winograd {
            Winograd::Off => 5e-6,
            Winograd::F2 => 2e-6,
            Winograd::F4 => 2e-5,
        });
    }
}

#[test]
fn each_winograd_option_is_a_different_algorithm() {
    let run = |winograd| {
        let mut net = Net::new([16, 16, 16]);
        let input = net.graph.input();
        let y = net.conv(input, 16, 3, 1);
        let plan = Plan::new(net.graph, &[y], PlanConfig { winograd, ..PlanConfig::default() }).unwrap();
        plan.run(&draw(5, 16 * 16 * 16)).unwrap()
    };
    let [off, f2, f4] = Winograd::ALL.map(run);
    assert!(off != f2 && f2 != f4 && off != f4);
}

#[test]
fn long_sums_are_continued_from_the_output() {
    for (kernel, stride, groups) in [(3, 1, 1), (3, 2, 1), (1, 1, 1), (3, 1, 2)] {
        let build = || {
            let mut net = Net::new([608, 7, 6]);
            let input = net.graph.input();
            let config =
                Conv2dConfig { stride: [stride; 2], padding: Padding::all(kernel / 2), groups, ..Default::default() };
            let x = net.conv_with(input, 96, [kernel; 2], config);
            let other = net.conv(input, 96, 1, stride);
            let sum = net.add(Operation::Add, &[x, other]);
            (net, vec![sum])
        };
        check(build, 3e-5);
    }
}

#[test]
fn a_residual_block_with_batch_norms() {
    for wanted_inside in [false, true] {
        let build = || {
            let mut net = Net::new([3, 32, 30]);
            let input = net.graph.input();
            let x = net.conv(input, 24, 7, 2);
            let x = net.norm(x);
            let x = net.relu(x);
            let x = net.add(Operation::MaxPool2d(PoolConfig { padding: [1, 1], ..PoolConfig::square(3, 2) }), &[x]);
            let a = net.conv(x, 32, 3, 2);
            let a = net.norm(a);
            let inside = net.relu(a);
            let a = net.conv(inside, 40, 3, 1);
            let a = net.norm(a);
            let b = net.conv(x, 40, 1, 2);
            let b = net.norm(b);
            let sum = net.add(Operation::Add, &[a, b]);
            let y = net.relu(sum);
            let c = net.conv(y, 40, 3, 1);
            let again = net.add(Operation::Add, &[c, y]);
            let z = net.norm(again);
            let z = net.relu(z);
            let pooled = net.add(Operation::AdaptiveAvgPool2d([1, 1]), &[z]);
            let flat = net.add(Operation::Flatten, &[pooled]);
            let logits = net.linear(flat, 10);
            let outputs = if wanted_inside { vec![a, inside, sum, y, logits, z] } else { vec![logits] };
            (net, outputs)
        };
        check(build, 5e-6);
    }
}

#[test]
fn concatenations_in_place_and_copied() {
    for parts in [[16, 32, 20], [10, 16, 7]] {
        let build = || {
            let mut net = Net::new([5, 14, 15]);
            let input = net.graph.input();
            let x = net.conv(input, 16, 3, 1);
            let parts = parts.map(|channels| {
                let y = net.conv(x, channels, if channels % 16 == 0 { 1 } else { 3 }, 1);
                net.relu(y)
            });
            let all = net.add(Operation::Concat, &parts);
            let pooled = net.add(Operation::MaxPool2d(PoolConfig::square(3, 2).ceil()), &[all]);
            let y = net.conv(pooled, 16, 5, 1);
            let last = net.conv(parts[1], 16, 3, 2);
            let twice = net.add(Operation::Concat, &[y, y]);
            (net, vec![all, parts[2], twice, last])
        };
        check(build, 5e-6);
    }
}

#[test]
fn a_classic_network_with_fully_connected_layers() {
    let build = || {
        let mut net = Net::new([3, 40, 36]);
        let input = net.graph.input();
        let x = net.conv(input, 20, 5, 2);
        let x = net.relu(x);
        let config = LocalResponse { neighbors: Neighbors::Channels, size: 5, alpha: 1e-1, beta: 0.75, k: 1.0 };
        let x = net.add(Operation::LocalResponseNorm(config), &[x]);
        let x = net.add(Operation::AvgPool2d(PoolConfig { padding: [1, 1], ..PoolConfig::square(3, 2) }), &[x]);
        let x = net.add(Operation::AdaptiveAvgPool2d([4, 3]), &[x]);
        let pooled = net.add(Operation::Clamp { low: -0.5, high: 0.5 }, &[x]);
        let row = net.add(Operation::Flatten, &[pooled]);
        let before = net.linear(row, 37);
        let hidden = net.relu(before);
        let logits = net.linear(hidden, 6);
        let probabilities = net.add(Operation::Softmax, &[logits]);
        (net, vec![pooled, before, logits, pooled, probabilities, row, logits])
    };
    check(build, 5e-6);
}

#[test]
fn a_response_norm_over_a_square_of_positions() {
    for (size, beta, channels) in [(3, 0.75, 20), (5, 0.6, 16), (1, 0.75, 5)] {
        let build = || {
            let mut net = Net::new([3, 13, 10]);
            let input = net.graph.input();
            let config = LocalResponse { neighbors: Neighbors::Positions, size, alpha: 2.0, beta, k: 1.0 };
            // Of the image itself, whose channels are interleaved, too.
            let first = net.add(Operation::LocalResponseNorm(config), &[input]);
            let x = net.conv(first, channels, 5, 1);
            let x = net.add(Operation::LocalResponseNorm(config), &[x]);
            let last = net.conv(x, 16, 3, 2);
            (net, vec![first, x, last])
        };
        check(build, 5e-6);
    }
}

#[test]
fn gates_of_channels_and_hard_swish() {
    for wanted_inside in [false, true] {
        let build = || {
            let mut net = Net::new([3, 15, 14]);
            let input = net.graph.input();
            let x = net.conv(input, 24, 3, 2);
            let x = net.norm(x);
            let x = net.add(Operation::HardSwish, &[x]);
            let squeezed = net.add(Operation::AdaptiveAvgPool2d([1, 1]), &[x]);
            let squeezed = net.conv(squeezed, 8, 1, 1);
            let squeezed = net.relu(squeezed);
            let gate = net.conv(squeezed, 24, 1, 1);
            let gate = net.add(Operation::Affine { scale: vec![1.0 / 6.0; 24], shift: vec![0.5; 24] }, &[gate]);
            let gate = net.add(Operation::Clamp { low: 0.0, high: 1.0 }, &[gate]);
            let gated = net.add(Operation::Gate, &[x, gate]);
            let y = net.conv(gated, 24, 1, 1);
            let sum = net.add(Operation::Add, &[gated, x]);
            let swished = net.add(Operation::HardSwish, &[sum]);
            let together = net.add(Operation::Concat, &[y, swished]);
            let y = net.conv(together, 10, 3, 1);
            let row = net.add(Operation::Flatten, &[y]);
            let row = net.linear(row, 21);
            let hidden = net.add(Operation::HardSwish, &[row]);
            let logits = net.linear(hidden, 5);
            (net, if wanted_inside { vec![x, gate, gated, swished, hidden, logits] } else { vec![logits] })
        };
        check(build, 5e-6);
    }
}

#[test]
fn channels_of_zeros_around_a_map() {
    for [before, after] in [[8, 8], [16, 16], [3, 0], [0, 5], [0, 0]] {
        let build = || {
            let mut net = Net::new([3, 9, 8]);
            let input = net.graph.input();
            let x = net.conv(input, 16, 3, 1);
            let x = net.relu(x);
            let y = net.conv(x, 16 + before + after, 3, 2);
            let every = net.add(Operation::MaxPool2d(PoolConfig::square(1, 2)), &[x]);
            let wider = net.add(Operation::PadChannels { before, after }, &[every]);
            let sum = net.add(Operation::Add, &[y, wider]);
            let last = net.conv(sum, 7, 3, 1);
            let image = net.add(Operation::PadChannels { before, after }, &[input]);
            let of_image = net.conv(image, 9, 3, 1);
            (net, vec![wider, last, of_image])
        };
        check(build, 5e-6);
    }
}

#[test]
fn an_image_that_is_renormalized() {
    for is_output in [false, true] {
        let build = || {
            let mut net = Net::new([3, 11, 13]);
            let input = net.graph.input();
            let x = net.norm(input);
            let y = net.conv(x, 20, 3, 2);
            let y = net.relu(y);
            (net, if is_output { vec![x, y] } else { vec![y] })
        };
        check(build, 5e-6);
    }
}

#[test]
fn an_output_that_is_requested_twice() {
    let build = || {
        let mut net = Net::new([3, 8, 7]);
        let input = net.graph.input();
        let x = net.conv(input, 20, 3, 1);
        let row = net.add(Operation::Flatten, &[x]);
        let y = net.linear(row, 5);
        (net, vec![x, y, x, y, x])
    };
    check(build, 5e-6);
}

#[test]
fn long_rows_are_summed_in_parts() {
    let build = || {
        let mut net = Net::new([50, 7, 7]);
        let input = net.graph.input();
        let row = net.add(Operation::Flatten, &[input]);
        let y = net.linear(row, 50);
        (net, vec![y])
    };
    check(build, 5e-6);
}

#[test]
fn mismatched_shapes_are_an_error() {
    let mut net = Net::new([3, 4, 4]);
    let input = net.graph.input();
    let operation = |shape: [usize; 4]| {
        let config = Conv2dConfig::default();
        Operation::Conv2d { weight: weight(0, &shape), shape, bias: None, config }
    };
    assert!(net.graph.add(operation([4, 3, 5, 5]), &[input]).is_err());
    assert!(net.graph.add(operation([4, 2, 3, 3]), &[input]).is_err());
    assert!(net.graph.add(Operation::Flatten, &[]).is_err());
    let y = net.graph.add(operation([4, 3, 3, 3]), &[input]).unwrap();
    assert!(net.graph.add(Operation::Add, &[input, y]).is_err());
    assert!(net.graph.add(Operation::Gate, &[input, y]).is_err());
    let plan = Plan::new(net.graph, &[y], PlanConfig::default()).unwrap();
    assert!(plan.run(&[0.0; 47]).is_err());
    assert_eq!(plan.run(&[]).unwrap(), [Vec::<f32>::new()]);
}

#[test]
fn channels_that_end_in_the_first_half_of_a_block() {
    for channels in [5, 8, 24, 40, 9] {
        let net = || {
            let mut net = Net::new([3, 15, 15]);
            let squeezed = net.conv(NodeId(0), channels, 1, 1);
            let wide = net.conv(squeezed, 32, 3, 1);
            let [one, large] = [net.conv(squeezed, 32, 1, 1), net.conv(squeezed, 16, 5, 2)];
            let joined = net.add(Operation::Add, &[wide, one]);
            (net, vec![joined, large])
        };
        check(net, 3e-5);
    }
}

/// A network in which layers of every kind keep their numbers, for images of any size.
struct Kept {
    weights: Vec<(Numbers, [usize; 4])>,
    linear: Numbers,
    /// How often numbers were read.
    reads: Arc<std::sync::atomic::AtomicUsize>,
}

impl Kept {
    fn new() -> Self {
        let reads = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let kept = |numbers: Numbers| -> Numbers {
            let reads = reads.clone();
            Arc::new(move || {
                reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                numbers()
            })
        };
        let shapes = [[32, 3, 3, 3], [32, 32, 3, 3], [32, 1, 3, 3], [32, 20, 2, 2]];
        let weights = shapes.iter().enumerate().map(|(index, shape)| (kept(weight(index, shape)), *shape));
        Self { weights: weights.collect(), linear: kept(weight(9, &[5, 20])), reads }
    }

    fn graph(&self, [height, width]: [usize; 2]) -> (Graph, Vec<NodeId>) {
        let mut net = Net::new([3, height, width]);
        let padded = Conv2dConfig { padding: Padding::all(1), ..Default::default() };
        let mut x = net.graph.input();
        for ((weight, shape), groups) in self.weights[..3].iter().zip([1, 1, 32]) {
            let (weight, config) = (weight.clone(), Conv2dConfig { groups, ..padded });
            x = net.add(Operation::Conv2d { weight, shape: *shape, bias: None, config }, &[x]);
        }
        let scale = (0..32).map(|channel| 1.0 + channel as f32 / 32.0).collect();
        x = net.add(Operation::Affine { scale, shift: vec![0.1; 32] }, &[x]);
        let config = crate::conv::ConvTranspose2dConfig { stride: [2, 2], ..Default::default() };
        let (weight, shape) = (self.weights[3].0.clone(), self.weights[3].1);
        x = net.add(Operation::ConvTranspose2d { weight, shape, bias: None, config }, &[x]);
        x = net.add(Operation::AdaptiveAvgPool2d([1, 1]), &[x]);
        x = net.add(Operation::Flatten, &[x]);
        let y = net.add(Operation::Linear { weight: self.linear.clone(), shape: [5, 20], bias: None }, &[x]);
        (net.graph, vec![y])
    }
}

#[test]
fn plans_of_many_sizes_share_the_packed_weights_and_the_working_memory() {
    let (kept, resources) = (Kept::new(), Resources::default());
    let plan = |size, resources: &Resources| {
        let (graph, outputs) = kept.graph(size);
        Plan::sharing(graph, &outputs, PlanConfig::default(), resources).unwrap()
    };
    let reads = || kept.reads.load(std::sync::atomic::Ordering::SeqCst);
    let first = plan([64, 48], &resources);
    let (bytes, once) = (resources.weight_bytes(), reads());
    assert_eq!(once, 5);
    let sizes = (0..50).map(|index| [48 + index, 70 - index % 17]);
    let mut last = first;
    for size in sizes {
        let image = draw(3, 3 * size[0] * size[1]);
        let shared = plan(size, &resources);
        let found = shared.run(&image).unwrap();
        let alone = Plan::new(kept.graph(size).0, &kept.graph(size).1, PlanConfig::default()).unwrap();
        assert_eq!(found, alone.run(&image).unwrap(), "{size:?}");
        last = shared;
    }
    // The plans alone read every weight; those that share read none.
    assert_eq!((resources.weight_bytes(), reads()), (bytes, once + 50 * 5));
    // One working memory, of the largest size.
    assert!(resources.working_memory() <= 2 * last.working_memory(1).max(plan([97, 70], &resources).working_memory(1)));
}

#[test]
fn another_algorithm_or_batch_norm_is_another_packed_weight() {
    let (kept, resources) = (Kept::new(), Resources::default());
    let plan = |size, winograd| {
        let (graph, outputs) = kept.graph(size);
        Plan::sharing(graph, &outputs, PlanConfig { winograd, ..PlanConfig::default() }, &resources).unwrap()
    };
    let image = draw(3, 3 * 40 * 40);
    let expected = Winograd::ALL.map(|winograd| {
        let (graph, outputs) = kept.graph([40, 40]);
        Plan::new(graph, &outputs, PlanConfig { winograd, ..PlanConfig::default() }).unwrap().run(&image).unwrap()
    });
    for _ in 0..2 {
        for (winograd, expected) in Winograd::ALL.into_iter().zip(&expected) {
            assert_eq!(plan([40, 40], winograd).run(&image).unwrap(), *expected);
        }
    }
    // A layer whose numbers only the graph has is packed, but not kept.
    let (before, net) = (resources.weight_bytes(), || {
        let mut net = Net::new([3, 9, 9]);
        let y = net.conv(NodeId(0), 16, 3, 1);
        (net.graph, [y])
    });
    let (graph, outputs) = net();
    Plan::sharing(graph, &outputs, PlanConfig::default(), &resources).unwrap();
    assert_eq!(resources.weight_bytes(), before);
    // The same layer with other statistics after it.
    let shape = [16, 3, 3, 3];
    let numbers = weight(1, &shape);
    for scale in [1.0, 2.0, 1.0] {
        let mut net = Net::new([3, 9, 9]);
        let config = Conv2dConfig::default();
        let x = net.add(Operation::Conv2d { weight: numbers.clone(), shape, bias: None, config }, &[NodeId(0)]);
        let y = net.add(Operation::Affine { scale: vec![scale; 16], shift: vec![0.0; 16] }, &[x]);
        let expected = evaluate(&net.graph, &[y], &image[..243]);
        let plan = Plan::sharing(net.graph, &[y], PlanConfig::default(), &resources).unwrap();
        let found = plan.run(&image[..243]).unwrap();
        assert!(found[0].iter().zip(&expected[0]).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5), "scale {scale}");
    }
}
