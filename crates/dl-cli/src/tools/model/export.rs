//! `dl-model export`: networks for other programs.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use dl_models::gan::Translator;
use dl_models::{Checkpoint, LOGITS, LayerName, Model, ModelFile, OnnxModel, detection};

use crate::common::{Common, Inputs, Io, Outcome, not_an_input, numbers};

/// Export a network to ONNX
///
/// The input, `input` [batch, 3, height, width], is a preprocessed image: the metadata of the file describes how (the key
/// `config`). Networks for images have an output for each layer and take batches of any size. Detectors (SSD and YOLO)
/// have the outputs `boxes` [n, 4], left, top, right and bottom in pixels of the input, `labels` [n], which count from 0
/// in the list of labels (the key `labels`), and `scores` [n], best first, and take one image at a time. Generators that
/// turn images into images have the output `output` [batch, 3, height, width]; black and white are the same numbers as
/// in their input. Weights are stored in single precision.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-model export testdata/models/roads.safetensors --onnx roads.onnx
  dl-model export testdata/models/signs.safetensors --layer fire9 \\
    --onnx fire9.onnx
  dl-model export ssd300_vgg16.pth --onnx ssd300.onnx")]
pub(super) struct ExportArgs {
    /// Model file of any format: a network for images, a detector, or a generator that turns images into images
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// ONNX file to write
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,

    /// Layers to export as outputs [default: the scores of the classes, `logits`]
    #[arg(long, value_name = "LAYER,...", value_delimiter = ',')]
    layer: Vec<LayerName>,

    /// Architecture of a file that does not state it; see dl-model list
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// Side of the input of a generator that turns images into images, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 256, value_parser = numbers::side)]
    size: usize,

    #[command(flatten)]
    pub(super) common: Common,
}

impl ExportArgs {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        not_an_input(&self.onnx, &Inputs { inputs: vec![self.model.display().to_string()] })?;
        let model = match ModelFile::open(&self.model, self.arch.as_deref())? {
            ModelFile::ImageNetwork(file) => self.network(file)?,
            ModelFile::Generator(file) => {
                ensure!(self.layer.is_empty(), "--layer is for networks; this model is a generator");
                self.generator(file)?
            }
            ModelFile::Detector(file) => {
                ensure!(self.layer.is_empty(), "--layer is for networks; this model is a detector");
                self.detector(file)?
            }
            ModelFile::TextNetwork(_) | ModelFile::Clip(_) => bail!(
                "model {}: a network for texts, which cannot be exported: it does not run on a plan",
                self.model.display()
            ),
            other => return Err(other.unfit(&self.model, "a network for images, a detector or a generator")),
        };
        let outputs = model.outputs().join(", ");
        model.write(&self.onnx)?;
        io.messages.note(format_args!("{}: outputs {outputs}", self.onnx.display()));
        Ok(Outcome::AllWell)
    }

    fn network(&self, file: Checkpoint) -> Result<OnnxModel> {
        let in_context = || format!("model {}", self.model.display());
        let model = Model::from_checkpoint(file, self.arch.as_deref(), &Device::Cpu)?;
        let logits = [LOGITS.parse()?];
        let layers = if self.layer.is_empty() { &logits } else { self.layer.as_slice() };
        model.onnx(layers).with_context(in_context)
    }

    fn generator(&self, file: Checkpoint) -> Result<OnnxModel> {
        let translator = Translator::from_checkpoint(file, &Device::Cpu)?;
        translator.onnx([self.size; 2]).with_context(|| format!("model {}", self.model.display()))
    }

    fn detector(&self, file: Checkpoint) -> Result<OnnxModel> {
        let in_context = || format!("model {}", self.model.display());
        let detector = detection::open(file, self.arch.as_deref(), &Device::Cpu)?.with_context(in_context)?;
        detector.onnx().with_context(in_context)
    }
}
