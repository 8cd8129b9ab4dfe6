//! Base64 encoding and decoding of numbers, a block at a time.
//!
//! A block and its text stay in the processor's cache, so the numbers are read or written once, without a buffer of
//! their full size in between.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64_simd::{Out, STANDARD as FAST};

use crate::Dtype;

/// Characters per block: whole groups of 4, and the size of a program's output buffer.
const TEXT: usize = 1 << 16;

/// Bytes per block: whole groups of 3, and whole numbers.
const BYTES: usize = TEXT / 4 * 3;

/// Numbers that are written as base64; shared, since a record may be cloned.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    pub(crate) dtype: Dtype,
    pub(crate) data: Arc<Vec<f32>>,
}

impl Numbers {
    pub(crate) fn write_base64(&self, output: &mut impl Write) -> io::Result<()> {
        let mut bytes = vec![0; BYTES.min(self.data.len() * self.dtype.size())];
        // Rows are short, and clearing a whole block would take longer than encoding them.
        let mut text = vec![0; FAST.encoded_length(bytes.len())];
        for block in self.data.chunks(BYTES / self.dtype.size()) {
            let bytes = &mut bytes[..block.len() * self.dtype.size()];
            self.dtype.fill(block, bytes);
            output.write_all(FAST.encode(bytes, Out::from_slice(&mut text)))?;
        }
        Ok(())
    }
}

/// Decodes numbers from base64.
/// # Errors
/// When it is not base64, or its length is not a multiple of the size of `dtype`.
pub(crate) fn parse_base64(text: &str, dtype: Dtype) -> Result<Vec<f32>> {
    if let Some(numbers) = parse_blocks(text.as_bytes(), dtype) {
        return Ok(numbers);
    }
    // The fast decoder does not report what is wrong and where.
    let bytes = STANDARD.decode(text).context("tensor: broken base64")?;
    if !bytes.len().is_multiple_of(dtype.size()) {
        bail!("tensor: {} bytes are not a whole number of {dtype:?}", bytes.len());
    }
    Ok(dtype.parse(&bytes))
}

fn parse_blocks(text: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
    let mut numbers = Vec::with_capacity(text.len() / 4 * 3 / dtype.size());
    let mut buffer = vec![0; BYTES.min(text.len())];
    let mut rest = text;
    while !rest.is_empty() {
        let (block, after) = rest.split_at(rest.len().min(TEXT));
        let bytes = FAST.decode(block, Out::from_slice(&mut buffer)).ok()?;
        // Padding is allowed only at the very end.
        let is_whole = if after.is_empty() { bytes.len() % dtype.size() == 0 } else { bytes.len() == BYTES };
        if !is_whole {
            return None;
        }
        dtype.append(bytes, &mut numbers);
        rest = after;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt};

    use super::*;

    fn bytes_of(numbers: &[f32], dtype: Dtype) -> Vec<u8> {
        let mut bytes = vec![0; numbers.len() * dtype.size()];
        dtype.fill(numbers, &mut bytes);
        bytes
    }

    /// Lengths around zero, one and two blocks.
    fn lengths(dtype: Dtype) -> impl Iterator<Item = usize> {
        let block = BYTES / dtype.size();
        (0..40).chain(block - 2..block + 3).chain(2 * block - 1..2 * block + 2)
    }

    #[test]
    fn encoding_in_blocks_equals_encoding_at_once() {
        for dtype in [Dtype::F32, Dtype::F16] {
            for length in lengths(dtype) {
                let data: Vec<f32> = (0..length).map(|index| (index as f32 - 3.5) * 0.37).collect();
                let mut text = Vec::new();
                Numbers { dtype, data: Arc::new(data.clone()) }.write_base64(&mut text).unwrap();
                let text = String::from_utf8(text).unwrap();
                assert_eq!(text, STANDARD.encode(bytes_of(&data, dtype)));
                let kept = dtype.parse(&bytes_of(&data, dtype));
                assert_eq!(parse_blocks(text.as_bytes(), dtype).unwrap(), kept);
            }
        }
    }

    #[test]
    fn every_bit_of_nan_and_infinity_survives() {
        let data = [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::INFINITY, -0.0, f32::from_bits(1)];
        let text = STANDARD.encode(bytes_of(&data, Dtype::F32));
        let bits = |numbers: &[f32]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&parse_base64(&text, Dtype::F32).unwrap()), bits(&data));
    }

    #[test]
    fn what_the_plain_decoder_rejects_is_rejected_with_its_message() {
        let mut rng = crate::rng(1, "base64");
        let mut refused = 0;
        for round in 0..3000 {
            let length = if round % 100 == 0 { BYTES / 4 * 2 + 6 } else { rng.random_range(1..60) };
            let data: Vec<f32> = (0..length).map(|_| f32::from_bits(rng.next_u32())).collect();
            let mut text = STANDARD.encode(bytes_of(&data, Dtype::F32)).into_bytes();
            let at = if rng.random_bool(0.3) { text.len() - 1 } else { rng.random_range(0..text.len()) };
            match rng.next_u32() % 5 {
                0 => text[at] = b"=-_ \nAB/"[rng.random_range(0..8)],
                1 => text.insert(at, b"=A"[rng.random_range(0..2)]),
                2 => drop(text.remove(at)),
                3 => text.truncate(at),
                _ => text[length.min(16383) * 4 / 3 / 4 * 4] = b'=',
            }
            let text = String::from_utf8(text).unwrap();
            match (STANDARD.decode(&text), parse_base64(&text, Dtype::F32)) {
                (Ok(bytes), Ok(numbers)) => assert_eq!(bytes_of(&numbers, Dtype::F32), bytes),
                (Ok(bytes), Err(error)) => {
                    assert!(bytes.len() % 4 != 0 && error.to_string().contains("not a whole number"), "{error}");
                }
                (Err(plain), Err(error)) => {
                    assert_eq!(format!("{error:#}"), format!("tensor: broken base64: {plain}"));
                    refused += 1;
                }
                (Err(plain), Ok(_)) => panic!("{plain}: {text}"),
            }
        }
        assert!(refused > 1000, "{refused}");
    }
}
