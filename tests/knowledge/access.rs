//! Many people with many rights ask about pages of which they may see some.
//! What one may not see must be as if it were not there: in the words, in the
//! sources, in what is said about certainty, and in the time it takes.

use super::world::{World, embedder, on_every_index};
use crate::pipeline::question;
use async_trait::async_trait;
use lorekeeper::{
    config::{ChannelEntry, Config, PersonEntry},
    directory::{Directory, local_person},
    domain::{
        Access, Actor, Answer, Audience, Catalogue, ChannelId, Place, PlaceKind, ToolCall,
        ToolResult, plain::plain_text,
    },
    pipeline::{IntentExamples, Pipeline, Planner},
    ports::{Caller, SystemClock, ToolError, Tools},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

const GROUPS: [&str; 5] = ["finance", "board", "legal", "people", "field"];
const PAGES: usize = 40;
const PEOPLE: usize = 20;
const CHANNELS: usize = 8;

/// A page of a company: one project, one figure, and who may read it.
struct Page {
    project: String,
    figure: usize,
    groups: Vec<&'static str>,
}

impl Page {
    fn name(&self) -> String {
        format!("{}.md", self.project.to_lowercase())
    }

    fn text(&self) -> String {
        let audience = match self.groups.is_empty() {
            true => String::new(),
            false => format!("---\naudience: [{}]\n---\n", self.groups.join(", ")),
        };
        let (project, figure) = (&self.project, self.figure);
        format!(
            "{audience}# Project {project}\n\nThe budget of project {project} is {figure} euros. \
             Its deadline moved to week {}, and {project} is led from the office in building {}.\n",
            figure % 52 + 1,
            figure % 9 + 1,
        )
    }

    fn is_for(&self, access: &Access) -> bool {
        match self.groups.is_empty() {
            true => true,
            false => Audience::of(self.groups.iter().copied()).admits(access),
        }
    }
}

/// Pages, people and channels with rights drawn at random.
struct Company {
    pages: Vec<Page>,
    directory: Directory,
    people: Vec<String>,
    random: StdRng,
}

impl Company {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut names = HashSet::new();
        while names.len() < PAGES {
            names.insert(invented_name(&mut random));
        }
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort();
        let pages = names
            .into_iter()
            .map(|project| Page {
                project,
                figure: random.random_range(10_000..1_000_000),
                groups: some_groups(&mut random),
            })
            .collect();
        let people: Vec<String> = (0..PEOPLE).map(|n| format!("person{n}")).collect();
        let config = Config {
            people: people
                .iter()
                .map(|name| PersonEntry {
                    name: name.clone(),
                    groups: some_groups(&mut random)
                        .iter()
                        .map(|g| g.to_string())
                        .collect(),
                    slack: None,
                    discord: None,
                })
                .collect(),
            channels: (0..CHANNELS)
                .map(|n| ChannelEntry {
                    id: format!("C{n}"),
                    groups: some_groups(&mut random)
                        .iter()
                        .map(|g| g.to_string())
                        .collect(),
                })
                .collect(),
            ..Config::default()
        };
        Self {
            pages,
            directory: Directory::new(&config),
            people,
            random,
        }
    }

    /// A person at a place, and what a reply there may draw on.
    fn draw_access(&mut self) -> Access {
        let name = &self.people[self.random.random_range(0..PEOPLE)];
        let asker = Actor::member(local_person(name));
        let anywhere = question("", Access::everyone()).place;
        let place = match self.random.random_range(0..=CHANNELS) {
            CHANNELS => anywhere,
            n => Place {
                channel: ChannelId::new(format!("C{n}")),
                kind: PlaceKind::Channel,
                ..anywhere
            },
        };
        self.directory.access_at(&place, &asker)
    }

    fn draw_page(&mut self) -> &Page {
        &self.pages[self.random.random_range(0..PAGES)]
    }

    /// An index of the pages that this access admits.
    async fn world(&self, access: Option<&Access>) -> World {
        let world = World::new();
        self.fill(&world, access).await;
        world
    }

    async fn fill(&self, world: &World, access: Option<&Access>) {
        for page in &self.pages {
            if access.is_none_or(|access| page.is_for(access)) {
                world.write(&page.name(), page.text());
            }
        }
        world.ingest().await;
    }
}

/// Nobody's word: no model has an opinion on it.
pub(super) fn invented_name(random: &mut StdRng) -> String {
    let syllables = [
        "zor", "lan", "vek", "mi", "tra", "quo", "bel", "dun", "fir", "gos",
    ];
    let word: String = (0..3)
        .map(|_| syllables[random.random_range(0..syllables.len())])
        .collect();
    word[..1].to_uppercase() + &word[1..]
}

/// Of the groups none in a third of all cases, else one or two.
pub(super) fn some_groups(random: &mut StdRng) -> Vec<&'static str> {
    let count = random.random_range(0..3);
    let groups: HashSet<&str> = (0..count)
        .map(|_| GROUPS[random.random_range(0..GROUPS.len())])
        .collect();
    let mut groups: Vec<&str> = groups.into_iter().collect();
    groups.sort_unstable();
    groups
}

fn ask_for(project: &str, random: &mut StdRng) -> String {
    match random.random_range(0..4) {
        0 => format!("what is the budget of project {project}?"),
        1 => format!("{} budget", project.to_lowercase()),
        2 => format!("which projects like {project} are led from building 3"),
        _ => format!("when is the deadline of {project}"),
    }
}

struct NoTools(Catalogue);

#[async_trait]
impl Tools for NoTools {
    fn catalogue(&self) -> &Catalogue {
        &self.0
    }

    fn allowed(&self, _: &str, _: &Access) -> bool {
        false
    }

    fn system(&self, _: &str) -> Option<&str> {
        None
    }

    async fn call(&self, call: &ToolCall, _: &Caller) -> Result<ToolResult, ToolError> {
        unreachable!("no tool is offered, but {} was called", call.name)
    }
}

pub(super) async fn pipeline(world: &World) -> Pipeline {
    let intents: IntentExamples =
        toml::from_str(include_str!("../../prompts/router.toml")).expect("the examples parse");
    let tools = NoTools(Catalogue::default());
    let planner = Planner::new(embedder(), &intents, tools.0.clone())
        .await
        .expect("the planner is made");
    Pipeline {
        planner: Arc::new(planner),
        embedder: embedder(),
        search: Arc::new(world.search()),
        tools: Arc::new(tools),
        clock: Arc::new(SystemClock),
        writer: None,
    }
}

/// All that a reader can tell from an answer.
pub(super) fn seen(answer: &Answer) -> String {
    format!(
        "{}\nsources {:?}, abstained {}, {:?}",
        plain_text(&answer.message),
        cited(answer),
        answer.abstained,
        answer.confidence
    )
}

pub(super) fn cited(answer: &Answer) -> Vec<&str> {
    answer
        .evidence
        .iter()
        .filter(|evidence| answer.citations.contains(&evidence.n))
        .map(|evidence| evidence.document.as_str())
        .collect()
}

/// How many questions are asked, when more are wanted than in every run.
pub(super) fn triples() -> usize {
    let wanted = std::env::var("LOREKEEPER_TRIPLES").unwrap_or_else(|_| "120".into());
    wanted.parse().expect("a whole number, such as 2000")
}

on_every_index! {
    async fn nothing_leaks_to_those_who_may_not_see_it(world: &mut World) {
        let mut company = Company::new(8);
        company.fill(world, None).await;
        let pipeline = pipeline(world).await;
        let (mut forbidden, mut shown) = (0, 0);
        for _ in 0..triples() {
            let access = company.draw_access();
            let project = company.draw_page().project.clone();
            let text = ask_for(&project, &mut company.random);
            let answer = pipeline.answer(&question(&text, access.clone())).await;
            let seen = seen(&answer);
            for page in &company.pages {
                let told = seen.contains(&page.figure.to_string()) || seen.contains(&page.name());
                let asked_for = page.project == project;
                if page.is_for(&access) {
                    shown += usize::from(asked_for && told);
                } else {
                    forbidden += usize::from(asked_for);
                    assert!(
                        !told,
                        "{text} with {access:?} told of {}: {seen}",
                        page.project
                    );
                }
            }
        }
        println!(
            "{} asked, {forbidden} of them about what they may not see, {shown} answered from the page",
            triples()
        );
        assert!(
            forbidden > 0 && shown > 0,
            "{forbidden} forbidden, {shown} shown"
        );
    }
}

on_every_index! {
    /// Word for word: what is answered, how sure it is, which sources are drawn
    /// on or named as near, and in which order.
    async fn forbidden_page_is_as_if_it_were_absent(world: &mut World) {
        let mut company = Company::new(9);
        company.fill(world, None).await;
        let whole = pipeline(world).await;
        let rounds = (triples() / 20).clamp(4, 20);
        for _ in 0..rounds {
            let access = company.draw_access();
            let own = world.another().await;
            company.fill(&own, Some(&access)).await;
            let own = pipeline(&own).await;
            for _ in 0..triples() / rounds {
                let project = company.draw_page().project.clone();
                let text = ask_for(&project, &mut company.random);
                let asked = question(&text, access.clone());
                let (there, absent) = (whole.answer(&asked).await, own.answer(&asked).await);
                assert_eq!(seen(&there), seen(&absent), "{text} with {access:?}");
                assert_eq!(near(&there), near(&absent), "{text} with {access:?}");
            }
        }
    }
}

/// Everything that was found, in its order.
fn near(answer: &Answer) -> Vec<&str> {
    let evidence = answer.evidence.iter();
    evidence
        .map(|evidence| evidence.document.as_str())
        .collect()
}

/// The time an answer takes, for a page that one may not see and for one that
/// does not exist: how often the first is the longer one, 1/2 if they can't be
/// told apart. Printed, since a busy machine tells nothing.
#[tokio::test(flavor = "multi_thread")]
async fn time_does_not_tell_forbidden_from_absent() {
    let mut company = Company::new(10);
    let world = company.world(None).await;
    let pipeline = pipeline(&world).await;
    let nobody = Access::everyone();
    let known: HashSet<String> = company
        .pages
        .iter()
        .map(|page| page.project.clone())
        .collect();
    let (mut forbidden, mut absent) = (Vec::new(), Vec::new());
    while absent.len() < triples() / 2 {
        let page = company.draw_page();
        if page.is_for(&nobody) {
            continue;
        }
        let (project, mut other) = (page.project.clone(), invented_name(&mut company.random));
        while known.contains(&other) {
            other = invented_name(&mut company.random);
        }
        forbidden.push(time(&pipeline, &project).await);
        absent.push(time(&pipeline, &other).await);
    }
    let share = longer(&forbidden, &absent);
    println!(
        "forbidden takes longer than absent in {share:.3} of {} pairs",
        forbidden.len() * absent.len()
    );
    assert!(
        (0.2..=0.8).contains(&share),
        "time tells them apart: {share}"
    );
}

async fn time(pipeline: &Pipeline, project: &str) -> Duration {
    let asked = question(
        &format!("what is the budget of project {project}?"),
        Access::everyone(),
    );
    let began = Instant::now();
    let answer = pipeline.answer(&asked).await;
    assert!(!seen(&answer).contains(&format!("{}.md", project.to_lowercase())));
    began.elapsed()
}

/// The share of pairs in which the first is the longer (Mann and Whitney's U).
fn longer(these: &[Duration], those: &[Duration]) -> f64 {
    let pairs = these.iter().flat_map(|a| those.iter().map(move |b| (a, b)));
    let longer: f64 = pairs
        .map(|(a, b)| match a.cmp(b) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    longer / (these.len() * those.len()) as f64
}
