# The places of C sources where one small change makes a mutant, one a line:
#     number <tab> file <tab> line <tab> column <tab> length <tab> new text <tab> what was done <tab> key
# The key is file:function|line before|line after, and |#2 at the second such place: it outlives a shift of lines. The
# number is a hash of seed and key: sorted by it the lines are in random order, which changes elsewhere do not disturb.
# Comments, strings and preprocessor lines are left alone. Whether a mutant compiles is for the compiler to say.
#     LC_ALL=C awk -v seed=1 -f mutants.awk FILE...

function trim(s) { sub(/^ +/, "", s); return s }
function hash(s,    i, h) {
    for (i = 1; i <= length(s); i++) h = (h * 8191 + ord[substr(s, i, 1)]) % 2147483647
    for (i = 0; i < 10; i++) h = h * 16807 % 2147483647
    return h
}
function emit(column, n, text, what,    key) {
    key = FILENAME ":" name "|" trim($0) "|" trim(substr($0, 1, column - 1) text substr($0, column + n))
    if (++times[key] > 1) key = key "|#" times[key]
    printf "%010d\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", hash(seed key seed), FILENAME, FNR, column, n, text, what, key
}

# The line with comments, strings and characters painted over, same length; in_comment lives from line to line.
function painted(line,    i, n, c, two, out) {
    n = length(line)
    out = ""
    for (i = 1; i <= n;) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (in_comment) {
            if (two == "*/") { in_comment = 0; out = out "  "; i += 2 } else { out = out " "; i++ }
        } else if (two == "/*") {
            in_comment = 1; out = out "  "; i += 2
        } else if (two == "//") {
            while (i++ <= n) out = out " "
        } else if (c == "\"" || c == "'") {
            out = out "@"
            for (i++; i <= n && substr(line, i, 1) != c; i++) {
                if (substr(line, i, 1) == "\\") { out = out "@"; i++ }
                out = out "@"
            }
            out = out "@"
            i++
        } else { out = out c; i++ }
    }
    return out
}

# Where the parenthesis at `open` closes, 0 if not on this line.
function closes(m, open,    i, depth) {
    for (i = open; i <= length(m); i++) {
        if (substr(m, i, 1) == "(") depth++
        if (substr(m, i, 1) == ")" && !--depth) return i
    }
    return 0
}

BEGIN {
    split("<= < >= > == != && || ++ -- += -=", from, " ")
    split("<  <= >  >= != == || && -- ++ -= +=", to, " ")
    for (i in from) swap[from[i]] = to[i]
    for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i
}

FNR == 1 { in_comment = 0; before = name = "" }
/^[ \t]*#/ && !in_comment { before = ";"; next }
/\\$/ && !in_comment { before = "\\"; next } # macros of several lines

{
    m = painted($0)
    if (before == "\\") { before = ";"; next }
    if (m ~ /^[ ]*$/) next
    inside = m ~ /^[ \t]/ # a function's body: what begins at column 1 is a declaration
    if (m ~ /^[A-Za-z_]/) {
        name = ""
        if (match(m, /[A-Za-z0-9_]+\(/)) name = substr(m, RSTART, RLENGTH - 1)
    }

    if (inside) for (i = 1; i <= length(m); i++) {
        c = substr(m, i, 1); two = substr(m, i, 2); before_c = i > 1 ? substr(m, i - 1, 1) : " "; three = substr(m, i, 3)
        if (three == "<<=" || three == ">>=") { i += 2; continue }
        if (two == "<<" || two == ">>" || two == "->") { i++; continue }
        if (two in swap) { emit(i, 2, swap[two], two " -> " swap[two]); i++; continue }
        if ((c == "<" || c == ">") && before_c == " ") { emit(i, 1, swap[c], c " -> " swap[c]); continue }
        if ((c == "+" || c == "-") && before_c == " " && substr(m, i + 1, 1) == " ") {
            emit(i, 1, c == "+" ? "-" : "+", c " -> " (c == "+" ? "-" : "+")); continue
        }
        if (c == "*" && before_c == " " && substr(m, i + 1, 1) == " ") { emit(i, 1, "/", "* -> /"); continue }
        if (c == "!") { emit(i, 1, "", "! removed"); continue }
        if (c ~ /[0-9]/ && before_c !~ /[A-Za-z0-9_.@]/) {
            match(substr(m, i), /^[0-9a-fA-FxXuUlL]+/)
            word = substr(m, i, RLENGTH)
            if (substr(m, i + RLENGTH, 1) != ".") {
                emit(i, RLENGTH, "(" word " + 1)", "constant + 1")
                emit(i, RLENGTH, "(" word " - 1)", "constant - 1")
            }
            i += RLENGTH - 1
        }
    }

    if (match(m, /(^|[^A-Za-z0-9_])(if|while) \(/)) {
        open = RSTART + RLENGTH - 1
        end = closes(m, open)
        loop = substr(m, RSTART, RLENGTH) ~ /while/
        if (end) {
            if (!loop) emit(open + 1, end - open - 1, "1", "condition true")
            emit(open + 1, end - open - 1, "0", "condition false")
        }
    }
    if (match(m, /(^|[^A-Za-z0-9_])return [^;]+;/)) {
        at = index(substr(m, RSTART), "return ") + RSTART - 1 + 7
        n = RSTART + RLENGTH - 1 - at
        value = substr(m, at, n)
        if (value == "HONE_OK") emit(at, n, "HONE_E_FORMAT", "return HONE_E_FORMAT")
        else if (value == "true") emit(at, n, "false", "return false")
        else if (value == "false") emit(at, n, "true", "return true")
        else if (value != "0" && value != "NULL") emit(at, n, "0", "return 0")
    }
    if (before ~ /[;{})]|else/ && m ~ /^[ ]+[A-Za-z_*(+-].*;[ ]*$/ && m !~ /^ *(return|static|const|enum|typedef|struct|else|case|default|goto)/) {
        match(m, /^ +/)
        emit(RLENGTH + 1, length(m) - RLENGTH, ";", "statement deleted")
    }
    sub(/[ ]+$/, "", m)
    before = m ~ /else$/ ? "else" : substr(m, length(m), 1)
}
