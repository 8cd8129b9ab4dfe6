//! COCO's files, read into what the evaluation needs and nothing else.
//!
//! A results file is mostly numbers, some hundred bytes a detection, and reading it is most of the work of an evaluation.
//! So its list is cut where records seem to begin, and the pieces are parsed on all threads. A cut may be wrong (within a
//! list of objects, or a text): then some piece does not end where it should, and the whole is parsed in order, which is
//! also what says where a broken file is broken.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use rayon::prelude::*;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A COCO file, as far as it is read; without images it may be one of results.
#[derive(Deserialize)]
pub(super) struct CocoFile<'a> {
    #[serde(default)]
    pub(super) images: Vec<Image>,
    #[serde(default)]
    pub(super) categories: Vec<Category>,
    #[serde(borrow, default)]
    pub(super) annotations: Vec<Annotation<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Image {
    pub(super) id: Number,
    #[serde(default)]
    pub(super) height: u32,
    #[serde(default)]
    pub(super) width: u32,
}

#[derive(Deserialize)]
pub(super) struct Category {
    pub(super) id: Number,
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// A true object or a result.
#[derive(Deserialize)]
pub(super) struct Annotation<'a> {
    #[serde(default)]
    pub(super) id: Number,
    pub(super) image_id: Number,
    pub(super) category_id: Number,
    pub(super) bbox: Option<[f64; 4]>,
    pub(super) area: Option<f64>,
    #[serde(default)]
    pub(super) iscrowd: Number,
    pub(super) score: Option<f64>,
    #[serde(borrow)]
    pub(super) segmentation: Option<&'a RawValue>,
}

/// An id or a flag: a whole number, also written 7.0 as some programs do, or true and false.
#[derive(Clone, Copy, Default)]
pub(super) struct Number(pub(super) u64);

/// Hands each result of a file to `take`, on any thread, and returns what it makes of them in the file's order.
/// # Errors
/// When the file is neither a list of results nor a COCO file.
pub(super) fn results<T: Send>(text: &[u8], take: impl Fn(Annotation) -> T + Sync) -> Result<Vec<T>> {
    let start = skip_blanks(text, 0);
    if text.get(start) == Some(&b'{') {
        let file: CocoFile = serde_json::from_slice(text)?;
        return Ok(file.annotations.into_iter().map(take).collect());
    }
    if let Some(inner) = list(text) {
        let pieces = pieces(inner, PIECE);
        let last = pieces.len() - 1;
        let parsed: Option<Vec<Vec<T>>> =
            pieces.into_par_iter().enumerate().map(|(index, piece)| parse_piece(piece, index == last, &take)).collect();
        if let Some(parsed) = parsed {
            return Ok(parsed.into_iter().flatten().collect());
        }
    }
    let annotations: Vec<Annotation> = serde_json::from_slice(text)?;
    Ok(annotations.into_iter().map(take).collect())
}

/// Reads a file with the path in its errors.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

/// The categories' names by id; a category without a name is called by its number.
pub(super) fn names(categories: Vec<Category>) -> HashMap<u64, String> {
    let name = |category: Category| (category.id.0, category.name.unwrap_or_else(|| nameless(category.id.0)));
    categories.into_iter().map(name).collect()
}

pub(super) fn nameless(id: u64) -> String {
    format!("cat_{id}")
}

/// Bytes of a piece: enough to be worth a task, few enough to share the work.
const PIECE: usize = 1 << 18;

/// What stands between the brackets of a list.
fn list(text: &[u8]) -> Option<&[u8]> {
    text.trim_ascii().strip_prefix(b"[")?.strip_suffix(b"]")
}

/// Cuts after commas between what look like records.
fn pieces(mut text: &[u8], size: usize) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while text.len() > size {
        let commas = memchr::memchr_iter(b'{', &text[size..]).map(|brace| size + brace);
        let Some(cut) = commas.into_iter().find(|brace| is_record_start(&text[..*brace])) else { break };
        pieces.push(&text[..cut]);
        text = &text[cut..];
    }
    pieces.push(text);
    pieces
}

/// Does `before` end with `},`?
fn is_record_start(before: &[u8]) -> bool {
    before.trim_ascii_end().strip_suffix(b",").is_some_and(|before| before.trim_ascii_end().ends_with(b"}"))
}

/// The records of a piece, each with a comma after it but the last of all; `None` when it is not that.
fn parse_piece<T>(piece: &[u8], last: bool, take: impl Fn(Annotation) -> T) -> Option<Vec<T>> {
    let mut taken = Vec::new();
    let mut at = skip_blanks(piece, 0);
    while at < piece.len() {
        let mut records = serde_json::Deserializer::from_slice(&piece[at..]).into_iter::<Annotation>();
        taken.push(take(records.next()?.ok()?));
        at = skip_blanks(piece, at + records.byte_offset());
        if last && at == piece.len() {
            return Some(taken);
        }
        (*piece.get(at)? == b',').then_some(())?;
        at = skip_blanks(piece, at + 1);
    }
    (!last || taken.is_empty()).then_some(taken)
}

fn skip_blanks(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;

        impl Visitor<'_> for Whole {
            type Value = Number;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("a whole number from 0 on")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Number, E> {
                Ok(Number(value.into()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
                u64::try_from(value).map(Number).map_err(|_| E::custom(format!("{value} is below 0")))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
                let whole = value as u64;
                let is_whole = whole as f64 == value && whole < 1 << 53;
                is_whole
                    .then_some(Number(whole))
                    .ok_or_else(|| E::custom(format!("{value} is no whole number from 0 on")))
            }
        }

        deserializer.deserialize_any(Whole)
    }
}

/// Parses a truth file.
/// # Errors
/// When it is not COCO's.
pub(super) fn truth(text: &[u8]) -> Result<CocoFile<'_>> {
    serde_json::from_slice(text).map_err(|error| anyhow!(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(text: &str) -> Result<Vec<Option<f64>>> {
        results(text.as_bytes(), |result| result.score)
    }

    #[test]
    fn pieces_hold_the_records_in_their_order() {
        let record = |index: usize| {
            format!(r#"{{"image_id":1,"category_id":2.0,"score":{index},"x":[{{}} , {{"y":"}}, {{"}}]}}"#)
        };
        for (count, blanks) in [(0, ""), (1, " "), (9000, "\n "), (9000, "")] {
            let records: Vec<String> = (0..count).map(record).collect();
            let text = format!("{blanks}[{blanks}{}{blanks}]{blanks}", records.join(&format!("{blanks},{blanks}")));
            let expected: Vec<_> = (0..count).map(|index| Some(index as f64)).collect();
            assert_eq!(scores(&text).unwrap(), expected);
        }
        let plain = |index: usize| format!(r#"{{"image_id":1,"category_id":2,"score":{index}}}"#);
        let text = (0..100).map(plain).collect::<Vec<_>>().join(", ");
        let pieces = pieces(text.as_bytes(), 300);
        let (last, others) = pieces.split_last().unwrap();
        assert!(others.len() > 10 && others.iter().all(|piece| parse_piece(piece, false, |_| ()).is_some()));
        assert!(parse_piece(last, true, |_| ()).is_some() && parse_piece(last, false, |_| ()).is_none());
    }

    #[test]
    fn what_is_broken_is_said_with_its_place() {
        for (text, expected) in [
            ("[{\"image_id\":1}]", "missing field `category_id` at line 1"),
            ("[{\"image_id\":1,\"category_id\":2},]", "at line 1"),
            ("[{\"image_id\":-1,\"category_id\":2}]", "-1 is below 0"),
            ("[{\"image_id\":1.5,\"category_id\":2}]", "1.5 is no whole number"),
            ("[{\"image_id\":1,\"category_id\":2}\n{\"image_id\":1,\"category_id\":2}]", "line 2"),
            ("", "EOF"),
        ] {
            let error = format!("{:#}", scores(text).unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
