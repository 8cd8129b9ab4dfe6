use candle_core::{Device, Tensor};

use dl_kernels::Padding;

use super::*;
use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

/// The definition as seven nested loops, in double precision.
fn naive(x: &Tensor, weight: &Tensor, bias: &Tensor, config: &Conv2dConfig) -> Tensor {
    let shape = ConvShape::new(x.dims(), weight.dims(), *config).unwrap();
    let [images, outputs, rows, columns] = shape.output_dims();
    let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (xs, weights, biases) = (numbers(x), numbers(weight), numbers(bias));
    let (_, channels, height, width) = x.dims4().unwrap();
    let (_, _, kh, kw) = weight.dims4().unwrap();
    let depth = channels / config.groups;
    let mut y = Vec::new();
    for image in 0..images {
        for output in 0..outputs {
            let group = output / (outputs / config.groups);
            for row in 0..rows {
                for column in 0..columns {
                    let mut sum = f64::from(biases[output]);
                    for channel in 0..depth {
                        for ky in 0..kh {
                            for kx in 0..kw {
                                let iy = (row * config.stride[0] + ky * config.dilation[0])
                                    .checked_sub(config.padding.top)
                                    .filter(|y| *y < height);
                                let ix = (column * config.stride[1] + kx * config.dilation[1])
                                    .checked_sub(config.padding.left)
                                    .filter(|x| *x < width);
                                if let (Some(iy), Some(ix)) = (iy, ix) {
                                    let at = ((image * channels + group * depth + channel) * height + iy) * width + ix;
                                    let weight = weights[((output * depth + channel) * kh + ky) * kw + kx];
                                    sum += f64::from(xs[at]) * f64::from(weight);
                                }
                            }
                        }
                    }
                    y.push(sum as f32);
                }
            }
        }
    }
    Tensor::from_vec(y, shape.output_dims().to_vec(), &Device::Cpu).unwrap()
}

/// (x, weight, options), covering odd cases.
fn cases() -> Vec<(Vec<usize>, Vec<usize>, Conv2dConfig)> {
    let plain = Conv2dConfig::default();
    let same = Padding { top: 0, bottom: 1, left: 2, right: 0 };
    vec![
        (vec![2, 3, 5, 7], vec![4, 3, 3, 3], Conv2dConfig { padding: Padding::all(1), ..plain }),
        (vec![1, 2, 6, 9], vec![3, 2, 2, 3], Conv2dConfig { stride: [2, 3], padding: same, ..plain }),
        (vec![2, 4, 7, 5], vec![6, 2, 3, 1], Conv2dConfig { groups: 2, stride: [2, 2], ..plain }),
        (vec![1, 3, 4, 6], vec![3, 1, 3, 3], Conv2dConfig { groups: 3, padding: Padding::all(1), ..plain }),
        (vec![1, 2, 9, 8], vec![2, 2, 3, 2], Conv2dConfig { dilation: [2, 3], padding: Padding::all(2), ..plain }),
        (vec![2, 5, 3, 4], vec![7, 5, 1, 1], plain),
        (vec![1, 1, 2, 2], vec![1, 1, 2, 2], plain),
        (vec![1, 2, 1, 1], vec![2, 2, 3, 3], Conv2dConfig { padding: Padding::all(3), ..plain }),
    ]
}

#[test]
fn equals_the_naive_loops_on_odd_and_strided_shapes() {
    for (x, weight, config) in cases() {
        let bias = draw("bias", &weight[..1]);
        let (x, weight) = (strided("x", &x), strided("weight", &weight));
        let expected = naive(&x, &weight, &bias, &config);
        assert_close(&conv2d(&x, &weight, Some(&bias), &config).unwrap(), &expected, 1e-5);
        let fused = conv2d_relu(&x, &weight, Some(&bias), &config).unwrap();
        assert_close(&fused, &portable::relu(&expected).unwrap(), 1e-5);
        let none = conv2d(&x, &weight, None, &config).unwrap();
        let zero = bias.zeros_like().unwrap();
        assert_close(&none, &naive(&x, &weight, &zero, &config), 1e-5);
        if config.dilation[0] == config.dilation[1] {
            assert_close(&portable::conv2d(&x, &weight, Some(&bias), &config).unwrap(), &expected, 1e-5);
        }
    }
}

#[test]
fn a_larger_map_equals_the_portable_one() {
    let (x, weight, bias) = (draw("x", &[2, 40, 37, 41]), draw("w", &[9, 40, 3, 3]), draw("b", &[9]));
    let config = Conv2dConfig { padding: Padding::all(1), ..Conv2dConfig::default() };
    let expected = portable::conv2d(&x, &weight, Some(&bias), &config).unwrap();
    assert_close(&conv2d(&x, &weight, Some(&bias), &config).unwrap(), &expected, 1e-4);
}

#[test]
fn gradients_match_finite_differences() {
    for (x, weight, config) in cases() {
        let bias = vec![weight[0]];
        check_gradients(&[&x, &weight, &bias], 1e-2, |t| conv2d(&t[0], &t[1], Some(&t[2]), &config));
        check_gradients(&[&x, &weight], 1e-2, |t| conv2d(&t[0], &t[1], None, &config));
    }
}

#[test]
fn the_gradient_through_fused_relu_equals_that_of_two_steps() {
    let (x, weight, bias) = (vec![3, 2, 5, 6], vec![4, 2, 3, 3], vec![4]);
    let config = Conv2dConfig { stride: [2, 1], ..Conv2dConfig::default() };
    let vars: Vec<_> = [("x", x), ("w", weight), ("b", bias)]
        .map(|(name, shape)| candle_core::Var::from_tensor(&draw(name, &shape)).unwrap())
        .into();
    let fused = conv2d_relu(&vars[0], &vars[1], Some(&vars[2]), &config).unwrap();
    let steps = crate::relu(&conv2d(&vars[0], &vars[1], Some(&vars[2]), &config).unwrap()).unwrap();
    let gradients = |y: Tensor| y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    let (fused, steps) = (gradients(fused), gradients(steps));
    for var in &vars {
        assert_close(fused.get(var).unwrap(), steps.get(var).unwrap(), 1e-6);
    }
}

#[test]
fn no_gradient_is_computed_for_a_constant_weight() {
    let x = candle_core::Var::from_tensor(&draw("x", &[1, 2, 4, 4])).unwrap();
    let weight = draw("w", &[3, 2, 3, 3]);
    let y = conv2d(&x, &weight, None, &Conv2dConfig::default()).unwrap();
    let gradients = y.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&x).is_some() && gradients.get(&weight).is_none());
}

#[test]
fn an_image_has_the_same_bits_in_any_batch_with_any_number_of_threads() {
    let (x, weight, bias) = (draw("x", &[7, 24, 31, 29]), draw("w", &[40, 24, 3, 3]), draw("b", &[40]));
    let config = Conv2dConfig { padding: Padding::all(1), stride: [2, 1], ..Conv2dConfig::default() };
    let run = |x: &Tensor| conv2d(x, &weight, Some(&bias), &config).unwrap();
    let all = bits(&in_pool(1, || run(&x)));
    assert_eq!(all, bits(&in_pool(3, || run(&x))));
    let size = all.len() / 7;
    for image in 0..7 {
        let one = bits(&run(&x.narrow(0, image, 1).unwrap()));
        assert_eq!(one, all[image * size..(image + 1) * size], "image {image}");
    }
}

#[test]
fn gradients_have_the_same_bits_with_any_number_of_threads() {
    let config = Conv2dConfig { padding: Padding::all(1), ..Conv2dConfig::default() };
    let run = |threads| {
        let vars = [("x", vec![9, 20, 13, 11]), ("w", vec![17, 20, 3, 3]), ("b", vec![17])]
            .map(|(name, shape)| candle_core::Var::from_tensor(&draw(name, &shape)).unwrap());
        in_pool(threads, || {
            let y = conv2d_relu(&vars[0], &vars[1], Some(&vars[2]), &config).unwrap();
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            vars.each_ref().map(|var| bits(gradients.get(var).unwrap()))
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn the_error_names_mismatched_shapes() {
    let plain = Conv2dConfig::default();
    let error = |x: &[usize], weight: &[usize]| {
        conv2d(&draw("x", x), &draw("w", weight), None, &plain).unwrap_err().to_string()
    };
    assert!(error(&[1, 3, 8, 8], &[4, 2, 3, 3]).contains("x [1, 3, 8, 8] and weight [4, 2, 3, 3] do not match"));
    assert!(error(&[1, 3, 2, 8], &[4, 3, 3, 3]).contains("smaller than the kernel 3x3"));
}
