//! The names that a pickle of weights may use, and what each stands for here.

use safetensors::Dtype;

/// A name of the list.
#[derive(Debug)]
pub(in super::super) struct Global {
    pub(super) module: &'static str,
    pub(super) name: &'static str,
    pub(super) meaning: Meaning,
}

/// What calling it gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    /// A dictionary of its argument, which is mostly none.
    Dict,
    /// A list.
    List,
    /// A tuple of its arguments.
    Tuple,
    /// The type of a storage; never called.
    Storage(Option<Dtype>),
    /// A type of numbers; never called.
    Number(Dtype),
    /// `(storage, offset, size, stride, ...)`.
    Tensor,
    /// As `Tensor`, and the type of the numbers at place 6.
    TypedTensor,
    /// `(tensor, ...)` gives the tensor.
    First,
    /// `(function, type, arguments, state)`: calls the function.
    FromType,
    /// Something that is of no interest, whatever its arguments are.
    Opaque,
}

/// The entry of a name.
pub(super) fn find(module: &str, name: &str) -> Option<&'static Global> {
    LIST.iter().find(|global| global.module == module && global.name == name)
}

const fn global(module: &'static str, name: &'static str, meaning: Meaning) -> Global {
    Global { module, name, meaning }
}

const fn storage(module: &'static str, name: &'static str, dtype: Dtype) -> Global {
    global(module, name, Meaning::Storage(Some(dtype)))
}

const fn number(name: &'static str, dtype: Dtype) -> Global {
    global("torch", name, Meaning::Number(dtype))
}

static LIST: &[Global] = &[
    global("collections", "OrderedDict", Meaning::Dict),
    global("collections", "defaultdict", Meaning::Dict),
    global("builtins", "dict", Meaning::Dict),
    global("__builtin__", "dict", Meaning::Dict),
    global("builtins", "list", Meaning::List),
    global("__builtin__", "list", Meaning::List),
    global("builtins", "set", Meaning::List),
    global("__builtin__", "set", Meaning::List),
    global("builtins", "bytearray", Meaning::Opaque),
    global("_codecs", "encode", Meaning::Opaque),
    global("argparse", "Namespace", Meaning::Opaque),
    global("torch._utils", "_rebuild_tensor", Meaning::Tensor),
    global("torch._utils", "_rebuild_tensor_v2", Meaning::Tensor),
    global("torch._utils", "_rebuild_tensor_v3", Meaning::TypedTensor),
    global("torch._utils", "_rebuild_parameter", Meaning::First),
    global("torch._utils", "_rebuild_parameter_with_state", Meaning::First),
    global("torch._tensor", "_rebuild_from_type_v2", Meaning::FromType),
    global("torch", "Size", Meaning::Tuple),
    global("torch", "device", Meaning::Opaque),
    global("torch", "Tensor", Meaning::Opaque),
    global("torch.nn.parameter", "Parameter", Meaning::First),
    global("torch.nn.parameter", "Buffer", Meaning::First),
    global("torch.serialization", "_get_layout", Meaning::Opaque),
    storage("torch", "DoubleStorage", Dtype::F64),
    storage("torch", "FloatStorage", Dtype::F32),
    storage("torch", "HalfStorage", Dtype::F16),
    storage("torch", "BFloat16Storage", Dtype::BF16),
    storage("torch", "LongStorage", Dtype::I64),
    storage("torch", "IntStorage", Dtype::I32),
    storage("torch", "ShortStorage", Dtype::I16),
    storage("torch", "CharStorage", Dtype::I8),
    storage("torch", "ByteStorage", Dtype::U8),
    storage("torch", "BoolStorage", Dtype::BOOL),
    storage("torch.cuda", "DoubleStorage", Dtype::F64),
    storage("torch.cuda", "FloatStorage", Dtype::F32),
    storage("torch.cuda", "HalfStorage", Dtype::F16),
    storage("torch.cuda", "BFloat16Storage", Dtype::BF16),
    storage("torch.cuda", "LongStorage", Dtype::I64),
    storage("torch.cuda", "IntStorage", Dtype::I32),
    storage("torch.cuda", "ShortStorage", Dtype::I16),
    storage("torch.cuda", "CharStorage", Dtype::I8),
    storage("torch.cuda", "ByteStorage", Dtype::U8),
    storage("torch.cuda", "BoolStorage", Dtype::BOOL),
    global("torch.storage", "UntypedStorage", Meaning::Storage(None)),
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
    number("float8_e4m3fn", Dtype::F8_E4M3),
    number("float8_e5m2", Dtype::F8_E5M2),
    global("numpy", "dtype", Meaning::Opaque),
    global("numpy", "ndarray", Meaning::Opaque),
    global("numpy.core.multiarray", "scalar", Meaning::Opaque),
    global("numpy.core.multiarray", "_reconstruct", Meaning::Opaque),
    global("numpy._core.multiarray", "scalar", Meaning::Opaque),
    global("numpy._core.multiarray", "_reconstruct", Meaning::Opaque),
    global("numpy.dtypes", "Float64DType", Meaning::Opaque),
    global("numpy.dtypes", "Float32DType", Meaning::Opaque),
    global("numpy.dtypes", "Int64DType", Meaning::Opaque),
];
