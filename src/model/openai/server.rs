//! The server: where it is, how it is asked, when it is asked again.

use super::{
    OpenAiError, OpenAiOptions,
    answer::AnswerStream,
    link::{Link, backoff, send, with_jitter},
    refusal::Refusal,
    request,
};
use crate::domain::{GenerationRequest, Prompt};
use reqwest::Url;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::info;

/// Names of models, for an error: not worth a longer wait.
const MODELS_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) struct Server {
    link: Link,
    chat: Url,
    completions: Url,
    models: Url,
    options: OpenAiOptions,
}

impl Server {
    pub(super) fn new(options: &OpenAiOptions) -> Result<Self, OpenAiError> {
        let link = Link::new(
            &options.base_url,
            options.key.as_ref(),
            options.connect_timeout,
        )?;
        Ok(Self {
            chat: link.below("chat/completions")?,
            completions: link.below("completions")?,
            models: link.below("models")?,
            link,
            options: options.clone(),
        })
    }

    /// Asks until an answer begins, or until asking again can't help.
    pub(super) async fn open(
        &self,
        request: &GenerationRequest,
        model: &str,
    ) -> Result<AnswerStream, Refusal> {
        let mut plain = false;
        let mut attempt = 0;
        loop {
            let refusal = match self.open_once(request, model, plain).await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            if refusal.dislikes_a_field() && !plain {
                info!("Language model server refused a request: asking again in plainer words");
                plain = true;
                continue;
            }
            match refusal.pause(backoff(attempt), self.options.longest_pause) {
                Some(pause) if attempt < self.options.retries => {
                    attempt += 1;
                    info!(
                        attempt,
                        ?pause,
                        "Language model server is not ready: asking again"
                    );
                    sleep(with_jitter(pause)).await;
                }
                _ => return Err(refusal),
            }
        }
    }

    async fn open_once(
        &self,
        request: &GenerationRequest,
        model: &str,
        plain: bool,
    ) -> Result<AnswerStream, Refusal> {
        let url = match request.prompt {
            Prompt::Conversation(_) => &self.chat,
            Prompt::Raw(_) => &self.completions,
        };
        let asked = self
            .link
            .http
            .post(url.clone())
            .json(&request::body(request, model, plain));
        let sent = Instant::now();
        let limit = self.options.first_token_timeout;
        let silent = |_| Refusal::Lost(format!("server did not answer within {limit:?}").into());
        let response = timeout_at(sent + limit, send(asked))
            .await
            .map_err(silent)??;
        if !response.status().is_success() {
            let refusal = timeout_at(sent + limit, Refusal::of(response));
            return Err(refusal.await.unwrap_or_else(silent));
        }
        Ok(AnswerStream::new(response, sent, &self.options))
    }

    /// The models that the server has; none where it doesn't tell.
    pub(super) async fn models(&self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Models {
            data: Vec<Model>,
        }
        #[derive(Deserialize)]
        struct Model {
            id: String,
        }
        let asked = self
            .link
            .http
            .get(self.models.clone())
            .timeout(MODELS_TIMEOUT);
        let Ok(response) = send(asked).await else {
            return Vec::new();
        };
        let models = response.json::<Models>().await;
        models.map_or_else(
            |_| Vec::new(),
            |models| models.data.into_iter().map(|model| model.id).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lie_below_the_base() {
        for base in ["http://h:1/v1", " http://h:1/v1/ "] {
            let server = Server::new(&OpenAiOptions::new(base, "m")).expect("a server");
            assert_eq!(server.chat.as_str(), "http://h:1/v1/chat/completions");
            assert_eq!(server.completions.as_str(), "http://h:1/v1/completions");
        }
    }

    #[test]
    fn address_that_can_not_be_meant_is_refused_without_being_shown() {
        let check = |base: &str, expected: &str| {
            let error = Server::new(&OpenAiOptions::new(base, "m"))
                .err()
                .expect("must be refused");
            let text = error.to_string();
            assert!(
                text.contains(expected) && !text.contains("secret"),
                "{text}"
            );
        };
        check("", "can't be read");
        check("localhost:8000", "neither http nor https");
        check("http://user:secret@h/v1", "password");
        check("http://h/v1?key=secret", "`?`");
    }

    #[test]
    fn key_is_never_printed() {
        let options = OpenAiOptions {
            key: Some("sk-secret".into()),
            ..OpenAiOptions::new("http://h/v1", "m")
        };
        let server = Server::new(&options).expect("a server");
        assert!(!format!("{options:?} {:?}", server.link.http).contains("sk-secret"));
        let broken = OpenAiOptions {
            key: Some("sk-secret\n".into()),
            ..options
        };
        let error = Server::new(&broken).err().expect("must be refused");
        assert!(!format!("{error} {error:?}").contains("sk-secret"));
    }
}
