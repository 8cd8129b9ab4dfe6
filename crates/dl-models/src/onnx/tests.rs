//! The structure of exported models. Their numbers are compared with ONNX Runtime's by `testdata/onnx.py`.

use std::collections::HashSet;
use std::sync::Arc;

use candle_core::Device;
use dl_kernels::{
    Conv2dConfig, ConvTranspose2dConfig, Graph, L2Epsilon, LocalResponse, Neighbors, NodeId, Operation, Padding,
    PoolConfig, ResizeMethod,
};
use prost::Message;

use super::messages::{ModelProto, NodeProto};
use super::{Axis, Kind, OnnxModel, add_graph};
use crate::detection::Detector;
use crate::detection::darknet::{Darknet, Recipe};
use crate::{LOGITS, Model, ModelConfig, Parameters};

/// Decodes a model, and checks that every value is defined once, before it is used.
fn decoded(model: OnnxModel) -> ModelProto {
    let model = ModelProto::decode(model.encode().unwrap().as_slice()).unwrap();
    let graph = model.graph.as_ref().unwrap();
    let mut known: HashSet<&str> = HashSet::from([""]);
    let inputs = graph.input.iter().map(|input| input.name.as_deref().unwrap());
    let constants = graph.initializer.iter().map(|constant| constant.name.as_deref().unwrap());
    for name in inputs.chain(constants) {
        assert!(known.insert(name), "{name} is defined twice");
    }
    for node in &graph.node {
        assert!(node.input.iter().all(|input| known.contains(input.as_str())), "{node:?}");
        assert!(node.output.iter().all(|output| known.insert(output)), "{node:?}");
    }
    assert!(graph.output.iter().all(|output| known.contains(output.name.as_deref().unwrap())));
    for constant in &graph.initializer {
        let width = if constant.data_type == Some(super::messages::F32) { 4 } else { 8 };
        let count: i64 = constant.dims.iter().product();
        assert_eq!(constant.raw_data.as_ref().unwrap().len(), count as usize * width);
    }
    model
}

fn kinds(model: &ModelProto) -> Vec<&str> {
    model.graph.as_ref().unwrap().node.iter().filter_map(|node| node.op_type.as_deref()).collect()
}

#[test]
fn a_network_is_written_with_its_config_and_weights() {
    let mut config = ModelConfig::new("squeezenet1_1", 5);
    config.options.insert("width".into(), 0.125.into());
    let parameters = Parameters::fresh(1);
    let network = Model::build(config, parameters.builder(&Device::Cpu)).unwrap();
    let layers = ["features.0", LOGITS].map(|name| name.parse().unwrap());
    let model = network.onnx(&layers).unwrap();
    assert_eq!(model.outputs(), ["features.0", "logits"]);
    let model = decoded(model);
    assert_eq!((model.opset_import[0].version, model.ir_version), (Some(18), Some(8)));
    let config = &model.metadata_props[0];
    assert_eq!(config.key.as_deref(), Some("config"));
    assert!(config.value.as_deref().unwrap().contains("squeezenet1_1"));
    let graph = model.graph.as_ref().unwrap();
    let axes = &graph.input[0].kind.as_ref().unwrap().tensor_type.as_ref().unwrap().shape.as_ref().unwrap().dim;
    assert_eq!((axes[0].dim_param.as_deref(), axes[1].dim_value), (Some("batch"), Some(3)));
    let weight = parameters.tensors()["features.0.weight"].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let bytes: Vec<u8> = weight.iter().flat_map(|number| number.to_le_bytes()).collect();
    assert!(graph.initializer.iter().any(|constant| constant.raw_data.as_ref() == Some(&bytes)));
}

#[test]
fn every_operation_has_a_counterpart() {
    let numbers = |count: usize| -> dl_kernels::Numbers { Arc::new(move || vec![0.5; count]) };
    let mut graph = Graph::new([4, 9, 9]);
    let mut last = graph.input();
    let padding = Padding { top: 1, bottom: 0, left: 1, right: 0 };
    let conv = Conv2dConfig { padding, ..Conv2dConfig::default() };
    let operations: Vec<Operation> = vec![
        Operation::Conv2d { weight: numbers(144), shape: [4, 4, 3, 3], bias: Some(numbers(4)), config: conv },
        Operation::ConvTranspose2d {
            weight: numbers(64),
            shape: [4, 4, 2, 2],
            bias: None,
            config: ConvTranspose2dConfig::default(),
        },
        Operation::LocallyConnected2d {
            weight: numbers(49 * 4 * 4 * 9),
            shape: [49, 4, 4, 3, 3],
            bias: Some(numbers(4 * 49)),
            config: Conv2dConfig::default(),
        },
        Operation::Affine { scale: vec![1.0; 4], shift: vec![0.0; 4] },
        Operation::Clamp { low: 0.0, high: f32::INFINITY },
        Operation::Clamp { low: -1.0, high: 6.0 },
        Operation::LeakyRelu { slope: 0.1 },
        Operation::Sigmoid,
        Operation::Tanh,
        Operation::HardSwish,
        Operation::Swish,
        Operation::Mish,
        Operation::Rearrange { from: (0..196).rev().collect(), shape: vec![4, 7, 7] },
        Operation::Prelu { slopes: vec![0.1, -0.2, 1.5, 0.0] },
        Operation::Square,
        Operation::Softplus,
        Operation::InverseRoot,
        Operation::PixelShuffle { factor: 2 },
        Operation::InstanceNorm { weight: vec![1.0], bias: vec![0.0], eps: 1e-5 },
        Operation::ReflectionPad(Padding { top: 1, bottom: 0, left: 0, right: 3 }),
        Operation::AdaptiveAvgPool2d([7, 7]),
        Operation::PadChannels { before: 3, after: 3 },
        Operation::MaxPool2d(PoolConfig::square(3, 2).ceil()),
        Operation::AvgPool2d(PoolConfig { padding: [1, 1], ..PoolConfig::square(2, 2).ceil() }),
        Operation::Resize { size: [7, 7], method: ResizeMethod::Nearest },
        Operation::Resize { size: [5, 5], method: ResizeMethod::Bilinear },
        Operation::L2Norm { weight: vec![20.0; 7], epsilon: L2Epsilon::Added(1e-10) },
        Operation::L2Norm { weight: vec![20.0; 7], epsilon: L2Epsilon::AtLeast(1e-12) },
        Operation::LocalResponseNorm(LocalResponse {
            neighbors: Neighbors::Channels,
            size: 5,
            alpha: 1e-4,
            beta: 0.75,
            k: 1.0,
        }),
        Operation::LocalResponseNorm(LocalResponse {
            neighbors: Neighbors::Positions,
            size: 3,
            alpha: 1e-4,
            beta: 0.75,
            k: 1.0,
        }),
        Operation::AdaptiveAvgPool2d([3, 2]),
        Operation::Softmax,
        Operation::Flatten,
        Operation::Linear { weight: numbers(84), shape: [2, 42], bias: None },
    ];
    for operation in operations {
        last = graph.add(operation, &[last]).unwrap();
    }
    let input = graph.input();
    let gate = graph.add(Operation::AdaptiveAvgPool2d([1, 1]), &[input]).unwrap();
    let gated = graph.add(Operation::Gate, &[input, gate]).unwrap();
    let sum = graph.add(Operation::Add, &[gated, input]).unwrap();
    let joined = graph.add(Operation::Concat, &[sum, input]).unwrap();
    let outputs: [NodeId; 2] = [last, joined];
    let mut model = OnnxModel::default();
    let values = add_graph(&mut model, &graph, ("input", Axis::Fixed(1)), &outputs).unwrap();
    for (index, value) in values.iter().enumerate() {
        model.output(value, &format!("output{index}"), Kind::F32, &[Axis::Any("any")]);
    }
    let model = decoded(model);
    let found = kinds(&model);
    for kind in [
        "Conv",
        "ConvTranspose",
        "Gemm",
        "Relu",
        "Clip",
        "LRN",
        "Pow",
        "Resize",
        "Gather",
        "GlobalAveragePool",
        "Softmax",
        "Mish",
        "PRelu",
        "Softplus",
        "DepthToSpace",
        "InstanceNormalization",
        "Reciprocal",
    ] {
        assert!(found.contains(&kind), "{kind} in {found:?}");
    }
}

/// The node that computes a value.
fn source<'a>(model: &'a ModelProto, value: &str) -> &'a NodeProto {
    let nodes = &model.graph.as_ref().unwrap().node;
    nodes.iter().find(|node| node.output.iter().any(|output| output == value)).unwrap()
}

/// The numbers of a constant.
fn constant(model: &ModelProto, name: &str) -> Vec<f32> {
    let constants = &model.graph.as_ref().unwrap().initializer;
    let bytes = constants.iter().find(|constant| constant.name.as_deref() == Some(name)).unwrap().raw_data.as_ref();
    bytes.unwrap().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[test]
fn a_yolo_cuts_its_boxes_and_limits_its_scores_after_the_suppression() {
    let cfg = "[net]\nheight=32\nwidth=24\n[convolutional]\nfilters=12\nsize=3\nstride=8\npad=1\n\
               activation=linear\n[yolo]\nclasses=1\nanchors=4,4,9,9\nnum=2\n";
    let config = Darknet::config("darknet", cfg, &["cat".to_owned()], false).unwrap();
    let weights = Parameters::fresh(0).builder(&Device::Cpu);
    let detector = Darknet::new(&config, &Recipe::default(), &weights).unwrap();
    let model = decoded(detector.onnx().unwrap());
    let kind = |node: &NodeProto| node.op_type.clone().unwrap();
    let before = |value: &str| {
        let output = source(&model, value);
        assert_eq!(kind(output), "Identity");
        let compressed = source(&model, &output.input[0]);
        assert_eq!(kind(compressed), "Compress");
        compressed.clone()
    };
    let (boxes, scores) = (before("boxes"), before("scores"));
    // The same condition.
    assert_eq!(boxes.input[1], scores.input[1]);
    let cut = source(&model, &boxes.input[0]);
    assert_eq!((kind(cut), constant(&model, &cut.input[1])), ("Min".to_owned(), vec![24.0, 32.0, 24.0, 32.0]));
    let limited = source(&model, &scores.input[0]);
    assert_eq!((kind(limited), constant(&model, &limited.input[1])), ("Min".to_owned(), vec![1.0]));
    // Suppression sees the whole scores, and the boxes as they are.
    let kinds = kinds(&model);
    let suppression = kinds.iter().position(|kind| *kind == "NonMaxSuppression").unwrap();
    let place = |name: &str| kinds.iter().position(|kind| *kind == name).unwrap();
    assert!(["Where", "Less", "Abs"].iter().all(|name| place(name) < suppression));
    assert!(["Compress", "ReduceMin"].iter().all(|name| kinds[suppression..].contains(name)));
}

#[test]
fn a_local_response_over_an_even_number_of_channels_is_refused() {
    let mut graph = Graph::new([4, 2, 2]);
    let input = graph.input();
    let config = LocalResponse { neighbors: Neighbors::Channels, size: 4, alpha: 1e-4, beta: 0.75, k: 1.0 };
    let node = graph.add(Operation::LocalResponseNorm(config), &[input]).unwrap();
    let error = add_graph(&mut OnnxModel::default(), &graph, ("input", Axis::Fixed(1)), &[node]).unwrap_err();
    assert!(error.to_string().contains("over 4 channels"), "{error}");
}
