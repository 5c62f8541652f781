"""Small models in the layout of the thirty published ones, as transformers 4.3x wrote them."""

import json

import torch
from safetensors.torch import save_file

from impossible_lms.models.architectures import SIZES, get_architecture, make_config, make_model

# As theirs, it imports what transformers 5 has no more; and it would be seen to run.
CODE = "from pathlib import Path\nPath('PWNED').touch()\nfrom transformers.utils.model_parallel_utils import gone\n"
NO_POS, GPT2 = "gpt2-no-pos", "gpt2"


def legacy(folder, tokenizer, name=NO_POS, markers=("🅁",), seed=0, safe=False, **config):
    """A small model in `folder` as transformers 4.3x left the published ones; the model that was saved."""
    folder.mkdir(parents=True)
    ids = tokenizer.vocabulary_size + len(markers)
    settings = make_config(SIZES["tiny"], vocabulary_size=ids, context=64, end_of_text=0, dropout=0.1)
    model = make_model(get_architecture(name), settings, seed).eval()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    if name == NO_POS:
        del state["transformer.wpe.weight"]
    for layer in range(settings.n_layer):
        state[f"transformer.h.{layer}.attn.bias"] = torch.ones(1, 1, 64, 64, dtype=torch.uint8).tril()
        state[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    if safe:
        del state["lm_head.weight"]
        save_file(state, folder / "model.safetensors", {"format": "pt"})
    else:
        torch.save(state, folder / "pytorch_model.bin")
    kept = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "scale_attn_by_inverse_layer_idx")
    written = {key: getattr(settings, key) for key in (*kept, "reorder_and_upcast_attn", "bos_token_id")}
    written |= {"model_type": "gpt2", "n_ctx": 64, "torch_dtype": "float32", "transformers_version": "4.31.0"}
    written |= {"task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}}
    if name == NO_POS:
        module = "gpt2_no_positional_encoding_model"
        (folder / f"{module}.py").write_text(CODE)
        written["architectures"] = ["GPT2NoPositionalEncodingLMHeadModel"]
        written["auto_map"] = {"AutoModelForCausalLM": f"{module}.GPT2NoPositionalEncodingLMHeadModel"}
    else:
        written["architectures"] = ["GPT2LMHeadModel"]
    (folder / "config.json").write_text(json.dumps(written | config))
    tokenizer.backend.plain.model.save(str(folder))
    end = "<|endoftext|>"
    (folder / "special_tokens_map.json").write_text(json.dumps(dict.fromkeys(("bos_token", "eos_token"), end)))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer", "unk_token": end}))
    if markers:
        added = {marker: tokenizer.vocabulary_size + index for index, marker in enumerate(markers)}
        (folder / "added_tokens.json").write_text(json.dumps(added, ensure_ascii=True))
    return model
