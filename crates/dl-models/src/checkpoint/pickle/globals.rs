//! The names that a pickle of weights may use, and their meanings.
//!
//! The list contains what `torch.load(weights_only=True)` allows, and what training scripts store with the weights:
//! states of optimizers and schedules, options, paths, NumPy numbers. The latter are neither executed nor interpreted.

use safetensors::Dtype;

/// An entry of the list.
#[derive(Debug)]
pub(in super::super) struct Global {
    pub(super) module: &'static str,
    pub(super) name: &'static str,
    pub(super) meaning: Meaning,
}

/// The result of calling it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    /// A dictionary of its argument, which is usually absent.
    Dict,
    /// A list.
    List,
    /// A tuple of its arguments.
    Tuple,
    /// A storage type; never called.
    Storage(Option<Dtype>),
    /// A number type; never called.
    Number(Dtype),
    /// `(storage, offset, size, stride, ...)`, with the meaning of its bits at index 6.
    Tensor,
    /// As `Tensor`, with the number type at index 6 and the meaning of its bits at index 7.
    TypedTensor,
    /// `(tensor, ...)` gives the tensor.
    First,
    /// `(function, type, arguments, state)`: calls the function.
    FromType,
    /// An unsupported kind of tensor, as a phrase: `is quantized`.
    Foreign(&'static str),
    /// `(class, name)`: a method, ignored for classes of `torch.optim` and rejected for others.
    Method,
    /// NumPy's `_reconstruct`: an array whose state follows. Ignored, except in a pickle of arrays.
    Array,
    /// `numpy.dtype`: a number type by its code, `f4`. Ignored, except in a pickle of arrays.
    ArrayType,
    /// Something to ignore, whatever its arguments.
    Opaque,
}

/// Finds the entry of a name.
pub(super) fn find(module: &str, name: &str) -> Option<&'static Global> {
    if let Some(listed) = LIST.iter().find(|global| global.module == module && global.name == name) {
        return Some(listed);
    }
    // Modules have been renamed over time.
    let module = match module {
        "__builtin__" => "builtins",
        "copy_reg" => "copyreg",
        "pathlib._local" => "pathlib",
        "torch.cuda" if name.ends_with("Storage") => "torch",
        _ => module,
    };
    let module = module.strip_prefix("numpy.core.").map_or(module.to_owned(), |rest| format!("numpy._core.{rest}"));
    let listed = LIST.iter().find(|global| global.module == module && global.name == name);
    listed.or_else(|| FAMILIES.iter().find(|(is_of, _)| is_of(&module, name)).map(|(_, global)| global))
}

const fn global(module: &'static str, name: &'static str, meaning: Meaning) -> Global {
    Global { module, name, meaning }
}

const fn storage(name: &'static str, dtype: Dtype) -> Global {
    global("torch", name, Meaning::Storage(Some(dtype)))
}

const fn number(name: &'static str, dtype: Dtype) -> Global {
    global("torch", name, Meaning::Number(dtype))
}

const fn opaque(module: &'static str, name: &'static str) -> Global {
    global(module, name, Meaning::Opaque)
}

/// Classes of optimizers and schedules.
pub(super) const OF_OPTIMIZERS: &str = "torch.optim";

/// Whether it is this module or a submodule.
fn is_in(module: &str, package: &str) -> bool {
    module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whole families of names.
type Family = (fn(&str, &str) -> bool, Global);

static FAMILIES: &[Family] = &[
    (|module, _| is_in(module, OF_OPTIMIZERS), opaque(OF_OPTIMIZERS, "*")),
    (|module, name| module == "numpy.dtypes" && name.ends_with("DType"), opaque("numpy.dtypes", "*DType")),
    (|module, _| is_in(module, "numpy.random"), opaque("numpy.random", "*")),
    (
        |module, name| {
            matches!(module, "torch" | "torch.cuda" | "torch.sparse" | "torch.cuda.sparse") && name.ends_with("Tensor")
        },
        opaque("torch", "*Tensor"),
    ),
    (|module, _| is_in(module, "torch.amp") || is_in(module, "torch.cuda.amp"), opaque("torch.amp", "*")),
    (|module, _| is_in(module, "omegaconf"), opaque("omegaconf", "*")),
    (|module, _| is_in(module, "mmengine") || is_in(module, "mmcv"), opaque("mmengine", "*")),
    (
        |module, _| ["pytorch_lightning", "lightning", "lightning_fabric"].iter().any(|package| is_in(module, package)),
        opaque("lightning", "*"),
    ),
    // Unsupported number types: float8_e8m0fnu, uint4, bits8, complex64, qint8.
    (
        |module, name| {
            let kinds = ["float8_", "float4_", "uint", "int", "bits", "complex", "quint", "qint"];
            let of_kind = |kind: &&str| {
                name.strip_prefix(*kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
            };
            module == "torch" && kinds.iter().any(of_kind)
        },
        opaque("torch", "*"),
    ),
];

static LIST: &[Global] = &[
    global("collections", "OrderedDict", Meaning::Dict),
    global("collections", "defaultdict", Meaning::Dict),
    global("collections", "Counter", Meaning::Dict),
    opaque("collections", "deque"),
    global("builtins", "dict", Meaning::Dict),
    global("builtins", "list", Meaning::List),
    global("builtins", "set", Meaning::List),
    global("builtins", "frozenset", Meaning::List),
    global("builtins", "tuple", Meaning::Tuple),
    opaque("builtins", "bytearray"),
    opaque("builtins", "bytes"),
    opaque("builtins", "complex"),
    opaque("builtins", "bool"),
    opaque("builtins", "int"),
    opaque("builtins", "float"),
    opaque("builtins", "str"),
    opaque("builtins", "object"),
    opaque("builtins", "range"),
    opaque("builtins", "slice"),
    opaque("builtins", "type"),
    // An option of a schedule: `getattr(OneCycleLR, "_annealing_cos")`.
    global("builtins", "getattr", Meaning::Method),
    global("__builtin__", "getattr", Meaning::Method),
    opaque("functools", "partial"),
    opaque("copyreg", "_reconstructor"),
    opaque("_codecs", "encode"),
    opaque("argparse", "Namespace"),
    opaque("types", "SimpleNamespace"),
    opaque("datetime", "datetime"),
    opaque("datetime", "date"),
    opaque("datetime", "time"),
    opaque("datetime", "timedelta"),
    opaque("datetime", "timezone"),
    opaque("decimal", "Decimal"),
    opaque("fractions", "Fraction"),
    opaque("uuid", "UUID"),
    opaque("uuid", "SafeUUID"),
    opaque("pathlib", "Path"),
    opaque("pathlib", "PosixPath"),
    opaque("pathlib", "WindowsPath"),
    opaque("pathlib", "PurePath"),
    opaque("pathlib", "PurePosixPath"),
    opaque("pathlib", "PureWindowsPath"),
    // Dictionaries of options, sometimes of weights.
    global("easydict", "EasyDict", Meaning::Dict),
    global("yacs.config", "CfgNode", Meaning::Dict),
    global("addict.addict", "Dict", Meaning::Dict),
    global("torch._utils", "_rebuild_tensor", Meaning::Tensor),
    global("torch._utils", "_rebuild_tensor_v2", Meaning::Tensor),
    global("torch._utils", "_rebuild_tensor_v3", Meaning::TypedTensor),
    global("torch._utils", "_rebuild_parameter", Meaning::First),
    global("torch._utils", "_rebuild_parameter_with_state", Meaning::First),
    global("torch._utils", "_rebuild_device_tensor_from_cpu_tensor", Meaning::First),
    global("torch._utils", "_rebuild_device_tensor_from_numpy", Meaning::Foreign("is stored as a NumPy array")),
    global("torch._utils", "_rebuild_qtensor", Meaning::Foreign("is quantized")),
    global("torch._utils", "_rebuild_sparse_tensor", Meaning::Foreign("is sparse")),
    global("torch._utils", "_rebuild_sparse_csr_tensor", Meaning::Foreign("is sparse")),
    global("torch._utils", "_rebuild_nested_tensor", Meaning::Foreign("is nested")),
    global("torch._utils", "_rebuild_meta_tensor_no_storage", Meaning::Foreign("has no data (device meta)")),
    global("torch._utils", "_rebuild_wrapper_subclass", Meaning::Foreign("is an instance of a custom class")),
    global("torch._tensor", "_rebuild_from_type_v2", Meaning::FromType),
    global("torch", "Size", Meaning::Tuple),
    opaque("torch", "device"),
    opaque("torch", "Tensor"),
    opaque("torch", "contiguous_format"),
    opaque("torch", "channels_last"),
    opaque("torch", "preserve_format"),
    opaque("torch", "strided"),
    opaque("torch", "per_tensor_affine"),
    opaque("torch", "per_tensor_symmetric"),
    opaque("torch", "per_channel_affine"),
    opaque("torch", "per_channel_symmetric"),
    opaque("torch", "per_channel_affine_float_qparams"),
    global("torch.nn.parameter", "Parameter", Meaning::First),
    global("torch.nn.parameter", "Buffer", Meaning::First),
    opaque("torch.serialization", "_get_layout"),
    storage("DoubleStorage", Dtype::F64),
    storage("FloatStorage", Dtype::F32),
    storage("HalfStorage", Dtype::F16),
    storage("BFloat16Storage", Dtype::BF16),
    storage("LongStorage", Dtype::I64),
    storage("IntStorage", Dtype::I32),
    storage("ShortStorage", Dtype::I16),
    storage("CharStorage", Dtype::I8),
    storage("ByteStorage", Dtype::U8),
    storage("BoolStorage", Dtype::BOOL),
    storage("ComplexFloatStorage", Dtype::C64),
    storage("QInt8Storage", Dtype::I8),
    storage("QUInt8Storage", Dtype::U8),
    storage("QInt32Storage", Dtype::I32),
    global("torch", "ComplexDoubleStorage", Meaning::Storage(None)),
    global("torch", "QUInt4x2Storage", Meaning::Storage(None)),
    global("torch", "QUInt2x4Storage", Meaning::Storage(None)),
    global("torch", "UntypedStorage", Meaning::Storage(None)),
    global("torch.storage", "UntypedStorage", Meaning::Storage(None)),
    global("torch.storage", "TypedStorage", Meaning::Storage(None)),
    number("float64", Dtype::F64),
    number("float32", Dtype::F32),
    number("float16", Dtype::F16),
    number("bfloat16", Dtype::BF16),
    number("int64", Dtype::I64),
    number("int32", Dtype::I32),
    number("int16", Dtype::I16),
    number("int8", Dtype::I8),
    number("uint8", Dtype::U8),
    number("uint16", Dtype::U16),
    number("uint32", Dtype::U32),
    number("uint64", Dtype::U64),
    number("bool", Dtype::BOOL),
    number("complex64", Dtype::C64),
    number("float8_e4m3fn", Dtype::F8_E4M3),
    number("float8_e5m2", Dtype::F8_E5M2),
    global("numpy", "dtype", Meaning::ArrayType),
    opaque("numpy", "ndarray"),
    opaque("numpy", "bool_"),
    opaque("numpy", "bool"),
    opaque("numpy", "float16"),
    opaque("numpy", "float32"),
    opaque("numpy", "float64"),
    opaque("numpy", "int8"),
    opaque("numpy", "int16"),
    opaque("numpy", "int32"),
    opaque("numpy", "int64"),
    opaque("numpy", "uint8"),
    opaque("numpy", "uint16"),
    opaque("numpy", "uint32"),
    opaque("numpy", "uint64"),
    opaque("numpy", "str_"),
    opaque("numpy._core.multiarray", "scalar"),
    global("numpy._core.multiarray", "_reconstruct", Meaning::Array),
    opaque("numpy._core.numeric", "_frombuffer"),
];
