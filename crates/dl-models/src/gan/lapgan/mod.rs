//! LAPGAN (Denton et al. 2015): a generator makes a small image, and one generator for each larger size the difference
//! between the enlarged image and a sharp one, as the levels of a Laplacian pyramid (Burt and Adelson 1983). The networks
//! are those of eyescream, the authors' program.
//!
//! ```text
//! noise map, class plane, enlarged image -> 7x7 ReLU -> 7x7 ReLU -> 5x5 -> difference
//! image, class plane -> 5x5 ReLU -> 5x5 with stride 2, ReLU, dropout -> linear -> logit
//! ```
//!
//! A class plane is ReLU(linear(label)), an image of one channel. The random vector of a sample has the numbers of the
//! smallest image's generator first, then the noise maps by size; all are standard normal (uniform in the source).

mod discriminator;
mod generator;
mod options;

use anyhow::Result;
use candle_core::Tensor;
use candle_nn::VarBuilder;
pub use discriminator::LapganDiscriminator;
use dl_ops::{PoolConfig, ResizeMethod, ResizeTo};
pub use generator::Lapgan;
pub use options::LapganOptions;

use super::Canvas;
use crate::{Fresh, Linear, Pass, Run, Value, plain};

/// How an image is enlarged to the next size.
const ENLARGE: ResizeMethod = ResizeMethod::Bilinear;

/// The sizes of real images [n, channels, h, w], from the smallest: each image, and the next smaller one enlarged to its
/// size, which the smallest does not have. Images are halved by averaging 2 x 2 pixels.
/// # Errors
/// When a side is not a multiple of 2 to the number of halvings.
pub fn pyramid(images: &Tensor, levels: usize) -> Result<Vec<(Tensor, Option<Tensor>)>> {
    let halves = PoolConfig::square(2, 2);
    let (mut rest, mut found) = (images.clone(), Vec::new());
    for _ in 1..levels {
        let (_, _, height, width) = rest.dims4().map_err(plain)?;
        let small = dl_ops::avg_pool2d(&rest, &halves).map_err(plain)?;
        let enlarged = dl_ops::resize_bilinear(&small, ResizeTo::Size([height, width]), false).map_err(plain)?;
        found.push((rest, Some(enlarged)));
        rest = small;
    }
    found.push((rest, None));
    found.reverse();
    Ok(found)
}

/// The plane of a label, for images of one size.
struct ClassPlane {
    linear: Linear,
    size: [usize; 2],
}

impl ClassPlane {
    fn new(labels: usize, image: &Canvas, vb: VarBuilder) -> Result<Self> {
        let size = [image.height, image.width];
        let linear = Linear::new(labels, size[0] * size[1], Fresh::torch(labels), vb).map_err(plain)?;
        Ok(Self { linear, size })
    }

    /// [n, 1, h, w] of labels [n, columns].
    fn run(&self, labels: &Value, pass: &mut Pass) -> Run {
        let y = pass.linear("", &self.linear, labels)?;
        let y = pass.relu("", &y)?;
        pass.unflatten("", [1, self.size[0], self.size[1]], &y)
    }
}
