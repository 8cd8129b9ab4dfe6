//! Feature matrices in a record, or in a file beside it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use half::f16;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::numbers::{Numbers, parse_base64};
use crate::tensor_file::read_tensor_file;
use crate::text::Slice;

/// A tensor in a record: its number type, its shape, and its numbers or where they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tensor {
    /// Type of the numbers as stored.
    pub dtype: Dtype,
    /// Usually [rows, columns].
    pub shape: Vec<usize>,
    /// Fingerprint of the network that computed the numbers, and the options of dl-embed that changed them. A model
    /// trained on these features checks it; features without one are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The numbers.
    #[serde(flatten)]
    pub payload: Payload,
}

/// Where the numbers of a tensor are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Payload {
    /// In the record, as base64 of little-endian numbers, row by row: the default.
    Base64 {
        /// The numbers as base64.
        #[schemars(with = "String")]
        base64: Base64,
    },
    /// In a safetensors file, for tensors that are too large to pipe.
    File {
        /// Path of the file.
        file: String,
        /// Name of the tensor in it.
        name: String,
    },
    /// In the record, as JSON numbers, for people and jq.
    Values {
        /// Row by row: a list of numbers, or nested lists of numbers.
        values: serde_json::Value,
    },
}

/// Numbers in base64: the text as read, or numbers that are encoded when they are written.
#[derive(Clone, Debug)]
pub struct Base64(pub(crate) Content);

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Text(Slice),
    Numbers(Numbers),
}

/// Type of the numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// IEEE 754 single precision, 4 bytes.
    F32,
    /// IEEE 754 half precision, 2 bytes.
    F16,
}

/// A dense f32 matrix [rows, columns], row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// `rows * columns` numbers.
    pub data: Vec<f32>,
}

impl Matrix {
    /// Row `index`.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.data[index * self.columns..(index + 1) * self.columns]
    }
}

impl Dtype {
    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// Encodes `data` into `bytes`, which has exactly the right size.
    pub(crate) fn fill(self, data: &[f32], bytes: &mut [u8]) {
        match self {
            Self::F32 => bytes.as_chunks_mut().0.iter_mut().zip(data).for_each(|(to, from)| *to = from.to_le_bytes()),
            Self::F16 => {
                let numbers = data.iter().map(|value| f16::from_f32(*value));
                bytes.as_chunks_mut().0.iter_mut().zip(numbers).for_each(|(to, from)| *to = from.to_le_bytes());
            }
        }
    }

    /// Appends the numbers encoded in `bytes` to `data`.
    pub(crate) fn append(self, bytes: &[u8], data: &mut Vec<f32>) {
        match self {
            Self::F32 => data.extend(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))),
            Self::F16 => data.extend(bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32())),
        }
    }

    pub(crate) fn to_bytes(self, data: &[f32]) -> Vec<u8> {
        let mut bytes = vec![0; data.len() * self.size()];
        self.fill(data, &mut bytes);
        bytes
    }

    pub(crate) fn parse(self, bytes: &[u8]) -> Vec<f32> {
        let mut data = Vec::with_capacity(bytes.len() / self.size());
        self.append(bytes, &mut data);
        data
    }
}

impl Base64 {
    /// The base64 text, encoded now if it is not yet.
    fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Content::Text(text) => text.as_str().into(),
            Content::Numbers(numbers) => {
                let mut text = Vec::new();
                numbers.write_base64(&mut text).expect("writing to memory never fails");
                String::from_utf8(text).expect("base64 is ASCII").into()
            }
        }
    }
}

impl From<String> for Base64 {
    fn from(text: String) -> Self {
        Self(Content::Text(text.into()))
    }
}

/// Equal if they are written the same.
impl PartialEq for Base64 {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl Tensor {
    /// The matrix as base64 in the record. It is encoded only when the record is written.
    pub fn inline(matrix: Matrix, dtype: Dtype) -> Self {
        let base64 = Base64(Content::Numbers(Numbers { dtype, data: Arc::new(matrix.data) }));
        Self { dtype, shape: vec![matrix.rows, matrix.columns], network: None, payload: Payload::Base64 { base64 } }
    }

    /// The matrix as JSON numbers in the record, one list per row.
    /// # Errors
    /// When a number is not finite: JSON cannot represent it.
    pub fn values(matrix: &Matrix) -> Result<Self> {
        if let Some(value) = matrix.data.iter().find(|value| !value.is_finite()) {
            bail!("the feature {value} is not a finite number");
        }
        let rows: Vec<&[f32]> = (0..matrix.rows).map(|row| matrix.row(row)).collect();
        let values = serde_json::to_value(rows)?;
        let shape = vec![matrix.rows, matrix.columns];
        Ok(Self { dtype: Dtype::F32, shape, network: None, payload: Payload::Values { values } })
    }

    /// A reference to a matrix that was written to `file` under `name`, see [`write_tensor_file`](crate::write_tensor_file).
    pub fn in_file(matrix: &Matrix, dtype: Dtype, file: &Path, name: &str) -> Self {
        let payload = Payload::File { file: file.display().to_string(), name: name.to_owned() };
        Self { dtype, shape: vec![matrix.rows, matrix.columns], network: None, payload }
    }

    /// The tensor with the fingerprint of the network that computed it.
    pub fn computed_by(self, network: &str) -> Self {
        Self { network: Some(network.to_owned()), ..self }
    }

    /// The numbers as a matrix. A tensor of one dimension is one row; of three or more, all but the first are flattened.
    /// # Errors
    /// When the payload is broken or does not match the shape.
    pub fn matrix(&self) -> Result<Matrix> {
        let (rows, columns) = self.rows_columns()?;
        let data = match &self.payload {
            Payload::Base64 { base64 } => parse_base64(&base64.text(), self.dtype)?,
            Payload::File { file, name } => read_tensor_file(Path::new(file), name)?,
            Payload::Values { values } => {
                let mut data = Vec::with_capacity(rows.saturating_mul(columns).min(1 << 20));
                flatten(values, &mut data)?;
                data
            }
        };
        if data.len() != rows * columns {
            bail!("tensor: shape {:?} needs {} numbers, found {}", self.shape, rows * columns, data.len());
        }
        Ok(Matrix { rows, columns, data })
    }

    fn rows_columns(&self) -> Result<(usize, usize)> {
        let product = |numbers: &[usize]| numbers.iter().try_fold(1_usize, |all, n| all.checked_mul(*n));
        let (rows, columns) = match self.shape.as_slice() {
            [] => bail!("tensor: the shape is empty"),
            [columns] => (1, Some(*columns)),
            [rows, rest @ ..] => (*rows, product(rest)),
        };
        match columns {
            Some(columns) if rows.checked_mul(columns).is_some() => Ok((rows, columns)),
            _ => bail!("tensor: shape {:?} is too large for this machine", self.shape),
        }
    }
}

fn flatten(value: &serde_json::Value, into: &mut Vec<f32>) -> Result<()> {
    match value {
        serde_json::Value::Array(items) => items.iter().try_for_each(|item| flatten(item, into)),
        serde_json::Value::Number(number) => {
            into.push(number.as_f64().context("tensor: a number out of range")? as f32);
            Ok(())
        }
        other => bail!("tensor: values must be numbers, got {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Matrix {
        Matrix { rows: 2, columns: 3, data: vec![0.0, -1.5, 3.25, 1e-3, f32::MIN_POSITIVE, 65504.0] }
    }

    #[test]
    fn f32_comes_back_to_the_last_bit_in_every_form() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("features.safetensors");
        crate::write_tensor_file(&file, &[("fc7", Dtype::F32, &matrix())]).unwrap();
        let forms = [
            Tensor::inline(matrix(), Dtype::F32),
            Tensor::values(&matrix()).unwrap(),
            Tensor::in_file(&matrix(), Dtype::F32, &file, "fc7"),
        ];
        for tensor in forms.iter().cloned().chain(forms.iter().cloned().map(|form| form.computed_by("alexnet:0"))) {
            let line = serde_json::to_string(&tensor).unwrap();
            let read: Tensor = serde_json::from_str(&line).unwrap();
            assert_eq!(read, tensor, "{line}");
            assert_eq!(read.matrix().unwrap(), matrix(), "{line}");
        }
    }

    #[test]
    fn f16_keeps_eleven_bits() {
        let read = Tensor::inline(matrix(), Dtype::F16).matrix().unwrap();
        for (a, b) in read.data.iter().zip(matrix().data) {
            assert!((a - b).abs() <= b.abs() / 2048.0 + 3e-8, "{a} {b}");
        }
    }

    #[test]
    fn a_payload_that_does_not_fit_its_shape_is_refused() {
        let mut tensor = Tensor::inline(matrix(), Dtype::F32);
        tensor.shape = vec![2, 4];
        assert!(tensor.matrix().unwrap_err().to_string().contains("needs 8 numbers, found 6"));
        tensor.shape = vec![usize::MAX, usize::MAX];
        assert!(tensor.matrix().is_err());
        tensor.payload = Payload::Base64 { base64: String::from("AAA").into() };
        assert!(tensor.matrix().is_err());
    }
}
