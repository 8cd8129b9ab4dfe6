//! Files of classes and their attributes.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_record::file::open_named;
use dl_transfer::Mat;
use dl_transfer::attributes::Signatures;
use serde_json::{Map, Value};

/// Longest file.
const MOST_BYTES: u64 = 64 << 20;

/// Reads classes and their attributes: CSV with the names of the attributes in its first line and in each other line a
/// class and its values; or JSON, {class: {attribute: value}}. Values are numbers, or yes and no, true and false.
/// # Errors
/// When the file cannot be read, a value is missing or not a number, or two classes have the same attributes.
pub(crate) fn read_signatures(path: &Path) -> Result<Signatures> {
    read(path).with_context(|| path.display().to_string())
}

fn read(path: &Path) -> Result<Signatures> {
    let file = open_named(path)?;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(file, MOST_BYTES + 1), &mut text)
        .context("is not a text of UTF-8")?;
    ensure!(text.len() as u64 <= MOST_BYTES, "is larger than {} MB", MOST_BYTES >> 20);
    let text = text.trim_start_matches('\u{feff}');
    let (classes, attributes, values) = if text.trim_start().starts_with('{') { of_json(text)? } else { of_csv(text)? };
    ensure!(!classes.is_empty(), "has no classes");
    let matrix = Mat::from_fn(classes.len(), attributes.len(), |row, column| values[row][column]);
    Signatures::new(classes, attributes, matrix)
}

type Table = (Vec<String>, Vec<String>, Vec<Vec<f64>>);

fn of_csv(text: &str) -> Result<Table> {
    let first = text.lines().next().unwrap_or_default();
    let count = |separator: char| first.matches(separator).count();
    let separator = *[',', ';', '\t'].iter().max_by_key(|separator| count(**separator)).unwrap_or(&',');
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator as u8).trim(csv::Trim::All).from_reader(text.as_bytes());
    let attributes: Vec<String> = reader.headers()?.iter().skip(1).map(str::to_owned).collect();
    ensure!(!attributes.is_empty(), "its first line names no attribute; expected class,ATTRIBUTE,..");
    let (mut classes, mut values) = (Vec::new(), Vec::new());
    for (index, row) in reader.records().enumerate() {
        let place = || format!("line {}", index + 2);
        let row = row.with_context(place)?;
        let numbers = row.iter().skip(1).zip(&attributes);
        values.push(numbers.map(|(text, name)| number(text, name)).collect::<Result<Vec<_>>>().with_context(place)?);
        classes.push(row.get(0).unwrap_or_default().to_owned());
    }
    Ok((classes, attributes, values))
}

fn of_json(text: &str) -> Result<Table> {
    let all: Map<String, Value> =
        serde_json::from_str(text).context("is not JSON of the form {class: {attribute: value}}")?;
    let mut attributes: Vec<String> = Vec::new();
    for (class, own) in &all {
        let Value::Object(own) = own else {
            bail!("class \"{class}\" has no attributes; expected {{attribute: value}}")
        };
        attributes.extend(own.keys().filter(|name| !attributes.contains(name)).cloned().collect::<Vec<_>>());
    }
    let mut values = Vec::new();
    for (class, own) in &all {
        let value = |name: &String| match own.get(name) {
            Some(Value::Number(number)) => number.as_f64().with_context(|| format!("attribute \"{name}\"")),
            Some(Value::Bool(flag)) => Ok(f64::from(u8::from(*flag))),
            Some(Value::String(text)) => number(text, name),
            _ => bail!("attribute \"{name}\" is missing"),
        };
        values.push(
            attributes.iter().map(value).collect::<Result<Vec<_>>>().with_context(|| format!("class \"{class}\""))?,
        );
    }
    Ok((all.keys().cloned().collect(), attributes, values))
}

fn number(text: &str, attribute: &str) -> Result<f64> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(1.0),
        "no" | "false" => Ok(0.0),
        "" => bail!("attribute \"{attribute}\" is missing"),
        text => text
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .with_context(|| format!("attribute \"{attribute}\": expected a number, yes or no, not \"{text}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Signatures> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("classes");
        std::fs::write(&path, text).unwrap();
        read_signatures(&path)
    }

    #[test]
    fn csv_and_json_are_read_alike_and_gaps_are_named() {
        let csv = read_text("class,round,red\nstop, 0 ,yes\nyield,1,no\n").unwrap();
        let json = read_text(r#"{"stop":{"round":0,"red":true},"yield":{"red":0,"round":"1"}}"#).unwrap();
        assert_eq!(csv, json);
        assert_eq!(read_text("class;round;red\r\nstop;0;1\r\nyield;1;0").unwrap(), csv);
        let wrong = |text: &str| format!("{:#}", read_text(text).unwrap_err());
        assert!(wrong("class,round\nstop,\n").contains("line 2: attribute \"round\" is missing"));
        assert!(wrong("class,round\nstop,big\n").contains("not \"big\""));
        assert!(wrong("class,round\na,1\nb,1\n").contains("have the same attributes"));
        assert!(wrong(r#"{"a":{"x":1},"b":{"y":1}}"#).contains("class \"a\": attribute \"y\" is missing"));
        assert!(wrong("class\na\n").contains("names no attribute"));
        assert!(wrong("{").contains("is not JSON"));
    }
}
