//! Questions that no tool answers: rules, small talk, the world, wishes to change something.

use super::{About, Asked, Maker, typing};
use crate::pipeline::arguments::name_words;
use rand::{RngExt, seq::IndexedRandom};
use serde_json::json;

impl Maker<'_> {
    /// What a document says of the things that tools tell figures of: the
    /// same words, another question.
    pub(super) fn knowledge(&mut self) -> Asked {
        let plain = self.random.random_range(0..4) == 0;
        let known = self.options.knowledge.choose(&mut self.random);
        let rule = self.wordings.rules.choose(&mut self.random).cloned();
        let text = match (known, rule) {
            (Some(known), _) if plain => known.clone(),
            (_, Some(rule)) => rule.replace("{}", &self.thing()),
            (known, None) => known.cloned().unwrap_or_default(),
        };
        self.aside(&text, About::Knowledge)
    }

    pub(super) fn small_talk(&mut self) -> Asked {
        let said = self.options.small_talk.choose(&mut self.random);
        let said = said.cloned().unwrap_or_else(|| "hello".into());
        let more = ["", "", " lore", " :)", " there", " team", " again", "!"];
        let more = more.choose(&mut self.random).copied().unwrap_or_default();
        self.aside(&format!("{said}{more}"), About::SmallTalk)
    }

    pub(super) fn out_of_scope(&mut self) -> Asked {
        let text = match self.random.random_range(0..10) {
            0..6 => {
                let write = self.wordings.writes.choose(&mut self.random).cloned();
                write.unwrap_or_default().replace("{}", &self.thing())
            }
            6..8 => {
                let known = self.options.out_of_scope.choose(&mut self.random);
                known.cloned().unwrap_or_default()
            }
            _ => {
                let world = self.wordings.world.choose(&mut self.random);
                world.cloned().unwrap_or_default()
            }
        };
        self.aside(&text, About::OutOfScope)
    }

    /// Something that the company's tools speak of.
    fn thing(&mut self) -> String {
        let tool = self.catalogue.tools.choose(&mut self.random);
        let Some(tool) = tool else {
            return "the plan".into();
        };
        let words = name_words(&tool.name);
        let synonym = tool.synonyms.choose(&mut self.random);
        let word = words.iter().filter(|word| word.len() > 4);
        let word = word.collect::<Vec<_>>().choose(&mut self.random).copied();
        match (self.random.random_range(0..3), synonym, word) {
            (0, Some(synonym), _) => synonym.clone(),
            (1, _, Some(word)) => format!("the {word}"),
            _ => words.join(" "),
        }
    }

    fn aside(&mut self, text: &str, about: About) -> Asked {
        let intent = match about {
            About::SmallTalk => "small_talk",
            About::OutOfScope => "out_of_scope",
            _ => "knowledge",
        };
        let opener = match about {
            About::SmallTalk => None,
            _ => self.wordings.opener(&mut self.random),
        };
        let text = match opener {
            Some(opener) => format!("{opener} {text}"),
            None => text.to_string(),
        };
        Asked {
            text: typing::typed(&text, &mut self.random),
            thread: Vec::new(),
            tool: None,
            plan: json!({ "intent": intent }),
        }
    }
}
