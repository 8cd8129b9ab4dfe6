//! `dl-model convert`: convert model files to dl-tools' format.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use dl_models::checkpoint::{convert, mean_of_image, save};
use dl_models::detection::DetectorKind;
use dl_models::detection::rcnn::{self, RcnnKind};
use dl_models::text::{self, TextConfig};
use dl_models::{ChannelOrder, Checkpoint, Fit, Labels, ModelConfig, Precision};
use serde_json::{Map, Value, json};

use crate::common::{Common, Io, Labels as ClassNames, Outcome, numbers};

/// Convert a model file of any format to dl-tools' format
///
/// Reads safetensors (one file, the index of a model in many files, or its folder), PyTorch files in the formats before
/// and since version 1.6, Caffe's .caffemodel, and darknet's .weights with the .cfg beside it. The format is detected
/// from the content, and code in a file is never run. Writes one safetensors file that contains the config:
/// architecture, labels, preprocessing, license. A text network keeps its tokenizer. Without --dtype, the weights keep
/// their type.
///
/// --svd makes the fully connected layers of Fast, Faster, Mask or Cascade R-CNN smaller and faster, at some loss of
/// accuracy: with 1024,256 for VGG-16, the paper loses 0.3 points of mAP (Girshick 2015, sections 3.1 and 4.4).
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-model convert testdata/models/roads.safetensors roads.safetensors \\
    --dtype f32
  dl-model convert resnet18.pth resnet18.safetensors --arch resnet18 \\
    --labels @imagenet --dtype f16
  dl-model convert VGG_ILSVRC_16_layers.caffemodel vgg16.safetensors
  dl-model convert bert-base-uncased/ bert.safetensors
  dl-model convert fasterrcnn_resnet50_fpn.pth faster.safetensors \\
    --svd 256,128
  dl-model convert model.safetensors.index.json whole.safetensors \\
    --dtype bf16")]
pub(super) struct ConvertArgs {
    /// Model file to read, of any format
    #[arg(value_name = "IN")]
    from: PathBuf,

    /// Model file to write
    #[arg(value_name = "OUT")]
    to_file: PathBuf,

    /// Number type to store the weights as [default: as in the file]
    #[arg(long, value_enum)]
    dtype: Option<Dtype>,

    /// Architecture of a file that does not state it; see dl-model list. All of its tensors must fit
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// Class names in the order of the scores: a list, @FILE with one per line, or the built-in @imagenet, @coco or
    /// @voc
    #[arg(long, value_name = "LABEL,...|@FILE")]
    labels: Option<ClassNames>,

    /// Caffe's mean image (.binaryproto); its mean per channel is stored in the config
    #[arg(long, value_name = "FILE")]
    mean: Option<PathBuf>,

    /// License of the weights, as an SPDX identifier
    #[arg(long, value_name = "NAME")]
    license: Option<String>,

    /// Truncate fc6 and fc7 of a two-stage detector to these ranks, by singular value decomposition
    #[arg(long, value_name = "FC6,FC7", value_parser = numbers::ranks, conflicts_with_all = ["labels", "mean"])]
    svd: Option<[usize; 2]>,

    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Dtype {
    /// Half precision: 11 significant bits, up to 65504
    F16,
    /// bfloat16: 8 significant bits, the range of f32
    Bf16,
    /// Single precision
    F32,
}

impl ConvertArgs {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let mut file = Checkpoint::open(&self.from)?;
        let precision = self.dtype.map(|dtype| match dtype {
            Dtype::F16 => Precision::F16,
            Dtype::Bf16 => Precision::Bf16,
            Dtype::F32 => Precision::F32,
        });
        if let Some(ranks) = self.svd {
            return self.truncate(io, &file, ranks, precision);
        }
        let reads_texts = self.arch.is_none() && TextConfig::text_architecture(&file)?.is_some();
        let config = if reads_texts {
            ensure!(
                self.labels.is_none() && self.mean.is_none(),
                "--labels and --mean are for networks that read images"
            );
            text::convert(&mut file, &self.to_file, self.license.as_deref(), precision)?;
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
            "{}: {} tensors, {numbers} weights, from {}; {}",
            self.to_file.display(),
            tensors.len(),
            file.format(),
            network.map_or("no config".to_owned(), |network| format!("architecture {network}")),
        ));
        Ok(Outcome::AllWell)
    }

    /// Writes a two-stage detector with smaller fully connected layers.
    fn truncate(&self, io: &Io, file: &Checkpoint, ranks: [usize; 2], precision: Option<Precision>) -> Result<Outcome> {
        let of_file = || format!("model {}", self.from.display());
        let named = DetectorKind::of(file, self.arch.as_deref())?.map(|kind| kind.name);
        let kind = named.and_then(|name| RcnnKind::find(name).ok());
        let kind = kind.with_context(|| format!("{}: is not a two-stage detector, which --svd is for", of_file()))?;
        let (mut config, tensors) = rcnn::truncated(kind, file, ranks).context("--svd").with_context(of_file)?;
        if let Some(license) = &self.license {
            config.provenance.license = Some(license.clone());
        }
        config.provenance.source = Some(self.converted(file, config.provenance.source.take()));
        // The type of the weights, of which the largest are new.
        let stored = file.tensors().into_iter().max_by_key(|tensor| tensor.shape.iter().product::<usize>());
        let kept = match stored.map(|tensor| tensor.dtype).as_deref() {
            Some("F16") => Precision::F16,
            Some("BF16") => Precision::Bf16,
            _ => Precision::F32,
        };
        save(&self.to_file, &config, &tensors, precision.unwrap_or(kept))?;
        let count = |numbers: usize, shape: &[usize]| numbers + shape.iter().product::<usize>();
        let before = file.tensors().iter().fold(0, |numbers, tensor| count(numbers, &tensor.shape));
        let after = tensors.values().fold(0, |numbers, tensor| count(numbers, tensor.dims()));
        io.messages.note(format_args!(
            "{}: {after} weights of {before}, architecture {}",
            self.to_file.display(),
            config.architecture
        ));
        Ok(Outcome::AllWell)
    }

    /// The origin of the weights to write.
    fn converted(&self, file: &Checkpoint, its_source: Option<Value>) -> Value {
        let name = self.from.file_name().map(|name| name.to_string_lossy().into_owned());
        json!({"converted_from": name, "format": file.format().to_string(), "its_source": its_source})
    }

    /// The config to write; `None` for bare weights of an unknown network.
    fn config(&self, io: &Io, file: &mut Checkpoint) -> Result<Option<Map<String, Value>>> {
        let stated: Option<Map<String, Value>> = file.config()?;
        let changed = self.arch.is_some() || self.labels.is_some() || self.mean.is_some();
        let requested = changed || self.license.is_some();
        // A config of another kind, such as that of a detector's heads or of a generator, is kept as it is but for the license.
        let known = stated.as_ref().is_none_or(|stated| serde_json::from_value::<ModelConfig>(json!(stated)).is_ok());
        if let Some(mut other) = stated.clone().filter(|_| !known && !changed) {
            other.extend(self.license.as_ref().map(|license| ("license".to_owned(), json!(license))));
            return Ok(Some(other));
        }
        let mut config = match ModelConfig::read(file, self.arch.as_deref()) {
            Ok(config) => config,
            Err(error) if !requested && stated.is_none() => {
                io.messages.note(format_args!("{error:#}; written without a config"));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let fit = Fit::of(&config, file, |_| false);
        match &self.arch {
            Some(arch) => {
                let fit = fit?;
                ensure!(fit.is_whole(), "model {}: not a {arch}: {}", self.from.display(), fit.report());
            }
            // Networks that are not supported may keep their config.
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
        if let Some(labels) = &self.labels {
            config.labels = Some(Labels::Names(labels.names().to_vec()));
            config.label_names(Path::new("")).context("--labels")?;
        }
        if let Some(path) = &self.mean {
            let mean = mean_of_image(path)?;
            if config.preprocessing.range != [0.0, 255.0] {
                bail!(
                    "--mean {}: the network's pixels range from 0 to {}, Caffe's from 0 to 255",
                    path.display(),
                    config.preprocessing.range[1]
                );
            }
            config.preprocessing.channel_order = ChannelOrder::Bgr;
            config.preprocessing.mean = mean;
        }
        if let Some(license) = &self.license {
            config.provenance.license = Some(license.clone());
        }
        config.provenance.source = Some(self.converted(file, config.provenance.source.take()));
        match serde_json::to_value(&config)? {
            Value::Object(config) => Ok(Some(config)),
            _ => bail!("the config is not an object"),
        }
    }
}
