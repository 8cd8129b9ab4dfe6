//! The locally connected layer, darknet's `[local]`: a convolution with filters of its own at every place (YOLOv1's
//! last but two).

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::cpu::{self, Shared};
use crate::wide::wide;
use crate::{Conv2dConfig, portable};

/// Applies weight [places, filters, c * kh * kw] and bias [filters, h', w'] to x [n, c, h, w]; returns [n, filters, h',
/// w']. Places are the positions of the output in row-major order.
/// # Errors
/// When the shapes do not match, `config` has groups or dilation, or candle fails.
pub fn locally_connected2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    kernel: [usize; 2],
    config: &Conv2dConfig,
) -> Result<Tensor> {
    let (_, channels, h, w) = x.dims4()?;
    let (places, filters, inputs) = weight.dims3()?;
    let size @ [height, width] = config.output([h, w], kernel).map_err(candle_core::Error::msg)?;
    if config.groups != 1 || config.dilation != [1, 1] {
        bail!("locally_connected2d: groups and dilation are not supported");
    }
    if places != height * width || inputs != channels * kernel[0] * kernel[1] {
        bail!(
            "locally_connected2d: weight {:?} does not match x {:?} with a kernel of {kernel:?} at {height}x{width}",
            weight.dims(),
            x.dims()
        );
    }
    if bias.is_some_and(|bias| bias.dims() != [filters, height, width]) {
        bail!("locally_connected2d: bias {:?} is not [{filters}, {height}, {width}]", bias.map(Tensor::dims));
    }
    if !cpu::serves(x) {
        return portable::locally_connected2d(x, weight, bias, config, [kernel, size]);
    }
    let y = x.apply_op2(weight, Local { kernel, size, map: [h, w], channels, filters, config: *config })?;
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

struct Local {
    kernel: [usize; 2],
    /// Of the output.
    size: [usize; 2],
    map: [usize; 2],
    channels: usize,
    filters: usize,
    config: Conv2dConfig,
}

impl Local {
    fn places(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Inputs of one output.
    fn inputs(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Size of an input image.
    fn image(&self) -> usize {
        self.channels * self.map[0] * self.map[1]
    }

    /// Calls `each` with the index of every input of a place in a filter, and its index in an image; not for the padding.
    fn under(&self, place: usize, mut each: impl FnMut(usize, usize)) {
        let ([kh, kw], [height, width], [sy, sx]) = (self.kernel, self.map, self.config.stride);
        let [top, left] = [place / self.size[1] * sy, place % self.size[1] * sx];
        let inside = |start: usize, before: usize, length: usize, kernel: usize| {
            before.saturating_sub(start).min(kernel)..(length + before).saturating_sub(start).min(kernel)
        };
        let padding = self.config.padding;
        for channel in 0..self.channels {
            for y in inside(top, padding.top, height, kh) {
                for x in inside(left, padding.left, width, kw) {
                    let from = (channel * height + top + y - padding.top) * width + left + x - padding.left;
                    each((channel * kh + y) * kw + x, from);
                }
            }
        }
    }

    /// The columns of a place for all images [n, inputs].
    fn columns(&self, place: usize, x: &[f32]) -> Vec<f32> {
        let images = x.len() / self.image().max(1);
        let mut columns = vec![0.0; images * self.inputs()];
        self.under(place, |to, from| {
            for image in 0..images {
                columns[image * self.inputs() + to] = x[image * self.image() + from];
            }
        });
        columns
    }
}

impl CustomOp2 for Local {
    fn name(&self) -> &'static str {
        "locally_connected2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, weight) = (cpu::floats(x, lx)?, cpu::floats(w, lw)?);
        let (n, places, inputs, filters) = (lx.dims()[0], self.places(), self.inputs(), self.filters);
        let mut output = vec![0.0; n * filters * places];
        let shared = Shared::new(&mut output);
        (0..places).into_par_iter().for_each(|place| {
            let columns = self.columns(place, &x);
            for filter in 0..filters {
                let row = &weight[(place * filters + filter) * inputs..][..inputs];
                for (image, column) in columns.chunks_exact(inputs.max(1)).enumerate() {
                    // SAFETY: only this task accesses this place.
                    unsafe { *shared.at((image * filters + filter) * places + place, 1) = product(row, column) };
                }
            }
        });
        Ok(cpu::output(output, (n, filters, self.size[0], self.size[1])))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (places, inputs, filters) = (self.places(), self.inputs(), self.filters);
        cpu::with_floats(x, |numbers| {
            cpu::with_floats(w, |weight| {
                cpu::with_floats(gradient, |gradient| {
                    let of = |image: usize, filter: usize, place: usize| {
                        gradient[(image * filters + filter) * places + place]
                    };
                    let of_x = || {
                        let mut output = vec![0.0; numbers.len()];
                        let images = output.par_chunks_exact_mut(self.image().max(1)).enumerate();
                        images.for_each_init(
                            || vec![0.0; inputs],
                            |column, (image, output)| {
                                for place in 0..places {
                                    column.fill(0.0);
                                    for filter in 0..filters {
                                        let row = &weight[(place * filters + filter) * inputs..][..inputs];
                                        add_scaled(row, of(image, filter, place), column);
                                    }
                                    self.under(place, |from, to| output[to] += column[from]);
                                }
                            },
                        );
                        cpu::tensor(output, x.shape())
                    };
                    let of_weight = || {
                        let mut output = vec![0.0; weight.len()];
                        let each = output.par_chunks_exact_mut((filters * inputs).max(1)).enumerate();
                        each.for_each(|(place, output)| {
                            let columns = self.columns(place, numbers);
                            for (filter, row) in output.chunks_exact_mut(inputs.max(1)).enumerate() {
                                for (image, column) in columns.chunks_exact(inputs.max(1)).enumerate() {
                                    add_scaled(column, of(image, filter, place), row);
                                }
                            }
                        });
                        cpu::tensor(output, w.shape())
                    };
                    Ok((x.track_op().then(of_x).transpose()?, w.track_op().then(of_weight).transpose()?))
                })
            })
        })
    }
}

wide! {
    /// The sum of a times b, in lanes.
    fn product(a: &[f32], b: &[f32]) -> f32 {
        let mut lanes = [0_f32; crate::wide::LANES];
        let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<{ crate::wide::LANES }>(), b.as_chunks::<{ crate::wide::LANES }>());
        for (a, b) in a.iter().zip(b) {
            for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
                *lane += a * b;
            }
        }
        for ((lane, a), b) in lanes.iter_mut().zip(rest_a).zip(rest_b) {
            *lane += a * b;
        }
        crate::wide::sum_lanes(lanes)
    }

    fn add_scaled(numbers: &[f32], factor: f32, sum: &mut [f32]) {
        for (sum, number) in sum.iter_mut().zip(numbers) {
            *sum += number * factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Tensor, Var};

    use super::locally_connected2d;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};
    use crate::{Conv2dConfig, Padding, portable};

    struct Shapes {
        x: [usize; 4],
        filters: usize,
        kernel: [usize; 2],
        config: Conv2dConfig,
    }

    fn cases() -> Vec<Shapes> {
        let plain = Conv2dConfig::default();
        let uneven = Padding { top: 0, bottom: 1, left: 2, right: 0 };
        vec![
            Shapes {
                x: [2, 3, 5, 4],
                filters: 5,
                kernel: [3, 3],
                config: Conv2dConfig { padding: Padding::all(1), ..plain },
            },
            Shapes { x: [1, 2, 6, 5], filters: 2, kernel: [3, 2], config: Conv2dConfig { stride: [2, 1], ..plain } },
            Shapes {
                x: [3, 1, 4, 5],
                filters: 3,
                kernel: [2, 3],
                config: Conv2dConfig { padding: uneven, stride: [1, 2], ..plain },
            },
            Shapes { x: [2, 4, 2, 3], filters: 1, kernel: [1, 1], config: plain },
        ]
    }

    impl Shapes {
        fn size(&self) -> [usize; 2] {
            self.config.output([self.x[2], self.x[3]], self.kernel).unwrap()
        }

        fn weight(&self) -> [usize; 3] {
            let [height, width] = self.size();
            [height * width, self.filters, self.x[1] * self.kernel[0] * self.kernel[1]]
        }

        fn bias(&self) -> [usize; 3] {
            [self.filters, self.size()[0], self.size()[1]]
        }

        fn portable(&self, x: &Tensor, weight: &Tensor, bias: &Tensor) -> candle_core::Result<Tensor> {
            portable::locally_connected2d(x, weight, Some(bias), &self.config, [self.kernel, self.size()])
        }

        fn ours(&self, x: &Tensor, weight: &Tensor, bias: &Tensor) -> candle_core::Result<Tensor> {
            locally_connected2d(x, weight, Some(bias), self.kernel, &self.config)
        }
    }

    #[test]
    fn equals_the_portable_products_on_odd_and_strided_maps() {
        for case in cases() {
            for x in [draw("x", &case.x), strided("x", &case.x)] {
                let (weight, bias) = (draw("weight", &case.weight()), draw("bias", &case.bias()));
                let expected = case.portable(&x, &weight, &bias).unwrap();
                assert_close(&case.ours(&x, &weight, &bias).unwrap(), &expected, 2e-6);
            }
        }
    }

    #[test]
    fn equal_filters_everywhere_are_a_convolution() {
        let (x, weight) = (draw("x", &[2, 3, 5, 4]), draw("weight", &[4, 3, 3, 3]));
        let config = Conv2dConfig { padding: Padding::all(1), ..Default::default() };
        let same = weight.reshape((1, 4, 27)).unwrap().broadcast_as((20, 4, 27)).unwrap().contiguous().unwrap();
        let found = locally_connected2d(&x, &same, None, [3, 3], &config).unwrap();
        assert_close(&found, &crate::conv2d(&x, &weight, None, &config).unwrap(), 2e-6);
    }

    #[test]
    fn gradients_match_finite_differences() {
        for case in cases() {
            let shapes: [&[usize]; 3] = [&case.x, &case.weight(), &case.bias()];
            check_gradients(&shapes, 1e-2, |t| case.ours(&t[0], &t[1], &t[2]));
            check_gradients(&shapes, 1e-2, |t| case.portable(&t[0], &t[1], &t[2]));
        }
    }

    #[test]
    fn results_and_gradients_have_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let (x, weight) = (draw("x", &[3, 9, 6, 7]), draw("weight", &[42, 5, 81]));
        let config = Conv2dConfig { padding: Padding::all(1), ..Default::default() };
        let run = |threads, x: &Tensor| {
            let x = Var::from_tensor(x).unwrap();
            in_pool(threads, || {
                let y = locally_connected2d(&x, &weight, None, [3, 3], &config).unwrap();
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
    fn a_weight_of_another_map_is_an_error() {
        let config = Conv2dConfig::default();
        let x = draw("x", &[1, 2, 4, 4]);
        let error = |weight: &[usize], config: &Conv2dConfig| {
            locally_connected2d(&x, &draw("w", weight), None, [3, 3], config).unwrap_err().to_string()
        };
        assert!(error(&[9, 2, 18], &config).contains("does not match x [1, 2, 4, 4] with a kernel of [3, 3] at 2x2"));
        assert!(error(&[4, 2, 18], &Conv2dConfig { groups: 2, ..config }).contains("groups and dilation"));
    }
}
