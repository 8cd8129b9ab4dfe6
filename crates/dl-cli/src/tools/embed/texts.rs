//! Features of many texts, computed together.

use anyhow::Result;
use dl_models::plain;
use dl_models::text::{TextBatch, TextLayer, TextModel, TextNetwork, Tokens};
use dl_record::Matrix;

use super::pool::Pool;

/// The most tokens per batch, which bounds the memory; a single text may have more.
const TOKENS: usize = 4096;

/// The features of each text: one matrix per layer, or the error.
pub(super) fn features(
    model: &TextModel,
    layers: &[TextLayer],
    pool: Option<Pool>,
    texts: &[Tokens],
) -> Vec<Result<Vec<Matrix>>> {
    let mut all = Vec::with_capacity(texts.len());
    let mut first = 0;
    while first < texts.len() {
        let mut tokens = 0;
        let fits = texts[first..].iter().take_while(|text| {
            tokens += text.ids.len();
            tokens <= TOKENS
        });
        let count = fits.count().max(1);
        let texts = &texts[first..first + count];
        match run(model, layers, pool, texts) {
            Ok(features) => all.extend(features.into_iter().map(Ok)),
            // One by one, to find the text that fails.
            Err(error) if count == 1 => all.push(Err(error)),
            Err(_) => all.extend(texts.chunks(1).map(|text| Ok(run(model, layers, pool, text)?.remove(0)))),
        }
        first += count;
    }
    all
}

fn run(model: &TextModel, layers: &[TextLayer], pool: Option<Pool>, texts: &[Tokens]) -> Result<Vec<Vec<Matrix>>> {
    let batch = TextBatch::new(texts);
    let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
    let network: &dyn TextNetwork = model.network.texts();
    let outputs = network.features(&batch, &names, None)?;
    let mut of_texts = vec![Vec::with_capacity(layers.len()); texts.len()];
    for (layer, output) in layers.iter().zip(outputs) {
        let width = output.dim(1).map_err(plain)?;
        let data = output.flatten_all().and_then(|data| data.to_vec1::<f32>()).map_err(plain)?;
        let starts = batch.starts();
        for (index, of_text) in of_texts.iter_mut().enumerate() {
            let (start, rows) = if layer.per_token { (starts[index], batch.lengths[index]) } else { (index, 1) };
            let rows = Matrix { rows, columns: width, data: data[start * width..(start + rows) * width].to_vec() };
            of_text.push(if layer.per_token { pool.unwrap_or(default_pool(model)).rows(&rows) } else { rows });
        }
    }
    Ok(of_texts)
}

/// In a network that reads from left to right, only the last token sees the whole text.
pub(super) fn default_pool(model: &TextModel) -> Pool {
    if model.gpt2().is_ok() { Pool::Last } else { Pool::Mean }
}
