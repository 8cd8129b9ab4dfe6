//! Reading of COCO files, as far as the evaluation needs them.
//!
//! A results file is mostly numbers, about a hundred bytes per detection, and reading it is most of the work of an
//! evaluation. So the list is cut where entries seem to begin, and the pieces are parsed on all threads. A cut may be wrong
//! (inside a nested list or a string): then some piece does not end properly, and the whole file is parsed in order, which
//! also locates the error in a broken file.

use anyhow::Result;
use dl_vision::formats::coco::fields::{Annotation, Entry, Image, one_by_one};
use dl_vision::formats::coco::{self, Document, Json};
use rayon::prelude::*;
use serde_json::value::RawValue;

/// A truth file.
pub(super) type Truth<'a> = Document<Entry<Image>, Entry<Annotation<'a>>>;

/// Parses a truth file.
/// # Errors
/// When it is not a COCO file.
pub(super) fn truth(json: &Json) -> Result<Truth<'_>> {
    json.parse().or_else(|error| {
        // If only some entries are broken, only these are lost.
        let Ok(raw) = json.parse::<Document<&RawValue, &RawValue>>() else { return Err(error) };
        let Document { images, annotations, categories, rest } = raw;
        Ok(Document { images: images.map(one_by_one), annotations: one_by_one(annotations), categories, rest })
    })
}

/// Calls `take` with each result of a file, on any thread, and returns its values in the order of the file.
/// # Errors
/// When the file is neither a list of results nor a COCO file.
pub(super) fn results<T: Send>(json: &Json, take: impl Fn(Entry<Annotation>) -> T + Sync) -> Result<Vec<T>> {
    if let Some(inner) = list(json.text()) {
        let pieces = pieces(inner, PIECE);
        let last = pieces.len() - 1;
        let parsed: Option<Vec<Vec<T>>> =
            pieces.into_par_iter().enumerate().map(|(index, piece)| parse_piece(piece, index == last, &take)).collect();
        if let Some(parsed) = parsed {
            return Ok(parsed.into_iter().flatten().collect());
        }
    }
    let entries = coco::results(json)?;
    Ok(entries.into_iter().map(take).collect())
}

/// Bytes per piece: large enough for a task, small enough to balance the work.
const PIECE: usize = 1 << 18;

/// The text between the brackets of a list.
fn list(text: &str) -> Option<&str> {
    text.trim_ascii().strip_prefix('[')?.strip_suffix(']')
}

/// Cuts after commas between what look like entries.
fn pieces(mut text: &str, size: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    while text.len() > size {
        let bytes = text.as_bytes();
        let commas = memchr::memchr_iter(b'{', &bytes[size..]).map(|brace| size + brace);
        let Some(cut) = commas.into_iter().find(|brace| is_entry_start(&bytes[..*brace])) else { break };
        pieces.push(&text[..cut]);
        text = &text[cut..];
    }
    pieces.push(text);
    pieces
}

/// Does `before` end with `},`?
fn is_entry_start(before: &[u8]) -> bool {
    before.trim_ascii_end().strip_suffix(b",").is_some_and(|before| before.trim_ascii_end().ends_with(b"}"))
}

/// The entries of a piece, each followed by a comma except the last of all; `None` when it is anything else.
fn parse_piece<T>(piece: &str, last: bool, take: impl Fn(Entry<Annotation>) -> T) -> Option<Vec<T>> {
    let mut taken = Vec::new();
    let mut at = skip_whitespace(piece, 0);
    while at < piece.len() {
        let mut records = serde_json::Deserializer::from_str(&piece[at..]).into_iter::<Entry<Annotation>>();
        taken.push(take(records.next()?.ok()?));
        at = skip_whitespace(piece, at + records.byte_offset());
        if last && at == piece.len() {
            return Some(taken);
        }
        (*piece.as_bytes().get(at)? == b',').then_some(())?;
        at = skip_whitespace(piece, at + 1);
    }
    (!last || taken.is_empty()).then_some(taken)
}

fn skip_whitespace(text: &str, at: usize) -> usize {
    at + text.as_bytes()[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(text: &str) -> Result<Vec<Option<f64>>> {
        results(&Json::from(text.to_owned()), |result| result.good().ok()?.score.good())
    }

    #[test]
    fn pieces_keep_the_order_of_the_results() {
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
        let pieces = pieces(&text, 300);
        let (last, others) = pieces.split_last().unwrap();
        assert!(others.len() > 10 && others.iter().all(|piece| parse_piece(piece, false, |_| ()).is_some()));
        assert!(parse_piece(last, true, |_| ()).is_some() && parse_piece(last, false, |_| ()).is_none());
    }

    #[test]
    fn a_result_that_cannot_be_read_is_lost_alone() {
        let text = r#"[{"score": 1}, {"score": NaN}, null, {"score": 1e999}, {"score": 2, "score": 3}, {"score": 4}]"#;
        assert_eq!(scores(text).unwrap(), [Some(1.0), None, None, None, None, Some(4.0)]);
        let file = r#"{"images": [], "annotations": [{"score": 1}]}"#;
        assert_eq!(scores(file).unwrap(), [Some(1.0)]);
    }

    #[test]
    fn errors_name_the_place() {
        for (text, expected) in [
            ("[{\"image_id\":1},]", "at line 1"),
            ("[{\"image_id\":1}\n{\"image_id\":1}]", "line 2"),
            ("", "EOF"),
            ("7", "expected a list of results"),
        ] {
            let error = format!("{:#}", scores(text).unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
