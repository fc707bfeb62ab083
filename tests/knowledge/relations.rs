//! Questions that need two hops: they are answered along what pages tell, and
//! along nothing that the asker may not see.

use super::{
    access::{cited, invented_name, pipeline, seen, some_groups, triples},
    world::{World, on_every_index},
};
use crate::pipeline::question;
use lorekeeper::domain::{Access, Answer, Audience};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::{BTreeSet, HashMap};

async fn ask(world: &World, text: &str, access: Access) -> Answer {
    pipeline(world).await.answer(&question(text, access)).await
}

/// A page that tells one relation, and who may read it.
struct Page {
    name: String,
    sentence: String,
    groups: Vec<&'static str>,
}

impl Page {
    fn write(&self, world: &World) {
        let audience = match self.groups.is_empty() {
            true => String::new(),
            false => format!("---\naudience: [{}]\n---\n", self.groups.join(", ")),
        };
        world.write(&self.name, format!("{audience}{}\n", self.sentence));
    }

    fn is_for(&self, access: &Access) -> bool {
        self.groups.is_empty() || Audience::of(self.groups.iter().copied()).admits(access)
    }
}

on_every_index! {
    async fn no_relation_of_a_forbidden_passage_is_followed(world: &mut World) {
        let mut random = StdRng::seed_from_u64(12);
        let mut names = BTreeSet::new();
        while names.len() < 60 {
            names.insert(invented_name(&mut random));
        }
        let names: Vec<String> = names.into_iter().collect();
        let (things, teams) = names.split_at(40);
        let mut pages: HashMap<String, Page> = HashMap::new();
        let mut owners: HashMap<&str, &str> = HashMap::new();
        for (n, thing) in things.iter().enumerate() {
            let team = &teams[random.random_range(0..teams.len())];
            owners.insert(thing, team);
            pages.insert(thing.clone(), Page {
                name: format!("thing{n}.md"),
                sentence: format!("{thing} is owned by the {team} team."),
                groups: some_groups(&mut random),
            });
        }
        for (n, team) in teams.iter().enumerate() {
            pages.insert(team.clone(), Page {
                name: format!("team{n}.md"),
                sentence: format!("{team} is led by Ada Number{n}er."),
                groups: some_groups(&mut random),
            });
        }
        pages.values().for_each(|page| page.write(world));
        world.ingest().await;
        let pipeline = pipeline(world).await;
        let (mut followed, mut forbidden) = (0, 0);
        for _ in 0..triples() {
            let access = Access::member_of(some_groups(&mut random));
            let thing = &things[random.random_range(0..things.len())];
            let team = owners[thing.as_str()];
            let text = format!("who leads the team that owns {thing}?");
            let answer = pipeline.answer(&question(&text, access.clone())).await;
            for evidence in &answer.evidence {
                let page = pages.values().find(|page| evidence.document.as_str().ends_with(&page.name));
                assert!(page.is_some_and(|page| page.is_for(&access)), "{evidence:?} with {access:?}");
            }
            let n = teams.iter().position(|name| name == team).expect("the team exists");
            let told = seen(&answer).contains(&format!("Number{n}er"));
            let may = pages[thing].is_for(&access) && pages[team].is_for(&access);
            if may {
                followed += 1;
                assert!(told && !answer.abstained, "{text} with {access:?}: {}", seen(&answer));
            } else if !pages[team].is_for(&access) {
                forbidden += 1;
                assert!(!told, "{text} with {access:?} told: {}", seen(&answer));
            }
        }
        assert!(followed > 0 && forbidden > 0, "{followed} followed, {forbidden} forbidden");
    }

    async fn relations_change_and_go_with_their_document(world: &mut World) {
        let text = "Who leads the team that owns Wren?";
        world.write("wren.md", "| Name | Owner |\n|---|---|\n| Wren | Nest |\n");
        world.write("nest.md", "# Nest\n\nLead: Ada Obi. 16 people.\n");
        world.ingest().await;
        let answer = ask(world, text, Access::everyone()).await;
        assert!(seen(&answer).starts_with("Ada Obi\n"), "{}", seen(&answer));
        assert_eq!(cited(&answer), ["wren.md", "nest.md"]);
        let told: Vec<&str> = answer
            .evidence
            .iter()
            .flat_map(|evidence| &evidence.relations)
            .map(|relation| relation.kind.label())
            .collect();
        assert_eq!(told, ["owner", "lead"]);

        world.write("nest.md", "# Nest\n\nLead: Ines Roe. 16 people.\n");
        world.ingest().await;
        let answer = ask(world, text, Access::everyone()).await;
        assert!(seen(&answer).starts_with("Ines Roe\n"), "{}", seen(&answer));

        world.delete("nest.md");
        world.ingest().await;
        let answer = ask(world, text, Access::everyone()).await;
        assert!(answer.abstained && !seen(&answer).contains("Ines"), "{}", seen(&answer));
        assert!(seen(&answer).contains("Wren – owner: Nest"), "{}", seen(&answer));
    }
}
