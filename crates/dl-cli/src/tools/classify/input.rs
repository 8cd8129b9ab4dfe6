//! What of a record goes into the network: the whole image, or regions of it.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use dl_models::ModelConfig;
use dl_models::heads::rcnn::BACKGROUND;
use dl_record::{BBox, Prediction, Record, set_region_predictions};
use serde_json::{Map, Value};

/// The values of `--input`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The whole image; predictions are stored in the record
    Image,
    /// Each of the record's objects, cropped; predictions are stored in the object
    Objects,
    /// Each of the record's detections, cropped; predictions are stored in the detection
    Detections,
    /// Each of the record's proposals, cropped; predictions are stored in the proposal
    Proposals,
}

/// The lists of a record whose regions are classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Regions {
    lists: &'static [Input],
    /// Was `--input` given?
    stated: bool,
}

impl Input {
    fn field(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Objects => "objects",
            Self::Detections => "detections",
            Self::Proposals => "proposals",
        }
    }

    /// The regions to classify; `None` for the whole image. Without `--input`, a network takes what it was trained on.
    pub(super) fn regions(stated: Option<Self>, config: &ModelConfig) -> Option<Regions> {
        let lists: &[Self] = match stated {
            Some(Self::Image) => return None,
            Some(Self::Objects) => &[Self::Objects],
            Some(Self::Detections) => &[Self::Detections],
            Some(Self::Proposals) => &[Self::Proposals],
            None => match trained_on(config) {
                Self::Image => return None,
                Self::Proposals => &[Self::Proposals],
                Self::Objects | Self::Detections => &[Self::Objects, Self::Detections],
            },
        };
        Some(Regions { lists, stated: stated.is_some() })
    }
}

/// What dl-finetune classifier trained the network on.
fn trained_on(config: &ModelConfig) -> Input {
    if config.provenance.training.get("crops") == Some(&Value::Bool(true)) {
        return Input::Objects;
    }
    let names = config.labels.as_ref().map(serde_json::to_value).and_then(Result::ok);
    let has_background = names.is_some_and(|names| names[0] == BACKGROUND);
    if has_background && config.provenance.training.contains_key("warp") { Input::Proposals } else { Input::Image }
}

impl Regions {
    /// The boxes of all lists that the record has.
    pub(super) fn boxes(self, record: &Record) -> Result<Vec<BBox>> {
        let mut boxes = Vec::new();
        let mut is_there = false;
        for list in self.lists {
            let Some(found) = boxes_of(*list, record)? else { continue };
            is_there = true;
            for (index, bbox) in found.iter().enumerate() {
                bbox.check().with_context(|| format!("{}[{index}]", list.field()))?;
            }
            boxes.extend(found);
        }
        if !is_there {
            bail!(self.why_missing());
        }
        Ok(boxes)
    }

    fn why_missing(self) -> String {
        let fields: Vec<String> = self.lists.iter().map(|list| format!("\"{}\"", list.field())).collect();
        let fields = fields.join(" or ");
        if self.stated {
            return format!("the record has no {fields}, which --input asks for");
        }
        let (what, tool) = if self.lists == [Input::Proposals] {
            ("proposals", "dl-propose")
        } else {
            ("crops of objects", "dl-detect")
        };
        format!(
            "the network was trained on {what}, and the record has no {fields}; pipe it through {tool}, or classify the \
             whole image with --input image"
        )
    }

    /// Writes the predictions of each region, in the order of [`boxes`](Self::boxes).
    pub(super) fn write(self, record: &mut Record, predictions: Vec<Vec<Prediction>>) -> Result<()> {
        let mut predictions = predictions.into_iter();
        let mut next = |extra: &mut Map<String, Value>| {
            let predictions = predictions.next().context("a region has no predictions")?;
            set_region_predictions(extra, &predictions)
        };
        for list in self.lists {
            match list {
                Input::Image => {}
                Input::Objects => {
                    if let Some(mut objects) = record.objects()? {
                        objects.iter_mut().try_for_each(|object| next(&mut object.extra))?;
                        record.set_objects(&objects)?;
                    }
                }
                Input::Detections => {
                    if let Some(mut detections) = record.detections()? {
                        detections.iter_mut().try_for_each(|detection| next(&mut detection.extra))?;
                        record.set_detections(&detections)?;
                    }
                }
                Input::Proposals => {
                    if let Some(mut proposals) = record.proposals()? {
                        proposals.iter_mut().try_for_each(|proposal| next(&mut proposal.extra))?;
                        record.set_proposals(&proposals)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn boxes_of(list: Input, record: &Record) -> Result<Option<Vec<BBox>>> {
    Ok(match list {
        Input::Image => None,
        Input::Objects => record.objects()?.map(|all| all.iter().map(|object| object.bbox).collect()),
        Input::Detections => record.detections()?.map(|all| all.iter().map(|detection| detection.bbox).collect()),
        Input::Proposals => record.proposals()?.map(|all| all.iter().map(|proposal| proposal.bbox).collect()),
    })
}
