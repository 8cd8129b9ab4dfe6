//! The pickle machine.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use anyhow::{Context, Result, anyhow, bail, ensure};
use safetensors::Dtype;

use super::super::printable;
use super::globals::{Global, Meaning, OF_OPTIMIZERS, find};
use super::value::{Id, Storage, TensorView, Unpickled, Value};

/// Values and references that one pickle may create: far more than any weights file needs, and at most a few hundred
/// megabytes.
const MOST_VALUES: usize = 1 << 22;
/// References that may be copied between values: a pickle could ask for copies of a long list over and over.
const MOST_COPIES: usize = 1 << 24;
/// Bytes of a pickle; the numbers of weights are stored outside of it.
pub(in super::super) const LONGEST_PICKLE: u64 = 1 << 28;
/// The longest name of a storage; most are numbers.
const LONGEST_KEY: usize = 256;

/// Runs the pickle at the start of `input`, without reading past its end.
/// # Errors
/// When it names something that is not on the list, is malformed, or is truncated.
pub(in super::super) fn unpickle(input: &mut dyn BufRead) -> Result<Unpickled> {
    run(input, LONGEST_PICKLE, false)
}

/// Runs a pickle that is a whole file of `size` bytes and holds NumPy arrays, as tensors whose storage is named by the
/// place of its first byte. Arrays of other pickles are ignored.
/// # Errors
/// As [`unpickle`].
pub(in super::super) fn unpickle_arrays(input: &mut dyn BufRead, size: u64) -> Result<Unpickled> {
    run(input, size, true)
}

fn run(input: &mut dyn BufRead, longest: u64, arrays: bool) -> Result<Unpickled> {
    let mut machine = Machine {
        input,
        longest,
        left: longest,
        arrays,
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        made: 0,
        copied: 0,
    };
    loop {
        let opcode = machine.byte()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            return Ok(Unpickled { values: machine.values, root });
        }
        machine.step(opcode)?;
    }
}

struct Machine<'a> {
    input: &'a mut dyn BufRead,
    /// Bytes that may be read, and those that are left.
    longest: u64,
    left: u64,
    /// Whether NumPy arrays are tensors.
    arrays: bool,
    values: Vec<Value>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    made: usize,
    copied: usize,
}

impl Machine<'_> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            // The protocol, and the length of a frame.
            0x80 => drop(self.byte()?),
            0x95 => drop(self.number::<8>()?),
            b'(' => {
                self.count()?;
                self.marks.push(self.stack.len());
            }
            b'0' => match self.marks.last() {
                Some(mark) if *mark == self.stack.len() => drop(self.marks.pop()),
                _ => drop(self.pop()?),
            },
            b'1' => drop(self.pop_mark()?),
            b'2' => self.push_id(self.top()?)?,
            b'N' => self.push(Value::Opaque)?,
            0x88 | 0x89 => self.push(Value::Bool(opcode == 0x88))?,
            b'J' | b'K' | b'M' | b'I' | b'L' | 0x8a | 0x8b => {
                let value = self.integer(opcode)?;
                self.push(value)?;
            }
            b'G' => {
                self.array::<8>()?;
                self.push(Value::Opaque)?;
            }
            b'F' => {
                self.line()?;
                self.push(Value::Opaque)?;
            }
            b'X' | 0x8c | 0x8d | b'V' | b'T' | b'U' | b'S' => {
                let text = self.text(opcode)?;
                self.push(Value::Text(text))?;
            }
            b'B' | b'C' | 0x8e | 0x96 => {
                let length = self.length(opcode)?;
                let start = self.longest - self.left;
                self.skip(length)?;
                self.push(if self.arrays { Value::Bytes { start, length } } else { Value::Opaque })?;
            }
            b']' | 0x8f => self.push(Value::List(Vec::new()))?,
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b')' => self.push(Value::Tuple(Vec::new()))?,
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(opcode) - 0x84)?;
                self.push(Value::Tuple(items))?;
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Value::Tuple(items))?;
            }
            b'l' | 0x91 => {
                let items = self.pop_mark()?;
                self.push(Value::List(items))?;
            }
            b'd' => {
                let pairs = pairs(&self.pop_mark()?)?;
                self.push(Value::Dict(pairs))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.extend(items)?;
            }
            b's' => {
                let pair = self.pop_many(2)?;
                self.set_items(pair)?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set_items(items)?;
            }
            b'p' | b'q' | b'r' | 0x94 => {
                let place = self.place(opcode)?;
                self.count()?;
                self.memo.insert(place, self.top()?);
            }
            b'g' | b'h' | b'j' => {
                let place = self.place(opcode)?;
                let id = *self.memo.get(&place).context("the pickle reads an unset memo entry")?;
                self.push_id(id)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(named(&module, &name)?))?;
            }
            0x93 => {
                let [module, name] = self.pop_array()?;
                let (Value::Text(module), Value::Text(name)) = (self.get(module), self.get(name)) else {
                    bail!("the pickle names a class by something that is not a string");
                };
                let global = named(module, name)?;
                self.push(Value::Global(global))?;
            }
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let arguments = self.pop_mark()?;
                self.push(Value::Global(named(&module, &name)?))?;
                let callee = self.pop()?;
                self.call(callee, &arguments)?;
            }
            b'o' => {
                let arguments = self.pop_mark()?;
                let (callee, arguments) =
                    arguments.split_first().context("the pickle has a call without a function")?;
                self.call(*callee, arguments)?;
            }
            b'R' | 0x81 => {
                let [callee, arguments] = self.pop_array()?;
                let arguments = self.tuple(arguments)?;
                self.call(callee, &arguments)?;
            }
            0x92 => {
                let [callee, arguments, _] = self.pop_array()?;
                let arguments = self.tuple(arguments)?;
                self.call(callee, &arguments)?;
            }
            // The state of an array, or of another object: attributes of an OrderedDict (`_metadata`), of a parameter,
            // or of an ignored value.
            b'b' => {
                let state = self.pop()?;
                let object = self.top()?;
                if let Some(value) = self.array_with(object, state)? {
                    self.values[object as usize] = value;
                }
            }
            b'Q' => {
                let id = self.pop()?;
                self.persistent(id)?;
            }
            other => bail!("the pickle has the opcode {other:#04x}, which weights files do not use"),
        }
        Ok(())
    }

    // Reading.

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.take(N as u64)?;
        self.input.read_exact(&mut bytes).context("the pickle is truncated")?;
        Ok(bytes)
    }

    /// Counts bytes before they are read.
    fn take(&mut self, length: u64) -> Result<()> {
        let left = self.left.checked_sub(length);
        let beyond =
            || format!("the pickle is truncated, or longer than {} bytes: it is not a weights file", self.longest);
        self.left = left.with_context(beyond)?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// An unsigned number of N bytes.
    fn number<const N: usize>(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&self.array::<N>()?);
        Ok(u64::from_le_bytes(bytes))
    }

    /// Reads `length` bytes; memory grows only as they arrive, whatever the length claims.
    fn bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        self.take(length)?;
        let mut bytes = Vec::new();
        (&mut *self.input).take(length).read_to_end(&mut bytes)?;
        ensure!(bytes.len() as u64 == length, "the pickle is truncated");
        Ok(bytes)
    }

    /// Skips `length` bytes.
    fn skip(&mut self, length: u64) -> Result<()> {
        self.take(length)?;
        let skipped = std::io::copy(&mut (&mut *self.input).take(length), &mut std::io::sink())?;
        ensure!(skipped == length, "the pickle is truncated");
        Ok(())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        (&mut *self.input).take(1 << 20).read_until(b'\n', &mut line)?;
        self.take(line.len() as u64)?;
        ensure!(line.pop() == Some(b'\n'), "the pickle is truncated");
        Ok(latin_or_utf8(line))
    }

    /// The length prefix of bytes or text.
    fn length(&mut self, opcode: u8) -> Result<u64> {
        match opcode {
            b'U' | b'C' | 0x8c => self.number::<1>(),
            0x8d | 0x8e | 0x96 => self.number::<8>(),
            _ => self.number::<4>(),
        }
    }

    fn text(&mut self, opcode: u8) -> Result<String> {
        if opcode == b'V' {
            return self.line();
        }
        if opcode == b'S' {
            let line = self.line()?;
            let quote = |line: &str, quote| Some(line.strip_prefix(quote)?.strip_suffix(quote)?.to_owned());
            return quote(&line, '\'').or_else(|| quote(&line, '"')).context("the pickle has a string without quotes");
        }
        let length = self.length(opcode)?;
        Ok(latin_or_utf8(self.bytes(length)?))
    }

    fn integer(&mut self, opcode: u8) -> Result<Value> {
        let of_line = |line: String| -> Result<Value> {
            let digits = line.trim_end_matches('L');
            let is_number = digits.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
            match digits.parse() {
                Ok(number) => Ok(Value::Int(number)),
                // Python's integers have any length, as in the state of a generator.
                Err(_) if is_number && !digits.is_empty() => Ok(Value::Opaque),
                Err(_) => bail!("the pickle has the malformed number \"{}\"", printable(&line)),
            }
        };
        Ok(match opcode {
            b'J' => Value::Int(i32::from_le_bytes(self.array()?).into()),
            b'K' => Value::Int(self.number::<1>()? as i64),
            b'M' => Value::Int(self.number::<2>()? as i64),
            b'I' => match self.line()?.as_str() {
                // False, True.
                "00" => Value::Bool(false),
                "01" => Value::Bool(true),
                line => of_line(line.to_owned())?,
            },
            b'L' => of_line(self.line()?)?,
            _ => {
                let length = if opcode == 0x8a { self.number::<1>()? } else { self.number::<4>()? };
                if length > 8 {
                    self.skip(length)?;
                    return Ok(Value::Opaque);
                }
                let bytes = self.bytes(length)?;
                let sign = bytes.last().is_some_and(|last| *last >= 0x80);
                let mut whole = [if sign { 0xff } else { 0 }; 8];
                whole[..bytes.len()].copy_from_slice(&bytes);
                Value::Int(i64::from_le_bytes(whole))
            }
        })
    }

    /// An index of the memo.
    fn place(&mut self, opcode: u8) -> Result<u64> {
        match opcode {
            b'q' | b'h' => self.number::<1>(),
            b'r' | b'j' => self.number::<4>(),
            0x94 => Ok(self.memo.len() as u64),
            _ => {
                let line = self.line()?;
                line.parse()
                    .with_context(|| format!("the pickle has the malformed memo index \"{}\"", printable(&line)))
            }
        }
    }

    // The stack.

    fn count(&mut self) -> Result<()> {
        self.made += 1;
        ensure!(
            self.made <= MOST_VALUES,
            "the pickle creates more than {MOST_VALUES} values; it is not a weights file"
        );
        Ok(())
    }

    /// Counts references before they are copied.
    fn copy(&mut self, count: usize) -> Result<()> {
        self.copied = self.copied.saturating_add(count);
        ensure!(self.copied <= MOST_COPIES, "the pickle copies its values endlessly; it is not a weights file");
        Ok(())
    }

    fn push_id(&mut self, id: Id) -> Result<()> {
        self.count()?;
        self.stack.push(id);
        Ok(())
    }

    fn push(&mut self, value: Value) -> Result<()> {
        self.push_id(self.values.len() as Id)?;
        self.values.push(value);
        Ok(())
    }

    fn get(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    fn top(&self) -> Result<Id> {
        self.stack.last().copied().context("the pickle pops from an empty stack")
    }

    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        ensure!(self.stack.len() > floor, "the pickle pops from an empty stack");
        self.stack.pop().context("the pickle pops from an empty stack")
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>> {
        let mut items: Vec<Id> = (0..count).map(|_| self.pop()).collect::<Result<_>>()?;
        items.reverse();
        Ok(items)
    }

    fn pop_array<const N: usize>(&mut self) -> Result<[Id; N]> {
        self.pop_many(N)?.try_into().ok().context("the pickle pops from an empty stack")
    }

    /// Everything above the last mark.
    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().context("the pickle pops to a mark that does not exist")?;
        ensure!(mark <= self.stack.len(), "the pickle pops to a mark that does not exist");
        Ok(self.stack.split_off(mark))
    }

    fn extend(&mut self, items: Vec<Id>) -> Result<()> {
        let list = self.top()?;
        match &mut self.values[list as usize] {
            Value::List(list) => list.extend(items),
            Value::Opaque => {}
            _ => bail!("the pickle appends to something that is not a list"),
        }
        Ok(())
    }

    fn set_items(&mut self, items: Vec<Id>) -> Result<()> {
        let dict = self.top()?;
        match &mut self.values[dict as usize] {
            Value::Dict(dict) => dict.extend(pairs(&items)?),
            Value::Opaque => {}
            _ => bail!("the pickle sets items of something that is not a dictionary"),
        }
        Ok(())
    }

    fn tuple(&mut self, id: Id) -> Result<Vec<Id>> {
        let none = "the pickle has a call whose arguments are not a tuple";
        self.copy(self.get(id).items().context(none)?.len())?;
        self.get(id).items().map(<[Id]>::to_vec).context(none)
    }

    // Names and calls.

    fn call(&mut self, callee: Id, arguments: &[Id]) -> Result<()> {
        let Value::Global(global) = *self.get(callee) else {
            bail!("the pickle calls something that is not a function")
        };
        let value = self.called(global, arguments).with_context(|| format!("{}.{}", global.module, global.name))?;
        self.push(value)
    }

    fn called(&mut self, global: &Global, arguments: &[Id]) -> Result<Value> {
        // The contents of a dictionary, list or tuple are copied.
        let made_of = arguments.first().map_or(0, |id| match self.get(*id) {
            Value::Dict(pairs) => pairs.len(),
            value => value.items().map_or(0, <[Id]>::len),
        });
        self.copy(made_of + arguments.len())?;
        let argument = |place: usize| arguments.get(place).map(|id| self.get(*id)).context("lacks an argument");
        Ok(match global.meaning {
            Meaning::Dict => match arguments.first().map(|id| self.get(*id)) {
                // A defaultdict's argument is the factory of its values.
                None | Some(Value::Opaque | Value::Global(_) | Value::Bool(_)) => Value::Dict(Vec::new()),
                Some(Value::Dict(pairs)) => Value::Dict(pairs.clone()),
                // Pairs, as Python 2 wrote them.
                Some(value) => {
                    let items = value.items().context("a dictionary is not made of pairs")?;
                    let pair = |id: &Id| match self.get(*id).items() {
                        Some([key, value]) => Some((*key, *value)),
                        _ => None,
                    };
                    let pairs: Option<Vec<(Id, Id)>> = items.iter().map(pair).collect();
                    Value::Dict(pairs.context("a dictionary is not made of pairs")?)
                }
            },
            Meaning::List => match arguments.first().map(|id| self.get(*id)) {
                None => Value::List(Vec::new()),
                Some(value) => Value::List(value.items().context("a list is not made of items")?.to_vec()),
            },
            Meaning::Tuple => {
                let empty = || arguments.is_empty().then_some(&[][..]);
                let items = argument(0).ok().map_or_else(empty, Value::items);
                Value::Tuple(items.context("a size is not made of numbers")?.to_vec())
            }
            Meaning::Storage(_) | Meaning::Number(_) => bail!("is a type and cannot be called"),
            Meaning::First => match argument(0)? {
                Value::Tensor(tensor) => Value::Tensor(tensor.clone()),
                Value::Foreign(what) => Value::Foreign(what),
                _ => Value::Opaque,
            },
            Meaning::Tensor => self.tensor(arguments, None, 6)?,
            Meaning::TypedTensor => match argument(6)? {
                Value::Global(Global { meaning: Meaning::Number(dtype), .. }) => {
                    self.tensor(arguments, Some(*dtype), 7)?
                }
                Value::Global(_) => Value::Foreign("has an unsupported number type"),
                _ => bail!("lacks its number type"),
            },
            Meaning::FromType => match (argument(0)?, argument(2)?) {
                (Value::Global(inner), Value::Tuple(inner_arguments)) if inner.meaning != Meaning::FromType => {
                    let (inner, inner_arguments) = (*inner, inner_arguments.clone());
                    self.called(inner, &inner_arguments)?
                }
                _ => bail!("calls something that is not a function"),
            },
            Meaning::Foreign(what) => Value::Foreign(what),
            Meaning::Method => match argument(0)? {
                Value::Global(class) if class.module == OF_OPTIMIZERS => Value::Opaque,
                _ => return Err(unlisted(global.module, global.name)),
            },
            Meaning::Array if self.arrays => Value::Array,
            Meaning::ArrayType if self.arrays => Value::ArrayType(match argument(0)? {
                Value::Text(code) => ARRAY_TYPES.iter().find(|(known, _)| known == code).map(|(_, dtype)| *dtype),
                _ => None,
            }),
            Meaning::Array | Meaning::ArrayType | Meaning::Opaque => Value::Opaque,
        })
    }

    /// What becomes of an array or a number type by its state; `None` for other objects.
    fn array_with(&self, object: Id, state: Id) -> Result<Option<Value>> {
        let parts = || -> Result<Vec<&Value>> {
            let items = self.get(state).items().context("the pickle has an array without a state")?;
            Ok(items.iter().take(8).map(|id| self.get(*id)).collect())
        };
        match self.get(object) {
            Value::ArrayType(_) => {
                let is_big = matches!(parts()?.get(1), Some(Value::Text(order)) if order == ">");
                ensure!(!is_big, "the pickle has arrays of a big-endian machine, which are not supported");
                Ok(None)
            }
            Value::Array => {
                // Version, shape, type, whether it is column-major, numbers.
                let parts = parts()?;
                let [_, shape, Value::ArrayType(dtype), Value::Bool(by_columns), data] = parts[..] else {
                    return Ok(Some(Value::Opaque));
                };
                let Value::Bytes { start, length } = *data else {
                    return Ok(Some(match dtype {
                        Some(_) => Value::Foreign("is stored as text; save the pickle with protocol 4"),
                        None => Value::Opaque,
                    }));
                };
                let Some(dtype) = *dtype else { return Ok(Some(Value::Foreign("has an unsupported number type"))) };
                let sides =
                    shape.items().context("an array's shape is not made of numbers")?.iter().map(|id| {
                        match self.get(*id) {
                            Value::Int(side) => usize::try_from(*side).ok(),
                            _ => None,
                        }
                    });
                let shape: Option<Vec<usize>> = sides.collect();
                let shape = shape.context("an array's shape is not made of numbers")?;
                let count = shape.iter().try_fold(1_u64, |all, side| all.checked_mul(*side as u64));
                let size = dtype.bitsize() as u64 / 8;
                ensure!(
                    shape.len() <= 32 && count.and_then(|count| count.checked_mul(size)) == Some(length),
                    "an array of shape {shape:?} has {length} bytes"
                );
                let mut strides = vec![0; shape.len()];
                let mut step = 1;
                for place in 0..shape.len() {
                    let axis = if *by_columns { place } else { shape.len() - 1 - place };
                    strides[axis] = step;
                    step = usize::saturating_mul(step, shape[axis].max(1));
                }
                let storage = Storage { dtype: Some(dtype), key: start.to_string(), count: length / size, first: 0 };
                let view = TensorView { storage, dtype, offset: 0, shape, strides, bits: Vec::new() };
                Ok(Some(Value::Tensor(Box::new(view))))
            }
            _ => Ok(None),
        }
    }

    /// `bits`: the index of the optional argument with the names of the view bits.
    fn tensor(&self, arguments: &[Id], dtype: Option<Dtype>, bits: usize) -> Result<Value> {
        let [storage, offset, shape, strides, ..] = arguments else { bail!("lacks an argument") };
        let (Value::Storage(storage), Value::Int(offset)) = (self.get(*storage), self.get(*offset)) else {
            bail!("a tensor has no storage");
        };
        let numbers = |id: Id| -> Result<Vec<usize>> {
            let items = self.get(id).items().context("a shape is not made of numbers")?;
            let number = |id: &Id| match self.get(*id) {
                Value::Int(number) => Some(usize::try_from(*number).ok()?),
                _ => None,
            };
            items.iter().map(number).collect::<Option<_>>().context("a shape is not made of numbers")
        };
        let (shape, strides) = (numbers(*shape)?, numbers(*strides)?);
        ensure!(shape.len() == strides.len() && shape.len() <= 32, "a shape does not match its strides");
        let Some(dtype) = dtype.or(storage.dtype) else {
            return Ok(Value::Foreign("has an unsupported number type"));
        };
        let bits = match arguments.get(bits).map(|id| self.get(*id)) {
            None | Some(Value::Opaque) => Vec::new(),
            Some(Value::Dict(pairs)) => {
                let set =
                    pairs.iter().filter(|(_, value)| !matches!(self.get(*value), Value::Bool(false) | Value::Opaque));
                let name = |(key, _): &(Id, Id)| match self.get(*key) {
                    Value::Text(name) => printable(name),
                    _ => "?".to_owned(),
                };
                set.take(8).map(name).collect()
            }
            Some(_) => vec!["?".to_owned()],
        };
        let offset = u64::try_from(*offset).context("a tensor begins before its storage")?;
        Ok(Value::Tensor(Box::new(TensorView { storage: (**storage).clone(), dtype, offset, shape, strides, bits })))
    }

    /// PyTorch's storages: `("storage", type, key, device, count)`, and in old files `view`, which is `None` or
    /// `(key, first, count)`.
    fn persistent(&mut self, id: Id) -> Result<()> {
        let items: Vec<&Value> = match self.get(id).items() {
            Some(items) => items.iter().take(7).map(|id| self.get(*id)).collect(),
            None => bail!("the pickle has an external reference that is not a storage"),
        };
        let storage = match items.as_slice() {
            [Value::Text(kind), Value::Global(class), key, _, Value::Int(count), rest @ ..] if kind == "storage" => {
                let Meaning::Storage(dtype) = class.meaning else {
                    bail!("the pickle has a storage of the unknown type {}.{}", class.module, class.name)
                };
                let mut storage = Storage { dtype, key: key_text(key)?, count: u64::try_from(*count)?, first: 0 };
                if let [Value::Tuple(view), ..] = rest {
                    let view: Vec<&Value> = view.iter().map(|id| self.get(*id)).collect();
                    let [_, Value::Int(first), Value::Int(_)] = view.as_slice() else {
                        bail!("the pickle has a nested storage without an offset");
                    };
                    storage.first = u64::try_from(*first)?;
                }
                storage
            }
            [Value::Text(kind), ..] => {
                bail!("the pickle has an external reference of kind {}; only storages are supported", printable(kind))
            }
            _ => bail!("the pickle has an external reference that is not a storage"),
        };
        self.push(Value::Storage(Box::new(storage)))
    }
}

/// NumPy's codes of number types.
const ARRAY_TYPES: [(&str, Dtype); 9] = [
    ("f8", Dtype::F64),
    ("f4", Dtype::F32),
    ("f2", Dtype::F16),
    ("i8", Dtype::I64),
    ("i4", Dtype::I32),
    ("i2", Dtype::I16),
    ("i1", Dtype::I8),
    ("u1", Dtype::U8),
    ("b1", Dtype::BOOL),
];

/// Finds a name on the list.
fn named(module: &str, name: &str) -> Result<&'static Global> {
    find(module, name).ok_or_else(|| unlisted(module, name))
}

fn unlisted(module: &str, name: &str) -> anyhow::Error {
    anyhow!(
        "tries to call {}.{}, which weights do not need; nothing was executed. If you trust the file, save only its state_dict() and read that",
        printable(module),
        printable(name)
    )
}

fn key_text(key: &Value) -> Result<String> {
    match key {
        Value::Text(text) if text.len() > LONGEST_KEY => {
            bail!("the pickle has a storage with a name of {} bytes", text.len())
        }
        Value::Text(text) => Ok(text.clone()),
        Value::Int(number) => Ok(number.to_string()),
        _ => bail!("the pickle has a storage whose key is not a string"),
    }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    ensure!(items.len().is_multiple_of(2), "the pickle has a key without a value");
    Ok(items.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value)).collect())
}

/// Python 2's strings may be either.
fn latin_or_utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}
