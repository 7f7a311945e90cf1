"""The other side of bench/compare.py: PyTorch and sentence-transformers doing what hone does, one sample per line of input.

    python peer.py step    < the "ready" line of `hone bench step --serve`, then lines "step", "profile"
    python peer.py embed MODEL TEXTS.jsonl THREADS       lines "queries", "corpus"
    python peer.py matmul mkl|onednn|openblas THREADS    < a line with a list of [M, N, K, form, seconds]
    python peer.py first MODEL TEXTS.jsonl THREADS       prints the vector of the first text, as soon as it is there
    python peer.py whole MODEL TEXTS.jsonl THREADS       embeds all texts once
    python peer.py versions THREADS
    python peer.py model FOLDER VOCABULARY               writes a MiniLM-L6 of random weights for sentence-transformers

Every process answers in lines of JSON, the first one has "ready": true. It is run with the interpreter that has the packages of
requirements.txt.
"""
import json
import os
import sys
import time

QUERIES = 25  # as hone's served bench


def say(**answer):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                answer["peak_rss_mb"] = int(line.split()[1]) / 1024
    print(json.dumps(answer), flush=True)


def words():
    for line in sys.stdin:
        if line.strip():
            yield line.strip()


def timed(work):
    start = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - start)


def torch_with(threads):
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true" if threads > 1 else "false")
    import torch
    torch.set_num_threads(threads)
    return torch


# ---- a training step ----

def make_step(torch, want):
    """The step of sentence-transformers' MultipleNegativesRankingLoss under the Hugging Face trainer, without their
    bookkeeping: each column through the encoder, mean pooling, unit length, cross-entropy of 20 times the cosines."""
    from torch.nn.functional import cross_entropy, normalize
    from transformers import BertConfig, BertModel
    lengths, dropout = want["lengths"], want["dropout"]
    config = BertConfig(vocab_size=want["vocab"], hidden_size=want["hidden"], num_hidden_layers=want["layers"],
                        num_attention_heads=want["heads"], intermediate_size=want["intermediate"],
                        max_position_embeddings=max(512, max(lengths)),
                        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    config._attn_implementation = "sdpa"
    torch.manual_seed(0)
    model = BertModel(config, add_pooling_layer=False).train()
    plain = [p for n, p in model.named_parameters() if not n.endswith("bias") and "LayerNorm" not in n]
    spared = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    optimizer = torch.optim.AdamW([{"params": plain, "weight_decay": 0.01}, {"params": spared, "weight_decay": 0.0}],
                                  lr=2e-5, fused=True)
    columns = []
    for part in (lengths[:len(lengths) // 2], lengths[len(lengths) // 2:]):
        ids = torch.randint(0, want["vocab"], (len(part), max(part)))
        mask = torch.zeros(len(part), max(part), dtype=torch.long)
        for i, n in enumerate(part):
            mask[i, :n] = 1
        columns.append((ids, mask, bool(mask.all())))
    labels = torch.arange(len(lengths) // 2)

    def embed(column):
        ids, mask, full = column
        # Without a mask scaled_dot_product_attention takes its fastest way; where nothing is padded that is the same.
        hidden = model(ids, attention_mask=None if full else mask).last_hidden_state
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        return normalize((hidden * weight).sum(1) / weight.sum(1), dim=1)

    def step():
        a, b = embed(columns[0]), embed(columns[1])
        cross_entropy(20 * a @ b.T, labels).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return step, sum(ids.numel() for ids, _, _ in columns)


def profiled(step):
    """Milliseconds of a step, and those that each operation spends itself."""
    from torch.profiler import ProfilerActivity, profile
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        ms = timed(step)
    return {"ms": ms, "operations": {e.key: e.self_cpu_time_total / 1e3 for e in seen.key_averages()}}


def serve_step():
    lines = words()
    want = json.loads(next(lines))
    step, padded = make_step(torch_with(want["threads"]), want)
    for _ in range(2):
        step()
    say(ready=True, padded_tokens=padded)
    for word in lines:
        if word == "step":
            say(ms=timed(step))
        elif word == "profile":
            say(**profiled(step))
        else:
            sys.exit("peer.py step: unknown word %r" % word)


# ---- embedding ----

def open_sentence_transformer(folder, threads):
    torch = torch_with(threads)
    import logging
    logging.disable(logging.WARNING)
    from sentence_transformers import SentenceTransformer
    return SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32})


def read_texts(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line)["text"] for line in f]


def serve_embed(folder, path, threads):
    model, texts, at = open_sentence_transformer(folder, threads), read_texts(path), 0
    quiet = dict(show_progress_bar=False, convert_to_numpy=True)

    def query():
        nonlocal at
        model.encode(texts[at % len(texts)], **quiet)
        at += 1
    for _ in range(5):
        query()
    at = 0
    model.encode(texts[:64], batch_size=32, **quiet)
    say(ready=True)
    for word in words():
        if word == "queries":
            say(each_ms=[timed(query) for _ in range(QUERIES)])
        elif word == "corpus":
            say(ms=timed(lambda: model.encode(texts, batch_size=32, **quiet)))
        else:
            sys.exit("peer.py embed: unknown word %r" % word)


def first(folder, path, threads):
    text = read_texts(path)[0]
    vector = open_sentence_transformer(folder, threads).encode(text, show_progress_bar=False)
    print(json.dumps([float(x) for x in vector]), flush=True)


def whole(folder, path, threads):
    model = open_sentence_transformer(folder, threads)
    model.encode(read_texts(path), batch_size=32, show_progress_bar=False)


# ---- matrix products ----

def product_with(library, threads):
    """A function (M, N, K, form) -> a call that computes it; form 0 X W^T, 1 dY W, 2 dY^T X. None: the library has no such form."""
    if library == "openblas":
        import numpy
        from threadpoolctl import threadpool_info, threadpool_limits
        if not any(i["internal_api"] == "openblas" for i in threadpool_info()):
            sys.exit("numpy here does not use OpenBLAS")
        threadpool_limits(threads)
        random = numpy.random.default_rng(0)

        def of(m, n, k, form):
            a = random.random((k, m) if form == 2 else (m, k), dtype=numpy.float32)
            b = random.random((n, k) if form == 0 else (k, n), dtype=numpy.float32)
            a, b, c = a.T if form == 2 else a, b.T if form == 0 else b, numpy.empty((m, n), numpy.float32)
            return lambda: numpy.matmul(a, b, out=c)
        return of
    torch = torch_with(threads)
    torch.set_grad_enabled(False)

    def mkl(m, n, k, form):
        a, b = torch.rand((k, m) if form == 2 else (m, k)), torch.rand((n, k) if form == 0 else (k, n))
        a, b, c = a.T if form == 2 else a, b.T if form == 0 else b, torch.empty(m, n)
        return lambda: torch.mm(a, b, out=c)

    import torch.utils.mkldnn

    def onednn(m, n, k, form):
        if form:
            return None  # PyTorch reaches oneDNN's f32 product only through the linear layer
        x = torch.rand(m, k).to_mkldnn()
        layer = torch.utils.mkldnn.to_mkldnn(torch.nn.Linear(k, n))  # packs the weights beforehand
        return lambda: layer(x)
    return {"mkl": mkl, "onednn": onednn}[library]


def matmul(library, threads):
    import math
    of, lines = product_with(library, threads), words()
    say(ready=True)
    for line in lines:
        m, n, k, form, seconds = json.loads(line)
        call, best = of(m, n, k, form), math.inf
        if call is None:
            say(gflops=None)
            continue
        call()
        once = timed(call) / 1e3
        calls = max(1, math.ceil(seconds / max(once, 1e-6)))
        for _ in range(3):  # as hone bench kernels: the best of three samples
            start = time.perf_counter()
            for _ in range(calls):
                call()
            best = min(best, (time.perf_counter() - start) / calls)
        say(gflops=2e-9 * m * n * k / best)


# ---- facts, and a stand-in model ----

def versions(threads):
    torch = torch_with(threads)
    import platform
    import numpy
    import sentence_transformers
    import transformers
    shown = torch.__config__.show()
    pick = lambda key: next((l.strip(" -") for l in shown.splitlines() if key in l), "")
    blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    say(python=platform.python_version(), torch=torch.__version__, transformers=transformers.__version__,
        sentence_transformers=sentence_transformers.__version__, numpy=numpy.__version__, threads=torch.get_num_threads(),
        capability=torch.backends.cpu.get_cpu_capability(), mkl=pick("Math Kernel Library"), onednn=pick("MKL-DNN"),
        openblas="%s %s" % (blas.get("name"), blas.get("version")))


def make_model(folder, vocabulary):
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast
    with open(vocabulary, encoding="utf-8") as f:
        tokens = f.read().split("\n")[:-1]
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(tokens), hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(vocab={t: i for i, t in enumerate(tokens)}, do_lower_case=True, model_max_length=256).save_pretrained(folder)
    parts = [("0", "", "sentence_transformers.models.Transformer"), ("1", "1_Pooling", "sentence_transformers.models.Pooling"),
             ("2", "2_Normalize", "sentence_transformers.models.Normalize")]
    os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
    os.makedirs(os.path.join(folder, "2_Normalize"), exist_ok=True)
    for name, content in (
            ("modules.json", [{"idx": i, "name": n, "path": p, "type": t} for i, (n, p, t) in enumerate(parts)]),
            ("sentence_bert_config.json", {"max_seq_length": 256, "do_lower_case": False}),
            ("1_Pooling/config.json", {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True})):
        with open(os.path.join(folder, name), "w") as f:
            json.dump(content, f, indent=2)


def main():
    what, rest = sys.argv[1], sys.argv[2:]
    if what == "step":
        serve_step()
    elif what == "embed":
        serve_embed(rest[0], rest[1], int(rest[2]))
    elif what == "first":
        first(rest[0], rest[1], int(rest[2]))
    elif what == "whole":
        whole(rest[0], rest[1], int(rest[2]))
    elif what == "matmul":
        matmul(rest[0], int(rest[1]))
    elif what == "versions":
        versions(int(rest[0]))
    elif what == "model":
        make_model(rest[0], rest[1])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
