//! The transposed convolution, like torch's `conv_transpose2d`: the gradient of a convolution as a forward operation.
//!
//! Outputs that are a stride apart use the same part of the kernel: together they are a convolution of stride 1 with
//! that part, flipped. There are stride x stride such phases. No zeros are multiplied, and every product is computed by
//! `conv2d`, with its speed and its guarantees. The gradients are `conv2d` of the gradient, and the gradient of that.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Device, Layout, Result, Shape, Tensor, Var, bail};
use rayon::prelude::*;

use crate::wide::sum;
use crate::{Conv2dConfig, ConvTranspose2dConfig, Padding, conv2d, cpu, portable};

/// Applies weight [c, outputs / groups, kh, kw] and bias [outputs] to x [n, c, h, w]; returns [n, outputs, h', w'] with
/// h' = (h - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1.
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn conv_transpose2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvTranspose2dConfig,
) -> Result<Tensor> {
    let geometry = Geometry::new(x.dims(), weight.dims(), config)?;
    if bias.is_some_and(|bias| bias.dims() != [geometry.outputs]) {
        bail!("conv_transpose2d: bias {:?}, but the weight has {} outputs", bias.map(Tensor::dims), geometry.outputs);
    }
    if !cpu::serves(x) {
        return portable::conv_transpose2d(x, weight, bias, config, [geometry.axes[0].to, geometry.axes[1].to]);
    }
    match bias {
        Some(bias) => x.apply_op3(weight, bias, ConvTranspose(geometry)),
        None => x.apply_op2(weight, ConvTranspose(geometry)),
    }
}

struct Geometry {
    n: usize,
    channels: usize,
    outputs: usize,
    groups: usize,
    axes: [Axis; 2],
}

/// One axis of the transposed convolution.
#[derive(Clone, Copy)]
struct Axis {
    from: usize,
    to: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
}

/// The outputs `first`, `first` + stride, ... of one axis: a convolution of stride 1.
struct Phase {
    first: usize,
    count: usize,
    /// Kernel indices, from the last to the first.
    taps: Vec<usize>,
    /// Distance between the inputs of neighboring taps.
    dilation: usize,
    /// The inputs used, and zeros before and after them.
    start: usize,
    length: usize,
    before: usize,
    after: usize,
}

impl Geometry {
    fn new(x: &[usize], weight: &[usize], config: &ConvTranspose2dConfig) -> Result<Self> {
        let (&[n, channels, h, w], &[inputs, group_outputs, kh, kw]) = (x, weight) else {
            bail!("conv_transpose2d: expected x [n,c,h,w] and weight [c,o,kh,kw], got {x:?} and {weight:?}");
        };
        let ConvTranspose2dConfig { stride, padding, output_padding, dilation, groups } = *config;
        if groups == 0 || channels != inputs || !channels.is_multiple_of(groups) {
            bail!("conv_transpose2d: x {x:?} and weight {weight:?} do not match with groups {groups}");
        }
        if weight.contains(&0) || h == 0 || w == 0 || stride.contains(&0) || dilation.contains(&0) {
            bail!(
                "conv_transpose2d: x {x:?}, weight {weight:?}, stride {stride:?}, dilation {dilation:?} must not contain 0"
            );
        }
        let along = |axis: usize, from: usize, kernel: usize| {
            let (stride, dilation, extra) = (stride[axis], dilation[axis], output_padding[axis]);
            if extra >= stride.max(dilation) {
                bail!("conv_transpose2d: output_padding {extra} needs a larger stride or dilation");
            }
            let full = (from - 1) * stride + dilation * (kernel - 1) + extra + 1;
            match full.checked_sub(2 * padding[axis]).filter(|to| *to > 0) {
                Some(to) => Ok(Axis { from, to, kernel, stride, padding: padding[axis], dilation }),
                None => bail!("conv_transpose2d: padding {padding:?} leaves nothing of x {x:?}"),
            }
        };
        let axes = [along(0, h, kh)?, along(1, w, kw)?];
        Ok(Self { n, channels, outputs: group_outputs * groups, groups, axes })
    }

    fn output_shape(&self) -> Shape {
        (self.n, self.outputs, self.axes[0].to, self.axes[1].to).into()
    }

    /// The convolution whose gradient this is.
    fn convolution(&self) -> Conv2dConfig {
        let [rows, columns] = &self.axes;
        Conv2dConfig {
            stride: [rows.stride, columns.stride],
            padding: Padding { top: rows.padding, bottom: rows.padding, left: columns.padding, right: columns.padding },
            dilation: [rows.dilation, columns.dilation],
            groups: self.groups,
        }
    }

    fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> Result<(CpuStorage, Shape)> {
        let [rows, columns] = &self.axes;
        let plane = rows.to * columns.to;
        let mut output = vec![0.0; self.n * self.outputs * plane];
        for (line, bias) in output.chunks_exact_mut(plane).zip(bias.iter().cycle()) {
            line.fill(*bias);
        }
        let x = Tensor::from_slice(x, (self.n, self.channels, rows.from, columns.from), &Device::Cpu)?;
        let columns_phases: Vec<Phase> = columns.phases().collect();
        for row in rows.phases() {
            for column in &columns_phases {
                let Some(part) = self.convolve(&x, weight, &row, column)? else { continue };
                cpu::with_floats(&part, |part| {
                    let planes =
                        output.par_chunks_exact_mut(plane).zip(part.par_chunks_exact(row.count * column.count));
                    planes.for_each(|(output, part)| {
                        for (y, part) in part.chunks_exact(column.count).enumerate() {
                            let line = &mut output[(row.first + y * rows.stride) * columns.to..][..columns.to];
                            let line = line[column.first..].iter_mut().step_by(columns.stride);
                            line.zip(part).for_each(|(output, value)| *output += value);
                        }
                    });
                    Ok(())
                })?;
            }
        }
        Ok(cpu::output(output, self.output_shape()))
    }

    /// [n, outputs, row.count, column.count], or `None` if no input is used.
    fn convolve(&self, x: &Tensor, weight: &[f32], row: &Phase, column: &Phase) -> Result<Option<Tensor>> {
        if [row, column].iter().any(|phase| phase.taps.is_empty() || phase.length == 0) {
            return Ok(None);
        }
        let seen = x.narrow(2, row.start, row.length)?.narrow(3, column.start, column.length)?;
        let config = Conv2dConfig {
            stride: [1, 1],
            padding: Padding { top: row.before, bottom: row.after, left: column.before, right: column.after },
            dilation: [row.dilation, column.dilation],
            groups: self.groups,
        };
        conv2d(&seen, &self.kernel_of(weight, &row.taps, &column.taps)?, None, &config).map(Some)
    }

    /// Part of the kernel [c, outputs / groups, kh, kw] as a convolution's weight [outputs, c / groups, rows, columns].
    fn kernel_of(&self, weight: &[f32], rows: &[usize], columns: &[usize]) -> Result<Tensor> {
        let (inputs, outputs) = (self.channels / self.groups, self.outputs / self.groups);
        let [kh, kw] = [self.axes[0].kernel, self.axes[1].kernel];
        let mut part = Vec::with_capacity(self.outputs * inputs * rows.len() * columns.len());
        for group in 0..self.groups {
            for output in 0..outputs {
                for input in group * inputs..(group + 1) * inputs {
                    let window = &weight[(input * outputs + output) * kh * kw..][..kh * kw];
                    part.extend(rows.iter().flat_map(|y| columns.iter().map(move |x| window[y * kw + x])));
                }
            }
        }
        Tensor::from_vec(part, (self.outputs, inputs, rows.len(), columns.len()), &Device::Cpu)
    }
}

impl Axis {
    /// Output `o` uses tap `k` of input `i` where i * stride + k * dilation = o + padding.
    fn phases(&self) -> impl Iterator<Item = Phase> {
        (0..self.stride.min(self.to)).map(|first| {
            let count = (self.to - first).div_ceil(self.stride);
            let sees = |tap: &usize| (first + self.padding) % self.stride == tap * self.dilation % self.stride;
            let taps: Vec<usize> = (0..self.kernel).rev().filter(sees).collect();
            // The input of output `first` for a tap; may be before or after the map.
            let input = |tap: usize| {
                (first as isize + self.padding as isize - (tap * self.dilation) as isize) / self.stride as isize
            };
            let dilation = match taps[..] {
                [tap, next, ..] => (input(next) - input(tap)) as usize,
                _ => 1,
            };
            let (Some(tap), Some(last)) = (taps.first(), taps.last()) else {
                return Phase { first, count, taps, dilation, start: 0, length: 0, before: 0, after: 0 };
            };
            // All inputs that the phase uses: from..to.
            let (from, to, end) = (input(*tap), input(*last) + count as isize, self.from as isize);
            let (start, stop) = (from.clamp(0, end), to.clamp(0, end));
            let (start, length) = (start as usize, (stop - start).max(0) as usize);
            let (before, after) = ((-from).max(0) as usize, (to - end).max(0) as usize);
            Phase { first, count, taps, dilation, start, length, before, after }
        })
    }
}

struct ConvTranspose(Geometry);

impl ConvTranspose {
    /// For x, the convolution of the gradient; for the weight, the gradient of that convolution.
    fn gradients(&self, x: &Tensor, weight: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        if !x.track_op() && !weight.track_op() {
            return Ok((None, None));
        }
        let [rows, columns] = &self.0.axes;
        let weight_var = Var::from_tensor(&weight.detach())?;
        let whole = if weight.track_op() { weight_var.as_tensor().clone() } else { weight.detach() };
        let of_x = conv2d(&gradient.detach(), &whole, None, &self.0.convolution())?;
        let of_weight = if weight.track_op() {
            // As if the gradient of the convolution's result were x.
            let seeded = of_x.apply_op1(Seed(x.detach()))?;
            seeded.backward()?.remove(&weight_var)
        } else {
            None
        };
        // The output padding can make the convolution's result larger than x.
        let of_x = of_x.detach().narrow(2, 0, rows.from)?.narrow(3, 0, columns.from)?;
        Ok((x.track_op().then_some(of_x), of_weight))
    }
}

/// A scalar whose gradient is the stored tensor, with zeros below and on the right if the argument is larger.
struct Seed(Tensor);

impl CustomOp1 for Seed {
    fn name(&self) -> &'static str {
        "seed"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(cpu::output(vec![0.0], ()))
    }

    fn bwd(&self, argument: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        let ((_, _, h, w), (_, _, height, width)) = (self.0.dims4()?, argument.dims4()?);
        if (h, w) == (height, width) {
            return Ok(Some(self.0.clone()));
        }
        self.0.pad_with_zeros(2, 0, height - h)?.pad_with_zeros(3, 0, width - w).map(Some)
    }
}

/// The gradient [n, outputs, h', w'] summed over images and pixels, in double precision.
fn channel_sums(gradient: &Tensor) -> Result<Tensor> {
    let (n, outputs, h, w) = gradient.dims4()?;
    let data = cpu::with_floats(gradient, |gradient| {
        let of = |output: usize| -> f64 {
            (0..n).map(|image| sum(&gradient[(image * outputs + output) * h * w..][..h * w])).sum()
        };
        Ok((0..outputs).into_par_iter().map(|output| of(output) as f32).collect())
    })?;
    cpu::tensor(data, &outputs.into())
}

impl CustomOp2 for ConvTranspose {
    fn name(&self) -> &'static str {
        "conv_transpose2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        self.0.forward(&cpu::floats(x, lx)?, &cpu::floats(w, lw)?, &[])
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.gradients(x, w, gradient)
    }
}

impl CustomOp3 for ConvTranspose {
    fn name(&self) -> &'static str {
        "conv_transpose2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.0.forward(&cpu::floats(x, lx)?, &cpu::floats(w, lw)?, &cpu::floats(b, lb)?)
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (of_x, of_weight) = self.gradients(x, w, gradient)?;
        let of_bias = if b.track_op() { Some(channel_sums(gradient)?) } else { None };
        Ok((of_x, of_weight, of_bias))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    /// The definition: each input adds its window to the output. In double precision.
    fn naive(x: &Tensor, weight: &Tensor, bias: &Tensor, config: &ConvTranspose2dConfig) -> Tensor {
        let geometry = Geometry::new(x.dims(), weight.dims(), config).unwrap();
        let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (xs, weights, biases) = (numbers(x), numbers(weight), numbers(bias));
        let Geometry { n, channels, outputs, groups, axes: [rows, columns] } = geometry;
        let group_outputs = outputs / groups;
        let plane = rows.to * columns.to;
        let mut y: Vec<f64> = (0..n * outputs * plane).map(|at| f64::from(biases[at / plane % outputs])).collect();
        for (at, value) in xs.iter().enumerate() {
            let (channel, ix) = (at / (rows.from * columns.from), at % columns.from);
            let (image, channel, iy) = (channel / channels, channel % channels, at / columns.from % rows.from);
            for (tap, weight) in weights.iter().enumerate() {
                let (window, kx) = (tap / (rows.kernel * columns.kernel), tap % columns.kernel);
                let ky = tap / columns.kernel % rows.kernel;
                if window / group_outputs != channel {
                    continue;
                }
                let output = channel / (channels / groups) * group_outputs + window % group_outputs;
                let oy = (iy * rows.stride + ky * rows.dilation).checked_sub(rows.padding).filter(|y| *y < rows.to);
                let ox = (ix * columns.stride + kx * columns.dilation).checked_sub(columns.padding);
                if let (Some(oy), Some(ox)) = (oy, ox.filter(|x| *x < columns.to)) {
                    let place = ((image * outputs + output) * rows.to + oy) * columns.to + ox;
                    y[place] += f64::from(*value) * f64::from(*weight);
                }
            }
        }
        Tensor::from_iter(y.iter().map(|y| *y as f32), &Device::Cpu).unwrap().reshape(geometry.output_shape()).unwrap()
    }

    /// (x, weight, options), covering odd cases.
    fn cases() -> Vec<(Vec<usize>, Vec<usize>, ConvTranspose2dConfig)> {
        let plain = ConvTranspose2dConfig::default();
        let square = |stride: usize, padding: usize| ConvTranspose2dConfig {
            stride: [stride; 2],
            padding: [padding; 2],
            ..plain
        };
        vec![
            (vec![2, 3, 4, 5], vec![3, 4, 3, 3], plain),
            (vec![1, 3, 3, 5], vec![3, 2, 4, 4], square(2, 1)),
            (vec![2, 2, 4, 3], vec![2, 3, 3, 2], ConvTranspose2dConfig { output_padding: [1, 0], ..square(2, 1) }),
            (vec![1, 2, 3, 4], vec![2, 2, 1, 2], ConvTranspose2dConfig { stride: [3, 2], ..plain }),
            (vec![1, 4, 3, 2], vec![4, 3, 3, 3], ConvTranspose2dConfig { groups: 2, stride: [2, 1], ..plain }),
            (vec![1, 2, 5, 4], vec![2, 1, 3, 2], ConvTranspose2dConfig { dilation: [2, 3], ..square(2, 2) }),
            (vec![1, 2, 4, 6], vec![2, 2, 3, 4], ConvTranspose2dConfig { dilation: [2, 2], ..square(4, 0) }),
            (vec![1, 1, 3, 3], vec![1, 2, 5, 5], square(1, 3)),
            (vec![1, 2, 2, 3], vec![2, 1, 2, 2], ConvTranspose2dConfig { output_padding: [2, 1], ..square(3, 0) }),
            (
                vec![1, 1, 2, 3],
                vec![1, 1, 3, 2],
                ConvTranspose2dConfig { dilation: [4, 3], output_padding: [3, 2], stride: [2, 1], ..plain },
            ),
        ]
    }

    #[test]
    fn equals_the_naive_loops_and_the_portable_composition_on_odd_and_strided_shapes() {
        for (x, weight, config) in cases() {
            let (x, weight) = (strided("x", &x), strided("weight", &weight));
            let bias = draw("bias", &[weight.dims()[1] * config.groups]);
            let expected = naive(&x, &weight, &bias, &config);
            assert_close(&conv_transpose2d(&x, &weight, Some(&bias), &config).unwrap(), &expected, 1e-5);
            let none = conv_transpose2d(&x, &weight, None, &config).unwrap();
            assert_close(&none, &naive(&x, &weight, &bias.zeros_like().unwrap(), &config), 1e-5);
            if config.dilation[0] == config.dilation[1] {
                let size = [expected.dims()[2], expected.dims()[3]];
                let portable = portable::conv_transpose2d(&x, &weight, Some(&bias), &config, size).unwrap();
                assert_close(&portable, &expected, 1e-5);
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for (x, weight, config) in cases() {
            let bias = [weight[1] * config.groups];
            check_gradients(&[&x, &weight, &bias], 1e-2, |t| conv_transpose2d(&t[0], &t[1], Some(&t[2]), &config));
            check_gradients(&[&x, &weight], 1e-2, |t| conv_transpose2d(&t[0], &t[1], None, &config));
        }
        let shape: &[usize] = &[2, 2, 2, 2];
        check_gradients(&[shape], 1e-2, |t| conv_transpose2d(&t[0], &t[0], None, &ConvTranspose2dConfig::default()));
    }

    #[test]
    fn no_gradient_is_computed_for_constants() {
        let (x, weight) = (Var::from_tensor(&draw("x", &[1, 2, 4, 4])).unwrap(), draw("w", &[2, 3, 3, 3]));
        let sum = |x: &Tensor, w: &Tensor| {
            let y = conv_transpose2d(x, w, None, &ConvTranspose2dConfig::default()).unwrap();
            y.sum_all().unwrap().backward().unwrap()
        };
        let gradients = sum(&x, &weight);
        assert!(gradients.get(&x).is_some() && gradients.get(&weight).is_none());
        let weight = Var::from_tensor(&weight).unwrap();
        let constant = x.detach();
        let gradients = sum(&constant, &weight);
        assert!(gradients.get(&constant).is_none() && gradients.get(&weight).is_some());
    }

    #[test]
    fn results_and_gradients_have_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let (x, weight) = (draw("x", &[3, 20, 9, 11]), draw("w", &[20, 17, 4, 4]));
        let config = ConvTranspose2dConfig { stride: [2, 2], padding: [1, 1], ..ConvTranspose2dConfig::default() };
        let run = |threads, x: &Tensor| {
            let x = Var::from_tensor(x).unwrap();
            in_pool(threads, || {
                let y = conv_transpose2d(&x, &weight, None, &config).unwrap();
                let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                (bits(&y), bits(gradients.get(&x).unwrap()))
            })
        };
        let all = run(1, &x);
        assert_eq!(all, run(3, &x));
        let one = run(2, &x.narrow(0, 2, 1).unwrap());
        assert_eq!(one.0, all.0[2 * one.0.len()..]);
        assert_eq!(one.1, all.1[2 * one.1.len()..]);
    }

    #[test]
    fn the_error_names_mismatched_shapes() {
        let error = |x: &[usize], config: ConvTranspose2dConfig| {
            conv_transpose2d(&draw("x", x), &draw("w", &[3, 2, 3, 3]), None, &config).unwrap_err().to_string()
        };
        let plain = ConvTranspose2dConfig::default();
        assert!(error(&[1, 2, 8, 8], plain).contains("x [1, 2, 8, 8] and weight [3, 2, 3, 3] do not match"));
        assert!(error(&[1, 3, 1, 1], ConvTranspose2dConfig { padding: [2, 0], ..plain }).contains("leaves nothing"));
        assert!(error(&[1, 3, 2, 2], ConvTranspose2dConfig { output_padding: [1, 0], ..plain }).contains("needs"));
    }
}
