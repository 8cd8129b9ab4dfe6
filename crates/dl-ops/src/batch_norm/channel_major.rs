//! [n, c, ...] with short planes as [c, n, ...], so that the numbers of a channel lie together.

use rayon::prelude::*;

use super::Planes;

/// Channels of a task: a cache line of them.
const TOGETHER: usize = 16;

/// [n, c, plane] -> [c, n, plane]
pub(super) fn to_channel_major(x: &[f32], shape: &Planes) -> Vec<f32> {
    let &Planes { n, channels, plane } = shape;
    let mut turned = vec![0.0; x.len()];
    let block = TOGETHER * n * plane;
    turned.par_chunks_mut(block.max(1)).enumerate().for_each(|(block, turned)| {
        let first = block * TOGETHER;
        for image in 0..n {
            for (channel, line) in turned.chunks_exact_mut(n * plane).enumerate() {
                let from = (image * channels + first + channel) * plane;
                line[image * plane..][..plane].copy_from_slice(&x[from..][..plane]);
            }
        }
    });
    turned
}

/// [c, n, plane] -> [n, c, plane]
pub(super) fn from_channel_major(turned: &[f32], shape: &Planes) -> Vec<f32> {
    let &Planes { n, channels, plane } = shape;
    to_channel_major(turned, &Planes { n: channels, channels: n, plane })
}
