//! The terminal as a platform: what is posted is written to a stream.
//!
//! There is no placeholder to replace in a stream of lines, so a post is
//! written when it is final, and only then.

use crate::{
    domain::{Actor, Message, MessageId, Place, Platform, Readers, plain::plain_text},
    ports::{Chat, ChatError, Part, PostKey},
};
use async_trait::async_trait;
use std::{
    io::Write,
    sync::{Mutex, PoisonError},
};

pub struct TerminalChat {
    out: Mutex<Box<dyn Write + Send>>,
}

impl TerminalChat {
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self {
            out: Mutex::new(Box::new(out)),
        }
    }

    /// For commands that print the answer themselves.
    pub fn silent() -> Self {
        Self::new(std::io::sink())
    }

    fn write(&self, text: &str) -> Result<(), ChatError> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(out, "{text}\n")
            .and_then(|()| out.flush())
            .map_err(|error| ChatError::Unavailable(error.into()))
    }
}

#[async_trait]
impl Chat for TerminalChat {
    fn platform(&self) -> Platform {
        Platform::Terminal
    }

    async fn readers(&self, _place: &Place, _asker: &Actor) -> Readers {
        Readers::AskerOnly
    }

    async fn working(&self, _place: &Place) -> Result<(), ChatError> {
        Ok(())
    }

    async fn finished(&self, _place: &Place) -> Result<(), ChatError> {
        Ok(())
    }

    fn render(&self, message: &Message) -> Vec<Part> {
        let plain = plain_text(message);
        vec![Part {
            payload: serde_json::json!({ "text": plain }),
            plain,
            alone: false,
            file: None,
        }]
    }

    async fn post(
        &self,
        _place: &Place,
        _part: &Part,
        key: &PostKey,
    ) -> Result<MessageId, ChatError> {
        Ok(MessageId::new(format!("{}-{}", key.question, key.part)))
    }

    async fn find(&self, _place: &Place, key: &PostKey) -> Result<Option<MessageId>, ChatError> {
        Ok(Some(MessageId::new(format!(
            "{}-{}",
            key.question, key.part
        ))))
    }

    async fn edit(
        &self,
        _place: &Place,
        _message: &MessageId,
        part: &Part,
    ) -> Result<(), ChatError> {
        self.write(&part.plain)
    }
}
