//! safetensors: a JSON header, followed by the numbers.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use dl_record::file::open_regular;
use safetensors::tensor::Metadata;

use super::contents::{Contents, StoredTensor};
use super::printable;

/// safetensors' own limit: a longer header is malicious or broken.
const LONGEST_HEADER: u64 = 100_000_000;

/// Whether a file of `size` bytes begins with the length of a header that fits into it, and the header's brace.
pub(super) fn is_header(start: &[u8], size: u64) -> bool {
    let length = start.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let fits = |length: u64| (2..=LONGEST_HEADER).contains(&length) && length <= size.saturating_sub(8);
    length.is_some_and(fits) && start.get(8) == Some(&b'{')
}

/// Whether the first bytes can be the length of a header.
pub(super) fn is_length(start: &[u8]) -> bool {
    let length = start.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    length.is_some_and(|length| length <= LONGEST_HEADER || length.trailing_zeros() >= 32)
}

/// Reads the header and checks that the file contains the numbers it describes.
pub(super) fn read(path: &Path) -> Result<Contents> {
    let mut file = open_regular(path).context("cannot be opened")?;
    let size = file.metadata()?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).context("is too short for a safetensors file")?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER || length > size - 8 {
        bail!("claims a header of {length} bytes in a file of {size}; it is truncated or not a safetensors file");
    }
    let mut header = vec![0; usize::try_from(length)?];
    file.read_exact(&mut header)?;
    let header: Metadata =
        serde_json::from_slice(&header).context("has a malformed header; is it a safetensors file?")?;
    let start = 8 + length;
    let mut contents = Contents {
        metadata: header.metadata().clone().unwrap_or_default(),
        files: vec![path.to_owned()],
        ..Contents::default()
    };
    for (name, info) in header.tensors() {
        let shown = printable(&name);
        let (first, end) = info.data_offsets;
        let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |all, side| all.checked_mul(*side));
        if end < first || bits != (end - first).checked_mul(8) {
            bail!("tensor \"{shown}\": its shape {:?} does not match its bytes {first}..{end}", info.shape);
        }
        match start.checked_add(end as u64) {
            Some(end) if end <= size => {}
            end => {
                bail!("is truncated: tensor \"{shown}\" ends at byte {}, the file at {size}", end.unwrap_or(u64::MAX))
            }
        }
        let stored = StoredTensor::at(info.dtype, info.shape.clone(), 0, start + first as u64);
        contents.tensors.insert(name, stored);
    }
    Ok(contents)
}
