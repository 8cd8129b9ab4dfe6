//! What a pickle builds.

use std::collections::HashMap;

use safetensors::Dtype;

/// A value's index in [`Unpickled`].
pub(in super::super) type Id = u32;

/// Everything that a pickle built. Values refer to each other by index, as in Python: a dictionary can be filled after
/// others refer to it.
pub(in super::super) struct Unpickled {
    pub(super) values: Vec<Value>,
    /// The pickled object.
    pub(super) root: Id,
}

impl Unpickled {
    pub(in super::super) fn root(&self) -> &Value {
        self.get(self.root)
    }

    pub(in super::super) fn get(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    /// The type of every storage's numbers, by its key.
    pub(in super::super) fn storages(&self) -> HashMap<&str, Dtype> {
        let storages = self.values.iter().filter_map(|value| match value {
            Value::Storage(storage) => Some((storage.key.as_str(), storage.dtype?)),
            _ => None,
        });
        storages.collect()
    }

    /// The strings of a list or tuple of strings.
    pub(in super::super) fn texts(&self, value: &Value) -> Option<Vec<&str>> {
        let items = value.items()?.iter().map(|id| match self.get(*id) {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        });
        items.collect()
    }
}

/// A Python object.
#[derive(Clone, Debug)]
pub(in super::super) enum Value {
    Int(i64),
    Bool(bool),
    Text(String),
    Tuple(Vec<Id>),
    /// Lists and sets.
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class, function or constant such as `torch.float32` from the list of names.
    Global(&'static super::globals::Global),
    Storage(Box<Storage>),
    Tensor(Box<TensorView>),
    /// An unsupported kind of tensor, as a phrase: `is quantized`.
    Foreign(&'static str),
    /// Bytes, by their place in a pickle of arrays.
    Bytes {
        start: u64,
        length: u64,
    },
    /// A NumPy array, before its state.
    Array,
    /// A NumPy number type, if it is supported.
    ArrayType(Option<Dtype>),
    /// Anything else, which is ignored: `None`, a learning rate, a device, a NumPy number, options.
    Opaque,
}

impl Value {
    /// Of a list or tuple.
    pub(in super::super) fn items(&self) -> Option<&[Id]> {
        match self {
            Self::Tuple(items) | Self::List(items) => Some(items),
            _ => None,
        }
    }
}

/// A flat sequence of numbers, somewhere in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Storage {
    /// `None`: raw bytes, whose type the tensors state.
    pub(in super::super) dtype: Option<Dtype>,
    /// Its name in the file.
    pub(in super::super) key: String,
    /// Number of elements (of bytes, if it has no type).
    pub(in super::super) count: u64,
    /// The offset in the enclosing storage: old files have storages within storages.
    pub(in super::super) first: u64,
}

/// A tensor: some of a storage's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct TensorView {
    pub(in super::super) storage: Storage,
    pub(in super::super) dtype: Dtype,
    /// The index of its first number in the storage.
    pub(in super::super) offset: u64,
    pub(in super::super) shape: Vec<usize>,
    /// In numbers.
    pub(in super::super) strides: Vec<usize>,
    /// Names of the set view bits: `neg`, `conj`.
    pub(in super::super) bits: Vec<String>,
}
