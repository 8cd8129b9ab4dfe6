//! `dl-model convert`: a model file of any format as one of ours.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use dl_models::checkpoint::{convert, mean_of_image};
use dl_models::text::{self, TextConfig};
use dl_models::{ChannelOrder, Checkpoint, Fit, Labels, ModelConfig, Precision};
use dl_record::file::read_list;
use serde_json::{Map, Value, json};

use crate::common::{Common, Io, Outcome};

/// A model file of any format as one of ours
///
/// Read are safetensors (one file, or an index of many, or their folder), PyTorch's files of before and since 1.6,
/// Caffe's .caffemodel and darknet's .weights with the .cfg beside it; the format is found out by the content. Nothing in a
/// file is run. Written is one safetensors file with the config in it: architecture, labels, preprocessing, licence.
/// A network that reads texts takes its tokenizer along. Without --to the numbers stay as they are.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-model convert resnet18.pth resnet18.safetensors --arch resnet18 --labels imagenet_labels.txt --to f16
  dl-model convert VGG_ILSVRC_16_layers.caffemodel vgg16.safetensors
  dl-model convert bert-base-uncased/ bert.safetensors
  dl-model convert llama/model.safetensors.index.json whole.safetensors --to bf16")]
pub(super) struct ConvertArgs {
    /// The model file to read, of any format
    #[arg(value_name = "IN")]
    from: PathBuf,

    /// The model file to write
    #[arg(value_name = "OUT")]
    to_file: PathBuf,

    /// How to store the weights [default: as they are]
    #[arg(long, value_enum)]
    to: Option<Stored>,

    /// What network it is, for a file that does not say (see dl-model list); all of it must fit
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// Names of the classes, one a line, in the order of the scores
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,

    /// Caffe's mean image (.binaryproto): the mean of each channel goes into the config
    #[arg(long, value_name = "FILE")]
    mean: Option<PathBuf>,

    /// Licence of the weights, as an SPDX name
    #[arg(long, value_name = "NAME")]
    licence: Option<String>,

    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Stored {
    /// Half precision, 11 bits, up to 65504
    F16,
    /// Half precision, 8 bits, as far as single
    Bf16,
    /// Single precision
    F32,
}

impl ConvertArgs {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let mut file = Checkpoint::open(&self.from)?;
        let precision = self.to.map(|to| match to {
            Stored::F16 => Precision::F16,
            Stored::Bf16 => Precision::Bf16,
            Stored::F32 => Precision::F32,
        });
        let reads_texts = self.arch.is_none() && TextConfig::text_architecture(&file)?.is_some();
        let config = if reads_texts {
            ensure!(
                self.labels.is_none() && self.mean.is_none(),
                "--labels and --mean are for networks that read pictures"
            );
            text::convert(&mut file, &self.to_file, self.licence.as_deref(), precision)?;
            Checkpoint::open(&self.to_file)?.config()?
        } else {
            let config = self.config(io, &mut file)?;
            convert(&file, &self.to_file, config.as_ref(), precision)?;
            config
        };
        if let Some(note) = file.prefix_note() {
            io.messages.note(format_args!("{}: {note}", self.from.display()));
        }
        let tensors = file.tensors();
        let numbers: usize = tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
        let network = config.as_ref().and_then(|config| config.get("architecture")?.as_str());
        io.messages.note(format_args!(
            "{}: {} tensors, {numbers} numbers of {}; {}",
            self.to_file.display(),
            tensors.len(),
            file.format(),
            network.map_or("no config".to_owned(), |network| format!("architecture {network}")),
        ));
        Ok(Outcome::AllWell)
    }

    /// The config to write; `None` for bare weights of a network that nobody named.
    fn config(&self, io: &Io, file: &mut Checkpoint) -> Result<Option<Map<String, Value>>> {
        let stated: Option<Map<String, Value>> = file.config()?;
        let asked = self.arch.is_some() || self.labels.is_some() || self.mean.is_some() || self.licence.is_some();
        // Another program's config (a detector's heads) goes along as it is.
        let known = stated.as_ref().is_none_or(|stated| serde_json::from_value::<ModelConfig>(json!(stated)).is_ok());
        if !asked && !known {
            return Ok(stated);
        }
        let mut config = match ModelConfig::read(file, self.arch.as_deref()) {
            Ok(config) => config,
            Err(error) if !asked && stated.is_none() => {
                io.messages.note(format_args!("{error:#}; written without one"));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let fit = Fit::of(&config, file, |_| false);
        match &self.arch {
            Some(arch) => {
                let fit = fit?;
                ensure!(fit.is_whole(), "model {}: is no {arch}: {}", self.from.display(), fit.report());
            }
            // Networks that we have not may keep their config.
            None => match fit {
                Ok(fit) if !fit.is_whole() => {
                    io.messages.note(format_args!(
                        "{}: does not fit its config: {}",
                        self.from.display(),
                        fit.report()
                    ));
                }
                _ => {}
            },
        }
        if let Some(path) = &self.labels {
            config.labels = Some(Labels::Names(read_list(path).context("--labels")?));
            let folder = self.from.parent().unwrap_or(Path::new(""));
            config.label_names(folder).with_context(|| format!("--labels {}", path.display()))?;
        }
        if let Some(path) = &self.mean {
            let mean = mean_of_image(path)?;
            if config.preprocessing.range != [0.0, 255.0] {
                bail!(
                    "--mean {}: the network takes pictures from 0 to {}; Caffe's do from 0 to 255",
                    path.display(),
                    config.preprocessing.range[1]
                );
            }
            config.preprocessing.channel_order = ChannelOrder::Bgr;
            config.preprocessing.mean = mean;
        }
        if let Some(licence) = &self.licence {
            config.license = Some(licence.clone());
        }
        let name = self.from.file_name().map(|name| name.to_string_lossy().into_owned());
        let format = file.format().to_string();
        config.source = Some(json!({"converted_from": name, "format": format, "its_source": config.source.take()}));
        match serde_json::to_value(&config)? {
            Value::Object(config) => Ok(Some(config)),
            _ => bail!("a config that is no object"),
        }
    }
}
