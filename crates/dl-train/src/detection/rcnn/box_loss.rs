//! The loss of the heads (Girshick 2015, section 2.3): the class of each region, and the box of those that show objects.

use anyhow::Result;
use candle_core::{DType, Tensor};
use dl_models::plain;
use dl_vision::boxes::BoxCoder;

use super::regions::Region;
use crate::detection::Truth;
use crate::detection::losses::smooth_l1;

/// The losses of classes and of boxes, both over the number of regions, of which there is at least one. logits
/// [regions, classes], deltas [regions, 4 classes] or [regions, 4].
pub(super) fn box_loss(
    [logits, deltas]: &[Tensor; 2],
    regions: &[Region],
    truths: &[Truth],
    coder: &BoxCoder,
    beta: f64,
) -> Result<[Tensor; 2]> {
    let classes: Vec<u32> = regions.iter().map(|region| region.class(truths)).collect();
    let device = logits.device();
    // Each class has its own box, unless there is one for all.
    let boxes_each = deltas.dim(1).map_err(plain)? / 4;
    let (mut rows, mut codes) = (Vec::new(), Vec::new());
    for (index, (region, class)) in regions.iter().zip(&classes).enumerate() {
        let Some(object) = region.object else { continue };
        let own = if boxes_each == 1 { 0 } else { *class as usize };
        rows.push((index * boxes_each + own) as u32);
        let code = coder.encode(&region.bbox, &truths[region.image].boxes[object]);
        codes.extend(code.map(|number| number as f32));
    }
    let loss = || -> candle_core::Result<[Tensor; 2]> {
        let classification = dl_ops::cross_entropy(logits, &Tensor::new(classes, device)?)?;
        if rows.is_empty() {
            return Ok([classification, Tensor::zeros((), DType::F32, device)?]);
        }
        let count = rows.len();
        let found = deltas.reshape((regions.len() * boxes_each, 4))?.index_select(&Tensor::new(rows, device)?, 0)?;
        let wanted = Tensor::from_vec(codes, (count, 4), device)?;
        Ok([classification, (smooth_l1(&found, &wanted, beta)? / regions.len() as f64)?])
    };
    loss().map_err(plain)
}
