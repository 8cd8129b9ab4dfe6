//! The two-stage detectors as tables: which parts each one is made of.

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::body;
use super::recipe::Recipe;
use crate::checkpoint::printable;

/// The feature pyramid (Lin et al. 2017).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pyramid {
    /// The maps of the body are used as they are.
    None,
    /// Convolutions with bias.
    Plain,
    /// Convolutions with batch norm.
    Norm,
}

/// How the features of a region are taken from a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoiMethod {
    /// The maximum of whole pixels (Girshick 2015).
    Pool,
    /// The mean of bilinear samples (He et al. 2017).
    Align,
}

/// The layers between a region's features and its class scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoxHeadKind {
    /// Two fully connected layers.
    Linear,
    /// Four convolutions with batch norm, and a fully connected layer.
    Convolutions,
}

/// The layers that compute masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskKind {
    /// The detector has boxes only.
    None,
    /// Four convolutions with bias.
    Plain,
    /// Four convolutions with batch norm.
    Norm,
}

/// The parts of a detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// The network below: a name of [`ARCHITECTURES`](crate::ARCHITECTURES).
    pub body: String,
    /// Its options, as in the config of an image network: `{"width": 0.25}`.
    pub body_options: Map<String, Value>,
    /// Its outputs that are used, the largest map first.
    pub maps: Vec<String>,
    /// Epsilon of the batch norms in a ResNet or MobileNet V3.
    pub norm_eps: f64,
    /// The feature pyramid on these maps.
    pub fpn: Pyramid,
    /// Channels of its maps.
    pub fpn_channels: usize,
    /// Convolutions of the region proposal network; 0: there is none, and proposals come from elsewhere.
    pub rpn_convs: usize,
    /// Anchor sizes for each map, including the one that is pooled from the last map of a pyramid.
    pub anchor_sizes: Vec<Vec<f64>>,
    /// Height / width of the anchors.
    pub anchor_ratios: Vec<f64>,
    /// How regions are pooled.
    pub roi: RoiMethod,
    /// Bins along each side of a region for its box.
    pub box_size: usize,
    /// The layers for the box.
    pub box_head: BoxHeadKind,
    /// Outputs of its fully connected layers.
    pub box_hidden: usize,
    /// The ranks of fc6 and fc7 after a truncated singular value decomposition (Girshick 2015, section 3.1).
    pub box_svd: Option<[usize; 2]>,
    /// Dropout after each of them.
    pub box_dropout: f64,
    /// For each stage, the factors of its box coder: one stage, or three of a cascade.
    pub box_weights: Vec<[f64; 4]>,
    /// One box for a region instead of one for each class.
    pub class_agnostic: bool,
    /// The layers for masks.
    pub masks: MaskKind,
}

/// An entry of the table of two-stage detectors.
pub struct RcnnKind {
    /// Its name, torchvision's if it has the detector.
    pub name: &'static str,
    /// The paper.
    pub paper: &'static str,
    /// The recipe that applies unless the config names another one.
    pub recipe: &'static str,
    /// Whether any image network can be its body.
    pub any_body: bool,
    layout: fn() -> Layout,
    adjust: fn(&mut Recipe),
}

const FAST: &str = "Girshick 2015, Fast R-CNN";
const FASTER: &str = "Ren et al. 2015, Faster R-CNN: towards real-time object detection with region proposal networks";
const FASTER_V2: &str = "Ren et al. 2015, Faster R-CNN; with the improvements of Li et al. 2021, Benchmarking detection \
    transfer learning with vision transformers";
const MASK: &str = "He et al. 2017, Mask R-CNN";
const CASCADE: &str = "Cai and Vasconcelos 2018, Cascade R-CNN: delving into high quality object detection";

/// The two-stage detectors.
pub const RCNNS: [RcnnKind; 18] = [
    any_body("fast_rcnn", FAST, || Layout { rpn_convs: 0, ..mobilenet_v1_fpn() }),
    any_body("faster_rcnn", FASTER, mobilenet_v1_fpn),
    any_body("mask_rcnn", MASK, || with_masks(mobilenet_v1_fpn())),
    any_body("cascade_rcnn", CASCADE, || cascaded(mobilenet_v1_fpn())),
    kind("fast_rcnn_vgg16", FAST, "fast-caffe", || Layout { rpn_convs: 0, ..vgg16() }, unchanged),
    kind("fast_rcnn_resnet50_fpn", FAST, "torchvision", || Layout { rpn_convs: 0, ..resnet50_fpn() }, unchanged),
    kind("faster_rcnn_vgg16", FASTER, "faster-caffe", vgg16, unchanged),
    kind("fast_rcnn_zf", FAST, "fast-caffe", || Layout { rpn_convs: 0, ..zf() }, unchanged),
    kind("faster_rcnn_zf", FASTER, "faster-caffe", zf, unchanged),
    kind("fasterrcnn_resnet50_fpn", FASTER, "torchvision", resnet50_fpn, unchanged),
    kind("fasterrcnn_resnet50_fpn_v2", FASTER_V2, "torchvision", resnet50_fpn_v2, unchanged),
    kind("fasterrcnn_mobilenet_v3_large_fpn", FASTER, "torchvision", mobilenet_v3_large_fpn, |recipe| {
        recipe.rpn_score_thresh = 0.05;
    }),
    kind("fasterrcnn_mobilenet_v3_large_320_fpn", FASTER, "torchvision", mobilenet_v3_large_fpn, |recipe| {
        (recipe.min_size, recipe.max_size) = (320, 640);
        (recipe.rpn_pre_nms_top_n_test, recipe.rpn_post_nms_top_n_test) = (150, 150);
        recipe.rpn_score_thresh = 0.05;
    }),
    kind("maskrcnn_resnet50_fpn", MASK, "torchvision", || with_masks(resnet50_fpn()), unchanged),
    kind("maskrcnn_resnet50_fpn_v2", MASK, "torchvision", || with_masks(resnet50_fpn_v2()), unchanged),
    kind("cascade_rcnn_resnet50_fpn", CASCADE, "detectron2", cascade, unchanged),
    kind("cascade_mask_rcnn_resnet50_fpn", CASCADE, "detectron2", || with_masks(cascade()), unchanged),
    kind(
        "cascade_rcnn_mobilenet_v3_large_fpn",
        CASCADE,
        "torchvision",
        || cascaded(mobilenet_v3_large_fpn()),
        unchanged,
    ),
];

const fn kind(
    name: &'static str,
    paper: &'static str,
    recipe: &'static str,
    layout: fn() -> Layout,
    adjust: fn(&mut Recipe),
) -> RcnnKind {
    RcnnKind { name, paper, recipe, any_body: false, layout, adjust }
}

/// A detector for images of 320 pixels, on any image network.
const fn any_body(name: &'static str, paper: &'static str, layout: fn() -> Layout) -> RcnnKind {
    RcnnKind { name, paper, recipe: "torchvision", any_body: true, layout, adjust: smaller }
}

/// Fewer regions, in smaller images.
fn smaller(recipe: &mut Recipe) {
    (recipe.min_size, recipe.max_size) = (320, 533);
    (recipe.rpn_pre_nms_top_n_train, recipe.rpn_post_nms_top_n_train) = (1000, 500);
    (recipe.rpn_pre_nms_top_n_test, recipe.rpn_post_nms_top_n_test) = (500, 200);
    recipe.box_batch_size_per_image = 128;
}

fn unchanged(_: &mut Recipe) {}

/// Each stage of a cascade is stricter: factors of Cai and Vasconcelos's 1 / standard deviation.
const CASCADE_WEIGHTS: [[f64; 4]; 3] = [[10.0, 10.0, 5.0, 5.0], [20.0, 20.0, 10.0, 10.0], [30.0, 30.0, 15.0, 15.0]];

fn names(maps: &[&str]) -> Vec<String> {
    maps.iter().map(|name| (*name).to_owned()).collect()
}

/// conv5_3, 9 anchors, RoIPool 7 x 7, fc6 and fc7.
fn vgg16() -> Layout {
    Layout {
        body: "vgg16".to_owned(),
        body_options: Map::new(),
        maps: names(&["conv5_3"]),
        norm_eps: 1e-5,
        fpn: Pyramid::None,
        fpn_channels: 256,
        rpn_convs: 1,
        anchor_sizes: vec![vec![128.0, 256.0, 512.0]],
        anchor_ratios: vec![0.5, 1.0, 2.0],
        roi: RoiMethod::Pool,
        box_size: 7,
        box_head: BoxHeadKind::Linear,
        box_hidden: 4096,
        box_svd: None,
        box_dropout: 0.5,
        box_weights: CASCADE_WEIGHTS[..1].to_vec(),
        class_agnostic: false,
        masks: MaskKind::None,
    }
}

/// conv5, 9 anchors, RoIPool 6 x 6, fc6 and fc7.
fn zf() -> Layout {
    Layout { body: "zf".to_owned(), maps: names(&["conv5"]), box_size: 6, ..vgg16() }
}

/// P2 to P5 and P6, 3 anchors each, RoIAlign 7 x 7, two layers of 1024.
fn resnet50_fpn() -> Layout {
    Layout {
        body: "resnet50".to_owned(),
        maps: names(&["layer1", "layer2", "layer3", "layer4"]),
        fpn: Pyramid::Plain,
        anchor_sizes: [32.0, 64.0, 128.0, 256.0, 512.0].map(|size| vec![size]).to_vec(),
        roi: RoiMethod::Align,
        box_hidden: 1024,
        box_dropout: 0.0,
        ..vgg16()
    }
}

fn resnet50_fpn_v2() -> Layout {
    Layout { fpn: Pyramid::Norm, rpn_convs: 2, box_head: BoxHeadKind::Convolutions, ..resnet50_fpn() }
}

/// The last two stages, which have the same size, and the pooled map; 15 anchors each.
fn mobilenet_v3_large_fpn() -> Layout {
    Layout {
        body: "mobilenet_v3_large".to_owned(),
        maps: names(&["features.13", "features.16"]),
        anchor_sizes: vec![vec![32.0, 64.0, 128.0, 256.0, 512.0]; 3],
        ..resnet50_fpn()
    }
}

/// Maps of 1/8 to 1/32 of the input's sides and the pooled one, 6 anchors each.
fn mobilenet_v1_fpn() -> Layout {
    Layout {
        body: "mobilenet_v1".to_owned(),
        maps: names(&["blocks.2", "blocks.3", "blocks.4"]),
        anchor_sizes: [8.0, 16.0, 32.0, 64.0].map(body::anchor_sizes).to_vec(),
        ..resnet50_fpn()
    }
}

fn cascaded(layout: Layout) -> Layout {
    Layout { box_weights: CASCADE_WEIGHTS.to_vec(), class_agnostic: true, ..layout }
}

fn cascade() -> Layout {
    cascaded(resnet50_fpn())
}

fn with_masks(layout: Layout) -> Layout {
    let masks = if layout.fpn == Pyramid::Norm { MaskKind::Norm } else { MaskKind::Plain };
    Layout { masks, ..layout }
}

impl RcnnKind {
    /// The entry of this name.
    /// # Errors
    /// When it does not exist; the message lists the names.
    pub fn find(name: &str) -> Result<&'static Self> {
        let known = || RCNNS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
        const KINDS: &[RcnnKind] = &RCNNS;
        KINDS
            .iter()
            .find(|kind| kind.name == name)
            .with_context(|| format!("two-stage detector {} does not exist; choose from {}", printable(name), known()))
    }

    /// The parts and constants, with the `options` of a config: any field of [`Layout`] and [`Recipe`], and `recipe`.
    /// # Errors
    /// When an option is unknown, has the wrong type, or is out of range.
    pub fn configured(&self, options: &Map<String, Value>) -> Result<(Layout, Recipe)> {
        let (layout, recipe) = self.unchecked(options)?;
        layout.check()?;
        recipe.check()?;
        Ok((layout, recipe))
    }

    /// [`configured`](Self::configured), although the parts may not fit each other.
    pub(super) fn unchecked(&self, options: &Map<String, Value>) -> Result<(Layout, Recipe)> {
        let mut options = options.clone();
        let name = match options.remove("recipe") {
            None => self.recipe.to_owned(),
            Some(Value::String(name)) => name,
            Some(other) => bail!("recipe is {}; expected a name", printable(&other.to_string())),
        };
        let mut recipe = Recipe::find(&name)?.clone();
        (self.adjust)(&mut recipe);
        let layout = overlay(&(self.layout)(), &mut options)?;
        let recipe: Recipe = overlay(&recipe, &mut options)?;
        if let Some(unknown) = options.keys().next() {
            bail!("option {} is unknown", printable(unknown));
        }
        Ok((layout, recipe))
    }
}

/// Replaces the fields of `from` that `options` has, and takes them out of these.
fn overlay<T: Serialize + DeserializeOwned>(from: &T, options: &mut Map<String, Value>) -> Result<T> {
    let mut value = serde_json::to_value(from)?;
    if let Some(fields) = value.as_object_mut() {
        for (name, field) in fields {
            if let Some(option) = options.remove(name) {
                *field = option;
            }
        }
    }
    serde_json::from_value(value).context("options")
}

impl Layout {
    fn check(&self) -> Result<()> {
        let among = |name: &str, value: usize, from: usize, to: usize| {
            ensure!((from..=to).contains(&value), "{name} is {value}; expected {from} to {to}");
            Ok(())
        };
        among("the number of maps", self.maps.len(), 1, 8)?;
        among("rpn_convs", self.rpn_convs, 0, 8)?;
        among("box_size", self.box_size, 1, 32)?;
        among("box_hidden", self.box_hidden, 1, 1 << 14)?;
        for rank in self.box_svd.into_iter().flatten() {
            among("a rank of box_svd", rank, 1, self.box_hidden)?;
        }
        ensure!(
            self.box_svd.is_none() || self.box_head == BoxHeadKind::Linear,
            "box_svd needs a head of two fully connected layers"
        );
        among("fpn_channels", self.fpn_channels, 1, 1 << 12)?;
        among("the number of box_weights", self.box_weights.len(), 1, 3)?;
        let maps = self.maps.len() + usize::from(self.fpn != Pyramid::None);
        ensure!(
            self.anchor_sizes.len() == maps || self.rpn_convs == 0,
            "anchor_sizes has {} lists for {maps} maps",
            self.anchor_sizes.len()
        );
        let anchors = self.anchor_ratios.len() * self.anchor_sizes.first().map_or(0, Vec::len);
        among("the number of anchors", anchors, 1, 64)?;
        ensure!(
            self.anchor_sizes.iter().all(|sizes| sizes.len() == self.anchor_sizes[0].len()),
            "every map needs the same number of anchors"
        );
        ensure!((0.0..=1.0).contains(&self.norm_eps), "norm_eps is {}; expected 0 to 1", self.norm_eps);
        ensure!((0.0..1.0).contains(&self.box_dropout), "box_dropout is {}; expected 0 to below 1", self.box_dropout);
        let positive = self.box_weights.iter().flatten().all(|weight| weight.is_finite() && *weight > 0.0);
        ensure!(positive, "box_weights must be above 0");
        ensure!(self.box_weights.len() == 1 || self.class_agnostic, "a cascade needs class_agnostic boxes");
        ensure!(self.fpn != Pyramid::None || self.maps.len() == 1, "several maps need a pyramid");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn options(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn every_detector_is_valid_and_takes_options() {
        for kind in &RCNNS {
            let (layout, recipe) = kind.configured(&Map::new()).unwrap();
            assert_eq!(layout, (kind.layout)());
            assert!(recipe.min_size >= 320);
            let changed = kind.configured(&options(json!({"min_size": 96, "max_size": 128}))).unwrap();
            assert_eq!((changed.1.min_size, changed.1.max_size), (96, 128));
        }
        let cascade = RcnnKind::find("cascade_rcnn_resnet50_fpn").unwrap();
        let (layout, recipe) = cascade.configured(&options(json!({"recipe": "torchvision"}))).unwrap();
        assert_eq!((layout.box_weights.len(), recipe.roi_aligned), (3, false));
    }

    #[test]
    fn bad_options_are_refused() {
        let kind = RcnnKind::find("fasterrcnn_resnet50_fpn").unwrap();
        for (bad, expected) in [
            (json!({"min_sise": 3}), "option min_sise is unknown"),
            (json!({"min_size": 900_000}), "min_size 900000"),
            (json!({"box_nms_thresh": "high"}), "options"),
            (json!({"anchor_sizes": [[32.0]]}), "anchor_sizes has 1 lists for 5 maps"),
            (json!({"recipe": "darknet"}), "recipe darknet does not exist"),
            (json!({"box_weights": [[10, 10, 5, 5], [10, 10, 5, 5]]}), "class_agnostic"),
        ] {
            let error = format!("{:#}", kind.configured(&options(bad)).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        assert!(RcnnKind::find("yolo").is_err());
    }
}
