//! `dl-gan-train voxel`: solids from silhouettes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use clap::Arg;
use dl_models::gan::voxel::{VoxelConfig, VoxelGenerator};
use dl_models::gan::{Canvas, Discriminator, DiscriminatorBody, DiscriminatorConfig};
use dl_models::{Parameters, Precision};
use dl_record::Record;
use dl_train::fit::{Progress, TrainedModel};
use dl_train::gan::Pixels;
use dl_train::gan::voxel::{VoxelBatches, VoxelPlayers, VoxelShapes, VoxelTask};
use dl_vision::voxels::{VoxelGrid, isometric, read_voxels};
use image::{DynamicImage, RgbImage};
use serde_json::json;

use super::Training;
use super::help::{self, samples, stated};
use super::training::{TrainingArgs, sheet_path};
use crate::common::{ImageArgs, Images, Io, Job, Outcome, Sheet, SheetNames, Tally, each_record, numbers};
use crate::tools::gan_sample::rgb_of;

/// Adam's rate of 3D-GAN's generator, for both players.
const RATE: f64 = 2e-4;
const BATCH: usize = 32;
const EPOCHS: f64 = 50.0;
const BETAS: [f64; 2] = [0.5, 0.999];
/// Solids of a sheet, and the least side of each in pixels.
const SAMPLES: usize = 8;
const SIDE: usize = 160;

/// Train a generator of solids (voxels) from silhouettes
///
/// Records need an `image`, the silhouette, and `voxels`, the path of the solid that casts it: a NumPy array [depth, height,
/// width] (.npy), seen along the depth, or a .binvox file. The generator has the depth as channels; its loss is the cross
/// entropy of the voxels plus the game against a discriminator that sees the silhouette and the voxels. As in 3D-GAN (Wu et
/// al. 2016), the discriminator is not trained on a batch of which it is right about more than 80 % (--most-accuracy).
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-gan-train voxel --epochs 20 --output solids.safetensors train.jsonl
  dl-gan-edit voxel --model solids.safetensors --output-dir made --obj \\
    test.jsonl > made.jsonl
  dl-eval voxels --mean-of train.jsonl made.jsonl")]
#[command(
    mut_arg("batch", |arg: Arg| arg.help("Solids per batch")),
    mut_args(|arg| stated(arg, &help::defaults(format!("{BATCH}, or all"), EPOCHS, RATE, BETAS[0]))),
    mut_arg("samples_every", |arg| samples(arg, "Draw the first 8 silhouettes, the solids made of them and the true ones"))
)]
pub(super) struct Voxel {
    /// Channels of the first map
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=512), help_heading = "Network")]
    channels: u16,

    /// Weight of the cross entropy of the voxels
    #[arg(long, value_name = "X", default_value_t = 100.0, value_parser = numbers::not_negative, help_heading = "Losses")]
    reconstruction: f64,

    /// Train the discriminator only on batches of which it is right about at most this share
    #[arg(long, value_name = "X", default_value_t = 0.8, value_parser = numbers::share, help_heading = "Training")]
    most_accuracy: f64,

    #[command(flatten)]
    training: TrainingArgs,

    #[command(flatten)]
    image: ImageArgs,
}

impl Training for Voxel {
    fn training(&self) -> &TrainingArgs {
        &self.training
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let training = &self.training;
        training.check_files(&[], &[])?;
        let device = training.device.open()?;
        let (shapes, tally) = self.read(io)?;
        let messages = &io.messages;
        let (side, count) = (shapes.side(), shapes.count());
        messages.note(format_args!("{count} solids of {side} x {side} x {side} voxels"));
        let config = VoxelConfig::new(side, usize::from(self.channels));
        let players = self.players(&config, &device)?;
        let seed = training.common.seed;
        let batch = training.batch.unwrap_or(BATCH).min(count);
        let batches = VoxelBatches::new(&shapes, batch, seed);
        let steps = training.steps(batches.epoch(), EPOCHS);
        let rates = [training.lr_g.unwrap_or(RATE), training.lr_d.unwrap_or(RATE)];
        let betas = [training.beta1.unwrap_or(BETAS[0]), BETAS[1]];
        let recipe = json!({
            "reconstruction": self.reconstruction,
            "most_accuracy": self.most_accuracy,
            "lr_g": rates[0],
            "lr_d": rates[1],
            "betas": betas,
            "batch": batch,
        });
        let digest = shapes.digest().to_string();
        let settings = json!({
            "data": digest,
            "architecture": config.architecture,
            "side": config.side,
            "channels": config.channels,
            "recipe": recipe,
        });
        let fitted = training.fit_config(TrainingArgs::players(rates, betas, steps), steps, batches.epoch(), &settings);
        let file = |progress: &Progress| {
            let mut config = config.clone();
            config.provenance.seed = Some(seed);
            config.provenance.data_digest = Some(digest.clone());
            config.provenance.training = recipe.as_object().cloned().unwrap_or_default();
            config.provenance.training.insert("solids".into(), json!(count));
            config.provenance.training.insert("iterations".into(), json!(progress.step));
            Ok(TrainedModel {
                config: serde_json::to_value(&config)?,
                tensors: players.generator_weights.tensors(),
                texts: Vec::new(),
                precision: Precision::F32,
            })
        };
        let make = |step| Ok(batches.make(step));
        let task = VoxelTask {
            players: &players,
            batches: &make,
            reconstruction: self.reconstruction,
            patience: self.most_accuracy,
            weight_decay: training.weight_decay,
            seed,
            device: &device,
            file: &file,
        };
        let draw = |done| draw(&config, &players, &shapes, &training.output, done);
        let outcome = training.train(&task, &fitted, &draw, messages)?;
        Ok(outcome.unwrap_or_else(|| Outcome::of(tally.failed)))
    }
}

impl Voxel {
    /// Reads all pairs into memory.
    fn read(&self, io: &mut Io) -> Result<(VoxelShapes, Tally)> {
        let mut shapes: Option<(VoxelShapes, Pixels)> = None;
        let images = self.image.images(&io.messages);
        let job = Job { common: &self.training.common, inputs: &self.training.inputs };
        let tally = each_record(io, job, |mut record, _| {
            let grid = solid(&record)?;
            let [depth, height, width] = grid.size();
            let (shapes, pixels) = match &mut shapes {
                Some(known) => known,
                None => {
                    ensure!(
                        depth == height && height == width,
                        "{depth} x {height} x {width} voxels; cubes are supported"
                    );
                    VoxelConfig::new(width, 1).check()?;
                    shapes.insert((VoxelShapes::new(width), Pixels::new(canvas(width))))
                }
            };
            let side = shapes.side();
            ensure!(
                grid.size() == [side; 3],
                "{depth} x {height} x {width} voxels; those of the records before have a side of {side}"
            );
            shapes.push(&silhouette(&mut record, &images, pixels)?, grid.filled())
        })?;
        match shapes {
            Some((shapes, _)) if shapes.count() > 1 => Ok((shapes, tally)),
            Some(_) => bail!("a generator cannot be trained on one solid; give several"),
            None if tally.failed > 0 => bail!("no record can be trained on"),
            None => bail!("no records to train on; give records with `image` and `voxels`"),
        }
    }

    fn players(&self, config: &VoxelConfig, device: &Device) -> Result<VoxelPlayers> {
        let seed = self.training.common.seed;
        let generator_weights = Parameters::fresh(seed);
        // Another seed, so that no layer of one player starts as one of the other.
        let discriminator_weights = Parameters::fresh(seed.wrapping_add(1));
        let generator =
            VoxelGenerator::new(config.clone(), &generator_weights.builder(device)).context("the generator")?;
        let side = config.side;
        let trained = DiscriminatorConfig {
            body: DiscriminatorBody::Dcgan(config.channels),
            // The silhouette, and each plane of voxels.
            image: Canvas { channels: side + 1, height: side, width: side },
            condition: None,
            norms: true,
            spectral: false,
            dropout: 0.0,
            constant: false,
        };
        let discriminator =
            Discriminator::new(&trained, &discriminator_weights.builder(device)).context("the discriminator")?;
        let judge = DiscriminatorConfig { constant: true, ..trained };
        let judge =
            Discriminator::new(&judge, &discriminator_weights.following(device)).context("the discriminator")?;
        Ok(VoxelPlayers { generator, generator_weights, discriminator, judge, discriminator_weights })
    }
}

/// The shape of a silhouette.
pub(crate) fn canvas(side: usize) -> Canvas {
    Canvas { channels: 1, height: side, width: side }
}

/// The silhouette of a record, [side, side], -1 to 1.
pub(crate) fn silhouette(record: &mut Record, images: &Images, pixels: &Pixels) -> Result<Vec<f32>> {
    let image = images.open(record)?;
    Ok(pixels.of(&image, false))
}

/// The solid of a record.
fn solid(record: &Record) -> Result<VoxelGrid> {
    let path: String = record.require("voxels", "it is the path of the solid (.npy or .binvox)")?;
    read_voxels(Path::new(&path))
}

/// Draws silhouettes, the solids that are made of them and the true ones, and returns the file.
fn draw(
    config: &VoxelConfig,
    players: &VoxelPlayers,
    shapes: &VoxelShapes,
    output: &Path,
    batches: usize,
) -> Result<PathBuf> {
    // A generator of its own: its plans hold copies of the weights.
    let generator = VoxelGenerator::new(config.clone(), &players.generator_weights.fixed(&Device::Cpu))?;
    let side = config.side;
    // A whole number of pixels for each of the silhouette's.
    let factor = SIDE.div_ceil(side);
    let tile = (factor * side) as u32;
    let rows = ["silhouette", "made", "true"].map(str::to_owned).into();
    let names = SheetNames { rows, columns: Vec::new() };
    let silhouettes = shapes.first(SAMPLES);
    let columns = silhouettes.len() / (side * side);
    let mut sheet = Sheet::new([3, columns], [tile; 2], &names)?;
    for (column, silhouette) in silhouettes.chunks_exact(side * side).enumerate() {
        let image = rgb_of(silhouette, canvas(side));
        let enlarged = |x: u32, y: u32| *image.get_pixel(x / factor as u32, y / factor as u32);
        sheet.put(column, &RgbImage::from_fn(tile, tile, enlarged));
    }
    let voxels = side * side * side;
    let drawn = |grid: VoxelGrid| DynamicImage::ImageLuma8(isometric(&grid, tile)).into_rgb8();
    for (column, solid) in generator.generate(silhouettes)?.chunks_exact(voxels).enumerate() {
        sheet.put(columns + column, &drawn(VoxelGrid::above([side; 3], solid, 0.5)?));
    }
    for (column, solid) in shapes.first_voxels(SAMPLES).chunks_exact(voxels).enumerate() {
        sheet.put(2 * columns + column, &drawn(VoxelGrid::new([side; 3], solid.to_vec())?));
    }
    let path = sheet_path(output, batches);
    sheet.write(&path)?;
    Ok(path)
}
