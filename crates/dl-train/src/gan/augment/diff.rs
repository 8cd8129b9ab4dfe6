//! Differentiable augmentation (Zhao et al. 2020): what the discriminator sees, real or generated, is augmented, and the
//! generator is trained through it, so that it does not learn to make augmented images.

use candle_core::{Result, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Largest shift, as a part of a side.
const SHIFT: f64 = 0.125;
/// Side of the square that is cut out, as a part of a side.
const CUT: f64 = 0.5;

/// Images [n, channels, height, width] with other brightness (by up to 0.5), saturation (0 to 2 times) and contrast (0.5 to
/// 1.5 times), shifted by up to an eighth of the side, and with a square of half of the side set to 0; each differently.
/// # Errors
/// When candle fails.
pub(in super::super) fn augmented(images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    let images = colored(images, rng)?;
    let images = shifted(&images, rng)?;
    cut(&images, rng)
}

/// A number for each image, [n, 1, 1, 1].
fn each(images: &Tensor, rng: &mut ChaCha8Rng, low: f32, high: f32) -> Result<Tensor> {
    let count = images.dim(0)?;
    let numbers: Vec<f32> = (0..count).map(|_| low + (high - low) * rng.random::<f32>()).collect();
    Tensor::from_vec(numbers, (count, 1, 1, 1), images.device())
}

fn colored(images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    let x = images.broadcast_add(&each(images, rng, -0.5, 0.5)?)?;
    let gray = x.mean_keepdim(1)?;
    let x = x.broadcast_sub(&gray)?.broadcast_mul(&each(images, rng, 0.0, 2.0)?)?.broadcast_add(&gray)?;
    let mean = x.mean_keepdim((1, 2, 3))?;
    x.broadcast_sub(&mean)?.broadcast_mul(&each(images, rng, 0.5, 1.5)?)?.broadcast_add(&mean)
}

fn shifted(images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    let (count, channels, height, width) = images.dims4()?;
    let most = [height, width].map(|side| (side as f64 * SHIFT).round() as i64);
    let outside = (height * width) as u32;
    let mut from = Vec::with_capacity(images.elem_count());
    for _ in 0..count {
        let [down, right] = most.map(|most| rng.random_range(-most..=most));
        let start = from.len();
        for y in 0..height as i64 {
            for x in 0..width as i64 {
                let (y, x) = (y - down, x - right);
                let inside = (0..height as i64).contains(&y) && (0..width as i64).contains(&x);
                from.push(if inside { (y * width as i64 + x) as u32 } else { outside });
            }
        }
        for _ in 1..channels {
            from.extend_from_within(start..start + height * width);
        }
    }
    let from = Tensor::from_vec(from, (count, channels, height * width), images.device())?;
    // What comes from outside is 0.
    let rows = images.flatten_from(2)?.pad_with_zeros(2, 0, 1)?;
    rows.contiguous()?.gather(&from, 2)?.reshape(images.shape())
}

fn cut(images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    let (count, _, height, width) = images.dims4()?;
    let size = [height, width].map(|side| (side as f64 * CUT).round() as i64);
    let mut mask = vec![1_f32; count * height * width];
    for mask in mask.chunks_exact_mut(height * width) {
        // The middle is anywhere in the image, so a part of the square may be outside.
        let [top, left] = [(height, size[0]), (width, size[1])]
            .map(|(side, size)| rng.random_range(0..side as i64 + (1 - size % 2)) - size / 2);
        for y in top.max(0)..(top + size[0]).min(height as i64) {
            for x in left.max(0)..(left + size[1]).min(width as i64) {
                mask[(y * width as i64 + x) as usize] = 0.0;
            }
        }
    }
    images.broadcast_mul(&Tensor::from_vec(mask, (count, 1, height, width), images.device())?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    fn images() -> Var {
        let numbers: Vec<f32> = (0..4 * 3 * 16 * 8).map(|index| (index % 97) as f32 / 48.0 - 1.0).collect();
        Var::from_tensor(&Tensor::from_vec(numbers, (4, 3, 16, 8), &Device::Cpu).unwrap()).unwrap()
    }

    #[test]
    fn images_are_augmented_differently_and_the_gradient_reaches_them() {
        let images = images();
        let augment = |seed| augmented(&images, &mut dl_record::rng(seed, "augment")).unwrap();
        let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let y = augment(0);
        assert_eq!(y.dims(), images.dims());
        assert_eq!(numbers(&y), numbers(&augment(0)));
        assert_ne!(numbers(&y), numbers(&augment(1)));
        // At least a part of the square is in the image.
        let zeros = numbers(&y).iter().filter(|number| **number == 0.0).count();
        assert!((4 * 3 * 4 * 2..4 * 3 * 16 * 8 - 100).contains(&zeros), "{zeros}");
        let gradient = y.sum_all().unwrap().backward().unwrap().remove(&images).unwrap();
        let reached = numbers(&gradient).iter().filter(|number| **number != 0.0).count();
        assert!(reached > 500, "{reached}");
    }

    #[test]
    fn a_shift_moves_every_channel_alike_and_fills_with_zeros() {
        let ones = Tensor::ones((2, 3, 16, 16), candle_core::DType::F32, &Device::Cpu).unwrap();
        let y = shifted(&ones, &mut dl_record::rng(3, "shift")).unwrap();
        let numbers: Vec<Vec<Vec<f32>>> = y.flatten_from(2).unwrap().to_vec3().unwrap();
        for image in &numbers {
            assert!(image.iter().all(|channel| channel == &image[0]));
            let sum: f32 = image[0].iter().sum();
            assert!((14.0 * 14.0..=256.0).contains(&sum), "{sum}");
        }
    }
}
