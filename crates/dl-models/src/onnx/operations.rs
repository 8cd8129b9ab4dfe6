//! The operations of a graph as ONNX's.

use anyhow::{Result, ensure};
use dl_kernels::{
    Conv2dConfig, ConvTranspose2dConfig, Graph, L2Epsilon, LocalResponse, Neighbors, NodeId, Operation, Padding,
    PoolConfig, ResizeAxis, ResizeMethod, Window,
};

use super::model::Attribute::{Float, Int, Ints, Text};
use super::model::{Axis, OnnxModel, Value};

/// Adds all operations of a graph with one input, by its name and batch axis; returns the values of `outputs`.
/// # Errors
/// When an operation has no counterpart.
pub(crate) fn add_graph(
    model: &mut OnnxModel,
    graph: &Graph,
    (input, batch): (&str, Axis),
    outputs: &[NodeId],
) -> Result<Vec<Value>> {
    ensure!(graph.inputs().count() == 1, "only networks with one input can be exported");
    let axes = std::iter::once(batch).chain(graph.shape(graph.input()).iter().map(|side| Axis::Fixed(*side)));
    let axes: Vec<Axis> = axes.collect();
    let mut values: Vec<Value> = Vec::new();
    for node in graph.nodes() {
        let value = match graph.operation(node) {
            Operation::Input => model.input(input, &axes),
            operation => {
                let sources = graph.sources(node);
                let inputs: Vec<&Value> = sources.iter().map(|source| &values[source.index()]).collect();
                let from = sources.first().map_or(&[][..], |source| graph.shape(*source));
                add(model, operation, &inputs, from, graph.shape(node))?
            }
        };
        values.push(value);
    }
    Ok(outputs.iter().map(|node| values[node.index()].clone()).collect())
}

/// Adds one operation; `from` and `to` are the shapes of its first input and its output, without the batch.
fn add(model: &mut OnnxModel, operation: &Operation, inputs: &[&Value], from: &[usize], to: &[usize]) -> Result<Value> {
    let x = inputs[0];
    Ok(match operation {
        Operation::Input => x.clone(),
        Operation::Conv2d { weight, shape, bias, config } => {
            let weight = model.floats(shape, &weight())?;
            let bias = bias.as_ref().map(|bias| model.floats(&[shape[0]], &bias())).transpose()?;
            convolution(model, [Some(x), Some(&weight), bias.as_ref()], [shape[2], shape[3]], config)
        }
        Operation::ConvTranspose2d { weight, shape, bias, config } => {
            let weight = model.floats(shape, &weight())?;
            let outputs = shape[1] * config.groups;
            let bias = bias.as_ref().map(|bias| model.floats(&[outputs], &bias())).transpose()?;
            transposed(model, [Some(x), Some(&weight), bias.as_ref()], [shape[2], shape[3]], config)
        }
        Operation::LocallyConnected2d { weight, shape, bias, config } => {
            let bias = bias.as_ref().map(|bias| bias());
            locally_connected(model, x, (&weight(), *shape), bias, config, to)?
        }
        Operation::Affine { scale, shift } => {
            let shape = [scale.len(), 1, 1];
            let (scale, shift) = (model.floats(&shape, scale)?, model.floats(&shape, shift)?);
            let scaled = model.add("Mul", &[x, &scale], &[]);
            model.add("Add", &[&scaled, &shift], &[])
        }
        Operation::Clamp { low: 0.0, high: f32::INFINITY } => model.add("Relu", &[x], &[]),
        Operation::Clamp { low, high } => {
            let bound = |model: &mut OnnxModel, bound: f32| bound.is_finite().then(|| model.float(bound));
            let (low, high) = (bound(model, *low), bound(model, *high));
            model.add_with("Clip", &[Some(x), low.as_ref(), high.as_ref()], &[])
        }
        Operation::LeakyRelu { slope } => model.add("LeakyRelu", &[x], &[("alpha", Float(*slope))]),
        Operation::Sigmoid => model.add("Sigmoid", &[x], &[]),
        Operation::Tanh => model.add("Tanh", &[x], &[]),
        Operation::HardSwish => model.add("HardSwish", &[x], &[]),
        Operation::Swish => {
            let gate = model.add("Sigmoid", &[x], &[]);
            model.add("Mul", &[x, &gate], &[])
        }
        Operation::Mish => model.add("Mish", &[x], &[]),
        Operation::Prelu { slopes } => {
            let slopes = model.floats(&[slopes.len(), 1, 1], slopes)?;
            model.add("PRelu", &[x, &slopes], &[])
        }
        Operation::Softplus => model.add("Softplus", &[x], &[]),
        Operation::Square => model.add("Mul", &[x, x], &[]),
        Operation::InverseRoot => {
            let root = model.add("Sqrt", &[x], &[]);
            model.add("Reciprocal", &[&root], &[])
        }
        Operation::ReflectionPad(Padding { top, bottom, left, right }) => {
            let pads = [0, 0, *top, *left, 0, 0, *bottom, *right].map(|count| count as i64);
            let pads = model.ints(&pads);
            model.add("Pad", &[x, &pads], &[("mode", Text("reflect"))])
        }
        Operation::PixelShuffle { factor } => {
            model.add("DepthToSpace", &[x], &[("blocksize", Int(*factor)), ("mode", Text("CRD"))])
        }
        Operation::InstanceNorm { weight, bias, eps } => {
            let (weight, bias) = (model.floats(&[weight.len()], weight)?, model.floats(&[bias.len()], bias)?);
            model.add("InstanceNormalization", &[x, &weight, &bias], &[("epsilon", Float(*eps as f32))])
        }
        Operation::Rearrange { from, shape } => {
            let flat = model.add("Flatten", &[x], &[("axis", Int(1))]);
            let from = model.ints(&from.iter().map(|from| i64::from(*from)).collect::<Vec<i64>>());
            let moved = model.add("Gather", &[&flat, &from], &[("axis", Int(1))]);
            let shape: Vec<i64> = std::iter::once(0).chain(shape.iter().map(|side| *side as i64)).collect();
            let shape = model.ints(&shape);
            model.add("Reshape", &[&moved, &shape], &[])
        }
        Operation::Gate => model.add("Mul", &[x, inputs[1]], &[]),
        Operation::PadChannels { before, after } => {
            let pads = model.ints(&[0, *before as i64, 0, 0, 0, *after as i64, 0, 0]);
            model.add("Pad", &[x, &pads], &[])
        }
        Operation::Add => model.add("Add", inputs, &[]),
        Operation::Concat => model.add("Concat", inputs, &[("axis", Int(1))]),
        Operation::MaxPool2d(config) => pool(model, "MaxPool", x, config, from, &[])?,
        Operation::AvgPool2d(config) => average(model, x, config, from)?,
        Operation::AdaptiveAvgPool2d(bins) => adaptive_average(model, x, *bins, from)?,
        Operation::Resize { size, method } => resize(model, x, *size, *method, from)?,
        Operation::L2Norm { weight, epsilon } => l2_norm(model, x, weight, *epsilon)?,
        Operation::Flatten => model.add("Flatten", &[x], &[("axis", Int(1))]),
        Operation::Linear { weight, shape, bias } => {
            let weight = model.floats(shape, &weight())?;
            let bias = bias.as_ref().map(|bias| model.floats(&[shape[0]], &bias())).transpose()?;
            model.add_with("Gemm", &[Some(x), Some(&weight), bias.as_ref()], &[("transB", Int(1))])
        }
        Operation::LocalResponseNorm(norm @ LocalResponse { neighbors: Neighbors::Positions, .. }) => {
            response_of_positions(model, x, norm, from)?
        }
        Operation::LocalResponseNorm(LocalResponse { size, alpha, beta, k, .. }) => {
            // With an even size, ONNX's window begins one channel later.
            ensure!(
                size % 2 == 1,
                "ONNX has no local response normalization over {size} channels, only over an odd number"
            );
            let attributes =
                [("size", Int(*size)), ("alpha", Float(*alpha)), ("beta", Float(*beta)), ("bias", Float(*k))];
            model.add("LRN", &[x], &attributes)
        }
        Operation::Softmax => model.add("Softmax", &[x], &[("axis", Int(1))]),
    })
}

fn convolution(model: &mut OnnxModel, inputs: [Option<&Value>; 3], kernel: [usize; 2], config: &Conv2dConfig) -> Value {
    let Conv2dConfig { stride, padding: Padding { top, bottom, left, right }, dilation, groups } = *config;
    let inputs = if inputs[2].is_some() { &inputs[..] } else { &inputs[..2] };
    let attributes = [
        ("kernel_shape", Ints(&kernel)),
        ("strides", Ints(&stride)),
        ("pads", Ints(&[top, left, bottom, right])),
        ("dilations", Ints(&dilation)),
        ("group", Int(groups)),
    ];
    model.add_with("Conv", inputs, &attributes)
}

fn transposed(
    model: &mut OnnxModel,
    inputs: [Option<&Value>; 3],
    kernel: [usize; 2],
    config: &ConvTranspose2dConfig,
) -> Value {
    let ConvTranspose2dConfig { stride, padding: [rows, columns], output_padding, dilation, groups } = *config;
    let inputs = if inputs[2].is_some() { &inputs[..] } else { &inputs[..2] };
    let attributes = [
        ("kernel_shape", Ints(&kernel)),
        ("strides", Ints(&stride)),
        ("pads", Ints(&[rows, columns, rows, columns])),
        ("output_padding", Ints(&output_padding)),
        ("dilations", Ints(&dilation)),
        ("group", Int(groups)),
    ];
    model.add_with("ConvTranspose", inputs, &attributes)
}

/// The patches of each place, by a convolution of each channel that copies, times the place's own filters.
fn locally_connected(
    model: &mut OnnxModel,
    x: &Value,
    (weight, [places, filters, channels, kh, kw]): (&[f32], [usize; 5]),
    bias: Option<Vec<f32>>,
    config: &Conv2dConfig,
    to: &[usize],
) -> Result<Value> {
    let area = kh * kw;
    let mut copies = vec![0.0; channels * area * area];
    for row in 0..channels * area {
        copies[row * area + row % area] = 1.0;
    }
    let copies = model.floats(&[channels * area, 1, kh, kw], &copies)?;
    let config = Conv2dConfig { groups: channels, ..*config };
    let patches = convolution(model, [Some(x), Some(&copies), None], [kh, kw], &config);
    let shape = model.ints(&[0, (channels * area) as i64, places as i64]);
    let patches = model.add("Reshape", &[&patches, &shape], &[]);
    // [places, n, numbers] x [places, numbers, filters]
    let patches = model.add("Transpose", &[&patches], &[("perm", Ints(&[2, 0, 1]))]);
    let weight = model.floats(&[places, filters, channels * area], weight)?;
    let weight = model.add("Transpose", &[&weight], &[("perm", Ints(&[0, 2, 1]))]);
    let product = model.add("MatMul", &[&patches, &weight], &[]);
    let product = model.add("Transpose", &[&product], &[("perm", Ints(&[1, 2, 0]))]);
    let shape = model.ints(&[0, filters as i64, to[1] as i64, to[2] as i64]);
    let output = model.add("Reshape", &[&product, &shape], &[]);
    Ok(match bias {
        Some(bias) => {
            let bias = model.floats(to, &bias)?;
            model.add("Add", &[&output, &bias], &[])
        }
        None => output,
    })
}

/// A pooling layer with the padding that its windows need, so that ONNX's own rule for the last window does not matter.
fn pool(
    model: &mut OnnxModel,
    operation: &str,
    x: &Value,
    config: &PoolConfig,
    from: &[usize],
    more: &[(&str, usize)],
) -> Result<Value> {
    let windows = config.windows(from[1], from[2])?;
    // No more than the last window needs: more would make room for another one.
    let after = |axis: usize| {
        let reach = (windows[axis].len() - 1) * config.stride[axis] + config.kernel[axis];
        reach.saturating_sub(from[1 + axis] + config.padding[axis])
    };
    let pads = [config.padding[0], config.padding[1], after(0), after(1)];
    let mut attributes =
        vec![("kernel_shape", Ints(&config.kernel)), ("strides", Ints(&config.stride)), ("pads", Ints(&pads))];
    attributes.extend(more.iter().map(|(name, value)| (*name, Int(*value))));
    Ok(model.add(operation, &[x], &attributes))
}

/// The mean counts the padding, but not what a last window has beyond it.
fn average(model: &mut OnnxModel, x: &Value, config: &PoolConfig, from: &[usize]) -> Result<Value> {
    let mean = pool(model, "AveragePool", x, config, from, &[("count_include_pad", 1)])?;
    let [rows, columns] = config.windows(from[1], from[2])?;
    let factor = |windows: &[Window], kernel: usize| -> Vec<f32> {
        windows.iter().map(|window| kernel as f32 / window.padded as f32).collect()
    };
    let [rows, columns] = [factor(&rows, config.kernel[0]), factor(&columns, config.kernel[1])];
    if rows.iter().chain(&columns).all(|factor| *factor == 1.0) {
        return Ok(mean);
    }
    let factors: Vec<f32> = rows.iter().flat_map(|row| columns.iter().map(move |column| row * column)).collect();
    let factors = model.floats(&[1, 1, rows.len(), columns.len()], &factors)?;
    Ok(model.add("Mul", &[&mean, &factors], &[]))
}

/// ONNX's LRN is over channels alone.
fn response_of_positions(
    model: &mut OnnxModel,
    x: &Value,
    &LocalResponse { size, alpha, beta, k, .. }: &LocalResponse,
    from: &[usize],
) -> Result<Value> {
    let squares = model.add("Mul", &[x, x], &[]);
    let around = PoolConfig { padding: [size / 2; 2], ..PoolConfig::square(size, 1) };
    let mean = average(model, &squares, &around, from)?;
    let [alpha, beta, k] = [alpha, beta, k].map(|number| model.float(number));
    let scaled = model.add("Mul", &[&mean, &alpha], &[]);
    let sum = model.add("Add", &[&scaled, &k], &[]);
    let divisor = model.add("Pow", &[&sum, &beta], &[]);
    Ok(model.add("Div", &[x, &divisor], &[]))
}

fn adaptive_average(model: &mut OnnxModel, x: &Value, bins: [usize; 2], from: &[usize]) -> Result<Value> {
    if bins == [1, 1] {
        return Ok(model.add("GlobalAveragePool", &[x], &[]));
    }
    if from[1].is_multiple_of(bins[0]) && from[2].is_multiple_of(bins[1]) {
        let kernel = [from[1] / bins[0], from[2] / bins[1]];
        return Ok(model.add("AveragePool", &[x], &[("kernel_shape", Ints(&kernel)), ("strides", Ints(&kernel))]));
    }
    // Bins of different lengths: a matrix of means on either side.
    let means = |length: usize, count: usize| {
        let mut means = vec![0.0; count * length];
        for (row, bin) in means.chunks_exact_mut(length).zip(Window::adaptive(length, count)) {
            row[bin.start..bin.end].fill(1.0 / (bin.end - bin.start) as f32);
        }
        means
    };
    let rows = model.floats(&[bins[0], from[1]], &means(from[1], bins[0]))?;
    let columns = model.floats(&[bins[1], from[2]], &means(from[2], bins[1]))?;
    let columns = model.add("Transpose", &[&columns], &[("perm", Ints(&[1, 0]))]);
    let down = model.add("MatMul", &[&rows, x], &[]);
    Ok(model.add("MatMul", &[&down, &columns], &[]))
}

fn resize(model: &mut OnnxModel, x: &Value, size: [usize; 2], method: ResizeMethod, from: &[usize]) -> Result<Value> {
    match method {
        // By index, since programs round differently.
        ResizeMethod::Nearest => {
            let mut value = x.clone();
            for axis in [0, 1] {
                let taps = ResizeAxis::of_lengths(from[1 + axis], size[axis]).nearest();
                let indices = model.ints(&taps.iter().map(|tap| tap.first as i64).collect::<Vec<i64>>());
                value = model.add("Gather", &[&value, &indices], &[("axis", Int(2 + axis))]);
            }
            Ok(value)
        }
        ResizeMethod::Bilinear => {
            let sizes = model.ints(&size.map(|side| side as i64));
            let attributes = [
                ("mode", Text("linear")),
                ("coordinate_transformation_mode", Text("half_pixel")),
                ("axes", Ints(&[2, 3])),
            ];
            Ok(model.add_with("Resize", &[Some(x), None, None, Some(&sizes)], &attributes))
        }
    }
}

fn l2_norm(model: &mut OnnxModel, x: &Value, weight: &[f32], epsilon: L2Epsilon) -> Result<Value> {
    let channels = model.ints(&[1]);
    let squares = model.add("ReduceSumSquare", &[x, &channels], &[("keepdims", Int(1))]);
    let norm = match epsilon {
        L2Epsilon::Added(epsilon) => {
            let epsilon = model.float(epsilon as f32);
            let sum = model.add("Add", &[&squares, &epsilon], &[]);
            model.add("Sqrt", &[&sum], &[])
        }
        L2Epsilon::AtLeast(epsilon) => {
            let epsilon = model.float(epsilon as f32);
            let root = model.add("Sqrt", &[&squares], &[]);
            model.add("Max", &[&root, &epsilon], &[])
        }
    };
    let unit = model.add("Div", &[x, &norm], &[]);
    let weight = model.floats(&[weight.len(), 1, 1], weight)?;
    Ok(model.add("Mul", &[&unit, &weight], &[]))
}
