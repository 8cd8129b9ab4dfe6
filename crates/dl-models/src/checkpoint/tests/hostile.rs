//! Truncated and malicious files give one line of error, never a panic, never a large allocation.

use std::fs;
use std::path::Path;

use crate::checkpoint::{Checkpoint, Precision, save};
use candle_core::{Device, Tensor};

use super::formats::goldens;

/// Opens and reads a whole file; errors are fine, panics are not.
fn try_all(path: &Path) -> bool {
    match Checkpoint::open(path) {
        Err(error) => {
            let text = format!("{error:#}");
            assert!(!text.contains('\n') && text.len() < 2000, "{text}");
            false
        }
        Ok(file) => {
            file.tensors().iter().for_each(|tensor| drop(file.bytes(&tensor.name)));
            true
        }
    }
}

/// One file per format.
fn files() -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(goldens()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !matches!(path.extension().and_then(|e| e.to_str()), Some("py" | "json" | "cfg"))).collect()
}

#[test]
fn truncated_files_are_rejected_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let safetensors = folder.path().join("whole.safetensors");
    let tensors = [("a".to_owned(), Tensor::new(&[1_f32, 2.0], &Device::Cpu).unwrap())].into();
    save(&safetensors, &"config", &tensors, Precision::F32).unwrap();
    for path in files().into_iter().chain([safetensors]) {
        let whole = fs::read(&path).unwrap();
        let cut = folder.path().join(path.file_name().unwrap());
        let cfg = path.with_extension("cfg");
        if cfg.exists() {
            fs::copy(&cfg, cut.with_extension("cfg")).unwrap();
        }
        let step = (whole.len() / 400).max(1);
        for length in (0..whole.len()).step_by(step) {
            fs::write(&cut, &whole[..length]).unwrap();
            let caffe = path.extension().is_some_and(|extension| extension == "caffemodel");
            // A caffemodel cut between two layers looks complete; a mean image is never a model.
            assert!(!try_all(&cut) || caffe, "{} of {length} bytes was read", path.display());
        }
    }
}

#[test]
fn files_with_any_byte_changed_do_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    for path in files() {
        let whole = fs::read(&path).unwrap();
        let changed = folder.path().join(path.file_name().unwrap());
        let cfg = path.with_extension("cfg");
        if cfg.exists() {
            fs::copy(&cfg, changed.with_extension("cfg")).unwrap();
        }
        let step = (whole.len() / 300).max(1);
        for (turn, at) in (0..whole.len()).step_by(step).enumerate() {
            let mut bytes = whole.clone();
            bytes[at] = [0x00, 0xff, 0x80, bytes[at] ^ 1, bytes[at].wrapping_add(1)][turn % 5];
            fs::write(&changed, &bytes).unwrap();
            try_all(&changed);
        }
    }
}

/// A pre-1.6 PyTorch file whose object is `pickle`, without storages.
fn legacy(pickle: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    [&magic[..], b"\x80\x02M\xe9\x03.", b"\x80\x02}q\x00.", pickle, b"\x80\x02]."].concat()
}

#[test]
fn malicious_pickles_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evil.pth");
    // A tensor of 2^40 numbers, all of them the same one.
    let huge = b"\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00\x8a\x06\x00\x00\x00\x00\x00\x01\x85K\x00\x85\x89}tRs.";
    let bombs: Vec<(Vec<u8>, &str)> = vec![
        (b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00echo\x85R.".to_vec(), "tries to call os.system"),
        // Protocol 4's way of naming, and an attribute of an allowed name.
        (b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93\x8c\x01x\x85R.".to_vec(), "tries to call builtins.exec"),
        (b"\x80\x04\x8c\x05torch\x8c\x12serialization.load\x93.".to_vec(), "tries to call torch.serialization.load"),
        (b"(S'echo'\nios\nsystem\n.".to_vec(), "tries to call os.system"),
        (b"(cos\nsystem\nS'echo'\no.".to_vec(), "tries to call os.system"),
        (b"\x80\x02\x82\x01.".to_vec(), "opcode 0x82"),
        (b"X\xff\xff\xff\x7fabc".to_vec(), "truncated"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc".to_vec(), "truncated"),
        (b"\x8b\xff\xff\xff\x7fabc".to_vec(), "truncated"),
        ([&b"\x80\x02"[..], &b"N".repeat(5_000_000), b"."].concat(), "creates more than"),
        ([&b"]q\x00"[..], &b"h\x00".repeat(5_000_000), b"."].concat(), "creates more than"),
        (b"\x80\x02].".to_vec(), "contains no tensors"),
        (b"t.".to_vec(), "a mark that does not exist"),
        (b"h\x07.".to_vec(), "reads an unset memo entry"),
        // A dictionary within itself.
        (b"}q\x00X\x01\x00\x00\x00ah\x00s.".to_vec(), "nests its values"),
        (b"]q\x00h\x00a.".to_vec(), "nests its values"),
    ];
    let error = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let text = format!("{:#}", Checkpoint::open(&path).err().unwrap());
        assert!(!text.contains('\n'), "{text}");
        text
    };
    for (pickle, word) in bombs {
        let text = error(&legacy(&pickle));
        assert!(text.contains(word), "{word}: {text}");
    }
    let storages = [&b"\x80\x02]X\x01\x00\x00\x000a."[..], &1_u64.to_le_bytes(), &1_f32.to_le_bytes()].concat();
    let file = legacy(huge);
    let file = [&file[..file.len() - b"\x80\x02].".len()], &storages].concat();
    let text = error(&file);
    assert!(text.contains("is larger than the file"), "{text}");
    // Fifteen dictionaries, each with the next one four times: a billion tensors.
    let mut laughs = b"\x80\x02".to_vec();
    laughs.extend(b"}q\x00");
    for level in 1..=15_u8 {
        laughs.extend(
            [
                b"}q",
                &[level][..],
                b"(X\x01\x00\x00\x00ah",
                &[level - 1],
                b"X\x01\x00\x00\x00bh",
                &[level - 1],
                b"X\x01\x00\x00\x00ch",
                &[level - 1],
                b"X\x01\x00\x00\x00dh",
                &[level - 1],
                b"u",
            ]
            .concat(),
        );
    }
    laughs.push(b'.');
    assert!(error(&legacy(&laughs)).contains("nests its values"));
}

#[test]
fn an_index_can_name_only_files_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let tensor = |number: f32| Tensor::new(&[number], &Device::Cpu).unwrap();
    for (file, name, number) in [("m-1.safetensors", "a", 1.0), ("m-2.safetensors", "b", 2.0)] {
        save(&folder.path().join(file), &"config", &[(name.to_owned(), tensor(number))].into(), Precision::F32)
            .unwrap();
    }
    let index = folder.path().join("model.safetensors.index.json");
    let write = |text: &str| fs::write(&index, text).unwrap();
    write(r#"{"metadata": {"total_size": 8}, "weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}"#);
    for path in [&index, folder.path()] {
        let file = Checkpoint::open(path).unwrap();
        let read = |name: &str| file.tensor(name, &Device::Cpu).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!((read("a"), read("b")), (vec![1.0], vec![2.0]));
        assert_eq!(file.files().len(), 2);
    }
    let error = |text: &str| {
        write(text);
        format!("{:#}", Checkpoint::open(&index).err().unwrap())
    };
    assert!(
        error(r#"{"weight_map": {"a": "../m-1.safetensors"}}"#)
            .contains("expected the name of a file in the same folder")
    );
    assert!(
        error(r#"{"weight_map": {"a": "/etc/passwd"}}"#).contains("expected the name of a file in the same folder")
    );
    assert!(error(r#"{"weight_map": {"a": "m-3.safetensors"}}"#).contains("its shard m-3.safetensors is missing"));
    assert!(error(r#"{"weight_map": {"c": "m-1.safetensors"}}"#).contains("tensor \"c\" is not in its shard"));
    assert!(error(r#"{"weight_map": {"c": "model.safetensors.index.json"}}"#).contains("is itself an index"));
}
