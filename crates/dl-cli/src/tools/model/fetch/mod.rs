//! `dl-model fetch`: model files from the net into a cache, once.

mod addresses;
mod download;
mod http;
mod hub;
mod source;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use dl_models::checkpoint::printable;
use serde_json::json;

use self::download::{Known, Wanted, download, is_sha256};
use self::http::Http;
use self::hub::Repository;
use self::source::{HubSource, Source, origin, place};
use super::{Format, write};
use crate::common::{Common, Io, Outcome, digest};

/// Model files from the net into a cache, once
///
/// hf:OWNER/NAME takes the weights of a model of Hugging Face and what is beside them (config, tokenizer); hf:OWNER/NAME:FILE
/// one file; @REV a branch, tag or commit. Each file is one line of JSON: where it lies, its SHA-256, its licence. A
/// download that broke off goes on where it was, also in a later run. A file gets its name only when it is whole and its
/// SHA-256 is the server's and --sha256's. HF_ENDPOINT names another hub, HF_TOKEN logs in to it, HF_HUB_OFFLINE=1 is
/// --offline. Licences differ from model to model: what is known is said, and what is not known too.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-model fetch hf:google/mobilenet_v2_1.0_224
  dl-embed --arch resnet18 photo.jpg \\
    --model \"$(dl-model fetch hf:timm/resnet18.a1_in1k:model.safetensors | jq -r .file)\"
  dl-model fetch https://example.org/weights.pth --sha256 5c1f...")]
pub(super) struct FetchArgs {
    /// hf:OWNER/NAME[@REV][:FILE] or https://...
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Where fetched files are kept [default: dl-tools in $XDG_CACHE_HOME or ~/.cache]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,

    /// The SHA-256 that the file must have
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    sha256: Option<String>,

    /// Take the file from the cache, or fail; ask no server
    #[arg(long)]
    offline: bool,

    /// Attempts after one that brought nothing
    #[arg(long, value_name = "N", default_value_t = 5)]
    retries: u32,

    /// Give up a file that has, or turns out to have, more bytes
    #[arg(long, value_name = "N", default_value_t = 100_000_000_000)]
    max_bytes: u64,

    /// table for people, json: one object a line [default: table on a terminal, json otherwise]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

/// One file: where it comes from, and its place in the cache.
struct Item {
    address: String,
    path: PathBuf,
    revision: Option<String>,
    licence: Option<String>,
}

impl FetchArgs {
    pub(super) fn run(&self, io: &mut Io, format: Format) -> Result<Outcome> {
        let source: Source = self.source.parse()?;
        let cache = self.cache()?;
        if self.offline || env::var("HF_HUB_OFFLINE").is_ok_and(|text| text == "1") {
            return self.offline(io, format, &source, &cache);
        }
        let messages = io.messages.clone();
        let token = env::var("HF_TOKEN").ok().filter(|token| !token.is_empty());
        let login = token.map(|token| (origin(&hub::endpoint()).to_owned(), token));
        let http = Http::new(login, self.retries, &messages);
        let items = match &source {
            Source::Web(address) => {
                let path = cache.join("web").join(place(address));
                vec![Item { address: address.clone(), path, revision: None, licence: None }]
            }
            Source::Hub(hub) => self.of_hub(&http, hub, &cache)?,
        };
        ensure!(
            self.sha256.is_none() || items.len() == 1,
            "--sha256 is of one file, {} are wanted; name one with :FILE",
            items.len()
        );
        for item in items {
            let Item { address, path, revision, licence } = &item;
            let known = Known::of(path).filter(|known| self.is_right(known, path, revision.as_deref()));
            let (known, fetched) = match known {
                Some(known) => (known, false),
                None => {
                    let (pin, revision, licence) = (self.sha256.as_deref(), revision.as_deref(), licence.as_deref());
                    download(
                        &http,
                        &messages,
                        &Wanted { address, path, pin, most_bytes: self.max_bytes, revision, licence },
                    )?
                }
            };
            tell(io, format, path, &known, fetched)?;
        }
        Ok(Outcome::AllWell)
    }

    /// Is the cached file the wanted one, without asking for it?
    fn is_right(&self, known: &Known, path: &Path, revision: Option<&str>) -> bool {
        match &self.sha256 {
            // Read again: the disk may have changed it.
            Some(pin) => *pin == known.sha256 && digest(path).is_ok_and(|(_, sha256)| sha256 == *pin),
            None => revision.is_some() && known.revision.as_deref() == revision,
        }
    }

    /// The files of a repository.
    fn of_hub(&self, http: &Http, hub: &HubSource, cache: &Path) -> Result<Vec<Item>> {
        let folder = hub_folder(cache, hub);
        let known = || format!("hf:{}@{}", hub.repository, hub.revision);
        let repository = Repository::of(http, hub).with_context(known)?;
        let files = match &hub.file {
            Some(file) => vec![file.clone()],
            None => repository.files().with_context(known)?,
        };
        let revision = repository.sha.clone();
        let items = files.iter().map(|file| Item {
            address: hub::address(hub, revision.as_deref().unwrap_or(&hub.revision), file),
            path: folder.join(file),
            revision: revision.clone(),
            licence: repository.licence(),
        });
        Ok(items.collect())
    }

    fn offline(&self, io: &mut Io, format: Format, source: &Source, cache: &Path) -> Result<Outcome> {
        let paths = match source {
            Source::Web(address) => vec![cache.join("web").join(place(address))],
            Source::Hub(hub) => match &hub.file {
                Some(file) => vec![hub_folder(cache, hub).join(file)],
                None => in_folder(&hub_folder(cache, hub)),
            },
        };
        if paths.is_empty() || paths.iter().any(|path| Known::of(path).is_none()) {
            bail!("{}: is not in the cache {}, and --offline asks no server", self.source, cache.display());
        }
        for path in paths {
            let known = Known::of(&path).context("is gone")?;
            if let Some(pin) = &self.sha256 {
                let (_, sha256) = digest(&path)?;
                ensure!(sha256 == *pin, "{}: has the SHA-256 {sha256}, --sha256 wants {pin}", path.display());
            }
            tell(io, format, &path, &known, false)?;
        }
        Ok(Outcome::AllWell)
    }

    fn cache(&self) -> Result<PathBuf> {
        if let Some(folder) = &self.cache_dir {
            return Ok(folder.clone());
        }
        let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let found = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
        let found = found
            .or_else(|| folder("LOCALAPPDATA"))
            .context("there is no folder for a cache: name one with --cache-dir")?;
        Ok(found.join("dl-tools"))
    }
}

fn hub_folder(cache: &Path, hub: &HubSource) -> PathBuf {
    cache.join("hf").join(&hub.repository).join(hub.revision.replace('/', "_"))
}

/// The fetched files of a folder, sorted.
fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = entries.filter(|path| Known::of(path).is_some()).collect();
    paths.sort();
    paths
}

/// Says what a file is, and under which licence.
fn tell(io: &mut Io, format: Format, path: &Path, known: &Known, fetched: bool) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let licence = match &known.licence {
        Some(licence) => format!("licence {}", printable(licence)),
        None => "licence unknown: find out what you may do with it".to_owned(),
    };
    io.messages.note(format_args!("{name}: {}; {licence}", if fetched { "fetched" } else { "was in the cache" }));
    let row = json!({
        "file": path,
        "bytes": known.bytes,
        "sha256": known.sha256,
        "licence": known.licence,
        "url": known.url,
        "revision": known.revision,
        "fetched": fetched,
    });
    write(io, &row, format)
}

fn sha256(text: &str) -> Result<String> {
    ensure!(is_sha256(text), "want 64 hexadecimal digits");
    Ok(text.to_lowercase())
}
