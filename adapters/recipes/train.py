"""Fine-tunes a LoRA adapter on a company's questions and answers.

    python train.py --base HF_FOLDER --data TRAIN.jsonl [--eval EVAL.jsonl] --out FOLDER

QLoRA (Dettmers et al., 2023) where a GPU and bitsandbytes are there: the base in 4-bit NF4,
the adapter in bfloat16. On a CPU the base stays in full precision, which is for small models.
Recipe: r = 16, alpha = 16, every projection of attention and MLP, 3 epochs, learning rate
2e-4, loss on answers only, early stopping on the loss of the evaluation set.

`OUT` becomes a PEFT folder, and `training.json` says what made it: hashes of data, base,
tokenizer and template, the recipe, and the losses before and after. Checkpoints lie in
`OUT/checkpoints`; a run that was stopped goes on with `--resume`.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import random
import time
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    EarlyStoppingCallback,
    Trainer,
    TrainingArguments,
)

import dataset
from identity import base_identity
from lora_pack import PACKED_PROJECTIONS, PROJECTIONS

RECIPE = "lora-1"


def main() -> None:
    options = arguments().parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    tokenizer = AutoTokenizer.from_pretrained(options.base)
    learn, judge = read_data(options, tokenizer)
    model = load_base(options)
    trainer = make_trainer(options, model, tokenizer, learn, judge)
    before = trainer.evaluate()["eval_loss"]
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=options.resume or None)
    after = trainer.evaluate()["eval_loss"]
    trainer.model.save_pretrained(options.out)
    (options.out / "README.md").unlink(missing_ok=True)
    # Written for its owner only, but the daemon runs as somebody else.
    (options.out / "adapter_model.safetensors").chmod(0o644)
    metrics = {
        "eval_loss_before": round(before, 4),
        "eval_loss": round(after, 4),
        "epochs": round(trainer.state.epoch, 2),
        "steps": trainer.state.global_step,
        "best_step": trainer.state.best_global_step,
        "seconds": round(time.monotonic() - started),
    }
    write_record(options, learn, judge, metrics)
    print(json.dumps(metrics))


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, required=True, help="transformers folder")
    parser.add_argument("--data", type=Path, required=True, help="instruction JSONL or ShareGPT")
    parser.add_argument("--eval", type=Path, help="the same, to judge by; without it 10 %% of the data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--alpha", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--accumulate", type=int, default=1, help="batches a step")
    parser.add_argument("--longest", type=int, default=2048, help="tokens; longer examples are left out")
    parser.add_argument("--judgements", type=int, default=4, help="evaluations an epoch")
    parser.add_argument("--patience", type=int, default=3, help="evaluations without gain before it stops")
    parser.add_argument("--full-precision", action="store_true", help="no 4-bit base, even with a GPU")
    parser.add_argument("--unsloth", action="store_true", help="train with Unsloth, where it is installed")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch likes")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def read_data(options, tokenizer) -> tuple[dataset.Encoded, dataset.Encoded]:
    conversations = dataset.read(options.data)
    if options.eval:
        held_out = dataset.read(options.eval)
    else:
        random.Random(options.seed).shuffle(conversations)
        count = max(1, len(conversations) // 10)
        held_out, conversations = conversations[:count], conversations[count:]
    learn = dataset.encode(tokenizer, conversations, options.longest)
    judge = dataset.encode(tokenizer, held_out, options.longest)
    too_long = learn.too_long + judge.too_long
    print(f"{len(learn.examples)} examples, {len(judge.examples)} to judge by, {too_long} too long")
    return learn, judge


def load_base(options) -> torch.nn.Module:
    """The base with an adapter that changes nothing yet."""
    if options.unsloth:
        return load_with_unsloth(options)
    four_bit = can_quantise() and not options.full_precision
    if four_bit:
        quantised = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        model = AutoModelForCausalLM.from_pretrained(options.base, quantization_config=quantised, device_map={"": 0})
        model = prepare_model_for_kbit_training(model)
    else:
        model = AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32)
    torch.manual_seed(options.seed)
    return get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **lora(options, model)))


def lora(options, model: torch.nn.Module) -> dict:
    projections = PACKED_PROJECTIONS if model.config.model_type == "phi3" else PROJECTIONS
    return {"r": options.rank, "lora_alpha": options.alpha, "lora_dropout": 0.0, "target_modules": projections}


def can_quantise() -> bool:
    return torch.cuda.is_available() and importlib.util.find_spec("bitsandbytes") is not None


def load_with_unsloth(options) -> torch.nn.Module:
    from unsloth import FastLanguageModel

    model, _ = FastLanguageModel.from_pretrained(
        str(options.base), max_seq_length=options.longest, load_in_4bit=not options.full_precision
    )
    return FastLanguageModel.get_peft_model(model, random_state=options.seed, **lora(options, model))


def make_trainer(options, model, tokenizer, learn: dataset.Encoded, judge: dataset.Encoded) -> Trainer:
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    steps_an_epoch = max(1, len(learn.examples) // (options.batch * options.accumulate))
    every = max(1, steps_an_epoch // options.judgements)
    training = TrainingArguments(
        output_dir=str(options.out / "checkpoints"),
        num_train_epochs=options.epochs,
        learning_rate=options.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, steps_an_epoch // 10),
        per_device_train_batch_size=options.batch,
        per_device_eval_batch_size=options.batch,
        gradient_accumulation_steps=options.accumulate,
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_steps=every,
        dataloader_pin_memory=torch.cuda.is_available(),
        report_to=[],
        disable_tqdm=True,
        seed=options.seed,
        label_names=["labels"],
    )
    return Trainer(
        model=model,
        args=training,
        train_dataset=learn.examples,
        eval_dataset=judge.examples,
        data_collator=lambda examples: dataset.collate(examples, pad),
        callbacks=[EarlyStoppingCallback(early_stopping_patience=options.patience)],
    )


def write_record(options, learn: dataset.Encoded, judge: dataset.Encoded, metrics: dict) -> None:
    data = {"file": options.data.name, "sha256": dataset.sha256(options.data), "examples": len(learn.examples)}
    judged = {"examples": len(judge.examples), "too_long": learn.too_long + judge.too_long}
    if options.eval:
        judged |= {"file": options.eval.name, "sha256": dataset.sha256(options.eval)}
    told = ["rank", "alpha", "epochs", "learning_rate", "batch", "accumulate", "longest", "patience", "seed"]
    record = {
        "recipe": RECIPE,
        "options": {name: getattr(options, name) for name in told},
        "four_bit": (options.unsloth or can_quantise()) and not options.full_precision,
        "unsloth": options.unsloth,
        "base": base_identity(options.base),
        "data": data,
        "eval": judged,
        "metrics": metrics,
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")},
    }
    (options.out / "training.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
