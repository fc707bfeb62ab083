//! Answers from the base model until the fine-tuned one is warm.
//!
//! Loading a large model takes minutes, and people ask at once. A load that
//! fails leaves the base at work, and says so in the log.

use crate::{
    domain::{Generation, GenerationRequest, Prompt},
    ports::{BoxError, GenerateError, Generator, with_causes},
};
use async_trait::async_trait;
use futures::FutureExt;
use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info};

pub struct UntilWarm {
    base: Arc<dyn Generator>,
    tuned: Arc<OnceLock<Arc<dyn Generator>>>,
    _opening: AbortOnDropHandle<()>,
}

impl UntilWarm {
    /// Starts `opening` as a task of the current runtime; blocking work in it
    /// belongs into a thread of its own. Dropping this ends the task.
    pub fn new<F>(base: Arc<dyn Generator>, opening: F) -> Self
    where
        F: Future<Output = Result<Arc<dyn Generator>, BoxError>> + Send + 'static,
    {
        let tuned = Arc::new(OnceLock::new());
        let opening = tokio::spawn(open(opening, base.name(), tuned.clone()));
        Self {
            base,
            tuned,
            _opening: AbortOnDropHandle::new(opening),
        }
    }

    fn at_work(&self) -> &Arc<dyn Generator> {
        self.tuned.get().unwrap_or(&self.base)
    }
}

async fn open<F>(opening: F, base: String, tuned: Arc<OnceLock<Arc<dyn Generator>>>)
where
    F: Future<Output = Result<Arc<dyn Generator>, BoxError>>,
{
    // A panic would end the task unseen.
    match AssertUnwindSafe(opening).catch_unwind().await {
        Ok(Ok(model)) => {
            info!(model = %model.name(), "Fine-tuned model is warm and answers from now on");
            tuned.get_or_init(|| model);
        }
        Ok(Err(error)) => {
            let error = with_causes(&*error);
            error!(%base, error, "Fine-tuned model could not be loaded: {base} goes on answering");
        }
        Err(_) => {
            error!(%base, "Loading the fine-tuned model panicked: {base} goes on answering");
        }
    }
}

#[async_trait]
impl Generator for UntilWarm {
    /// The model that would answer now.
    fn name(&self) -> String {
        self.at_work().name()
    }

    fn context_tokens(&self) -> usize {
        self.at_work().context_tokens()
    }

    fn count_tokens(&self, prompt: &Prompt) -> usize {
        self.at_work().count_tokens(prompt)
    }

    async fn generate(
        &self,
        mut request: GenerationRequest,
        pieces: Option<UnboundedSender<String>>,
    ) -> Result<Generation, GenerateError> {
        let tuned = self.tuned.get();
        if tuned.is_none() {
            // Adapters belong to the fine-tuned model; the base knows none of them.
            request.adapter = None;
        }
        tuned.unwrap_or(&self.base).generate(request, pieces).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Finish;
    use tokio::sync::oneshot;

    /// Answers with its own name.
    struct Named(&'static str);

    #[async_trait]
    impl Generator for Named {
        fn name(&self) -> String {
            self.0.into()
        }

        fn context_tokens(&self) -> usize {
            self.0.len()
        }

        fn count_tokens(&self, _: &Prompt) -> usize {
            1
        }

        async fn generate(
            &self,
            request: GenerationRequest,
            _: Option<UnboundedSender<String>>,
        ) -> Result<Generation, GenerateError> {
            Ok(Generation {
                text: self.name(),
                prompt_tokens: 1,
                tokens: 1,
                finish: Finish::Stop,
                prefill_ms: 0.0,
                decode_ms: 0.0,
                generator: self.name(),
                adapter: request.adapter,
            })
        }
    }

    fn request() -> GenerationRequest {
        GenerationRequest {
            adapter: Some("support".into()),
            ..GenerationRequest::greedy(Prompt::Raw("Hi".into()), 5)
        }
    }

    /// Lets the task of the load run to its end.
    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn base_answers_until_the_tuned_model_is_warm() {
        let (warm, warmed) = oneshot::channel::<()>();
        let model = UntilWarm::new(Arc::new(Named("base")), async {
            warmed.await?;
            Ok(Arc::new(Named("tuned")) as Arc<dyn Generator>)
        });
        let early = model.generate(request(), None).await.expect("an answer");
        assert_eq!((early.generator.as_str(), early.adapter), ("base", None));
        assert_eq!(model.name(), "base");

        warm.send(()).expect("the load waits");
        settle().await;
        let late = model.generate(request(), None).await.expect("an answer");
        assert_eq!(
            (late.generator.as_str(), late.adapter),
            ("tuned", Some("support".into()))
        );
        assert_eq!(
            (model.name().as_str(), model.context_tokens()),
            ("tuned", 5)
        );
    }

    #[tokio::test]
    async fn failed_load_leaves_the_base_at_work() {
        let model = UntilWarm::new(Arc::new(Named("base")), async {
            Err("no such folder".into())
        });
        settle().await;
        assert_eq!(model.name(), "base");
        let model = UntilWarm::new(Arc::new(Named("base")), async {
            panic!("a fault of a library")
        });
        settle().await;
        assert_eq!(
            model
                .generate(request(), None)
                .await
                .expect("an answer")
                .text,
            "base"
        );
    }

    #[tokio::test]
    async fn load_ends_with_its_owner() {
        let (held, gone) = oneshot::channel::<()>();
        let model = UntilWarm::new(Arc::new(Named("base")), async {
            let _held = held;
            std::future::pending().await
        });
        settle().await;
        drop(model);
        assert!(gone.await.is_err());
    }
}
