//! The generators of all sizes, as one network.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};
use rand_chacha::ChaCha8Rng;

use super::{ClassPlane, ENLARGE, LapganOptions};
use crate::gan::dcgan::Dcgan;
use crate::gan::vanilla::Vanilla;
use crate::gan::{Canvas, GeneratorConfig, IMAGE};
use crate::network::pass::Halt;
use crate::{Backbone, Conv2d, Fresh, Pass, Run, Value, plain};

/// The prefix of the tensors of the smallest image's generator; those of level 1 and so on begin with `level.1`.
const COARSE: &str = "coarse";

/// The generator: from a random vector and, if it is conditional, a label [n, latent + columns, 1, 1] to images.
pub struct Lapgan {
    coarse: Box<dyn Backbone>,
    /// Where its input is in the network's.
    code: Arc<[u32]>,
    /// Where the label is in the input.
    label: Option<Arc<[u32]>>,
    canvas: Canvas,
    /// The larger sizes.
    levels: Vec<Level>,
}

/// The generator of the differences of a size.
struct Level {
    /// Where the noise map is in the input.
    noise: Arc<[u32]>,
    size: [usize; 2],
    plane: Option<ClassPlane>,
    convs: [Conv2d; 3],
}

impl Lapgan {
    /// # Errors
    /// When an option is out of range, `latent` is not the number that the sizes need, or a tensor is missing or has
    /// another shape.
    pub fn new(config: &GeneratorConfig, vb: &VarBuilder) -> Result<Self> {
        let options: LapganOptions = config.options()?;
        let image = &config.image;
        options.check(image)?;
        let wanted = options.latent(image);
        ensure!(config.latent == wanted, "latent is {}; these sizes need {wanted} numbers", config.latent);
        let coarse = options.coarse_config(config);
        let network: Box<dyn Backbone> = match options.coarse.as_str() {
            "vanilla" => Box::new(Vanilla::new(&coarse, &vb.pp(COARSE))?),
            _ => Box::new(Dcgan::new(&coarse, &vb.pp(COARSE))?),
        };
        let label: Option<Vec<u32>> =
            config.label_columns.map(|columns| (config.latent as u32..(config.latent + columns) as u32).collect());
        let of_coarse = 0..options.coarse_latent as u32;
        let mut start = of_coarse.end;
        let mut levels = Vec::new();
        for level in 1..options.levels {
            let end = start + options.area(image, level) as u32;
            let canvas = options.canvas(image, level);
            let vb = vb.pp(format!("level.{level}"));
            levels.push(Level::new(&canvas, (start..end).collect(), config.label_columns, options.channels, &vb)?);
            start = end;
        }
        let canvas = options.canvas(image, 0);
        let code = of_coarse.chain(label.iter().flatten().copied()).collect();
        Ok(Self { coarse: network, code, label: label.map(Into::into), canvas, levels })
    }

    /// Whether a tensor belongs to the generator of this size, from the smallest, 0.
    pub fn owns(level: usize, name: &str) -> bool {
        let prefix = if level == 0 { format!("{COARSE}.") } else { format!("level.{level}.") };
        name.starts_with(&prefix)
    }

    /// Images [n, channels, h, w] of one size in training, of the input [n, latent + columns], and of smaller images that
    /// are enlarged to this size [n, channels, h, w], which the smallest size does not need.
    /// # Errors
    /// When the shapes do not fit.
    pub fn train(
        &self,
        level: usize,
        input: &Tensor,
        enlarged: Option<&Tensor>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let mut pass = Pass::new(Vec::new(), Some(rng));
        let input = Value::Now(input.clone());
        let image = match (level, enlarged) {
            (0, _) => self.smallest(&input, &mut pass),
            (level, Some(enlarged)) => self.sharpened("", level - 1, &input, &Value::Now(enlarged.clone()), &mut pass),
            _ => bail!("size {level} needs an enlarged image"),
        };
        match image {
            Ok(Value::Now(image)) => Ok(image),
            Err(Halt::Failed(error)) => Err(plain(error)),
            _ => bail!("the generator stopped early"),
        }
    }

    fn smallest(&self, x: &Value, pass: &mut Pass) -> Run {
        let code = pass.rearrange("", (&self.code, &[self.code.len(), 1, 1]), x)?;
        let image = pass.outputs_of(&*self.coarse, &code, &[IMAGE.to_owned()])?.remove(0);
        let Canvas { channels, height, width } = self.canvas;
        pass.unflatten("", [channels, height, width], &image)
    }

    /// The enlarged image plus the difference of its size.
    fn sharpened(&self, name: &str, index: usize, x: &Value, enlarged: &Value, pass: &mut Pass) -> Run {
        let level = &self.levels[index];
        let [height, width] = level.size;
        let noise = pass.rearrange("", (&level.noise, &[1, height, width]), x)?;
        let mut maps = vec![noise];
        if let (Some(plane), Some(label)) = (&level.plane, &self.label) {
            let label = pass.rearrange("", (label, &[label.len(), 1, 1]), x)?;
            let label = pass.flatten("", &label)?;
            maps.push(plane.run(&label, pass)?);
        }
        maps.push(enlarged.clone());
        let mut y = pass.concat("", &maps.iter().collect::<Vec<_>>())?;
        let [first, second, last] = &level.convs;
        for conv in [first, second] {
            y = pass.conv_relu(["", ""], conv, &y)?;
        }
        let difference = pass.conv("", last, &y)?;
        pass.add(name, enlarged, &difference)
    }
}

impl Level {
    fn new(
        canvas: &Canvas,
        noise: Arc<[u32]>,
        labels: Option<usize>,
        channels: usize,
        vb: &VarBuilder,
    ) -> Result<Self> {
        let inputs = 1 + usize::from(labels.is_some()) + canvas.channels;
        let conv = |name: &str, kernel: usize, [inputs, outputs]: [usize; 2]| {
            let same = Conv2dConfig { padding: Padding::all(kernel / 2), ..Default::default() };
            let fresh = Fresh::torch(inputs * kernel * kernel);
            Conv2d::new([inputs, outputs], [kernel; 2], same, fresh, vb.pp(name)).map_err(plain)
        };
        Ok(Self {
            noise,
            size: [canvas.height, canvas.width],
            plane: labels.map(|labels| ClassPlane::new(labels, canvas, vb.pp("class_plane"))).transpose()?,
            convs: [
                conv("conv1", 7, [inputs, channels])?,
                conv("conv2", 7, [channels; 2])?,
                conv("conv3", 5, [channels, canvas.channels])?,
            ],
        })
    }
}

impl Backbone for Lapgan {
    fn layers(&self) -> Vec<String> {
        vec![IMAGE.to_owned()]
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut image = self.smallest(x, pass)?;
        for (index, level) in self.levels.iter().enumerate() {
            let enlarged = pass.resize("", level.size, ENLARGE, &image)?;
            let name = if index + 1 == self.levels.len() { IMAGE } else { "" };
            image = self.sharpened(name, index, x, &enlarged, pass)?;
        }
        Ok(image)
    }
}
