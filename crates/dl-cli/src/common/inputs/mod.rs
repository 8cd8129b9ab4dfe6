//! Sources of records: stdin, files of records, and images named as arguments.

mod count;
mod frames;
mod glob;
mod kind;
mod stdin;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Arg, Args};
use dl_record::file::open_named;
use dl_record::{Line, Reader, Record};
use dl_vision::formats::{IMAGE_ENDINGS, Unusable, Walk, escaped};

use self::frames::FrameLines;
pub(super) use self::glob::Matches;
use self::kind::{Kind, is_glob};
use self::stdin::Stdin;
use super::{Io, Messages};

/// The inputs on the command line.
#[derive(Args, Clone, Debug, Default)]
pub struct Inputs {
    /// Images, folders of images, globs, or files of records (.jsonl, .jsonl.gz); `-` is stdin [default:
    /// stdin]
    #[arg(value_name = "INPUT", value_parser = OsStringValueParser::new().map(marked))]
    pub inputs: Vec<String>,
}

type Lines<'a> = Reader<Box<dyn BufRead + Send + 'a>>;

/// For programs that never open an image: says what their inputs can be.
pub(crate) fn only_records(inputs: Arg) -> Arg {
    inputs.help("Files of records (.jsonl, .jsonl.gz), or globs; `-` is stdin [default: stdin]")
}

/// Marks an argument that is not Unicode, so that only its record fails. No path contains NUL.
const NOT_UNICODE: char = '\0';

fn marked(argument: OsString) -> String {
    argument.into_string().unwrap_or_else(|argument| format!("{NOT_UNICODE}{}", escaped(Path::new(&argument))))
}

enum Source {
    Stdin,
    Records(PathBuf),
    Image(String),
    Folder(Box<Walk>),
    Matches(Box<Peekable<Matches>>),
    /// An input that cannot be read, and why.
    Unusable(Unusable),
}

impl Inputs {
    /// Their names, for messages.
    pub(crate) fn shown(&self) -> String {
        if self.inputs.is_empty() { "<stdin>".to_owned() } else { self.inputs.join(", ") }
    }

    /// Refuses to wait for records that a person would have to type, unless `-` asks for it; then a note says so.
    /// # Errors
    /// When there are no inputs and stdin is a terminal.
    pub(crate) fn check_terminal(&self, io: &Io) -> Result<()> {
        ensure!(
            !(self.inputs.is_empty() && io.input_is_terminal),
            "no input: pipe records in, or name images, folders of images or files of records (.jsonl); \
             see {} --help",
            io.command
        );
        if self.inputs.iter().any(|input| input == "-") {
            io.note_terminal();
        }
        Ok(())
    }

    /// All records of all inputs in order. Each input is opened when its turn comes. An unreadable file in a folder or of
    /// a glob is a broken line; the other files of a folder are reported as ignored. With `takes_frames`, a stream of
    /// images on stdin is one record per image.
    /// # Errors
    /// When a glob matches nothing, or a folder contains no image.
    pub(crate) fn lines<'a>(
        &self,
        stdin: &'a mut (dyn BufRead + Send),
        takes_frames: bool,
        messages: &Messages,
    ) -> Result<impl Iterator<Item = Result<Line>> + Send + use<'a>> {
        let mut sources = self.sources()?;
        messages.bar().expect(count::counter(&self.inputs));
        let mut stdin = Some(stdin);
        // A file has its name; stdin names itself in its errors.
        let mut open: Option<(Lines<'a>, Option<String>)> = None;
        let mut frames: Option<FrameLines<'a>> = None;
        let messages = messages.clone();
        let tool = messages.tool();
        Ok(std::iter::from_fn(move || {
            loop {
                if let Some((reader, name)) = &mut open {
                    match reader.next() {
                        Some(Err(error)) => {
                            let error = anyhow::Error::new(error);
                            return Some(Err(match name {
                                Some(name) => error.context(format!("{name}: cannot be read")),
                                None => error,
                            }));
                        }
                        Some(Ok(line)) if name.is_none() => return Some(stdin::named_image(line)),
                        Some(Ok(line)) => return Some(Ok(line)),
                        None => open = None,
                    }
                }
                if let Some(line) = frames.as_mut().and_then(Iterator::next) {
                    return Some(line);
                }
                match sources.pop_front()? {
                    Source::Stdin => match stdin::open(stdin.take()?, takes_frames, tool) {
                        Ok(Stdin::Lines(stream)) => open = Some((Reader::new(stream, "<stdin>", tool), None)),
                        Ok(Stdin::Frames(stream)) => frames = Some(FrameLines::new(stream, tool)),
                        Err(error) => return Some(Err(error)),
                    },
                    Source::Records(path) => {
                        let name = path.display().to_string();
                        match open_named(&path) {
                            Ok(file) => {
                                let stream = BufReader::with_capacity(1 << 16, file);
                                let stream = match stdin::lines_of_file(stream, &name, tool) {
                                    Ok(stream) => stream,
                                    Err(error) => return Some(Err(error.context(name))),
                                };
                                open = Some((Reader::new(stream, &name, tool), Some(name)));
                            }
                            Err(error) => return Some(Err(error.context(name))),
                        }
                    }
                    Source::Image(path) => {
                        let record = Record::for_image(&path);
                        return Some(record.map(|record| Line { place: path, record, broken: false }));
                    }
                    Source::Unusable(unusable) => return Some(broken(unusable, tool)),
                    Source::Folder(mut walk) => match walk.next() {
                        Some(found) => {
                            sources.push_front(Source::Folder(walk));
                            sources.push_front(image(found));
                        }
                        None => {
                            [walk.left_out(), walk.repeated()].iter().flatten().for_each(|note| messages.note(note))
                        }
                    },
                    Source::Matches(mut matches) => {
                        if let Some(found) = matches.next() {
                            sources.push_front(Source::Matches(matches));
                            sources.push_front(matched(found));
                        }
                    }
                }
            }
        }))
    }

    fn sources(&self) -> Result<VecDeque<Source>> {
        let mut sources = VecDeque::new();
        if self.inputs.is_empty() {
            sources.push_back(Source::Stdin);
        }
        for input in &self.inputs {
            sources.push_back(if input == "-" {
                Source::Stdin
            } else if let Some(escaped) = input.strip_prefix(NOT_UNICODE) {
                Source::Unusable(not_unicode(escaped.to_owned()))
            } else if is_glob(input) {
                let mut matches = Matches::new(input)?.peekable();
                ensure!(matches.peek().is_some(), "{input}: no file matches");
                Source::Matches(Box::new(matches))
            } else {
                named(Path::new(input))?
            });
        }
        Ok(sources)
    }
}

/// The source at `path`.
fn named(path: &Path) -> Result<Source> {
    Ok(match Kind::of(path) {
        Kind::Folder => {
            let mut walk = Walk::new(path, &IMAGE_ENDINGS);
            walk.find_first("images")?;
            Source::Folder(Box::new(walk))
        }
        Kind::Records => Source::Records(path.to_owned()),
        Kind::Image => image(Ok(path.to_owned())),
    })
}

/// The source of a match of a glob, where a failure must not end the run.
fn matched(found: Result<PathBuf, Unusable>) -> Source {
    match found {
        Ok(path) if path.to_str().is_some() => named(&path).unwrap_or_else(|error| {
            let (path, reason) = (escaped(&path), error.to_string());
            let reason = reason.strip_prefix(&format!("{path}: ")).unwrap_or(&reason).to_owned();
            Source::Unusable(Unusable { path, reason, is_folder: true })
        }),
        other => image(other),
    }
}

fn image(found: Result<PathBuf, Unusable>) -> Source {
    match found.map(|path| path.into_os_string().into_string()) {
        Ok(Ok(path)) => Source::Image(path),
        Ok(Err(path)) => Source::Unusable(not_unicode(escaped(Path::new(&path)))),
        Err(unusable) => Source::Unusable(unusable),
    }
}

fn not_unicode(path: String) -> Unusable {
    let reason = "the name is not Unicode, as records are; rename the file".to_owned();
    Unusable { path, reason, is_folder: false }
}

fn broken(unusable: Unusable, tool: &str) -> Result<Line> {
    let mut record = Record::default();
    record.set_id(&unusable.path)?;
    record.fail(tool, &unusable.reason);
    Ok(Line { place: unusable.path, record, broken: true })
}
