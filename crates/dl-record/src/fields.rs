//! The known fields of a record, in one table.
//!
//! Each row generates a getter (`record.proposals()`), a setter (`record.set_proposals(..)`) and a property of the JSON
//! Schema, so that the three cannot drift apart.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::{BBox, Failure, Record, Tensor};

/// Unknown fields of a nested object, which pass through.
type Extra = Map<String, Value>;

/// A region that may contain an object of any class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = with_predictions)]
pub struct Proposal {
    /// The bounding box.
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// How likely the region is to contain an object; higher is better. The scale depends on the proposal method; 0 if
    /// it does not score.
    #[serde(default, serialize_with = "finite")]
    pub score: f64,
    /// Fields of other programs, which pass through.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A ground-truth object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = with_predictions)]
pub struct Object {
    /// The bounding box.
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// The class name.
    pub label: String,
    /// VOC's `difficult`: evaluation ignores the object.
    #[serde(default, skip_serializing_if = "is_false")]
    pub difficult: bool,
    /// COCO's `iscrowd`: a group of objects under one box or mask.
    #[serde(default, skip_serializing_if = "is_false")]
    pub crowd: bool,
    /// Area in square pixels, if it differs from that of the box (COCO: the area of the mask).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<f64>,
    /// The pixels of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
    /// Fields of other programs and formats (VOC's `pose` and `truncated`, COCO's `id`), which pass through.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A detected object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = with_predictions)]
pub struct Detection {
    /// The bounding box.
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// The class name.
    pub label: String,
    /// Confidence; higher is better. The scale depends on the detector.
    #[serde(serialize_with = "finite")]
    pub score: f64,
    /// The pixels of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
    /// Index into `proposals` of the region in which the object was detected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<usize>,
    /// Fields of other programs, which pass through.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A predicted class of the whole sample, or of one of its regions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prediction {
    /// The class name.
    pub label: String,
    /// Probability or score; higher is better.
    #[serde(serialize_with = "finite")]
    pub score: f64,
    /// Fields of other programs, which pass through.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A cell of a detector's grid (YOLOv1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The cell itself.
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// Its class probabilities, given that it contains the center of an object, best first.
    pub predictions: Vec<Prediction>,
    /// Its boxes, with their confidences as scores.
    pub proposals: Vec<Proposal>,
    /// Fields of other programs, which pass through.
    #[serde(flatten)]
    pub extra: Extra,
}

/// COCO's compressed run-length encoding: alternating runs of 0 and 1, column by column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mask {
    /// [height, width] of the image, in pixels.
    pub size: [u32; 2],
    /// The runs, as COCO's API encodes them.
    pub counts: String,
}

/// `predictions` of one region. It is read only by programs that classify regions or evaluate them, so it stays in
/// `extra` for all others: see [`region_predictions`] and [`set_region_predictions`].
fn with_predictions(schema: &mut Schema) {
    let property = json!({
        "description": "Classes of this region, best first. Written by dl-classify.",
        "type": "array",
        "items": {"$ref": "#/$defs/Prediction"},
    });
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(PREDICTIONS.to_owned(), property);
    }
}

const PREDICTIONS: &str = "predictions";

/// The `predictions` of a region, an entry of `objects`, `detections` or `proposals`, whose other fields are `extra`.
/// # Errors
/// When the field is there and has another form.
pub fn region_predictions(extra: &Map<String, Value>) -> Result<Option<Vec<Prediction>>> {
    match extra.get(PREDICTIONS) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => Vec::deserialize(value).map(Some).context("\"predictions\""),
    }
}

/// Adds or replaces the `predictions` of a region.
/// # Errors
/// When a score is not finite.
pub fn set_region_predictions(extra: &mut Map<String, Value>, predictions: &[Prediction]) -> Result<()> {
    extra.insert(PREDICTIONS.to_owned(), serde_json::to_value(predictions)?);
    Ok(())
}

fn is_false(value: &bool) -> bool {
    !value
}

/// JSON has no NaN, and serde_json would silently write `null`.
fn finite<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else {
        Err(serde::ser::Error::custom(format!("the score {value} is not a finite number")))
    }
}

/// The accessors of a row marked `by hand` are written elsewhere.
macro_rules! fields {
    (@accessors $(#[doc = $doc:literal])+ $name:ident, by hand: $type:ty) => {};
    (@accessors $(#[doc = $doc:literal])+ $name:ident, $set:ident: $type:ty) => {
        impl Record {
            $(#[doc = $doc])+
            ///
            /// `None` if the field is absent.
            /// # Errors
            /// When the field does not have this type.
            pub fn $name(&self) -> Result<Option<$type>> {
                self.get(stringify!($name))
            }

            /// Adds or replaces the field of the same name; the other fields and their order do not change.
            /// # Errors
            /// When a number in it is not finite.
            pub fn $set(&mut self, value: &$type) -> Result<()> {
                self.set(stringify!($name), value)
            }
        }
    };
    ($($(#[doc = $doc:literal])+ $name:ident, $($set:ident)+: $type:ty;)+) => {
        $(fields!(@accessors $(#[doc = $doc])+ $name, $($set)+: $type);)+

        /// One sample of the stream: one line, one JSON object. Every field is optional; fields that are not listed
        /// here belong to other programs and pass through unchanged.
        #[derive(JsonSchema)]
        #[schemars(rename = "Record")]
        #[expect(dead_code, reason = "read only for the schema")]
        pub(crate) struct Fields {
            $($(#[doc = $doc])+ $name: Option<$type>,)+
        }
    };
}

fields! {
    /// Stable name of the sample, unique in a stream; by default the path of the image as given.
    id, set_id: String;
    /// The image: a path, or a `data:` URI (base64).
    image, set_image: String;
    /// Width of the image in pixels, after EXIF orientation.
    width, set_width: u32;
    /// Height of the image in pixels, after EXIF orientation.
    height, set_height: u32;
    /// The text of the sample.
    text, set_text: String;
    /// The ground-truth class of the sample.
    label, set_label: String;
    /// The ground-truth class of each task, by name.
    labels, set_labels: BTreeMap<String, String>;
    /// Where the sample comes from: the name of a source or target of transfer, or of one side of unpaired images.
    domain, set_domain: String;
    /// How much the sample counts in training and in metrics, at least 0; 1 if absent.
    weight, by hand: f64;
    /// The group that the sample was assigned to.
    cluster, set_cluster: String;
    /// The ground-truth objects of the sample.
    objects, set_objects: Vec<Object>;
    /// Regions that may contain an object, best first.
    proposals, set_proposals: Vec<Proposal>;
    /// Feature matrices by layer name: row i belongs to `proposals[i]`, or a single row to the whole sample.
    features, by hand: BTreeMap<String, Tensor>;
    /// Predicted classes of the whole sample, best first.
    predictions, set_predictions: Vec<Prediction>;
    /// Detected objects.
    detections, set_detections: Vec<Detection>;
    /// The cells of a detector's grid, row by row (YOLOv1).
    cells, set_cells: Vec<Cell>;
    /// Why the sample failed; later programs pass the record through unchanged.
    error, set_error: Failure;
}
