//! The naive reference: every operation by its definition, in double precision. Tests compare plans with it.

use crate::across::L2Epsilon;
use crate::graph::{Graph, NodeId, Operation};
use crate::map::Padding;
use crate::normalize::{LocalResponse, Neighbors};
use crate::reflect::reflected;
use crate::window::Window;

/// The outputs of `nodes` for one image.
pub(crate) fn evaluate(graph: &Graph, nodes: &[NodeId], image: &[f32]) -> Vec<Vec<f64>> {
    let (_, starts) = graph.input_places();
    let mut values: Vec<Vec<f64>> = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let inputs: Vec<&Vec<f64>> = node.inputs.iter().map(|input| &values[input.0]).collect();
        let shapes: Vec<&[usize]> = node.inputs.iter().map(|input| graph.shape(*input)).collect();
        values.push(match &node.operation {
            Operation::Input => {
                let own = &image[starts[index]..][..node.shape.iter().product()];
                own.iter().map(|number| f64::from(*number)).collect()
            }
            operation => apply(operation, &inputs, &shapes, &node.shape),
        });
    }
    nodes.iter().map(|node| values[node.0].clone()).collect()
}

fn apply(operation: &Operation, inputs: &[&Vec<f64>], shapes: &[&[usize]], to: &[usize]) -> Vec<f64> {
    let (x, shape) = (inputs[0], shapes[0]);
    let plane: usize = shape[1..].iter().product();
    match operation {
        Operation::Input => unreachable!("the image is already computed"),
        Operation::Conv2d { weight, shape: [outputs, per_group, kh, kw], bias, config } => {
            let (weight, bias) = (weight(), bias.as_ref().map(|bias| bias()));
            let [height, width] = [shape[1] as isize, shape[2] as isize];
            let Padding { top, left, .. } = config.padding;
            let mut result = Vec::new();
            for out in 0..*outputs {
                let group = out / (outputs / config.groups);
                for y in 0..to[1] {
                    for x_out in 0..to[2] {
                        let mut sum = bias.as_ref().map_or(0.0, |bias| f64::from(bias[out]));
                        for c in 0..*per_group {
                            for ky in 0..*kh {
                                for kx in 0..*kw {
                                    let row = (y * config.stride[0] + ky * config.dilation[0]) as isize - top as isize;
                                    let column =
                                        (x_out * config.stride[1] + kx * config.dilation[1]) as isize - left as isize;
                                    if (0..height).contains(&row) && (0..width).contains(&column) {
                                        let from = (group * per_group + c) * plane + (row * width + column) as usize;
                                        let weight = weight[((out * per_group + c) * kh + ky) * kw + kx];
                                        sum += x[from] * f64::from(weight);
                                    }
                                }
                            }
                        }
                        result.push(sum);
                    }
                }
            }
            result
        }
        Operation::ConvTranspose2d { weight, shape: [inputs, group_outputs, kh, kw], bias, config } => {
            let (weight, bias) = (weight(), bias.as_ref().map(|bias| bias()));
            let area = to[1] * to[2];
            let mut result: Vec<f64> = (0..to[0] * area)
                .map(|index| bias.as_ref().map_or(0.0, |bias| f64::from(bias[index / area])))
                .collect();
            // Every input scatters the kernel.
            for input in 0..*inputs {
                let group = input / (inputs / config.groups);
                for (place, number) in x[input * plane..(input + 1) * plane].iter().enumerate() {
                    let from = [place / shape[2], place % shape[2]];
                    for out in 0..*group_outputs {
                        for ky in 0..*kh {
                            for kx in 0..*kw {
                                let row = (from[0] * config.stride[0] + ky * config.dilation[0])
                                    .checked_sub(config.padding[0])
                                    .filter(|row| *row < to[1]);
                                let column = (from[1] * config.stride[1] + kx * config.dilation[1])
                                    .checked_sub(config.padding[1])
                                    .filter(|column| *column < to[2]);
                                if let (Some(row), Some(column)) = (row, column) {
                                    let weight = weight[((input * group_outputs + out) * kh + ky) * kw + kx];
                                    let at = (group * group_outputs + out) * area + row * to[2] + column;
                                    result[at] += number * f64::from(weight);
                                }
                            }
                        }
                    }
                }
            }
            result
        }
        Operation::LocallyConnected2d { weight, shape: [places, filters, channels, kh, kw], bias, config } => {
            let (weight, bias) = (weight(), bias.as_ref().map(|bias| bias()));
            let mut result = Vec::new();
            for filter in 0..*filters {
                for place in 0..*places {
                    let mut sum = bias.as_ref().map_or(0.0, |bias| f64::from(bias[filter * places + place]));
                    for c in 0..*channels {
                        for ky in 0..*kh {
                            for kx in 0..*kw {
                                let row = (place / to[2] * config.stride[0] + ky).checked_sub(config.padding.top);
                                let column = (place % to[2] * config.stride[1] + kx).checked_sub(config.padding.left);
                                if let (Some(row), Some(column)) =
                                    (row.filter(|row| *row < shape[1]), column.filter(|column| *column < shape[2]))
                                {
                                    let line = (place * filters + filter) * channels + c;
                                    let weight = weight[(line * kh + ky) * kw + kx];
                                    sum += x[c * plane + row * shape[2] + column] * f64::from(weight);
                                }
                            }
                        }
                    }
                    result.push(sum);
                }
            }
            result
        }
        Operation::Affine { scale, shift } => {
            let channel = |index: usize| index / plane;
            let one =
                |(index, x): (usize, &f64)| x * f64::from(scale[channel(index)]) + f64::from(shift[channel(index)]);
            x.iter().enumerate().map(one).collect()
        }
        Operation::Clamp { low, high } => x.iter().map(|x| x.clamp(f64::from(*low), f64::from(*high))).collect(),
        Operation::LeakyRelu { slope } => x.iter().map(|x| if *x > 0.0 { *x } else { x * f64::from(*slope) }).collect(),
        Operation::Sigmoid => x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
        Operation::Tanh => x.iter().map(|x| x.tanh()).collect(),
        Operation::Softplus => x.iter().map(|x| x.exp().ln_1p()).collect(),
        Operation::Square => x.iter().map(|x| x * x).collect(),
        Operation::InverseRoot => x.iter().map(|x| 1.0 / x.sqrt()).collect(),
        Operation::Prelu { slopes } => {
            let one = |(index, x): (usize, &f64)| if *x > 0.0 { *x } else { x * f64::from(slopes[index / plane]) };
            x.iter().enumerate().map(one).collect()
        }
        Operation::InstanceNorm { weight, bias, eps } => {
            let channels = x.chunks_exact(plane).zip(weight).zip(bias);
            let normed = channels.flat_map(|((channel, weight), bias)| {
                let mean = channel.iter().sum::<f64>() / plane as f64;
                let variance = channel.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / plane as f64;
                let factor = f64::from(*weight) / (variance + eps).sqrt();
                channel.iter().map(move |x| (x - mean) * factor + f64::from(*bias))
            });
            normed.collect()
        }
        Operation::ReflectionPad(padding) => {
            let rows = reflected(shape[1], padding.top, padding.bottom);
            let columns = reflected(shape[2], padding.left, padding.right);
            let padded = x.chunks_exact(plane).flat_map(|plane| {
                let columns = &columns;
                rows.iter().flat_map(move |y| columns.iter().map(move |x| plane[y * shape[2] + x]))
            });
            padded.collect()
        }
        Operation::PixelShuffle { factor } => {
            let mut result = vec![0.0; x.len()];
            for (index, number) in x.iter().enumerate() {
                let (channel, y, column) = (index / plane, index % plane / shape[2], index % shape[2]);
                let (out, i, j) = (channel / (factor * factor), channel / factor % factor, channel % factor);
                result[(out * to[1] + y * factor + i) * to[2] + column * factor + j] = *number;
            }
            result
        }
        Operation::Resize { size, method } => {
            let [rows, columns] = method.taps([shape[1], shape[2]], *size).unwrap();
            let mut result = Vec::new();
            for plane in x.chunks_exact(plane) {
                for row in &rows {
                    for column in &columns {
                        let at = |y: usize, x: usize| plane[y * shape[2] + x];
                        let along = |y: usize| {
                            let share = f64::from(column.share);
                            at(y, column.first) * (1.0 - share) + at(y, column.second) * share
                        };
                        let share = f64::from(row.share);
                        result.push(along(row.first) * (1.0 - share) + along(row.second) * share);
                    }
                }
            }
            result
        }
        Operation::L2Norm { weight, epsilon } => {
            let one = |(index, number): (usize, &f64)| {
                let squares: f64 = x.iter().skip(index % plane).step_by(plane).map(|x| x * x).sum();
                let norm = match epsilon {
                    L2Epsilon::Added(epsilon) => (squares + epsilon).sqrt(),
                    L2Epsilon::AtLeast(epsilon) => squares.sqrt().max(*epsilon),
                };
                number / norm * f64::from(weight[index / plane])
            };
            x.iter().enumerate().map(one).collect()
        }
        Operation::HardSwish => x.iter().map(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)).collect(),
        Operation::Swish => x.iter().map(|x| x / (1.0 + (-x).exp())).collect(),
        Operation::Mish => x.iter().map(|x| x * x.exp().ln_1p().tanh()).collect(),
        Operation::Rearrange { from, .. } => from.iter().map(|from| x[*from as usize]).collect(),
        Operation::Gate => x.iter().enumerate().map(|(index, x)| x * inputs[1][index / plane]).collect(),
        Operation::PadChannels { before, after } => {
            [vec![0.0; before * plane], x.clone(), vec![0.0; after * plane]].concat()
        }
        Operation::Add => x.iter().zip(inputs[1]).map(|(a, b)| a + b).collect(),
        Operation::Concat => inputs.iter().flat_map(|input| input.iter().copied()).collect(),
        Operation::MaxPool2d(config) => {
            let windows = config.windows(shape[1], shape[2]).unwrap();
            pool(x, shape, &windows, |window, _| window.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        }
        Operation::AvgPool2d(config) => {
            let windows = config.windows(shape[1], shape[2]).unwrap();
            pool(x, shape, &windows, |window, size| window.iter().sum::<f64>() / size as f64)
        }
        Operation::AdaptiveAvgPool2d([rows, columns]) => {
            let windows = [Window::adaptive(shape[1], *rows), Window::adaptive(shape[2], *columns)];
            pool(x, shape, &windows, |window, size| window.iter().sum::<f64>() / size as f64)
        }
        Operation::Flatten => x.clone(),
        Operation::Linear { weight, bias, .. } => {
            let (weight, bias) = (weight(), bias.as_ref().map(|bias| bias()));
            let row = |(out, row): (usize, &[f32])| {
                let sum: f64 = row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
                sum + bias.as_ref().map_or(0.0, |bias| f64::from(bias[out]))
            };
            weight.chunks_exact(x.len()).enumerate().map(row).collect()
        }
        Operation::LocalResponseNorm(LocalResponse { neighbors, size, alpha, beta, k }) => {
            let near = |at: usize, end: usize| at.saturating_sub(size / 2)..(at + size.div_ceil(2)).min(end);
            let one = |(index, number): (usize, &f64)| {
                let (channel, place) = (index / plane, index % plane);
                let (squares, count): (f64, usize) = match neighbors {
                    Neighbors::Channels => {
                        (near(channel, shape[0]).map(|channel| x[channel * plane + place].powi(2)).sum(), *size)
                    }
                    Neighbors::Positions => {
                        let (height, width) = (shape[1], shape[2]);
                        let (y, x0) = (place / width, place % width);
                        let rows = near(y, height).flat_map(|y| near(x0, width).map(move |column| y * width + column));
                        (rows.map(|place| x[channel * plane + place].powi(2)).sum(), size * size)
                    }
                };
                number / (f64::from(*k) + f64::from(*alpha) / count as f64 * squares).powf(f64::from(*beta))
            };
            x.iter().enumerate().map(one).collect()
        }
        Operation::Softmax => {
            // A row has one position.
            let sum = |place: usize| x.iter().skip(place).step_by(plane).map(|x| x.exp()).sum::<f64>();
            x.iter().enumerate().map(|(index, x)| x.exp() / sum(index % plane)).collect()
        }
    }
}

fn pool(x: &[f64], shape: &[usize], windows: &[Vec<Window>; 2], reduce: impl Fn(&[f64], usize) -> f64) -> Vec<f64> {
    let mut result = Vec::new();
    for plane in x.chunks_exact(shape[1] * shape[2]) {
        for rows in &windows[0] {
            for columns in &windows[1] {
                let row = |y: usize| &plane[y * shape[2] + columns.start..y * shape[2] + columns.end];
                let window: Vec<f64> = (rows.start..rows.end).flat_map(|y| row(y).iter().copied()).collect();
                result.push(reduce(&window, rows.padded * columns.padded));
            }
        }
    }
    result
}
