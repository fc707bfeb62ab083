"""Tiny tokenizers of the families that decoders come with.

- `byte_level`: as of GPT-2, Qwen and Llama 3: every byte is a character of its own alphabet.
- `sentencepiece`: as of Llama 2 and Mistral: spaces become `▁`, unknown characters fall
  back to byte tokens `<0x00>` to `<0xFF>`. Real `tokenizer.json` files come in two layouts,
  the old one with normalizers and the newer one with the Metaspace pre-tokenizer.

Both are written as `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json`.
"""

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from sentences import statements

VOCABULARY = 512
CORPUS = statements(400)

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] | trim + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

PHI = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)

# In the manner of Mistral: no turn of its own for the system, turns must alternate.
INSTRUCT = (
    "{%- if messages[0]['role'] == 'system' %}"
    "{%- set system_message = messages[0]['content'] %}{%- set loop_messages = messages[1:] %}"
    "{%- else %}{%- set loop_messages = messages %}{%- endif %}"
    "{{- bos_token }}"
    "{%- for message in loop_messages %}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}"
    "{%- endif %}"
    "{%- if message['role'] == 'user' %}"
    "{%- if loop.first and system_message is defined %}"
    "{{- '[INST] ' + system_message + '\n\n' + message['content'] + ' [/INST]' }}"
    "{%- else %}{{- '[INST] ' + message['content'] + ' [/INST]' }}{%- endif %}"
    "{%- else %}{{- ' ' + message['content'] | trim + eos_token }}{%- endif %}"
    "{%- endfor %}"
)

# In the manner of Zephyr: a header a turn, closed by the end-of-sequence token.
HEADERS = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' ~ message.role ~ '|>\n' ~ message.content.strip() ~ '</s>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def byte_level(
    folder: Path,
    specials: list[str],
    end: str,
    template: str,
    vocabulary: int = VOCABULARY,
    corpus: list[str] = CORPUS,
) -> None:
    """`specials` get the last ids, as in Qwen's and Llama 3's files."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    size = vocabulary - len(specials)
    tokenizer.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    if tokenizer.get_vocab_size() != size:
        raise ValueError(f"the corpus gives {tokenizer.get_vocab_size()} tokens, not {size}: more text is needed")
    tokenizer.add_special_tokens(specials)
    _save(tokenizer, folder, template, eos_token=end, pad_token=specials[0])


def sentencepiece(folder: Path, extra: list[str], template: str, metaspace: bool) -> None:
    """Ids as in Llama 2: `<unk>`, `<s>`, `</s>`, 256 bytes, pieces; `extra` at the end."""
    trained = _trained_pieces(VOCABULARY - 3 - 256 - len(extra))
    pieces = json.loads(trained.to_str())["model"]
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    names += sorted(pieces["vocab"], key=pieces["vocab"].get)
    tokenizer = Tokenizer(
        models.BPE(
            vocab={name: at for at, name in enumerate(names)},
            merges=[tuple(pair) for pair in pieces["merges"]],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    if metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>", *extra])
    if tokenizer.get_vocab_size() != VOCABULARY:
        raise ValueError(f"the corpus gives {tokenizer.get_vocab_size()} tokens, not {VOCABULARY}")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    _save(tokenizer, folder, template, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>")


def _trained_pieces(size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=size, show_progress=False))
    return tokenizer


def _save(tokenizer: Tokenizer, folder: Path, template: str, **tokens: str) -> None:
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **tokens)
    fast.chat_template = template
    fast.save_pretrained(folder)
