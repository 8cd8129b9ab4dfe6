//! `dl-embed`: a network's features of regions, of whole images, or of texts.

mod file_names;
mod networks;
mod pool;
mod prompts;
mod texts;

use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use dl_models::text::Tokens;
use dl_models::{LayerName, Model, Resize, fingerprint};
use dl_record::{BBox, Dtype, Proposal, Record};
use serde_json::Map;

use crate::common::{
    Common, DeviceArgs, FeatureExtractor, ImageArgs, Images, Inputs, Io, Job, Outcome, Prepared, RegionWarp, Tool,
    WarpArgs, map_weighed_batches, numbers,
};
use file_names::FileNames;
use networks::Networks;
use pool::Pool;
pub(crate) use prompts::prompt_features;

/// Compute features of regions, whole images or texts
///
/// Warps each proposal to the network's input size as R-CNN does, with some context around it; if a record has no
/// `proposals`, the whole image is embedded. BERT and GPT-2 embed the record's `text`, cut to the maximum length of the
/// network; CLIP and SigLIP embed its `image`, or its `text` if it has no image. Writes `features`: one matrix per
/// layer, row i for proposal i.
#[derive(Parser, Debug)]
#[command(
    name = "dl-embed",
    version,
    after_help = "\
Examples:
  dl-propose selective-search photo.jpg \\
    | dl-embed --model squeezenet.safetensors --layer fire9@1 \\
    > embedded.jsonl
  dl-embed --model alexnet.safetensors --arch alexnet --layer pool5,fc7 \\
    --features-dir features proposed.jsonl > embedded.jsonl
  dl-embed --model squeezenet.safetensors --layer logits \\
    --features-json photo.jpg | jq .features.logits.shape
  dl-embed --model bert-base-uncased/ --layer encoder.layer.11 \\
    --pool mean --normalize texts.jsonl > embedded.jsonl"
)]
pub struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of the network, or a Hugging Face model folder
    #[arg(long, value_name = "FILE|DIR")]
    model: PathBuf,

    /// Architecture of a file of bare weights; see dl-model list [default: from the file]
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// Layers whose outputs are the features: module paths (features.12, classifier.4, encoder.layer.11), names from
    /// the papers (pool5, fc7, fire9), or logits; fire9@3 averages a map to 3x3 [default: from the file or
    /// architecture]
    #[arg(long, value_name = "LAYER,...", value_delimiter = ',')]
    layer: Vec<LayerName>,

    /// How to pool the rows of a sample, one per token, into one row; mean and max also pool feature maps [default:
    /// mean for texts (last for GPT-2), cls for images in CLIP and ViT, mean for those in SigLIP, none for maps]
    #[arg(long, value_enum)]
    pool: Option<Pool>,

    /// Divide each row by its L2 norm, so that dot products of rows are cosines
    #[arg(long)]
    normalize: bool,

    /// What CLIP and SigLIP embed if a record has both [default: image]
    #[arg(long, value_enum, value_name = "WHAT")]
    input: Option<InputKind>,

    /// Regions, images or texts per batch; does not affect the results
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = numbers::batch)]
    batch: usize,

    #[command(flatten)]
    warp: WarpArgs,

    /// How to resize a whole image to the network's input size [default: from the file]
    #[arg(long, value_enum)]
    resize: Option<ResizeRule>,

    /// Embed at most N proposals per record, the first ones, and drop the others [default: all]
    #[arg(long, value_name = "N")]
    max: Option<usize>,

    /// Insert the boxes of the ground-truth objects before the proposals, for training; each gets a score of 1 and the
    /// object's index as `truth`
    #[arg(long)]
    with_objects: bool,

    /// Number type of the features
    #[arg(long, value_enum, default_value_t = FeatureType::F32)]
    dtype: FeatureType,

    /// Write the features of each record to a safetensors file in DIR; the record only gets a reference to the file
    #[arg(long, value_name = "DIR", conflicts_with = "features_json")]
    features_dir: Option<PathBuf>,

    /// Write the features as JSON numbers instead of base64
    #[arg(long)]
    features_json: bool,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    common: Common,
}

/// The origin of a record's features: the network's fingerprint, and the options that change the numbers and are not
/// the defaults.
struct Provenance {
    whole: String,
    regions: String,
    text: String,
}

impl Provenance {
    fn of(&self, work: &Work) -> &str {
        match work {
            Work::Text(_) => &self.text,
            Work::Image(Prepared::Whole { .. }) => &self.whole,
            Work::Image(Prepared::Regions { .. }) => &self.regions,
        }
    }
}

/// What the network reads of a record.
enum Work {
    Image(Prepared),
    Text(Tokens),
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
enum InputKind {
    /// The image
    Image,
    /// The text
    Text,
}

/// How to resize a whole image to the network's input size.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum ResizeRule {
    /// Scale the shorter side, then crop the center
    Shorter,
    /// Scale both sides, ignoring the aspect ratio
    Stretch,
    /// Scale the longer side, and fill the rest with the mean color
    Letterbox,
    /// Do not resize, only normalize
    None,
}

impl ResizeRule {
    pub(super) fn rule(self) -> Resize {
        match self {
            Self::Shorter => Resize::Shorter,
            Self::Stretch => Resize::Stretch,
            Self::Letterbox => Resize::Letterbox,
            Self::None => Resize::None,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
enum FeatureType {
    /// 4 bytes per number
    F32,
    /// 2 bytes per number
    F16,
}

impl Tool for Args {
    const NAME: &'static str = "dl-embed";
    const TAKES_FRAMES: bool = true;

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let device = self.device.open()?;
        let networks = Networks::open(&self.model, self.arch.as_deref(), &self.layer, &device)?;
        if let Some(note) = networks.note() {
            io.messages.note(format_args!("model {}: {note}", self.model.display()));
        }
        let batch = self.batch;
        let warp = networks.images.as_ref().map(|(model, _)| self.warp.resolve(&model.config)).transpose()?;
        let mut extractor =
            networks.images.as_ref().map(|(model, layers)| FeatureExtractor::new(model, layers, device.clone(), batch));
        let cut = AtomicUsize::new(0);
        let images = self.image.images(&io.messages);
        let provenance = self.provenance(&networks, warp)?;
        let mut files = FileNames::default();
        let job = Job { common: &self.common, inputs: &self.inputs };
        let outcome = map_weighed_batches(
            io,
            job,
            batch,
            |work: &Work| match work {
                Work::Image(prepared) => prepared.weight(batch),
                Work::Text(_) => 1,
            },
            |record| match networks.text_of(record, self.input, &cut)? {
                Some(tokens) => Ok(Work::Text(tokens)),
                None => {
                    let (model, warp) = networks
                        .images
                        .as_ref()
                        .map(|(model, _)| model)
                        .zip(warp)
                        .context("the model does not read images")?;
                    Ok(Work::Image(self.prepare(record, &images, model, warp)?))
                }
            },
            |records, work: Vec<Work>| {
                let samples: Vec<(bool, &str)> =
                    work.iter().map(|work| (matches!(work, Work::Text(_)), provenance.of(work))).collect();
                let features = self.features(&networks, extractor.as_mut(), work);
                let all = records.iter_mut().zip(samples).zip(features);
                all.map(|((record, (is_text, network)), features)| {
                    self.write(record, networks.layer_names(is_text), network, features?, &mut files)
                })
                .collect()
            },
        )?;
        let cut = cut.into_inner();
        if cut > 0 {
            io.messages.note(format_args!("texts cut to the maximum length of the network: {cut}"));
        }
        Ok(outcome)
    }
}

impl Args {
    fn provenance(&self, networks: &Networks, warp: Option<RegionWarp>) -> Result<Provenance> {
        let fingerprint = fingerprint(&self.model, self.arch.as_deref())?;
        let config = networks.images.as_ref().map(|(model, _)| &model.config);
        let pooled = |is_text: bool| {
            let pool = self.pool.filter(|pool| *pool != networks.default_pool(is_text));
            let pool = pool.map_or(String::new(), |pool| format!(" pool={}", format!("{pool:?}").to_lowercase()));
            format!("{pool}{}", if self.normalize { " normalize" } else { "" })
        };
        let resize = self
            .resize
            .map(ResizeRule::rule)
            .filter(|rule| config.is_some_and(|config| config.preprocessing.resize != *rule));
        let resize = resize.map_or(String::new(), |rule| format!(" resize={}", format!("{rule:?}").to_lowercase()));
        let usual = config.and_then(|config| WarpArgs::default().resolve(config).ok());
        let warp = warp.filter(|warp| Some(*warp) != usual).map_or(String::new(), |RegionWarp { rule, pad }| {
            format!(" warp={} pad={pad}", format!("{rule:?}").to_lowercase())
        });
        Ok(Provenance {
            whole: format!("{fingerprint}{resize}{}", pooled(false)),
            regions: format!("{fingerprint}{warp}{}", pooled(false)),
            text: format!("{fingerprint}{}", pooled(true)),
        })
    }

    /// The features of each record, in order.
    fn features(
        &self,
        networks: &Networks,
        extractor: Option<&mut FeatureExtractor>,
        work: Vec<Work>,
    ) -> Vec<Result<Vec<dl_record::Matrix>>> {
        let (mut texts, mut images, mut order) = (Vec::new(), Vec::new(), Vec::new());
        for work in work {
            order.push(matches!(work, Work::Text(_)));
            match work {
                Work::Text(tokens) => texts.push(tokens),
                Work::Image(prepared) => images.push(prepared),
            }
        }
        let mut of_texts = networks.of_texts(self.pool, &texts).into_iter();
        let mut of_images = extractor.map_or(Vec::new(), |extractor| extractor.of(&images)).into_iter();
        let mut images = images.iter();
        let in_order = order.into_iter().map(|is_text| {
            let mut matrices = if is_text {
                of_texts.next().context("no features were computed")??
            } else {
                let (found, prepared) = of_images.next().zip(images.next()).context("no features were computed")?;
                networks.pooled(self.pool, prepared, found?)?
            };
            if self.normalize {
                matrices.iter_mut().for_each(pool::normalize);
            }
            Ok(matrices)
        });
        in_order.collect()
    }

    /// Opens the image and finds its regions. A whole image is resized here, on the worker threads.
    fn prepare(&self, record: &mut Record, images: &Images, model: &Model, warp: RegionWarp) -> Result<Prepared> {
        let regions = self.regions(record)?;
        let image = images.open(record)?;
        let preprocessing = &model.config.preprocessing;
        Ok(match regions {
            Some(regions) => Prepared::regions(image, &regions, preprocessing, warp),
            None => {
                let resize = self.resize.map_or(preprocessing.resize, ResizeRule::rule);
                Prepared::whole(&image, preprocessing, resize)
            }
        })
    }

    /// The boxes to embed; `None` is the whole image. Proposals that the options change are written to the record.
    fn regions(&self, record: &mut Record) -> Result<Option<Vec<BBox>>> {
        let mut proposals = match (record.proposals()?, self.with_objects) {
            (Some(proposals), _) => proposals,
            (None, true) => Vec::new(),
            (None, false) => return Ok(None),
        };
        let before = proposals.len();
        proposals.truncate(self.max.unwrap_or(usize::MAX));
        let mut changed = proposals.len() < before;
        if self.with_objects {
            // Those of an earlier run would be duplicates.
            proposals.retain(|proposal| !proposal.extra.contains_key("truth"));
            let truth = record.objects()?.unwrap_or_default().into_iter().enumerate().map(|(index, object)| Proposal {
                bbox: object.bbox,
                score: 1.0,
                extra: Map::from_iter([("truth".to_owned(), index.into())]),
            });
            proposals.splice(0..0, truth);
            changed = true;
        }
        for (index, proposal) in proposals.iter().enumerate() {
            proposal.bbox.check().with_context(|| format!("proposals[{index}]"))?;
        }
        if changed {
            record.set_proposals(&proposals)?;
            // Their rows no longer match the proposals.
            record.remove("features");
        }
        Ok(Some(proposals.iter().map(|proposal| proposal.bbox).collect()))
    }

    /// Writes the features, one matrix per layer; those of other layers stay.
    fn write(
        &self,
        record: &mut Record,
        names: Vec<String>,
        network: &str,
        features: Vec<dl_record::Matrix>,
        files: &mut FileNames,
    ) -> Result<()> {
        let dtype = match self.dtype {
            FeatureType::F32 => Dtype::F32,
            FeatureType::F16 => Dtype::F16,
        };
        let mut written = record.features()?.unwrap_or_default();
        let file = match &self.features_dir {
            None => None,
            Some(folder) => {
                let id: String = record.require("id", "which --features-dir needs to name the file")?;
                let path = folder.join(format!("{}.safetensors", files.name(&id)));
                let tensors: Vec<_> =
                    names.iter().zip(&features).map(|(name, rows)| (name.as_str(), dtype, rows)).collect();
                dl_record::write_tensor_file(&path, &tensors)?;
                Some(path)
            }
        };
        for (name, rows) in names.into_iter().zip(features) {
            let tensor = match &file {
                Some(path) => dl_record::Tensor::in_file(&rows, dtype, path, &name),
                None if self.features_json => dl_record::Tensor::values(&rows)?,
                None => dl_record::Tensor::inline(rows, dtype),
            };
            written.insert(name, tensor.computed_by(network));
        }
        record.set_features(&written)
    }
}
