//! The checksums of a PNG.

use flate2::Crc;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Corrects the checksum of every chunk, as far as chunks can be found.
pub(crate) fn repair(data: &mut [u8]) {
    if !data.starts_with(SIGNATURE) {
        return;
    }
    let mut at = SIGNATURE.len();
    while let Some(length) = data.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes) {
        let end = at.saturating_add(8).saturating_add(length as usize);
        let (Some(content), true) = (data.get(at + 4..end), end.checked_add(4).is_some_and(|end| end <= data.len()))
        else {
            return;
        };
        let mut crc = Crc::new();
        crc.update(content);
        let sum = crc.sum().to_be_bytes();
        data[end..end + 4].copy_from_slice(&sum);
        at = end + 4;
    }
}
