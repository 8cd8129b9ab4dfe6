//! Sources of records: stdin, files of records, and images named as arguments.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail, ensure};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use dl_record::{Line, Reader, Record};
pub(super) use dl_vision::formats::has_ending;
use dl_vision::formats::{IMAGE_ENDINGS, Unusable, Walk, escaped};
use glob::{MatchOptions, Pattern};

use super::{Io, Messages, count, stdin};

/// The inputs on the command line.
#[derive(Args, Clone, Debug, Default)]
pub struct Inputs {
    /// Images, folders of images, globs, or files of records (.jsonl); `-` is stdin [default: stdin]
    #[arg(value_name = "INPUT", value_parser = OsStringValueParser::new().map(marked))]
    pub inputs: Vec<String>,
}

type Lines<'a> = Reader<Box<dyn BufRead + Send + 'a>>;

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

/// The characters that make an argument a glob.
pub(super) const GLOB: [char; 3] = ['*', '?', '['];

impl Inputs {
    /// Refuses to wait for records that a person would have to type, unless `-` asks for it.
    /// # Errors
    /// When there are no inputs and stdin is a terminal.
    pub(crate) fn check_terminal(&self, io: &Io) -> Result<()> {
        ensure!(
            !(self.inputs.is_empty() && io.input_is_terminal),
            "no input: pipe records in, or name images, folders of images or files of records (.jsonl); \
             see {} --help",
            io.messages.tool()
        );
        Ok(())
    }

    /// All records of all inputs in order. Each input is opened when its turn comes. An unreadable file in a folder or of
    /// a glob is a broken line; the other files of a folder are reported as ignored.
    /// # Errors
    /// When a glob matches nothing, or a folder contains no image.
    pub(crate) fn lines<'a>(
        &self,
        stdin: &'a mut (dyn BufRead + Send),
        messages: &Messages,
    ) -> Result<impl Iterator<Item = Result<Line>> + Send + use<'a>> {
        let mut sources = self.sources()?;
        messages.bar().expect(count::counter(&self.inputs));
        let mut stdin = Some(stdin);
        // A file has its name; stdin names itself in its errors.
        let mut open: Option<(Lines<'a>, Option<String>)> = None;
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
                match sources.pop_front()? {
                    Source::Stdin => {
                        let stream = match stdin::lines(stdin.take()?, tool) {
                            Ok(stream) => stream,
                            Err(error) => return Some(Err(error)),
                        };
                        open = Some((Reader::new(stream, "<stdin>", tool), None));
                    }
                    Source::Records(path) => match File::open(&path) {
                        Ok(file) => {
                            let stream = BufReader::with_capacity(1 << 16, file);
                            let name = path.display().to_string();
                            open = Some((Reader::new(Box::new(stream), &name, tool), Some(name)));
                        }
                        Err(error) => {
                            let path = path.display();
                            return Some(Err(match error.kind() {
                                ErrorKind::NotFound => anyhow!("{path}: no such file"),
                                _ => anyhow::Error::new(error).context(format!("{path}: cannot be opened")),
                            }));
                        }
                    },
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
            let path = Path::new(input);
            sources.push_back(if input == "-" {
                Source::Stdin
            } else if let Some(escaped) = input.strip_prefix(NOT_UNICODE) {
                Source::Unusable(not_unicode(escaped.to_owned()))
            } else if !path.exists() && input.contains(GLOB) {
                let mut matches = Matches::new(input)?.peekable();
                if matches.peek().is_none() {
                    bail!("{input}: no file matches");
                }
                Source::Matches(Box::new(matches))
            } else {
                named(path)?
            });
        }
        Ok(sources)
    }
}

/// Endings of files of records.
pub(super) const RECORD_ENDINGS: [&str; 2] = ["jsonl", "ndjson"];

/// The source at `path`.
fn named(path: &Path) -> Result<Source> {
    Ok(if path.is_dir() {
        let mut walk = Walk::new(path, &IMAGE_ENDINGS);
        walk.find_first("images")?;
        Source::Folder(Box::new(walk))
    } else if has_ending(path, &RECORD_ENDINGS) {
        Source::Records(path.to_owned())
    } else {
        image(Ok(path.to_owned()))
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

/// The paths that a glob matches, sorted, as in a shell. `**` descends as a named folder does, so that it ends even where
/// folders link to each other.
pub(super) struct Matches {
    whole: Pattern,
    /// The patterns between the slashes.
    parts: Vec<Pattern>,
    /// Paths and how many parts they match, the last first.
    open: Vec<(PathBuf, usize)>,
    walk: Option<Walk>,
}

impl Matches {
    pub(super) fn new(glob: &str) -> Result<Self> {
        let pattern = |text: &str| Pattern::new(text).map_err(|error| anyhow!("{glob}: not a glob: {error}"));
        let names: Vec<&str> = glob.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let (root, base) = match glob {
            _ if glob.starts_with('/') => ("/", "/"),
            _ if glob.starts_with("./") => ("", "."),
            _ => ("", ""),
        };
        Ok(Self {
            whole: pattern(&format!("{root}{}", names.join("/")))?,
            parts: names.into_iter().map(pattern).collect::<Result<_>>()?,
            open: vec![(PathBuf::from(base), 0)],
            walk: None,
        })
    }

    /// Opens the entries of a folder that match the next part.
    fn open(&mut self, folder: PathBuf, at: usize) -> Result<(), Unusable> {
        let Some(part) = self.parts.get(at) else { return Ok(()) };
        if part.as_str() == "**" {
            // `**` at the end stands for folders, of which the images are taken.
            let endings: &[&str] = if at + 1 == self.parts.len() { &IMAGE_ENDINGS } else { &[] };
            self.walk = Some(Walk::new(here(&folder), endings));
            return Ok(());
        }
        if !part.as_str().contains(GLOB) {
            let path = folder.join(part.as_str());
            if path.exists() {
                self.open.push((path, at + 1));
            }
            return Ok(());
        }
        let cannot = |error: std::io::Error| Unusable {
            path: escaped(&folder),
            reason: format!("cannot be read: {error}"),
            is_folder: true,
        };
        let is_hidden = |name: &OsString| name.as_encoded_bytes().starts_with(b".") && !part.as_str().starts_with('.');
        let mut names = Vec::new();
        for entry in here(&folder).read_dir().map_err(cannot)? {
            let name = entry.map_err(cannot)?.file_name();
            if !is_hidden(&name) && part.matches(&escaped(Path::new(&name))) {
                names.push(name);
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        let is_last = at + 1 == self.parts.len();
        let paths = names.into_iter().map(|name| folder.join(name)).filter(|path| is_last || path.is_dir());
        self.open.extend(paths.map(|path| (path, at + 1)));
        Ok(())
    }
}

/// The folder to read for an empty relative path.
fn here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

impl Iterator for Matches {
    type Item = Result<PathBuf, Unusable>;

    fn next(&mut self) -> Option<Self::Item> {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        loop {
            if let Some(walk) = &mut self.walk {
                for found in walk.by_ref() {
                    let path = match &found {
                        Ok(path) => path,
                        Err(bad) => Path::new(&bad.path),
                    };
                    let path = path.strip_prefix(".").unwrap_or(path);
                    if self.whole.matches_path_with(path, options) || matches!(&found, Err(bad) if bad.is_folder) {
                        let path = path.to_owned();
                        return Some(found.map(|_| path));
                    }
                }
                self.walk = None;
            }
            let (path, at) = self.open.pop()?;
            if at == self.parts.len() {
                return Some(Ok(path));
            }
            if let Err(unusable) = self.open(path, at) {
                return Some(Err(unusable));
            }
        }
    }
}
