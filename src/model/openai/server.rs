//! The server: where it is, how it is asked, when it is asked again.

use super::{
    OpenAiError, OpenAiOptions,
    answer::AnswerStream,
    refusal::{Refusal, cause},
    request,
};
use crate::domain::{GenerationRequest, Prompt};
use reqwest::{
    Client, RequestBuilder, Response, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::info;

/// The first pause before another attempt; doubled each time.
const BACKOFF: Duration = Duration::from_millis(250);

/// Servers of Python close a connection that rested for five seconds. One that
/// is closed while a request is on its way would leave that request in doubt.
const REST: Duration = Duration::from_secs(3);

/// Names of models, for an error: not worth a longer wait.
const MODELS_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) struct Server {
    http: Client,
    chat: Url,
    completions: Url,
    models: Url,
    options: OpenAiOptions,
}

impl Server {
    pub(super) fn new(options: &OpenAiOptions) -> Result<Self, OpenAiError> {
        let base = parse_base(&options.base_url)?;
        let below = |path| {
            base.join(path)
                .map_err(|_| OpenAiError::BadUrl("has no path"))
        };
        let http = Client::builder()
            .connect_timeout(options.connect_timeout)
            .pool_idle_timeout(REST)
            .default_headers(authorization(options.key.as_ref())?)
            // Key and question go to the configured place alone.
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| OpenAiError::Client(cause(error)))?;
        Ok(Self {
            http,
            chat: below("chat/completions")?,
            completions: below("completions")?,
            models: below("models")?,
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
            let backoff = BACKOFF * 2u32.saturating_pow(attempt);
            match refusal.pause(backoff, self.options.longest_pause) {
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
        let asked = self.http.get(self.models.clone()).timeout(MODELS_TIMEOUT);
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

async fn send(request: RequestBuilder) -> Result<Response, Refusal> {
    request.send().await.map_err(|error| {
        let connecting = error.is_connect();
        let source = cause(error);
        if connecting {
            Refusal::Unreachable(source)
        } else {
            Refusal::Lost(source)
        }
    })
}

/// Many that wait for the same server must not all come back at once.
fn with_jitter(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(1.0..1.5))
}

fn parse_base(text: &str) -> Result<Url, OpenAiError> {
    // A path is joined below the last slash, and in place of anything behind it.
    let text = format!("{}/", text.trim().trim_end_matches('/'));
    let url = Url::parse(&text).map_err(|_| OpenAiError::BadUrl("can't be read"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(OpenAiError::BadUrl("is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OpenAiError::BadUrl(
            "holds a password: that belongs into the key",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(OpenAiError::BadUrl("has a `?` or a `#`"));
    }
    Ok(url)
}

fn authorization(key: Option<&SecretString>) -> Result<HeaderMap, OpenAiError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let value = format!("Bearer {}", key.expose_secret());
        let mut value = HeaderValue::from_str(&value).map_err(|_| OpenAiError::BadKey)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
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
        assert!(!format!("{options:?} {:?}", server.http).contains("sk-secret"));
        let broken = OpenAiOptions {
            key: Some("sk-secret\n".into()),
            ..options
        };
        let error = Server::new(&broken).err().expect("must be refused");
        assert!(!format!("{error} {error:?}").contains("sk-secret"));
    }

    #[test]
    fn jitter_makes_a_pause_longer_and_never_shorter() {
        let pause = Duration::from_secs(2);
        for _ in 0..100 {
            let with_jitter = with_jitter(pause);
            assert!(with_jitter >= pause && with_jitter < pause * 2);
        }
    }
}
