//! Commands: registered once, acknowledged in time, answered to the right people.

use super::*;
use crate::fakes::discord::{ALICE, BOB, Fault, GENERAL, GUILD, OTHER_GENERAL, STRANGER};
use lorekeeper::{
    commands::Commands,
    config::{CommandScope, Config},
    domain::{
        Access, Catalogue, DocumentId, FreshnessBoard, Parameter, ParameterKind, Rows, Showing,
        ToolCall, ToolKind, ToolResult, ToolSpec,
    },
    ports::{Caller, Hit, Search, SearchError, SearchRequest, ToolError, Tools},
};
use serde_json::{Value, json};

/// Two queries for everybody and one for finance, where Alice is.
struct Shelf(Catalogue);

#[async_trait]
impl Tools for Shelf {
    fn catalogue(&self) -> &Catalogue {
        &self.0
    }

    fn allowed(&self, tool: &str, access: &Access) -> bool {
        tool != "payroll" || access.groups().any(|group| group == "finance")
    }

    fn system(&self, _: &str) -> Option<&str> {
        Some("business")
    }

    async fn call(&self, call: &ToolCall, _: &Caller) -> Result<ToolResult, ToolError> {
        Err(ToolError::Unknown {
            tool: call.name.clone(),
        })
    }
}

struct Nothing;

#[async_trait]
impl Search for Nothing {
    async fn search(&self, _: &SearchRequest) -> Result<Vec<Hit>, SearchError> {
        Ok(Vec::new())
    }

    async fn count(&self, _: &str, _: &Access) -> Result<usize, SearchError> {
        Ok(0)
    }

    async fn document(&self, _: &DocumentId, _: &Access) -> Result<Vec<Hit>, SearchError> {
        Ok(Vec::new())
    }
}

fn query(name: &str, parameters: Vec<Parameter>) -> ToolSpec {
    ToolSpec {
        name: name.into(),
        description: format!("About {name}"),
        kind: ToolKind::Query,
        parameters,
        examples: Vec::new(),
        synonyms: Vec::new(),
        chain: None,
    }
}

fn parameter(name: &str, kind: ParameterKind) -> Parameter {
    Parameter {
        name: name.into(),
        kind,
        default: None,
        optional: true,
        description: String::new(),
    }
}

fn regions(values: &[&str]) -> ParameterKind {
    ParameterKind::Choice {
        values: values.iter().map(|value| value.to_string()).collect(),
    }
}

/// The commands that the adapter is started with.
pub fn known() -> Arc<Commands> {
    let config =
        format!("[[person]]\nname = \"alice\"\ngroups = [\"finance\"]\ndiscord = \"{ALICE}\"\n");
    let config: Config = toml::from_str(&config).expect("is a configuration");
    let tools = vec![
        query(
            "sales",
            vec![
                parameter("period", ParameterKind::Window),
                parameter("region", regions(&["DACH", "Middle East"])),
                parameter("top", ParameterKind::Integer),
            ],
        ),
        query("refunds", vec![parameter("period", ParameterKind::Window)]),
        query("payroll", vec![parameter("level", regions(&["L1", "L2"]))]),
    ];
    let shelf = Arc::new(Shelf(Catalogue {
        tools,
        schemas: Vec::new(),
        version: None,
    }));
    Arc::new(Commands::new(
        shelf,
        Arc::new(Nothing),
        &config,
        FreshnessBoard::default(),
    ))
}

fn key() -> PostKey {
    PostKey {
        question: QuestionId::new(),
        part: 0,
    }
}

fn alone(bot: &Bot, text: &str) -> Part {
    let mut parts = bot.chat.render_alone(&vec![Block::paragraph(text)]);
    parts.remove(0)
}

async fn called_back(discord: &FakeDiscord, interaction: u64) -> Value {
    discord
        .until("a callback", |discord| discord.callbacks(interaction).pop())
        .await
}

/// R57: two starts, one write; what others registered stays.
#[tokio::test]
async fn command_is_registered_once_and_only_where_it_differs() {
    let discord = FakeDiscord::start();
    let foreign = json!({ "name": "other", "type": 1, "description": "Somebody else's" });
    discord.register_foreign(None, foreign);
    for _ in 0..2 {
        let bot = Bot::start(&discord.section())
            .await
            .expect("the bot starts");
        discord.connected(1).await;
        bot.stop().await.expect("it stops");
    }
    assert_eq!(
        discord.requests("PUT", "/commands").len(),
        1,
        "{}",
        discord.wire_text()
    );
    let registered = discord.registered(None);
    let names: Vec<&Value> = registered.iter().map(|command| &command["name"]).collect();
    assert_eq!(names, ["other", "lore"]);
    let lore = registered[1].to_string();
    assert!(lore.contains("Middle East"), "{lore}");
    // Anybody can read what is registered.
    assert!(
        !lore.contains("payroll") && !lore.contains("level") && !lore.contains("L1"),
        "{lore}"
    );

    // In the guilds alone, as another configuration has it: there once, and gone from everywhere.
    let section = DiscordSection {
        commands: CommandScope::Guilds,
        ..discord.section()
    };
    for _ in 0..2 {
        let bot = Bot::start(&section).await.expect("the bot starts");
        bot.stop().await.expect("it stops");
    }
    assert_eq!(discord.requests("PUT", "/commands").len(), 3);
    assert_eq!(discord.registered(None).len(), 1);
    assert_eq!(discord.registered(Some(GUILD)).len(), 1);
}

/// R56, R57: mentions work all the same where the command can't be registered.
#[tokio::test]
async fn failed_registration_ends_nothing() {
    let discord = FakeDiscord::start();
    discord.fail(
        "PUT",
        "/commands",
        Fault::Refuse {
            status: 403,
            code: 50001,
        },
    );
    let bot = Bot::start(&discord.section())
        .await
        .expect("the bot starts");
    discord.connected(1).await;
    discord.mention(ALICE, GENERAL, "orders?");
    bot.inbox.question().await;
    bot.stop().await.expect("it stops");
}

/// R17: stored, then deferred for the asker alone; the options are one line.
#[tokio::test]
async fn command_is_deferred_for_its_asker_once_it_is_stored() {
    run_test(async |discord, bot| {
        let options = json!({ "region": "Middle East", "name": "sales", "top": 3 });
        let used = discord.command(ALICE, GENERAL, "sql", options);
        let question = bot.inbox.question().await;
        assert_eq!(question.text, "sql sales region=\"Middle East\" top=3");
        assert_eq!(question.addressed, Addressed::Command);
        assert_eq!(
            question.asker.person,
            PersonId::new(format!("discord:{ALICE}"))
        );
        assert_eq!(question.place.channel, ChannelId::new(GENERAL.to_string()));
        let callback = called_back(discord, used).await;
        assert_eq!(callback, json!({ "type": 5, "data": { "flags": 64 } }));

        bot.chat
            .post(&question.place, &alone(bot, "12 sales"), &key())
            .await
            .unwrap();
        assert_eq!(discord.ephemerals(ALICE, GENERAL)[0].content, "12 sales");
        assert!(discord.answers(GENERAL).is_empty());
        assert!(discord.ephemerals(BOB, GENERAL).is_empty());
        // The same once more, as after a crash, is one message.
        bot.chat
            .post(&question.place, &alone(bot, "12 sales"), &key())
            .await
            .unwrap();
        assert_eq!(discord.ephemerals(ALICE, GENERAL).len(), 1);
    })
    .await;
}

/// R17, R18: a session that is resumed tells of a command again; it has one answer.
#[tokio::test]
async fn replayed_command_is_taken_and_acknowledged_once() {
    run_test(async |discord, bot| {
        let used = discord.command(ALICE, GENERAL, "sources", json!({}));
        called_back(discord, used).await;
        discord.replay(1);
        discord.mention(ALICE, GENERAL, "orders?");
        let questions = bot.inbox.questions(2).await;
        assert_eq!(questions[0].text, "sources");
        assert_eq!(questions[1].text, "orders?");
        assert_eq!(discord.requests("POST", "/callback").len(), 1);
    })
    .await;
}

/// R12, R17: what was not stored is not promised.
#[tokio::test]
async fn command_that_can_not_be_stored_is_refused_in_time() {
    run_test(async |discord, bot| {
        bot.inbox.fail(1);
        let used = discord.command(ALICE, GENERAL, "help", json!({ "public": true }));
        let callback = called_back(discord, used).await;
        assert_eq!(callback["type"], 4);
        assert_eq!(callback["data"]["flags"], 64);
        assert!(
            discord.ephemerals(ALICE, GENERAL)[0]
                .content
                .contains("Try it again")
        );
    })
    .await;
}

/// What is wanted for everybody is promised to everybody only where everybody may have it.
#[tokio::test]
async fn who_will_see_the_result_is_told_in_the_acknowledgement() {
    run_test(async |discord, bot| {
        let check = async |person, channel, name: &str, options: Value, flags: u64| {
            let used = discord.command(person, channel, name, options);
            let callback = called_back(discord, used).await;
            assert_eq!(callback["data"]["flags"], flags, "{name}");
        };
        let public = json!({ "name": "sales", "public": true });
        check(ALICE, GENERAL, "sql", public.clone(), 0).await;
        check(ALICE, GENERAL, "sql", json!({ "name": "sales" }), 64).await;
        check(ALICE, GENERAL, "sources", json!({ "public": true }), 0).await;
        // For finance; not everybody here is.
        check(
            ALICE,
            GENERAL,
            "sql",
            json!({ "name": "payroll", "public": true }),
            64,
        )
        .await;
        // A slip may name what is not for all.
        check(
            ALICE,
            GENERAL,
            "sql",
            json!({ "name": "payrol", "public": true }),
            64,
        )
        .await;
        check(ALICE, discord.direct(ALICE), "sql", public.clone(), 64).await;
        check(STRANGER, OTHER_GENERAL, "sql", public, 64).await;
        let questions = bot.inbox.questions(7).await;
        let promised = |n: usize| questions[n].place.callback.as_ref().unwrap().promised;
        assert_eq!(promised(0), Some(Showing::Channel));
        assert_eq!(promised(3), Some(Showing::AskerAlone));
    })
    .await;
}

/// R17: after a quarter of an hour the result goes another way, and stays private.
#[tokio::test]
async fn result_that_comes_late_stays_private() {
    run_test(async |discord, bot| {
        let place = async |n: usize, options: Value| {
            let used = discord.command(ALICE, GENERAL, "sql", options);
            called_back(discord, used).await;
            bot.inbox.questions(n).await.remove(n - 1).place
        };
        let private = place(1, json!({ "name": "sales" })).await;
        let public = place(2, json!({ "name": "sales", "public": true })).await;
        discord.advance(Duration::from_secs(16 * 60));
        bot.chat
            .post(&private, &alone(bot, "for you"), &key())
            .await
            .unwrap();
        let direct = discord.answers(discord.direct(ALICE));
        assert_eq!(direct[0].content, "for you");
        assert!(discord.answers(GENERAL).is_empty());
        bot.chat
            .post(&public, &bot.part("for all"), &key())
            .await
            .unwrap();
        assert_eq!(discord.answers(GENERAL)[0].content, "for all");
        // What became private meanwhile never goes where everybody was promised it.
        let key = key();
        bot.chat
            .post(&public, &alone(bot, "secret"), &key)
            .await
            .unwrap();
        bot.chat
            .post(&public, &alone(bot, "secret"), &key)
            .await
            .unwrap();
        let direct = discord.answers(discord.direct(ALICE));
        assert_eq!(direct.len(), 2, "{direct:?}");
        assert_eq!(discord.answers(GENERAL).len(), 1);
    })
    .await;
}

/// R17: an interaction that Discord knows nothing of (10062, 10015) is no end of the way.
#[tokio::test]
async fn interaction_that_is_gone_is_answered_directly() {
    run_test(async |discord, bot| {
        discord.fail(
            "POST",
            "/callback",
            Fault::Refuse {
                status: 404,
                code: 10062,
            },
        );
        discord.command(ALICE, GENERAL, "sql", json!({ "name": "sales" }));
        let place = bot.inbox.question().await.place;
        bot.chat
            .post(&place, &alone(bot, "12 sales"), &key())
            .await
            .unwrap();
        assert_eq!(
            discord.answers(discord.direct(ALICE))[0].content,
            "12 sales"
        );
        // The bot's own token is still good.
        discord.mention(ALICE, GENERAL, "orders?");
        bot.inbox.questions(2).await;
    })
    .await;
}

/// A result never overtakes the acknowledgement of its command.
#[tokio::test]
async fn result_waits_for_the_acknowledgement() {
    run_test(async |discord, bot| {
        discord.fail(
            "POST",
            "/callback",
            Fault::Delay(Duration::from_millis(800)),
        );
        discord.command(ALICE, GENERAL, "sql", json!({ "name": "sales" }));
        let place = bot.inbox.question().await.place;
        bot.chat
            .post(&place, &alone(bot, "12 sales"), &key())
            .await
            .unwrap();
        assert_eq!(discord.ephemerals(ALICE, GENERAL)[0].content, "12 sales");
        assert!(discord.answers(discord.direct(ALICE)).is_empty());
    })
    .await;
}

/// R38, R39: a narrow table is a code block; many rows are an attachment with a summary.
#[tokio::test]
async fn many_rows_become_an_attachment() {
    run_test(async |discord, bot| {
        let rows = |count: usize| Rows {
            columns: vec!["n".into(), "note".into()],
            rows: (0..count).map(|n| vec![json!(n), json!("=1+1")]).collect(),
            truncated: false,
        };
        let block = |count| Block::Rows {
            name: "sales".into(),
            rows: rows(count),
        };
        let few = bot.chat.render_alone(&vec![block(3)]);
        assert_eq!((few.len(), &few[0].file), (1, &None));
        assert!(
            few[0].payload["content"]
                .as_str()
                .unwrap()
                .starts_with("```\nn  note\n")
        );

        discord.command(ALICE, GENERAL, "sql", json!({ "name": "sales" }));
        let place = bot.inbox.question().await.place;
        let parts = bot
            .chat
            .render_alone(&vec![Block::paragraph("Sales."), block(5_000)]);
        assert_eq!(parts.len(), 1);
        let content = parts[0].payload["content"].as_str().unwrap();
        assert!(
            content.contains("5000 rows, all of them in the CSV file."),
            "{content}"
        );
        for _ in 0..2 {
            bot.chat.post(&place, &parts[0], &key()).await.unwrap();
        }
        let seen = discord.ephemerals(ALICE, GENERAL);
        assert_eq!((seen.len(), seen[0].files.len()), (1, 1));
        let file = &seen[0].files[0];
        assert_eq!(file.name, "sales.csv");
        assert_eq!(file.description, "sales, 5000 rows");
        assert_eq!(file.text.lines().count(), 5_001);
        assert!(
            file.text.contains("\r\n17,'=1+1\r\n"),
            "{}",
            &file.text[..200]
        );
    })
    .await;
}

/// R59: a bot without the right to attach files still answers.
#[tokio::test]
async fn attachment_that_discord_refuses_is_named_in_words() {
    run_test(async |discord, bot| {
        let asked = discord.mention(ALICE, GENERAL, "sales?");
        let place = bot.inbox.question().await.place;
        let rows = Rows {
            columns: vec!["n".into()],
            rows: (0..2_000).map(|n| vec![json!(n)]).collect(),
            truncated: false,
        };
        let block = Block::Rows {
            name: "sales".into(),
            rows,
        };
        let part = &bot.chat.render(&vec![block])[0];
        discord.fail(
            "POST",
            "/messages",
            Fault::Refuse {
                status: 403,
                code: 50013,
            },
        );
        bot.chat.post(&place, part, &key()).await.unwrap();
        let answer = &discord.answers(asked)[0];
        assert!(answer.files.is_empty());
        assert!(
            answer.content.contains("the CSV file is missing"),
            "{}",
            answer.content
        );
    })
    .await;
}

/// What is offered to somebody who types is what exists for them.
#[tokio::test]
async fn typing_is_completed_with_what_the_person_may_use() {
    run_test(async |discord, _bot| {
        let check = async |person, channel, options: Value, expected: &[&str]| {
            let typing = discord.type_option(person, channel, "sql", options);
            let callback = called_back(discord, typing).await;
            assert_eq!(callback["type"], 8);
            let choices = callback["data"]["choices"].as_array().unwrap();
            let values: Vec<&str> = choices
                .iter()
                .map(|c| c["value"].as_str().unwrap())
                .collect();
            assert_eq!(values, expected);
        };
        check(
            ALICE,
            GENERAL,
            json!({ "name": { "focused": "pay" } }),
            &["payroll"],
        )
        .await;
        check(BOB, GENERAL, json!({ "name": { "focused": "pay" } }), &[]).await;
        check(
            BOB,
            GENERAL,
            json!({ "name": { "focused": "" } }),
            &["sales", "refunds"],
        )
        .await;
        let words = json!({ "name": "sales", "arguments": { "focused": "period=24h reg" } });
        check(BOB, GENERAL, words, &["period=24h region="]).await;
        let values = json!({ "name": "sales", "arguments": { "focused": "region=mid" } });
        check(BOB, GENERAL, values, &["region=\"Middle East\""]).await;
        let window = json!({ "name": "sales", "period": { "focused": "last" } });
        check(
            BOB,
            discord.direct(BOB),
            window,
            &["last week", "last month"],
        )
        .await;
        // Nobody outside the company learns what there is.
        check(
            STRANGER,
            OTHER_GENERAL,
            json!({ "name": { "focused": "" } }),
            &[],
        )
        .await;
        check(
            STRANGER,
            discord.direct(STRANGER),
            json!({ "name": { "focused": "" } }),
            &[],
        )
        .await;
    })
    .await;
}
