//! Detectors in darknet's format: YOLOv1 and Fast YOLO (Redmon et al. 2016), YOLOv2 to YOLOv4 and their small variants.
//!
//! A `.cfg` describes the network, the `.weights` beside it has the numbers, and a `.names` the classes.

mod built_in;
mod labels;
mod moved;
mod network;
mod onnx;
mod recipe;

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use dl_record::{BBox, Cell};
use dl_vision::picture::warp::Interpolation;
use serde_json::Map;

use super::yolo::Candidates;
pub use super::yolo::Suppression;
use super::yolo_v1::{Grid, YoloV1};
use super::yolo_v2::{Squash, YoloV2};
use super::{Detector, DetectorKind, DetectorOutline, Family, Found, Placed, Preset, Rules};
use crate::checkpoint::darknet::cfg::{Cfg, Detection, Kind, numbers};
use crate::checkpoint::darknet::{CFG_KEY, VERSION_KEY};
use crate::file::limits;
use crate::model::{CheckpointBackend, build_outline};
use crate::network::plans::Plans;
use crate::{
    Backbone, ChannelOrder, Checkpoint, Kind as FileKind, Labels, LayerName, ModelConfig, OnnxModel, Preprocessing,
    Resize, plain,
};
pub use built_in::{BUILT_IN, BuiltIn, with_classes};
pub use network::Network;
pub use recipe::{Epsilon, Fit, RECIPES, Recipe};

/// Its entry in the table of detectors.
pub(super) const KIND: DetectorKind = DetectorKind {
    name: "darknet",
    paper: "Redmon et al. 2016 (YOLO), Redmon and Farhadi 2017 and 2018 (YOLOv2, YOLOv3), Bochkovskiy et al. 2020",
    is_in,
    open: |file, device| Ok(Box::new(Darknet::open(file, &Recipe::default(), device)?)),
};

/// The entry of a network that is built in.
pub(super) const fn built_in<const INDEX: usize>() -> DetectorKind {
    DetectorKind {
        name: BUILT_IN[INDEX],
        paper: "Redmon et al. 2016, You only look once: unified, real-time object detection",
        is_in: |_| false,
        open: KIND.open,
    }
}

/// The option of a config that holds the text of the `.cfg`.
const CFG_OPTION: &str = "cfg";

/// The gray around a letterboxed image, from 0 to 1.
const GRAY: f32 = 0.5;

/// Most numbers that describe boxes, for an image.
const MOST_BOX_NUMBERS: usize = 1 << 25;

/// A detector in darknet's format.
pub struct Darknet {
    network: Network,
    heads: Vec<(LayerName, Head)>,
    labels: Vec<String>,
    note: Option<String>,
    preprocessing: Preprocessing,
    suppression: Suppression,
    device: Device,
    plans: Plans,
}

/// The factors of YOLOv1's loss (equation 3 of the paper), and darknet's `rescore`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GridLoss {
    /// Of confidences of boxes with an object.
    pub object: f32,
    /// Of the other confidences.
    pub no_object: f32,
    /// Of classes.
    pub class: f32,
    /// Of coordinates.
    pub coordinates: f32,
    /// Whether the target of a confidence is the IoU; otherwise 1.
    pub rescore: bool,
}

/// A layer that describes boxes.
enum Head {
    Grid(YoloV1),
    Anchors(YoloV2),
}

impl Head {
    /// The head of a layer, if it is one.
    fn of(kind: &Kind) -> Option<Self> {
        let anchors = |anchors: &[[f32; 2]], in_cells, classes, squash| YoloV2 {
            anchors: anchors.to_vec(),
            in_cells,
            classes,
            squash,
            scale_x_y: 1.0,
            new_coords: false,
        };
        Some(match kind {
            Kind::Detection(head) => {
                let grid = Grid { side: head.side, boxes: head.boxes, classes: head.classes };
                Self::Grid(YoloV1 { grid, sqrt: head.sqrt, softmax: head.softmax })
            }
            Kind::Region(head) => {
                let squash = if head.softmax { Squash::Softmax } else { Squash::Sigmoid };
                Self::Anchors(anchors(&head.anchors, true, head.classes, squash))
            }
            Kind::Yolo(head) => Self::Anchors(YoloV2 {
                scale_x_y: head.scale_x_y,
                new_coords: head.new_coords,
                ..anchors(&head.anchors, false, head.classes, Squash::Sigmoid)
            }),
            _ => return None,
        })
    }

    fn classes(&self) -> usize {
        match self {
            Self::Grid(head) => head.grid.classes,
            Self::Anchors(head) => head.classes,
        }
    }
}

/// Whether the file has weights of darknet for a network with boxes.
fn is_in(file: &Checkpoint) -> bool {
    let cfg = file.metadata(CFG_KEY).and_then(|text| Cfg::parse(text).ok());
    cfg.is_some_and(|cfg| cfg.layers.iter().any(|layer| Head::of(&layer.kind).is_some()))
}

impl Darknet {
    /// A config for the network of a `.cfg`, for images that are stretched, or padded to keep their aspect ratio.
    /// # Errors
    /// When the text is invalid, or not that of a detector.
    pub fn config(architecture: &str, text: &str, labels: &[String], padded: bool) -> Result<ModelConfig> {
        let cfg = Cfg::parse(text)?;
        let heads = heads(&cfg)?;
        let size = size_of(&cfg)?;
        let classes = heads.first().map_or(0, |(_, head)| head.classes());
        ensure!(classes == labels.len(), "is for {classes} classes, but there are {}", labels.len());
        let is_v1 = heads.iter().any(|(_, head)| matches!(head, Head::Grid(_)));
        let preprocessing = match padded {
            true => preprocessing(size, false, true),
            false => preprocessing(size, is_v1, false),
        };
        Ok(ModelConfig {
            kind: Some(FileKind::Detector),
            options: Map::from_iter([(CFG_OPTION.to_owned(), text.into())]),
            labels: Some(Labels::Names(labels.to_vec())),
            preprocessing,
            ..ModelConfig::new(architecture, classes)
        })
    }

    /// The text of the `.cfg` in a config.
    pub fn cfg_of(config: &ModelConfig) -> Option<&str> {
        config.options.get(CFG_OPTION)?.as_str()
    }

    /// The text of the `.cfg` of a file; `None` if it has none.
    /// # Errors
    /// When its config cannot be read.
    pub fn text_of(file: &Checkpoint) -> Result<Option<String>> {
        let config = file.config::<ModelConfig>()?;
        let ours = config.as_ref().and_then(Self::cfg_of);
        Ok(ours.or_else(|| file.metadata(CFG_KEY)).map(str::to_owned))
    }

    /// The class names in the config of a file of ours.
    pub fn labels_of(file: &Checkpoint) -> Option<Vec<String>> {
        file.config::<ModelConfig>().ok()??.label_names(Path::new("")).ok()?
    }

    /// The network of a config without weights.
    /// # Errors
    /// When the text of its `.cfg` is invalid.
    pub fn outline(config: &ModelConfig) -> Result<DetectorOutline> {
        let cfg = Cfg::parse(Self::cfg_of(config).context("its config has no cfg")?).context("its .cfg")?;
        let (network, weights) = build_outline(None, |vb| Network::new(&cfg, Recipe::default().epsilon, &vb))?;
        Ok(DetectorOutline { layers: network.layers(), weights })
    }

    /// The network of the text of a `.cfg`, with the [height, width] of its input.
    pub(crate) fn without_weights(text: &str, vb: &VarBuilder) -> Result<(Network, [usize; 2])> {
        let cfg = Cfg::parse(text).context("its .cfg")?;
        let size = size_of(&cfg)?;
        Ok((Network::new(&cfg, Recipe::default().epsilon, vb).context("its .cfg")?, size))
    }

    /// A detector from a config and a source of weights, for example [`Parameters`](crate::Parameters).
    /// # Errors
    /// When the text of its `.cfg` is invalid, or a weight is missing or has a different shape.
    pub fn new(config: &ModelConfig, recipe: &Recipe, vb: &VarBuilder) -> Result<Self> {
        config.check().context("its config")?;
        let cfg = Cfg::parse(Self::cfg_of(config).context("its config has no cfg")?).context("its .cfg")?;
        let heads = heads(&cfg)?;
        ensure!(
            config.preprocessing.size == size_of(&cfg)?,
            "its .cfg is for images of another size than its preprocessing"
        );
        let classes = heads.first().map_or(0, |(_, head)| head.classes());
        let labels = config.label_names(Path::new(""))?.context("its config has no labels")?;
        ensure!(labels.len() == classes, "its config has {} labels for {classes} classes", labels.len());
        let is_v1 = heads.iter().any(|(_, head)| matches!(head, Head::Grid(_)));
        Ok(Self {
            network: Network::new(&cfg, recipe.epsilon, vb).context("its .cfg")?,
            heads,
            labels,
            note: None,
            preprocessing: config.preprocessing.clone(),
            suppression: if is_v1 { recipe.yolo_v1 } else { recipe.yolo_v2 },
            device: vb.device().clone(),
            plans: Plans::default(),
        })
    }

    /// Opens `.weights`, or a file of ours.
    /// # Errors
    /// When the file is of another kind, the network is not supported or not a detector, or its class names cannot be
    /// read.
    pub fn open(file: Checkpoint, recipe: &Recipe, device: &Device) -> Result<Self> {
        if let Some(config) = file.config::<ModelConfig>()? {
            limits::check_weights(&Self::outline(&config)?.weights, &file)?;
            let backend = CheckpointBackend { checkpoint: file, wanted_by: "its .cfg".to_owned() };
            let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone());
            return Self::new(&config, recipe, &vb);
        }
        let text = file.metadata(CFG_KEY).context("is not a darknet network: it has no .cfg")?;
        let cfg = Cfg::parse(text).context("its .cfg")?;
        let version = file.metadata(VERSION_KEY).unwrap_or_default().to_owned();
        let heads = heads(&cfg)?;
        let size = size_of(&cfg)?;
        let classes = heads.first().map_or(0, |(_, head)| head.classes());
        let (labels, note) = labels::labels_of(file.path(), cfg.names.as_deref(), classes)?;
        let is_v1 = heads.iter().any(|(_, head)| matches!(head, Head::Grid(_)));
        let backend = CheckpointBackend { checkpoint: file, wanted_by: "its .cfg".to_owned() };
        let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone());
        Ok(Self {
            network: Network::new(&cfg, recipe.epsilon, &vb).context("its .cfg")?,
            heads,
            labels,
            note,
            preprocessing: preprocessing(size, is_v1, letterboxed(&cfg, recipe.fit, &version)),
            suppression: if is_v1 { recipe.yolo_v1 } else { recipe.yolo_v2 },
            device: device.clone(),
            plans: Plans::default(),
        })
    }

    /// Its network. Images for it are from 0 to 1, and gray around.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The output that YOLOv1's grid is read from, and how; `None` for later generations.
    pub fn grid(&self) -> Option<(&LayerName, &YoloV1)> {
        self.heads.iter().find_map(|(layer, head)| match head {
            Head::Grid(grid) => Some((layer, grid)),
            Head::Anchors(_) => None,
        })
    }

    /// The factors of YOLOv1's loss, as in the `.cfg`; `None` for later generations.
    pub fn loss_of_grid(config: &ModelConfig) -> Option<GridLoss> {
        let cfg = Cfg::parse(Self::cfg_of(config)?).ok()?;
        cfg.layers.into_iter().find_map(|layer| match layer.kind {
            Kind::Detection(Detection { scales: [object, no_object, class, coordinates], rescore, .. }) => {
                Some(GridLoss { object, no_object, class, coordinates, rescore })
            }
            _ => None,
        })
    }

    /// The named outputs of its network for x [n, 3, h, w] from 0 to 1, each [n, ...].
    /// # Errors
    /// When a layer does not exist, or x has the wrong shape.
    pub fn features(&self, x: &Tensor, layers: &[LayerName]) -> Result<Vec<Tensor>> {
        if self.device.is_cpu() {
            return self.plans.run(&self.network, x, layers);
        }
        let network: &dyn Backbone = &self.network;
        network.features(x, layers, None)
    }

    /// The input [n, 3, h, w] as a tensor from 0 to 1; `None` for no images.
    fn input(&self, x: &[f32], images: &[Placed]) -> Result<Option<Tensor>> {
        let Some(Placed { size, .. }) = images.first() else { return Ok(None) };
        let [height, width] = *size;
        ensure!(images.iter().all(|placed| placed.size == *size), "the inputs have different sizes");
        let shape = (images.len(), 3, height, width);
        if x.len() != images.len() * 3 * height * width {
            bail!("the input has {} numbers; expected those of shape {shape:?}", x.len());
        }
        // The network's input is not centered.
        let gray = self.preprocessing.mean[0];
        let x = match gray == 0.0 {
            true => Tensor::from_slice(x, shape, &self.device),
            false => Tensor::from_vec(x.iter().map(|x| x + gray).collect::<Vec<f32>>(), shape, &self.device),
        };
        x.map(Some).map_err(plain)
    }

    /// The objects in an image, from the outputs that describe boxes, each [...] of one image.
    fn objects(&self, outputs: &[Tensor], placed: &Placed, rules: &Rules) -> Result<Vec<Found>> {
        let mut candidates = Candidates::default();
        for (output, (_, head)) in outputs.iter().zip(&self.heads) {
            let numbers = output.flatten_all().and_then(|numbers| numbers.to_vec1::<f32>()).map_err(plain)?;
            let (size, suppression) = (placed.size, &self.suppression);
            match head {
                Head::Grid(head) => {
                    ensure!(numbers.len() == head.grid.numbers(), "expected {} numbers", head.grid.numbers());
                    head.collect(&numbers, size, suppression, rules, &mut candidates);
                }
                Head::Anchors(head) => {
                    let (_, rows, columns) = output.dims3().map_err(plain)?;
                    head.collect(&numbers, [rows, columns], size, suppression, rules, &mut candidates);
                }
            }
        }
        Ok(self.suppression.objects(&candidates, placed, rules))
    }
}

/// The layers that describe boxes, and the outputs that they read.
fn heads(cfg: &Cfg) -> Result<Vec<(LayerName, Head)>> {
    let mut heads: Vec<(LayerName, Head)> = Vec::new();
    let mut together = 0_usize;
    for (index, layer) in cfg.layers.iter().enumerate() {
        let Some(head) = Head::of(&layer.kind) else { continue };
        let place = || layer.place(index);
        let before = index.checked_sub(1).with_context(|| format!("{}: has no layer before it", place()))?;
        if let Some((_, first)) = heads.first() {
            ensure!(first.classes() == head.classes(), "{}: has other classes than the first one", place());
            let alike = matches!((first, &head), (Head::Grid(_), Head::Grid(_)) | (Head::Anchors(_), Head::Anchors(_)));
            ensure!(alike, "{}: is of another generation than the first one", place());
        }
        limits::count("classes", head.classes(), limits::MOST_CLASSES).with_context(place)?;
        together = together.saturating_add(numbers(layer.input));
        ensure!(together <= MOST_BOX_NUMBERS, "{}: describes too many boxes", place());
        heads.push((LayerName { name: network::output_of(before), pooled: None }, head));
    }
    ensure!(!heads.is_empty(), "is not a detector: its .cfg has no [detection], [region] or [yolo]");
    Ok(heads)
}

/// [height, width] of the input.
fn size_of(cfg: &Cfg) -> Result<[usize; 2]> {
    let [channels, height, width] = cfg.input;
    ensure!(channels == 3, "its .cfg: [net] channels={channels}; expected 3, for color images");
    let sides = 1..=limits::LARGEST_SIDE;
    ensure!(
        sides.contains(&height) && sides.contains(&width),
        "its .cfg: [net] height={height} and width={width}; expected 1 to {}",
        limits::LARGEST_SIDE
    );
    Ok([height, width])
}

/// Whether images keep their aspect ratio.
fn letterboxed(cfg: &Cfg, fit: Fit, version: &str) -> bool {
    match (fit, cfg.letter_box) {
        (Fit::Stretched, _) => false,
        (Fit::Letterboxed, _) => true,
        (Fit::ByVersion, Some(stated)) => stated,
        (Fit::ByVersion, None) => !version.ends_with(".5"),
    }
}

/// From 0 to 1; the gray around a letterboxed image is the mean.
fn preprocessing(size: [usize; 2], is_v1: bool, letterboxed: bool) -> Preprocessing {
    let letterboxed = letterboxed && !is_v1;
    // Stretched images of later networks are those of OpenCV.
    let aligned = is_v1 || letterboxed;
    Preprocessing {
        size,
        resize: if letterboxed { Resize::Letterbox } else { Resize::Stretch },
        shorter: None,
        interpolation: if aligned { Interpolation::Aligned } else { Interpolation::BilinearPlain },
        channel_order: ChannelOrder::Rgb,
        range: [0.0, 1.0],
        mean: [if letterboxed { GRAY } else { 0.0 }; 3],
        std: [1.0; 3],
        extra: Map::new(),
    }
}

/// darknet's letterbox: whole pixels, rounded down, as many before as after, or one less.
fn letterbox(width: u32, height: u32, [rows, columns]: [usize; 2]) -> BBox {
    let [wide, high] = [width, height].map(|side| u64::from(side.max(1)));
    let (rows, columns) = (rows as u64, columns as u64);
    let (inner_columns, inner_rows) =
        if columns * high < rows * wide { (columns, high * columns / wide) } else { (wide * rows / high, rows) };
    let along = |length: u64, inner: u64, whole: u64| {
        let inner = inner.max(1);
        let (before, scale) = ((whole - inner) / 2, length as f64 / inner as f64);
        (-(before as f64) * scale, (whole - before) as f64 * scale)
    };
    let ((x1, x2), (y1, y2)) = (along(wide, inner_columns, columns), along(high, inner_rows, rows));
    BBox::new(x1, y1, x2, y2)
}

impl Detector for Darknet {
    fn report_as(&mut self, preset: Preset) -> Result<()> {
        let recipe = Recipe::named(preset.recipe(Family::Yolo)?)?;
        self.suppression = if self.grid().is_some() { recipe.yolo_v1 } else { recipe.yolo_v2 };
        Ok(())
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    fn placed(&self, width: u32, height: u32) -> Placed {
        let size = self.preprocessing.size;
        match self.preprocessing.resize {
            Resize::Letterbox => Placed { image: [width, height], source: letterbox(width, height, size), size },
            _ => Placed::of(&self.preprocessing, width, height),
        }
    }

    fn onnx(&self) -> Result<OnnxModel> {
        self.exported()
    }

    fn cells(&self, x: &[f32], images: &[Placed]) -> Result<Vec<Vec<Cell>>> {
        let Some((layer, head)) = self.grid() else {
            bail!("the network has no [detection] layer, and so no grid of cells");
        };
        let Some(x) = self.input(x, images)? else { return Ok(Vec::new()) };
        let outputs = self.features(&x, std::slice::from_ref(layer))?;
        let numbers = outputs.first().context("one layer has one output")?;
        let cells = images.iter().enumerate().map(|(image, placed)| {
            let numbers = numbers.get(image).and_then(|numbers| numbers.flatten_all()).and_then(|x| x.to_vec1::<f32>());
            let numbers = numbers.map_err(plain)?;
            ensure!(numbers.len() == head.grid.numbers(), "expected {} numbers", head.grid.numbers());
            Ok(head.cells(&numbers, placed, &self.labels))
        });
        cells.collect()
    }

    fn detect(&self, x: &[f32], images: &[Placed], rules: &Rules) -> Result<Vec<Vec<Found>>> {
        let Some(x) = self.input(x, images)? else { return Ok(Vec::new()) };
        let layers: Vec<LayerName> = self.heads.iter().map(|(layer, _)| layer.clone()).collect();
        let outputs = self.features(&x, &layers)?;
        let objects = images.iter().enumerate().map(|(image, placed)| {
            let outputs: Vec<Tensor> =
                outputs.iter().map(|output| output.get(image).map_err(plain)).collect::<Result<_>>()?;
            self.objects(&outputs, placed, rules)
        });
        objects.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letterboxed_image_is_placed_at_whole_pixels() {
        // 31 x 12 in 16 x 16: 16 x 6, five rows above and five below.
        assert_eq!(letterbox(31, 12, [16, 16]), BBox::new(0.0, -10.0, 31.0, 22.0));
        // 11 x 26 in 14 x 14: 5 x 14, four columns before and five after.
        let source = letterbox(11, 26, [14, 14]);
        let expected = [-4.0 * 2.2, 0.0, 10.0 * 2.2, 26.0];
        for (found, expected) in <[f64; 4]>::from(source).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{source:?}");
        }
        // Much too wide: one row.
        assert!(letterbox(20_000, 1, [16, 16]).check().is_ok());
    }

    #[test]
    fn the_program_that_wrote_the_weights_decides_how_images_are_placed() {
        let cfg = |options: &str| Cfg::parse(&format!("[net]\n{options}")).unwrap();
        assert!(letterboxed(&cfg(""), Fit::ByVersion, "0.2.0"));
        assert!(!letterboxed(&cfg(""), Fit::ByVersion, "0.2.5"));
        assert!(letterboxed(&cfg("letter_box=1"), Fit::ByVersion, "0.2.5"));
        assert!(!letterboxed(&cfg("letter_box=1"), Fit::Stretched, "0.2.0"));
    }
}
