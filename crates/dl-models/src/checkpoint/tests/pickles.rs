//! Pickles as training scripts write them and as attackers craft them; written by hand.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;

use crate::checkpoint::Checkpoint;

/// Opcodes and their arguments.
type Pickle = Vec<u8>;

fn text(text: &str) -> Pickle {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn global(name: &str) -> Pickle {
    let (module, name) = name.rsplit_once('.').unwrap();
    format!("c{module}\n{name}\n").into_bytes()
}

fn tuple(items: &[Pickle]) -> Pickle {
    [b"(", &items.concat()[..], b"t"].concat()
}

fn call(name: &str, arguments: &[Pickle]) -> Pickle {
    [global(name), tuple(arguments), b"R".to_vec()].concat()
}

fn dict(pairs: &[(&str, Pickle)]) -> Pickle {
    let pairs = pairs.iter().map(|(key, value)| [text(key), value.clone()].concat()).collect::<Vec<_>>();
    [b"}(", &pairs.concat()[..], b"u"].concat()
}

fn int(number: u8) -> Pickle {
    vec![b'K', number]
}

/// A tensor of two numbers: the storage `key`, with names of bits.
fn tensor_with(key: &str, bits: &[&str]) -> Pickle {
    let storage =
        [tuple(&[text("storage"), global("torch.FloatStorage"), text(key), text("cpu"), int(2)]), b"Q".to_vec()];
    let mut arguments = vec![storage.concat(), int(0), tuple(&[int(2)]), tuple(&[int(1)]), vec![0x89], dict(&[])];
    if !bits.is_empty() {
        arguments.push(dict(&bits.iter().map(|bit| (*bit, vec![0x88])).collect::<Vec<_>>()));
    }
    call("torch._utils._rebuild_tensor_v2", &arguments)
}

fn tensor(key: &str) -> Pickle {
    tensor_with(key, &[])
}

/// A pre-1.6 file whose object is `pickle`; its storages are these, of the numbers 1 and -2 each.
fn file(pickle: &[u8], storages: &[&str]) -> Vec<u8> {
    let keys = storages.iter().map(|key| [text(key), b"a".to_vec()].concat()).collect::<Vec<_>>().concat();
    let numbers = [&2_u64.to_le_bytes()[..], &1_f32.to_le_bytes(), &(-2_f32).to_le_bytes()].concat();
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    let [before, object, keys] = [
        b"\x80\x02M\xe9\x03.\x80\x02}.".to_vec(),
        [b"\x80\x02", pickle, b"."].concat(),
        [b"\x80\x02]", &keys[..], b"."].concat(),
    ];
    [magic.to_vec(), before, object, keys, numbers.repeat(storages.len())].concat()
}

fn open(path: &Path, pickle: &[u8], storages: &[&str]) -> anyhow::Result<Checkpoint> {
    fs::write(path, file(pickle, storages)).unwrap();
    Checkpoint::open(path)
}

fn names(path: &Path, pickle: &[u8], storages: &[&str]) -> Vec<String> {
    open(path, pickle, storages).unwrap().tensors().into_iter().map(|tensor| tensor.name).collect()
}

fn error(path: &Path, pickle: &[u8], storages: &[&str]) -> String {
    let error = format!("{:#}", open(path, pickle, storages).err().unwrap());
    assert!(!error.contains('\n') && error.len() < 600, "{error}");
    error
}

#[test]
fn what_training_scripts_store_with_the_weights_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pth");
    let new = |name: &str, arguments: &[Pickle]| [global(name), tuple(arguments), vec![0x81]].concat();
    let state = |object: Pickle, state: Pickle| [object, state, b"b".to_vec()].concat();
    let strange = [
        call("collections.Counter", &[dict(&[("30", int(1))])]),
        call("collections.defaultdict", &[global("builtins.int")]),
        [call("collections.deque", &[b"]".to_vec(), int(20)]), b"(".to_vec(), int(1), b"e".to_vec()].concat(),
        state(new("argparse.Namespace", &[]), dict(&[("lr", b"G?PbM\xd2\xf1\xa9\xfc".to_vec())])),
        call("pathlib.PosixPath", &[text("/"), text("data")]),
        call("pathlib._local.WindowsPath", &[text("C:")]),
        call("torch.device", &[text("cuda"), int(0)]),
        call("torch.Size", &[tuple(&[int(2)])]),
        call("__builtin__.set", &[b"](".iter().copied().chain(int(1)).chain(*b"e").collect()]),
        call("builtins.frozenset", &[b"]".to_vec()]),
        call("builtins.complex", &[b"G?PbM\xd2\xf1\xa9\xfc".to_vec(), b"G?PbM\xd2\xf1\xa9\xfc".to_vec()]),
        call("_codecs.encode", &[text("x"), text("latin1")]),
        call("__builtin__.getattr", &[global("torch.optim.lr_scheduler.OneCycleLR"), text("_annealing_cos")]),
        call("functools.partial", &[global("builtins.dict")]),
        state(new("torch.optim.adamw.AdamW", &[]), dict(&[])),
        call("numpy.core.multiarray.scalar", &[call("numpy.dtype", &[text("f8")]), text("x")]),
        call("numpy.core.multiarray._reconstruct", &[global("numpy.ndarray"), tuple(&[int(0)]), text("b")]),
        call("numpy._core.multiarray.scalar", &[call("numpy.dtypes.Float64DType", &[]), text("x")]),
        call("datetime.datetime", &[text("x")]),
        b"L12345678901234567890123L\n".to_vec(),
        b"\x8a\x10aaaaaaaaaaaaaaaa".to_vec(),
        global("torch.float32"),
        global("torch.complex128"),
        global("torch.cuda.FloatTensor"),
    ];
    for (index, strange) in strange.iter().enumerate() {
        let pickle = dict(&[("state_dict", dict(&[("w", tensor("0"))])), ("lr_scheduler", strange.clone())]);
        assert_eq!(names(&path, &pickle, &["0"]), ["w"], "number {index}");
    }
    for bad in [
        "os.system",
        "builtins.eval",
        "builtins.exec",
        "torch.hub.load",
        "torch.storage._load_from_bytes",
        "builtins.getattr",
    ] {
        let pickle = dict(&[("w", tensor("0")), ("x", call(bad, &[text("x")]))]);
        assert!(error(&path, &pickle, &["0"]).contains("which weights do not need; nothing was executed"), "{bad}");
    }
    // The result of an ignored name is not called.
    let got = [call("builtins.getattr", &[global("torch.optim.SGD"), text("x")]), tuple(&[]), b"R".to_vec()].concat();
    assert!(error(&path, &dict(&[("w", tensor("0")), ("x", got)]), &["0"]).contains("is not a function"));
}

#[test]
fn the_state_dict_is_found_among_other_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pth");
    let weights = || dict(&[("fc.weight", tensor("0")), ("fc.bias", tensor("1"))]);
    let moments = || dict(&[("state", dict(&[("exp_avg", tensor("2"))]))]);
    let all = ["0", "1", "2"];
    for key in ["state_dict", "model_state_dict", "model", "net", "module", "model_ema", "ema", "weights"] {
        let pickle = dict(&[("rng_state", tensor("2")), (key, weights()), ("optimizer", moments())]);
        assert_eq!(names(&path, &pickle, &all), ["fc.bias", "fc.weight"], "{key}");
    }
    // Under a custom key, the dotted names identify it.
    let pickle = dict(&[("my_network", weights()), ("class_weights", tensor("2")), ("optimizer", moments())]);
    assert_eq!(names(&path, &pickle, &all), ["fc.bias", "fc.weight"]);
    let pickle = dict(&[("generator", weights()), ("optimizer_g", moments())]);
    assert_eq!(names(&path, &pickle, &all), ["fc.bias", "fc.weight"]);
    // A bare state dict is found as it is.
    let pickle = dict(&[("weight", tensor("0")), ("extra", dict(&[("x", tensor("1"))]))]);
    assert_eq!(names(&path, &pickle, &["0", "1"]), ["extra.x", "weight"]);
    // Wrappers are stripped and reported.
    let pickle = dict(&[("module._orig_mod.a", tensor("0")), ("module._orig_mod.b", tensor("1"))]);
    let file = open(&path, &pickle, &["0", "1"]).unwrap();
    assert_eq!((file.tensors()[0].name.as_str(), file.prefix()), ("a", "module._orig_mod."));
    assert_eq!(file.prefix_note().unwrap(), "ignoring the prefix \"module._orig_mod.\" of the tensor names");
}

#[test]
fn lazy_views_are_negated_or_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pth");
    let pickle = dict(&[("a", tensor("0")), ("b", tensor_with("0", &["neg"]))]);
    let file = open(&path, &pickle, &["0"]).unwrap();
    let numbers = |name: &str| file.tensor(name, &Device::Cpu).unwrap().to_vec1::<f32>().unwrap();
    assert_eq!((numbers("a"), numbers("b")), (vec![1.0, -2.0], vec![-1.0, 2.0]));
    assert_eq!(file.bytes("b").unwrap().1, [(-1_f32).to_le_bytes(), 2_f32.to_le_bytes()].concat());
    for bit in ["conj", "strange"] {
        let error = error(&path, &dict(&[("b", tensor_with("0", &[bit]))]), &["0"]);
        assert!(
            error.contains(&format!("tensor \"b\": has the view bit \"{bit}\", which is not supported")),
            "{error}"
        );
    }
    let quantized = call("torch._utils._rebuild_qtensor", &[tensor("0")]);
    let error = error(&path, &dict(&[("state_dict", dict(&[("q", quantized.clone())]))]), &["0"]);
    assert!(error.contains("tensor \"q\" is quantized"), "{error}");
    // Elsewhere it is ignored.
    let pickle = dict(&[("state_dict", dict(&[("w", tensor("0"))])), ("observer", quantized)]);
    assert_eq!(names(&path, &pickle, &["0"]), ["w"]);
}

#[test]
fn pickles_that_copy_or_name_endlessly_are_rejected_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pth");
    let long = [&b"]q\x00("[..], &b"N".repeat(200_000), b"e"].concat();
    let pairs = [&b"}q\x00("[..], &b"NN".repeat(100_000), b"u"].concat();
    let copies = |name: &str| [b"0".to_vec(), global(name), b"h\x00\x85R".to_vec()].concat().repeat(20_000);
    let key = "k".repeat(5000);
    let list = |item: Pickle| [b"](".to_vec(), item, b"e".to_vec()].concat();
    let deep = (0..3).fold(tensor("0"), |inner, _| dict(&[(&key[..500], list(inner))]));
    let same = |count: usize| {
        let name = |index: usize| [text(&format!("t{index}")), b"h\x00".to_vec()].concat();
        [
            b"}".to_vec(),
            tensor("0"),
            b"q\x000(".to_vec(),
            (0..count).map(name).collect::<Vec<_>>().concat(),
            b"u".to_vec(),
        ]
        .concat()
    };
    let cases: [(Pickle, &str); 9] = [
        ([long.clone(), copies("builtins.list")].concat(), "copies its values endlessly"),
        ([long.clone(), copies("builtins.set")].concat(), "copies its values endlessly"),
        ([pairs.clone(), copies("builtins.dict")].concat(), "copies its values endlessly"),
        ([pairs, copies("collections.Counter")].concat(), "copies its values endlessly"),
        // A call with a tuple of many arguments, over and over.
        (
            [
                &b"("[..],
                &b"N".repeat(200_000),
                b"tq\x00",
                &[&global("torch.device")[..], b"h\x00R0"].concat().repeat(20_000),
            ]
            .concat(),
            "copies its values endlessly",
        ),
        (dict(&[(&key, tensor("0"))]), "name is longer than 1024 bytes"),
        (deep, "name is longer than 1024 bytes"),
        (b"q\x00q\x01".repeat(3_000_000), "empty stack"),
        ([b"N".to_vec(), b"r\x00\x00\x00\x00".repeat(4_500_000)].concat(), "creates more than"),
    ];
    for (pickle, word) in cases {
        let began = Instant::now();
        let error = error(&path, &pickle, &["0"]);
        assert!(error.contains(word), "{word}: {error}");
        assert!(began.elapsed() < Duration::from_secs(20), "{word}: {:?}", began.elapsed());
    }
    // The same numbers under very many names; two names for one tensor are usual.
    assert_eq!(names(&path, &same(2), &["0"]).len(), 2);
}
