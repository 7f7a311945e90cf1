"""Makes the tiny BERT folders of this directory and what the reference libraries say about them.

    python make_models.py            rewrites every folder beside this script (a minute)
    python make_models.py --check    makes them in a temporary folder and compares with what is here

Every folder is a complete published-looking model in one flavour that hone must read; inputs.json holds the texts for
all of them, NAME/expected.json token ids and embeddings from sentence-transformers, computed in f32 on one thread. ../README.md
describes the fields. Versions: requirements.txt; another version may change the last digits of embeddings.
The weights are random (fixed seeds) and large enough that no layer is an identity by accident.
"""
import argparse
import filecmp
import json
import os
import shutil
import tempfile

import numpy as np
import safetensors
import safetensors.torch
import sentence_transformers
import tokenizers
import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

HERE = os.path.dirname(os.path.abspath(__file__))

# ---------------------------------------------------------------- vocabulary

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("the of a to and in is or that for with by as on an used are from who one large small animal plant person "
         "water red green time work part body city house music light cold hot he she it was not").split()
PIECES = ["##ing", "##ed", "##er", "##ly", "##tion", "##able", "##less", "##ness"]
PUNCT = list(".,!?'-():;\"/#@%&$")
EXTRA = ["мир", "при", "##вет", "п", "и", "中", "文", "日", "α", "##β", "ß", "ø", "##ö", "½", "😀", "##👍", "ก", "##ำ"]


def unique(items):
    return list(dict.fromkeys(items))


def uncased_vocab():
    return unique(["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list(LETTERS) + ["##" + c for c in LETTERS]
                  + list("0123456789") + ["##" + c for c in "0123456789"] + PUNCT + WORDS + PIECES + EXTRA)


def cased_vocab():
    """Special tokens sit at the end and the padding id is not 0: readers must take ids from the file."""
    return unique(WORDS + ["The", "City", "He", "He's", "É", "é", "##é", "Ö"] + list(LETTERS) + ["##" + c for c in LETTERS]
                  + list(LETTERS.upper()) + ["##" + c for c in LETTERS.upper()] + list("0123456789")
                  + ["##" + c for c in "0123456789"] + PUNCT + PIECES + EXTRA
                  + ["[UNK]", "[CLS]", "[SEP]", "[MASK]", "[PAD]"])


def fast_tokenizer(vocab, lowercase=True, strip_accents=None, chinese=True, added=()):
    ids = {w: i for i, w in enumerate(vocab)}
    tok = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tok.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=chinese,
                                                strip_accents=strip_accents, lowercase=lowercase)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])])
    tok.decoder = decoders.WordPiece(prefix="##")
    tok.add_special_tokens([AddedToken(t, special=True, normalized=False)
                            for t in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")])
    for token in added:
        tok.add_tokens([token])
    return tok


# ---------------------------------------------------------------- weights

def config(vocab_size, **kw):
    base = dict(vocab_size=vocab_size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
                max_position_embeddings=40, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=0)
    base.update(kw)
    return BertConfig(**base)


def randomise(model, seed, std=0.3):
    """Normal weights of `std` for matrices (words 0.6, positions 0.2, so that texts differ), layer norms near 1, biases
    of 0.1; in the order of named_parameters."""
    gen = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=gen, dtype=torch.float32)
            if "LayerNorm.weight" in name:
                p.copy_(1.0 + 0.2 * noise)
            elif p.dim() == 1:
                p.copy_(0.1 * noise)
            elif "word_embeddings" in name:
                p.copy_(0.6 * noise)
            elif "position_embeddings" in name:
                p.copy_(0.2 * noise)
            else:
                p.copy_(std * noise)
    return model.eval()


def write_json(path, value, indent=2):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=indent)
        f.write("\n")


def write_config(folder, cfg, arch="BertModel", old=False, **extra):
    """config.json as published folders have it; `old` writes the keys of transformers 4.x."""
    d = {"architectures": [arch], "model_type": "bert"}
    for key in ("vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size hidden_act "
                "hidden_dropout_prob attention_probs_dropout_prob max_position_embeddings type_vocab_size "
                "initializer_range layer_norm_eps pad_token_id").split():
        d[key] = getattr(cfg, key)
    if old:
        d.update({"_name_or_path": "tiny", "gradient_checkpointing": False, "position_embedding_type": "absolute",
                  "torch_dtype": "float32", "transformers_version": "4.8.2", "use_cache": True})
    d.update(extra)
    write_json(folder + "/config.json", d)


def state(model, dtype=None):
    out = {}
    for k, v in model.state_dict().items():
        out[k] = (v.to(dtype) if dtype and v.is_floating_point() else v).contiguous().clone()
    return out


LEGACY_FLAGS = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "max": "pooling_mode_max_tokens",
                "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
                "weightedmean": "pooling_mode_weightedmean_tokens", "lasttoken": "pooling_mode_lasttoken"}
LEGACY_TYPES = {"transformer": "sentence_transformers.models.Transformer", "pooling": "sentence_transformers.models.Pooling",
                "normalize": "sentence_transformers.models.Normalize", "dense": "sentence_transformers.models.Dense"}
NEW_TYPES = {"transformer": "sentence_transformers.base.modules.transformer.Transformer",
             "pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
             "normalize": "sentence_transformers.base.modules.normalize.Normalize",
             "dense": "sentence_transformers.base.modules.dense.Dense"}


def write_modules(folder, chain, new=False):
    """chain: (kind, config or None) after the transformer; a dense entry is (config, linear.weight, linear.bias)."""
    types = NEW_TYPES if new else LEGACY_TYPES
    modules = [{"idx": 0, "name": "0", "path": "", "type": types["transformer"]}]
    for i, (kind, value) in enumerate(chain, 1):
        path = "%d_%s" % (i, kind.capitalize())
        modules.append({"idx": i, "name": str(i), "path": path, "type": types[kind]})
        if kind == "pooling":
            write_json("%s/%s/config.json" % (folder, path), value)
        elif kind == "dense":
            write_json("%s/%s/config.json" % (folder, path), value[0])
            tensors = {"linear.weight": value[1]}
            if value[2] is not None:
                tensors["linear.bias"] = value[2]
            save_file(tensors, "%s/%s/model.safetensors" % (folder, path), metadata={"format": "pt"})
        elif new:
            write_json("%s/%s/config.json" % (folder, path), {})
    write_json(folder + "/modules.json", modules)


def legacy_pooling(dim, modes, include_prompt=None, all_flags=True):
    d = {"word_embedding_dimension": dim}
    for mode, flag in LEGACY_FLAGS.items():
        if all_flags or mode in ("cls", "mean", "max", "mean_sqrt_len_tokens"):
            d[flag] = mode in modes
    if include_prompt is not None:
        d["include_prompt"] = include_prompt
    return d


def new_pooling(dim, modes, include_prompt=True):
    return {"embedding_dimension": dim, "pooling_mode": modes, "include_prompt": include_prompt}


def write_tokenizer(folder, vocab, lowercase=True, fast=True, txt=False, cfg=True, model_max_length=512,
                    tokenizer_class="BertTokenizer", special_map=False, **kw):
    os.makedirs(folder, exist_ok=True)
    if fast:
        tok = fast_tokenizer(vocab, lowercase, **kw)
        text = tok.to_str(pretty=False)
        with open(folder + "/tokenizer.json", "w", encoding="utf-8") as f:
            f.write(text)
    if txt:
        with open(folder + "/vocab.txt", "w", encoding="utf-8") as f:
            f.write("\n".join(vocab) + "\n")
    if cfg:
        write_json(folder + "/tokenizer_config.json",
                   {"do_lower_case": lowercase, "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]",
                    "cls_token": "[CLS]", "mask_token": "[MASK]", "tokenize_chinese_chars": kw.get("chinese", True),
                    "strip_accents": kw.get("strip_accents"), "model_max_length": model_max_length,
                    "tokenizer_class": tokenizer_class})
    if special_map:
        write_json(folder + "/special_tokens_map.json",
                   {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
                    "mask_token": "[MASK]"})


def write_st(folder, version="2.2.2", prompts=None, default=None, similarity=None, max_seq=None):
    d = {"__version__": {"sentence_transformers": version, "transformers": "4.6.1", "pytorch": "1.8.1"}}
    if prompts is not None:
        d["prompts"] = prompts
        d["default_prompt_name"] = default
    if similarity is not None:
        d["similarity_fn_name"] = similarity
    write_json(folder + "/config_sentence_transformers.json", d)
    if max_seq is not None:
        write_json(folder + "/sentence_bert_config.json", {"max_seq_length": max_seq, "do_lower_case": False})


# ---------------------------------------------------------------- the folders

def small(seed, vocab, **kw):
    cfg = config(len(vocab), **kw)
    return cfg, randomise(BertModel(cfg), seed)


def plain(folder, cfg, model, dtype=None):
    write_config(folder, cfg, old=True)
    save_file(state(model, dtype), folder + "/model.safetensors", metadata={"format": "pt"})


def make_mean(folder):
    vocab = uncased_vocab()
    cfg, model = small(101, vocab)
    write_tokenizer(folder, vocab, txt=True, special_map=True)
    plain(folder, cfg, model)
    write_modules(folder, [("pooling", legacy_pooling(16, ["mean"], all_flags=False)), ("normalize", None)])
    write_st(folder, "2.0.0", max_seq=32)


def make_masked_lm(folder):
    vocab = uncased_vocab()
    cfg = config(len(vocab), hidden_size=20, num_attention_heads=2, intermediate_size=18, num_hidden_layers=1)
    model = randomise(BertForMaskedLM(cfg), 102)
    write_tokenizer(folder, vocab)
    write_config(folder, cfg, "BertForMaskedLM", old=True)
    tensors = state(model)
    del tensors["cls.predictions.decoder.weight"]           # tied to the word embeddings
    save_file(tensors, folder + "/model.safetensors", metadata={"format": "pt"})
    write_modules(folder, [("pooling", legacy_pooling(20, ["mean"])), ("normalize", None)])
    write_st(folder, max_seq=24)


def make_classifier(folder):
    vocab = uncased_vocab() + ["[ENT]", "<low>"]
    added = (AddedToken("[ENT]", special=True, normalized=False, lstrip=True, rstrip=True),
             AddedToken("<low>", special=False, normalized=True, single_word=True))
    cfg = config(len(vocab), hidden_size=24, num_attention_heads=4, intermediate_size=40, num_hidden_layers=1)
    cfg.num_labels = 3
    model = randomise(BertForSequenceClassification(cfg), 103)
    write_tokenizer(folder, uncased_vocab(), added=added, tokenizer_class="PreTrainedTokenizerFast", model_max_length=40)
    write_config(folder, cfg, "BertForSequenceClassification", id2label={"0": "a", "1": "b", "2": "c"},
                 label2id={"a": 0, "b": 1, "c": 2}, problem_type="single_label_classification")
    save_file(state(model), folder + "/model.safetensors", metadata={"format": "pt"})
    write_modules(folder, [("pooling", legacy_pooling(24, ["mean"]))])


def make_gamma(folder):
    vocab = uncased_vocab()
    cfg, model = small(104, vocab)
    write_tokenizer(folder, vocab, txt=True, fast=False)
    write_config(folder, cfg, old=True)
    tensors = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
               for k, v in state(model).items()}
    tensors = {"bert." + k: v for k, v in tensors.items()}
    tensors["bert.embeddings.position_ids"] = torch.arange(40, dtype=torch.int64)[None]
    tensors["cls.seq_relationship.weight"] = torch.zeros(2, 16)
    tensors["cls.seq_relationship.bias"] = torch.zeros(2)
    save_file(tensors, folder + "/model.safetensors", metadata={"format": "pt"})
    write_modules(folder, [("pooling", legacy_pooling(16, ["mean"])), ("normalize", None)])
    write_st(folder, max_seq=32)


def make_f16(folder):
    vocab = uncased_vocab()
    cfg, model = small(105, vocab, num_hidden_layers=1)
    write_tokenizer(folder, vocab)
    write_config(folder, cfg, torch_dtype="float16")
    save_file(state(model, torch.float16), folder + "/model.safetensors", metadata={"format": "pt"})
    write_modules(folder, [("pooling", legacy_pooling(16, ["mean"])), ("normalize", None)])


def make_bf16(folder):
    vocab = uncased_vocab()
    cfg, model = small(106, vocab, num_hidden_layers=1)
    write_tokenizer(folder, vocab)
    write_config(folder, cfg, dtype="bfloat16")
    save_file(state(model, torch.bfloat16), folder + "/model.safetensors", metadata={"format": "pt"})
    write_modules(folder, [("pooling", legacy_pooling(16, ["mean"])), ("normalize", None)])


def make_gelu_new(folder):
    vocab = uncased_vocab()
    cfg, model = small(107, vocab, hidden_act="gelu_new", layer_norm_eps=1e-5, type_vocab_size=1, hidden_size=18,
                       num_attention_heads=3, intermediate_size=20)
    write_tokenizer(folder, vocab)
    plain(folder, cfg, model)
    write_modules(folder, [("pooling", legacy_pooling(18, ["mean"]))])
    write_st(folder, max_seq=32)


def make_relu(folder):
    vocab = uncased_vocab()
    cfg, model = small(108, vocab, hidden_act="relu", layer_norm_eps=1e-2, type_vocab_size=3, num_hidden_layers=1)
    write_tokenizer(folder, vocab)
    plain(folder, cfg, model)
    write_modules(folder, [("pooling", legacy_pooling(16, ["mean"])), ("normalize", None)])


def make_silu(folder):
    """No pooler in the file, no metadata in the header, and the plain folder has no sentence-transformers files."""
    vocab = uncased_vocab()
    cfg, model = small(109, vocab, hidden_act="silu", hidden_size=12, num_attention_heads=3, intermediate_size=20,
                       num_hidden_layers=3)
    write_tokenizer(folder, vocab)
    write_config(folder, cfg)
    tensors = {k: v for k, v in state(model).items() if not k.startswith("pooler")}
    save_file(tensors, folder + "/model.safetensors", metadata={"format": "pt"})


def make_sharded(folder):
    vocab = uncased_vocab()
    cfg, model = small(110, vocab)
    write_tokenizer(folder, vocab)
    write_config(folder, cfg)
    tensors = state(model)
    names = sorted(tensors)
    parts = [names[0::3], names[1::3], names[2::3]]         # neighbours land in different files
    index = {}
    for i, part in enumerate(parts, 1):
        file = "model-%05d-of-%05d.safetensors" % (i, len(parts))
        save_file({n: tensors[n] for n in part}, folder + "/" + file, metadata={"format": "pt"})
        index.update({n: file for n in part})
    total = sum(v.numel() * v.element_size() for v in tensors.values())
    write_json(folder + "/model.safetensors.index.json",
               {"metadata": {"total_parameters": total // 4, "total_size": total}, "weight_map": dict(sorted(index.items()))})
    write_modules(folder, [("pooling", legacy_pooling(16, ["cls"])), ("normalize", None)])


def dense_config(n_in, n_out, bias, act):
    return {"in_features": n_in, "out_features": n_out, "bias": bias, "activation_function": act}


def make_dense(folder):
    vocab = uncased_vocab()
    cfg, model = small(111, vocab)
    gen = torch.Generator().manual_seed(1110)
    write_tokenizer(folder, vocab)
    plain(folder, cfg, model)
    w, b = 0.4 * torch.randn(10, 16, generator=gen), 0.1 * torch.randn(10, generator=gen)
    write_modules(folder, [("pooling", legacy_pooling(16, ["mean"], include_prompt=False)),
                           ("dense", (dense_config(16, 10, True, "torch.nn.modules.activation.Tanh"), w, b))])
    write_st(folder, "3.0.0", prompts={"query": "red water: ", "document": "the ", "empty": ""}, default="query",
             similarity="dot", max_seq=32)


def make_dense_two(folder):
    """Two dense modules, one without bias and with no activation, one with ReLU, then normalise; new-style names."""
    vocab = uncased_vocab()
    cfg, model = small(112, vocab, hidden_size=12, num_attention_heads=2, intermediate_size=24, num_hidden_layers=1)
    gen = torch.Generator().manual_seed(1120)
    write_tokenizer(folder, vocab, tokenizer_class="TokenizersBackend", model_max_length=30)
    plain(folder, cfg, model)
    w1 = 0.4 * torch.randn(14, 24, generator=gen)
    w2, b2 = 0.4 * torch.randn(9, 14, generator=gen), 0.3 * torch.randn(9, generator=gen)
    write_modules(folder, [("pooling", new_pooling(12, ["mean", "cls"])),
                           ("dense", (dense_config(24, 14, False, "torch.nn.modules.linear.Identity"), w1, None)),
                           ("dense", (dense_config(14, 9, True, "torch.nn.modules.activation.ReLU"), w2, b2)),
                           ("normalize", None)], new=True)
    write_st(folder, "6.2.0", prompts={"query": "", "document": ""}, similarity="cosine")
    write_json(folder + "/sentence_bert_config.json",
               {"transformer_task": "feature-extraction",
                "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
                "module_output_name": "token_embeddings"})


def pooling_folder(seed, modes, new=None, normalise=False, prompts=None, default=None, include=None):
    def make(folder):
        vocab = uncased_vocab()
        cfg, model = small(seed, vocab, hidden_size=12, num_attention_heads=3, intermediate_size=20, num_hidden_layers=1)
        write_tokenizer(folder, vocab)
        plain(folder, cfg, model)
        pooling = new_pooling(12, new, include is not False) if new else legacy_pooling(12, modes, include_prompt=include)
        write_modules(folder, [("pooling", pooling)] + ([("normalize", None)] if normalise else []), new=bool(new))
        write_st(folder, "6.2.0" if new else "2.2.2", prompts=prompts, default=default, max_seq=24)
    return make


def make_cased(folder):
    vocab = cased_vocab()
    cfg, model = small(121, vocab, pad_token_id=vocab.index("[PAD]"), num_hidden_layers=1)
    write_tokenizer(folder, vocab, lowercase=False, fast=False, txt=True)
    write_config(folder, cfg)
    save_file(state(model), folder + "/model.safetensors", metadata={"format": "pt"})
    write_modules(folder, [("pooling", legacy_pooling(16, ["mean"])), ("normalize", None)])
    write_st(folder, max_seq=32)


def make_vocab_only(folder):
    """Nothing about the tokenizer but vocab.txt: the class defaults hold (lower case, accents stripped)."""
    vocab = uncased_vocab()
    cfg, model = small(122, vocab, hidden_size=12, num_attention_heads=2, intermediate_size=20, num_hidden_layers=1)
    write_tokenizer(folder, vocab, fast=False, txt=True, cfg=False)
    write_config(folder, cfg)
    save_file(state(model), folder + "/model.safetensors", metadata={"format": "pt"})
    write_modules(folder, [("pooling", legacy_pooling(12, ["mean"])), ("normalize", None)])


def make_accents(folder):
    """Lower case but accents kept, Chinese characters not split; unusual shapes: head size 5, odd widths."""
    vocab = uncased_vocab() + ["é", "##é", "中文"]
    cfg, model = small(123, vocab, hidden_size=15, num_attention_heads=3, intermediate_size=17)
    write_tokenizer(folder, vocab, strip_accents=False, chinese=False)
    plain(folder, cfg, model)
    write_modules(folder, [("pooling", legacy_pooling(15, ["mean"])), ("normalize", None)])
    write_st(folder, max_seq=40)


def make_saved_by_st(folder):
    """Whatever sentence-transformers writes today for a tiny model built in memory."""
    from sentence_transformers.base.modules.transformer import Transformer
    from sentence_transformers.sentence_transformer.modules.pooling import Pooling
    from sentence_transformers.base.modules.normalize import Normalize
    with tempfile.TemporaryDirectory() as tmp:
        vocab = uncased_vocab()
        cfg, model = small(124, vocab, num_hidden_layers=1)
        write_tokenizer(tmp, vocab, model_max_length=28)
        write_config(tmp, cfg)
        save_file(state(model), tmp + "/model.safetensors", metadata={"format": "pt"})
        st = SentenceTransformer(modules=[Transformer(tmp), Pooling(16, "mean"), Normalize()], device="cpu")
        st.prompts = {"query": "hot: ", "document": ""}
        st.save_pretrained(folder, create_model_card=False)
    write_config(folder, cfg, dtype="float32", transformers_version=transformers.__version__)
    text = open(folder + "/config.json").read()
    assert "/tmp" not in text
    path = folder + "/tokenizer_config.json"                # drop the folder it was loaded from
    d = json.load(open(path))
    d.pop("name_or_path", None)
    write_json(path, d)


FOLDERS = {
    "mean": make_mean, "masked_lm": make_masked_lm, "classifier": make_classifier, "gamma": make_gamma, "f16": make_f16,
    "bf16": make_bf16, "gelu_new": make_gelu_new, "relu": make_relu, "silu": make_silu, "sharded": make_sharded,
    "dense": make_dense, "dense_two": make_dense_two,
    "pool_cls": pooling_folder(113, ["cls"], prompts={"query": "city of ", "passage": ""}, default=None, normalise=True),
    "pool_max": pooling_folder(114, ["max"], prompts={"p": "a cold city: "}, default="p", include=False),
    "pool_mean_sqrt": pooling_folder(115, ["mean_sqrt_len_tokens"]),
    "pool_weighted": pooling_folder(116, ["weightedmean"], prompts={"p": "a cold city: "}, default="p", include=False),
    "pool_last": pooling_folder(117, ["lasttoken"]),
    "pool_all": pooling_folder(118, list(LEGACY_FLAGS)),
    "pool_new_order": pooling_folder(119, None, new=["lasttoken", "mean", "cls"], prompts={"p": "he was "}, default="p",
                                     include=False),
    "cased": make_cased, "vocab_only": make_vocab_only, "accents": make_accents, "saved_by_st": make_saved_by_st,
}

# ---------------------------------------------------------------- inputs and expectations

TEXTS = [
    "",
    "the city of light",
    "A small red animal, used by one person?",
    "Water.",
    "   leading\tand  trailing \n white space  ",
    "Éclair naïve façade Ωmega αβ Straße",
    "привет мир",
    "中文字 and 日本 mixed",
    "😀 the 👍 plant 🚀 ½ ก็ำ",
    "not-a-word: unplayable, coldness; 1234567890 (50% & $3.99)",
    "the [MASK] of [SEP] a [CLS] city [PAD] house [UNK]",
    "zero\u200bwidth soft\u00adhyphen nul\u0000byte nbsp\u00a0space tab\tcr\rnew\nline \ufffd",
    "combining e\u0301 o\u0308 n\u0303 and full width \uff21\uff22\uff13 \uff0e",
    "x" * 100 + " " + "y" * 101,
    "the animal of the city and the plant of the house with cold water in red light for a large person " * 3,
    "It was the music, the light and the time; he and she are not in the city. " * 2 + "quixotic zephyr",
    "[ENT] red[ENT]green <low> a<low> [ent] <LOW>",
]
PAIRS = [["the city", "A cold house."], ["", "water"], ["music", ""], ["a " * 30, "the " * 12], ["the " * 12, "a " * 30],
         ["the " * 30, "a " * 30], ["hot [SEP] cold", "not 😀"]]


def f32(x):
    """Numbers that read back to the same f32."""
    return [float("%.9g" % v) for v in np.asarray(x, dtype=np.float32).ravel().tolist()]


def versions():
    return {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
            "sentence_transformers": sentence_transformers.__version__, "tokenizers": tokenizers.__version__,
            "safetensors": safetensors.__version__}


def load(folder, dtype=torch.float32):
    st = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32})
    return st.double() if dtype == torch.float64 else st


def rows_of(st, st64, texts, prompt):
    emb = st.encode(texts, prompt=prompt, convert_to_numpy=True, batch_size=4, show_progress_bar=False)
    emb64 = st64.encode(texts, prompt=prompt, convert_to_numpy=True, batch_size=4, show_progress_bar=False)
    rows, length = [], 0
    for i, text in enumerate(texts):
        features = st.preprocess([text], prompt=prompt)
        length = int(features.get("prompt_length", 0))
        assert features["attention_mask"].min() == 1
        rows.append({"ids": features["input_ids"][0].tolist(), "embedding": f32(emb[i])})
    return rows, length, float(np.abs(emb - emb64).max())


def expected(folder):
    st, st64 = load(folder), load(folder, torch.float64)
    prompts = {k: v for k, v in (st.prompts or {}).items()}
    default = prompts[st.default_prompt_name] if st.default_prompt_name else ""
    rows, length, diff = rows_of(st, st64, TEXTS, default or None)
    check = st.encode(TEXTS, convert_to_numpy=True, batch_size=4, show_progress_bar=False)
    assert np.array_equal(check, np.array([r["embedding"] for r in rows], dtype=np.float32)), "default prompt"
    out = {"versions": versions(), "dim": len(rows[0]["embedding"]), "max_seq_length": st.max_seq_length,
           "prompt_name": st.default_prompt_name, "prompt": default or "", "prompt_length": length,
           "f32_f64_max_abs": float("%.3g" % diff), "rows": rows, "prompts": []}
    for name, prompt in prompts.items():
        if prompt and name != st.default_prompt_name:
            rows, length, diff = rows_of(st, st64, TEXTS[:4], prompt)
            out["prompts"].append({"name": name, "prompt": prompt, "prompt_length": length, "rows": rows})
    if default:                                             # and without any prompt: an empty one given explicitly
        rows, length, diff = rows_of(st, st64, TEXTS[:4], "")
        out["prompts"].append({"name": None, "prompt": "", "prompt_length": 0, "rows": rows})
    tok = st.tokenizer
    out["pairs"] = []
    for a, b in PAIRS:
        enc = tok(a, b, truncation="longest_first", max_length=st.max_seq_length,
                  return_token_type_ids=True)
        out["pairs"].append({"ids": enc["input_ids"], "type_ids": enc["token_type_ids"]})
    if os.path.basename(folder) == "mean":
        out["hidden_states"] = hidden_states(st, (2, 9))
    return out


def hidden_states(st, which):
    """Embedding output and the output of every layer, [L+1][T][D], and the pooler's, for single unpadded texts."""
    model, result = st[0].auto_model, []
    for i in which:
        features = st.preprocess([TEXTS[i]])
        with torch.no_grad():
            out = model(input_ids=features["input_ids"], attention_mask=features["attention_mask"], output_hidden_states=True)
        result.append({"row": i, "tokens": features["input_ids"].shape[1],
                       "layers": [[f32(t) for t in layer[0]] for layer in out.hidden_states],
                       "pooler": f32(out.pooler_output[0])})
    return result


def dump_rows(path, value):
    """JSON with one line per row, so that a change shows as a line in a diff."""
    lists = ("rows", "pairs", "hidden_states", "prompts")
    head = {k: v for k, v in value.items() if k not in lists}
    text = json.dumps(head, ensure_ascii=False)[:-1]
    for key in lists:
        if key in value:
            text += ',\n "%s": [\n  ' % key
            text += ",\n  ".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in value[key])
            text += "\n ]"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text + "}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", nargs="*")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print("versions", versions())
    root = tempfile.mkdtemp() if args.check else HERE
    differ = 0
    write_json(root + "/inputs.json", {"texts": TEXTS, "pairs": PAIRS}, indent=1)
    for name, make in FOLDERS.items():
        if args.only and name not in args.only:
            continue
        folder = os.path.join(root, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        make(folder)
        for d, _, files in os.walk(folder):                 # safetensors writes 0600
            for f in files:
                os.chmod(os.path.join(d, f), 0o644)
        result = expected(folder)
        dump_rows(folder + "/expected.json", result)
        emb = np.array([r["embedding"] for r in result["rows"]])
        size = sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(folder) for f in fs)
        print("%-15s dim %2d max %2d  f32-f64 %.1e  spread %.2f  %6d bytes" %
              (name, result["dim"], result["max_seq_length"], result["f32_f64_max_abs"], emb.std(axis=0).mean(), size))
        if args.check:
            for d, _, files in os.walk(folder):
                for f in files:
                    other = os.path.join(HERE, os.path.relpath(os.path.join(d, f), root))
                    if not os.path.exists(other) or not filecmp.cmp(os.path.join(d, f), other, shallow=False):
                        print("  differs:", os.path.relpath(other, HERE))
                        differ += 1
    if args.check:
        shutil.rmtree(root)
        print("%d files differ" % differ)
        raise SystemExit(1 if differ else 0)


if __name__ == "__main__":
    main()
