//! The networks of a detector, for the table of its layers.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Map;

use super::darknet::{self, BUILT_IN, BuiltIn, Darknet};
use super::rcnn::{self, GeneralizedRcnn, RcnnKind};
use super::ssd::Ssd;
use super::yolo_v1::Grid;
use super::{DETECTORS, DetectorKind};
use crate::model::{TensorShapes, build_outline};
use crate::{Backbone, Checkpoint, Summary};

/// Classes of COCO by their ids, of which 0 is the background: those of the published detectors.
const CLASSES: usize = 91;

/// A detector without weights.
pub(crate) struct Detector {
    pub(crate) architecture: String,
    /// [channels, height, width] of the input.
    pub(crate) image: [usize; 3],
    pub(crate) tensors: TensorShapes,
    kind: Kind,
}

enum Kind {
    Darknet(darknet::Network),
    Ssd(Box<dyn Backbone>),
    Rcnn(Box<GeneralizedRcnn>),
}

/// A network of a detector.
pub(crate) struct Part<'a> {
    pub(crate) network: &'a dyn Backbone,
    /// [channels, height, width] of its input.
    pub(crate) input: [usize; 3],
    /// Put before the names of its rows.
    pub(crate) prefix: String,
    /// If stated, the rows end with the last of these outputs.
    pub(crate) last: Option<&'a [String]>,
    /// The number of its first operations that the part before lists.
    pub(crate) listed: usize,
    /// Whether the weights of a row are those of its operations; otherwise those with its name.
    pub(crate) by_operation: bool,
}

impl<'a> Part<'a> {
    /// A whole network.
    pub(crate) fn whole(network: &'a dyn Backbone, input: [usize; 3], prefix: &str) -> Self {
        Self { network, input, prefix: prefix.to_owned(), last: None, listed: 0, by_operation: true }
    }
}

/// The detector in `file`, or `arch` with its defaults, for images of `side` x `side` pixels; `None` if it is none.
pub(crate) fn described(
    file: Option<&Checkpoint>,
    arch: Option<&str>,
    side: Option<usize>,
) -> Result<Option<Detector>> {
    let kind = match file {
        Some(file) => DetectorKind::of(file, arch)?,
        None => DETECTORS.iter().find(|kind| Some(kind.name) == arch),
    };
    let Some(DetectorKind { name, .. }) = kind else { return Ok(None) };
    if Ssd::architectures().any(|architecture| architecture == *name) {
        ssd(name, file, side).map(Some)
    } else if let Ok(kind) = RcnnKind::find(name) {
        two_stages(kind, file, side).map(Some)
    } else {
        ensure!(side.is_none(), "--size: the .cfg of a darknet network states the size of its images");
        yolo(name, file).map(Some)
    }
}

fn ssd(name: &str, file: Option<&Checkpoint>, side: Option<usize>) -> Result<Detector> {
    let mut config = match file {
        Some(file) => Ssd::config_of(name, file)?,
        None => Ssd::default_config(name, CLASSES)?,
    };
    if let Some(side) = side {
        config.preprocessing.size = [side; 2];
    }
    let [height, width] = config.preprocessing.size;
    let (network, tensors) = Ssd::without_weights(&config, file)?;
    Ok(Detector { architecture: name.to_owned(), image: [3, height, width], tensors, kind: Kind::Ssd(network) })
}

fn two_stages(kind: &RcnnKind, file: Option<&Checkpoint>, side: Option<usize>) -> Result<Detector> {
    let config = match file {
        Some(file) => rcnn::config_of(kind, file)?,
        None => {
            let labels: Vec<String> = (1..CLASSES).map(|class| class.to_string()).collect();
            rcnn::config(kind.name, None, &Map::new(), &labels)?
        }
    };
    let (detector, tensors) = build_outline(None, |vb| GeneralizedRcnn::from_config(&config, vb))?;
    // The largest input, whose sides are multiples of 32.
    let [height, width] =
        side.map_or(config.preprocessing.size, |side| [side; 2]).map(|side| side.next_multiple_of(32));
    let kind = Kind::Rcnn(Box::new(detector));
    Ok(Detector { architecture: config.architecture, image: [3, height, width], tensors, kind })
}

fn yolo(name: &str, file: Option<&Checkpoint>) -> Result<Detector> {
    let text = match file {
        Some(file) => Darknet::text_of(file)?.context("has no .cfg")?,
        None if BUILT_IN.contains(&name) => {
            BuiltIn { size: 448, grid: Grid::PAPER, width: 1.0, norm: false }.cfg(name)?
        }
        None => bail!("{name} needs a file: its .cfg describes the network"),
    };
    let ((network, [height, width]), tensors) = build_outline(None, |vb| Darknet::without_weights(&text, &vb))?;
    let tensors = tensors.into_iter().map(|(tensor, shape)| (renamed(&tensor), shape)).collect();
    Ok(Detector { architecture: name.to_owned(), image: [3, height, width], tensors, kind: Kind::Darknet(network) })
}

/// `module_list.3.Conv2d.weight` as `layer_3.conv.weight`: in the row that computes with it.
fn renamed(tensor: &str) -> String {
    let parts: Vec<&str> = tensor.split('.').collect();
    let ["module_list", index, module, part] = parts[..] else { return tensor.to_owned() };
    let row = match module {
        "Conv2d" => "conv",
        "BatchNorm2d" => "norm",
        "Local2d" => "local",
        // The batch norm of a fully connected layer is folded into it.
        _ => "linear",
    };
    format!("layer_{index}.{row}.{part}")
}

impl Detector {
    /// Its networks, in the order of computation.
    pub(crate) fn parts(&self) -> Vec<Part<'_>> {
        match &self.kind {
            Kind::Darknet(network) => {
                vec![Part { by_operation: false, ..Part::whole(network, self.image, "") }]
            }
            Kind::Ssd(network) => vec![Part::whole(&**network, self.image, "")],
            Kind::Rcnn(detector) => detector.parts(self.image),
        }
    }

    /// Settles which rows have the weights that several could have.
    pub(crate) fn settle(&self, summary: &mut Summary) {
        match &self.kind {
            Kind::Darknet(_) => summary.assign_parameters(&self.tensors),
            Kind::Ssd(_) => {}
            Kind::Rcnn(_) => {
                // The region proposal network is the same on all maps.
                let repeated = |name: &str| name.starts_with("rpn.") && !name.ends_with(".0");
                summary.layers.iter_mut().filter(|row| repeated(&row.name)).for_each(|row| row.parameters = 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_every_detector_have_all_of_its_weights() {
        for DetectorKind { name, .. } in DETECTORS.iter().filter(|kind| kind.name != "darknet") {
            let summary = Summary::of_detector(None, Some(name), None).unwrap().unwrap();
            let sum: usize = summary.layers.iter().map(|row| row.parameters).sum();
            assert_eq!(summary.parameters, sum, "{name}");
            assert!(summary.multiply_adds > 1 << 25 && summary.layers.len() > 10, "{name}");
            assert!(summary.layers.iter().all(|row| !row.output.is_empty()), "{name}");
        }
    }

    #[test]
    fn what_is_no_detector_has_no_table_and_darknet_needs_its_cfg() {
        assert!(Summary::of_detector(None, Some("resnet18"), None).unwrap().is_none());
        let error = |name: &str, side| Summary::of_detector(None, Some(name), side).unwrap_err().to_string();
        assert_eq!(error("darknet", None), "darknet needs a file: its .cfg describes the network");
        assert!(error("yolov1", Some(64)).contains("states the size of its images"));
        assert_eq!(error("ssd300_vgg16", Some(8)), "ssd300_vgg16 for images of 8 x 8");
    }
}
