use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, Rgb, RgbImage};

use super::*;

fn damage(bytes: &[u8]) -> Option<String> {
    examine(bytes).damage
}

fn noise(width: u32, height: u32) -> Vec<u8> {
    let image =
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 37 + y * 91) as u8, (x * x + y) as u8, (y * 53) as u8]));
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 95)).unwrap();
    bytes
}

/// Where the data of the last scan begins.
fn data_of(bytes: &[u8]) -> usize {
    let marker = bytes.windows(2).rposition(|pair| pair == [0xFF, START_OF_SCAN]).unwrap();
    marker + 2 + usize::from(u16::from_be_bytes([bytes[marker + 2], bytes[marker + 3]]))
}

/// A gray JPEG of 8 x 8 blocks in a row, all alike: a block is the bits 00, or 6F with padding of the byte.
fn blocks(width: u16, restart_interval: u8, data: &[u8]) -> Vec<u8> {
    let [w1, w2] = width.to_be_bytes();
    let mut bytes = vec![0xFF, START_OF_IMAGE, 0xFF, 0xDB, 0, 67, 0];
    bytes.extend([1; 64]);
    bytes.extend([0xFF, 0xC0, 0, 11, 8, 0, 8, w1, w2, 1, 1, 0x11, 0]);
    for class in [0x00, 0x10] {
        // One code of one bit, for zero: no difference, end of the block.
        bytes.extend([0xFF, HUFFMAN_TABLES, 0, 20, class, 1]);
        bytes.extend([0; 16]);
    }
    bytes.extend([0xFF, RESTART_INTERVAL, 0, 4, 0, restart_interval]);
    bytes.extend([0xFF, START_OF_SCAN, 0, 8, 1, 1, 0, 0, 63, 0]);
    bytes.extend(data);
    bytes.extend([0xFF, END_OF_IMAGE]);
    bytes
}

#[test]
fn a_jpeg_is_complete_only_with_its_last_byte() {
    let bytes = noise(40, 40);
    assert_eq!(damage(&bytes), None);
    let mut followed = bytes.clone();
    followed.extend(b"what some cameras append");
    assert_eq!(damage(&followed), None);
    for length in 0..bytes.len() {
        assert_eq!(damage(&bytes[..length]).as_deref(), Some(CUT_OFF), "{length}");
    }
}

#[test]
fn gray_and_odd_sizes_are_complete() {
    for (width, height) in [(1, 1), (7, 9), (8, 8), (17, 16), (31, 3)] {
        assert_eq!(damage(&noise(width, height)), None, "{width} x {height}");
        let mut bytes = Vec::new();
        let gray = vec![77; (width * height) as usize];
        JpegEncoder::new(&mut bytes).encode(&gray, width, height, ExtendedColorType::L8).unwrap();
        assert_eq!(damage(&bytes), None, "{width} x {height}, gray");
    }
}

#[test]
fn a_scan_that_ends_early_or_lacks_most_of_its_data_is_found() {
    let bytes = noise(64, 64);
    let (start, end) = (data_of(&bytes), bytes.len() - 2);
    for part in 0..10 {
        let hole = start + (end - start) * part / 11;
        // The rest of a small hole may still be read as enough blocks.
        if part < 3 {
            let without = [&bytes[..hole], &bytes[end - (end - start) / 11..]].concat();
            assert_eq!(damage(&without).as_deref(), Some(DAMAGED), "{part}");
        }
        let closed = [&bytes[..hole], &[0xFF, END_OF_IMAGE]].concat();
        assert_eq!(damage(&closed).as_deref(), Some(DAMAGED), "{part}");
    }
}

#[test]
fn a_progressive_jpeg_lacks_a_scan_or_a_part_of_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/goldens/images/progressive.jpg");
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(damage(&bytes), None);
    assert!(examine(&bytes).coefficients > 0);
    let scans: Vec<usize> = (0..bytes.len() - 1).filter(|at| bytes[*at..at + 2] == [0xFF, START_OF_SCAN]).collect();
    assert!(scans.len() > 3);
    for start in &scans[1..] {
        let before = [&bytes[..*start], &[0xFF, END_OF_IMAGE]].concat();
        assert_eq!(damage(&before).as_deref(), Some(DAMAGED), "without the scans from {start}");
        let header = 2 + usize::from(u16::from_be_bytes([bytes[start + 2], bytes[start + 3]]));
        let within = [&bytes[..start + header], &[0xFF, END_OF_IMAGE]].concat();
        assert_eq!(damage(&within).as_deref(), Some(DAMAGED), "behind the header of the scan at {start}");
    }
}

#[test]
fn restarts_are_in_order_with_all_blocks_between_them() {
    let one = 0x3F;
    assert_eq!(damage(&blocks(24, 0, &[0b0000_0011])), None);
    let whole = [one, 0xFF, 0xD0, one, 0xFF, 0xD1, one];
    assert_eq!(damage(&blocks(24, 1, &whole)), None);
    let followed = [&whole[..], &[0xFF, 0xD2]].concat();
    assert_eq!(damage(&blocks(24, 1, &followed)), None, "a restart after the last block");
    let filled = [one, 0, 0, 0xFF, 0xFF, 0xFF, 0xD0, one, 0xFF, 0xD1, one, 0xFF, 0xFF];
    assert_eq!(damage(&blocks(24, 1, &filled)), None, "bytes before markers");
    for (data, what) in [
        (&[one, 0xFF, 0xD0, one, 0xFF, 0xD1][..], "no data for the last"),
        (&[one, 0xFF, 0xD0, one], "one is missing"),
        (&[one, 0xFF, 0xD1, one, 0xFF, 0xD0, one], "another order"),
        (&[one, 0xFF, 0xD0, 0xFF, 0xD1, one], "nothing between two"),
        (&[], "nothing at all"),
    ] {
        assert_eq!(damage(&blocks(24, 1, data)).as_deref(), Some(DAMAGED), "{what}");
    }
}

#[test]
fn a_coding_that_cannot_be_checked_is_left_to_the_decoder() {
    let mut arithmetic = blocks(24, 1, b"whatever it means");
    let frame = arithmetic.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    arithmetic[frame + 1] = 0xC9;
    assert_eq!(damage(&arithmetic), None);
}

#[test]
fn hostile_headers_take_no_memory_and_no_time() {
    for (across, down) in [(65535, 65535), (65535, 1)] {
        let mut bytes = blocks(across, 0, &[0x3F]);
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        bytes[frame + 5..frame + 7].copy_from_slice(&u16::to_be_bytes(down));
        assert_eq!(damage(&bytes).as_deref(), Some(DAMAGED));
    }
}
