//! The loss of masks (He et al. 2017, section 3): the cross-entropy of each pixel of the mask of the region's own class.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use dl_models::plain;
use dl_ops::{RoiAlignConfig, roi_align};
use dl_record::Mask;
use dl_vision::masks::to_bitmap;

use super::regions::Region;
use crate::detection::Truth;
use crate::detection::losses::binary_cross_entropy;

/// The mean loss over the pixels of regions that all show objects. logits [regions, classes, side, side].
pub(super) fn mask_loss(logits: &Tensor, regions: &[Region], truths: &[Truth]) -> Result<Tensor> {
    let (count, classes, side, _) = logits.dims4().map_err(plain)?;
    ensure!(count == regions.len(), "{count} masks for {} regions", regions.len());
    let rows: Vec<u32> =
        regions.iter().enumerate().map(|(index, region)| (index * classes) as u32 + region.class(truths)).collect();
    let own = || -> candle_core::Result<Tensor> {
        let all = logits.reshape((count * classes, side * side))?;
        all.index_select(&Tensor::new(rows, logits.device())?, 0)?.flatten_all()
    };
    binary_cross_entropy(&own().map_err(plain)?, &targets(regions, truths, side)?)
}

/// The part of each region's mask in the region, in side x side pixels, from 0 to 1: torchvision does not round it.
fn targets(regions: &[Region], truths: &[Truth], side: usize) -> Result<Vec<f32>> {
    let config = RoiAlignConfig { output_size: [side; 2], spatial_scale: 1.0, sampling_ratio: None, aligned: false };
    let mut bitmaps: BTreeMap<(usize, usize), Tensor> = BTreeMap::new();
    let mut targets = Vec::with_capacity(regions.len() * side * side);
    for region in regions {
        let object = region.object.context("a mask is trained on a region without an object")?;
        let bitmap = match bitmaps.entry((region.image, object)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let mask = truths[region.image].masks.get(object).context("an object has no mask to train on")?;
                new.insert(bitmap(mask)?)
            }
        };
        let [x1, y1, x2, y2] = <[f64; 4]>::from(region.bbox).map(|edge| edge as f32);
        let target = Tensor::new(&[[0.0, x1, y1, x2, y2]], &Device::Cpu)
            .and_then(|row| roi_align(bitmap, &row, &config))
            .and_then(|target| target.flatten_all()?.to_vec1::<f32>());
        targets.extend(target.map_err(plain)?);
    }
    Ok(targets)
}

/// [1, 1, height, width] of 0 and 1.
fn bitmap(mask: &Mask) -> Result<Tensor> {
    let [height, width] = mask.size.map(|side| side as usize);
    let pixels: Vec<f32> = to_bitmap(mask)?.into_iter().map(f32::from).collect();
    Tensor::from_vec(pixels, (1, 1, height, width), &Device::Cpu).map_err(plain)
}
