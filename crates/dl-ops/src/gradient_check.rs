//! Shared test helpers: numbers, comparisons, finite differences.

use candle_core::{Device, Result, Tensor, Var};
use rand::RngExt;

/// Numbers in (-1, 1), distinct enough for an unambiguous maximum.
pub(crate) fn draw(name: &str, shape: &[usize]) -> Tensor {
    let mut rng = dl_record::rng(0, name);
    let data: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect();
    Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
}

/// The same, with the last two axes transposed in memory and an offset, to test strided layouts.
pub(crate) fn strided(name: &str, shape: &[usize]) -> Tensor {
    let mut turned = shape.to_vec();
    let last = turned.len() - 1;
    turned.swap(last, last - 1);
    turned[last] += 3;
    let tensor = draw(name, &turned).narrow(last, 2, turned[last] - 3).unwrap().transpose(last, last - 1).unwrap();
    assert_eq!(tensor.dims(), shape);
    assert!(!tensor.is_contiguous() || shape.iter().skip(last - 1).any(|length| *length == 1));
    tensor
}

pub(crate) fn bits(tensor: &Tensor) -> Vec<u32> {
    let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    values.iter().map(|value| value.to_bits()).collect()
}

/// |a - b| <= tolerance * (1 + |b|) everywhere.
#[track_caller]
pub(crate) fn assert_close(a: &Tensor, b: &Tensor, tolerance: f32) {
    assert_eq!(a.dims(), b.dims());
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (index, (a, b)) in values(a).iter().zip(values(b)).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "number {index}: {a} and {b}");
    }
}

pub(crate) fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// Compares the gradients of a randomly weighted sum of `f`'s outputs with central differences of step `step`, for
/// every number of every input.
#[track_caller]
pub(crate) fn check_gradients(shapes: &[&[usize]], step: f32, f: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let inputs: Vec<Var> = shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| Var::from_tensor(&draw(&format!("input {index}"), shape)).unwrap())
        .collect();
    let tensors = |inputs: &[Var]| inputs.iter().map(|var| var.as_tensor().clone()).collect::<Vec<_>>();
    let outputs = f(&tensors(&inputs)).unwrap();
    let weights = draw("weights", outputs.dims());
    let loss = |inputs: &[Tensor]| -> f64 {
        let outputs = f(inputs).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let weights = weights.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        outputs.iter().zip(weights).map(|(output, weight)| f64::from(*output) * f64::from(weight)).sum()
    };
    let gradients = (outputs * &weights).unwrap().sum_all().unwrap().backward().unwrap();
    for (index, var) in inputs.iter().enumerate() {
        let gradient = gradients.get(var).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let values = var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let mut moved = tensors(&inputs);
        for (at, gradient) in gradient.iter().enumerate() {
            let mut loss_at = |value: f32| {
                let mut values = values.clone();
                values[at] = value;
                moved[index] = Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap();
                loss(&moved)
            };
            let (high, low) = (values[at] + step, values[at] - step);
            let difference = (loss_at(high) - loss_at(low)) / f64::from(high - low);
            let error = (f64::from(*gradient) - difference).abs();
            assert!(
                error <= 2e-3 * (1.0 + difference.abs()),
                "input {index}, number {at}: {gradient} and {difference}"
            );
        }
    }
}
