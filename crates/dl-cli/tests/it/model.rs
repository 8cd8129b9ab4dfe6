//! `dl-model`, as a user runs it.

use std::fs;

use crate::support::{run, run_with, shared};

#[test]
fn list_names_every_network() {
    let rows = run("dl-model", &["list"], "").expect(0).records();
    let names: Vec<_> = rows.iter().map(|row| row["architecture"].as_str().unwrap()).collect();
    for name in ["alexnet", "googlenet", "mobilenet_v1", "mobilenet_v2", "resnet50", "squeezenet1_1", "vgg16_bn"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert!(run("dl-model", &["list", "--format", "table"], "").expect(0).stdout.contains("squeezenet1_1"));
}

#[test]
fn info_says_what_a_file_holds() {
    let Some(path) = shared("weights/squeezenet1_0_imagenet.safetensors") else { return };
    let path = path.to_str().unwrap();
    let info = &run("dl-model", &["info", path], "").expect(0).records()[0];
    assert_eq!(info["architecture"], "squeezenet1_0");
    assert_eq!(info["parameters"], 1_248_424);
    assert_eq!(info["tensor_count"], 52);
    assert_eq!(info["dtypes"][0], "F32");
    assert_eq!(info["licence"], "BSD-2-Clause");
    assert_eq!(info["config"]["preprocessing"]["channel_order"], "BGR");
    assert_eq!(info["sha256"].as_str().unwrap().len(), 64);
    let sums = fs::read_to_string(shared("weights/SHA256SUMS").unwrap()).unwrap();
    let stated = sums.lines().find(|line| line.ends_with("/squeezenet1_0_imagenet.safetensors")).unwrap();
    assert!(stated.starts_with(info["sha256"].as_str().unwrap()));
    let table = run("dl-model", &["info", "--tensors", "--format", "table", path], "").expect(0).stdout;
    assert!(table.contains("features.12.squeeze.weight") && table.contains("licence"), "{table}");
}

#[test]
fn files_that_are_no_models_are_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not a model.safetensors");
    let cases: [&[u8]; 4] = [b"", b"hello, world", &(1_u64 << 60).to_le_bytes(), &[9, 0, 0, 0, 0, 0, 0, 0, b'{']];
    for bytes in cases {
        fs::write(&path, bytes).unwrap();
        let ran = run("dl-model", &["info", path.to_str().unwrap()], "").expect(2);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.starts_with("dl-model: model ") && ran.stdout.is_empty(), "{}", ran.stderr);
    }
    let missing = run("dl-model", &["info", "no-such.safetensors"], "").expect(2);
    assert!(missing.stderr.contains("model no-such.safetensors: cannot be opened"), "{}", missing.stderr);
}

const BENCH: [&str; 9] = ["bench", "--arch", "squeezenet1_1", "--size", "64", "--seconds", "0", "--layer", "conv1"];

#[test]
fn an_environment_variable_chooses_winograds_algorithm() {
    for name in ["off", "f2", "f4"] {
        let row = &run_with(&[("DL_WINOGRAD", name)], "dl-model", &BENCH, "").expect(0).records()[0];
        assert_eq!(row["winograd"], name);
    }
    assert_eq!(run("dl-model", &BENCH, "").expect(0).records()[0]["winograd"], "f4");
    let ran = run_with(&[("DL_WINOGRAD", "f8")], "dl-model", &BENCH, "").expect(2);
    assert_eq!(ran.stderr, "dl-model: DL_WINOGRAD=f8: it may be off, f2 or f4\n");
}

#[test]
#[cfg(not(any(feature = "cuda", feature = "metal")))]
fn another_device_needs_another_build() {
    for (device, feature) in [("cuda", "cuda"), ("cuda:1", "cuda"), ("metal", "metal")] {
        let ran = run("dl-model", &[&BENCH[..], &["--device", device]].concat(), "").expect(2);
        let remedy = format!("cargo build --release --workspace --features dl-cli/{feature} makes one that can\n");
        assert!(ran.stderr.starts_with(&format!("dl-model: --device {device}: this build")), "{}", ran.stderr);
        assert!(ran.stderr.ends_with(&remedy) && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    }
    for device in ["tpu", "cpu:1", "cuda:one"] {
        let ran = run("dl-model", &[&BENCH[..], &["--device", device]].concat(), "").expect(2);
        assert!(ran.stderr.starts_with(&format!("dl-model: --device {device}: ")), "{}", ran.stderr);
    }
}
