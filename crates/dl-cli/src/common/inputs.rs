//! Where records come from: stdin, files of records, and pictures named as arguments.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use dl_record::{Line, Reader, Record};
use dl_vision::formats::PICTURE_ENDINGS;

/// The inputs named on the command line.
#[derive(Args, Clone, Debug, Default)]
pub struct Inputs {
    /// Pictures, folders of pictures, globs, or files of records (.jsonl); `-` is stdin [default: stdin]
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<String>,
}

type Lines<'a> = Reader<Box<dyn BufRead + Send + 'a>>;

enum Source {
    Stdin,
    Records(PathBuf),
    Picture(String),
}

impl Inputs {
    /// All records of all inputs in order; each input is opened when its turn comes.
    /// # Errors
    /// When a glob matches nothing or a folder cannot be read.
    pub(crate) fn lines<'a>(
        &self,
        stdin: &'a mut (dyn BufRead + Send),
        tool: &str,
    ) -> Result<impl Iterator<Item = Result<Line>> + Send + use<'a>> {
        let mut sources = self.sources()?;
        let mut stdin = Some(stdin);
        // With the name of what is read, unless the stream names itself in its errors.
        let mut open: Option<(Lines<'a>, Option<String>)> = None;
        let tool = tool.to_owned();
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
                        Some(Ok(line)) => return Some(Ok(line)),
                        None => open = None,
                    }
                }
                match sources.pop_front()? {
                    Source::Stdin => {
                        let stream = stdin.take()?;
                        open = Some((Reader::new(Box::new(stream), "<stdin>", &tool), None));
                    }
                    Source::Records(path) => match File::open(&path) {
                        Ok(file) => {
                            let stream = BufReader::with_capacity(1 << 16, file);
                            let name = path.display().to_string();
                            open = Some((Reader::new(Box::new(stream), &name, &tool), Some(name)));
                        }
                        Err(error) => {
                            let error = anyhow::Error::new(error);
                            return Some(Err(error.context(format!("{}: cannot be opened", path.display()))));
                        }
                    },
                    Source::Picture(path) => {
                        let record = Record::for_image(&path);
                        return Some(record.map(|record| Line { place: path, record, broken: false }));
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
            if input == "-" {
                sources.push_back(Source::Stdin);
            } else if path.is_dir() {
                let before = sources.len();
                pictures_below(path, &mut sources)?;
                if sources.len() == before {
                    bail!("{input}: no pictures in this folder");
                }
            } else if has_ending(path, &["jsonl", "ndjson"]) {
                sources.push_back(Source::Records(path.to_owned()));
            } else if !path.exists() && input.contains(['*', '?', '[']) {
                let matches = glob::glob(input).with_context(|| format!("{input}: not a glob"))?;
                let mut matches: Vec<PathBuf> = matches.collect::<Result<_, _>>()?;
                if matches.is_empty() {
                    bail!("{input}: no file matches");
                }
                matches.sort();
                sources.extend(matches.iter().map(|path| Source::Picture(path.display().to_string())));
            } else {
                sources.push_back(Source::Picture(input.clone()));
            }
        }
        Ok(sources)
    }
}

/// All pictures below a folder, sorted by path, so that the order is the same on every machine.
fn pictures_below(folder: &Path, sources: &mut VecDeque<Source>) -> Result<()> {
    let entries = folder.read_dir().with_context(|| format!("{}: cannot be read", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            pictures_below(&path, sources)?;
        } else if has_ending(&path, &PICTURE_ENDINGS) {
            sources.push_back(Source::Picture(path.display().to_string()));
        }
    }
    Ok(())
}

pub(super) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|found| endings.iter().any(|ending| found.eq_ignore_ascii_case(ending)))
}
