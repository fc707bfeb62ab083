//! Passages -> a written answer, by a language model, as far as they support it.
//!
//! Promise: what a model wrote is shown only after it was checked, and where
//! it can't be had or is not supported, the caller quotes instead. Evidence is
//! trimmed to the model's context, never the question.

use super::checking::check;
use crate::{
    domain::{Evidence, Finish, GenerationRequest, Message, Prompt, Provenance, Question},
    ports::{GenerateError, Generator},
    prompts::{AnswerPrompt, PromptError},
};
use std::sync::Arc;

/// Tokens that an answer may take: about 200 words.
const ANSWER_TOKENS: usize = 320;

/// The language model, and how it is asked.
pub struct Writer {
    pub generator: Arc<dyn Generator>,
    pub prompt: AnswerPrompt,
    pub adapter: ChooseAdapter,
}

/// The adapter that writes the answer to a question; `None`: the base model does.
pub type ChooseAdapter = Arc<dyn Fn(&Question) -> Option<String> + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Generate(#[from] GenerateError),
    #[error(transparent)]
    Prompt(#[from] PromptError),
}

/// A written answer, checked.
pub(super) struct Written {
    /// Empty where nothing of it is supported.
    pub message: Message,
    /// Numbers of the evidence that it cites.
    pub citations: Vec<usize>,
    pub provenance: Provenance,
}

impl Writer {
    /// Asks for an answer to `question` from `evidence`, best first. `None`
    /// where the model does not know.
    pub(super) async fn write(
        &self,
        question: &Question,
        evidence: &[&Evidence],
    ) -> Result<Option<Written>, WriteError> {
        let (prompt, used) = self.fitted(question, evidence)?;
        let request = GenerationRequest {
            adapter: (self.adapter)(question),
            person: Some(question.asker.person.clone()),
            ..GenerationRequest::greedy(prompt, ANSWER_TOKENS)
        };
        let written = self.generator.generate(request, None).await?;
        let text = match written.finish {
            Finish::Stop => written.text.as_str(),
            Finish::Length => whole_sentences(&written.text),
        };
        if says_it_does_not_know(text) {
            return Ok(None);
        }
        let checked = check(text, &used);
        tracing::info!(
            question.id = %question.id,
            generator = written.generator,
            prompt.tokens = written.prompt_tokens,
            tokens = written.tokens,
            cut = checked.cut.len(),
            "Wrote an answer"
        );
        let cut = checked.cut;
        let provenance = match checked.message.is_empty() {
            true => Provenance::quotation(),
            false => Provenance {
                generator: written.generator,
                adapter: written.adapter,
                prompt: Some(self.prompt.version().to_string()),
                ..Provenance::quotation()
            },
        };
        Ok(Some(Written {
            message: checked.message,
            citations: checked.citations,
            provenance: Provenance { cut, ..provenance },
        }))
    }

    /// The prompt with as much evidence as the context takes: the last, which
    /// is the least good, goes first; then what was said before in the thread.
    fn fitted<'a>(
        &self,
        question: &Question,
        evidence: &[&'a Evidence],
    ) -> Result<(Prompt, Vec<&'a Evidence>), WriteError> {
        let room = self
            .generator
            .context_tokens()
            .saturating_sub(ANSWER_TOKENS);
        let mut question = question.clone();
        let mut used = evidence.to_vec();
        loop {
            let prompt = Prompt::Conversation(self.prompt.render(&question, &used)?);
            if self.generator.count_tokens(&prompt) <= room {
                return Ok((prompt, used));
            }
            if used.len() > 1 {
                used.pop();
            } else if !question.thread.is_empty() {
                question.thread.remove(0);
            } else {
                // The generator says what is too long.
                return Ok((prompt, used));
            }
        }
    }
}

/// What was written before the limit cut a sentence.
fn whole_sentences(text: &str) -> &str {
    match text.rfind(['.', '!', '?', '\n', ']']) {
        Some(at) => &text[..=at],
        None => "",
    }
}

fn says_it_does_not_know(text: &str) -> bool {
    let text = text.trim().to_lowercase().replace('’', "'");
    text.is_empty() || text.starts_with("i don't know") || text.starts_with("i do not know")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_sentence_is_left_out() {
        assert_eq!(whole_sentences("It is so [1]. And th"), "It is so [1].");
        assert_eq!(whole_sentences("no end at al"), "");
    }

    #[test]
    fn not_knowing_is_recognised() {
        assert!(says_it_does_not_know(" I don’t know."));
        assert!(!says_it_does_not_know("I know."));
    }
}
