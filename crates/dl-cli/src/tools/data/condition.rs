//! `--where`: conditions on the fields of a record.

use std::cmp::Ordering;
use std::str::FromStr;

use anyhow::{Error, Result, ensure};
use dl_record::Record;
use serde_json::Value;

/// A condition, for example `width>=640`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    /// The field, and the names or indices inside it.
    path: Vec<String>,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Exists,
    Missing,
    Compares(Operator, String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// The longer ones first, of which the others are parts.
const OPERATORS: [(&str, Operator); 7] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl FromStr for Condition {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = OPERATORS
            .iter()
            .enumerate()
            .filter_map(|(order, (name, operator))| Some((text.find(name)?, order, name, *operator)))
            .min_by_key(|(at, order, ..)| (*at, *order));
        let (path, test) = match found {
            Some((at, _, name, operator)) => {
                (&text[..at], Test::Compares(operator, text[at + name.len()..].trim().to_owned()))
            }
            None => match text.strip_prefix('!') {
                Some(path) => (path, Test::Missing),
                None => (text, Test::Exists),
            },
        };
        let path: Vec<String> = path.trim().split('.').map(str::to_owned).collect();
        ensure!(
            path.iter().all(|name| !name.is_empty()),
            "expected FIELD, !FIELD or FIELD OPERATOR VALUE, such as width>=640; operators are = != < <= > >="
        );
        Ok(Self { path, test })
    }
}

impl Condition {
    /// Whether it holds for a record. A missing field equals nothing, and is neither less nor greater.
    pub(super) fn holds(&self, record: &Record) -> Result<bool> {
        let field: Option<Value> = record.get(&self.path[0])?;
        let value = field.as_ref().and_then(|field| {
            self.path[1..].iter().try_fold(field, |value, name| match value {
                Value::Array(items) => items.get(name.parse::<usize>().ok()?),
                _ => value.get(name),
            })
        });
        let value = value.filter(|value| !value.is_null());
        Ok(match &self.test {
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::Compares(operator, stated) => {
                let order = value.and_then(|value| compare(value, stated));
                match operator {
                    Operator::Equal => order == Some(Ordering::Equal),
                    Operator::NotEqual => order != Some(Ordering::Equal),
                    Operator::Less => order == Some(Ordering::Less),
                    Operator::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                    Operator::Greater => order == Some(Ordering::Greater),
                    Operator::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                }
            }
        })
    }
}

/// Numbers are compared as numbers, and all else as text.
fn compare(value: &Value, stated: &str) -> Option<Ordering> {
    match (value, stated.parse::<f64>()) {
        (Value::Number(number), Ok(stated)) => number.as_f64()?.partial_cmp(&stated),
        (Value::String(text), _) => Some(text.as_str().cmp(stated)),
        (Value::Bool(flag), _) => Some(flag.to_string().as_str().cmp(stated)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_numbers_texts_and_what_is_inside_a_field() {
        let record = Record::parse(
            r#"{"id":"a","width":640,"label":"cat","predictions":[{"label":"dog","score":0.25}],"gray":true,"text":null}"#,
        )
        .unwrap();
        let holds = |text: &str| text.parse::<Condition>().unwrap().holds(&record).unwrap();
        for yes in [
            "width>=640",
            "width=640.0",
            "width < 1000",
            "label=cat",
            "label!=dog",
            "predictions.0.score<=0.25",
            "gray=true",
            "!text",
            "!height",
            "label",
            "predictions.0.label==dog",
            "height!=3",
        ] {
            assert!(holds(yes), "{yes}");
        }
        for no in
            ["width>640", "label=Cat", "height", "text", "!label", "predictions.1.score>0", "height=3", "label>=dog"]
        {
            assert!(!holds(no), "{no}");
        }
        for bad in ["", "=3", "a..b=1", "!", "!=3"] {
            assert!(bad.parse::<Condition>().is_err(), "{bad}");
        }
    }
}
