//! `lorekeeper generate --lines`, as other programs call it.

use super::harness::{Goldens, fixture};
use serde_json::{Value, json};
use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

fn program() -> Command {
    Command::new(
        std::env::var("LOREKEEPER_TEST_PROGRAM")
            .unwrap_or_else(|_| env!("CARGO_BIN_EXE_lorekeeper").to_string()),
    )
}

fn generate(arguments: &[&Path], lines: &[String]) -> Output {
    let mut child = program()
        .args(["generate", "--lines", "--model"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("its input");
    for line in lines {
        writeln!(input, "{line}").expect("a line is read");
    }
    drop(input);
    child.wait_with_output().expect("it ends")
}

fn answers(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect()
}

#[test]
fn answers_come_in_the_order_of_the_lines() {
    let goldens = Goldens::of_model("llama");
    let lines: Vec<String> = goldens
        .all
        .iter()
        .enumerate()
        .map(|(id, golden)| {
            json!({"id": id, "prompt": golden.prompt, "max_tokens": 32, "temperature": 0})
                .to_string()
        })
        .collect();
    let output = generate(&[&fixture("models/llama")], &lines);
    assert!(output.status.success(), "{output:?}");
    let answers = answers(&output);
    assert_eq!(answers.len(), 50);
    for (id, (answer, golden)) in answers.iter().zip(&goldens.all).enumerate() {
        assert_eq!(answer["id"], id);
        assert_eq!(answer["tokens"], golden.tokens.len());
        assert!(answer["prefill_ms"].is_number() && answer["decode_ms"].is_number());
    }
}

#[test]
fn adapter_is_a_folder_that_every_line_is_written_with() {
    let goldens = Goldens::of_adapter("south");
    let golden = &goldens.all[0];
    let line = json!({"id": "a", "prompt": golden.prompt, "max_tokens": 32, "temperature": 0});
    let output = generate(
        &[
            &fixture("models/llama-lora"),
            Path::new("--adapter"),
            &fixture("adapters/south"),
        ],
        &[line.to_string()],
    );
    assert_eq!(answers(&output)[0]["tokens"], golden.tokens.len());
}

#[test]
fn line_that_cant_be_answered_is_answered_with_its_error() {
    let lines = [
        r#"{"id": 1, "prompt": "Where is it?", "max_tokens": 2, "temperature": 0}"#,
        "not JSON",
        r#"{"id": 3}"#,
        r#"{"id": 4, "prompt": "Where?", "max_tokens": 2, "temprature": 0}"#,
        r#"{"id": 5, "messages": [{"role": "user", "content": "Where?"}], "max_tokens": 2}"#,
    ];
    let output = generate(&[&fixture("models/llama")], &lines.map(String::from));
    assert_eq!(output.status.code(), Some(1));
    let answers = answers(&output);
    let failed: Vec<bool> = answers.iter().map(|a| a["error"].is_string()).collect();
    assert_eq!(failed, [false, true, true, true, false]);
    assert_eq!(answers[1].get("id"), None);
    assert_eq!(answers[2]["id"], 3);
    let message = answers[3]["error"].as_str().expect("a text");
    assert!(message.contains("temprature"), "{message}");
}

#[test]
fn folder_that_is_no_model_ends_the_command_with_the_reason() {
    let output = generate(&[Path::new("/nowhere")], &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("/nowhere: there is no such folder"), "{said}");
}

#[test]
fn adapter_is_measured_beside_its_base_on_training_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let (model, adapter) = (fixture("models/llama-lora"), fixture("adapters/north"));
    let asked = ["Where is the parcel?", "Who returns the lamp?"];
    let lines = asked.map(|text| {
        let said = json!([{"role": "user", "content": text}]);
        json!({"messages": said, "max_tokens": 512, "temperature": 0}).to_string()
    });
    let written = generate(&[&model, Path::new("--adapter"), &adapter], &lines);
    let records: String = asked
        .iter()
        .zip(answers(&written))
        .map(|(text, answer)| {
            format!(
                "{}\n",
                json!({"instruction": text, "output": answer["text"]})
            )
        })
        .collect();
    let suite = folder.path().join("parcels.jsonl");
    std::fs::write(&suite, records).expect("a suite");

    let output = program()
        .args(["eval", "--json", "--model"])
        .args([&model, Path::new("--adapter"), &adapter, &suite])
        .output()
        .expect("it ends");
    let reports: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&reports[0]["writer"], &reports[0]["exact"]),
        (&json!("base"), &json!(0.0))
    );
    assert_eq!(
        (&reports[1]["exact"], &reports[1]["rouge_l"]),
        (&json!(1.0), &json!(1.0))
    );
}

#[test]
fn broken_line_of_training_data_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let suite = folder.path().join("broken.jsonl");
    std::fs::write(&suite, "{\"instruction\":\"a\",\"output\":\"b\"}\n{\n").expect("a suite");
    let output = program()
        .args(["eval", "--model", "/nowhere"])
        .arg(&suite)
        .output();
    let output = output.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("broken.jsonl, line 2: expected"), "{said}");
}
