//! Record streams in UTF-16, as written by `>` in Windows PowerShell.

use std::io::{self, BufRead};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE};

/// How much text is decoded at a time, in bytes.
const BLOCK: usize = 1 << 16;

/// Decodes a stream in UTF-8, or in UTF-16 with a byte order mark, to UTF-8.
pub(crate) struct Decoded<R> {
    input: R,
    form: Form,
}

enum Form {
    Unknown,
    Utf8,
    /// The decoder is `None` at the end of the stream.
    Utf16 {
        decoder: Option<Box<Decoder>>,
        text: Vec<u8>,
        at: usize,
    },
}

impl<R: BufRead> Decoded<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, form: Form::Unknown }
    }

    /// Like [`BufRead::fill_buf`].
    pub(crate) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if matches!(self.form, Form::Unknown) {
            // Neither byte occurs in UTF-8, so the first is enough if the second has not arrived yet.
            let encoding = match self.input.fill_buf()? {
                [0xFF] | [0xFF, 0xFE, ..] => Some(UTF_16LE),
                [0xFE] | [0xFE, 0xFF, ..] => Some(UTF_16BE),
                _ => None,
            };
            self.form = encoding.map_or(Form::Utf8, |encoding| Form::Utf16 {
                decoder: Some(Box::new(encoding.new_decoder_with_bom_removal())),
                text: Vec::new(),
                at: 0,
            });
        }
        let Form::Utf16 { decoder, text, at } = &mut self.form else { return self.input.fill_buf() };
        while *at == text.len()
            && let Some(running) = decoder
        {
            let bytes = self.input.fill_buf()?;
            let is_end = bytes.is_empty();
            text.resize(BLOCK, 0);
            let (result, read, written) = running.decode_to_utf8_without_replacement(bytes, text, is_end);
            self.input.consume(read);
            text.truncate(written);
            *at = 0;
            match result {
                // Not a byte of UTF-8, so that this line fails, but no other.
                DecoderResult::Malformed(..) => text.push(0xFF),
                DecoderResult::InputEmpty if is_end => *decoder = None,
                _ => {}
            }
        }
        Ok(&text[*at..])
    }

    /// Like [`BufRead::consume`].
    pub(crate) fn consume(&mut self, count: usize) {
        match &mut self.form {
            Form::Utf16 { at, .. } => *at += count,
            _ => self.input.consume(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Reader;

    #[test]
    fn only_the_line_that_is_not_utf16_fails_and_the_stream_ends_once() {
        let mut units: Vec<u16> = "\u{feff}{\"id\":\"a\"}\n{\"id\":\"x\"}\n{\"id\":\"b\"}\n".encode_utf16().collect();
        let lone = units.iter().position(|unit| *unit == u16::from(b'x')).unwrap();
        units[lone] = 0xD800;
        let mut bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        // Half of the last unit.
        bytes.push(b'{');
        let mut reader = Reader::new(bytes.as_slice(), "<stdin>", "dl-test");
        let broken: Vec<bool> = reader.by_ref().map(|line| line.unwrap().broken).collect();
        assert_eq!(broken, [false, true, false, true]);
        assert!(reader.next().is_none() && reader.next().is_none());
    }

    #[test]
    fn a_stream_that_begins_like_a_byte_order_mark_is_not_decoded() {
        let lines: Vec<_> = Reader::new(&b"\xff\xd8\n{\"id\":\"a\"}\n"[..], "<stdin>", "dl-test").collect();
        assert!(lines[0].as_ref().unwrap().broken && !lines[1].as_ref().unwrap().broken);
    }
}
