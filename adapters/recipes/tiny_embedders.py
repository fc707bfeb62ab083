"""Makes `tests/fixtures/embedders`: tiny sentence embedders with random weights, as sentence-transformers
writes their folders, each with the vectors that sentence-transformers gives.

    python tiny_embedders.py [--only NAME]...

`golden.jsonl` has a line a text: `role` (query or passage), `text`, and its `vector`. Wants transformers 5 and
sentence-transformers 5. Seeds are fixed, so a second run on the same versions writes the same.
"""

import argparse
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    MPNetConfig,
    NomicBertConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
    XLMRobertaConfig,
    AutoModel,
)

from graph import forget_its_making
from sentences import prompts, statements

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures" / "embedders"
VOCABULARY = 400
LONGEST = 48
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
QUERIES = prompts(12)
PASSAGES = ["", "a", *statements(8), " ".join(statements(12))]


@dataclass
class Embedder:
    config: object
    tokenizer: str
    pooling: str = "mean"
    prompts: dict[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ("input_ids", "attention_mask")
    outputs: tuple[str, ...] = ("last_hidden_state",)
    normalised: bool = True
    graph: str = "onnx/model.onnx"
    precision: str = "fp32"


WITH_TYPES = ("input_ids", "attention_mask", "token_type_ids")
WITH_PLACES = ("input_ids", "attention_mask", "position_ids")
BERT = BertConfig(**SHAPE, max_position_embeddings=64, pad_token_id=0)
# Two of the positions are never used: they begin behind the padding's id.
ROBERTA = {"max_position_embeddings": LONGEST + 2, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
EMBEDDERS = {
    "minilm": Embedder(BERT, "bert", inputs=WITH_TYPES),
    "minilm-fp16": Embedder(BERT, "bert", inputs=WITH_TYPES, graph="model_fp16.onnx", precision="fp16"),
    "minilm-int8": Embedder(BERT, "bert", inputs=WITH_TYPES, graph="model_int8.onnx", precision="int8"),
    "mpnet": Embedder(MPNetConfig(**SHAPE, **ROBERTA), "mpnet", graph="model.onnx"),
    "e5": Embedder(
        XLMRobertaConfig(**SHAPE, **ROBERTA, type_vocab_size=1),
        "xlm-roberta",
        prompts={"query": "query: ", "document": "passage: "},
        outputs=("token_embeddings", "sentence_embedding"),
    ),
    "nomic": Embedder(
        NomicBertConfig(**SHAPE, head_dim=8, max_position_embeddings=64, pad_token_id=0),
        "bert",
        prompts={"query": "search_query: ", "document": "search_document: "},
        inputs=(*WITH_TYPES, "position_ids"),
        normalised=False,
    ),
    "bge": Embedder(
        BERT,
        "bert",
        pooling="cls",
        prompts={"query": "Find passages about: "},
        inputs=WITH_TYPES,
        outputs=("sentence_embedding",),
    ),
    "qwen3": Embedder(
        Qwen3Config(**SHAPE, num_key_value_heads=2, head_dim=8, max_position_embeddings=64, pad_token_id=0),
        "bert",
        pooling="lasttoken",
        prompts={"query": "Instruct: find passages\nQuery:", "document": ""},
        inputs=WITH_PLACES,
    ),
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", action="append", default=[], help="such as `mpnet`")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    for name, embedder in EMBEDDERS.items():
        if options.only and name not in options.only:
            continue
        folder = FIXTURES / name
        shutil.rmtree(folder, ignore_errors=True)
        make(embedder, folder)
        print(f"{name}: {sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) / 1024:.0f} KB")


def make(embedder: Embedder, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        write_transformer(embedder, Path(work))
        transformer = Transformer(
            work, max_seq_length=LONGEST, model_kwargs={"attn_implementation": "eager", "dtype": torch.float32}
        )
        modules = [transformer, Pooling(SHAPE["hidden_size"], pooling_mode=embedder.pooling)]
        if embedder.normalised:
            modules.append(Normalize())
        model = SentenceTransformer(modules=modules, prompts=embedder.prompts, device="cpu").eval()
        model.save(str(folder), create_model_card=False)
    for weights in folder.rglob("*.safetensors"):
        weights.unlink()
    export(model, embedder, folder / embedder.graph)
    record(model, folder / "golden.jsonl")


def write_transformer(embedder: Embedder, folder: Path) -> None:
    torch.manual_seed(7)
    model = AutoModel.from_config(embedder.config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.3)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(folder)
    TOKENIZERS[embedder.tokenizer](folder)


class Graph(torch.nn.Module):
    """What is exported: inputs and outputs by the names of the folder."""

    def __init__(self, model: SentenceTransformer, embedder: Embedder):
        super().__init__()
        modules = list(model)
        self.transformer, self.rest, self.embedder = modules[0].auto_model, modules[1:], embedder

    def forward(self, *values: torch.Tensor):
        given = dict(zip(self.embedder.inputs, values))
        if isinstance(self.embedder.config, Qwen3Config):
            given["use_cache"] = False
        states = self.transformer(**given).last_hidden_state
        found = {"last_hidden_state": states, "token_embeddings": states}
        if "sentence_embedding" in self.embedder.outputs:
            features = {"token_embeddings": states, "attention_mask": given["attention_mask"]}
            for module in self.rest:
                features = module(features)
            found["sentence_embedding"] = features["sentence_embedding"]
        return tuple(found[name] for name in self.embedder.outputs)


def export(model: SentenceTransformer, embedder: Embedder, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    examples = {
        "input_ids": torch.randint(5, VOCABULARY, (2, 9)),
        "attention_mask": torch.ones(2, 9, dtype=torch.int64),
        "token_type_ids": torch.zeros(2, 9, dtype=torch.int64),
        "position_ids": torch.arange(9).repeat(2, 1),
    }
    graph = Graph(model, embedder).eval()
    arguments = tuple(examples[name] for name in embedder.inputs)
    torch.onnx.export(
        graph,
        arguments,
        path,
        dynamo=True,
        input_names=list(embedder.inputs),
        output_names=list(embedder.outputs),
        dynamic_shapes=(tuple({0: batch, 1: tokens} for _ in arguments),),
        external_data=False,
        verbose=False,
    )
    forget_its_making(path)
    if embedder.precision == "int8":
        full = path.with_name("full.onnx")
        path.rename(full)
        quantize_dynamic(full, path, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
        full.unlink()
    elif embedder.precision == "fp16":
        from onnxruntime.transformers.float16 import convert_float_to_float16

        onnx.save(convert_float_to_float16(onnx.load(path)), path)


def record(model: SentenceTransformer, path: Path) -> None:
    lines = []
    for role, encode, texts in (
        ("query", model.encode_query, QUERIES),
        ("passage", model.encode_document, PASSAGES),
    ):
        # One by one, so that no padding takes part; the index wants length 1.
        for text in texts:
            vector = encode([text], normalize_embeddings=True)[0]
            lines.append({"role": role, "text": text, "vector": [round(float(x), 6) for x in vector]})
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def bert(folder: Path) -> None:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = word_pieces(specials, "[UNK]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    save(tokenizer, folder, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


def mpnet(folder: Path) -> None:
    tokenizer = word_pieces(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"], "[UNK]")
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    save(tokenizer, folder, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="[UNK]")


def xlm_roberta(folder: Path) -> None:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(
        statements(400),
        trainers.UnigramTrainer(
            vocab_size=VOCABULARY, special_tokens=specials, unk_token="<unk>", show_progress=False
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    save(tokenizer, folder, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>")


def word_pieces(specials: list[str], unknown: str) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(
        statements(400), trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=specials, show_progress=False)
    )
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path, **tokens: str) -> None:
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=LONGEST, **tokens)
    fast.save_pretrained(folder)


TOKENIZERS = {"bert": bert, "mpnet": mpnet, "xlm-roberta": xlm_roberta}


if __name__ == "__main__":
    main()
