//! What a pickle builds.

use std::collections::HashMap;

use safetensors::Dtype;

/// A value's place in [`Unpickled`].
pub(in super::super) type Id = u32;

/// Everything that a pickle built. Values refer to others by their place, as Python's do: a dictionary may be filled
/// after others have taken hold of it.
pub(in super::super) struct Unpickled {
    pub(super) values: Vec<Value>,
    /// What the pickle is.
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

    /// The texts of a list or tuple of texts.
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
    /// A class or function of the list of names; `torch.float32` too.
    Global(&'static super::globals::Global),
    Storage(Box<Storage>),
    Tensor(Box<TensorView>),
    /// A tensor of a kind that is not read, in words: `is quantized`.
    Foreign(&'static str),
    /// Something that is no weight and of no interest: `None`, a learning rate, a device, a NumPy number, options.
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

/// A flat run of numbers, somewhere in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Storage {
    /// `None`: bytes, whose tensors say what they are.
    pub(in super::super) dtype: Option<Dtype>,
    /// Its name in the file.
    pub(in super::super) key: String,
    /// How many numbers (bytes, if it has no type).
    pub(in super::super) count: u64,
    /// The number of another storage that it begins at: old files have storages within storages.
    pub(in super::super) first: u64,
}

/// A tensor: some of a storage's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct TensorView {
    pub(in super::super) storage: Storage,
    pub(in super::super) dtype: Dtype,
    /// The number of the storage that is its first.
    pub(in super::super) offset: u64,
    pub(in super::super) shape: Vec<usize>,
    /// In numbers.
    pub(in super::super) strides: Vec<usize>,
    /// Names of the bits that say how the numbers are meant: `neg`, `conj`.
    pub(in super::super) bits: Vec<String>,
}
