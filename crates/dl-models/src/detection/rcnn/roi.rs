//! The features of regions: each region is pooled from the map whose positions are about as far apart as its bins (Lin et
//! al. 2017, equation 1; torchvision's `MultiScaleRoIAlign`).

use anyhow::Result;
use candle_core::Tensor;
use dl_ops::{RoiAlignConfig, RoiPoolConfig, roi_align, roi_pool};
use dl_record::BBox;

use super::layout::RoiMethod;
use super::recipe::Recipe;
use crate::plain;

/// A region of this side, in pixels of the input, belongs to the map with scale 1 / 16.
const CANONICAL: f32 = 224.0;
const CANONICAL_LEVEL: f32 = 4.0;

/// A region, and its image in the batch.
pub(super) type ImageRegion = (usize, BBox);

/// [regions, channels, size, size] from the maps of a batch, each [n, channels, h, w], with gradients. `method_height`:
/// the height by which torchvision guesses the scale of the maps.
pub(super) fn pool(
    maps: &[Tensor],
    regions: &[ImageRegion],
    [method_height, size]: [usize; 2],
    method: RoiMethod,
    recipe: &Recipe,
) -> Result<Tensor> {
    let mut levels = Vec::with_capacity(maps.len());
    for map in maps {
        let (_, _, height, _) = map.dims4().map_err(plain)?;
        // Scales are powers of two.
        levels.push(-(height as f32 / method_height as f32).log2().round());
    }
    let chosen: Vec<usize> = regions.iter().map(|(_, region)| level_of(region, &levels)).collect();
    let (mut parts, mut order) = (Vec::new(), Vec::new());
    for (index, (map, level)) in maps.iter().zip(&levels).enumerate() {
        let of_map: Vec<usize> = (0..regions.len()).filter(|region| chosen[*region] == index).collect();
        if of_map.is_empty() {
            continue;
        }
        let spatial_scale = (-level).exp2();
        let rows = of_map.iter().flat_map(|region| {
            let (image, region) = regions[*region];
            let [x1, y1, x2, y2]: [f64; 4] = region.into();
            [image as f32, x1 as f32, y1 as f32, x2 as f32, y2 as f32]
        });
        let rows = Tensor::from_iter(rows, map.device()).and_then(|rows| rows.reshape((of_map.len(), 5)));
        let rows = rows.map_err(plain)?;
        let output_size = [size; 2];
        let part = match method {
            RoiMethod::Pool => roi_pool(map, &rows, &RoiPoolConfig { output_size, spatial_scale }),
            RoiMethod::Align => {
                let sampling_ratio = (recipe.roi_sampling_ratio > 0).then_some(recipe.roi_sampling_ratio);
                let config = RoiAlignConfig { output_size, spatial_scale, sampling_ratio, aligned: recipe.roi_aligned };
                roi_align(map, &rows, &config)
            }
        };
        parts.push(part.map_err(plain)?);
        order.extend(of_map);
    }
    if let [only] = &parts[..] {
        return Ok(only.clone());
    }
    // Back to the order of the regions.
    let mut places = vec![0_u32; order.len()];
    for (place, region) in order.into_iter().enumerate() {
        places[region] = place as u32;
    }
    let places = Tensor::new(places, maps[0].device()).map_err(plain)?;
    Tensor::cat(&parts, 0).and_then(|all| all.index_select(&places, 0)).map_err(plain)
}

/// The map of a region, in torchvision's single precision.
fn level_of(region: &BBox, levels: &[f32]) -> usize {
    let [x1, y1, x2, y2] = <[f64; 4]>::from(*region).map(|edge| edge as f32);
    let side = ((x2 - x1) * (y2 - y1)).sqrt();
    let (Some(first), Some(last)) = (levels.first(), levels.last()) else { return 0 };
    let level = (CANONICAL_LEVEL + (side / CANONICAL).log2() + 1e-6).floor();
    // An empty region has the level of minus infinity, and NaN becomes 0.
    let index = level.min(*last).max(*first) - first;
    (index as usize).min(levels.len() - 1)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::detection::rcnn::recipe::RECIPES;

    #[test]
    fn a_region_of_224_pixels_belongs_to_the_third_map() {
        let levels = [2.0, 3.0, 4.0, 5.0];
        let square = |side: f64| BBox::new(0.0, 0.0, side, side);
        let found = [0.0, 10.0, 111.9, 112.0, 223.9, 224.0, 448.0, 5000.0].map(|side| level_of(&square(side), &levels));
        assert_eq!(found, [0, 0, 0, 1, 1, 2, 3, 3]);
        // Two maps of one size.
        assert_eq!(level_of(&square(500.0), &[5.0, 5.0]), 0);
    }

    #[test]
    fn regions_keep_their_order() {
        let map = |value: f32, side: usize| Tensor::full(value, (1, 1, side, side), &Device::Cpu).unwrap();
        let maps = [map(1.0, 128), map(2.0, 64), map(3.0, 32)];
        let sides = [300.0, 20.0, 130.0, 30.0, 400.0];
        let regions = sides.map(|side| (0, BBox::new(0.0, 0.0, side, side)));
        let found = pool(&maps, &regions, [512, 1], RoiMethod::Align, &RECIPES[0]).unwrap();
        assert_eq!(found.dims(), [5, 1, 1, 1]);
        let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
        for (found, expected) in found.iter().zip([3.0, 1.0, 2.0, 1.0, 3.0]) {
            assert!((found - expected).abs() < 1e-6, "{found}");
        }
    }
}
