//! A claimed command -> its result.
//!
//! Promise: a result is for the asker alone, unless it is wanted for everybody
//! and everybody who reads along may have it.

use super::{Made, WorkError, Worker, fixed_answer};
use crate::{
    commands::abstained,
    domain::{
        Answer, Place, PlaceKind, Question, Showing,
        command::{Command, CommandLine},
        reply,
    },
    intake::render_notice,
    ports::Chat,
    store::Claimed,
};
use std::sync::Arc;
use tracing::warn;

/// What a command comes to.
enum Shows {
    Result(Answer, Showing),
    /// Words that hold nothing of the company's.
    Notice(Answer),
}

impl Worker {
    /// Runs a command. Where the platform waits for a result, it shows so itself.
    pub(super) async fn obey(
        &self,
        claimed: &Claimed,
        chat: &Arc<dyn Chat>,
    ) -> Result<Made, WorkError> {
        if claimed.incoming.place.callback.is_none() {
            self.show(claimed, chat, &reply::working()).await?;
        }
        let mut question = self.question(claimed).await?;
        let place = &claimed.incoming.place;
        question.access = self.commands.access_of(&question.asker);
        let answer = self.make_result(&mut question, place, chat).await;
        let parts = match &answer {
            Shows::Result(answer, Showing::AskerAlone) => chat.render_alone(&answer.message),
            Shows::Result(answer, Showing::Channel) => chat.render(&answer.message),
            Shows::Notice(answer) => render_notice(chat.as_ref(), place, &answer.message),
        };
        let (Shows::Result(answer, _) | Shows::Notice(answer)) = answer;
        Ok(Made {
            question,
            answer,
            parts,
        })
    }

    /// A result for the asker alone, unless it is wanted for everybody and
    /// everybody who reads along may have it. Who reads is asked before
    /// anything is looked up, and again before the result is saved.
    async fn make_result(
        &self,
        question: &mut Question,
        place: &Place,
        chat: &Arc<dyn Chat>,
    ) -> Shows {
        let asker = question.asker.clone();
        let may_be_shown =
            async |place: &Place| chat.readers(place, &asker).await.may_be_answered();
        if !may_be_shown(&place.alone()).await {
            let refusal = reply::outsiders_read_here();
            return Shows::Notice(fixed_answer(refusal, "refused: outsiders read along"));
        }
        let promised = place
            .callback
            .as_ref()
            .and_then(|callback| callback.promised);
        let is_promised_to_all = promised == Some(Showing::Channel);
        let not_shown = || Shows::Notice(abstained(reply::command::not_shown_here()));
        let line = match self.commands.read(&question.text, &question.access) {
            Ok(line) => line,
            Err(_) if is_promised_to_all => return not_shown(),
            Err(problem) => {
                let message = reply::command::misunderstood(&problem);
                return Shows::Result(abstained(message), Showing::AskerAlone);
            }
        };
        let (mut showing, mut access) = self.commands.showing(&line, place, &asker);
        if showing == Showing::Channel
            && (promised == Some(Showing::AskerAlone) || !may_be_shown(place).await)
        {
            (showing, access) = (Showing::AskerAlone, self.commands.access_of(&asker));
        }
        if is_promised_to_all && showing != Showing::Channel {
            return not_shown();
        }
        question.access = access;
        let Some(mut answer) = self.run_command(&line, question).await else {
            warn!("the command took too long");
            return Shows::Notice(fixed_answer(reply::timed_out(question.id), "timed out"));
        };
        if showing == Showing::Channel && !may_be_shown(place).await {
            if is_promised_to_all {
                return not_shown();
            }
            showing = Showing::AskerAlone;
        }
        let was_wanted_for_all = line.public && place.kind != PlaceKind::Direct;
        if was_wanted_for_all && showing == Showing::AskerAlone {
            answer.message.push(reply::command::for_you_alone());
        }
        Shows::Result(answer, showing)
    }

    /// `None`: it took too long.
    async fn run_command(&self, line: &CommandLine, question: &Question) -> Option<Answer> {
        let run = async {
            match &line.command {
                Command::Ask { question: text } => {
                    let question = Question {
                        text: text.clone(),
                        ..question.clone()
                    };
                    self.pipeline.answer(&question).await
                }
                command => self.commands.run(command, question).await,
            }
        };
        tokio::time::timeout(self.answer_timeout, run).await.ok()
    }
}
