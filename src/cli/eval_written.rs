//! `lorekeeper eval FILE.jsonl`: what the language model writes, with its
//! adapters beside each other.

use crate::{
    config::Config,
    domain::{GenerationRequest, Prompt, plain::plain_text},
    learning::{
        registry::{Base, Registry},
        written::{Task, WrittenReport, nearness, read_tasks, written_table},
    },
    model::{DecoderOptions, LanguageModel},
    ports::Generator,
};
use anyhow::Context;
use futures::{StreamExt, stream};
use indicatif::ProgressBar;
use std::{
    path::{Path, PathBuf},
    time::Instant,
};

/// Tasks that are written at the same time.
const CONCURRENT: usize = 8;
/// More than any wanted answer is worth waiting for.
const MAX_TOKENS: usize = 512;

/// Who writes what, and with which adapters besides none.
pub struct Writing<'a> {
    pub file: &'a Path,
    pub model: Option<PathBuf>,
    /// Registered adapters, `NAME` or `NAME@VERSION`, or folders as PEFT writes them.
    pub adapters: &'a [String],
}

impl Writing<'_> {
    pub async fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        let tasks = read_tasks(self.file)?;
        let folder = self
            .model
            .or_else(|| config.generator.model_dir.clone())
            .context(
                "no language model: name its folder with --model, or set `generator.model_dir`",
            )?;
        let mut options = DecoderOptions::new(&folder);
        options.onnxruntime = config.model.onnxruntime.clone();
        options.device = config.generator.device;
        options.threads = config.generator.threads;
        options.waiting = options.waiting.max(CONCURRENT);
        let model = LanguageModel::open(options)?;
        for adapter in self.adapters {
            model.load_adapter(adapter, &adapter_folder(adapter, &folder, config)?)?;
        }
        let mut reports = vec![write_all(&model, None, &tasks).await];
        for adapter in self.adapters {
            reports.push(write_all(&model, Some(adapter), &tasks).await);
        }
        if json {
            println!("{}", serde_json::to_string(&reports)?);
        } else {
            let suite = self.file.display().to_string();
            println!("{}", plain_text(&[written_table(&suite, &reports)]));
        }
        Ok(())
    }
}

fn adapter_folder(adapter: &str, model: &Path, config: &Config) -> anyhow::Result<PathBuf> {
    if Path::new(adapter).is_dir() {
        return Ok(adapter.into());
    }
    let registry = Registry::new(&config.generator.adapters_dir);
    let (id, manifest) = registry.find(adapter)?;
    manifest.fits(&Base::of(model)?)?;
    Ok(registry.folder_of(&id))
}

async fn write_all(
    model: &LanguageModel,
    adapter: Option<&String>,
    tasks: &[Task],
) -> WrittenReport {
    let writer = adapter.map_or("base", String::as_str);
    let progress = ProgressBar::new(tasks.len() as u64).with_prefix(writer.to_string());
    let results: Vec<_> = stream::iter(tasks)
        .map(async |task| {
            let began = Instant::now();
            let written = model.generate(request(task, adapter), None).await;
            progress.inc(1);
            (task, written, began.elapsed().as_secs_f64() * 1e3)
        })
        .buffered(CONCURRENT)
        .collect()
        .await;
    progress.finish_and_clear();
    let mut report = WrittenReport {
        writer: writer.to_string(),
        tasks: tasks.len(),
        failed: 0,
        exact: 0.0,
        rouge_l: 0.0,
        tokens: 0,
        p50_ms: 0.0,
        p99_ms: 0.0,
    };
    let mut times: Vec<f64> = Vec::new();
    for (task, written, ms) in results {
        times.push(ms);
        match written {
            Ok(generation) => {
                let near = nearness(&generation.text, &task.wanted);
                report.exact += near.exact / tasks.len() as f64;
                report.rouge_l += near.rouge_l / tasks.len() as f64;
                report.tokens += generation.tokens;
            }
            Err(error) => {
                tracing::warn!(error = %crate::ports::with_causes(&error), "a task could not be written");
                report.failed += 1;
            }
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    (report.p50_ms, report.p99_ms) = (at(0.5), at(0.99));
    report
}

fn request(task: &Task, adapter: Option<&String>) -> GenerationRequest {
    let said = Prompt::Conversation(task.said.clone());
    GenerationRequest {
        adapter: adapter.cloned(),
        ..GenerationRequest::greedy(said, MAX_TOKENS)
    }
}
