//! The distance of images in the features of a network (Johnson et al. 2016; Ledig et al. 2017, section 2.2.1).

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use dl_models::{ChannelOrder, LayerName, Model, plain};

use super::Distance;

/// Compares images by the features of a layer.
pub struct Perceptual {
    model: Model,
    layer: LayerName,
    distance: Distance,
    /// Factor and summand of each channel, [1, 3, 1, 1], and the order of the channels.
    scale: [Tensor; 2],
    reversed: bool,
}

impl Perceptual {
    /// The features `layer` of a network, for images whose black and white are `range`. Images are normalized as the network
    /// expects it, but not resized.
    /// # Errors
    /// When the layer does not exist.
    pub fn new(model: Model, layer: &str, distance: Distance, range: [f32; 2], device: &Device) -> Result<Self> {
        let layer: LayerName = layer.parse()?;
        model.backbone.check(&layer)?;
        let preprocessing = &model.config.preprocessing;
        let [low, high] = range;
        let white = preprocessing.range[1];
        let of_channels = |number: &dyn Fn(usize) -> f32| {
            Tensor::from_vec((0..3).map(number).collect::<Vec<f32>>(), (1, 3, 1, 1), device).map_err(plain)
        };
        let (mean, std) = (preprocessing.mean, preprocessing.std);
        let factor = |channel: usize| white / (high - low) / std[channel];
        let summand = |channel: usize| (-low * white / (high - low) - mean[channel]) / std[channel];
        let scale = [of_channels(&factor)?, of_channels(&summand)?];
        let reversed = preprocessing.channel_order == ChannelOrder::Bgr;
        Ok(Self { model, layer, distance, scale, reversed })
    }

    /// The distance of images [n, 3, h, w], a scalar, with a gradient for `made`.
    /// # Errors
    /// When the images are too small for the network.
    pub fn between(&self, made: &Tensor, target: &Tensor) -> Result<Tensor> {
        let (made, target) = (self.features(made)?, self.features(&target.detach())?);
        self.distance.between(&made, &target.detach()).map_err(plain)
    }

    fn features(&self, images: &Tensor) -> Result<Tensor> {
        let [factor, summand] = &self.scale;
        let input = || -> candle_core::Result<Tensor> {
            let images = match self.reversed {
                true => {
                    let channel = |index| images.narrow(1, index, 1);
                    Tensor::cat(&[channel(2)?, channel(1)?, channel(0)?], 1)?
                }
                false => images.clone(),
            };
            images.broadcast_mul(factor)?.broadcast_add(summand)
        };
        let input = input().map_err(plain)?;
        let features = self.model.backbone.features(&input, std::slice::from_ref(&self.layer), None)?;
        features.into_iter().next().context("the network computed no features")
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;
    use dl_models::{ModelConfig, Parameters};

    use super::*;

    #[test]
    fn the_distance_is_that_of_normalized_images_and_has_a_gradient() {
        let mut config = ModelConfig::new("squeezenet1_1", 5);
        config.options.insert("width".into(), 0.125.into());
        let frozen = Parameters::fresh(1).frozen(|_| true);
        let build = || Model::build(config.clone(), frozen.builder(&Device::Cpu)).unwrap();
        let device = Device::Cpu;
        let perceptual = Perceptual::new(build(), "features.3", Distance::L1, [-1.0, 1.0], &device).unwrap();
        assert!(Perceptual::new(build(), "features.99", Distance::L1, [-1.0, 1.0], &device).is_err());
        let numbers: Vec<f32> = (0..2 * 3 * 32 * 32).map(|index| (index % 97) as f32 / 48.0 - 1.0).collect();
        let target = Tensor::from_vec(numbers, (2, 3, 32, 32), &device).unwrap();
        let made = Var::from_tensor(&(&target * 0.5).unwrap()).unwrap();
        let distance = perceptual.between(&made, &target).unwrap();
        // The same by hand: to 0..1, ImageNet's mean and deviation.
        let normalized = |images: &Tensor| {
            let of = |numbers: [f32; 3]| Tensor::new(&numbers, &device).unwrap().reshape((1, 3, 1, 1)).unwrap();
            let images = (images / 2.0).unwrap().affine(1.0, 0.5).unwrap();
            let centered = images.broadcast_sub(&of([0.485, 0.456, 0.406])).unwrap();
            centered.broadcast_div(&of([0.229, 0.224, 0.225])).unwrap()
        };
        let layer = ["features.3".parse().unwrap()];
        let model = build();
        let features = |images: &Tensor| model.backbone.features(&normalized(images), &layer, None).unwrap().remove(0);
        let expected = Distance::L1.between(&features(made.as_tensor()), &features(&target)).unwrap();
        let scalar = |x: &Tensor| x.to_scalar::<f32>().unwrap();
        assert!(
            (scalar(&distance) - scalar(&expected)).abs() < 1e-5 && scalar(&distance) > 0.0,
            "{distance} {expected}"
        );
        let gradient = distance.backward().unwrap().remove(&made).unwrap();
        assert!(gradient.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap() > 0.0);
    }
}
