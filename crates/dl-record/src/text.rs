//! The JSON text of a field: part of the line that was read, generated here, or still to be generated from numbers.
//!
//! Fresh memory is expensive: touching a new page costs more than copying it several times. So a record shares its line
//! instead of copying the parts, and numbers are encoded as base64 only when they are written, block by block.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::numbers::Numbers;
use crate::scan::{Members, Runs, is_plain, members};

/// A text whose parts are shared.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    text: String,
    /// The result of the first scan.
    runs: OnceLock<Runs>,
}

/// Part of a shared text.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    whole: Arc<Shared>,
    range: Range<usize>,
}

impl Shared {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The allocated size of the text, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.text.capacity()
    }
}

impl From<String> for Shared {
    fn from(text: String) -> Self {
        Self { text, runs: OnceLock::new() }
    }
}

impl From<Shared> for String {
    fn from(shared: Shared) -> Self {
        shared.text
    }
}

impl Slice {
    /// # Panics
    /// When `range` is out of bounds, or cuts a character.
    pub(crate) fn new(whole: Arc<Shared>, range: Range<usize>) -> Self {
        assert!(whole.text.get(range.clone()).is_some(), "{range:?} is not a part of {} bytes", whole.text.len());
        Self { whole, range }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.whole.text[self.range.clone()]
    }

    /// The name and value of each member if this is an object, see [`scan`](crate::scan).
    pub(crate) fn members(&self) -> Option<Vec<(&str, Self)>> {
        let Members { members, runs } = members(self.up_to_its_end(), self.range.start, self.runs())?;
        self.whole.runs.get_or_init(|| runs);
        let share = |(name, value)| (&self.whole.text[name], Self { whole: self.whole.clone(), range: value });
        Some(members.into_iter().map(share).collect())
    }

    /// The text between the quotes if this is a string without escapes.
    pub(crate) fn unquoted(&self) -> Option<Self> {
        let inner = self.as_str().strip_prefix('"')?.strip_suffix('"')?;
        let start = self.range.start + 1;
        let inner = Self { whole: self.whole.clone(), range: start..start + inner.len() };
        inner.is_plain().then_some(inner)
    }

    /// Whether it is valid between quotes without escaping.
    pub(crate) fn is_plain(&self) -> bool {
        is_plain(self.up_to_its_end(), self.range.start, self.runs())
    }

    fn up_to_its_end(&self) -> &str {
        &self.whole.text[..self.range.end]
    }

    fn runs(&self) -> &[Range<usize>] {
        self.whole.runs.get().map_or(&[], Vec::as_slice)
    }
}

impl From<String> for Slice {
    fn from(text: String) -> Self {
        let range = 0..text.len();
        Self { whole: Arc::new(text.into()), range }
    }
}

/// Valid JSON.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    /// As it was read or generated.
    Whole(Slice),
    /// In pieces, some of which are not encoded yet.
    Pieces(Arc<Pieces>),
}

/// Pieces that together form JSON.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pieces: Vec<Piece>,
    whole: OnceLock<String>,
}

/// One piece of a text.
#[derive(Debug)]
pub(crate) enum Piece {
    Text(Slice),
    /// Numbers that are written as base64.
    Numbers(Numbers),
}

impl Text {
    /// The text, generated now if it is not yet.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Whole(slice) => slice.as_str(),
            Self::Pieces(pieces) => pieces.whole.get_or_init(|| {
                let mut bytes = Vec::new();
                pieces.write_to(&mut bytes).expect("writing to memory never fails");
                String::from_utf8(bytes).expect("texts and base64 are UTF-8")
            }),
        }
    }

    /// The text, if it is not still to be generated.
    pub(crate) fn whole(&self) -> Option<&Slice> {
        match self {
            Self::Whole(slice) => Some(slice),
            Self::Pieces(_) => None,
        }
    }

    pub(crate) fn write_to(&self, output: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Whole(slice) => output.write_all(slice.as_str().as_bytes()),
            Self::Pieces(pieces) => pieces.write_to(output),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Whole(text.into())
    }
}

impl From<Vec<Piece>> for Text {
    fn from(pieces: Vec<Piece>) -> Self {
        Self::Pieces(Arc::new(Pieces { pieces, whole: OnceLock::new() }))
    }
}

impl Pieces {
    fn write_to(&self, output: &mut impl Write) -> io::Result<()> {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(slice) => output.write_all(slice.as_str().as_bytes()),
            Piece::Numbers(numbers) => numbers.write_base64(output),
        })
    }
}
