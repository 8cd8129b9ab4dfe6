//! A model under construction: values are known by name.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use dl_record::file::write_atomically;
use prost::Message;

use super::messages::{
    AttributeProto, DimensionProto, F32, FLOAT, GraphProto, I64, INT, INTS, ModelProto, NodeProto, OperatorSetIdProto,
    STRING, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// The version of ONNX's operators: that of ONNX 1.13, of the end of 2022.
const OPERATORS: i64 = 18;
/// The version of the format that came with it.
const FORMAT: i64 = 8;
/// Protocol buffers cannot be longer.
const MOST_BYTES: usize = (1 << 31) - 1;

/// An ONNX model.
#[derive(Default)]
pub struct OnnxModel {
    graph: GraphProto,
    texts: BTreeMap<String, String>,
    names: usize,
}

/// The name of a value: an input, a constant, or what a node computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(String);

/// An axis of an input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// This length.
    Fixed(usize),
    /// Any length, by name.
    Any(&'static str),
}

/// The type of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Single precision.
    F32,
    /// Whole numbers.
    I64,
}

/// An option of an operation.
pub(crate) enum Attribute<'a> {
    /// A number.
    Float(f32),
    /// A whole number.
    Int(usize),
    /// Whole numbers.
    Ints(&'a [usize]),
    /// A text.
    Text(&'a str),
}

impl OnnxModel {
    /// Adds an input of numbers.
    pub(crate) fn input(&mut self, name: &str, axes: &[Axis]) -> Value {
        self.graph.input.push(value_info(name, Kind::F32, axes));
        Value(name.to_owned())
    }

    /// Makes a value an output of the model, under this name.
    pub(crate) fn output(&mut self, value: &Value, name: &str, kind: Kind, axes: &[Axis]) {
        self.push("Identity", &[Some(value)], vec![name.to_owned()], &[]);
        self.graph.output.push(value_info(name, kind, axes));
    }

    /// Adds a constant of numbers.
    /// # Errors
    /// When the shape has another number of numbers.
    pub(crate) fn floats(&mut self, shape: &[usize], numbers: &[f32]) -> Result<Value> {
        let count: usize = shape.iter().product();
        ensure!(count == numbers.len(), "{} numbers for a constant of shape {shape:?}", numbers.len());
        Ok(self.constant(F32, shape, numbers.iter().flat_map(|number| number.to_le_bytes()).collect()))
    }

    /// Adds a constant list of whole numbers.
    pub(crate) fn ints(&mut self, numbers: &[i64]) -> Value {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.constant(I64, &[numbers.len()], bytes)
    }

    /// Adds a constant of one number, without axes.
    pub(crate) fn float(&mut self, number: f32) -> Value {
        self.constant(F32, &[], number.to_le_bytes().to_vec())
    }

    fn constant(&mut self, kind: i32, shape: &[usize], bytes: Vec<u8>) -> Value {
        let name = self.name("constant");
        self.graph.initializer.push(TensorProto {
            dims: shape.iter().map(|length| *length as i64).collect(),
            data_type: Some(kind),
            name: Some(name.clone()),
            raw_data: Some(bytes),
        });
        Value(name)
    }

    /// Adds an operation with one output.
    pub(crate) fn add(&mut self, operation: &str, inputs: &[&Value], attributes: &[(&str, Attribute)]) -> Value {
        let inputs: Vec<Option<&Value>> = inputs.iter().map(|input| Some(*input)).collect();
        self.add_with(operation, &inputs, attributes)
    }

    /// [`add`](Self::add), for operations with inputs that may be left out.
    pub(crate) fn add_with(
        &mut self,
        operation: &str,
        inputs: &[Option<&Value>],
        attributes: &[(&str, Attribute)],
    ) -> Value {
        let name = self.name(operation);
        self.push(operation, inputs, vec![name.clone()], attributes);
        Value(name)
    }

    /// Adds an operation with two outputs.
    pub(crate) fn add_two(
        &mut self,
        operation: &str,
        inputs: &[&Value],
        attributes: &[(&str, Attribute)],
    ) -> [Value; 2] {
        let inputs: Vec<Option<&Value>> = inputs.iter().map(|input| Some(*input)).collect();
        let names = [self.name(operation), self.name(operation)];
        self.push(operation, &inputs, names.to_vec(), attributes);
        names.map(Value)
    }

    fn push(
        &mut self,
        operation: &str,
        inputs: &[Option<&Value>],
        outputs: Vec<String>,
        attributes: &[(&str, Attribute)],
    ) {
        let input = inputs.iter().map(|input| input.map_or(String::new(), |input| input.0.clone())).collect();
        self.graph.node.push(NodeProto {
            input,
            name: outputs.first().map(|name| format!("{name}_node")),
            output: outputs,
            op_type: Some(operation.to_owned()),
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        });
    }

    fn name(&mut self, operation: &str) -> String {
        self.names += 1;
        format!("{}_{}", operation.to_lowercase(), self.names)
    }

    /// Stores a text about the model, by key.
    pub fn describe(&mut self, key: &str, text: String) {
        self.texts.insert(key.to_owned(), text);
    }

    /// The names of the outputs.
    pub fn outputs(&self) -> Vec<String> {
        self.graph.output.iter().filter_map(|output| output.name.clone()).collect()
    }

    /// The bytes of the file.
    /// # Errors
    /// When it would be larger than a protocol buffer can be.
    pub fn encode(self) -> Result<Vec<u8>> {
        let texts = self.texts.into_iter();
        let model = ModelProto {
            ir_version: Some(FORMAT),
            producer_name: Some("dl-tools".to_owned()),
            producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            graph: Some(GraphProto { name: Some("network".to_owned()), ..self.graph }),
            opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPERATORS) }],
            metadata_props: texts
                .map(|(key, value)| StringStringEntryProto { key: Some(key), value: Some(value) })
                .collect(),
        };
        let length = model.encoded_len();
        ensure!(length <= MOST_BYTES, "the model has {length} bytes; an ONNX file has at most {MOST_BYTES}");
        Ok(model.encode_to_vec())
    }

    /// Writes the file, as a whole or not at all.
    /// # Errors
    /// When it is too large or cannot be written.
    pub fn write(self, path: &Path) -> Result<()> {
        let bytes = self.encode()?;
        write_atomically(path, |output| Ok(output.write_all(&bytes)?)).with_context(|| path.display().to_string())
    }
}

fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let empty = AttributeProto { name: Some(name.to_owned()), ..AttributeProto::default() };
    match value {
        Attribute::Float(number) => AttributeProto { f: Some(*number), kind: Some(FLOAT), ..empty },
        Attribute::Int(number) => AttributeProto { i: Some(*number as i64), kind: Some(INT), ..empty },
        Attribute::Ints(numbers) => {
            AttributeProto { ints: numbers.iter().map(|number| *number as i64).collect(), kind: Some(INTS), ..empty }
        }
        Attribute::Text(text) => AttributeProto { s: Some(text.as_bytes().to_vec()), kind: Some(STRING), ..empty },
    }
}

fn value_info(name: &str, kind: Kind, axes: &[Axis]) -> ValueInfoProto {
    let axis = |axis: &Axis| match axis {
        Axis::Fixed(length) => DimensionProto { dim_value: Some(*length as i64), dim_param: None },
        Axis::Any(name) => DimensionProto { dim_value: None, dim_param: Some((*name).to_owned()) },
    };
    let elem_type = Some(match kind {
        Kind::F32 => F32,
        Kind::I64 => I64,
    });
    let shape = Some(TensorShapeProto { dim: axes.iter().map(axis).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type, shape });
    ValueInfoProto { name: Some(name.to_owned()), kind: Some(TypeProto { tensor_type }) }
}
