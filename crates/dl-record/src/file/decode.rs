//! Decodes text files.
//!
//! One decoder for lists of names, annotation files, configs and XML: Notepad writes byte order marks, PowerShell
//! UTF-16, and older annotation programs declare other encodings in their XML. A file that cannot be decoded completely
//! is an error.

use anyhow::{Context, Result, anyhow, bail};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How many bytes at the start of a file may hold an XML declaration.
const DECLARATION: usize = 256;

/// Labels that mean ASCII.
const ASCII: [&str; 3] = ["us-ascii", "ascii", "ansi_x3.4-1968"];

/// Decodes UTF-8, with or without a byte order mark, or UTF-16. Line ends become `\n`.
/// # Errors
/// When the bytes are neither.
pub fn decode(bytes: Vec<u8>) -> Result<String> {
    let text = as_text(bytes, UTF_8)?;
    Ok(if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text })
}

/// Decodes an XML file in the encoding given by its byte order mark or its declaration. Line ends are kept, since XML has
/// its own rule for them.
/// # Errors
/// When the declared encoding is unknown, or the bytes are invalid in it.
pub fn decode_xml(bytes: Vec<u8>) -> Result<String> {
    let encoding = match declared(&bytes) {
        Some(label) => {
            let known = Encoding::for_label(label.as_bytes());
            let known =
                known.ok_or_else(|| anyhow!("the declared encoding \"{}\" is unknown", crate::shown(&label)))?;
            // A declaration that can be read byte by byte is not UTF-16, whatever it claims: .NET writes such files.
            // ASCII is a subset of UTF-8; the label would otherwise mean windows-1252, as on the web.
            let is_ascii = ASCII.iter().any(|name| label.trim().eq_ignore_ascii_case(name));
            if is_ascii || [UTF_16LE, UTF_16BE].contains(&known) { UTF_8 } else { known }
        }
        None => UTF_8,
    };
    as_text(bytes, encoding)
}

/// Splits a list into lines, see [`read_list`](super::read_list).
pub fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Decodes by the byte order mark, else as UTF-16 if the bytes look like it, else as `encoding`.
fn as_text(mut bytes: Vec<u8>, encoding: &'static Encoding) -> Result<String> {
    let (encoding, mark) = match Encoding::for_bom(&bytes) {
        Some(_) if bytes.starts_with(&[0xFF, 0xFE, 0, 0]) => bail!("is UTF-32; save it as UTF-8"),
        Some(found) => found,
        None if bytes.starts_with(&[0, 0, 0xFE, 0xFF]) => bail!("is UTF-32; save it as UTF-8"),
        None => (utf16_without_mark(&bytes).unwrap_or(encoding), 0),
    };
    if encoding == UTF_8 {
        bytes.drain(..mark);
        return String::from_utf8(bytes).map_err(|error| {
            if error.as_bytes().contains(&0) {
                return anyhow!("is not text");
            }
            let at = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
            anyhow!("line {line} is not UTF-8 (byte {}); save the file as UTF-8", mark + at)
        });
    }
    let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..]);
    let text = text.with_context(|| format!("is not {} throughout; save the file as UTF-8", encoding.name()))?;
    Ok(text.into_owned())
}

/// Latin text in UTF-16 has a zero in every other byte; text in UTF-8 has no zeros.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    if bytes.len() % 2 == 1 || !bytes.contains(&0) {
        return None;
    }
    let zeros = |first: usize| bytes.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    // Most units are letters of ASCII; a stray zero in UTF-8 is none of them.
    let most = bytes.len().div_ceil(4);
    match (zeros(0), zeros(1)) {
        (0, high) if high >= most => Some(UTF_16LE),
        (high, 0) if high >= most => Some(UTF_16BE),
        _ => None,
    }
}

/// The encoding that an XML declaration names, when the file is such that it can be read without knowing it.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(DECLARATION)];
    let head = String::from_utf8_lossy(head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head)).into_owned();
    let declaration = head.trim_start().strip_prefix("<?xml")?.split_once("?>")?.0;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    Some(value[1..].split_once(quote)?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, mark: bool, big: bool) -> Vec<u8> {
        let units = mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn every_form_of_unicode_gives_the_same_text() {
        let text = "cat\nüber 猫\n";
        assert_eq!(decode(text.into()).unwrap(), text);
        assert_eq!(decode(format!("\u{feff}{text}").into()).unwrap(), text);
        assert_eq!(decode(text.replace('\n', "\r\n").into()).unwrap(), text);
        assert_eq!(decode(text.replace('\n', "\r").into()).unwrap(), text);
        for (mark, big) in [(true, true), (true, false), (false, true), (false, false)] {
            // Without a mark it is a guess, so the text must be Latin.
            let text = if mark { text } else { "cat\ndog\n" };
            assert_eq!(decode(utf16(text, mark, big)).unwrap(), text, "mark {mark}, big endian {big}");
        }
    }

    #[test]
    fn a_stray_zero_does_not_make_utf16() {
        assert_eq!(decode(b"cat\0dog\n".to_vec()).unwrap(), "cat\0dog\n");
    }

    #[test]
    fn bytes_that_are_not_text_are_reported_with_their_line() {
        let error = decode(b"cat\nd\xfcrre\n".to_vec()).unwrap_err().to_string();
        assert_eq!(error, "line 2 is not UTF-8 (byte 5); save the file as UTF-8");
        assert!(decode(vec![0xFF, 0xFE, b'a']).is_err());
        assert_eq!(decode(b"\xff\xd8\xff\0\x10".to_vec()).unwrap_err().to_string(), "is not text");
        assert!(decode(vec![0xFF, 0xFE, 0, 0, b'a', 0, 0, 0]).unwrap_err().to_string().contains("UTF-32"));
        assert_eq!(decode(Vec::new()).unwrap(), "");
    }

    #[test]
    fn xml_is_read_in_the_encoding_that_it_declares() {
        let document = |label: &str| format!("<?xml version=\"1.0\" encoding='{label}' ?><a>");
        let with = |label: &str, bytes: &[u8]| decode_xml([document(label).as_bytes(), bytes].concat());
        assert!(with("GB2312", &[0xC3, 0xA8]).unwrap().ends_with("猫"));
        assert!(with("ISO-8859-1", b"caf\xe9").unwrap().ends_with("café"));
        assert!(with("windows-1251", &[0xEA]).unwrap().ends_with('к'));
        assert!(with("utf-16", "ü".as_bytes()).unwrap().ends_with('ü'));
        assert!(with("utf-8", &[0xE9]).is_err());
        for label in ["us-ascii", "ASCII", "ANSI_X3.4-1968"] {
            assert!(with(label, "café".as_bytes()).unwrap().ends_with("café"));
        }
        assert!(with("klingon\u{1b}", b"").unwrap_err().to_string().contains("\"klingon\\u{1b}\" is unknown"));
        assert_eq!(decode_xml(utf16("<?xml version='1.0' encoding='utf-16'?><a>", true, false)).unwrap().len(), 43 - 1);
    }

    #[test]
    fn blank_lines_count_in_a_list_except_at_its_end() {
        assert_eq!(lines(" cat \n\ndog\n\n \n"), ["cat", "", "dog"]);
        assert!(lines("\n").is_empty());
    }
}
