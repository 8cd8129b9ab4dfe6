//! The header of a GGUF file: keys with values, and the names, shapes and places of the tensors. Specified in ggml's
//! docs/gguf.md.
//!
//! The file is untrusted input. Every length is checked against the file's before anything is allocated; candle's own
//! reader stores each number of an array in 32 bytes and divides by the file's alignment, even if that is 0.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::quantized::GgmlDType;
use dl_record::file::open_regular;

use crate::checkpoint::printable;

/// Bytes before the numbers; the header of a vocabulary of 256,000 tokens takes 20 MB.
const LONGEST: u64 = 64 << 20;
const MOST_KEYS: u64 = 1 << 16;
const MOST_TENSORS: u64 = 1 << 16;
/// Bytes of a key or of a tensor's name; the specification allows 65,535.
const LONGEST_NAME: u64 = 1 << 16;
/// Dimensions of a tensor.
const MOST_DIMENSIONS: u32 = 4;
const LARGEST_ALIGNMENT: u64 = 1 << 16;
/// The beginnings of the keys that are kept; the others describe the file to people.
const KEPT: [&str; 5] = ["general.architecture", "general.alignment", "llama.", "split.", "tokenizer.ggml."];

/// A value in the header.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field {
    Integer(i64),
    Real(f64),
    Flag(bool),
    Text(String),
    Integers(Vec<i64>),
    Reals(Vec<f32>),
    Texts(Vec<String>),
}

/// What the header states about a tensor.
#[derive(Debug)]
pub(super) struct TensorPlace {
    /// Rows, then columns.
    pub(super) shape: Vec<usize>,
    pub(super) kind: GgmlDType,
    /// From the first byte of the numbers.
    pub(super) offset: u64,
}

/// A header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) fields: BTreeMap<String, Field>,
    pub(super) tensors: BTreeMap<String, TensorPlace>,
    /// The first byte of the numbers.
    pub(super) start: u64,
}

impl Header {
    /// Reads and checks the header; afterwards every tensor is known to be in the file.
    /// # Errors
    /// When the file cannot be read, is truncated, or states what cannot be.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = open_regular(path).context("cannot be opened")?;
        let size = file.metadata()?.len();
        let mut source = Source { file: BufReader::new(file), at: 0, size };
        ensure!(source.take::<4>()? == *b"GGUF", "is not a GGUF file");
        let version = source.u32()?;
        ensure!(matches!(version, 2 | 3), "is of version {version} of GGUF; 2 and 3 are supported");
        let (tensor_count, key_count) = (source.u64()?, source.u64()?);
        ensure!(tensor_count <= MOST_TENSORS, "claims {tensor_count} tensors; up to {MOST_TENSORS} are supported");
        ensure!(key_count <= MOST_KEYS, "claims {key_count} keys; up to {MOST_KEYS} are supported");
        let mut fields = BTreeMap::new();
        for _ in 0..key_count {
            let key = source.text(LONGEST_NAME)?;
            let kept = KEPT.iter().any(|start| key.starts_with(start));
            let field = source.field(kept).with_context(|| format!("its key \"{}\"", printable(&key)))?;
            if let Some(field) = field {
                fields.insert(key, field);
            }
        }
        let mut tensors = BTreeMap::new();
        for _ in 0..tensor_count {
            let name = source.text(LONGEST_NAME)?;
            let place = source.place().with_context(|| of_tensor(&name))?;
            ensure!(!tensors.contains_key(&name), "{}: occurs twice", of_tensor(&name));
            tensors.insert(name, place);
        }
        let mut header = Self { fields, tensors, start: 0 };
        let alignment = header.integer("general.alignment")?.unwrap_or(32);
        ensure!(
            (1..=LARGEST_ALIGNMENT).contains(&alignment),
            "general.alignment is {alignment}; expected 1 to {LARGEST_ALIGNMENT}"
        );
        header.start = source.at.next_multiple_of(alignment);
        header.check_places(size)?;
        Ok(header)
    }

    /// Checks that the tensors are in the file, and are not many times its size in sum.
    fn check_places(&self, size: u64) -> Result<()> {
        let mut sum = 0_u64;
        for (name, place) in &self.tensors {
            let bytes = place.bytes().with_context(|| of_tensor(name))?;
            let end = self.start.checked_add(place.offset).and_then(|start| start.checked_add(bytes));
            ensure!(
                end.is_some_and(|end| end <= size),
                "is truncated: {} ends at byte {}, the file at {size}",
                of_tensor(name),
                end.unwrap_or(u64::MAX)
            );
            sum = sum.saturating_add(bytes);
        }
        ensure!(sum <= size, "its tensors overlap: they have {sum} bytes, the file {size}");
        Ok(())
    }

    /// A text; `None` if there is no such key.
    /// # Errors
    /// When the value is something else.
    pub(super) fn text(&self, key: &str) -> Result<Option<&str>> {
        match self.fields.get(key) {
            None => Ok(None),
            Some(Field::Text(text)) => Ok(Some(text)),
            Some(_) => bail!("its key {key} is not a text"),
        }
    }

    /// An integer of at least 0; `None` if there is no such key.
    /// # Errors
    /// When the value is something else.
    pub(super) fn integer(&self, key: &str) -> Result<Option<u64>> {
        match self.fields.get(key) {
            None => Ok(None),
            Some(Field::Integer(number)) if *number >= 0 => Ok(Some(*number as u64)),
            Some(_) => bail!("its key {key} is not a number from 0"),
        }
    }

    /// A number; `None` if there is no such key.
    /// # Errors
    /// When the value is something else.
    pub(super) fn real(&self, key: &str) -> Result<Option<f64>> {
        match self.fields.get(key) {
            None => Ok(None),
            Some(Field::Real(number)) => Ok(Some(*number)),
            Some(Field::Integer(number)) => Ok(Some(*number as f64)),
            Some(_) => bail!("its key {key} is not a number"),
        }
    }

    /// A flag; `None` if there is no such key.
    /// # Errors
    /// When the value is something else.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.fields.get(key) {
            None => Ok(None),
            Some(Field::Flag(flag)) => Ok(Some(*flag)),
            Some(_) => bail!("its key {key} is neither true nor false"),
        }
    }
}

/// A tensor in a message.
pub(super) fn of_tensor(name: &str) -> String {
    format!("tensor \"{}\"", printable(name))
}

impl TensorPlace {
    /// Its length in bytes.
    fn bytes(&self) -> Result<u64> {
        let numbers = self.shape.iter().try_fold(1_usize, |all, side| all.checked_mul(*side));
        let block = self.kind.block_size();
        ensure!(
            self.shape.last().is_some_and(|columns| *columns > 0 && columns.is_multiple_of(block)),
            "its shape {:?} cannot be divided into blocks of {block} numbers",
            self.shape
        );
        let bytes = numbers.and_then(|numbers| (numbers / block).checked_mul(self.kind.type_size()));
        match bytes {
            Some(bytes) if bytes > 0 => Ok(bytes as u64),
            _ => bail!("its shape {:?} cannot be", self.shape),
        }
    }
}

/// The file, with what is left of it.
struct Source {
    file: BufReader<File>,
    at: u64,
    size: u64,
}

impl Source {
    /// Counts `length` bytes as read, if there are as many.
    fn advance(&mut self, length: u64) -> Result<()> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.size);
        self.at =
            end.with_context(|| format!("is truncated: its header goes on after the file's {} bytes", self.size))?;
        ensure!(self.at <= LONGEST, "has a header of more than {LONGEST} bytes, which is not supported");
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.advance(N as u64)?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn skip(&mut self, length: u64) -> Result<()> {
        self.advance(length)?;
        std::io::copy(&mut self.file.by_ref().take(length), &mut std::io::sink())?;
        Ok(())
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    fn text(&mut self, longest: u64) -> Result<String> {
        let length = self.u64()?;
        ensure!(length <= longest, "has a text of {length} bytes; up to {longest} are supported");
        self.advance(length)?;
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        // Some writers store tokens that are parts of a character.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A value, of which nothing is stored unless it is `kept`.
    fn field(&mut self, kept: bool) -> Result<Option<Field>> {
        let kind = Kind::of(self.u32()?)?;
        if kept {
            return self.kept(kind).map(Some);
        }
        let (kind, count) = match kind {
            Kind::Array => (Kind::of(self.u32()?)?, self.u64()?),
            kind => (kind, 1),
        };
        match kind.size() {
            Some(size) => self.skip(count.saturating_mul(size))?,
            None if kind == Kind::Text => {
                for _ in 0..count {
                    let length = self.u64()?;
                    self.skip(length)?;
                }
            }
            None => bail!("is an array of arrays, which is not supported"),
        }
        Ok(None)
    }

    fn kept(&mut self, kind: Kind) -> Result<Field> {
        Ok(match kind {
            Kind::Text => Field::Text(self.text(LONGEST)?),
            Kind::Real(_) => Field::Real(self.number(kind)?),
            Kind::Flag => Field::Flag(self.take::<1>()? != [0]),
            Kind::Integer { .. } => Field::Integer(self.integer(kind)?),
            Kind::Array => {
                let (kind, count) = (Kind::of(self.u32()?)?, self.u64()?);
                // The file bounds what is pushed.
                match kind {
                    Kind::Text => Field::Texts((0..count).map(|_| self.text(LONGEST)).collect_lazily()?),
                    Kind::Real(_) => Field::Reals((0..count).map(|_| Ok(self.number(kind)? as f32)).collect_lazily()?),
                    Kind::Integer { .. } => Field::Integers((0..count).map(|_| self.integer(kind)).collect_lazily()?),
                    Kind::Flag => {
                        let flags = (0..count).map(|_| Ok(i64::from(self.take::<1>()? != [0])));
                        Field::Integers(flags.collect_lazily()?)
                    }
                    Kind::Array => bail!("is an array of arrays, which is not supported"),
                }
            }
        })
    }

    fn number(&mut self, kind: Kind) -> Result<f64> {
        Ok(match kind {
            Kind::Real(4) => f32::from_le_bytes(self.take()?).into(),
            _ => f64::from_le_bytes(self.take()?),
        })
    }

    fn integer(&mut self, kind: Kind) -> Result<i64> {
        let Kind::Integer { size, signed } = kind else { bail!("is not an integer") };
        Ok(match (size, signed) {
            (1, false) => u8::from_le_bytes(self.take()?).into(),
            (1, true) => i8::from_le_bytes(self.take()?).into(),
            (2, false) => u16::from_le_bytes(self.take()?).into(),
            (2, true) => i16::from_le_bytes(self.take()?).into(),
            (4, false) => u32::from_le_bytes(self.take()?).into(),
            (4, true) => i32::from_le_bytes(self.take()?).into(),
            (_, true) => i64::from_le_bytes(self.take()?),
            (_, false) => self.u64()?.try_into().context("is too large")?,
        })
    }

    fn place(&mut self) -> Result<TensorPlace> {
        let dimensions = self.u32()?;
        ensure!(
            (1..=MOST_DIMENSIONS).contains(&dimensions),
            "has {dimensions} dimensions; 1 to {MOST_DIMENSIONS} are supported"
        );
        let mut shape = (0..dimensions).map(|_| Ok(usize::try_from(self.u64()?)?)).collect::<Result<Vec<_>>>()?;
        // The fastest comes first in the file.
        shape.reverse();
        let kind = kind_of_numbers(self.u32()?)?;
        Ok(TensorPlace { shape, kind, offset: self.u64()? })
    }
}

/// Collects without reserving memory for the length that an iterator claims.
trait CollectLazily<T> {
    fn collect_lazily(self) -> Result<Vec<T>>;
}

impl<T, I: Iterator<Item = Result<T>>> CollectLazily<T> for I {
    fn collect_lazily(self) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for item in self {
            all.push(item?);
        }
        Ok(all)
    }
}

/// The kind of a value.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Integer {
        size: u64,
        signed: bool,
    },
    /// Of 4 or 8 bytes.
    Real(u64),
    Flag,
    Text,
    Array,
}

impl Kind {
    fn of(number: u32) -> Result<Self> {
        let integer = |size, signed| Self::Integer { size, signed };
        Ok(match number {
            0 => integer(1, false),
            1 => integer(1, true),
            2 => integer(2, false),
            3 => integer(2, true),
            4 => integer(4, false),
            5 => integer(4, true),
            6 => Self::Real(4),
            7 => Self::Flag,
            8 => Self::Text,
            9 => Self::Array,
            10 => integer(8, false),
            11 => integer(8, true),
            12 => Self::Real(8),
            other => bail!("has a value of the unknown type {other}"),
        })
    }

    /// Bytes of a value, where all have as many.
    fn size(self) -> Option<u64> {
        match self {
            Self::Integer { size, .. } | Self::Real(size) => Some(size),
            Self::Flag => Some(1),
            Self::Text | Self::Array => None,
        }
    }
}

/// The number types that candle computes with.
fn kind_of_numbers(number: u32) -> Result<GgmlDType> {
    Ok(match number {
        0 => GgmlDType::F32,
        1 => GgmlDType::F16,
        2 => GgmlDType::Q4_0,
        3 => GgmlDType::Q4_1,
        6 => GgmlDType::Q5_0,
        7 => GgmlDType::Q5_1,
        8 => GgmlDType::Q8_0,
        10 => GgmlDType::Q2K,
        11 => GgmlDType::Q3K,
        12 => GgmlDType::Q4K,
        13 => GgmlDType::Q5K,
        14 => GgmlDType::Q6K,
        30 => GgmlDType::BF16,
        other => bail!(
            "has numbers of ggml's type {other}; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and Q2_K to Q6_K are supported"
        ),
    })
}
