/* Where a model name leads: a folder, or a snapshot in the Hugging Face cache (huggingface_hub constants.py, file_download.py).
 *     root/models--org--name/refs/main -> commit;   root/models--org--name/snapshots/<commit>/ */
#include "base/io.h"
#include "models/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool cache_root(char out[HONE_PATH_MAX]) {
    const char *p;
    int n = -1;
    if ((p = getenv("HF_HUB_CACHE")) && *p)
        n = snprintf(out, HONE_PATH_MAX, "%s", p);
    else if ((p = getenv("HUGGINGFACE_HUB_CACHE")) && *p)
        n = snprintf(out, HONE_PATH_MAX, "%s", p);
    else if ((p = getenv("HF_HOME")) && *p)
        n = snprintf(out, HONE_PATH_MAX, "%s/hub", p);
    else if ((p = getenv("XDG_CACHE_HOME")) && *p)
        n = snprintf(out, HONE_PATH_MAX, "%s/huggingface/hub", p);
    else if ((p = getenv("HOME")) && *p)
        n = snprintf(out, HONE_PATH_MAX, "%s/.cache/huggingface/hub", p);
    return n > 0 && n < HONE_PATH_MAX;
}

/* "org/name" or "name": letters, digits and -_. with at most one slash, no path tricks. */
static bool is_repository_name(const char *name) {
    int slashes = 0;
    if (!*name || *name == '.' || *name == '/' || strstr(name, "..") || strlen(name) > 200) return false;
    for (const char *p = name; *p; p++) {
        if (*p == '/') slashes++;
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-_./", *p);
        if (!plain) return false;
    }
    return slashes <= 1 && name[strlen(name) - 1] != '/';
}

static hone_status read_commit(const char *repo, char commit[64]) {
    char path[HONE_PATH_MAX], *text;
    size_t n;
    HONE_TRY(hone_io_join(path, repo, "refs/main"));
    HONE_TRY(hone_io_read_file(path, 4096, &text, &n));
    while (n && strchr(" \t\r\n", text[n - 1])) n--;
    bool ok = n > 0 && n < 64 && strspn(text, "0123456789abcdefABCDEF") >= n;
    if (ok) snprintf(commit, 64, "%.*s", (int)n, text);
    hone_free(text);
    return ok ? HONE_OK : hone_fail_at(HONE_E_FORMAT, path, 0, 0, "holds no commit name");
}

hone_status hone_model_find(const char *name, char dir[4096]) {
    char root[HONE_PATH_MAX], repo[HONE_PATH_MAX], commit[64];
    if (!name || !*name) return hone_fail(HONE_E_ARG, "the model's name is empty");
    if (hone_io_is_dir(name)) {
        if (snprintf(dir, HONE_PATH_MAX, "%s", name) >= HONE_PATH_MAX)
            return hone_fail(HONE_E_LIMIT, "the model's path is longer than %d bytes", HONE_PATH_MAX);
        return HONE_OK;
    }
    if (hone_io_exists(name)) {
        hone_mapping map; /* a link to nothing, a folder that we may not look into: the system's own words */
        hone_status s = hone_io_map(name, &map);
        if (s != HONE_OK && hone_last_error()->os_error != EINVAL) return s;
        if (s == HONE_OK) hone_io_unmap(&map);
        hone_fail_at(HONE_E_FORMAT, name, 0, 0, "is a file, expected a model folder");
        return hone_hint("give the folder that holds config.json");
    }
    if (!is_repository_name(name) || !cache_root(root)) {
        hone_fail_at(HONE_E_FORMAT, name, 0, 0, "no such model folder");
        return hone_hint("give a folder that holds config.json");
    }
    char flat[512];
    const char *slash = strchr(name, '/');
    if (slash)
        snprintf(flat, sizeof flat, "models--%.*s--%s", (int)(slash - name), name, slash + 1);
    else
        snprintf(flat, sizeof flat, "models--%s", name);
    HONE_TRY(hone_io_join(repo, root, flat));
    if (!slash && !hone_io_is_dir(repo)) { /* as sentence-transformers completes its own names */
        snprintf(flat, sizeof flat, "models--sentence-transformers--%s", name);
        HONE_TRY(hone_io_join(repo, root, flat));
    }
    if (!hone_io_is_dir(repo)) {
        hone_fail_at(HONE_E_FORMAT, name, 0, 0, "no such folder, and not in the Hugging Face cache %s", root);
        return hone_hint("give a folder that holds config.json, or download the model into the cache first");
    }
    HONE_TRY(read_commit(repo, commit));
    char snapshot[128];
    snprintf(snapshot, sizeof snapshot, "snapshots/%s", commit);
    HONE_TRY(hone_io_join(dir, repo, snapshot));
    if (!hone_io_is_dir(dir)) return hone_fail_at(HONE_E_FORMAT, dir, 0, 0, "the snapshot that refs/main names is missing");
    return HONE_OK;
}
