//! `lorekeeper dataset build reader`: what speaks for each passage found.

use super::super::knowledge::json_lines;
use crate::{
    app,
    config::{Config, SourceEntry},
    domain::{Access, Audience, DocumentId},
    ingest::{Unwatched, synchronise},
    knowledge::{
        Body, Document, EdgeIndex, HybridSearch, KnowledgeIndex, Purpose, Read, ReadWith, Reading,
        read_source,
    },
    learning::pairs::{Form, blank_headings},
    pipeline::reader::{AnswerFeatures, POOL, RankFeatures, answer_features},
    ports::{Hit, SearchRequest},
};
use anyhow::Context;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{BufWriter, Write, stdout},
    ops::ControlFlow,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

#[derive(Debug, Args)]
pub struct ReaderArgs {
    /// Folders of pages; without one, the configured sources
    paths: Vec<PathBuf>,
    /// Use {"question","document"?} lines of standard input instead of headings;
    /// a question without a document is one that nothing answers
    #[arg(long)]
    asked: bool,
}

/// A question, and where its answer lies.
#[derive(Clone, Debug, Deserialize)]
struct Task {
    question: String,
    document: Option<DocumentId>,
    #[serde(skip)]
    section: Option<String>,
    #[serde(skip)]
    form: Option<Form>,
}

impl Task {
    fn is_answered_by(&self, hit: &Hit) -> bool {
        let section = || match &self.section {
            Some(section) => hit.section.split(" > ").any(|heading| heading == section),
            None => true,
        };
        self.document.as_ref() == Some(&hit.document) && section()
    }
}

/// One line: a search, and how its passages look to the reader.
#[derive(Serialize)]
struct Example<'a> {
    question: &'a str,
    form: Option<Form>,
    /// The page that answers; for splitting into folds.
    document: Option<&'a DocumentId>,
    /// Whether the first passage answers.
    answered: bool,
    answer: AnswerFeatures,
    passages: Vec<Seen>,
}

#[derive(Serialize)]
struct Seen {
    right: bool,
    #[serde(flatten)]
    features: RankFeatures,
}

impl ReaderArgs {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let work = Workplace::new()?;
        let mut tasks =
            work.write_pages(&self.documents(config, &app::this_program()?), self.asked)?;
        if self.asked {
            tasks = json_lines().collect::<anyhow::Result<_>>()?;
        }
        let search = work.search(config).await?;
        let mut out = BufWriter::new(stdout().lock());
        for task in &tasks {
            write_example(&search, task, Vec::new(), &mut out).await?;
            // The same question where its page is missing is one that nothing answers.
            if let Some(document) = &task.document {
                write_example(&search, task, vec![document.clone()], &mut out).await?;
            }
        }
        Ok(out.flush()?)
    }

    /// What everyone may read. Nothing else goes into a file that is handed on.
    fn documents(&self, config: &Config, program: &Path) -> Vec<Document> {
        let sources: Vec<SourceEntry> = if self.paths.is_empty() {
            // Of files alone, and not of chats: their text trains nothing.
            let files = config
                .sources
                .iter()
                .filter(|source| !source.remote.is_asked() && source.remote.slack_export.is_none());
            files.cloned().collect()
        } else {
            self.paths.iter().map(|path| source(path)).collect()
        };
        let mut documents = Vec::new();
        for source in &sources {
            let with = ReadWith::new(&config.limits, &config.ocr, program);
            let _ = read_source(source, with, &mut |reading| {
                match reading {
                    Reading::Document(document) if document.audience == Audience::everyone() => {
                        documents.push(*document);
                    }
                    Reading::Fault(fault) => eprintln!("{fault}"),
                    Reading::Document(_)
                    | Reading::Withheld { .. }
                    | Reading::Passed { .. }
                    | Reading::Unchanged { .. } => {}
                }
                ControlFlow::Continue(())
            });
        }
        documents
    }
}

fn source(path: &Path) -> SourceEntry {
    SourceEntry::new("pages", path)
}

/// A folder for the changed pages and their index, gone when dropped.
struct Workplace(PathBuf);

impl Drop for Workplace {
    fn drop(&mut self) {
        // What stays behind lies in the system's folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Workplace {
    fn new() -> anyhow::Result<Self> {
        let name = format!("lorekeeper-dataset-{}", uuid::Uuid::new_v4().as_simple());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(folder.join("pages"))
            .with_context(|| format!("make {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Writes the pages, headings taken out unless they are `kept`, and says what to ask.
    fn write_pages(&self, documents: &[Document], kept: bool) -> anyhow::Result<Vec<Task>> {
        let mut tasks = Vec::new();
        for document in documents {
            let id = document.id.as_str();
            let Body::Markdown(body) = &document.body else {
                continue;
            };
            if !is_page(Path::new(id)) {
                continue;
            }
            let page = blank_headings(&document.title, body);
            let text = if kept { body } else { &page.text };
            let file = self.0.join("pages").join(id);
            let folder = file.parent().unwrap_or(&self.0);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&file, format!("# {}\n\n{text}", document.title)))
                .with_context(|| format!("write {}", file.display()))?;
            tasks.extend(page.questions.into_iter().map(|asked| Task {
                question: asked.question,
                document: Some(DocumentId::new(id)),
                section: Some(asked.section),
                form: Some(asked.form),
            }));
        }
        Ok(tasks)
    }

    async fn search(&self, config: &Config) -> anyhow::Result<HybridSearch> {
        let model = app::open_embedder(config)?;
        let embedder = model.embedder.clone();
        let folder = self.0.join("knowledge");
        let recipe = app::index_recipe(embedder.as_ref());
        let index: Arc<dyn KnowledgeIndex> =
            Arc::new(EdgeIndex::open(&folder, &recipe, Purpose::Ingest)?);
        let ingestor = app::open_ingestor(config, &self.0, &model, index.clone())?;
        synchronise(&ingestor, &[source(&self.0.join("pages"))], &Unwatched).await?;
        Ok(HybridSearch::new(
            index,
            embedder,
            config.retrieval.candidates,
        ))
    }
}

/// An id is somebody's text; only one that stays in our folder names a file there.
fn is_page(id: &Path) -> bool {
    id.extension().is_some_and(|ending| ending == "md")
        && id
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

async fn write_example(
    search: &HybridSearch,
    task: &Task,
    exclude: Vec<DocumentId>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let request = SearchRequest {
        text: task.question.clone(),
        top_k: POOL,
        kinds: Vec::new(),
        source: None,
        access: Access::everyone(),
        exclude,
    };
    let found = search.read(&request).await?;
    let hits: Vec<Hit> = found.iter().map(|read| read.hit.clone()).collect();
    let Some(first) = hits.first() else {
        return Ok(());
    };
    let seen = |read: &Read| {
        Some(Seen {
            right: task.is_answered_by(&read.hit),
            features: read.features?,
        })
    };
    let example = Example {
        question: &task.question,
        form: task.form,
        document: task.document.as_ref(),
        answered: task.is_answered_by(first),
        answer: answer_features(&task.question, first),
        passages: found.iter().filter_map(seen).collect(),
    };
    writeln!(out, "{}", serde_json::to_string(&example)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_that_leads_out_of_the_folder_is_no_page() {
        assert!(is_page(Path::new("policies/returns.md")));
        for id in ["../returns.md", "/etc/returns.md", "REQ-1", "a/../../b.md"] {
            assert!(!is_page(Path::new(id)), "{id}");
        }
    }
}
