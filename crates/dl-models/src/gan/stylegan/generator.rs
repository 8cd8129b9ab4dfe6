//! The generator: mapping and synthesis.

use anyhow::{Result, bail, ensure};
use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::StyleChannels;
use super::mapping::Mapping;
use super::synthesis::Synthesis;
use crate::file::limits;
use crate::gan::{GeneratorConfig, IMAGE};
use crate::network::pass::{Halt, Pass, Run, Value};
use crate::network::plans::Plans;
use crate::{LayerName, plain};

/// Most layers of the mapping network.
const MOST_LAYERS: usize = 64;

/// Options of the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StyleGanOptions {
    /// See [`StyleChannels::base`].
    channel_base: usize,
    /// See [`StyleChannels::max`].
    channel_max: usize,
    /// Layers of the mapping network.
    mapping_layers: usize,
}

impl Default for StyleGanOptions {
    fn default() -> Self {
        let StyleChannels { base, max } = StyleChannels::DEFAULT;
        Self { channel_base: base, channel_max: max, mapping_layers: 8 }
    }
}

/// What training draws for a batch beside its random vectors.
#[derive(Clone, Debug, Default)]
pub struct StyleDraws {
    /// The styles of the last layers are those of other random vectors (Karras et al. 2019, section 3.1).
    pub mixed: Option<Mixed>,
    /// Noise of all layers [n, numbers]; `None`: the stored one.
    pub noise: Option<Tensor>,
}

/// Style mixing.
#[derive(Clone, Debug)]
pub struct Mixed {
    /// Random vectors [n, latent].
    pub latents: Tensor,
    /// The first layer with their styles.
    pub from: usize,
}

/// StyleGAN2's generator.
pub(crate) struct StyleGan {
    mapping: Mapping,
    synthesis: Synthesis,
    plans: Plans,
    columns: usize,
}

impl StyleGan {
    pub(crate) fn new(config: &GeneratorConfig, vb: &VarBuilder) -> Result<Self> {
        let options: StyleGanOptions = config.options()?;
        limits::count("mapping_layers", options.mapping_layers, MOST_LAYERS)?;
        let channels = StyleChannels { base: options.channel_base, max: options.channel_max };
        let columns = config.latent;
        let mapping = Mapping::new([config.inputs(), columns], options.mapping_layers, &vb.pp("mapping"));
        let synthesis = Synthesis::new(&config.image, channels, columns, &vb.pp("synthesis"))?;
        Ok(Self { mapping: mapping.map_err(plain)?, synthesis, plans: Plans::default(), columns })
    }

    /// Styles of an image, one for each layer.
    pub(crate) fn styles(&self) -> usize {
        self.synthesis.styles()
    }

    /// Numbers of the noise of an image.
    pub(crate) fn noise_numbers(&self) -> usize {
        self.synthesis.noise_numbers()
    }

    /// The mean style [columns].
    pub(crate) fn average(&self) -> Tensor {
        self.mapping.average()
    }

    /// Styles [n, columns] of random vectors [n, columns] and embedded labels.
    pub(crate) fn map(&self, latents: &Tensor, embedded: Option<&Tensor>, pass: &mut Pass) -> Result<Tensor> {
        self.mapping.run(latents, embedded, pass).map_err(failure)
    }

    /// Images [n, channels, height, width] of random vectors [n, columns], in training; moves the mean style.
    pub(crate) fn train(
        &self,
        latents: &Tensor,
        embedded: Option<&Tensor>,
        draws: &StyleDraws,
        pass: &mut Pass,
    ) -> Result<Tensor> {
        let style = self.map(latents, embedded, pass)?;
        self.mapping.follow(&style).map_err(plain)?;
        let other = match &draws.mixed {
            Some(mixed) => Some((self.map(&mixed.latents, embedded, pass)?, mixed.from)),
            None => None,
        };
        let styles: Vec<Tensor> = (0..self.styles())
            .map(|layer| match &other {
                Some((other, from)) if layer >= *from => other.clone(),
                _ => style.clone(),
            })
            .collect();
        self.images(&styles, draws.noise.as_ref(), pass)
    }

    /// Images of a style [n, columns] per layer and noise [n, numbers], or the stored one, with gradients.
    pub(crate) fn images(&self, styles: &[Tensor], noise: Option<&Tensor>, pass: &mut Pass) -> Result<Tensor> {
        ensure!(styles.len() == self.styles(), "{} styles for {} layers", styles.len(), self.styles());
        let rows = styles[0].dim(0).map_err(plain)?;
        let noises = self.noises(rows, noise).map_err(plain)?;
        let styles: Vec<Value> = styles.iter().cloned().map(Value::Now).collect();
        image_of(self.synthesis.of(&styles, &noises, pass))
    }

    /// The noise of each layer [n, 1, height, width].
    fn noises(&self, rows: usize, noise: Option<&Tensor>) -> candle_core::Result<Vec<Value>> {
        let Some(noise) = noise else {
            let stored = self.synthesis.stored_noise().map(|map| {
                let (height, width) = map.dims2()?;
                map.broadcast_as((rows, 1, height, width))?.contiguous().map(Value::Now)
            });
            return stored.collect();
        };
        let mut start = 0;
        let part = |&[height, width]: &[usize; 2]| {
            let part = noise.narrow(1, start, height * width)?.contiguous()?;
            start += height * width;
            part.reshape((rows, 1, height, width)).map(Value::Now)
        };
        self.synthesis.noises().iter().map(part).collect()
    }

    /// Images [n, channels, height, width] of styles [n, layers, columns], one after another, by a compiled plan. `noise`:
    /// that of all layers of each image, or empty for the stored one.
    pub(crate) fn synthesize(&self, styles: &[f32], noise: &[f32]) -> Result<Tensor> {
        let (wide, numbers) = (self.styles() * self.columns, self.noise_numbers());
        ensure!(styles.len().is_multiple_of(wide), "{} numbers are not styles of {wide}", styles.len());
        let rows = styles.len() / wide;
        ensure!(
            noise.is_empty() || noise.len() == rows * numbers,
            "{} numbers are not the noise of {rows} images, {numbers} each",
            noise.len()
        );
        let stored: Vec<f32> = match noise {
            [] => {
                let maps = self.synthesis.stored_noise().map(|map| map.flatten_all()?.to_vec1::<f32>());
                maps.collect::<candle_core::Result<Vec<_>>>().map_err(plain)?.concat()
            }
            _ => Vec::new(),
        };
        let mut input = Vec::with_capacity(rows * (wide + numbers));
        for (row, styles) in styles.chunks_exact(wide).enumerate() {
            input.extend_from_slice(styles);
            input.extend_from_slice(if noise.is_empty() { &stored } else { &noise[row * numbers..][..numbers] });
        }
        let x = Tensor::from_vec(input, (rows, wide + numbers, 1, 1), &Device::Cpu).map_err(plain)?;
        let layer: LayerName = IMAGE.parse()?;
        match self.plans.run(&self.synthesis, &x, &[layer])?.pop() {
            Some(images) => Ok(images),
            None => bail!("the generator made no images"),
        }
    }
}

fn image_of(run: Run) -> Result<Tensor> {
    match run {
        Ok(Value::Now(images)) => Ok(images),
        Err(halt) => Err(failure(halt)),
        _ => bail!("the generator stopped early"),
    }
}

fn failure(halt: Halt) -> anyhow::Error {
    match halt {
        Halt::Failed(error) => plain(error),
        Halt::Done => anyhow::anyhow!("the generator stopped early"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Parameters;
    use crate::gan::{Canvas, Condition, Generator, push_latent};

    fn config(height: usize, width: usize) -> GeneratorConfig {
        let mut config = GeneratorConfig::new("stylegan", 6, Canvas { channels: 3, height, width });
        let options = json!({ "channel_base": 128, "channel_max": 9, "mapping_layers": 3 });
        config.options = options.as_object().unwrap().clone();
        config
    }

    fn generator(height: usize, width: usize) -> (Generator, Parameters) {
        let parameters = Parameters::fresh(3);
        let generator = Generator::new(config(height, width), &parameters.builder(&Device::Cpu)).unwrap();
        // Strengths start at 0, where noise has no influence.
        for (name, var) in parameters.vars() {
            if name.ends_with("noise_strength") || name.ends_with(".bias") {
                var.set(&(var.as_tensor() + 0.3).unwrap()).unwrap();
            }
        }
        (generator, parameters)
    }

    fn draw(count: usize, purpose: &str) -> Vec<f32> {
        let mut numbers = Vec::new();
        push_latent(&mut numbers, count, &mut dl_record::rng(0, purpose));
        numbers
    }

    fn assert_close(found: &[f32], expected: &Tensor) {
        let expected: Vec<f32> = expected.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{found} {expected}");
        }
    }

    #[test]
    fn plans_make_the_images_of_training() {
        for (height, width) in [(16, 16), (14, 20), (28, 28)] {
            let (generator, _) = generator(height, width);
            let style = generator.style().unwrap();
            let (latents, noise) = (draw(3 * 6, "z"), draw(3 * style.noise_numbers(), "noise"));
            let styles = style.map(&latents, Condition::None).unwrap();
            let rows = Tensor::from_slice(&styles, (3, 6), &Device::Cpu).unwrap();
            // The stored noise.
            let images = generator.generate(&latents, Condition::None).unwrap();
            assert_close(&images, &generator.differentiable(&rows, None).unwrap());
            // Noise of each image, and mixed styles.
            let other = draw(3 * 6, "other");
            let draws = StyleDraws {
                mixed: Some(Mixed { latents: Tensor::from_slice(&other, (3, 6), &Device::Cpu).unwrap(), from: 2 }),
                noise: Some(Tensor::from_slice(&noise, (3, style.noise_numbers()), &Device::Cpu).unwrap()),
            };
            let z = Tensor::from_slice(&latents, (3, 6), &Device::Cpu).unwrap();
            let before = style.average().unwrap();
            let trained = generator.train_with(&z, None, &draws, &mut dl_record::rng(0, "train")).unwrap();
            assert_ne!(style.average().unwrap(), before);
            let others = style.map(&other, Condition::None).unwrap();
            let mixed: Vec<f32> = (0..3)
                .flat_map(|row| {
                    let own = [&styles, &others].map(|all| all[row * 6..][..6].to_vec());
                    (0..style.layers()).flat_map(move |layer| own[usize::from(layer >= 2)].clone())
                })
                .collect();
            assert_close(&style.synthesize(&mixed, &noise).unwrap(), &trained);
            // One image alone.
            let wide = style.layers() * 6;
            let numbers = style.noise_numbers();
            let alone = style.synthesize(&mixed[wide..2 * wide], &noise[numbers..2 * numbers]).unwrap();
            let all = style.synthesize(&mixed, &noise).unwrap();
            assert_eq!(alone, all[alone.len()..2 * alone.len()]);
        }
    }

    #[test]
    fn sizes_and_lengths_that_do_not_fit_are_refused_by_name() {
        let build = |config| Generator::new(config, &Parameters::fresh(0).builder(&Device::Cpu)).map(|_| ());
        assert!(build(config(100, 100)).unwrap_err().to_string().contains("112x112"));
        let mut deep = config(16, 16);
        deep.options.insert("mapping_layers".into(), json!(1000));
        assert!(build(deep).unwrap_err().to_string().contains("mapping_layers"));
        let (generator, _) = generator(16, 16);
        let style = generator.style().unwrap();
        assert!(style.synthesize(&[0.0; 5], &[]).is_err());
        assert!(style.synthesize(&vec![0.0; style.layers() * 6], &[0.0]).is_err());
    }
}
