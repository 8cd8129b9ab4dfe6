//! SSD (Liu et al. 2016): one network predicts classes and boxes for thousands of default boxes at once.
//!
//! As in figure 2 of the paper:
//!
//! ```text
//! image -> backbone -> extra layers            network
//!              |            |
//!           source maps of falling sizes
//!              |            |
//!           heads: class scores and box codes  heads
//!              |
//!           default boxes + codes -> boxes     default_boxes, dl_vision's BoxCoder
//!              |
//!           threshold, best of each class, NMS recipe, one_stage
//! ```
//!
//! [`architectures`] is the table of networks, [`recipe`] the table of what the sources do differently.

mod architectures;
mod config;
mod heads;
mod lite;
mod mobilenet_v1;
mod network;
mod onnx;
mod parts;
mod pretrained;
mod recipe;
mod res10;
mod shapes;
mod slim;
mod vgg16;

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use dl_kernels::NodeId;
use dl_record::{BBox, Matrix};
use rayon::prelude::*;
use serde_json::json;

use self::architectures::Architecture;
use self::heads::Heads;
use self::network::{SsdNetwork, boxes_output, classes_output};
pub use self::pretrained::{Trunk, is_box_head, is_class_head};
pub use self::recipe::{CodeOrder, RECIPES, Recipe, Scores};
use super::one_stage::Candidate;
use super::{Detector, DetectorOutline, Family, Found, Placed, Preset, Rules};
use crate::checkpoint::printable;
use crate::file::limits;
use crate::model::{CheckpointBackend, TensorShapes, build_outline};
use crate::network::plans::{Plans, graph};
use crate::{Backbone, Checkpoint, Kind, LayerName, ModelConfig, OnnxModel, Preprocessing};

/// Images per run of the network, which bounds its memory.
const BATCH: usize = 8;

/// An SSD and its description.
pub struct Ssd {
    /// The description in its file.
    pub config: ModelConfig,
    recipe: Recipe,
    network: SsdNetwork,
    /// In pixels of the input.
    default_boxes: Vec<BBox>,
    sources: Vec<Source>,
    labels: Vec<String>,
    /// Whether each class is one to report: not the background, and in use.
    reported: Vec<bool>,
    /// The outputs of the heads, classes and boxes of each source.
    outputs: Vec<LayerName>,
    plans: Plans,
}

/// A source map.
#[derive(Clone, Copy)]
struct Source {
    boxes_per_cell: usize,
    /// Rows times columns.
    cells: usize,
}

/// The numbers of the network for one image.
#[derive(Clone, Debug, PartialEq)]
pub struct SsdOutputs {
    /// [default boxes, classes]
    pub logits: Vec<f32>,
    /// [default boxes, 4], in the recipe's order.
    pub codes: Vec<f32>,
}

/// Whether bare weights are those of this architecture.
pub fn is_in(name: &str, file: &Checkpoint) -> bool {
    Architecture::find(name).is_some_and(|architecture| architecture.is_in(file))
}

impl Ssd {
    /// Opens the detector of this architecture in a model file.
    /// # Errors
    /// When the file's description is invalid, or its weights do not fit.
    pub fn open(name: &str, file: Checkpoint, device: &Device) -> Result<Self> {
        let architecture = find(name)?;
        let config = config::read(&file, architecture)?;
        let folder = file.path().parent().map(Path::to_owned).unwrap_or_default();
        let (_, shapes) = build_outline(Some(&file), |vb| build(architecture, &config, &vb))?;
        limits::check_weights(&shapes, &file)?;
        let backend = CheckpointBackend { checkpoint: file, wanted_by: format!("the architecture {name}") };
        Self::assemble(
            architecture,
            config,
            &folder,
            VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone()),
        )
    }

    /// A detector from a config and a source of weights, for example [`Parameters`](crate::Parameters).
    /// # Errors
    /// When the architecture or an option is unknown, or a weight is missing or has a different shape.
    pub fn new(config: ModelConfig, vb: VarBuilder) -> Result<Self> {
        config.check()?;
        Self::assemble(find(&config.architecture)?, config, Path::new(""), vb)
    }

    /// A config with an architecture's defaults; class 0 is the background.
    /// # Errors
    /// When the architecture does not exist.
    pub fn default_config(name: &str, num_classes: usize) -> Result<ModelConfig> {
        let preprocessing = (find(name)?.preprocessing)();
        Ok(ModelConfig { kind: Some(Kind::Detector), preprocessing, ..ModelConfig::new(name, num_classes) })
    }

    /// The names of the architectures.
    pub fn architectures() -> impl Iterator<Item = &'static str> {
        architectures::ARCHITECTURES.iter().map(|architecture| architecture.name)
    }

    /// The config of the detector of this architecture in a model file.
    /// # Errors
    /// When it is invalid.
    pub fn config_of(name: &str, file: &Checkpoint) -> Result<ModelConfig> {
        config::read(file, find(name)?)
    }

    /// The recipe of a config: how the network's numbers become detections.
    /// # Errors
    /// When it does not exist.
    pub fn recipe_of(config: &ModelConfig) -> Result<Recipe> {
        let name = match config.options.get("recipe") {
            None => find(&config.architecture)?.recipe,
            Some(name) => name.as_str().unwrap_or_default(),
        };
        Recipe::find(name).copied().with_context(|| {
            let known = RECIPES.map(|recipe| recipe.name).join(", ");
            format!("options: recipe \"{}\" does not exist; choose from {known}", printable(name))
        })
    }

    /// The family of an architecture in the table of recipes.
    pub fn family(architecture: &str) -> Family {
        if architecture.starts_with("ssdlite") { Family::SsdLite } else { Family::Ssd }
    }

    /// The size of a cell of each source map, as parts of the input's [width, height].
    /// # Errors
    /// When the architecture or an option is unknown, or the input is too small.
    pub fn cells(config: &ModelConfig) -> Result<Vec<[f64; 2]>> {
        let architecture = find(&config.architecture)?;
        let (network, _) = build_outline(None, |vb| build(architecture, config, &vb))?;
        let names = (0..network.heads.len()).map(|source| boxes_output(source).parse());
        let outputs: Vec<LayerName> = names.collect::<Result<_>>()?;
        let [rows, columns] = config.preprocessing.size;
        let (graph, nodes) = graph(&network, [3, rows, columns], &outputs)?;
        let cell = |node: &NodeId| match *graph.shape(*node) {
            [_, height, width] => Ok([1.0 / width as f64, 1.0 / height as f64]),
            _ => bail!("the heads do not give maps"),
        };
        nodes.iter().map(cell).collect()
    }

    /// Adds a source with cells half as large as those of the first one, for small objects. Returns whether the
    /// architecture can have one.
    pub fn add_fine_source(config: &mut ModelConfig) -> bool {
        let can = config.architecture == shapes::WITH_FINE;
        if can {
            config.options.insert(shapes::FINE.to_owned(), true.into());
        }
        can
    }

    /// Chooses the shapes of the default boxes around a cell of each source, (width, height) as parts of the input's; an
    /// empty list keeps the architecture's.
    pub fn set_shapes(config: &mut ModelConfig, shapes: &[Vec<[f64; 2]>]) {
        config.options.insert(shapes::OPTION.to_owned(), json!(shapes));
    }

    /// The network of a config without weights.
    /// # Errors
    /// When the architecture or an option is unknown.
    pub fn outline(config: &ModelConfig) -> Result<DetectorOutline> {
        config.check()?;
        let architecture = find(&config.architecture)?;
        let (network, weights) = build_outline(None, |vb| build(architecture, config, &vb))?;
        Ok(DetectorOutline { layers: network.layers(), weights })
    }

    /// The network of a config, and the shapes of its weights; where it depends on what there is, as in `file`.
    pub(crate) fn without_weights(
        config: &ModelConfig,
        file: Option<&Checkpoint>,
    ) -> Result<(Box<dyn Backbone>, TensorShapes)> {
        config.check()?;
        let architecture = find(&config.architecture)?;
        let (network, weights) = build_outline(file, |vb| build(architecture, config, &vb))?;
        Ok((Box::new(network), weights))
    }

    fn assemble(architecture: &Architecture, config: ModelConfig, folder: &Path, vb: VarBuilder) -> Result<Self> {
        let (labels, reported) = config::labels(&config, folder)?;
        let recipe = Self::recipe_of(&config)?;
        let network = build(architecture, &config, &vb)?;
        let size = config.preprocessing.size;
        let boxes = shapes::default_boxes(architecture, &config)?;
        let per_cell = boxes.per_cell();
        let names = (0..per_cell.len()).flat_map(|source| [classes_output(source), boxes_output(source)]);
        let outputs: Vec<LayerName> = names.map(|name| name.parse()).collect::<Result<_>>()?;
        let (graph, nodes) = graph(&network, [3, size[0], size[1]], &outputs)
            .with_context(|| format!("an input of {} x {} pixels", size[1], size[0]))?;
        let (mut maps, mut sources) = (Vec::new(), Vec::new());
        for (pair, boxes_per_cell) in nodes.chunks_exact(2).zip(&per_cell) {
            let (&[_, height, width], &[channels, ..]) = (graph.shape(pair[0]), graph.shape(pair[1])) else {
                bail!("the heads do not give maps");
            };
            ensure!(
                channels == 4 * boxes_per_cell,
                "a head gives {channels} codes for {boxes_per_cell} boxes of a cell"
            );
            maps.push([height, width]);
            sources.push(Source { boxes_per_cell: *boxes_per_cell, cells: height * width });
        }
        let default_boxes = boxes.generate(&maps, size)?;
        let plans = Plans::default();
        Ok(Self { config, recipe, network, default_boxes, sources, labels, reported, outputs, plans })
    }

    /// The network, to train it: its outputs are `classes.0`, `boxes.0`, `classes.1` and so on, one pair per source.
    pub fn network(&self) -> &dyn Backbone {
        &self.network
    }

    /// The names of the network's outputs: classes and boxes of each source.
    pub fn outputs(&self) -> &[LayerName] {
        &self.outputs
    }

    /// How the numbers become detections.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The default boxes in pixels of the input, in the order of the rows of [`SsdOutputs`].
    pub fn default_boxes(&self) -> &[BBox] {
        &self.default_boxes
    }

    /// The numbers of the network for x [n, 3, h, w], image by image.
    /// # Errors
    /// When x has the wrong length, or the network cannot be run.
    pub fn run(&self, x: &[f32]) -> Result<Vec<SsdOutputs>> {
        let [height, width] = self.config.preprocessing.size;
        let length = 3 * height * width;
        ensure!(
            x.len().is_multiple_of(length),
            "the input has {} numbers; expected a multiple of 3 x {height} x {width}",
            x.len()
        );
        let images = x.len() / length;
        if images == 0 {
            return Ok(Vec::new());
        }
        let maps =
            self.plans.run_made(&self.network, [images, BATCH], [3, height, width], &self.outputs, |index, to| {
                to.copy_from_slice(&x[index * length..][..length]);
            })?;
        Ok((0..images).into_par_iter().map(|image| self.joined(&maps, image)).collect())
    }

    /// The outputs of all heads, source by source: [boxes per cell x columns, h, w] -> [h w boxes per cell, columns].
    fn joined(&self, maps: &[Matrix], image: usize) -> SsdOutputs {
        let classes = self.config.num_classes;
        let mut outputs = SsdOutputs {
            logits: vec![0.0; self.default_boxes.len() * classes],
            codes: vec![0.0; self.default_boxes.len() * 4],
        };
        let mut first = 0;
        for (source, pair) in self.sources.iter().zip(maps.chunks_exact(2)) {
            let count = source.cells * source.boxes_per_cell;
            let logits = &mut outputs.logits[first * classes..][..count * classes];
            transpose(pair[0].row(image), source.cells, logits);
            transpose(pair[1].row(image), source.cells, &mut outputs.codes[first * 4..][..count * 4]);
            first += count;
        }
        outputs
    }

    /// The detections of an image.
    /// # Errors
    /// When the network's numbers are not finite.
    fn found(&self, outputs: &SsdOutputs, placed: &Placed, rules: &Rules) -> Result<Vec<Found>> {
        let damaged = "the network's outputs are not finite; are its weights damaged?";
        ensure!(outputs.logits.iter().chain(&outputs.codes).all(|number| number.is_finite()), damaged);
        let selection = self.recipe.selection.with(rules);
        let wanted: Vec<usize> =
            (1..self.config.num_classes).filter(|class| self.reported[*class] && rules.wants(*class)).collect();
        let candidates = self.candidates(&outputs.logits, &wanted, selection.score);
        let [height, width] = placed.size.map(|side| side as f64);
        let coder = self.recipe.coder();
        let boxes = self.default_boxes.iter().zip(outputs.codes.as_chunks::<4>().0).map(|(default, code)| {
            let [a, b, c, d] = code.map(f64::from);
            let bbox = coder.decode(
                default,
                match self.recipe.order {
                    CodeOrder::Xywh => [a, b, c, d],
                    CodeOrder::Yxhw => [b, a, d, c],
                },
            );
            if self.recipe.clip { bbox.clip(width, height) } else { bbox }
        });
        let boxes: Vec<BBox> = boxes.collect();
        ensure!(boxes.iter().all(|bbox| bbox.check().is_ok()), damaged);
        let selected = selection.select(&boxes, candidates, rules.raw);
        let found = selected.into_iter().map(|Candidate { index, class, score }| {
            let bbox = placed.to_image(boxes[index]);
            let bbox = if self.recipe.clip { placed.clip(bbox) } else { bbox };
            Found { bbox, class, score, mask: None }
        });
        Ok(found.collect())
    }

    /// The boxes with a score of at least `least` in one of the classes `wanted`.
    fn candidates(&self, logits: &[f32], wanted: &[usize], least: f64) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        let mut powers = Vec::new();
        // A score is above `least` only if the logit is: above ln(p / (1 - p)), for the softmax relative to the
        // background's. Most boxes are dropped here, without an exponential; the slack is for rounding.
        let bound = if least > 0.0 { (least / (1.0 - least)).ln() - 1e-3 } else { f64::NEG_INFINITY };
        for (index, logits) in logits.chunks_exact(self.config.num_classes).enumerate() {
            let reference = match self.recipe.scores {
                Scores::Softmax => f64::from(logits[0]),
                Scores::Sigmoid => 0.0,
            };
            let may = |class: &&usize| f64::from(logits[**class]) - reference >= bound;
            if !wanted.iter().any(|class| may(&class)) {
                continue;
            }
            let total = match self.recipe.scores {
                Scores::Softmax => {
                    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
                    powers.clear();
                    powers.extend(logits.iter().map(|logit| (f64::from(*logit) - largest).exp()));
                    powers.iter().sum::<f64>()
                }
                Scores::Sigmoid => 1.0,
            };
            for &class in wanted.iter().filter(may) {
                let score = match self.recipe.scores {
                    Scores::Softmax => powers[class] / total,
                    Scores::Sigmoid => 1.0 / (1.0 + (-f64::from(logits[class])).exp()),
                };
                if score >= least {
                    candidates.push(Candidate { index, class, score });
                }
            }
        }
        candidates
    }
}

impl Detector for Ssd {
    fn report_as(&mut self, preset: Preset) -> Result<()> {
        let name = preset.recipe(Self::family(&self.config.architecture))?;
        let Recipe { selection, clip, .. } = *Recipe::find(name).context("the recipe is missing in the table")?;
        self.recipe = Recipe { selection, clip, ..self.recipe };
        Ok(())
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn preprocessing(&self) -> &Preprocessing {
        &self.config.preprocessing
    }

    fn onnx(&self) -> Result<OnnxModel> {
        self.exported()
    }

    fn detect(&self, x: &[f32], images: &[Placed], rules: &Rules) -> Result<Vec<Vec<Found>>> {
        let outputs = self.run(x)?;
        ensure!(outputs.len() == images.len(), "{} inputs for {} images", outputs.len(), images.len());
        outputs.par_iter().zip(images).map(|(outputs, placed)| self.found(outputs, placed, rules)).collect()
    }
}

fn find(name: &str) -> Result<&'static Architecture> {
    Architecture::find(name).with_context(|| {
        let known: Vec<&str> = architectures::ARCHITECTURES.iter().map(|architecture| architecture.name).collect();
        format!("SSD architecture {name} does not exist; choose from {}", known.join(", "))
    })
}

fn build(architecture: &Architecture, config: &ModelConfig, vb: &VarBuilder) -> Result<SsdNetwork> {
    let per_cell = shapes::default_boxes(architecture, config)?.per_cell();
    // A file may have these, but the network does not.
    let mut config = config.clone();
    config.options.remove("recipe");
    config.options.remove(shapes::OPTION);
    config.options.remove(shapes::FINE);
    (architecture.build)(&config, Heads { boxes: &per_cell, classes: config.num_classes }, vb)
}

/// [columns, cells] -> [cells, columns]
fn transpose(from: &[f32], cells: usize, to: &mut [f32]) {
    let columns = to.len() / cells.max(1);
    // Few cells at a time, so that the rows that are written stay in the cache.
    for start in (0..cells).step_by(16) {
        for (column, from) in from.chunks_exact(cells.max(1)).enumerate() {
            for (cell, number) in (start..cells.min(start + 16)).zip(&from[start..]) {
                to[cell * columns + column] = *number;
            }
        }
    }
}
