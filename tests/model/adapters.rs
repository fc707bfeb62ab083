//! Adapters beside one base, equal to the weights merged.

use super::harness::{
    Goldens, adapter_refusal, copy_of, failure, fixture, greedy, open, open_with, options, write,
    write_all,
};
use futures::future::{join_all, select};
use lorekeeper::{
    domain::GenerationRequest,
    model::LanguageModel,
    ports::{GenerateError, Generator},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};
use std::{collections::HashMap, fs, path::Path, pin::pin, sync::Arc, time::Duration};
use tokio::sync::mpsc;

fn with_adapters(slots: usize) -> Arc<LanguageModel> {
    let mut options = options("llama-lora");
    options.slots = slots;
    let model = open_with(options);
    for name in ["north", "south"] {
        model
            .load_adapter(name, &fixture("adapters").join(name))
            .expect("the adapter is loaded");
    }
    model
}

fn by(adapter: Option<&str>, prompt: &str) -> GenerationRequest {
    let mut request = greedy(prompt);
    request.adapter = adapter.map(String::from);
    request
}

/// Base and both adapters with their golden tokens.
fn writers() -> [(Option<&'static str>, Goldens); 3] {
    [
        (None, Goldens::of_model("llama-lora")),
        (Some("north"), Goldens::of_adapter("north")),
        (Some("south"), Goldens::of_adapter("south")),
    ]
}

#[tokio::test]
async fn adapter_chosen_per_request_equals_the_merged_weights() {
    let model = with_adapters(4);
    let writers = writers();
    for turn in 0..50 {
        for (adapter, goldens) in &writers {
            let golden = &goldens.all[turn];
            let written = write(&model, by(*adapter, &golden.prompt)).await;
            goldens.check(golden, &written);
            assert_eq!(written.adapter.as_deref(), *adapter);
        }
    }
}

#[tokio::test]
async fn adapters_and_base_mixed_in_one_batch_equal_the_merged_weights() {
    let model = with_adapters(8);
    let writers = writers();
    let (mut requests, mut expected) = (Vec::new(), Vec::new());
    for turn in 0..50 {
        for (adapter, goldens) in &writers {
            requests.push(by(*adapter, &goldens.all[turn].prompt));
            expected.push((goldens, &goldens.all[turn]));
        }
    }
    // The queue takes 64; more are asked in turns.
    for (requests, expected) in requests.chunks(48).zip(expected.chunks(48)) {
        let written = write_all(&model, requests.to_vec()).await;
        for ((goldens, golden), written) in expected.iter().zip(&written) {
            goldens.check(golden, written);
        }
    }
}

/// 300 requests by base and adapters, in eight slots, prompts in parts of
/// eleven tokens, every third caller going away after its first piece.
#[tokio::test]
async fn requests_that_come_and_go_at_random_change_no_other() {
    let mut options = options("llama-lora");
    options.slots = 8;
    options.prefill_tokens = 11;
    options.waiting = 300;
    let model = open_with(options);
    for name in ["north", "south"] {
        let folder = fixture("adapters").join(name);
        model.load_adapter(name, &folder).expect("it is loaded");
    }
    let writers = Arc::new(writers());
    let mut random = StdRng::seed_from_u64(7);
    let tasks = (0..300).map(|turn| {
        let (model, writers) = (model.clone(), writers.clone());
        let (by_whom, which) = (random.random_range(0..3), random.random_range(0..50));
        let pause = Duration::from_micros(random.random_range(0..300_000));
        async move {
            tokio::time::sleep(pause).await;
            let (adapter, goldens) = &writers[by_whom];
            let golden = &goldens.all[which];
            let request = by(*adapter, &golden.prompt);
            if turn % 3 == 0 {
                let (pieces, mut shown) = mpsc::unbounded_channel();
                let writing = model.generate(request, Some(pieces));
                let _ = select(pin!(writing), pin!(shown.recv())).await;
            } else {
                goldens.check(golden, &write(&model, request).await);
            }
        }
    });
    join_all(tasks).await;
}

/// Phi's checkpoints have `qkv_proj` and `gate_up_proj`, and its adapters one
/// A for all the parts; the graph has two projections where one was trained.
#[tokio::test]
async fn adapter_on_fused_projections_equals_the_merged_weights() {
    let model = open("phi3-lora");
    let east = fixture("adapters/east");
    model.load_adapter("east", &east).expect("it is loaded");
    let writers = [
        (None, Goldens::of_model("phi3-lora")),
        (Some("east"), Goldens::of_adapter("east")),
    ];
    for (adapter, goldens) in &writers {
        for golden in &goldens.all {
            let written = write(&model, by(*adapter, &golden.prompt)).await;
            goldens.check(golden, &written);
        }
    }
}

#[tokio::test]
async fn same_prompt_by_another_adapter_takes_nothing_from_the_cache() {
    let model = with_adapters(2);
    let [_, (_, north), (_, south)] = writers();
    let golden = &north.all[0];
    let written = write(&model, by(Some("north"), &golden.prompt)).await;
    north.check(golden, &written);
    let other = south.all.iter().find(|other| other.prompt == golden.prompt);
    let first = write(&model, by(Some("south"), &golden.prompt)).await;
    if let Some(other) = other {
        south.check(other, &first);
    }
    let base = write(&model, by(None, &golden.prompt)).await;
    assert_ne!(base.text, written.text);
    assert_ne!(base.text, first.text);
}

#[tokio::test]
async fn adapter_is_replaced_and_dropped_while_the_model_runs() {
    let model = with_adapters(2);
    assert_eq!(model.adapters(), ["north", "south"]);
    let [_, (_, north), (_, south)] = writers();
    model
        .load_adapter("north", &fixture("adapters/south"))
        .expect("it is replaced");
    let golden = &south.all[0];
    let written = write(&model, by(Some("north"), &golden.prompt)).await;
    south.check(golden, &written);

    assert!(model.drop_adapter("north"));
    assert!(!model.drop_adapter("north"));
    let error = failure(&model, by(Some("north"), &north.all[0].prompt)).await;
    assert!(
        matches!(error, GenerateError::UnknownAdapter { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("there are: south"), "{error}");
}

#[tokio::test]
async fn graph_without_lora_inputs_takes_no_adapter() {
    let error = adapter_refusal(&open("llama"), &fixture("adapters/north"));
    assert!(error.contains("export it with LoRA inputs"), "{error}");
}

type Tensors = HashMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// Changes a copy of `north` and says how it is refused.
fn refused_after(change: impl Fn(&mut Value, &mut Tensors)) -> String {
    let folder = copy_of("adapters/north");
    rewrite(folder.path(), change);
    adapter_refusal(&with_adapters(1), folder.path())
}

fn rewrite(folder: &Path, change: impl Fn(&mut Value, &mut Tensors)) {
    let config_file = folder.join("adapter_config.json");
    let weights_file = folder.join("adapter_model.safetensors");
    let config = fs::read_to_string(&config_file).expect("a configuration");
    let mut config: Value = serde_json::from_str(&config).expect("JSON");
    let weights = fs::read(&weights_file).expect("weights");
    let tensors = SafeTensors::deserialize(&weights).expect("safetensors");
    let mut tensors: Tensors = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let tensor = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
            (name, tensor)
        })
        .collect();
    change(&mut config, &mut tensors);
    fs::write(config_file, config.to_string()).expect("written");
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        let view = TensorView::new(*dtype, shape.clone(), data).expect("a tensor");
        (name.clone(), view)
    });
    let bytes = safetensors::serialize(views, None).expect("safetensors");
    fs::write(weights_file, bytes).expect("written");
}

const Q_A: &str = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
const Q_B: &str = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight";

fn rename(tensors: &mut Tensors, from: &str, to: &str) {
    let tensor = tensors.remove(from).expect("the tensor is there");
    tensors.insert(to.into(), tensor);
}

fn check(change: impl Fn(&mut Value, &mut Tensors), expected: &str) {
    let error = refused_after(change);
    assert!(error.contains(expected), "{error}");
}

#[test]
fn adapter_with_numbers_that_are_not_finite_is_refused() {
    check(
        |_, tensors| {
            let (_, _, data) = tensors.get_mut(Q_B).expect("the tensor");
            data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        },
        "q_proj.lora_B.weight` holds numbers that are not finite",
    );
    check(|config, _| config["lora_alpha"] = json!(1e45), "too large");
}

#[test]
fn adapter_of_another_model_is_told_what_does_not_fit() {
    let reshape = |tensors: &mut Tensors, name: &str, shape: Vec<usize>| {
        let (dtype, own, data) = tensors.get_mut(name).expect("the tensor");
        data.resize(shape.iter().product::<usize>() * 4, 0);
        (*dtype, *own) = (Dtype::F32, shape);
    };
    check(
        |_, tensors| reshape(tensors, Q_A, vec![4, 96]),
        "`model.layers.0.self_attn.q_proj` has 96 inputs, and the graph's projection 64",
    );
    check(
        |_, tensors| reshape(tensors, Q_B, vec![32, 4]),
        "has 32 outputs, and the graph's projection 64",
    );
    check(
        |_, tensors| reshape(tensors, Q_A, vec![5, 64]),
        "has rank 5 in lora_A, 4 in lora_B and 4 in adapter_config.json",
    );
    check(|_, tensors| reshape(tensors, Q_A, vec![0, 64]), "is empty");
    check(
        |_, tensors| {
            for (from, half) in [(Q_A, "A"), (Q_B, "B")] {
                let to =
                    format!("base_model.model.model.layers.9.self_attn.q_proj.lora_{half}.weight");
                rename(tensors, from, &to);
            }
        },
        "`model.layers.9.self_attn.q_proj` is not among the projections",
    );
    check(
        |_, tensors| {
            tensors.remove(Q_B);
        },
        "has only one of lora_A and lora_B",
    );
    check(
        |_, tensors| rename(tensors, Q_A, "base_model.model.lm_head.weight"),
        "`base_model.model.lm_head.weight` is no weight of a LoRA",
    );
}

#[test]
fn adapter_that_is_more_than_a_lora_is_refused() {
    check(
        |config, _| config["use_dora"] = json!(true),
        "`use_dora` is set",
    );
    check(|config, _| config["bias"] = json!("all"), "`bias` is set");
    check(
        |config, _| config["modules_to_save"] = json!(["lm_head"]),
        "`modules_to_save` is set",
    );
}

#[test]
fn adapter_folder_that_is_not_whole_names_the_file() {
    let model = with_adapters(1);
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        let folder = copy_of("adapters/north");
        let path = folder.path().join(file);
        let whole = fs::read(&path).expect("the file");
        fs::write(&path, &whole[..whole.len() / 2]).expect("cut off");
        assert!(adapter_refusal(&model, folder.path()).contains(file));
        fs::remove_file(&path).expect("removed");
        assert!(adapter_refusal(&model, folder.path()).contains(file));
    }
}

/// Weights in half precision, another rank for one module, and another alpha
/// for one: the same adapter is written in other words.
#[tokio::test]
async fn patterns_and_rank_stabilised_scale_mean_what_peft_means() {
    let [_, (_, goldens), _] = writers();
    let model = with_adapters(2);
    let folder = copy_of("adapters/north");
    // North has rank 4 and alpha 8, a factor of 2: alpha 4 over the root of 4 is the same.
    rewrite(folder.path(), |config, _| {
        config["use_rslora"] = json!(true);
        config["lora_alpha"] = json!(400);
        config["alpha_pattern"] = json!({"self_attn.[qkvo]_proj": 4, "(gate|up|down)_proj": 4});
        config["rank_pattern"] = json!({"q_proj": 4});
        config["r"] = json!(4);
    });
    model
        .load_adapter("other words", folder.path())
        .expect("it is loaded");
    for golden in goldens.all.iter().take(10) {
        let written = write(&model, by(Some("other words"), &golden.prompt)).await;
        goldens.check(golden, &written);
    }
}
