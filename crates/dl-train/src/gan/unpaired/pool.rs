//! A pool of generated images (Shrivastava et al. 2017, section 2.3): the discriminator also sees older ones, so that the
//! generator cannot return to what it has been punished for.

use anyhow::Result;
use candle_core::{DType, Device, Tensor, Var};
use dl_models::gan::Canvas;
use dl_models::plain;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The pool of one domain, as CycleGAN's source has it.
pub struct Pool {
    /// [capacity, channels, height, width]; `None` without a pool.
    images: Option<Var>,
    /// How many it holds, [1].
    count: Var,
}

impl Pool {
    /// An empty pool for at most `capacity` images of this shape; 0: no pool.
    /// # Errors
    /// When memory is short.
    pub fn new(capacity: usize, image: Canvas, device: &Device) -> Result<Self> {
        let shape = (capacity, image.channels, image.height, image.width);
        let images = (capacity > 0).then(|| Var::zeros(shape, DType::F32, device)).transpose().map_err(plain)?;
        Ok(Self { images, count: Var::zeros(1, DType::F32, device).map_err(plain)? })
    }

    /// What the discriminator is shown for generated images [n, channels, height, width]: each goes into the pool; once that
    /// is full, in half of the cases, instead of an older one, which is then shown.
    /// # Errors
    /// When the images have another shape.
    pub fn exchange(&self, images: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let Some(pool) = &self.images else { return Ok(images.clone()) };
        self.exchange_in(pool, &images.detach(), rng).map_err(plain)
    }

    fn exchange_in(&self, pool: &Var, images: &Tensor, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
        let capacity = pool.dim(0)?;
        let mut count = self.count.to_vec1::<f32>()?[0] as usize;
        let mut shown = Vec::new();
        for image in images.chunk(images.dim(0)?, 0)? {
            let image = image.contiguous()?;
            if count < capacity {
                pool.slice_set(&image, 0, count)?;
                count += 1;
                shown.push(image);
            } else if rng.random::<bool>() {
                let place = rng.random_range(0..capacity);
                // A copy: the place is overwritten.
                shown.push(pool.as_detached_tensor().narrow(0, place, 1)?.copy()?);
                pool.slice_set(&image, 0, place)?;
            } else {
                shown.push(image);
            }
        }
        self.count.set(&Tensor::new(&[count as f32], self.count.device())?)?;
        Tensor::cat(&shown, 0)
    }

    /// What must survive a kill, by name.
    pub(super) fn state(&self, name: &str) -> Vec<(String, Var)> {
        let images = self.images.iter().map(|images| (format!("{name}.images"), images.clone()));
        images.chain([(format!("{name}.count"), self.count.clone())]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pool_shows_older_images_in_half_of_the_cases_and_each_at_most_once() {
        let canvas = Canvas { channels: 1, height: 1, width: 1 };
        let pool = Pool::new(8, canvas, &Device::Cpu).unwrap();
        let mut shown = Vec::new();
        for number in 0..400 {
            let image = Tensor::full(number as f32, (1, 1, 1, 1), &Device::Cpu).unwrap();
            let seen = pool.exchange(&image, &mut dl_record::rng(0, &format!("pool/{number}"))).unwrap();
            shown.push(seen.flatten_all().unwrap().to_vec1::<f32>().unwrap()[0] as usize);
        }
        assert_eq!(shown[..8], [0, 1, 2, 3, 4, 5, 6, 7]);
        let older = (8..400).filter(|number| shown[*number] != *number).count();
        assert!((160..=232).contains(&older), "{older}");
        assert!(shown.iter().enumerate().all(|(number, seen)| *seen <= number));
        // An image is shown when it comes, or later, but never twice once it has left the pool.
        let mut late: Vec<usize> = (8..400).filter(|number| shown[*number] != *number).map(|at| shown[at]).collect();
        let count = late.len();
        late.sort_unstable();
        late.dedup();
        assert_eq!(late.len(), count);
        assert_eq!(pool.state("a").len(), 2);
        let none = Pool::new(0, canvas, &Device::Cpu).unwrap();
        let image = Tensor::ones((3, 1, 1, 1), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(none.exchange(&image, &mut dl_record::rng(0, "none")).unwrap().dims(), [3, 1, 1, 1]);
        assert_eq!(none.state("a").len(), 1);
    }
}
