# Shows a header's plain comments to doxygen (docs/Doxyfile, FILTER_PATTERNS): headers stay prose that reads in an editor.
#
#     first comment of the file            the file's page
#     a comment above declarations         theirs: of each up to the next blank line or comment
#     a comment behind code                of what that line declares; beside what stands above, if that is the first line below it
#     /* ---- section ---- */              dropped
#     a field or an enumerator without     what stands above the struct or enum: a comment there is asked for
#     a kernel's type (…_fn)               the contract at the head of its page
#
# Paragraphs with aligned columns or indented lines are shown as they stand, others as running text. Header guards go.

function escape(s) {
    gsub(/\\/, "\\\\\\\\", s); gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s)
    gsub(/@/, "\\@", s); gsub(/#/, "\\#", s); gsub(/%/, "\\%", s); gsub(/::/, "\\::", s)
    return s
}

# One paragraph of n lines from para[]; as it stands where columns matter.
function paragraph(n,    i, fixed, text) {
    for (i = 1; i <= n; i++) if (para[i] ~ /^  / || para[i] ~ /[^ .]   /) fixed = 1
    for (i = 1; i <= n; i++) text = text (fixed ? para[i] : escape(para[i])) "\n"
    return fixed ? "@verbatim\n" text "@endverbatim\n" : text "\n"
}

# Text of a comment, its lines as in the source, as what doxygen reads inside /** … */.
function body(raw,    line, n, i, k, text) {
    sub(/^[ \t]*\/\*+ ?/, "", raw); sub(/[ \t]*\*+\/[ \t]*$/, "", raw)
    n = split(raw, line, "\n")
    for (i = 1; i <= n; i++) {
        if (i > 1 && !sub(/^[ \t]*\* ?/, "", line[i])) sub(/^[ \t]+/, "", line[i])
        if (line[i] ~ /^[ \t]*$/) {
            if (k) text = text paragraph(k)
            k = 0
        } else
            para[++k] = line[i]
    }
    if (k) text = text paragraph(k)
    return text
}

function is_section(raw) { return raw ~ /^[ \t]*\/\* -+ .*-+ ?\*\/[ \t]*$/ }


# A comment that begins in `raw`, to its end.
function whole(raw) {
    while (raw !~ /\*\// && (getline more) > 0) raw = raw "\n" more
    return raw
}

# The text before the item; "int64_t B, T;" is one for each name.
function each(code, doc,    type, n, name, i, out) {
    if (depth == 0 || code !~ /^[ \t]*[a-z_0-9 ]+ \*?[A-Za-z_0-9]+(\[[^]]*\])?(, \*?[A-Za-z_0-9]+(\[[^]]*\])?)+;$/) return doc "\n" code
    type = code
    sub(/,.*/, "", type); sub(/\*?[A-Za-z_0-9]+(\[[^]]*\])?$/, "", type)
    n = split(substr(code, length(type) + 1), name, /, |;/)
    for (i = 1; i < n; i++) out = out doc type name[i] "; "
    return out
}

# Code without its comment; `behind` is what the comment says. At the start of an item (a declaration, a field, an enumerator, a
# macro) everything known about it goes before it.
function code_line(code, behind,    macro, open, bare, doc) {
    doc = (behind == "" || fresh ? above[depth] : "") behind
    if (doc == "" && depth > 0 && about[depth] != "") doc = "See the description of the whole."
    if (doc == "" && code ~ /^typedef .*_fn\(/) doc = "The contract stands at the head of the page."
    if (code ~ /^[ \t]*#/ || in_macro) {
        macro = code ~ /^[ \t]*#[ \t]*define/ && !in_macro
        if (macro && doc != "") print "/** " doc "*/"
        in_macro = (macro || in_macro) && code ~ /\\$/
        print code
        return
    }
    open = parens == 0 && ended && code !~ /^[ \t]*}/
    if (open && doc != "")
        print each(code, "/** " doc "*/")
    else
        print code (behind != "" ? " /**< " behind "*/" : "")
    bare = code
    gsub(/"([^"\\]|\\.)*"/, "", bare)
    parens += gsub(/\(/, "", bare) - gsub(/\)/, "", bare)
    while (match(bare, /[{}]/)) {
        if (substr(bare, RSTART, 1) == "{") { about[depth + 1] = depth ? about[depth] : doc; above[++depth] = "" }
        else if (depth > 0) depth--
        bare = substr(bare, RSTART + 1)
    }
    ended = code ~ /[;,{}][ \t]*$/ || code ~ /^[A-Z_]+\(.*\)$/
}

BEGIN { ended = 1; above[0] = "" }
/^[ \t]*$/ { if (!fresh) above[depth] = ""; print; next }
/^#ifndef HONE_[A-Z0-9_]*_H$/ { print "#if 1"; next }
/^#define HONE_[A-Z0-9_]*_H$/ { print ""; next }
/^[ \t]*\/\*/ {
    raw = whole($0)
    if (!seen++) {
        print "/** @file\n" body(raw) "*/"
        if (FILENAME ~ /(^|\/)hone\.h$/) print "/** @mainpage\n" body(raw) "*/"
        next
    }
    if (is_section(raw)) next
    above[depth] = (fresh ? above[depth] : "") body(raw)
    fresh = 1
    next
}
{
    behind = ""
    code = $0
    if ((at = index($0, "/*")) > 0 && $0 !~ /"[^"]*\/\*[^"]*"/) {
        raw = whole($0)
        code = substr(raw, 1, at - 1)
        sub(/[ \t]+$/, "", code)
        behind = body(substr(raw, at))
    }
    code_line(code, behind)
    fresh = 0
}
