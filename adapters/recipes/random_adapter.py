"""PEFT adapters with random weights, none of them zero: for comparing programs, not for answers."""

import json
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from lora_pack import PACKED_PROJECTIONS, PROJECTIONS


def write(hf_folder: Path, out: Path, base: str, rank: int, alpha: int, seed: int, strength: float = 0.2) -> None:
    """`base` is the name written into `adapter_config.json`; `strength` the deviation of the weights."""
    model = AutoModelForCausalLM.from_pretrained(hf_folder, dtype=torch.float32)
    projections = PACKED_PROJECTIONS if model.config.model_type == "phi3" else PROJECTIONS
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=projections, task_type="CAUSAL_LM")
    peft = get_peft_model(model, config)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in peft.named_parameters():
            if "lora_" in name:
                parameter.normal_(0.0, strength)
    peft.save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)
    # A temporary path and a set: both would change from run to run.
    path = out / "adapter_config.json"
    written = json.loads(path.read_text())
    written |= {"base_model_name_or_path": base, "target_modules": projections}
    path.write_text(json.dumps(written, indent=2) + "\n")


def merged(hf_folder: Path, adapter: Path) -> torch.nn.Module:
    """The base with the adapter's weights added into its own."""
    model = AutoModelForCausalLM.from_pretrained(hf_folder, dtype=torch.float32)
    return PeftModel.from_pretrained(model, adapter).merge_and_unload().eval()
