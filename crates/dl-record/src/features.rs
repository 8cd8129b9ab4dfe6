//! The field `features`, which is too large to copy.
//!
//! A tensor that is read shares the text of its record; one that is set stays numbers until the record is written.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::tensor::Content;
use crate::text::{Piece, Slice};
use crate::{Base64, Payload, Record, Tensor};

const NAME: &str = "features";

impl Record {
    /// Feature matrices by layer name: row i belongs to `proposals[i]`, or a single row to the whole sample.
    ///
    /// `None` if the field is absent.
    /// # Errors
    /// When the field does not have this type.
    pub fn features(&self) -> Result<Option<BTreeMap<String, Tensor>>> {
        match self.json(NAME).and_then(|text| text.whole()).and_then(shared) {
            Some(features) => Ok(Some(features)),
            None => self.get(NAME),
        }
    }

    /// Adds or replaces the field of the same name; the other fields and their order do not change.
    /// # Errors
    /// Never for tensors made by this crate; the signature matches the other setters.
    pub fn set_features(&mut self, features: &BTreeMap<String, Tensor>) -> Result<()> {
        let mut pieces = Vec::new();
        let mut text = String::from("{");
        for (index, (name, tensor)) in features.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text += &serde_json::to_string(name)?;
            text.push(':');
            append(tensor, &mut text, &mut pieces).with_context(|| format!("field \"{NAME}\": \"{name}\""))?;
        }
        text.push('}');
        if pieces.is_empty() {
            self.put(NAME, text.into());
        } else {
            pieces.push(Piece::Text(text.into()));
            self.put(NAME, pieces.into());
        }
        Ok(())
    }
}

/// Appends the tensor to `text`. Large parts, which should not be copied, go to `pieces`, after the text before them.
fn append(tensor: &Tensor, text: &mut String, pieces: &mut Vec<Piece>) -> Result<()> {
    let base64 = match &tensor.payload {
        Payload::Base64 { base64: Base64(Content::Numbers(numbers)) } => Piece::Numbers(numbers.clone()),
        Payload::Base64 { base64: Base64(Content::Text(slice)) } if slice.is_plain() => Piece::Text(slice.clone()),
        _ => {
            *text += &serde_json::to_string(tensor)?;
            return Ok(());
        }
    };
    let (dtype, shape) = (serde_json::to_string(&tensor.dtype)?, serde_json::to_string(&tensor.shape)?);
    *text += &format!(r#"{{"dtype":{dtype},"shape":{shape}"#);
    if let Some(network) = &tensor.network {
        *text += &format!(r#","network":{}"#, serde_json::to_string(network)?);
    }
    *text += r#","base64":""#;
    pieces.extend([Piece::Text(std::mem::take(text).into()), base64]);
    *text += "\"}";
    Ok(())
}

/// The tensors in the text of the field, sharing that text; `None` if one of them does not have the usual form.
fn shared(field: &Slice) -> Option<BTreeMap<String, Tensor>> {
    field.members()?.into_iter().map(|(name, value)| Some((name.to_owned(), shared_tensor(&value)?))).collect()
}

fn shared_tensor(tensor: &Slice) -> Option<Tensor> {
    let mut members = tensor.members()?;
    members.sort_by_key(|(name, _)| *name);
    let (base64, dtype, network, shape) = match members.as_slice() {
        [("base64", base64), ("dtype", dtype), ("shape", shape)] => (base64, dtype, None, shape),
        [("base64", base64), ("dtype", dtype), ("network", network), ("shape", shape)] => {
            (base64, dtype, Some(network), shape)
        }
        _ => return None,
    };
    Some(Tensor {
        dtype: serde_json::from_str(dtype.as_str()).ok()?,
        shape: serde_json::from_str(shape.as_str()).ok()?,
        network: match network {
            Some(network) => serde_json::from_str(network.as_str()).ok()?,
            None => None,
        },
        payload: Payload::Base64 { base64: Base64(Content::Text(base64.unquoted()?)) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dtype, Matrix};

    fn matrix(rows: usize) -> Matrix {
        Matrix { rows, columns: 3, data: (0..rows * 3).map(|index| index as f32 / 7.0).collect() }
    }

    /// The field as serde parses it.
    fn reference(record: &Record) -> BTreeMap<String, Tensor> {
        record.get(NAME).unwrap().unwrap()
    }

    #[test]
    fn shared_tensors_are_those_that_serde_reads() {
        for features in [
            r#"{}"#,
            r#"{"fc7":{"dtype":"f32","shape":[1,1],"base64":"AACAPw=="},"pool5":{"base64":"ADw=","shape":[1],"dtype":"f16"}}"#,
            r#"{"fc7":{"dtype":"f32","shape":[1],"base64":"AAC\/Pw=="}}"#,
            r#"{"fc7":{"dtype":"f32","shape":[1],"values":[1.5]},"fc6":{"dtype":"f32","shape":[1],"file":"a","name":"b"}}"#,
            r#"{"fc7":{"dtype":"f32","shape":[1],"base64":"AACAPw==","more":1}}"#,
            r#"{"fc7":{"dtype":"f32","shape":[1],"network":"alexnet:0 \"x","base64":"AACAPw=="}}"#,
            r#"{"fc7":{"dtype":"f32","shape":[1],"network":null,"base64":"AACAPw=="}}"#,
            r#"{"fc\u0037":{ "dtype" : "f32", "shape" : [ 1 ] , "base64" : "AACAPw==" }}"#,
        ] {
            let record = Record::parse(&format!("{{\"features\":{features}}}")).unwrap();
            let found = record.features().unwrap().unwrap();
            assert_eq!(found, reference(&record), "{features}");
            assert!(
                found.values().all(|tensor| matches!(&tensor.payload, Payload::File { .. }) || tensor.matrix().is_ok())
            );
        }
    }

    #[test]
    fn features_of_another_form_are_named_in_the_error() {
        for features in ["7", r#"{"fc7":7}"#, r#"{"fc7":{"dtype":"f64","shape":[1],"base64":""}}"#] {
            let record = Record::parse(&format!("{{\"features\":{features}}}")).unwrap();
            assert!(format!("{:#}", record.features().unwrap_err()).starts_with("field \"features\": "));
        }
        assert_eq!(Record::parse("{\"features\":null}").unwrap().features().unwrap(), None);
    }

    #[test]
    fn a_written_line_is_the_one_that_serde_would_write() {
        let line = r#"{"id":"a","features":{"b":{"dtype":"f32","shape":[1],"base64":"AACAPw=="}},"z":1}"#;
        let mut record = Record::parse(line).unwrap();
        let mut features = record.features().unwrap().unwrap();
        features.insert("a\"".into(), Tensor::inline(matrix(5000), Dtype::F32));
        features.insert("c".into(), Tensor::inline(matrix(9000), Dtype::F16).computed_by("alexnet:0 \"x"));
        features.insert("d".into(), Tensor::values(&matrix(2)).unwrap());
        features.insert(
            "e".into(),
            Tensor { payload: Payload::Base64 { base64: String::from("\"\\").into() }, ..features["b"].clone() },
        );
        record.set_features(&features).unwrap();
        let mut written = Vec::new();
        crate::Writer::new(&mut written).write(&record).unwrap();
        let expected = format!(r#"{{"id":"a","features":{},"z":1}}"#, serde_json::to_string(&features).unwrap());
        assert!(String::from_utf8(written).unwrap() == expected.clone() + "\n");
        assert!(serde_json::to_string(&record).unwrap() == expected);
        assert!(record.has(NAME));
        assert_eq!(record.clone().features().unwrap().unwrap(), features);
    }
}
