"""Small models as others leave them: several kinds of network, and the tokenizers that they usually come with."""

import json

import tokenizers
import torch
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

CONTEXT = 64
SPECIAL = {"llama": ["<unk>", "<s>", "</s>"], "opt": ["<s>", "<pad>", "</s>", "<unk>"]}


def foreign(folder, kind, texts, *, seed=0, rows=None, **changes):
    """A small model of `kind` with random weights in `folder`, with a tokenizer of its kind trained on `texts`.

    `llama`: begins texts with `<s>` and writes spaces as `▁`, without a padding token; `gpt_neox`: `<|endoftext|>`
    first, runs of spaces as added tokens, an embedding of more rows than the tokenizer has ids; `opt`: `vocab.json` and
    `merges.txt`, with `</s>` before and after a text; `bloom`: `<s>`, `</s>` and `<pad>`, no positions.
    """
    from transformers import AutoModelForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    size = TOKENIZERS[kind](folder, texts)
    config = configuration(kind, rows or {"gpt_neox": 448}.get(kind, size))
    for name, value in changes.items():
        setattr(config, name, value)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():  # fresh ones are so small that every token is as likely
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
    model.save_pretrained(folder)
    return model


def configuration(kind, rows):
    """A small configuration of a kind."""
    from transformers import BloomConfig, GPTNeoXConfig, LlamaConfig, OPTConfig

    wide = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2, "vocab_size": rows}
    long = {"max_position_embeddings": CONTEXT}
    if kind == "llama":
        return LlamaConfig(**wide, **long, intermediate_size=64, bos_token_id=1, eos_token_id=2)
    if kind == "gpt_neox":
        return GPTNeoXConfig(**wide, **long, intermediate_size=64, bos_token_id=0, eos_token_id=0)
    if kind == "opt":
        ends = {"bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 1}
        return OPTConfig(**wide, **long, ffn_dim=64, word_embed_proj_dim=32, **ends)
    return BloomConfig(vocab_size=rows, hidden_size=32, n_head=2, n_layer=2, bos_token_id=1, eos_token_id=2)


def trained(special, texts, *, spaces=False):
    """A byte-level BPE with special tokens first."""
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(texts, trainer)
    if spaces:
        backend.add_tokens([" " * count for count in (3, 2)])
    return backend


def written(folder, backend, **settings):
    backend.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return backend.get_vocab_size(with_added_tokens=True)


def llama(folder, texts):
    backend = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIAL["llama"], show_progress=False)
    # Words, as sentencepiece cuts them; without it a token could hold the space between two.
    backend.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    backend.train_from_iterator(texts, trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return written(folder, backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>", add_bos_token=True)


def gpt_neox(folder, texts):
    return written(folder, trained(["<|endoftext|>", "<|padding|>"], texts, spaces=True), eos_token="<|endoftext|>")


def opt(folder, texts):
    backend = trained(SPECIAL["opt"], texts)
    backend.model.save(str(folder))
    end = {"__type": "AddedToken", "content": "</s>", "lstrip": False, "normalized": True, "rstrip": False}
    settings = {"bos_token": "</s>", "eos_token": end, "pad_token": "<pad>", "add_bos_token": True}
    settings |= {"tokenizer_class": "GPT2Tokenizer", "unk_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return backend.get_vocab_size()


def bloom(folder, texts):
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    return written(folder, trained(["<unk>", "<s>", "</s>", "<pad>"], texts), **special)


TOKENIZERS = {"llama": llama, "gpt_neox": gpt_neox, "opt": opt, "bloom": bloom}
