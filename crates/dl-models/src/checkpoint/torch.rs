//! PyTorch's files (`.pth`, `.pt`, `.bin`): a pickle that describes the contents, and the numbers.
//!
//! Since 1.6 (`torch/serialization.py`, `_save`) the file is an uncompressed zip: `*/data.pkl`, and a storage's numbers
//! in `*/data/KEY`. Before that (`_legacy_save`) it is a sequence of five pickles: a magic number, the protocol, the
//! sizes of C types, the object, the keys of the storages; then for each key the count of its numbers in 8 bytes and
//! the numbers.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_record::file::open_regular;
use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use super::contents::{Contents, Place, StoredTensor, byte_length};
use super::pickle::{LONGEST_PICKLE, Storage, TensorView, state_dict, unpickle, unpickle_arrays};
use super::{is_float, printable};

/// The first pickle of a pre-1.6 file: protocol 2, and a number of ten bytes.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// Bytes of the zip's own structures: its directory and the header of each entry. 100,000 tensors take 20 MB.
const LONGEST_LISTS: u64 = 64 << 20;
/// How many times larger than the file its tensors may be: tied weights share their numbers.
const MOST_SHARED: u64 = 8;

/// Whether a pre-1.6 file begins like this.
pub(super) fn is_legacy(start: &[u8]) -> bool {
    // It may use another pickle protocol.
    start.len() > 4
        && start[0] == 0x80
        && start
            .iter()
            .position(|byte| *byte == 0x8a)
            .is_some_and(|at| at <= 11 && start.get(at..at + 12).is_some_and(|found| found == &LEGACY[2..14]))
}

/// Where a storage's bytes are.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    length: u64,
}

/// Reads a zip.
pub(super) fn read_zip(path: &Path) -> Result<Contents> {
    let file = open_regular(path).context("cannot be opened")?;
    let size = file.metadata()?.len();
    let lists = Bounded { inner: BufReader::new(file), left: LONGEST_LISTS };
    // PyTorch's archives start at the beginning of the file; searching for the start fails on some of them.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut zip = ZipArchive::with_config(config, lists).context("is a broken zip; is it truncated?")?;
    let names = zip.file_names().filter_map(|name| Some(name.ok()?.into_owned()));
    let data: Vec<String> = names.filter(|name| name.ends_with("/data.pkl") || name == "data.pkl").collect();
    let name = match data.as_slice() {
        [name] => name.clone(),
        _ => bail!("is a zip, but not of PyTorch weights: it has {} entries named data.pkl", data.len()),
    };
    let folder = name.strip_suffix("data.pkl").unwrap_or_default().to_owned();
    let pickle = entry(&mut zip, &name, size)?;
    ensure!(
        pickle.length <= LONGEST_PICKLE,
        "has a pickle of {} bytes; weights files have shorter ones",
        pickle.length
    );
    if zip.index_for_name(&format!("{folder}byteorder")).is_some() {
        let order = entry(&mut zip, &format!("{folder}byteorder"), size)?;
        let big = read_span(path, Span { length: order.length.min(16), ..order })?;
        ensure!(big != b"big", "was written on a big-endian machine, which is not supported");
    }
    let bytes = read_span(path, pickle)?;
    let tensors = state_dict(&unpickle(&mut bytes.as_slice())?)?;
    let mut spans: HashMap<String, Span> = HashMap::new();
    for tensor in tensors.values() {
        let key = &tensor.storage.key;
        if !spans.contains_key(key) {
            spans.insert(key.clone(), entry(&mut zip, &format!("{folder}data/{key}"), size)?);
        }
    }
    contents(path, size, tensors, &spans)
}

/// Where an entry's bytes are in the file.
fn entry(zip: &mut ZipArchive<Bounded>, name: &str, size: u64) -> Result<Span> {
    let index = zip.index_for_name(name).with_context(|| format!("lacks the entry {name}; is it complete?"))?;
    let entry = zip.by_index_raw(index).with_context(|| format!("its entry {name}"))?;
    ensure!(!entry.encrypted(), "its entry {name} is encrypted");
    let stored = entry.compression() == CompressionMethod::Stored && entry.size() == entry.compressed_size();
    ensure!(stored, "its entry {name} is compressed, unlike PyTorch's; repack the zip without compression");
    let (start, length) = (entry.data_start().with_context(|| format!("its entry {name}"))?, entry.size());
    ensure!(
        start.checked_add(length).is_some_and(|end| end <= size),
        "is truncated: its entry {name} extends past the end"
    );
    Ok(Span { start, length })
}

fn read_span(path: &Path, span: Span) -> Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(span.start))?;
    let mut bytes = Vec::new();
    file.take(span.length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a pre-1.6 file.
pub(super) fn read_legacy(path: &Path) -> Result<Contents> {
    let file = open_regular(path).context("cannot be opened")?;
    let size = file.metadata()?.len();
    let mut input = Counted { inner: BufReader::new(file), position: 0 };
    for _magic_protocol_sizes in 0..3 {
        unpickle(&mut input)?;
    }
    let object = unpickle(&mut input)?;
    let keys = unpickle(&mut input).context("its list of storages")?;
    let keys: Vec<String> = match keys.texts(keys.root()) {
        Some(keys) => keys.into_iter().map(str::to_owned).collect(),
        None => bail!("has a malformed list of storages"),
    };
    let tensors = state_dict(&object)?;
    // A storage's length in bytes follows from its type, which the object states, even for storages that no weight
    // uses.
    let types = object.storages();
    let (mut spans, mut at) = (HashMap::new(), input.position);
    let mut file = input.inner.into_inner();
    for key in keys {
        let Some(dtype) = types.get(key.as_str()) else { bail!("has an unused storage {key}") };
        let mut count = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut count).with_context(|| format!("is truncated before its storage {key}"))?;
        let count = u64::from_le_bytes(count);
        let length = count.checked_mul(dtype.bitsize() as u64 / 8);
        let end = length.and_then(|length| (at + 8).checked_add(length)).filter(|end| *end <= size);
        let Some(end) = end else {
            bail!("is truncated: its storage {key} has {count} numbers, the file ends at byte {size}")
        };
        spans.insert(key, Span { start: at + 8, length: end - at - 8 });
        at = end;
    }
    contents(path, size, tensors, &spans)
}

/// Reads a pickle of NumPy arrays.
pub(super) fn read_pickle(path: &Path) -> Result<Contents> {
    let file = open_regular(path).context("cannot be opened")?;
    let size = file.metadata()?.len();
    let tensors = state_dict(&unpickle_arrays(&mut BufReader::new(file), size)?)?;
    let mut spans = HashMap::new();
    for TensorView { storage, dtype, .. } in tensors.values() {
        let (start, length) = (storage.key.parse()?, storage.count * (dtype.bitsize() as u64 / 8));
        spans.insert(storage.key.clone(), Span { start, length });
    }
    contents(path, size, tensors, &spans)
}

/// Locates the tensors in the file, and checks that each lies within its storage.
fn contents(
    path: &Path,
    size: u64,
    tensors: impl IntoIterator<Item = (String, TensorView)>,
    spans: &HashMap<String, Span>,
) -> Result<Contents> {
    let stored = tensors.into_iter().map(|(name, tensor)| {
        let stored = place(&tensor, size, spans).with_context(|| format!("tensor \"{}\"", printable(&name)))?;
        Ok((name, stored))
    });
    let tensors: BTreeMap<String, StoredTensor> = stored.collect::<Result<_>>()?;
    let lengths = tensors.values().map(|stored| stored.byte_length().map(|length| length as u64));
    let all = lengths.sum::<Result<u64>>()?;
    // The same numbers under a thousand names would fill a reader's memory.
    ensure!(
        all <= (MOST_SHARED * size).max(1 << 26),
        "has {} tensors of {all} bytes in a file of {size}; it is not a weights file",
        tensors.len()
    );
    Ok(Contents { tensors, files: vec![path.to_owned()], ..Contents::default() })
}

fn place(tensor: &TensorView, size: u64, spans: &HashMap<String, Span>) -> Result<StoredTensor> {
    let TensorView { storage, dtype, offset, shape, strides, bits } = tensor;
    // Lazy views of PyTorch: `.conj().imag` is negated.
    let negative = bits.iter().any(|bit| bit == "neg");
    if let Some(bit) = bits.iter().find(|bit| *bit != "neg" || !is_float(*dtype)) {
        bail!("has the view bit \"{bit}\", which is not supported; save it with .resolve_conj().resolve_neg()");
    }
    let Storage { key, count, first, .. } = storage;
    let span = spans.get(key).with_context(|| format!("its storage {key} is not in the file"))?;
    let bytes = dtype.bitsize() as u64 / 8;
    let stated = storage.dtype.map_or(Some(*count), |dtype| count.checked_mul(dtype.bitsize() as u64 / 8));
    ensure!(
        stated == Some(span.length),
        "its storage {key} is declared with {count} numbers but has {} bytes",
        span.length
    );
    let length = byte_length(*dtype, shape)?;
    // An expanded tensor repeats its numbers: small ones exist, large ones are an attack on memory.
    ensure!(length as u64 <= size.max(1 << 20), "shape {shape:?} is larger than the file");
    let start = first.checked_add(*offset).and_then(|start| start.checked_mul(bytes));
    let steps = shape.iter().zip(strides).try_fold(0_u64, |all, (side, stride)| {
        all.checked_add((side.saturating_sub(1) as u64).checked_mul(*stride as u64)?)
    });
    let needed = if length == 0 { Some(0) } else { steps.and_then(|steps| steps.checked_add(1)?.checked_mul(bytes)) };
    let end = start.zip(needed).and_then(|(start, needed)| start.checked_add(needed));
    ensure!(end.is_some_and(|end| end <= span.length), "extends past its storage {key} of {} bytes", span.length);
    let start = span.start + start.unwrap_or_default();
    if is_contiguous(shape, strides) {
        return Ok(StoredTensor { negative, ..StoredTensor::at(*dtype, shape.clone(), 0, start) });
    }
    let place = Place::Strided { file: 0, start, strides: strides.clone() };
    Ok(StoredTensor { dtype: *dtype, shape: shape.clone(), place, negative })
}

/// Whether it is row-major without gaps. The stride of an axis of length 1 does not matter.
fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1_usize;
    shape.iter().zip(strides).rev().all(|(side, stride)| {
        let fits = *side == 1 || *stride == expected;
        expected = expected.saturating_mul(*side);
        fits
    })
}

/// A reader that fails after `left` bytes.
struct Bounded {
    inner: BufReader<File>,
    left: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let beyond = || std::io::Error::other(format!("its directory has more than {LONGEST_LISTS} bytes"));
        self.left = self.left.checked_sub(read as u64).ok_or_else(beyond)?;
        Ok(read)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}

/// A reader that counts its position.
struct Counted {
    inner: BufReader<File>,
    position: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount as u64;
        self.inner.consume(amount);
    }
}
