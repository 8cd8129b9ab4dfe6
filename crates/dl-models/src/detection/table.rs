//! The table of detectors: how to recognize a file, and how to open it.

use anyhow::{Context, Result};
use candle_core::Device;

use super::Detector;
use super::rcnn::{self, RCNNS, RcnnKind};
use super::ssd::{self, Ssd};
use crate::Checkpoint;

/// An entry of the table of detectors.
pub struct DetectorKind {
    /// Name of the architecture, as in the config of a model file and after `--arch`.
    pub name: &'static str,
    /// The paper.
    pub paper: &'static str,
    /// Whether a file without our config holds it, by the format or the names of its tensors.
    pub is_in: fn(&Checkpoint) -> bool,
    /// Opens it.
    pub open: fn(Checkpoint, &Device) -> Result<Box<dyn Detector>>,
}

/// All detectors.
pub static DETECTORS: &[DetectorKind] = &[
    super::darknet::KIND,
    super::darknet::built_in::<0>(),
    super::darknet::built_in::<1>(),
    two_stages::<0>(),
    two_stages::<1>(),
    two_stages::<2>(),
    two_stages::<3>(),
    two_stages::<4>(),
    two_stages::<5>(),
    two_stages::<6>(),
    two_stages::<7>(),
    two_stages::<8>(),
    two_stages::<9>(),
    two_stages::<10>(),
    two_stages::<11>(),
    two_stages::<12>(),
    two_stages::<13>(),
    two_stages::<14>(),
    two_stages::<15>(),
    two_stages::<16>(),
    two_stages::<17>(),
    DetectorKind {
        name: "ssd300_res10",
        paper: SSD_PAPER,
        is_in: |file| ssd::is_in("ssd300_res10", file),
        open: |file, device| open_ssd("ssd300_res10", file, device),
    },
    DetectorKind {
        name: "ssd300_vgg16",
        paper: SSD_PAPER,
        is_in: |file| ssd::is_in("ssd300_vgg16", file),
        open: |file, device| open_ssd("ssd300_vgg16", file, device),
    },
    DetectorKind {
        name: "ssd512_vgg16",
        paper: SSD_PAPER,
        is_in: |file| ssd::is_in("ssd512_vgg16", file),
        open: |file, device| open_ssd("ssd512_vgg16", file, device),
    },
    DetectorKind {
        name: "ssd_mb_tiny_slim",
        paper: SSD_PAPER,
        is_in: |file| ssd::is_in("ssd_mb_tiny_slim", file),
        open: |file, device| open_ssd("ssd_mb_tiny_slim", file, device),
    },
    DetectorKind {
        name: "ssd_mobilenet_v1",
        paper: "Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications, section 4.6",
        is_in: |file| ssd::is_in("ssd_mobilenet_v1", file),
        open: |file, device| open_ssd("ssd_mobilenet_v1", file, device),
    },
    DetectorKind {
        name: "ssdlite320_mobilenet_v3_large",
        paper: "Howard et al. 2019, Searching for MobileNetV3, section 6.3",
        is_in: |file| ssd::is_in("ssdlite320_mobilenet_v3_large", file),
        open: |file, device| open_ssd("ssdlite320_mobilenet_v3_large", file, device),
    },
    DetectorKind {
        name: "ssdlite_mobilenet_v2",
        paper: "Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks, section 6.2",
        is_in: |file| ssd::is_in("ssdlite_mobilenet_v2", file),
        open: |file, device| open_ssd("ssdlite_mobilenet_v2", file, device),
    },
];

const SSD_PAPER: &str = "Liu et al. 2016, SSD: single shot multibox detector";

fn open_ssd(name: &str, file: Checkpoint, device: &Device) -> Result<Box<dyn Detector>> {
    Ok(Box::new(Ssd::open(name, file, device)?))
}

/// An entry for the two-stage detector of this index in [`RCNNS`].
const fn two_stages<const INDEX: usize>() -> DetectorKind {
    let RcnnKind { name, paper, .. } = RCNNS[INDEX];
    DetectorKind {
        name,
        paper,
        is_in: |file| rcnn::guess(file) == Some(RCNNS[INDEX].name),
        open: |file, device| Ok(Box::new(rcnn::open(&RCNNS[INDEX], file, device)?)),
    }
}

impl DetectorKind {
    /// The detector in a model file: that of `arch`, of its config, or the one that its tensors show; `None` if it is not
    /// a detector.
    /// # Errors
    /// When the config cannot be read.
    pub fn of(file: &Checkpoint, arch: Option<&str>) -> Result<Option<&'static Self>> {
        let config: Option<serde_json::Value> = file.config()?;
        let stated = arch.map(str::to_owned).or_else(|| Some(config?.get("architecture")?.as_str()?.to_owned()));
        Ok(match stated {
            Some(name) => DETECTORS.iter().find(|kind| kind.name == name),
            None => DETECTORS.iter().find(|kind| (kind.is_in)(file)),
        })
    }
}

/// Opens the detector in a model file; `None` if the file holds something else.
/// # Errors
/// When its weights do not fit.
pub fn open(file: Checkpoint, arch: Option<&str>, device: &Device) -> Result<Option<Box<dyn Detector>>> {
    let Some(kind) = DetectorKind::of(&file, arch)? else { return Ok(None) };
    let name = format!("model {}", file.path().display());
    (kind.open)(file, device).map(Some).context(name)
}
