//! The parts of `caffe.proto` with weights, written by hand. Other fields are skipped.

use prost::Message;

/// A network.
#[derive(Clone, PartialEq, Message)]
pub(super) struct NetParameter {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    /// Layers of files from before the end of 2014.
    #[prost(message, repeated, tag = "2")]
    pub(super) layers: Vec<V1LayerParameter>,
    #[prost(message, repeated, tag = "100")]
    pub(super) layer: Vec<LayerParameter>,
}

/// A layer.
#[derive(Clone, PartialEq, Message)]
pub(super) struct LayerParameter {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) kind: String,
    #[prost(message, repeated, tag = "7")]
    pub(super) blobs: Vec<BlobProto>,
    #[prost(message, optional, tag = "100")]
    pub(super) transform_param: Option<TransformationParameter>,
}

/// The older form of a layer: its kind is a number.
#[derive(Clone, PartialEq, Message)]
pub(super) struct V1LayerParameter {
    /// The form before that.
    #[prost(message, optional, tag = "1")]
    pub(super) layer: Option<V0LayerParameter>,
    #[prost(string, tag = "4")]
    pub(super) name: String,
    /// `LayerType`.
    #[prost(int32, tag = "5")]
    pub(super) kind: i32,
    #[prost(message, repeated, tag = "6")]
    pub(super) blobs: Vec<BlobProto>,
    #[prost(message, optional, tag = "36")]
    pub(super) transform_param: Option<TransformationParameter>,
}

/// The oldest form of a layer.
#[derive(Clone, PartialEq, Message)]
pub(super) struct V0LayerParameter {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) kind: String,
    #[prost(message, repeated, tag = "50")]
    pub(super) blobs: Vec<BlobProto>,
}

/// How images were preprocessed in training.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TransformationParameter {
    #[prost(float, optional, tag = "1")]
    pub(super) scale: Option<f32>,
    #[prost(uint32, tag = "3")]
    pub(super) crop_size: u32,
    #[prost(string, tag = "4")]
    pub(super) mean_file: String,
    #[prost(float, repeated, packed = "false", tag = "5")]
    pub(super) mean_value: Vec<f32>,
}

/// Numbers with a shape.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BlobProto {
    #[prost(int32, optional, tag = "1")]
    pub(super) num: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(super) channels: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    pub(super) height: Option<i32>,
    #[prost(int32, optional, tag = "4")]
    pub(super) width: Option<i32>,
    #[prost(float, repeated, tag = "5")]
    pub(super) data: Vec<f32>,
    /// The shape in files since the end of 2014, instead of the four numbers.
    #[prost(message, optional, tag = "7")]
    pub(super) shape: Option<BlobShape>,
    #[prost(double, repeated, tag = "8")]
    pub(super) double_data: Vec<f64>,
}

/// Sizes of any number of axes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BlobShape {
    #[prost(int64, repeated, tag = "1")]
    pub(super) dim: Vec<i64>,
}
