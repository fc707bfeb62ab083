//! The decoder's speed: one request, sixteen together, a prompt whose beginning
//! is known, and plans in a schema. `LOREKEEPER_BENCH_MODEL=DIR cargo bench
//! --bench decode`.
//!
//! `LOREKEEPER_BENCH_PROMPTS` names a file of `{"prompt"}` lines; without one,
//! `prompts.jsonl` beside the model is read. `LOREKEEPER_BENCH_THREADS` is 1
//! unless said. On a shared machine the best of a few rounds is nearest to the
//! truth, and the rate by processor time, which waits for nobody, nearer still.
//!
//! With `LOREKEEPER_BENCH_LINES=1` nothing of this is measured: each line
//! `{"prompt", "tokens"}` of standard input is answered with a line, for
//! `bench_peers.py`, which measures other programs by turns with this one.

use lorekeeper::{
    domain::{Generation, GenerationRequest, Prompt},
    model::{DecoderOptions, LanguageModel},
    ports::Generator,
};
use serde_json::{Value, json};
use std::{
    env, fs,
    io::stdin,
    path::{Path, PathBuf},
    time::Instant,
};

/// Tokens written for each prompt.
const TOKENS: usize = 128;
const ROUNDS: usize = 3;
const TOGETHER: usize = 16;

#[tokio::main]
async fn main() {
    let Some(folder) = env::var_os("LOREKEEPER_BENCH_MODEL").map(PathBuf::from) else {
        println!("decode: no LOREKEEPER_BENCH_MODEL, nothing measured");
        return;
    };
    let mut options = DecoderOptions::new(&folder);
    options.slots = TOGETHER;
    options.context_tokens = 2048;
    options.threads = number("LOREKEEPER_BENCH_THREADS").unwrap_or(1);
    options.spinning = number("LOREKEEPER_BENCH_SPINNING").is_some_and(|spin| spin > 0);
    let model = LanguageModel::open(options.clone()).expect("the model is opened");
    if env::var_os("LOREKEEPER_BENCH_LINES").is_some() {
        return answer_lines(&model).await;
    }
    println!(
        "{}: {} threads, spinning {}",
        folder.display(),
        options.threads,
        options.spinning
    );
    let prompts = read_prompts(&folder);
    one_request(&model, &prompts).await;
    together(&model, &prompts).await;
    known_beginning(&model, &prompts).await;
    options.forced_tokens = false;
    let masking = LanguageModel::open(options).expect("the model is opened");
    plans(&model, &masking).await;
}

async fn answer_lines(model: &LanguageModel) {
    for line in stdin().lines() {
        let line: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let prompt = line["prompt"].as_str().expect("a prompt");
        let tokens = line["tokens"].as_u64().expect("a number of tokens");
        let written = write(model, prompt, tokens as usize).await;
        println!(
            "{}",
            json!({
                "tokens": written.tokens,
                "prefill_ms": written.prefill_ms,
                "decode_ms": written.decode_ms,
            })
        );
    }
}

fn number(name: &str) -> Option<usize> {
    env::var(name).ok()?.parse().ok()
}

fn read_prompts(folder: &Path) -> Vec<String> {
    let file = env::var_os("LOREKEEPER_BENCH_PROMPTS")
        .map_or_else(|| folder.join("../prompts.jsonl"), PathBuf::from);
    let lines = fs::read_to_string(&file).expect("the prompts are read");
    let prompts = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a JSON line");
        line["prompt"].as_str().expect("a prompt").to_owned()
    });
    prompts.collect()
}

async fn write(model: &LanguageModel, prompt: &str, max_tokens: usize) -> Generation {
    let request = GenerationRequest::greedy(Prompt::Raw(prompt.into()), max_tokens);
    let written = model.generate(request, None).await;
    written.expect("the request is answered")
}

/// Tokens a second after the first one, prompts left out.
async fn one_request(model: &LanguageModel, prompts: &[String]) {
    let (mut rates, mut by_processor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut tokens, mut ms, mut seconds) = (0, 0.0, 0.0);
        for prompt in prompts {
            // Now the prompt is known, and only writing is left.
            write(model, prompt, 1).await;
            let before = processor_seconds();
            let written = write(model, prompt, TOKENS).await;
            seconds += processor_seconds() - before;
            tokens += written.tokens - 1;
            ms += written.decode_ms;
        }
        rates.push(tokens as f64 / ms * 1e3);
        by_processor.push(tokens as f64 / seconds);
    }
    println!(
        "one request: {:.0} tokens/s decoded (rounds: {rates:.0?}), {:.0} by the processor",
        best(&rates),
        best(&by_processor)
    );
}

/// Sixteen requests of unequal length, one after the other and all at once:
/// as they come, and with prompts that are known, so that writing alone is
/// compared.
async fn together(model: &LanguageModel, prompts: &[String]) {
    let short: Vec<&String> = prompts.iter().filter(|p| p.len() < 2000).collect();
    let asked: Vec<&String> = short.into_iter().cycle().take(TOGETHER).collect();
    for known in [false, true] {
        let (mut alone, mut at_once) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // A number in front: nothing of an earlier round can be used again.
            let new = |n: usize| -> Vec<String> {
                let numbered = asked.iter().enumerate();
                numbered
                    .map(|(at, p)| format!("{known}.{round}.{n}.{at} {p}"))
                    .collect()
            };
            alone.push(one_by_one(model, &new(0), known).await);
            at_once.push(all_at_once(model, &new(1), known).await);
        }
        let prompts = if known {
            "known prompts"
        } else {
            "new prompts"
        };
        for (clock, of) in [("by the wall", 0), ("by the processor", 1)] {
            let rate = |rates: &[[f64; 2]]| best(&rates.iter().map(|r| r[of]).collect::<Vec<_>>());
            let (alone, at_once) = (rate(&alone), rate(&at_once));
            println!(
                "{TOGETHER} requests, {prompts}, {clock}: one at a time {alone:.0} tokens/s, \
                 together {at_once:.0} tokens/s, ratio {:.2}",
                at_once / alone
            );
        }
    }
}

async fn one_by_one(model: &LanguageModel, prompts: &[String], known: bool) -> [f64; 2] {
    make_known(model, prompts, known).await;
    let mut rate = Rate::start();
    for prompt in prompts {
        rate.tokens += write(model, prompt, TOKENS).await.tokens;
    }
    rate.stop()
}

async fn all_at_once(model: &LanguageModel, prompts: &[String], known: bool) -> [f64; 2] {
    make_known(model, prompts, known).await;
    let mut rate = Rate::start();
    let requests = prompts.iter().map(|prompt| write(model, prompt, TOKENS));
    let written = futures::future::join_all(requests).await;
    rate.tokens = written.iter().map(|written| written.tokens).sum();
    rate.stop()
}

/// Every prompt in a slot of its own.
async fn make_known(model: &LanguageModel, prompts: &[String], known: bool) {
    if known {
        let requests = prompts.iter().map(|prompt| write(model, prompt, 1));
        futures::future::join_all(requests).await;
    }
}

/// Tokens a second, by the wall clock and by the processor's.
struct Rate {
    tokens: usize,
    began: Instant,
    processor: f64,
}

impl Rate {
    fn start() -> Self {
        Self {
            tokens: 0,
            began: Instant::now(),
            processor: processor_seconds(),
        }
    }

    fn stop(self) -> [f64; 2] {
        [
            self.began.elapsed().as_secs_f64(),
            processor_seconds() - self.processor,
        ]
        .map(|seconds| self.tokens as f64 / seconds)
    }
}

/// What this process has used, in steps of 10 ms; not a number where the
/// system does not say (proc(5), `utime` and `stime`).
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: Option<Vec<f64>> = times.map(|ticks| ticks.parse().ok()).collect();
    match ticks.as_deref() {
        Some([user, system]) => (user + system) / 100.0,
        _ => f64::NAN,
    }
}

/// Time to the first token of a question behind a long system prompt.
async fn known_beginning(model: &LanguageModel, prompts: &[String]) {
    let long = prompts.iter().max_by_key(|p| p.len()).expect("a prompt");
    let (mut cold, mut warm) = (f64::INFINITY, f64::INFINITY);
    let mut tokens = 0;
    for round in 0..2 * ROUNDS {
        let system = format!("{round}: {long}");
        let first = write(model, &format!("{system}\nWhere is the parcel?"), 1).await;
        let second = write(model, &format!("{system}\nWho approves the invoice?"), 1).await;
        cold = cold.min(first.prefill_ms);
        warm = warm.min(second.prefill_ms);
        tokens = first.prompt_tokens;
    }
    println!(
        "first token behind {tokens} tokens: new {cold:.1} ms, known {warm:.1} ms, ratio {:.1}",
        cold / warm
    );
}

fn best(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(0.0, f64::max)
}

/// Plans for so many questions, each in a schema of its own.
const QUESTIONS: usize = 40;

/// A plan in its schema, with and without forced tokens, and as many tokens
/// without a schema. Compiling the schema is counted, reading the prompt is not.
async fn plans(forcing: &LanguageModel, masking: &LanguageModel) {
    let ways = ["forced tokens", "mask only", "no schema"];
    let mut best = [[f64::INFINITY; 2]; 3];
    let mut tokens = [0; 3];
    let mut valid = [0; 3];
    for round in 0..ROUNDS {
        let mut seconds = [[0.0; 2]; 3];
        (tokens, valid) = ([0; 3], [0; 3]);
        for question in 0..QUESTIONS {
            let schema = plan_schema(round * QUESTIONS + question);
            let prompt = format!("Question {question}: revenue by region?\nPlan: ");
            let mut limit = 256;
            for (way, model) in [(0, forcing), (1, masking), (2, masking)] {
                write(model, &prompt, 1).await;
                let request = GenerationRequest {
                    schema: (way < 2).then(|| schema.clone()),
                    ..GenerationRequest::greedy(Prompt::Raw(prompt.clone()), limit)
                };
                let (began, processor) = (Instant::now(), processor_seconds());
                let written = model.generate(request, None).await.expect("a plan");
                seconds[way][0] += began.elapsed().as_secs_f64();
                seconds[way][1] += processor_seconds() - processor;
                tokens[way] += written.tokens;
                let plan = serde_json::from_str(&written.text);
                valid[way] += usize::from(plan.is_ok_and(|plan| fits(&plan, &schema)));
                if way == 1 {
                    limit = written.tokens;
                }
            }
        }
        for (best, seconds) in best.iter_mut().zip(seconds) {
            *best = [best[0].min(seconds[0]), best[1].min(seconds[1])];
        }
    }
    for (way, name) in ways.iter().enumerate() {
        let each = |seconds: f64| seconds * 1e3 / QUESTIONS as f64;
        println!(
            "plan, {name}: {:.1} ms, {:.1} ms of the processor, {} tokens; {}/{QUESTIONS} valid",
            each(best[way][0]),
            each(best[way][1]),
            tokens[way] / QUESTIONS,
            valid[way],
        );
    }
}

/// As the planner asks for it: a tool and its arguments, whose values are
/// those that were found in the question.
fn plan_schema(question: usize) -> Value {
    let object = |properties: Value| {
        let required: Vec<&String> = properties.as_object().expect("fields").keys().collect();
        json!({
            "type": "object", "additionalProperties": false,
            "required": required, "properties": properties,
        })
    };
    let tools = [
        "sales_by_region",
        "high_ticket_sales",
        "open_tickets",
        "deploys",
        "log_errors",
    ];
    let calls = tools.map(|tool| {
        let with = object(json!({
            "region": { "enum": ["nordics", "benelux", format!("zone-{question}")] },
            "from": { "enum": [format!("2026-{:02}-01", question % 12 + 1), "2026-11-20"] },
            "limit": { "enum": [10, 20, 100 + question] },
        }));
        object(json!({ "tool": { "const": tool }, "with": with }))
    });
    json!({ "anyOf": calls })
}

/// Whether a value satisfies a schema of the form that [`plan_schema`] gives.
fn fits(value: &Value, schema: &Value) -> bool {
    if let Some(branches) = schema["anyOf"].as_array() {
        return branches.iter().any(|branch| fits(value, branch));
    }
    if let Some(allowed) = schema["enum"].as_array() {
        return allowed.contains(value);
    }
    if !schema["const"].is_null() {
        return *value == schema["const"];
    }
    let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    else {
        return false;
    };
    fields.len() == properties.len()
        && properties
            .iter()
            .all(|(name, schema)| fields.get(name).is_some_and(|value| fits(value, schema)))
}
