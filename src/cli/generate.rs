//! `lorekeeper generate`: the decoder alone, prompts in, texts out.

use crate::{
    config::Config,
    domain::{Generation, GenerationRequest, Prompt, Said},
    model::{DecoderOptions, LanguageModel},
    ports::Generator,
};
use anyhow::{Context, bail};
use clap::Args;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io::{BufRead, Write, stdin, stdout},
    path::PathBuf,
    thread,
};
use tokio::sync::mpsc;

/// Lines that are worked on at the same time.
const CONCURRENT: usize = 32;

/// Tokens written where a line does not say how many.
const MAX_TOKENS: usize = 256;

#[derive(Args, Debug)]
pub struct GenerateArgs {
    /// Folder of the language model
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Folder of a LoRA adapter that every line is written with
    #[arg(long, value_name = "NAME")]
    adapter: Option<PathBuf>,
    /// Threads that the model runs on
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Read {"id","prompt" or "messages","max_tokens","temperature","schema"?} lines from
    /// standard input, print {"id","text","tokens","prefill_ms","decode_ms"} lines
    #[arg(long, required = true)]
    lines: bool,
    /// The output is JSON lines with or without this
    #[arg(long)]
    json: bool,
}

/// One line; what it leaves out is as the model's makers have it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default, rename = "id")]
    _id: Value,
    prompt: Option<String>,
    messages: Option<Vec<Said>>,
    max_tokens: Option<usize>,
    temperature: Option<f32>,
    top_k: Option<usize>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    repetition_penalty: Option<f32>,
    seed: Option<u64>,
    #[serde(default)]
    stop: Vec<String>,
    schema: Option<Value>,
}

impl GenerateArgs {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let mut options = DecoderOptions::new(&self.model);
        options.onnxruntime = config.model.onnxruntime.clone();
        options.threads = self.threads;
        // Every line that is worked on has a place, so none is refused.
        options.waiting = options.waiting.max(CONCURRENT);
        let writer = Writer::open(options, self.adapter)?;

        let lines = stream::unfold(standard_input(), async |mut lines| {
            let line = lines.recv().await?;
            Some((line, lines))
        });
        let answers = lines.map(|line| writer.answer(line)).buffered(CONCURRENT);
        let mut answers = std::pin::pin!(answers);
        let mut failed = 0;
        while let Some(answer) = answers.next().await {
            failed += usize::from(answer.get("error").is_some());
            let mut out = stdout().lock();
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
        if failed > 0 {
            bail!("{failed} lines could not be answered: see their `error`");
        }
        Ok(())
    }
}

/// Lines as they come, read on a thread of their own: a read can't be awaited.
fn standard_input() -> mpsc::Receiver<anyhow::Result<String>> {
    let (sender, lines) = mpsc::channel(CONCURRENT);
    thread::spawn(move || {
        for line in stdin().lock().lines() {
            if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
                continue;
            }
            let last = line.is_err();
            let line = line.context("standard input can't be read");
            if sender.blocking_send(line).is_err() || last {
                return;
            }
        }
    });
    lines
}

struct Writer {
    model: LanguageModel,
    adapter: Option<String>,
}

impl Writer {
    fn open(options: DecoderOptions, adapter: Option<PathBuf>) -> anyhow::Result<Self> {
        let model = LanguageModel::open(options)?;
        let adapter = match adapter {
            Some(folder) => {
                let name = folder.display().to_string();
                model.load_adapter(&name, &folder)?;
                Some(name)
            }
            None => None,
        };
        Ok(Self { model, adapter })
    }

    async fn answer(&self, line: anyhow::Result<String>) -> Value {
        let parsed = line.and_then(|line| Ok(serde_json::from_str::<Value>(&line)?));
        let id = parsed
            .as_ref()
            .ok()
            .and_then(|line| line.get("id"))
            .cloned();
        let written = match parsed {
            Ok(line) => self.write(line).await,
            Err(error) => Err(error),
        };
        let mut answer = match written {
            Ok(generation) => json!({
                "text": generation.text,
                "tokens": generation.tokens,
                "prompt_tokens": generation.prompt_tokens,
                "finish": generation.finish,
                "prefill_ms": generation.prefill_ms,
                "decode_ms": generation.decode_ms,
            }),
            Err(error) => json!({ "error": format!("{error:#}") }),
        };
        if let Some(id) = id {
            answer["id"] = id;
        }
        answer
    }

    async fn write(&self, line: Value) -> anyhow::Result<Generation> {
        let line: Line = serde_json::from_value(line)?;
        let prompt = match (line.prompt, line.messages) {
            (Some(prompt), None) => Prompt::Raw(prompt),
            (None, Some(messages)) => Prompt::Conversation(messages),
            _ => bail!("expected either `prompt` or `messages`"),
        };
        let mut sampling = self.model.sampling().clone();
        sampling.temperature = line.temperature.unwrap_or(sampling.temperature);
        sampling.top_k = line.top_k.unwrap_or(sampling.top_k);
        sampling.top_p = line.top_p.unwrap_or(sampling.top_p);
        sampling.min_p = line.min_p.unwrap_or(sampling.min_p);
        sampling.repetition_penalty = line
            .repetition_penalty
            .unwrap_or(sampling.repetition_penalty);
        sampling.seed = line.seed.unwrap_or(sampling.seed);
        let request = GenerationRequest {
            adapter: self.adapter.clone(),
            sampling,
            stop: line.stop,
            schema: line.schema,
            ..GenerationRequest::greedy(prompt, line.max_tokens.unwrap_or(MAX_TOKENS))
        };
        Ok(self.model.generate(request, None).await?)
    }
}
