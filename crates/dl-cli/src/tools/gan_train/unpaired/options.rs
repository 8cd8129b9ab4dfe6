//! Options of both.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::common::{model_files, numbers};
use crate::tools::gan_train::help::samples;
use crate::tools::gan_train::pictures::PictureArgs;
use crate::tools::gan_train::training::{TrainingArgs, beside};

/// Options of cyclegan and discogan.
#[derive(clap::Args, Debug)]
#[command(mut_arg("samples_every", |arg| {
    samples(arg, "Draw a sheet of 8 images of each domain, a row each of images, these translated, and translated back,")
}))]
pub(super) struct UnpairedArgs {
    #[command(flatten)]
    pub(super) training: TrainingArgs,

    /// Model file to write: the generator from the second domain back to the first [default: STEM.back.safetensors beside
    /// --output]
    #[arg(long, value_name = "FILE", help_heading = "Domains")]
    output_back: Option<PathBuf>,

    /// The domains, from A to B; records of others are left out [default: the two of the records, by name]
    #[arg(long, value_name = "A,B", value_parser = domains, help_heading = "Domains")]
    domains: Option<Domains>,

    #[command(flatten)]
    pub(super) pictures: PictureArgs,

    /// Resize images to X times --size, and cut out a part at random; 1.12 in CycleGAN's source
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = enlargement, help_heading = "Training")]
    pub(super) random_crop: f64,

    /// Factor on the number of channels
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, help_heading = "Network")]
    pub(super) width: f64,
}

/// `--domains`.
#[derive(Clone, Debug)]
struct Domains([String; 2]);

fn domains(text: &str) -> Result<Domains> {
    let (a, b) = text.split_once(',').context("expected two names, such as horses,zebras")?;
    ensure!(!a.is_empty() && !b.is_empty() && a != b, "expected two names, such as horses,zebras");
    Ok(Domains([a.to_owned(), b.to_owned()]))
}

fn enlargement(text: &str) -> Result<f64> {
    let factor = numbers::positive(text)?;
    ensure!((1.0..=2.0).contains(&factor), "expected 1 to 2");
    Ok(factor)
}

impl UnpairedArgs {
    /// The domains, if they are given.
    pub(super) fn domains(&self) -> Option<&[String; 2]> {
        self.domains.as_ref().map(|domains| &domains.0)
    }

    /// The file of the generator back.
    pub(super) fn back(&self) -> PathBuf {
        self.output_back.clone().unwrap_or_else(|| beside(&self.training.output, "back.safetensors"))
    }

    /// As [`TrainingArgs::check_files`].
    pub(super) fn check_files(&self) -> Result<()> {
        let back = self.back();
        let option = if self.output_back.is_some() { "--output-back" } else { "the file of the generator back" };
        let more: [(&str, &Path); 1] = [(option, &back)];
        self.training.check_files(&more, &[])?;
        let remedy = "--resume continues an unfinished run, --force overwrites";
        model_files::check_new(&back, self.training.force || self.training.resume, remedy)
    }

    /// So many channels, times --width.
    pub(super) fn scaled(&self, channels: usize) -> usize {
        ((channels as f64 * self.width).round() as usize).max(1)
    }
}
