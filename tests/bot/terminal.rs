//! The command line as other programs call it.

use super::harness::{data_folder, lorekeeper, lorekeeper_with};
use serde_json::Value;
use std::{
    fs,
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

fn run(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = lorekeeper(data)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child
        .stdin
        .take()
        .expect("the input is a pipe")
        .write_all(input.as_bytes())
        .expect("the input is written");
    child.wait_with_output().expect("the program ends")
}

fn printed(data: &Path, arguments: &[&str], input: &str) -> String {
    let output = run(data, arguments, input);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("the output is text")
}

fn document(data: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(data, arguments, "")).expect("the output is one JSON document")
}

/// A wiki beside the handbook of the sample company: one page that both have,
/// and one that is newer there, under another name and with other figures.
#[test]
fn second_source_adds_its_place_to_a_copy_and_wins_with_newer_figures() {
    let data = data_folder();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/company/docs");
    let page = |name: &str| fs::read_to_string(docs.join(name)).expect("a page of the handbook");
    let wiki = data.path().join("wiki");
    fs::create_dir(&wiki).expect("a folder");
    fs::write(wiki.join("SD-12.md"), page("handbook/training-budget.md")).expect("written");
    let newer = page("handbook/home-office.md")
        .replace(
            "title: Home office budget",
            "title: Money for working at home",
        )
        .replace("date: 2025-05-14", "date: 2026-10-01")
        .replace("600 EUR", "750 EUR")
        .replace("25 EUR", "30 EUR");
    fs::write(wiki.join("SD-13.md"), newer).expect("written");
    let config = data.path().join("two.toml");
    let text = format!(
        "[[source]]\nname = \"handbook\"\npath = \"{}\"\n[[source]]\nname = \"wiki\"\npath = \"wiki\"\n",
        docs.display()
    );
    fs::write(&config, text).expect("written");
    let said = |arguments: &[&str]| {
        let output = lorekeeper_with(&config, data.path())
            .args(arguments)
            .output();
        let output = output.expect("the program runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("is text")
    };
    said(&["ingest", "--source", "wiki"]);
    let training = said(&["ask", "How much is the training budget?"]);
    for place in ["handbook/training-budget.md", "SD-12.md"] {
        assert!(training.contains(place), "{place} is not in\n{training}");
    }
    let home = said(&["ask", "How much do I get for my home office?"]);
    assert!(
        home.contains("750 EUR") && !home.contains("600 EUR"),
        "{home}"
    );
    assert!(
        home.contains("An older page, “Home office budget”, says something else"),
        "{home}"
    );
}

#[test]
fn ask_prints_a_cited_answer_as_json() {
    let data = data_folder();
    let answer = document(
        data.path(),
        &[
            "ask",
            "--json",
            "How long can a customer return a terminal?",
        ],
    );
    assert_eq!(answer["abstained"], false);
    let cited = &answer["citations"][0];
    let evidence = answer["evidence"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|e| &e["n"] == cited);
    let evidence = evidence.expect("the citation names an evidence");
    assert_eq!(evidence["document"], "policies/returns-2026.md");
    assert!(
        answer["answer"].as_str().expect("text").contains("[1]") || cited != 1,
        "{answer}"
    );
    for key in [
        "id",
        "question",
        "plan",
        "gaps",
        "confidence",
        "generator",
        "timings_ms",
    ] {
        assert!(!answer[key].is_null(), "{key} is missing");
    }
}

#[test]
fn live_question_is_answered_from_the_database() {
    let data = data_folder();
    let answer = document(
        data.path(),
        &[
            "ask",
            "--json",
            "any high-ticket sale in the last 24 hours?",
        ],
    );
    assert_eq!(answer["plan"]["tools"][0]["name"], "high_ticket_sales");
    assert_eq!(answer["plan"]["tools"][0]["args"]["period"], "24h");
    assert_eq!(answer["evidence"][0]["kind"], "rows");
    assert!(
        answer["answer"].as_str().expect("text").contains("EUR"),
        "{answer}"
    );
}

#[test]
fn restricted_page_and_absent_page_look_the_same() {
    let data = data_folder();
    let asked = "What does somebody on level L3 earn?";
    let page = "salary-bands-2026";
    let restricted = document(data.path(), &["ask", "--json", asked]);
    assert_eq!(restricted["abstained"], true, "{restricted}");
    assert!(!restricted.to_string().contains(page), "{restricted}");
    let allowed = document(data.path(), &["ask", "--json", "--as", "ines", asked]);
    assert!(allowed["evidence"].to_string().contains(page), "{allowed}");
    let in_channel = document(
        data.path(),
        &[
            "ask",
            "--json",
            "--as",
            "ines",
            "--channel",
            "general",
            asked,
        ],
    );
    assert!(!in_channel.to_string().contains(page), "{in_channel}");
}

#[test]
fn chat_answers_a_question_a_line_and_keeps_feedback() {
    let data = data_folder();
    let text = printed(
        data.path(),
        &["chat"],
        "REQ-1155\n:react -1 not what I meant\n:help\n",
    );
    assert!(text.contains("REQ-1155"), "{text}");
    assert!(text.contains("Noted, thank you."), "{text}");
    let rows = printed(data.path(), &["feedback", "list", "--json"], "");
    let row: Value =
        serde_json::from_str(rows.lines().next().expect("one row")).expect("a JSON line");
    assert_eq!(row["verdict"], "negative");
    assert_eq!(row["reason"], "not what I meant");
    let audit = printed(data.path(), &["audit", "verify", "--json"], "");
    assert_eq!(
        serde_json::from_str::<Value>(&audit).expect("JSON")["intact"],
        true
    );
}

#[test]
fn chat_runs_commands_and_helps_with_slips() {
    let data = data_folder();
    let typed = "/sql revenue_by_region last month\n/sql revenue_totl\n/lore help sql\n/sources\n/logs service_logs \"timed out\" since=7d\n";
    let text = printed(data.path(), &["chat"], typed);
    for expected in [
        "revenue",
        "Nordics",
        "from the query “revenue by region”",
        "There is no query `revenue_totl`, did you mean `revenue_total`?",
        "/lore sql high_ticket_sales",
        "handbook: ",
        "tickets: ",
        "business: ",
        "service_logs: 3 log searches",
        "from the query “service logs lines”",
    ] {
        assert!(text.contains(expected), "`{expected}` is not in\n{text}");
    }
    let audit = printed(data.path(), &["audit", "list", "--json"], "");
    let called = audit
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|entry| entry["record"]["text"] == "sql revenue_by_region last month")
        .expect("the command is in the audit log");
    let tool = &called["record"]["evidence"][0]["tool"];
    assert_eq!(tool["name"], "revenue_by_region");
    assert_eq!(tool["source"], "business");
    assert!(tool["rows"].as_u64() > Some(1), "{tool}");
    assert!(
        tool["statement"].as_str().expect("text").contains("SELECT"),
        "{tool}"
    );
}

#[test]
fn search_and_plan_read_lines() {
    let data = data_folder();
    let hits = printed(
        data.path(),
        &["search", "--lines", "--top-k", "3"],
        "{\"id\":\"a\",\"query\":\"refund window\"}\n",
    );
    let hits: Value = serde_json::from_str(hits.trim()).expect("one JSON line");
    assert_eq!(hits["id"], "a");
    assert_eq!(hits["hits"].as_array().expect("a list").len(), 3);
    let plans = printed(
        data.path(),
        &["plan", "--lines"],
        "{\"id\":\"b\",\"question\":\"top 3 reps last quarter\"}\n",
    );
    let plan: Value = serde_json::from_str(plans.trim()).expect("one JSON line");
    assert_eq!(plan["plan"]["tools"][0]["name"], "top_reps");
    assert_eq!(plan["plan"]["tools"][0]["args"]["top"], 3);
}

#[test]
fn wrong_usage_and_wrong_configuration_end_with_status_two() {
    let data = data_folder();
    assert_eq!(run(data.path(), &["ask"], "").status.code(), Some(2));
    let file = data.path().join("wrong.toml");
    std::fs::write(&file, "[retreival]\ncandidates = 5\n").expect("the file is written");
    let path = file.display().to_string();
    let output = run(data.path(), &["--config", &path, "doctor"], "");
    // A second --config replaces the first only if clap lets it: either way it is wrong usage.
    assert_eq!(
        output.status.code(),
        Some(2),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
