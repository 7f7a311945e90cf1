/* Where a model name leads: a folder, or a snapshot in the Hugging Face cache (huggingface_hub constants.py,
 * file_download.py).
 *     root/models--org--name/refs/main -> commit;   root/models--org--name/snapshots/<commit>/ */
#include "base/io.h"
#include "models/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A ~ in front and $NAME or ${NAME} anywhere, as the Python library expands them (what is not set stays as it is): no
 * shell does so for what a service file or a container's settings say. False: longer than a path. */
static bool expand(char out[HONE_PATH_MAX], const char *text) {
    const char *home = getenv("HOME");
    size_t n = 0;
    if (*text == '~' && (!text[1] || text[1] == '/') && home && *home) {
        int k = snprintf(out, HONE_PATH_MAX, "%s", home);
        if (k >= HONE_PATH_MAX) return false;
        n = (size_t)k, text++;
        while (*text == '/' && n && out[n - 1] == '/') n--;
    }
    while (*text) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
        bool braces = text[0] == '$' && text[1] == '{';
        const char *name = text + 1 + braces, *value = NULL;
        size_t length = text[0] != '$' ? 0 : braces ? strcspn(name, "}") : strspn(name, letters);
        char key[256];
        if (length && length < sizeof key && (!braces || name[length])) {
            snprintf(key, sizeof key, "%.*s", (int)length, name);
            value = getenv(key);
        }
        int k = snprintf(out + n, HONE_PATH_MAX - n, "%.*s", value ? HONE_PATH_MAX : 1, value ? value : text);
        if (k < 0 || (size_t)k >= HONE_PATH_MAX - n) return false;
        n += (size_t)k;
        text = value ? name + length + braces : text + 1;
    }
    out[n] = 0;
    return n > 0;
}

static bool cache_root(char out[HONE_PATH_MAX]) {
    static const struct {
        const char *variable, *below;
    } places[] = {{"HF_HUB_CACHE", ""},
                  {"HUGGINGFACE_HUB_CACHE", ""},
                  {"HF_HOME", "/hub"},
                  {"XDG_CACHE_HOME", "/huggingface/hub"},
                  {"HOME", "/.cache/huggingface/hub"}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *p = getenv(places[i].variable);
        char root[HONE_PATH_MAX];
        if (!p || !*p) continue;
        if (!expand(root, p)) return false;
        int n = snprintf(out, HONE_PATH_MAX, "%s%s", root, places[i].below);
        return n > 0 && n < HONE_PATH_MAX;
    }
    return false;
}

/* "org/name" or "name": letters, digits and -_. with at most one slash, no path tricks. */
static bool is_repository_name(const char *name) {
    int slashes = 0;
    if (!*name || *name == '.' || *name == '/' || strstr(name, "..") || strlen(name) > 200) return false;
    for (const char *p = name; *p; p++) {
        if (*p == '/') slashes++;
        bool plain =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-_./", *p);
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
    const bool repository = is_repository_name(name);
    if (repository && !cache_root(root)) {
        hone_fail_at(HONE_E_FORMAT, name, 0, 0, "no such folder, and no Hugging Face cache is known");
        return hone_hint("give a folder that holds config.json, or set HF_HUB_CACHE, HF_HOME or HOME");
    }
    if (!repository) {
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
        const char *other = getenv("SENTENCE_TRANSFORMERS_HOME");
        if (other && *other)
            return hone_hint(
                "SENTENCE_TRANSFORMERS_HOME is not looked at; HF_HUB_CACHE=$SENTENCE_TRANSFORMERS_HOME is");
        return hone_hint("give a folder that holds config.json, or download the model into the cache first");
    }
    HONE_TRY(read_commit(repo, commit));
    char snapshot[128];
    snprintf(snapshot, sizeof snapshot, "snapshots/%s", commit);
    HONE_TRY(hone_io_join(dir, repo, snapshot));
    if (!hone_io_is_dir(dir))
        return hone_fail_at(HONE_E_FORMAT, dir, 0, 0, "the snapshot that refs/main names is missing");
    return HONE_OK;
}
