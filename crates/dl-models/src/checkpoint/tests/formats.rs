//! Third-party formats, tested with files written by their own programs and the contents those report.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::Device;
use serde_json::Value;

use crate::checkpoint::{Checkpoint, mean_of_image};

pub(super) fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/goldens/checkpoints")
}

fn error(path: &Path) -> String {
    let error = format!("{:#}", Checkpoint::open(path).err().unwrap());
    assert!(error.starts_with("model ") && !error.contains('\n'), "{error}");
    error
}

/// PyTorch's name of a type.
fn torch_name(dtype: &str) -> &str {
    match dtype {
        "F64" => "float64",
        "F32" => "float32",
        "F16" => "float16",
        "BF16" => "bfloat16",
        "I64" => "int64",
        "U8" => "uint8",
        "BOOL" => "bool",
        other => other,
    }
}

/// Numbers of any type.
fn numbers(dtype: &str, bytes: &[u8]) -> Vec<f64> {
    match dtype {
        "I64" => bytes.as_chunks().0.iter().map(|number| i64::from_le_bytes(*number) as f64).collect(),
        "U8" | "BOOL" => bytes.iter().map(|number| f64::from(*number)).collect(),
        "F64" => bytes.as_chunks().0.iter().map(|number| f64::from_le_bytes(*number)).collect(),
        "F16" => bytes.as_chunks().0.iter().map(|number| half::f16::from_le_bytes(*number).to_f64()).collect(),
        "BF16" => bytes.as_chunks().0.iter().map(|number| half::bf16::from_le_bytes(*number).to_f64()).collect(),
        _ => bytes.as_chunks().0.iter().map(|number| f64::from(f32::from_le_bytes(*number))).collect(),
    }
}

#[test]
fn every_format_gives_the_tensors_that_were_written() {
    let expected: Value = serde_json::from_slice(&fs::read(goldens().join("expected.json")).unwrap()).unwrap();
    let mut files = 0;
    for (name, content) in expected.as_object().unwrap() {
        let Some(tensors) = content["tensors"].as_object() else { continue };
        files += 1;
        let file = Checkpoint::open(&goldens().join(name)).unwrap();
        assert_eq!(file.format().to_string(), content["format"].as_str().unwrap(), "{name}");
        let mut names: Vec<&String> = tensors.keys().collect();
        names.sort();
        let found = file.tensors();
        assert_eq!(found.iter().map(|tensor| &tensor.name).collect::<Vec<_>>(), names, "{name}");
        for tensor in found {
            let expected = &tensors[&tensor.name];
            let of = format!("{name}: {}", tensor.name);
            assert_eq!(torch_name(&tensor.dtype), expected["dtype"], "{of}");
            assert_eq!(serde_json::to_value(&tensor.shape).unwrap(), expected["shape"], "{of}");
            let values: Vec<f64> = serde_json::from_value(expected["values"].clone()).unwrap();
            assert_eq!(numbers(&tensor.dtype, &file.bytes(&tensor.name).unwrap().1), values, "{of}");
            if file.holds_floats(&tensor.name) {
                let read = file.tensor(&tensor.name, &Device::Cpu).unwrap().flatten_all().unwrap();
                let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
                assert_eq!(read.to_vec1::<f32>().unwrap(), values, "{of}");
            }
        }
    }
    assert_eq!(files, 12);
}

#[test]
fn a_malicious_pickle_runs_nothing_and_the_error_names_its_call() {
    let expected = [("system", "posix.system"), ("eval", "__builtin__.eval"), ("getattr", "__builtin__.getattr")];
    for (name, call) in expected {
        for kind in ["zip", "old"] {
            let text = error(&goldens().join(format!("evil_{name}_{kind}.pth")));
            assert!(
                text.contains(&format!("tries to call {call}, which weights do not need; nothing was executed")),
                "{text}"
            );
        }
    }
    assert!(!Path::new("pwned").exists());
    let text = error(&goldens().join("zip_module.pth"));
    assert!(text.contains("torch.nn.modules.linear.Linear") && text.contains("state_dict()"), "{text}");
}

#[test]
fn the_error_names_what_the_file_is_instead() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let cases: [(&[u8], &str); 6] = [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS"),
        (b"<!DOCTYPE html><html><head><title>404", "web page"),
        (b"\x89HDF\r\n\x1a\n\0\0\0\0\0\0\0\0", "HDF5"),
        (b"GIF89a..........................", "it begins with the bytes 47 49 46 38"),
        (b"{\"a\": 1}            ", "weight_map"),
        (b"\x0a\x05small\xff\xff\xff\xff\xff", "not a Caffe model"),
    ];
    for (bytes, word) in cases {
        fs::write(&path, bytes).unwrap();
        let text = error(&path);
        assert!(text.contains(word), "{text}");
    }
    assert!(error(&goldens().join("compressed.pth")).contains("is compressed"));
    assert!(error(folder.path()).contains("a folder without any of model.safetensors.index.json"));
}

#[test]
fn darknet_weights_need_a_matching_cfg() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.weights");
    let whole = fs::read(goldens().join("small.weights")).unwrap();
    fs::write(&path, &whole).unwrap();
    let text = error(&path);
    assert!(text.contains("without the .cfg beside it") && text.contains("small.cfg"), "{text}");
    let cfg = fs::read_to_string(goldens().join("small.cfg")).unwrap();
    let with_cfg = |text: &str, bytes: &[u8]| {
        fs::write(path.with_extension("cfg"), text).unwrap();
        fs::write(&path, bytes).unwrap();
        error(&path)
    };
    assert!(with_cfg(&cfg, &whole[..whole.len() - 4]).contains("is truncated, or does not match"));
    assert!(with_cfg(&cfg, &[&whole[..], &[0; 8]].concat()).contains("8 bytes remain"));
    assert!(
        with_cfg(&cfg.replace("filters=6", "filters=99999999"), &whole).contains("filters=99999999: expected a number")
    );
    assert!(with_cfg(&cfg.replace("filters=6", "filters=1048576"), &whole).contains("is truncated, or does not match"));
    assert!(
        with_cfg(&cfg.replace("[upsample]", "[lstm]"), &whole)
            .contains("layer 6 [lstm]: layers [lstm] are not supported")
    );
    assert!(with_cfg(&cfg.replace("layers=-1,1", "layers=-9"), &whole).contains("layer -6 does not exist"));
    assert!(with_cfg("", &whole).contains("is empty"));
}

#[test]
fn a_mean_image_is_reduced_to_channel_means() {
    assert_eq!(mean_of_image(&goldens().join("mean.binaryproto")).unwrap(), [104.0, 117.0, 123.0]);
    let text = format!("{:#}", mean_of_image(&goldens().join("old.caffemodel")).unwrap_err());
    assert!(text.starts_with("mean image ") && !text.contains('\n'), "{text}");
}

/// Real pre-1.6 files, each with a twin in safetensors.
#[allow(clippy::print_stderr, reason = "a skipped test prints why")]
#[test]
fn real_files_of_both_formats_equal_their_twins_bit_for_bit() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights");
    let names = [
        "srgan_x4",
        "mnist_gan_mlp_generator",
        "mnist_gan_mlp_discriminator",
        "face_ssd_slim_320",
        "mnist_cgan_wgangp",
    ];
    for name in names {
        let path = folder.join(format!("{name}.pth"));
        if !path.exists() {
            eprintln!("SKIPPED: {} is not here", path.display());
            continue;
        }
        let (file, twin) = (Checkpoint::open(&path)?, Checkpoint::open(&path.with_extension("safetensors"))?);
        let mut compared = 0;
        for tensor in twin.tensors() {
            assert_eq!(file.shape(&tensor.name), Some(tensor.shape.as_slice()), "{name}: {}", tensor.name);
            assert_eq!(file.bytes(&tensor.name)?, twin.bytes(&tensor.name)?, "{name}: {}", tensor.name);
            compared += 1;
        }
        assert!(compared > 5, "{name}");
        let others: Vec<String> =
            file.tensors().into_iter().map(|tensor| tensor.name).filter(|name| !twin.contains(name)).collect();
        assert!(others.iter().all(|name| name.ends_with("num_batches_tracked")), "{name}: {others:?}");
    }
    Ok(())
}
