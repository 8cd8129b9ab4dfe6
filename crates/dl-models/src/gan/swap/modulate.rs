//! Adaptive instance normalization by numbers of a style.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_ops::instance_norm;

use crate::plain;

/// Added to variances, inside the root.
pub(super) const EPS: f64 = 1e-5;

/// The instance normalization of `content` [n, c, h, w] times `scale` [n, c] plus `shift` [n, c], f32: AdaIN by numbers
/// that a network makes of a style code (Huang et al. 2018, section 5.1).
/// # Errors
/// When a shape is another, or a map has a single pixel.
pub fn modulate(content: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
    let maps = content.dims();
    ensure!(
        maps.len() == 4 && scale.dims() == &maps[..2] && shift.dims() == scale.dims(),
        "scale {:?} and shift {:?} of a style for content {maps:?}; both need its images and channels",
        scale.dims(),
        shift.dims()
    );
    let modulated = || -> candle_core::Result<Tensor> {
        let [scale, shift] = [scale, shift].map(|numbers| numbers.unsqueeze(2)?.unsqueeze(3));
        instance_norm(content, None, EPS)?.broadcast_mul(&scale?)?.broadcast_add(&shift?)
    };
    modulated().map_err(plain)
}
