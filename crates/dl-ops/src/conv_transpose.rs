//! The transposed convolution, like torch's `conv_transpose2d`: the gradient of a convolution as a forward operation.
//!
//! It is computed as that gradient, and its own gradients are the convolution and the gradient of its weight: all by
//! `dl_kernels::ConvShape`, with its speed and its guarantees.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor, bail};
use dl_kernels::ConvShape;
use rayon::prelude::*;

use crate::conv::bias_gradient;
use crate::{Conv2dConfig, ConvTranspose2dConfig, Padding, cpu, portable};

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
    let op = ConvTranspose::new(x.dims(), weight.dims(), config)?;
    let [_, outputs, height, width] = op.result;
    if bias.is_some_and(|bias| bias.dims() != [outputs]) {
        bail!("conv_transpose2d: bias {:?}, but the weight has {outputs} outputs", bias.map(Tensor::dims));
    }
    if !cpu::serves(x) {
        return portable::conv_transpose2d(x, weight, bias, config, [height, width]);
    }
    match bias {
        Some(bias) => x.apply_op3(weight, bias, op),
        None => x.apply_op2(weight, op),
    }
}

struct ConvTranspose {
    /// The convolution whose gradient this is: from the result to x, or to a map that is larger than x below and on the
    /// right if output padding adds more than a stride.
    convolution: ConvShape,
    /// [n, c, h, w]
    x: [usize; 4],
    /// [n, outputs, h', w']
    result: [usize; 4],
}

impl ConvTranspose {
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
                Some(to) => Ok(to),
                None => bail!("conv_transpose2d: padding {padding:?} leaves nothing of x {x:?}"),
            }
        };
        let result = [n, group_outputs * groups, along(0, h, kh)?, along(1, w, kw)?];
        let [rows, columns] = padding;
        let padding = Padding { top: rows, bottom: rows, left: columns, right: columns };
        let config = Conv2dConfig { stride, padding, dilation, groups };
        let convolution = ConvShape::new(&result, weight, config).map_err(Error::msg)?;
        Ok(Self { convolution, x: [n, channels, h, w], result })
    }

    fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> (CpuStorage, Shape) {
        let mut result = match self.widened(x) {
            Some(wide) => self.convolution.input_gradient(weight, &wide),
            None => self.convolution.input_gradient(weight, x),
        };
        if !bias.is_empty() {
            let [_, outputs, height, width] = self.result;
            let planes = result.par_chunks_exact_mut(height * width).enumerate();
            planes.for_each(|(plane, numbers)| numbers.iter_mut().for_each(|number| *number += bias[plane % outputs]));
        }
        cpu::output(result, self.result.to_vec())
    }

    /// x with zeros below and on the right, if the convolution's result is larger.
    fn widened(&self, x: &[f32]) -> Option<Vec<f32>> {
        let ([n, channels, h, w], [_, _, height, width]) = (self.x, self.convolution.output_dims());
        if [h, w] == [height, width] {
            return None;
        }
        let mut wide = vec![0.0; n * channels * height * width];
        for (wide, plane) in wide.chunks_exact_mut(height * width).zip(x.chunks_exact(h * w)) {
            for (wide, line) in wide.chunks_exact_mut(width).zip(plane.chunks_exact(w)) {
                wide[..w].copy_from_slice(line);
            }
        }
        Some(wide)
    }

    /// For x, the convolution of the gradient; for the weight, the gradient of that convolution.
    fn gradients(&self, x: &Tensor, weight: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        cpu::with_floats(gradient, |gradient| {
            let of_x = || {
                let of_x =
                    cpu::with_floats(weight, |weight| Ok(self.convolution.forward(gradient, weight, &[], false)))?;
                let of_x = cpu::tensor(of_x, &self.convolution.output_dims().to_vec().into())?;
                of_x.narrow(2, 0, self.x[2])?.narrow(3, 0, self.x[3])
            };
            let of_weight = || {
                let of_weight = cpu::with_floats(x, |x| {
                    Ok(match self.widened(x) {
                        Some(wide) => self.convolution.weight_gradient(gradient, &wide),
                        None => self.convolution.weight_gradient(gradient, x),
                    })
                })?;
                cpu::tensor(of_weight, weight.shape())
            };
            Ok((x.track_op().then(of_x).transpose()?, weight.track_op().then(of_weight).transpose()?))
        })
    }
}

impl CustomOp2 for ConvTranspose {
    fn name(&self) -> &'static str {
        "conv_transpose2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(self.forward(&cpu::floats(x, lx)?, &cpu::floats(w, lw)?, &[]))
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
        Ok(self.forward(&cpu::floats(x, lx)?, &cpu::floats(w, lw)?, &cpu::floats(b, lb)?))
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
        let of_bias = if b.track_op() { Some(bias_gradient(gradient)?) } else { None };
        Ok((of_x, of_weight, of_bias))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    /// The definition: each input adds its window to the output. In double precision.
    fn naive(x: &Tensor, weight: &Tensor, bias: &Tensor, config: &ConvTranspose2dConfig) -> Tensor {
        let op = ConvTranspose::new(x.dims(), weight.dims(), config).unwrap();
        let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (xs, weights, biases) = (numbers(x), numbers(weight), numbers(bias));
        let ([_, channels, h, w], [n, outputs, height, width]) = (op.x, op.result);
        let (kh, kw) = (weight.dims()[2], weight.dims()[3]);
        let ConvTranspose2dConfig { stride, padding, dilation, groups, .. } = *config;
        let group_outputs = outputs / groups;
        let plane = height * width;
        let mut y: Vec<f64> = (0..n * outputs * plane).map(|at| f64::from(biases[at / plane % outputs])).collect();
        for (at, value) in xs.iter().enumerate() {
            let (channel, ix) = (at / (h * w), at % w);
            let (image, channel, iy) = (channel / channels, channel % channels, at / w % h);
            for (tap, weight) in weights.iter().enumerate() {
                let (window, ky, kx) = (tap / (kh * kw), tap / kw % kh, tap % kw);
                if window / group_outputs != channel {
                    continue;
                }
                let output = channel / (channels / groups) * group_outputs + window % group_outputs;
                let oy = (iy * stride[0] + ky * dilation[0]).checked_sub(padding[0]).filter(|y| *y < height);
                let ox = (ix * stride[1] + kx * dilation[1]).checked_sub(padding[1]).filter(|x| *x < width);
                if let (Some(oy), Some(ox)) = (oy, ox) {
                    let place = ((image * outputs + output) * height + oy) * width + ox;
                    y[place] += f64::from(*value) * f64::from(*weight);
                }
            }
        }
        Tensor::from_iter(y.iter().map(|y| *y as f32), &Device::Cpu).unwrap().reshape(&op.result).unwrap()
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
