//! Tests the convolution and its gradients against their definitions in double precision, at every level of this
//! machine.

use super::ConvShape;
use crate::conv::Conv2dConfig;
use crate::map::Padding;
use crate::simd::Level;

/// Numbers in (-1, 1) from a seed: xorshift.
fn draw(seed: u32, length: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..length).map(|_| next()).collect()
}

/// Calls `visit(output number, input number, weight number)` for every product of the convolution.
fn products(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let ([channels, height, width], [outputs, inputs, kh, kw], conv) = (shape.input, shape.weight, shape.config);
    let [rows, columns] = shape.output;
    for image in 0..shape.images {
        for out in 0..outputs {
            let group = out / (outputs / conv.groups);
            for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                for channel in 0..inputs {
                    for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                        let row = (y * conv.stride[0] + ky * conv.dilation[0]).checked_sub(conv.padding.top);
                        let column = (x * conv.stride[1] + kx * conv.dilation[1]).checked_sub(conv.padding.left);
                        let (Some(row), Some(column)) = (row, column) else { continue };
                        if row < height && column < width {
                            visit(
                                ((image * outputs + out) * rows + y) * columns + x,
                                ((image * channels + group * inputs + channel) * height + row) * width + column,
                                ((out * inputs + channel) * kh + ky) * kw + kx,
                            );
                        }
                    }
                }
            }
        }
    }
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1.0_f64, |largest, number| largest.max(number.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(*found) - expected).abs() <= 2e-5 * largest,
            "{what}, number {index}: {found} for {expected}"
        );
    }
}

fn cases() -> Vec<ConvShape> {
    let plain = Conv2dConfig::default();
    let pad = |size| Conv2dConfig { padding: Padding::all(size), ..plain };
    let odd = Padding { top: 0, bottom: 1, left: 2, right: 0 };
    let cases: [(&[usize], &[usize], Conv2dConfig); 15] = [
        (&[2, 3, 9, 11], &[5, 3, 3, 3], pad(1)),
        (&[2, 3, 23, 21], &[20, 3, 7, 7], Conv2dConfig { stride: [2, 2], ..pad(3) }),
        (&[3, 20, 9, 7], &[33, 20, 3, 3], pad(1)),
        (&[1, 16, 18, 19], &[32, 16, 3, 3], pad(1)),
        (&[2, 17, 8, 8], &[40, 17, 3, 3], Conv2dConfig { stride: [2, 2], ..pad(1) }),
        (&[2, 18, 7, 9], &[19, 18, 3, 2], Conv2dConfig { stride: [2, 3], padding: odd, ..plain }),
        (&[2, 35, 5, 6], &[70, 35, 1, 1], plain),
        (&[2, 20, 7, 6], &[16, 20, 1, 1], Conv2dConfig { stride: [2, 2], ..plain }),
        (&[1, 16, 300, 3], &[16, 16, 1, 1], plain),
        (&[1, 5, 2, 300], &[7, 5, 1, 3], plain),
        (&[2, 32, 6, 7], &[64, 16, 3, 3], Conv2dConfig { groups: 2, ..pad(1) }),
        (&[2, 6, 7, 5], &[9, 2, 3, 1], Conv2dConfig { groups: 3, stride: [2, 1], ..plain }),
        (&[2, 19, 8, 9], &[19, 1, 3, 3], Conv2dConfig { groups: 19, stride: [2, 2], ..pad(1) }),
        (&[1, 17, 12, 11], &[18, 17, 3, 2], Conv2dConfig { dilation: [2, 3], stride: [3, 2], ..pad(2) }),
        (&[1, 2, 1, 1], &[2, 2, 3, 3], pad(3)),
    ];
    cases.map(|(x, weight, config)| ConvShape::new(x, weight, config).unwrap()).to_vec()
}

#[test]
fn the_convolution_and_its_gradients_match_their_definitions() {
    for shape in cases() {
        let length = |dims: &[usize]| dims.iter().product::<usize>();
        let x = draw(1, shape.images * length(&shape.input));
        let (weight, bias) = (draw(2, length(&shape.weight)), draw(3, shape.weight[0]));
        let gradient = draw(4, length(&shape.output_dims()));
        let plane = shape.output[0] * shape.output[1];
        let mut expected: Vec<f64> =
            (0..gradient.len()).map(|index| f64::from(bias[index / plane % shape.weight[0]])).collect();
        let (mut of_input, mut of_weight) = (vec![0.0; x.len()], vec![0.0; weight.len()]);
        let number = |numbers: &[f32], index: usize| f64::from(numbers[index]);
        products(&shape, |y, from, tap| {
            expected[y] += number(&x, from) * number(&weight, tap);
            of_input[from] += number(&gradient, y) * number(&weight, tap);
            of_weight[tap] += number(&gradient, y) * number(&x, from);
        });
        let rectified: Vec<f64> = expected.iter().map(|number| number.max(0.0)).collect();
        for level in Level::available() {
            let what = |part: &str| format!("{part} of {shape:?}, {level:?}");
            assert_close(&shape.forward_at(level, &x, &weight, &bias, false), &expected, &what("output"));
            assert_close(&shape.forward_at(level, &x, &weight, &bias, true), &rectified, &what("rectified output"));
            assert_close(&shape.input_gradient_at(level, &weight, &gradient), &of_input, &what("input's gradient"));
            assert_close(&shape.weight_gradient_at(level, &x, &gradient), &of_weight, &what("weight's gradient"));
        }
    }
}

#[test]
fn no_images_give_no_output() {
    let config = Conv2dConfig { padding: Padding::all(1), ..Conv2dConfig::default() };
    let shape = ConvShape::new(&[0, 3, 5, 5], &[4, 3, 3, 3], config).unwrap();
    assert_eq!(shape.forward(&[], &[1.0; 108], &[], false), []);
    assert_eq!(shape.input_gradient(&[1.0; 108], &[]), []);
    assert_eq!(shape.weight_gradient(&[], &[]), [0.0; 108]);
}
