//! Token for token what transformers writes with the same weights.

use super::harness::{Goldens, greedy, open, write};

async fn check(model: &str) {
    let goldens = Goldens::of_model(model);
    let model = open(model);
    assert_eq!(goldens.all.len(), 50);
    for golden in &goldens.all {
        let written = write(&model, greedy(&golden.prompt)).await;
        goldens.check(golden, &written);
    }
}

#[tokio::test]
async fn llama_writes_the_golden_tokens() {
    check("llama").await;
}

#[tokio::test]
async fn mistral_with_its_sliding_window_writes_the_golden_tokens() {
    check("mistral").await;
}

#[tokio::test]
async fn qwen2_with_its_biases_writes_the_golden_tokens() {
    check("qwen2").await;
}

#[tokio::test]
async fn qwen3_with_its_norms_writes_the_golden_tokens() {
    check("qwen3").await;
}

#[tokio::test]
async fn phi3_with_its_packed_weights_writes_the_golden_tokens() {
    check("phi3").await;
}

#[tokio::test]
async fn int4_llama_writes_the_golden_tokens() {
    check("llama-int4").await;
}

#[tokio::test]
async fn int4_qwen2_writes_the_golden_tokens() {
    check("qwen2-int4").await;
}

#[tokio::test]
async fn export_of_optimum_writes_the_golden_tokens() {
    check("llama-optimum").await;
}

#[tokio::test]
async fn export_of_dynamo_writes_the_golden_tokens() {
    check("llama-dynamo").await;
}

#[tokio::test]
async fn graph_with_lora_inputs_and_no_adapter_is_the_base_model() {
    check("llama-lora").await;
}
