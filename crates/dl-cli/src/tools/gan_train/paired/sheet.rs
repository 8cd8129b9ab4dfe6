//! Sheets of samples during training: always the same inputs, what is made of them, and the targets.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use dl_models::gan::{Canvas, Translator};
use dl_models::plain;
use dl_train::gan::paired::{PairedBatches, PairedPlayers};

use crate::common::{Sheet as Drawing, SheetNames};
use crate::tools::gan_sample::rgb_of;
use crate::tools::gan_train::training::sheet_path;

/// Columns.
const PAIRS: usize = 8;

pub(super) struct Sheet {
    output: PathBuf,
    /// [n, c, h, w]
    inputs: Tensor,
    /// [n, 3, h scale, w scale]
    targets: Tensor,
}

impl Sheet {
    /// The pairs of the first batches.
    pub(super) fn new(output: &Path, batches: &PairedBatches) -> Result<Self> {
        let config = batches.config();
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for step in 0..PAIRS.div_ceil(config.batch) {
            let batch = batches.make(step)?;
            inputs.extend(batch.inputs);
            targets.extend(batch.targets);
        }
        let tensor = |numbers: Vec<f32>, [channels, height, width]: [usize; 3]| {
            let all = Tensor::from_vec(numbers, ((), channels, height, width), &Device::Cpu)?;
            all.narrow(0, 0, PAIRS.min(all.dim(0)?))?.contiguous()
        };
        let [input, target] = config.shapes();
        let (inputs, targets) = (tensor(inputs, input).map_err(plain)?, tensor(targets, target).map_err(plain)?);
        let sheet = Self { output: output.to_owned(), inputs, targets };
        sheet.drawing().context("--samples-every")?;
        Ok(sheet)
    }

    fn drawing(&self) -> Result<Drawing> {
        let (columns, _, height, width) = self.targets.dims4().map_err(plain)?;
        let rows = ["input", "made", "target"].map(str::to_owned).into();
        Drawing::new([3, columns], [width as u32, height as u32], &SheetNames { rows, columns: Vec::new() })
    }

    /// Draws the inputs, what is made of them after so many batches, and the targets, and returns the file.
    pub(super) fn draw(&self, players: &PairedPlayers, batches: usize) -> Result<PathBuf> {
        // A generator of its own: its plans hold copies of the weights.
        let weights = players.weights.fixed(&Device::Cpu);
        let generator = Translator::new(players.generator.config.clone(), &weights)?;
        let output = generator.outputs(&self.inputs, &["output"])?;
        let made = generator.task.composed(&self.inputs, output.first().context("the generator made no images")?)?;
        let [low, high] = generator.architecture.range.map(f64::from);
        let draw = || {
            let (_, channels, _, _) = self.inputs.dims4()?;
            let (_, _, height, width) = self.targets.dims4()?;
            // Gray as three channels; a mask is not shown.
            let shown = match channels {
                1 => self.inputs.repeat((1, 3, 1, 1))?,
                _ => self.inputs.narrow(1, 0, 3)?.contiguous()?,
            };
            let rows = Tensor::cat(&[&shown.upsample_nearest2d(height, width)?, &made, &self.targets], 0)?;
            let rows = rows.affine(2.0 / (high - low), -2.0 * low / (high - low) - 1.0)?;
            candle_core::Result::Ok((rows.flatten_all()?.to_vec1::<f32>()?, Canvas { channels: 3, height, width }))
        };
        let (numbers, canvas) = draw().map_err(plain)?;
        let mut drawing = self.drawing()?;
        for (place, numbers) in numbers.chunks_exact(canvas.numbers()).enumerate() {
            drawing.put(place, &rgb_of(numbers, canvas));
        }
        let path = sheet_path(&self.output, batches);
        drawing.write(&path)?;
        Ok(path)
    }
}
