//! From styles to images: the synthesis network with output skips (Karras et al. 2020, section 4.1).

use anyhow::Result;
use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use dl_ops::Resampling;

use super::layer::{StyleLayer, ToImage};
use super::{StyleChannels, TAPS, maps};
use crate::gan::{Canvas, IMAGE};
use crate::network::pass::{Pass, Run, Value};
use crate::{Backbone, plain};

/// The layers of one size.
struct Block {
    /// Doubles the map; the first block has none.
    first: Option<StyleLayer>,
    second: StyleLayer,
    image: ToImage,
}

/// The synthesis network: a constant map, doubled block by block; each block adds to the image, which is doubled beside it.
///
/// As a [`Backbone`], it runs on rows of the styles of all layers and the noise of all layers.
pub(super) struct Synthesis {
    /// [channels, height, width]
    constant: Tensor,
    blocks: Vec<Block>,
    columns: usize,
    /// [height, width] of the noise of each layer.
    noises: Vec<[usize; 2]>,
}

impl Synthesis {
    /// `b4.const`, `b4.conv1`, `b4.torgb`, `b8.conv0` and so on under the builder's prefix.
    pub(super) fn new(canvas: &Canvas, channels: StyleChannels, columns: usize, vb: &VarBuilder) -> Result<Self> {
        channels.check()?;
        let (mut blocks, mut noises, mut constant) = (Vec::new(), Vec::new(), None);
        let mut inputs = 0;
        for (size, name) in maps(canvas)? {
            let (outputs, vb) = (channels.of(size), vb.pp(name));
            let layer = |inputs, doubles, name: &str| {
                StyleLayer::new(columns, [inputs, outputs], size, doubles, &vb.pp(name)).map_err(plain)
            };
            let first = match constant {
                None => {
                    let fresh = Init::Randn { mean: 0.0, stdev: 1.0 };
                    constant = Some(vb.get_with_hints((outputs, size[0], size[1]), "const", fresh).map_err(plain)?);
                    None
                }
                Some(_) => Some(layer(inputs, true, "conv0")?),
            };
            noises.extend(first.iter().map(|_| size).chain([size]));
            let second = layer(outputs, false, "conv1")?;
            let image = ToImage::new(columns, [outputs, canvas.channels], &vb.pp("torgb")).map_err(plain)?;
            blocks.push(Block { first, second, image });
            inputs = outputs;
        }
        let constant = constant.ok_or_else(|| anyhow::anyhow!("images without a smallest map"))?;
        Ok(Self { constant, blocks, columns, noises })
    }

    /// Styles of an image: each layer has one; that of a block's image is also that of the next block's first layer.
    pub(super) fn styles(&self) -> usize {
        2 * self.blocks.len()
    }

    /// [height, width] of the noise of each layer.
    pub(super) fn noises(&self) -> &[[usize; 2]] {
        &self.noises
    }

    /// Numbers of the noise of an image.
    pub(super) fn noise_numbers(&self) -> usize {
        self.noises.iter().map(|[height, width]| height * width).sum()
    }

    /// The stored noise of an image, layer by layer: [height, width] each.
    pub(super) fn stored_noise(&self) -> impl Iterator<Item = Tensor> {
        self.blocks.iter().flat_map(|block| block.first.iter().chain([&block.second])).map(StyleLayer::stored_noise)
    }

    /// Images of a style [n, columns] and noise [n, 1, h, w] per layer.
    pub(super) fn of(&self, styles: &[Value], noises: &[Value], pass: &mut Pass) -> Run {
        let (Some(style), Some(noise)) = (styles.first(), noises.first()) else {
            return Err(anyhow::anyhow!("the synthesis network got no styles").into());
        };
        let mut x = pass.constant("", &self.constant, style)?;
        let mut image: Option<Value> = None;
        // The first block has one layer less.
        let (mut style_of, mut noise_of) = (0, 0);
        for block in &self.blocks {
            for layer in block.first.iter().chain([&block.second]) {
                x = layer.run(
                    &x,
                    styles.get(style_of).unwrap_or(style),
                    noises.get(noise_of).unwrap_or(noise),
                    pass,
                )?;
                (style_of, noise_of) = (style_of + 1, noise_of + 1);
            }
            let own = block.image.run(&x, styles.get(style_of).unwrap_or(style), pass)?;
            image = Some(match image {
                Some(before) => {
                    let before = pass.resample("", &Resampling::up(&TAPS, 2), &before)?;
                    pass.add("", &before, &own)?
                }
                None => own,
            });
        }
        match image {
            Some(image) => pass.see(IMAGE, image),
            None => Err(anyhow::anyhow!("the synthesis network has no layers").into()),
        }
    }
}

impl Backbone for Synthesis {
    fn layers(&self) -> Vec<String> {
        vec![IMAGE.to_owned()]
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let rows = pass.flatten("", x)?;
        let mut start = 0;
        let mut next = |shape: &[usize], pass: &mut Pass| {
            let slice = pass.slice("", start, shape, &rows);
            start += shape.iter().product::<usize>();
            slice
        };
        let (mut styles, mut noises) = (Vec::new(), Vec::new());
        for _ in 0..self.styles() {
            styles.push(next(&[self.columns], pass)?);
        }
        for &[height, width] in &self.noises {
            noises.push(next(&[1, height, width], pass)?);
        }
        self.of(&styles, &noises, pass)
    }
}
