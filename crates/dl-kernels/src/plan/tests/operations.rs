//! The operations of detectors and generators.

use super::*;
use crate::across::L2Epsilon;
use crate::conv::ConvTranspose2dConfig;
use crate::resample::ResizeMethod;

impl Net {
    fn leaky(&mut self, x: NodeId) -> NodeId {
        self.add(Operation::LeakyRelu { slope: 0.1 }, &[x])
    }

    fn transposed(&mut self, x: NodeId, outputs: usize, kernel: [usize; 2], config: ConvTranspose2dConfig) -> NodeId {
        self.seed += 1;
        let shape = [self.graph.shape(x)[0], outputs / config.groups, kernel[0], kernel[1]];
        let (weight, bias) = (weight(self.seed, &shape), bias(self.seed + 1000, outputs));
        self.add(Operation::ConvTranspose2d { weight, shape, bias, config }, &[x])
    }

    fn local(&mut self, x: NodeId, filters: usize, kernel: [usize; 2], config: Conv2dConfig) -> NodeId {
        self.seed += 1;
        let [channels, height, width] = self.graph.shape(x).try_into().unwrap();
        let [rows, columns] = config.output([height, width], kernel).unwrap();
        let shape = [rows * columns, filters, channels, kernel[0], kernel[1]];
        let (weight, bias) = (weight(self.seed, &shape), bias(self.seed + 1000, filters * rows * columns));
        self.add(Operation::LocallyConnected2d { weight, shape, bias, config }, &[x])
    }
}

#[test]
fn leaky_relu_after_every_kind_of_layer() {
    for wanted_inside in [false, true] {
        let build = || {
            let mut net = Net::new([3, 21, 18]);
            let input = net.graph.input();
            // Direct, Winograd, depthwise.
            let x = net.conv(input, 24, 5, 2);
            let x = net.norm(x);
            let x = net.leaky(x);
            let inside = net.conv(x, 40, 3, 1);
            let y = net.leaky(inside);
            let padding = Padding::all(1);
            let y = net.conv_with(y, 40, [3, 3], Conv2dConfig { padding, groups: 40, ..Default::default() });
            let y = net.leaky(y);
            let z = net.conv(y, 40, 1, 1);
            let sum = net.add(Operation::Add, &[z, y]);
            let sum = net.leaky(sum);
            let pooled = net.add(Operation::MaxPool2d(PoolConfig::darknet(2, 2, 1)), &[sum]);
            let alone = net.leaky(pooled);
            let local = net.local(alone, 5, [3, 3], Conv2dConfig { padding, ..Default::default() });
            let local = net.leaky(local);
            let row = net.add(Operation::Flatten, &[local]);
            let row = net.linear(row, 21);
            let row = net.leaky(row);
            let logits = net.linear(row, 7);
            (net, if wanted_inside { vec![inside, alone, local, row, logits] } else { vec![logits] })
        };
        check(build, 1e-5);
    }
}

#[test]
fn curves_of_maps_and_rows() {
    let build = || {
        let mut net = Net::new([3, 9, 7]);
        let input = net.graph.input();
        let x = net.conv(input, 20, 3, 1);
        let wide = net.add(Operation::Affine { scale: vec![9.0; 20], shift: vec![-1.0; 20] }, &[x]);
        let sigmoid = net.add(Operation::Sigmoid, &[wide]);
        let tanh = net.add(Operation::Tanh, &[x]);
        let swish = net.add(Operation::Swish, &[wide]);
        let mish = net.add(Operation::Mish, &[wide]);
        let softmax = net.add(Operation::Softmax, &[x]);
        let sum = net.add(Operation::Add, &[sigmoid, tanh]);
        let sum = net.add(Operation::Mish, &[sum]);
        let sum = net.add(Operation::Add, &[sum, x]);
        let fused = net.add(Operation::Sigmoid, &[sum]);
        let y = net.conv(fused, 4, 3, 1);
        let row = net.add(Operation::Flatten, &[y]);
        let row = net.linear(row, 19);
        let squashed = net.add(Operation::Tanh, &[row]);
        let last = net.add(Operation::Sigmoid, &[squashed]);
        let of_image = net.add(Operation::Tanh, &[input]);
        (net, vec![sigmoid, tanh, swish, mish, softmax, y, squashed, last, of_image])
    };
    check(build, 5e-6);
}

#[test]
fn numbers_are_moved_between_maps_and_rows() {
    for channels in [3, 21] {
        let build = || {
            let mut net = Net::new([3, 6, 4]);
            let input = net.graph.input();
            let x = if channels == 3 { input } else { net.conv(input, channels, 3, 1) };
            let count = channels * 24;
            // Every seventh number, around and around; once as a map with a margin, once as a row.
            let from = |length: usize| (0..length).map(|index| (index * 7 % count) as u32).collect();
            let map = net.add(Operation::Rearrange { from: from(count), shape: vec![channels * 4, 3, 2] }, &[x]);
            let wide = net.conv(map, 9, 3, 1);
            let joined = net.add(Operation::Concat, &[wide, map]);
            let row = net.add(Operation::Rearrange { from: from(19), shape: vec![19] }, &[x]);
            let linear = net.linear(row, 33);
            let back =
                net.add(Operation::Rearrange { from: (0..33).rev().collect(), shape: vec![3, 1, 11] }, &[linear]);
            (net, vec![map, wide, joined, linear, back])
        };
        check(build, 5e-6);
    }
}

#[test]
fn maps_of_other_sizes() {
    for (size, method) in [
        ([14, 10], ResizeMethod::Nearest),
        ([5, 13], ResizeMethod::Nearest),
        ([1, 1], ResizeMethod::Nearest),
        ([14, 10], ResizeMethod::Bilinear),
        ([4, 13], ResizeMethod::Bilinear),
        ([7, 5], ResizeMethod::Bilinear),
        ([1, 20], ResizeMethod::Bilinear),
    ] {
        let build = || {
            let mut net = Net::new([3, 7, 5]);
            let input = net.graph.input();
            let x = net.conv(input, 21, 3, 1);
            let resized = net.add(Operation::Resize { size, method }, &[x]);
            let y = net.conv(resized, 9, 3, 1);
            let image = net.add(Operation::Resize { size, method }, &[input]);
            let both = net.add(Operation::Concat, &[resized, image]);
            (net, vec![resized, y, both])
        };
        check(build, 5e-6);
    }
}

#[test]
fn instance_norms_with_and_without_what_follows() {
    for (channels, follows) in [(3, 0), (16, 1), (21, 2), (40, 3)] {
        let build = || {
            let mut net = Net::new([3, 9, 7]);
            let input = net.graph.input();
            let x = net.conv(input, channels, 3, 1);
            let moved = net.add(Operation::Affine { scale: vec![3.0; channels], shift: vec![50.0; channels] }, &[x]);
            let (weight, bias) = (draw(5, channels), draw(6, channels));
            let normed = net.add(Operation::InstanceNorm { weight, bias, eps: 1e-5 }, &[moved]);
            let (weight, bias) = (vec![1.0; channels], vec![0.0; channels]);
            let other = net.add(Operation::InstanceNorm { weight, bias, eps: 0.1 }, &[x]);
            let mut y = other;
            if follows > 1 {
                y = net.add(Operation::Add, &[y, moved]);
            }
            if follows % 2 == 1 {
                y = net.relu(y);
            }
            let z = net.conv(y, 5, 3, 1);
            (net, if follows == 0 { vec![normed, other, z] } else { vec![normed, z] })
        };
        // Single precision has a millionth of the distance of the numbers from 0.
        check(build, 1e-4);
    }
}

#[test]
fn slopes_reflections_and_shuffled_pixels() {
    for channels in [4, 16, 36, 68] {
        let build = || {
            let mut net = Net::new([4, 7, 5]);
            let input = net.graph.input();
            let x = if channels == 4 { input } else { net.conv(input, channels, 3, 1) };
            let slopes: Vec<f32> = draw(8, channels).iter().map(|slope| 2.0 * slope).collect();
            let slopes = net.add(Operation::Prelu { slopes }, &[x]);
            let padding = Padding { top: 3, bottom: 1, left: 0, right: 4 };
            let mirrored = net.add(Operation::ReflectionPad(padding), &[x]);
            let valid = net.conv_with(mirrored, 7, [3, 3], Conv2dConfig::default());
            let shuffled = net.add(Operation::PixelShuffle { factor: 2 }, &[slopes]);
            let y = net.conv(shuffled, 9, 3, 1);
            let y = net.add(Operation::PixelShuffle { factor: 3 }, &[y]);
            (net, vec![slopes, mirrored, valid, shuffled, y])
        };
        check(build, 1e-5);
    }
}

#[test]
fn demodulation_of_rows_and_softplus() {
    let build = || {
        let mut net = Net::new([3, 4, 4]);
        let input = net.graph.input();
        let row = net.add(Operation::Flatten, &[input]);
        let style = net.linear(row, 21);
        let squares = net.add(Operation::Square, &[style]);
        let shape = [6, 21];
        let weight: Numbers = Arc::new(|| draw(3, 6 * 21).iter().map(|number| number * number).collect());
        let sums = net.add(Operation::Linear { weight, shape, bias: Some(Arc::new(|| vec![1e-3; 6])) }, &[squares]);
        let factors = net.add(Operation::InverseRoot, &[sums]);
        let softplus = net.add(Operation::Softplus, &[style]);
        (net, vec![squares, factors, softplus])
    };
    check(build, 1e-5);
}

#[test]
fn transposed_convolutions_of_odd_shapes() {
    let plain = ConvTranspose2dConfig::default();
    let cases = [
        ([3, 3, 2], 9, [3, 3], plain),
        ([20, 5, 7], 17, [4, 4], ConvTranspose2dConfig { stride: [2, 2], padding: [1, 1], ..plain }),
        ([32, 7, 5], 40, [2, 2], ConvTranspose2dConfig { stride: [2, 2], ..plain }),
        (
            [2, 2, 3],
            3,
            [3, 3],
            ConvTranspose2dConfig { stride: [2, 3], padding: [1, 0], output_padding: [1, 2], ..plain },
        ),
        ([4, 2, 3], 6, [3, 2], ConvTranspose2dConfig { stride: [2, 1], groups: 2, ..plain }),
        (
            [5, 3, 3],
            2,
            [3, 2],
            ConvTranspose2dConfig {
                stride: [2, 2],
                padding: [2, 1],
                dilation: [3, 2],
                output_padding: [2, 0],
                ..plain
            },
        ),
        // Some outputs have no input.
        ([9, 3, 4], 5, [1, 2], ConvTranspose2dConfig { stride: [3, 3], output_padding: [1, 0], ..plain }),
        ([33, 1, 1], 20, [5, 4], plain),
    ];
    for (image, outputs, kernel, config) in cases {
        let build = || {
            let mut net = Net::new(image);
            let input = net.graph.input();
            let y = net.transposed(input, outputs, kernel, config);
            let other = net.transposed(input, outputs, kernel, config);
            let normed = net.norm(other);
            let normed = net.relu(normed);
            let last = net.conv(normed, 5, 3, 1);
            (net, vec![y, last])
        };
        check(build, 1e-5);
    }
}

#[test]
fn l2_norms_with_both_kinds_of_epsilon() {
    for channels in [3, 16, 21, 40] {
        for epsilon in
            [L2Epsilon::Added(1e-10), L2Epsilon::Added(0.5), L2Epsilon::AtLeast(1e-12), L2Epsilon::AtLeast(2.0)]
        {
            let build = || {
                let mut net = Net::new([3, 6, 7]);
                let input = net.graph.input();
                let x = net.conv(input, channels, 3, 1);
                let weight = draw(5, channels);
                let normed = net.add(Operation::L2Norm { weight, epsilon }, &[x]);
                let y = net.conv(normed, 5, 3, 1);
                (net, vec![normed, y])
            };
            check(build, 5e-6);
        }
    }
}

#[test]
fn locally_connected_layers_of_odd_shapes() {
    let plain = Conv2dConfig::default();
    for (image, filters, kernel, config) in [
        ([3, 7, 6], 5, [3, 3], Conv2dConfig { padding: Padding::all(1), ..plain }),
        ([20, 5, 5], 33, [3, 2], Conv2dConfig { stride: [2, 1], ..plain }),
        ([8, 4, 9], 16, [1, 1], plain),
        (
            [17, 6, 5],
            7,
            [2, 3],
            Conv2dConfig { padding: Padding { top: 0, bottom: 1, left: 2, right: 0 }, stride: [1, 2], ..plain },
        ),
    ] {
        let build = || {
            let mut net = Net::new(image);
            let input = net.graph.input();
            let y = net.local(input, filters, kernel, config);
            let z = net.conv(y, 9, 3, 1);
            (net, vec![y, z])
        };
        check(build, 1e-5);
    }
}

#[test]
fn pooling_with_padding_only_after() {
    for pool in [PoolConfig::darknet(2, 1, 1), PoolConfig::darknet(2, 2, 1), PoolConfig::darknet(5, 1, 4)] {
        let build = || {
            let mut net = Net::new([3, 9, 7]);
            let input = net.graph.input();
            let x = net.conv(input, 20, 3, 1);
            // All negative: padding that counted as 0 would show.
            let x = net.add(Operation::Clamp { low: -9.0, high: -0.1 }, &[x]);
            let pooled = net.add(Operation::MaxPool2d(pool), &[x]);
            (net, vec![pooled])
        };
        check(build, 1e-5);
    }
}

#[test]
fn shapes_that_do_not_fit_the_operations_are_an_error() {
    let mut net = Net::new([3, 4, 4]);
    let input = net.graph.input();
    let mut fails = |operation: Operation| {
        let error = net.graph.add(operation, &[input]).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
    };
    fails(Operation::LeakyRelu { slope: 1.5 });
    fails(Operation::LeakyRelu { slope: f32::NAN });
    fails(Operation::Resize { size: [0, 3], method: ResizeMethod::Nearest });
    fails(Operation::Rearrange { from: [0, 48].into(), shape: vec![2] });
    fails(Operation::Rearrange { from: [0, 1, 2].into(), shape: vec![2] });
    fails(Operation::Rearrange { from: [0, 1].into(), shape: vec![2, 1] });
    fails(Operation::L2Norm { weight: vec![1.0; 4], epsilon: L2Epsilon::Added(0.0) });
    fails(Operation::Prelu { slopes: vec![0.1; 2] });
    fails(Operation::InstanceNorm { weight: vec![1.0; 3], bias: vec![0.0; 2], eps: 1e-5 });
    fails(Operation::ReflectionPad(Padding::all(4)));
    fails(Operation::PixelShuffle { factor: 2 });
    fails(Operation::PixelShuffle { factor: 0 });
    for (shape, config) in [
        ([4, 3, 3, 3], ConvTranspose2dConfig::default()),
        ([3, 4, 0, 3], ConvTranspose2dConfig::default()),
        ([3, 4, 3, 3], ConvTranspose2dConfig { padding: [4, 4], ..Default::default() }),
        ([3, 4, 3, 3], ConvTranspose2dConfig { groups: 2, ..Default::default() }),
        ([3, 4, 3, 3], ConvTranspose2dConfig { output_padding: [1, 0], ..Default::default() }),
    ] {
        fails(Operation::ConvTranspose2d { weight: weight(0, &shape), shape, bias: None, config });
    }
    for (shape, dilation) in [([5, 2, 3, 3, 3], 1), ([4, 2, 4, 3, 3], 1), ([16, 2, 3, 1, 1], 2)] {
        let config = Conv2dConfig { dilation: [dilation; 2], ..Default::default() };
        fails(Operation::LocallyConnected2d { weight: weight(0, &shape), shape, bias: None, config });
    }
}

#[test]
fn multiply_adds_are_those_of_the_definitions() {
    let mut net = Net::new([3, 5, 4]);
    let input = net.graph.input();
    let config = ConvTranspose2dConfig { stride: [2, 2], ..Default::default() };
    let y = net.transposed(input, 8, [2, 2], config);
    assert_eq!(net.graph.multiply_adds_of(y), 5 * 4 * 3 * 8 * 4);
    let z = net.local(input, 7, [3, 3], Conv2dConfig::default());
    assert_eq!(net.graph.multiply_adds_of(z), (3 * 2) * 7 * 3 * 9);
}

#[test]
fn several_inputs_by_name() {
    for with_rows in [false, true] {
        let build = || {
            let shapes: [(&str, &[usize]); 3] = [("image", &[3, 9, 8]), ("map", &[5, 9, 8]), ("row", &[20])];
            let mut net = Net { graph: Graph::with_inputs(&shapes[..if with_rows { 3 } else { 2 }]).unwrap(), seed: 0 };
            let (image, map) = (net.graph.input(), net.graph.input_named("map").unwrap());
            let image = net.norm(image);
            let x = net.conv(image, 16, 3, 1);
            let both = net.add(Operation::Concat, &[x, map]);
            let y = net.conv(both, 7, 3, 2);
            let direct = net.conv(map, 9, 3, 1);
            if !with_rows {
                return (net, vec![y, direct]);
            }
            let row = net.graph.input_named("row").unwrap();
            let squashed = net.add(Operation::Tanh, &[row]);
            let logits = net.linear(squashed, 4);
            (net, vec![y, direct, logits])
        };
        // As images that are all inputs, one after another.
        check(build, 1e-5);
        let (net, outputs) = build();
        let (total, starts) = net.graph.input_places();
        let plan = Plan::new(net.graph, &outputs, PlanConfig::default()).unwrap();
        let all = draw(77, 3 * total);
        let ends = starts.iter().skip(1).copied().chain([total]);
        let inputs: Vec<Vec<f32>> = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| all.chunks_exact(total).flat_map(|image| image[*start..end].to_vec()).collect())
            .collect();
        let mut named: Vec<(&str, &[f32])> = ["image", "map", "row"]
            .into_iter()
            .zip(&inputs)
            .map(|(name, numbers)| (name, numbers.as_slice()))
            .collect();
        named.reverse();
        assert_eq!(plan.run_inputs(&named).unwrap(), plan.run(&all).unwrap());
        let error = |inputs: &[(&str, &[f32])]| plan.run_inputs(inputs).unwrap_err().to_string();
        assert!(error(&named[1..]).contains("inputs for"));
        let mut unknown = named.clone();
        unknown[0].0 = "picture";
        assert!(error(&unknown).contains("is missing"));
        let mut short = named.clone();
        short[0].1 = &short[0].1[1..];
        assert!(error(&short).contains("numbers are not"));
    }
    assert!(Graph::with_inputs(&[]).is_err());
    assert!(Graph::with_inputs(&[("a", &[3]), ("a", &[4])]).is_err());
    assert!(Graph::with_inputs(&[("a", &[3, 4])]).is_err());
}
