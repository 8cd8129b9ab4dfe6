use candle_core::Var;

use super::*;
use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

const EPS: f64 = 1e-3;

fn parameters(channels: usize) -> [Tensor; 4] {
    let variance = (draw("variance", &[channels]).abs().unwrap() + 0.1).unwrap();
    [draw("weight", &[channels]), draw("bias", &[channels]), draw("mean", &[channels]), variance]
}

#[test]
fn equals_the_portable_composition_on_odd_and_strided_shapes() {
    for shape in [vec![2, 3, 5, 7], vec![3, 1, 37, 41], vec![1, 4, 2, 1], vec![9, 5, 1, 1], vec![6, 4], vec![2, 3, 11]]
    {
        let [weight, bias, mean, variance] = parameters(shape[1]);
        for x in [draw("x", &shape), strided("x", &shape)] {
            let (y, found) = batch_norm_train(&x, &weight, &bias, EPS).unwrap();
            let (expected, mean_of_batch, biased) = portable::batch_norm_train(&x, &weight, &bias, EPS).unwrap();
            assert_close(&y, &expected, 1e-5);
            assert_close(&found.mean, &mean_of_batch, 1e-6);
            assert_close(&found.variance, &biased, 1e-6);
            let (fused, _) = batch_norm_train_relu(&x, &weight, &bias, EPS).unwrap();
            assert_close(&fused, &portable::relu(&expected).unwrap(), 1e-5);
            let (fused, _) = batch_norm_train_leaky_relu(&x, &weight, &bias, EPS, 0.2).unwrap();
            assert_close(&fused, &portable::leaky_relu(&expected, 0.2).unwrap(), 1e-5);
            let y = batch_norm(&x, &weight, &bias, &mean, &variance, EPS).unwrap();
            let expected = portable::batch_norm(&x, &weight, &bias, &mean, &variance, EPS).unwrap();
            assert_close(&y, &expected, 1e-5);
        }
    }
}

#[test]
fn the_variance_of_numbers_far_from_zero_does_not_cancel() {
    // Multiples of 1/64 near 1000 are exact in f32, so the moments equal those of the small numbers.
    let small = ((draw("x", &[4, 2, 19, 23]) * 64.0).unwrap().round().unwrap() / 64.0).unwrap();
    let [weight, bias, ..] = parameters(2);
    let (_, near) = batch_norm_train(&small, &weight, &bias, EPS).unwrap();
    let (_, far) = batch_norm_train(&(small + 1000.0).unwrap(), &weight, &bias, EPS).unwrap();
    assert_close(&far.variance, &near.variance, 1e-6);
    assert_close(&far.mean, &(near.mean + 1000.0).unwrap(), 1e-7);
}

#[test]
fn gradients_match_finite_differences() {
    for shape in [vec![2, 3, 4, 3], vec![5, 2], vec![3, 1, 2, 5]] {
        let channels = [shape[1]];
        let inputs: [&[usize]; 3] = [&shape, &channels, &channels];
        check_gradients(&inputs, 1e-2, |t| Ok(batch_norm_train(&t[0], &t[1], &t[2], 0.1)?.0));
        let [.., mean, variance] = parameters(shape[1]);
        check_gradients(&inputs, 1e-2, |t| batch_norm(&t[0], &t[1], &t[2], &mean, &variance, 0.1));
    }
}

#[test]
fn a_parameter_that_is_both_weight_and_bias_gets_both_gradients() {
    check_gradients(&[&[2, 3, 3, 2], &[3]], 1e-2, |t| Ok(batch_norm_train(&t[0], &t[1], &t[1], 0.1)?.0));
}

#[test]
fn the_gradient_through_fused_leaky_relu_equals_that_of_two_steps() {
    for shape in [vec![3, 4, 5, 6], vec![5, 4], vec![2, 4, 3, 1]] {
        let vars = [("x", shape), ("w", vec![4]), ("b", vec![4])]
            .map(|(name, shape)| Var::from_tensor(&draw(name, &shape)).unwrap());
        let gradients = |y: Tensor| y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let fused = gradients(batch_norm_train_leaky_relu(&vars[0], &vars[1], &vars[2], EPS, 0.2).unwrap().0);
        let steps = batch_norm_train(&vars[0], &vars[1], &vars[2], EPS).unwrap().0;
        let steps = gradients(crate::leaky_relu(&steps, 0.2).unwrap());
        for var in &vars {
            assert_close(fused.get(var).unwrap(), steps.get(var).unwrap(), 1e-5);
        }
    }
}

#[test]
fn the_gradient_through_fused_relu_equals_that_of_two_steps() {
    let vars = [("x", vec![3, 4, 5, 6]), ("w", vec![4]), ("b", vec![4])]
        .map(|(name, shape)| Var::from_tensor(&draw(name, &shape)).unwrap());
    let gradients = |y: Tensor| y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    let fused = gradients(batch_norm_train_relu(&vars[0], &vars[1], &vars[2], EPS).unwrap().0);
    let steps = crate::relu(&batch_norm_train(&vars[0], &vars[1], &vars[2], EPS).unwrap().0).unwrap();
    let steps = gradients(steps);
    for var in &vars {
        assert_close(fused.get(var).unwrap(), steps.get(var).unwrap(), 1e-5);
    }
}

#[test]
fn results_and_gradients_have_the_same_bits_with_any_number_of_threads() {
    let run = |threads| {
        let vars = [("x", vec![5, 7, 37, 31]), ("w", vec![7]), ("b", vec![7])]
            .map(|(name, shape)| Var::from_tensor(&draw(name, &shape)).unwrap());
        in_pool(threads, || {
            let (y, statistics) = batch_norm_train_relu(&vars[0], &vars[1], &vars[2], EPS).unwrap();
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let gradients = vars.each_ref().map(|var| bits(gradients.get(var).unwrap()));
            (bits(&y), bits(&statistics.variance), gradients)
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn with_running_statistics_an_image_has_the_same_bits_in_any_batch() {
    let [weight, bias, mean, variance] = parameters(3);
    let x = draw("x", &[4, 3, 9, 7]);
    let run = |x: &Tensor| bits(&batch_norm(x, &weight, &bias, &mean, &variance, EPS).unwrap());
    let all = run(&x);
    let size = all.len() / 4;
    for image in 0..4 {
        assert_eq!(run(&x.narrow(0, image, 1).unwrap()), all[image * size..][..size], "image {image}");
    }
}

#[test]
fn training_needs_more_than_one_number_per_channel() {
    let [weight, bias, ..] = parameters(3);
    let error = batch_norm_train(&draw("x", &[1, 3, 1, 1]), &weight, &bias, EPS).unwrap_err().to_string();
    assert!(error.contains("1 numbers per channel"), "{error}");
    let error = batch_norm_train(&draw("x", &[2, 4, 3, 3]), &weight, &bias, EPS).unwrap_err().to_string();
    assert!(error.contains("do not match"), "{error}");
}
