use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::Fit;

mod formats;
mod hostile;
mod pickles;

fn written(precision: Precision) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let weight = Tensor::new(&[[0.1_f32, -2.0], [3.5, 1e-3]], &Device::Cpu).unwrap();
    let bias = Tensor::new(&[1_f32, 2.0], &Device::Cpu).unwrap();
    let tensors = BTreeMap::from([("fc.weight".to_owned(), weight), ("fc.bias".to_owned(), bias)]);
    save(&path, &json!({"architecture": "alexnet"}), &tensors, precision).unwrap();
    (folder, path)
}

#[test]
fn a_saved_model_is_read_back_unchanged() {
    let (_folder, path) = written(Precision::F32);
    let file = Checkpoint::open(&path).unwrap();
    assert_eq!(file.config::<Value>().unwrap().unwrap(), json!({"architecture": "alexnet"}));
    let weight = file.tensor("fc.weight", &Device::Cpu).unwrap();
    assert_eq!(weight.to_vec2::<f32>().unwrap(), [[0.1, -2.0], [3.5, 1e-3]]);
    assert_eq!(file.tensors()[0].name, "fc.bias");
    let (_other_folder, other) = written(Precision::F32);
    assert_eq!(fs::read(path).unwrap(), fs::read(other).unwrap());
}

#[test]
fn half_precision_is_read_as_single() {
    let (_folder, path) = written(Precision::F16);
    let file = Checkpoint::open(&path).unwrap();
    assert_eq!(file.tensors()[0].dtype, "F16");
    let weight = file.tensor("fc.weight", &Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
    assert!((weight[0][0] - 0.1).abs() < 1e-4);
    assert_eq!(weight[1][0], 3.5);
}

#[test]
fn the_error_for_a_broken_file_is_one_line_that_names_it() {
    let (_folder, path) = written(Precision::F32);
    let whole = fs::read(&path).unwrap();
    let error = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = format!("{:#}", Checkpoint::open(&path).err().unwrap());
        assert!(error.starts_with(&format!("model {}: ", path.display())), "{error}");
        assert!(!error.contains('\n'), "{error}");
        error
    };
    assert!(error(&whole[..whole.len() - 5]).contains("truncated"));
    assert!(error(&whole[..40]).contains("claims a header of"));
    assert!(error(b"short").contains("too short"));
    assert!(error(b"").contains("too short"));
    let mut huge = whole.clone();
    huge[..8].copy_from_slice(&(1_u64 << 60).to_le_bytes());
    assert!(error(&huge).contains("claims a header of 1152921504606846976 bytes"));
    let header = br#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#;
    let lying = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat();
    error(&lying);
    assert!(Checkpoint::open(&path.with_extension("none")).is_err());
}

#[test]
fn the_report_lists_loaded_new_and_misfitting_tensors() {
    let (_folder, path) = written(Precision::F32);
    let file = Checkpoint::open(&path).unwrap();
    let expected = |shapes: &[(&str, &[usize])]| {
        shapes.iter().map(|(name, shape)| (name.to_string(), shape.to_vec())).collect::<BTreeMap<_, _>>()
    };
    let shapes = expected(&[("fc.weight", &[2, 2]), ("fc.bias", &[3]), ("conv.weight", &[1])]);
    let fit = Fit::of_shapes(&shapes, &file, |_| false);
    assert_eq!(fit.report(), "1 tensors loaded; new: conv.weight; do not fit: fc.bias is [2], the network expects [3]");
    assert!(!fit.is_whole());
    let fit = Fit::of_shapes(&expected(&[("fc.weight", &[2, 2])]), &file, |_| false);
    assert_eq!((fit.report().as_str(), fit.is_whole()), ("1 tensors loaded; 1 unused: fc.bias", true));
    let fit = Fit::of_shapes(&expected(&[("fc.weight", &[9])]), &file, |name| name == "fc.weight");
    assert_eq!((fit.new, fit.misfits.len()), (vec!["fc.weight".to_owned()], 0));
}

#[test]
fn half_precision_that_would_overflow_is_an_error_and_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a"), folder.path().join("b"));
    let large = Tensor::new(&[1e5_f32, f32::INFINITY], &Device::Cpu).unwrap();
    save(&from, &json!({}), &[("x".to_owned(), large)].into(), Precision::F32).unwrap();
    fs::write(&to, b"old").unwrap();
    let file = Checkpoint::open(&from).unwrap();
    let error = format!("{:#}", convert(&file, &to, None::<&Value>, Some(Precision::F16)).unwrap_err());
    assert!(
        error.contains("tensor \"x\" has the number 100000, which is too large for f16; use bf16 or f32"),
        "{error}"
    );
    assert_eq!(fs::read(&to).unwrap(), b"old");
    convert(&file, &to, None::<&Value>, Some(Precision::Bf16)).unwrap();
    let read = Checkpoint::open(&to).unwrap().tensor("x", &Device::Cpu).unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(read, [half::bf16::from_f32(1e5).to_f32(), f32::INFINITY]);
}

/// A safetensors file of one tensor whose header has `length` bytes.
fn with_header_of(length: usize) -> Vec<u8> {
    let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    let header = format!("{header}{}}}", " ".repeat(length - header.len() - 1));
    [&(length as u64).to_le_bytes()[..], header.as_bytes(), &2.5_f32.to_le_bytes()].concat()
}

#[test]
fn a_header_may_have_any_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    // The first byte is each of 256, `{` among them; and two where the second is `K` behind a `P`.
    for length in (64..64 + 256).chain([0x4b50, 379, 0x0a7b, 0x1234]) {
        fs::write(&path, with_header_of(length)).unwrap();
        let file = Checkpoint::open(&path).unwrap_or_else(|error| panic!("{length}: {error:#}"));
        assert_eq!(file.format(), Format::Safetensors);
        assert_eq!(file.tensor("a", &Device::Cpu).unwrap().to_vec1::<f32>().unwrap(), [2.5], "{length}");
    }
    // Truncated, it is still detected as safetensors.
    fs::write(&path, &with_header_of(123)[..90]).unwrap();
    let error = format!("{:#}", Checkpoint::open(&path).err().unwrap());
    assert!(error.contains("claims a header of 123 bytes in a file of 90"), "{error}");
}

#[test]
fn tensors_that_share_bytes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let header = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#;
    fs::write(&path, [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat()).unwrap();
    let error = format!("{:#}", Checkpoint::open(&path).err().unwrap());
    assert!(error.contains("invalid offset for tensor `b`"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    for path in ["/dev/zero", "/dev/null"] {
        let error = format!("{:#}", Checkpoint::open(std::path::Path::new(path)).err().unwrap());
        assert!(error.ends_with("is a device, not a file"), "{error}");
    }
}

#[test]
fn caffemodels_of_nothing_but_parts_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.caffemodel");
    let field = |key: u64, bytes: &[u8]| {
        let mut field = Vec::new();
        for mut number in [key << 3 | 2, bytes.len() as u64] {
            while number >= 128 {
                field.push(number as u8 | 128);
                number >>= 7;
            }
            field.push(number as u8);
        }
        [field, bytes.to_vec()].concat()
    };
    let name = field(1, b"net");
    for bytes in [
        field(100, b"").repeat(400_000),
        field(100, &field(7, b"").repeat(400_000)),
        field(2, &field(1, &field(50, b"").repeat(400_000))),
        field(100, &field(7, &field(7, &[1; 100_000]))),
    ] {
        fs::write(&path, [&name[..], &bytes].concat()).unwrap();
        let error = format!("{:#}", Checkpoint::open(&path).err().unwrap());
        assert!(error.contains("has more than 262144 parts") || error.contains("a shape has"), "{error}");
    }
}
