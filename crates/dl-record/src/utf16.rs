//! Streams of records in UTF-16, as `>` of Windows PowerShell writes them.

use std::io::{self, BufRead};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE};

/// How much text is made at a time, in bytes.
const BLOCK: usize = 1 << 16;

/// A stream in UTF-8, or in UTF-16 with a byte order mark, as UTF-8.
pub(crate) struct Decoded<R> {
    input: R,
    form: Form,
}

enum Form {
    Unknown,
    Utf8,
    Utf16 { decoder: Box<Decoder>, text: Vec<u8>, at: usize },
}

impl<R: BufRead> Decoded<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, form: Form::Unknown }
    }

    /// As [`BufRead::fill_buf`].
    pub(crate) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if matches!(self.form, Form::Unknown) {
            // Neither byte is ever one of UTF-8.
            let encoding = match self.input.fill_buf()?.first() {
                Some(0xFF) => Some(UTF_16LE),
                Some(0xFE) => Some(UTF_16BE),
                _ => None,
            };
            self.form = encoding.map_or(Form::Utf8, |encoding| Form::Utf16 {
                decoder: Box::new(encoding.new_decoder_with_bom_removal()),
                text: Vec::new(),
                at: 0,
            });
        }
        let Form::Utf16 { decoder, text, at } = &mut self.form else { return self.input.fill_buf() };
        while *at == text.len() {
            let bytes = self.input.fill_buf()?;
            let is_end = bytes.is_empty();
            text.resize(BLOCK, 0);
            let (result, read, written) = decoder.decode_to_utf8_without_replacement(bytes, text, is_end);
            self.input.consume(read);
            text.truncate(written);
            *at = 0;
            match result {
                DecoderResult::Malformed(..) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "not UTF-16 throughout; save it as UTF-8"));
                }
                DecoderResult::InputEmpty if is_end => break,
                _ => {}
            }
        }
        Ok(&text[*at..])
    }

    /// As [`BufRead::consume`].
    pub(crate) fn consume(&mut self, count: usize) {
        match &mut self.form {
            Form::Utf16 { at, .. } => *at += count,
            _ => self.input.consume(count),
        }
    }
}
