//! The field `labels`: the class of a sample in each of several tasks.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::Record;

const NAME: &str = "labels";

impl Record {
    /// The class of each task, by the task's name. Numbers and booleans are read as text; a task whose class is null is
    /// left out: the class is unknown.
    ///
    /// `None` if the field is absent.
    /// # Errors
    /// When the field is not an object, or a class is a list or an object.
    pub fn labels(&self) -> Result<Option<BTreeMap<String, String>>> {
        let Some(labels) = self.get::<BTreeMap<String, Value>>(NAME)? else { return Ok(None) };
        let mut known = BTreeMap::new();
        for (task, label) in labels {
            let label = match label {
                Value::Null => continue,
                Value::String(label) => label,
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                Value::Array(_) | Value::Object(_) => {
                    bail!("field \"{NAME}\": the class of the task \"{task}\" is not a text")
                }
            };
            known.insert(task, label);
        }
        Ok(Some(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_texts_and_null_is_unknown() {
        let read = |text: &str| Record::parse(text).unwrap().labels();
        assert_eq!(read("{}").unwrap(), None);
        let labels = read(r#"{"labels":{"color":"red","count":3,"round":true,"size":null}}"#).unwrap().unwrap();
        let labels: Vec<(&str, &str)> = labels.iter().map(|(task, label)| (task.as_str(), label.as_str())).collect();
        assert_eq!(labels, [("color", "red"), ("count", "3"), ("round", "true")]);
        assert!(read(r#"{"labels":{"color":["red"]}}"#).unwrap_err().to_string().contains("\"color\""));
        assert!(read(r#"{"labels":"red"}"#).is_err());
    }
}
