use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

mod formats;
mod hostile;

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
fn a_model_comes_back_as_it_was_saved() {
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
fn broken_files_are_refused_in_one_line_that_names_them() {
    let (_folder, path) = written(Precision::F32);
    let whole = fs::read(&path).unwrap();
    let error = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = format!("{:#}", Checkpoint::open(&path).err().unwrap());
        assert!(error.starts_with(&format!("model {}: ", path.display())), "{error}");
        assert!(!error.contains('\n'), "{error}");
        error
    };
    assert!(error(&whole[..whole.len() - 5]).contains("cut off"));
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
