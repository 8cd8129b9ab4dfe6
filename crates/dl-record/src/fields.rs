//! The fields that the programs know, in one table.
//!
//! Each row makes a typed reader (`record.proposals()`), a writer (`record.set_proposals(..)`) and a property of the
//! JSON Schema, so that the three cannot drift apart.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::{BBox, Failure, Record, Tensor};

/// Fields of a nested object that no program of ours knows: passed through.
type Extra = Map<String, Value>;

/// A region that may hold an object, before anyone knows which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = with_predictions)]
pub struct Proposal {
    /// Where.
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// How promising; higher is better. The scale is the proposal method's own; 0 when it has none.
    #[serde(default, serialize_with = "finite")]
    pub score: f64,
    /// Fields of other programs, passed through.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A true object of the sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = with_predictions)]
pub struct Object {
    /// Where.
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// The name of its class.
    pub label: String,
    /// VOC: too hard to be counted; evaluation ignores it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub difficult: bool,
    /// COCO's `iscrowd`: a group of objects under one box or mask.
    #[serde(default, skip_serializing_if = "is_false")]
    pub crowd: bool,
    /// Area in square pixels where it is not that of the box (COCO: of the mask).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<f64>,
    /// Its pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
    /// Fields of other programs and formats (VOC's `pose` and `truncated`, COCO's `id`), passed through.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An object that a detector found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = with_predictions)]
pub struct Detection {
    /// Where.
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// The name of its class.
    pub label: String,
    /// How sure; higher is surer. The scale is the detector's own.
    #[serde(serialize_with = "finite")]
    pub score: f64,
    /// Its pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
    /// The index into `proposals` of the region that it was found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<usize>,
    /// Fields of other programs, passed through.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A class of the whole sample or of one region of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prediction {
    /// The name of the class.
    pub label: String,
    /// Its probability or score; higher is surer.
    #[serde(serialize_with = "finite")]
    pub score: f64,
    /// Fields of other programs, passed through.
    #[serde(flatten)]
    pub extra: Extra,
}

/// COCO's compressed run-length encoding: runs of 0 and 1 in turn, column by column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mask {
    /// [height, width] of the picture, in pixels.
    pub size: [u32; 2],
    /// The runs, as COCO's API writes them.
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

/// JSON has no NaN, and serde_json would write `null` in silence.
fn finite<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else {
        Err(serde::ser::Error::custom(format!("the score {value} is not a finite number")))
    }
}

/// A row that says `by hand` has its accessors elsewhere.
macro_rules! fields {
    (@accessors $(#[doc = $doc:literal])+ $name:ident, by hand: $type:ty) => {};
    (@accessors $(#[doc = $doc:literal])+ $name:ident, $set:ident: $type:ty) => {
        impl Record {
            $(#[doc = $doc])+
            ///
            /// `None` when the record has no such field.
            /// # Errors
            /// When the field is there and has another form.
            pub fn $name(&self) -> Result<Option<$type>> {
                self.get(stringify!($name))
            }

            /// Adds or replaces the field of the same name; other fields stay as and where they are.
            /// # Errors
            /// When a number in it is not finite.
            pub fn $set(&mut self, value: &$type) -> Result<()> {
                self.set(stringify!($name), value)
            }
        }
    };
    ($($(#[doc = $doc:literal])+ $name:ident, $($set:ident)+: $type:ty;)+) => {
        $(fields!(@accessors $(#[doc = $doc])+ $name, $($set)+: $type);)+

        /// One sample of the stream: one line, one JSON object. Every field may be absent; fields not named here
        /// belong to other programs and pass through unchanged.
        #[derive(JsonSchema)]
        #[schemars(rename = "Record")]
        #[expect(dead_code, reason = "read only for the schema")]
        pub(crate) struct Fields {
            $($(#[doc = $doc])+ $name: Option<$type>,)+
        }
    };
}

fields! {
    /// Stable name of the sample, unique in a stream; by default the image path as given.
    id, set_id: String;
    /// Where the picture is: a path, or a `data:` URI (base64).
    image, set_image: String;
    /// Width of the picture in pixels, after EXIF orientation.
    width, set_width: u32;
    /// Height of the picture in pixels, after EXIF orientation.
    height, set_height: u32;
    /// The sample's text.
    text, set_text: String;
    /// The sample's true class.
    label, set_label: String;
    /// The true objects of the sample.
    objects, set_objects: Vec<Object>;
    /// Regions that may hold an object, best first.
    proposals, set_proposals: Vec<Proposal>;
    /// Feature matrices by layer name: row i belongs to `proposals[i]`, or one row for the whole sample.
    features, by hand: BTreeMap<String, Tensor>;
    /// Classes of the whole sample, best first.
    predictions, set_predictions: Vec<Prediction>;
    /// Objects that a detector found.
    detections, set_detections: Vec<Detection>;
    /// Why the sample failed; later programs pass the record on untouched.
    error, set_error: Failure;
}
