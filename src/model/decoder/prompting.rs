//! From a request to tokens: all that is done before the model is needed.

use super::{
    caller::Caller, constraint::Grammars, lora::Adapter, sampling::Sampler, template::ChatTemplate,
    text::TextStream, writer::Job,
};
use crate::{
    domain::{GenerationRequest, Prompt, Sampling},
    ports::GenerateError,
};
use std::sync::Arc;
use tokenizers::Tokenizer;
use tokio::sync::mpsc;

pub(super) struct Prompting {
    pub model: String,
    pub tokenizer: Arc<Tokenizer>,
    pub template: Option<ChatTemplate>,
    pub grammars: Grammars,
    /// Tokens that a prompt and its answer may fill together.
    pub context: usize,
    /// See [`super::DecoderOptions::forced_tokens`].
    pub forced_tokens: bool,
}

impl Prompting {
    /// A conversation goes through the template, which writes the special
    /// tokens itself; raw text gets those that the tokenizer puts around it.
    pub fn tokens(&self, prompt: &Prompt) -> Result<Vec<u32>, GenerateError> {
        let (text, add_special_tokens) = match prompt {
            Prompt::Raw(text) => (text.clone(), true),
            Prompt::Conversation(said) => {
                let template = self
                    .template
                    .as_ref()
                    .ok_or_else(|| GenerateError::BadRequest {
                        what: "messages",
                        problem: format!("{} has no chat template: send a prompt", self.model),
                    })?;
                let text = template
                    .render(said)
                    .map_err(|error| bad("messages", error.to_string()))?;
                (text, false)
            }
        };
        let encoding = self
            .tokenizer
            .encode_fast(text, add_special_tokens)
            .map_err(|error| bad("prompt", error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Checks a request and does what needs no model.
    pub fn job(
        &self,
        request: &GenerationRequest,
        adapter: Option<Arc<Adapter>>,
        caller: Arc<Caller>,
        pieces: Option<mpsc::UnboundedSender<String>>,
    ) -> Result<Job, GenerateError> {
        check_sampling(&request.sampling)?;
        if request.max_tokens == 0 {
            return Err(bad("max_tokens", "it is 0, expected 1 or more"));
        }
        let prompt = self.tokens(&request.prompt)?;
        if prompt.is_empty() {
            return Err(bad("prompt", "it is empty"));
        }
        if prompt.len() >= self.context {
            return Err(GenerateError::TooLong {
                model: self.model.clone(),
                tokens: prompt.len(),
                // One token at least must have room behind it.
                limit: self.context - 1,
            });
        }
        let constraint = match &request.schema {
            Some(schema) => Some(
                self.grammars
                    .compile(schema)
                    .map_err(|problem| bad("schema", problem))?,
            ),
            None => None,
        };
        Ok(Job {
            caller,
            pieces,
            prompt,
            max_tokens: request.max_tokens,
            sampler: Sampler::new(&request.sampling),
            text: TextStream::new(self.tokenizer.clone(), &request.stop),
            constraint,
            forced_tokens: self.forced_tokens,
            adapter,
        })
    }
}

fn bad(what: &'static str, problem: impl Into<String>) -> GenerateError {
    GenerateError::BadRequest {
        what,
        problem: problem.into(),
    }
}

fn check_sampling(sampling: &Sampling) -> Result<(), GenerateError> {
    let Sampling {
        temperature,
        top_p,
        min_p,
        repetition_penalty,
        ..
    } = *sampling;
    let checks = [
        ("temperature", temperature, 0.0..=100.0, "0 to 100"),
        ("top_p", top_p, f32::MIN_POSITIVE..=1.0, "above 0, to 1"),
        ("min_p", min_p, 0.0..=1.0, "0 to 1"),
        (
            "repetition_penalty",
            repetition_penalty,
            0.01..=100.0,
            "0.01 to 100",
        ),
    ];
    for (what, value, range, expected) in checks {
        if !range.contains(&value) {
            return Err(bad(what, format!("it is {value}, expected {expected}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_that_makes_no_sense_is_refused_by_name() {
        let check = |change: fn(&mut Sampling), expected: &str| {
            let mut sampling = Sampling::default();
            change(&mut sampling);
            let error = check_sampling(&sampling).expect_err("must be refused");
            assert!(error.to_string().starts_with(expected), "{error}");
        };
        check(|s| s.temperature = f32::NAN, "temperature: it is NaN");
        check(|s| s.temperature = -1.0, "temperature: it is -1");
        check(|s| s.top_p = 0.0, "top_p: it is 0");
        check(|s| s.min_p = 1.5, "min_p: it is 1.5");
        check(
            |s| s.repetition_penalty = 0.0,
            "repetition_penalty: it is 0",
        );
        assert!(check_sampling(&Sampling::default()).is_ok());
    }
}
