//! The table of SSD networks: what each one is made of.

use anyhow::Result;
use candle_nn::VarBuilder;
use dl_vision::labels::{builtin, coco_by_id};
use dl_vision::picture::warp::Interpolation;

use super::heads::Heads;
use super::network::SsdNetwork;
use super::{lite, mobilenet_v1, res10, slim, vgg16};
use crate::backbones::MobileNetV1Options;
use crate::detection::default_boxes::{DefaultBoxes, SourceBoxes};
use crate::{ChannelOrder, Checkpoint, ModelConfig, Preprocessing, Resize};

/// An SSD network.
pub(super) struct Architecture {
    /// Its name in a config and after `--arch`.
    pub(super) name: &'static str,
    /// How its numbers become detections.
    pub(super) recipe: &'static str,
    /// The preprocessing of bare weights.
    pub(super) preprocessing: fn() -> Preprocessing,
    /// The default boxes for an input of [height, width].
    pub(super) boxes: fn([usize; 2]) -> DefaultBoxes,
    /// A bias of the class head on the first source, whose length is that of the boxes of a cell times the classes.
    pub(super) head: &'static str,
    /// What the classes of bare weights are.
    pub(super) labels: fn(usize) -> Vec<Option<String>>,
    /// Builds the network.
    pub(super) build: fn(&ModelConfig, Heads, &VarBuilder) -> Result<SsdNetwork>,
}

const TORCHVISION_HEAD: &str = "head.classification_head.module_list.0.bias";
const TORCHVISION_LITE_HEAD: &str = "head.classification_head.module_list.0.1.bias";

/// Every SSD network.
pub(super) static ARCHITECTURES: [Architecture; 7] = [
    Architecture {
        name: "ssd300_vgg16",
        recipe: "torchvision",
        preprocessing: || torchvision_vgg16(300),
        boxes: |input| {
            let scales = [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05];
            let steps = [8.0, 16.0, 32.0, 64.0, 100.0, 300.0];
            DefaultBoxes { sources: paper(&scales, &RATIOS_300, (input == [300; 2]).then_some(&steps[..])), clip: true }
        },
        head: TORCHVISION_HEAD,
        labels: dataset,
        build: |config, heads, vb| vgg16::ssd300(&config.options()?, heads, vb),
    },
    Architecture {
        name: "ssd512_vgg16",
        recipe: "torchvision",
        preprocessing: || torchvision_vgg16(512),
        boxes: |input| {
            // From 15 to 90 % in even steps, after 7 % for conv4_3.
            let scales = [0.07, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05];
            let steps = [8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
            DefaultBoxes { sources: paper(&scales, &RATIOS_512, (input == [512; 2]).then_some(&steps[..])), clip: true }
        },
        head: TORCHVISION_HEAD,
        labels: dataset,
        build: |config, heads, vb| vgg16::ssd512(&config.options()?, heads, vb),
    },
    Architecture {
        name: "ssd_mobilenet_v1",
        recipe: "tensorflow",
        preprocessing: || Preprocessing {
            range: [0.0, 255.0],
            mean: [128.0; 3],
            std: [128.0; 3],
            ..stretched(300, 300, Interpolation::Bilinear)
        },
        boxes: |_| {
            let scale = |source: usize| if source == 6 { 1.0 } else { 0.2 + 0.15 * source as f64 };
            let first = SourceBoxes::tensorflow_first(scale(0));
            let others = (1..6).map(|source| SourceBoxes::tensorflow([scale(source), scale(source + 1)]));
            DefaultBoxes { sources: [first].into_iter().chain(others).collect(), clip: false }
        },
        head: "classification_headers.0.bias",
        labels: dataset,
        build: |config, heads, vb| mobilenet_v1::build(&MobileNetV1Options::read(config)?, heads, vb),
    },
    Architecture {
        name: "ssdlite_mobilenet_v2",
        recipe: "torchvision-lite",
        preprocessing: torchvision_lite,
        boxes: |_| lite_boxes(),
        head: TORCHVISION_LITE_HEAD,
        labels: dataset,
        build: |config, heads, vb| lite::on_mobilenet_v2(&config.options()?, heads, vb),
    },
    Architecture {
        name: "ssdlite320_mobilenet_v3_large",
        recipe: "torchvision-lite",
        preprocessing: torchvision_lite,
        boxes: |_| lite_boxes(),
        head: TORCHVISION_LITE_HEAD,
        labels: dataset,
        build: |config, heads, vb| lite::on_mobilenet_v3(&config.options()?, heads, vb),
    },
    Architecture {
        name: "ssd300_res10",
        recipe: "caffe",
        preprocessing: || Preprocessing {
            channel_order: ChannelOrder::Bgr,
            range: [0.0, 255.0],
            mean: [104.0, 177.0, 123.0],
            std: [1.0; 3],
            ..stretched(300, 300, Interpolation::BilinearPlain)
        },
        boxes: |_| {
            let scales = [30.0, 60.0, 111.0, 162.0, 213.0, 264.0, 315.0].map(|size| size / 300.0);
            // The last two do not fit the maps, which keep the size of the fourth: most of the boxes are outside.
            let steps = [8.0, 16.0, 32.0, 64.0, 100.0, 300.0];
            DefaultBoxes { sources: paper(&scales, &RATIOS_300, Some(&steps[..])), clip: false }
        },
        head: "conv4_3_norm_mbox_conf.bias",
        labels: faces,
        build: |_, heads, vb| res10::build(heads, vb),
    },
    Architecture {
        name: "ssd_mb_tiny_slim",
        recipe: "ultra-light-face",
        preprocessing: || Preprocessing {
            range: [0.0, 255.0],
            mean: [127.0; 3],
            std: [128.0; 3],
            ..stretched(240, 320, Interpolation::BilinearPlain)
        },
        boxes: |_| {
            let sizes: [&[f64]; 4] = [&[10.0, 16.0, 24.0], &[32.0, 48.0], &[64.0, 96.0], &[128.0, 192.0, 256.0]];
            DefaultBoxes { sources: sizes.map(|sizes| SourceBoxes::squares(sizes, [240, 320])).to_vec(), clip: true }
        },
        head: "classification_headers.0.2.bias",
        labels: faces,
        build: |_, heads, vb| slim::build(heads, vb),
    },
];

const RATIOS_300: [&[f64]; 6] = [&[2.0], &[2.0, 3.0], &[2.0, 3.0], &[2.0, 3.0], &[2.0], &[2.0]];
const RATIOS_512: [&[f64]; 7] = [&[2.0], &[2.0, 3.0], &[2.0, 3.0], &[2.0, 3.0], &[2.0, 3.0], &[2.0], &[2.0]];

/// The sources with one scale more than there are sources.
fn paper(scales: &[f64], ratios: &[&[f64]], steps: Option<&[f64]>) -> Vec<SourceBoxes> {
    let sources = scales.windows(2).zip(ratios).enumerate();
    let source = |(index, (scales, ratios)): (usize, (&[f64], &&[f64]))| {
        SourceBoxes::paper([scales[0], scales[1]], ratios, steps.and_then(|steps| steps.get(index)).copied())
    };
    sources.map(source).collect()
}

/// From 20 to 95 % in even steps.
fn lite_boxes() -> DefaultBoxes {
    let scales: Vec<f64> = (0..6).map(|source| 0.2 + 0.15 * f64::from(source)).chain([1.0]).collect();
    DefaultBoxes { sources: paper(&scales, &[[2.0, 3.0].as_slice(); 6], None), clip: true }
}

/// The whole image, its aspect ratio ignored.
fn stretched(height: usize, width: usize, interpolation: Interpolation) -> Preprocessing {
    let size = [height, width];
    Preprocessing { size, resize: Resize::Stretch, shorter: None, interpolation, ..Preprocessing::torchvision() }
}

fn torchvision_vgg16(side: usize) -> Preprocessing {
    let mean = [0.48235, 0.45882, 0.40784];
    Preprocessing { mean, std: [1.0 / 255.0; 3], ..stretched(side, side, Interpolation::BilinearPlain) }
}

fn torchvision_lite() -> Preprocessing {
    Preprocessing { mean: [0.5; 3], std: [0.5; 3], ..stretched(320, 320, Interpolation::BilinearPlain) }
}

/// The classes of COCO or VOC if there are as many, numbers otherwise.
fn dataset(classes: usize) -> Vec<Option<String>> {
    match classes {
        91 => coco_by_id(),
        21 => [None].into_iter().chain(builtin("voc").into_iter().flatten().map(Some)).collect(),
        _ => numbers(classes),
    }
}

fn faces(classes: usize) -> Vec<Option<String>> {
    if classes == 2 { vec![None, Some("face".to_owned())] } else { numbers(classes) }
}

fn numbers(classes: usize) -> Vec<Option<String>> {
    (0..classes).map(|class| (class > 0).then(|| class.to_string())).collect()
}

impl Architecture {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        ARCHITECTURES.iter().find(|architecture| architecture.name == name)
    }

    /// Whether bare weights are those of this network, by the names of their tensors.
    pub(super) fn is_in(&self, file: &Checkpoint) -> bool {
        let has = |name: &str| file.contains(name);
        has(self.head)
            && match self.name {
                "ssd300_vgg16" => has("backbone.scale_weight") && !has("head.classification_head.module_list.6.bias"),
                "ssd512_vgg16" => has("backbone.scale_weight") && has("head.classification_head.module_list.6.bias"),
                "ssd_mobilenet_v1" => has("conv_stem.weight"),
                "ssdlite_mobilenet_v2" => has("backbone.features.18.0.weight"),
                "ssdlite320_mobilenet_v3_large" => has("backbone.features.0.13.0.weight"),
                "ssd300_res10" => has("layer_64_1.conv1.weight"),
                "ssd_mb_tiny_slim" => has("base_net.0.0.weight"),
                _ => false,
            }
    }
}
