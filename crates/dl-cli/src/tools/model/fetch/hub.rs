//! Hugging Face's hub: the files of a repository and its license.

use std::env;
use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use dl_models::checkpoint::printable;
use serde::Deserialize;
use serde_json::Value;

use super::http::Http;
use super::source::{HubSource, is_path};

/// What the hub says about a repository.
#[derive(Deserialize)]
pub(super) struct Repository {
    /// The commit.
    pub(super) sha: Option<String>,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default, rename = "cardData")]
    card: Option<Value>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// The longest answer that is read.
const MAX_ANSWER: u64 = 32 << 20;

/// The most letters of a license's name and address.
pub(super) const MAX_LICENSE: usize = 200;

/// Files beside the weights that say how texts and images become inputs.
const BESIDE: [&str; 9] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "special_tokens_map.json",
    "preprocessor_config.json",
];

/// The hub's address, from `HF_ENDPOINT` as in Hugging Face's own programs.
pub(super) fn endpoint() -> String {
    let stated = env::var("HF_ENDPOINT").ok().filter(|text| !text.is_empty());
    stated.unwrap_or_else(|| "https://huggingface.co".to_owned()).trim_end_matches('/').to_owned()
}

impl Repository {
    /// Asks the hub.
    pub(super) fn of(http: &Http, source: &HubSource) -> Result<Self> {
        let revision = encoded(&source.revision).replace('/', "%2F");
        let address = format!("{}/api/models/{}/revision/{revision}", endpoint(), encoded(&source.repository));
        let mut text = Vec::new();
        http.get_with_retries(&address)?
            .reader()
            .take(MAX_ANSWER)
            .read_to_end(&mut text)
            .with_context(|| address.clone())?;
        let repository: Self =
            serde_json::from_slice(&text).with_context(|| format!("{address}: not an answer of a hub"))?;
        if let Some(sha) = &repository.sha {
            ensure!(sha.chars().all(|letter| letter.is_ascii_alphanumeric()), "{address}: \"{sha}\" is not a commit");
        }
        Ok(repository)
    }

    /// Its license, from the model card or the tags.
    pub(super) fn license(&self) -> Option<String> {
        let card = self.card.as_ref();
        let text = |key: &str| Some(card?.get(key)?.as_str()?.to_owned());
        let stated = text("license").filter(|license| license != "other").or_else(|| text("license_name"));
        let tagged = || self.tags.iter().find_map(|tag| tag.strip_prefix("license:")).map(str::to_owned);
        let name = stated.or_else(tagged).or_else(|| text("license"))?;
        let license = match text("license_link") {
            Some(link) => format!("{name} ({link})"),
            None => name,
        };
        Some(license.chars().filter(|letter| !letter.is_control()).take(MAX_LICENSE).collect())
    }

    /// The files that a model needs: its weights, as safetensors if there are any, and the files beside them.
    pub(super) fn files(&self) -> Result<Vec<String>> {
        let names: Vec<&str> =
            self.siblings.iter().map(|sibling| sibling.rfilename.as_str()).filter(|name| is_path(name)).collect();
        let has = |name: &str| names.contains(&name);
        let index = |index: &str, start: &str, end: &str| -> Vec<String> {
            let shards = names.iter().filter(|name| name.starts_with(start) && name.ends_with(end));
            [index].into_iter().chain(shards.copied()).map(str::to_owned).collect()
        };
        let mut files = if has("model.safetensors") {
            vec!["model.safetensors".to_owned()]
        } else if has("model.safetensors.index.json") {
            index("model.safetensors.index.json", "model-", ".safetensors")
        } else if has("pytorch_model.bin") {
            vec!["pytorch_model.bin".to_owned()]
        } else if has("pytorch_model.bin.index.json") {
            index("pytorch_model.bin.index.json", "pytorch_model-", ".bin")
        } else {
            let listed: Vec<String> = names.iter().take(12).map(|name| printable(name)).collect();
            bail!("has no model.safetensors or pytorch_model.bin; select a file with :FILE ({})", listed.join(", "));
        };
        files.extend(BESIDE.iter().filter(|name| has(name)).map(|name| name.to_string()));
        Ok(files)
    }
}

/// The address of a file.
pub(super) fn address(source: &HubSource, revision: &str, file: &str) -> String {
    let revision = encoded(revision).replace('/', "%2F");
    format!("{}/{}/resolve/{revision}/{}", endpoint(), encoded(&source.repository), encoded(file))
}

/// A path, percent-encoded.
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
