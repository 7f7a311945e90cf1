"""What the scripts of this folder share: running the hone binary, reading rows, quiet reference libraries."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(os.path.dirname(HERE), "golden")
TEXTS = os.path.join(HERE, "texts.jsonl")


def quiet():
    """One thread, no progress bars, no network: the references are read from folders only."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    import transformers
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    import logging
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)


def hone(binary, *args, text=False):
    """Runs the command; its standard output, or an exit naming what it said."""
    words = [str(a) for a in (binary,) + args]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit("%s\nexit %d: %s" % (" ".join(words), done.returncode, done.stderr.decode(errors="replace").strip()[-2000:]))
    return done.stdout.decode() if text else done.stdout


def rows(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def write_rows(path, items):
    with open(path, "w", encoding="utf-8") as f:
        for item in items:
            f.write(json.dumps(item, ensure_ascii=False) + "\n")


def reference(folder):
    """The folder as sentence-transformers opens it, in f32."""
    import torch
    from sentence_transformers import SentenceTransformer
    return SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32})


def verdict(problems):
    """Exit code 0 or 1 with a last line saying which."""
    if problems:
        print("FAILED: " + "; ".join(problems))
        sys.exit(1)
    print("ok")
