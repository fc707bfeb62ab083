//! A response, read while the model behind it writes.

use super::{
    OpenAiOptions,
    refusal::cause,
    reply::{Reply, ReplyError, Usage},
    sse::EventStream,
};
use crate::domain::Finish;
use reqwest::{Response, header::CONTENT_TYPE};
use std::time::Duration;
use tokio::{
    sync::mpsc::UnboundedSender,
    time::{Instant, timeout_at},
};

/// Bytes of an answer that comes in one piece, with all that a server adds.
const LONGEST_BODY: usize = 8 << 20;

pub(super) struct AnswerStream {
    response: Response,
    sent: Instant,
    first_token_timeout: Duration,
    next_token_timeout: Duration,
}

pub(super) struct Answer {
    pub text: String,
    pub finish: Finish,
    pub usage: Option<Usage>,
    /// From sending until the model wrote something.
    pub prefill: Duration,
    pub decode: Duration,
}

impl AnswerStream {
    pub(super) fn new(response: Response, sent: Instant, options: &OpenAiOptions) -> Self {
        Self {
            response,
            sent,
            first_token_timeout: options.first_token_timeout,
            next_token_timeout: options.next_token_timeout,
        }
    }

    pub(super) async fn read(
        mut self,
        stop: &[String],
        pieces: Option<UnboundedSender<String>>,
    ) -> Result<Answer, ReplyError> {
        let mut writing = Writing {
            reply: Reply::new(stop),
            first: None,
            last: self.sent,
            pieces,
        };
        if self.is_whole() {
            self.read_whole(&mut writing).await?;
        } else {
            self.read_events(&mut writing).await?;
        }
        writing.complete(self.sent)
    }

    /// Some servers, and gateways before them, do not stream whatever is asked.
    fn is_whole(&self) -> bool {
        let kind = self.response.headers().get(CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
    }

    async fn read_events(&mut self, writing: &mut Writing) -> Result<(), ReplyError> {
        let mut events = EventStream::default();
        while !writing.reply.is_over() {
            match self.chunk(writing).await {
                Ok(Some(chunk)) => {
                    for data in events.push(&chunk)? {
                        writing.take(&data)?;
                    }
                }
                Ok(None) => {
                    if let Some(data) = events.finish()? {
                        writing.take(&data)?;
                    }
                    break;
                }
                // The text is complete; only the count of tokens is lost.
                Err(_) if writing.reply.has_end() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn read_whole(&mut self, writing: &mut Writing) -> Result<(), ReplyError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(writing).await? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_BODY {
                return Err(ReplyError::TooLong);
            }
        }
        let text = std::str::from_utf8(&body).map_err(|_| ReplyError::Malformed)?;
        writing.take(text)
    }

    /// What arrives next. A server that only says that it is still there does
    /// not make the wait longer.
    async fn chunk(&mut self, writing: &Writing) -> Result<Option<Vec<u8>>, ReplyError> {
        let (since, limit) = match writing.first {
            None => (self.sent, self.first_token_timeout),
            Some(_) => (writing.last, self.next_token_timeout),
        };
        let chunk = timeout_at(since + limit, self.response.chunk()).await;
        let chunk = chunk.map_err(|_| ReplyError::Silent(limit))?;
        let chunk = chunk.map_err(|error| ReplyError::Lost(cause(error)))?;
        Ok(chunk.map(Vec::from))
    }
}

/// The answer so far, and who reads along.
struct Writing {
    reply: Reply,
    first: Option<Instant>,
    /// When the model last wrote something.
    last: Instant,
    pieces: Option<UnboundedSender<String>>,
}

impl Writing {
    fn take(&mut self, data: &str) -> Result<(), ReplyError> {
        let progress = self.reply.take(data)?;
        if progress.wrote {
            self.last = Instant::now();
            self.first.get_or_insert(self.last);
        }
        self.show(progress.piece);
        Ok(())
    }

    fn show(&self, piece: String) {
        if let Some(pieces) = self.pieces.as_ref().filter(|_| !piece.is_empty()) {
            // Whoever stopped reading along still gets the whole answer.
            let _ = pieces.send(piece);
        }
    }

    fn complete(mut self, sent: Instant) -> Result<Answer, ReplyError> {
        let first = self.first.unwrap_or(self.last);
        if self.reply.has_end() {
            let rest = self.reply.rest();
            self.show(rest);
        }
        let (text, finish, usage) = self.reply.into_parts()?;
        Ok(Answer {
            text,
            finish,
            usage,
            prefill: first - sent,
            decode: self.last - first,
        })
    }
}
