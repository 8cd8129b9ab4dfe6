//! The names GPT, a real GPT-2 over letters, has its stated outputs and likelihoods. Skipped where its files are absent.
#![allow(clippy::unwrap_used, reason = "a test that finds nothing to unwrap fails, as it should")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use dl_models::text::generate::{Prompt, Sampling, generate};
use dl_models::text::{TextBatch, TextModel, Tokens, loss};
use serde_json::Value;

fn shared(file: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights").join(file);
    if !found.exists() {
        eprintln!("SKIPPED: {} is not here", found.display());
    }
    found.exists().then_some(found)
}

/// The model and the names.
fn names_gpt() -> Option<(TextModel, Vec<String>)> {
    let path = shared("names_gpt.safetensors")?;
    let names = fs::read_to_string(path.with_file_name("names.txt")).unwrap();
    Some((TextModel::open(&path, &Device::Cpu).unwrap(), names.lines().map(str::to_owned).collect()))
}

/// Mean negative log-likelihood of a predicted token.
fn likelihood(model: &TextModel, names: &[String]) -> f64 {
    let (mut total, mut tokens) = (0.0, 0);
    for names in names.chunks(500) {
        let parts: Vec<Vec<u32>> =
            names.iter().flat_map(|name| loss::language_model_parts(model, name).unwrap()).collect();
        let parts: Vec<&[u32]> = parts.iter().map(Vec::as_slice).collect();
        let sums = loss::negative_log_likelihoods(model.gpt2().unwrap(), &parts).unwrap();
        total += sums.iter().sum::<f64>();
        tokens += parts.iter().map(|part| part.len() - 1).sum::<usize>();
    }
    total / tokens as f64
}

#[track_caller]
fn assert_likelihood(found: f64, stated: f64) {
    assert!((found - stated).abs() < 2e-6, "{found}, not {stated}");
}

#[test]
fn outputs_equal_the_stored_reference() {
    let Some((model, _)) = names_gpt() else { return };
    let load = |file: &str| candle_core::safetensors::load(shared(file).unwrap(), &Device::Cpu).unwrap();
    let tokens = load("names_gpt.input.safetensors")["tokens"].to_dtype(DType::U32).unwrap().to_vec2::<u32>().unwrap();
    let texts: Vec<Tokens> = tokens.into_iter().map(Tokens::new).collect();
    let batch = TextBatch::new(&texts);
    let stored = load("names_gpt.output.safetensors");
    for (layer, name) in [("embeddings", "embeddings"), ("h.0", "after_block_0"), ("logits", "logits")] {
        let found = model.network.texts().features(&batch, &[layer], None).unwrap().remove(0);
        let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (found, wanted) = (numbers(&found), numbers(&stored[name]));
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() <= 1e-5 + 1e-4 * wanted.abs(), "{layer}: {found}, not {wanted}");
        }
    }
}

#[test]
fn the_first_names_have_their_stated_likelihood() {
    let Some((model, names)) = names_gpt() else { return };
    assert_likelihood(likelihood(&model, &names[..1000]), 1.549613);
}

#[test]
#[ignore = "slow: 33 000 names"]
fn all_names_and_the_held_out_ones_have_their_stated_likelihood() {
    let Some((model, names)) = names_gpt() else { return };
    assert_likelihood(likelihood(&model, &names[31033..]), 1.913412);
    assert_likelihood(likelihood(&model, &names), 1.753755);
    let split = fs::read(shared("names_gpt.test_split.json").unwrap()).unwrap();
    let split: Value = serde_json::from_slice(&split).unwrap();
    let lines = split["lines"].as_array().unwrap().iter();
    let held_out: Vec<String> = lines.map(|line| names[line.as_u64().unwrap() as usize].clone()).collect();
    assert_likelihood(likelihood(&model, &held_out), 1.972245);
}

fn write(model: &TextModel, prompts: &[&str], sampling: &Sampling) -> Vec<String> {
    let prompts = prompts.iter().enumerate();
    let prompts = prompts.map(|(index, text)| Prompt {
        text: (*text).to_owned(),
        rng: dl_record::rng(0, &index.to_string()),
    });
    generate(model, prompts.collect(), sampling).unwrap().into_iter().map(Result::unwrap).collect()
}

#[test]
fn the_likeliest_name_is_the_stated_one() {
    let Some((model, _)) = names_gpt() else { return };
    let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
    assert_eq!(write(&model, &[""], &greedy), ["analis"]);
}

#[test]
fn names_are_new_and_end_where_they_are_asked_to() {
    let Some((model, names)) = names_gpt() else { return };
    let usual = Sampling::default();
    let written = write(&model, &[""; 40], &usual);
    assert!(written.iter().all(|name| name.len() <= 15 && name.chars().all(|letter| letter.is_ascii_lowercase())));
    assert!(written.iter().filter(|name| !names.contains(name)).count() > 10, "{written:?}");
    let short = Sampling { max_tokens: 2, ..usual.clone() };
    assert!(write(&model, &["ma"; 5], &short).iter().all(|name| name.starts_with("ma") && name.len() <= 4));
    let stop = Sampling { stop: vec!["a".into()], ..usual };
    assert!(write(&model, &[""; 20], &stop).iter().all(|name| !name.contains('a')));
    assert!(write(&model, &["maa"; 3], &stop).iter().all(|name| name.matches('a').count() == 2));
}

#[test]
fn a_letter_that_the_vocabulary_lacks_is_named() {
    let Some((model, _)) = names_gpt() else { return };
    let error = model.tokenizer.encode("anna-lisa").unwrap_err().to_string();
    assert_eq!(error, "the model's vocabulary lacks '-'");
    assert_eq!(model.tokenizer.decode(&[0, 1, 14, 14, 1, 0]).unwrap(), "anna");
    let prompts = vec![Prompt { text: "Zoe".into(), rng: dl_record::rng(0, "") }];
    let written = generate(&model, prompts, &Sampling::default()).unwrap();
    assert!(written[0].as_ref().unwrap_err().to_string().contains("lacks 'Z'"));
}
