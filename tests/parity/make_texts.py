"""Draws the 1,000 texts of texts.jsonl: real text in many languages and constructed edge cases.

    python make_texts.py --wordnet /usr/share/wordnet --cldr /usr/share/unicode/cldr/common/annotations \
                         --unicode /usr/share/unicode

Sources (Debian packages): wordnet-base (WordNet 3.0, licence in ../golden/train/LICENSE.wordnet), unicode-cldr-core 41
(annotations of emoji and signs in 130 languages, licence in LICENSE.unicode), unicode-data (Blocks.txt, to draw from every
block). Always the same result from the same files.
"""
import argparse
import glob
import html
import json
import os
import random
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def wordnet(folder):
    """Definitions with their examples, each with its words; every so often several in a row, past 256 tokens."""
    out = []
    for kind, step in (("noun", 521), ("verb", 197), ("adj", 367), ("adv", 181)):
        with open("%s/data.%s" % (folder, kind), encoding="utf-8") as f:
            lines = [line for line in f if not line.startswith(" ")]
        picked = lines[17::step]
        for i, line in enumerate(picked):
            head, gloss = line.rstrip().split(" | ", 1)
            word = head.split(" ")[4].replace("_", " ")
            out.append("%s: %s" % (word, gloss) if i % 3 else gloss)
    for start in range(0, 12):
        out.append(" ".join(out[start * 20:start * 20 + 4 + 3 * start]))
    return out


ANNOTATION = re.compile(r'<annotation cp="([^"]*)"( type="tts")?[^>]*>([^<]*)</annotation>')


def cldr(folder):
    """Per language a few signs with their name and keywords."""
    out = []
    for path in sorted(glob.glob(folder + "/*.xml")):
        with open(path, encoding="utf-8") as f:
            found = [(html.unescape(a), bool(b), html.unescape(c)) for a, b, c in ANNOTATION.findall(f.read())]
        names = {cp: text for cp, tts, text in found if tts and "↑" not in text}
        words = [(cp, text) for cp, tts, text in found if not tts and "↑" not in text]
        words = [w for w in words if w[0] in names]
        if len(words) < 100:
            continue
        seed = sum(map(ord, os.path.basename(path)))
        for i in range(3):
            cp, text = words[(seed * 31 + i * len(words) // 3) % len(words)]
            out.append("%s %s (%s)" % (cp, names[cp], text.replace(" | ", ", ")))
        out.append("; ".join(names[words[(seed + 37 * i) % len(words)][0]] for i in range(6)))
    return out


def blocks(path):
    """For every assigned Unicode block one text with characters drawn from it, some glued, some spaced."""
    rng, out = random.Random(7), []
    with open(path, encoding="utf-8") as f:
        found = re.findall(r"^([0-9A-F]+)\.\.([0-9A-F]+); (.*)$", f.read(), re.M)
    for low, high, name in found:
        low, high = int(low, 16), int(high, 16)
        if 0xD800 <= low <= 0xDFFF:
            continue
        drawn = [chr(rng.randint(low, high)) for _ in range(14)]
        drawn = [c for c in drawn if c != "\0"]
        out.append(name + " " + "".join(drawn[:5]) + " " + " ".join(drawn[5:9]) + " a" + "b".join(drawn[9:]))
    return out


EDGES = [
    "", " ", "\t\n\r ", "\u00a0\u2003\u3000", "a", ".", "...", "[CLS]", "[SEP] [PAD][MASK] [UNK]", "[mask] [Mask] [MASK]x[MASK]",
    "a[SEP]b", "##ing ##", "x" * 99, "x" * 100, "x" * 101, "x" * 300, "word " * 300, "é" * 100, "e\u0301" * 101, "中" * 120,
    "\u0130stanbul \u0131\u015f\u0131k I i", "ẞ ß STRASSE", "ΟΔΟΣ Σίσυφος ς", "ǅ ǈ ǋ ﬁ ﬂ ﬀ", "Ａｂｃ１２３ ｶﾞ", "①②③ ½ ⅓ Ⅷ ㈱ ㍿",
    "e\u0301 \u00e9 E\u0301 \u00c9", "a\u0300\u0301\u0302\u0303\u0304\u0305", "\u0301leading mark", "q\u0323\u0307 q\u0307\u0323",
    "Å \u212b \u00c5 A\u030a", "각 \u1100\u1161\u11a8 ᄀᄀ", "क्षि क्‍ष", "ग़ \u0917\u093c", "\u0e01\u0e33 \u0e19\u0e49\u0e33", "ﷺ ﷲ لا",
    "שָׁלוֹם עולם", "مَرْحَبًا بِالعَالَم", "👨‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 #️⃣ ❤️", "\U0001f600\u200d\U0001f600", "zero\u200bwidth\u200cnon\u200djoin\ufeffbom",
    "soft\u00adhyphen", "\u202eright to left\u202c", "a\u0001b\u0002c\u001fd\u007fe\u0080f\u009fg", "\u000bvt \u000cff \u0085nel \u001cfs",
    "line\u2028sep para\u2029sep", "\ufffd replacement \ufffe", "\ue000 private \U000f0000", "\U000e0001\U000e0041 tags",
    "\u0378 unassigned \U0001f9ff \U0001fae8 \U0001fa77", "\ud7a3 \ud7b0", "\U00020000\U0002a6df \U00030000 \u9fff \u4dbf\u4dc0 \uf900\ufa2d",
    "ひらがな カタカナ 漢字 まじり文", "한국어 문장입니다.", "ไทยไม่มีวรรค", "don't can't it's 'quoted' \u2018curly\u2019 \u201cdouble\u201d",
    "U.S.A. e.g. 3.14 1,000,000 $5.00 50% #tag @user", "https://example.org/a/b?c=d&e=f#g", "mail@example.com",
    "int main(void) { return 0; } /* c */", "<p class=\"x\">html &amp; entities</p>", "{\"json\": [1, 2.5e-3, null]}", "\\n \\u0041 \\",
    "a\\b/c|d~e`f^g", "¡¿§¶·«»‹›„‚…–—―‐", "+−×÷=≠≤≥<>±∓∞∑∏√∫", "€£¥₹₽₿¢¤", "$a^2+b^2=c^2$", "x\u2032 y\u2033 f\u207a\u00b9",
    "ALL CAPS SHOUTING TEXT", "MiXeD CaSe", "tab\tseparated\tvalues", "  many   spaces   ", "trailing space ", " leading",
    "emoji😀in😀words", "日本語English混在text", "a\u0338b = \u226e", "\u1e9b\u0323 \u017f", "Đđ Łł Øø Ħħ Ŧŧ Ææ Œœ Þþ Ðð",
    "ňÑõÜçŞğİ", "Ⓐⓑ 🅰 🆗 🈁", "𝓗𝓮𝓵𝓵𝓸 𝕎𝕠𝕣𝕝𝕕", "ˈfɒnɛtɪks ŋ ʔ", "\u3164 \u115f \u2800 \u180e", "0\u20e3 9\ufe0f\u20e3",
    "the quick brown fox jumps over the lazy dog " * 40, "1 " * 260, "a.b.c.d.e.f.g.h." * 40, "ünïcödé " * 60, "😀 " * 140,
]


def mixtures(parts, count):
    """Two or three of the other texts spliced at random places."""
    rng, out = random.Random(11), []
    for _ in range(count):
        texts = [rng.choice(parts) for _ in range(rng.choice((2, 3)))]
        cut = [t[rng.randint(0, len(t)):][:60] for t in texts]
        out.append(rng.choice(("", " ", "\n", "-")).join(cut))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wordnet", required=True)
    parser.add_argument("--cldr", required=True)
    parser.add_argument("--unicode", required=True)
    args = parser.parse_args()
    words = wordnet(args.wordnet)
    signs = cldr(args.cldr)
    drawn = blocks(args.unicode + "/Blocks.txt")
    rows = EDGES + drawn[::2] + signs
    spare = 60
    room = 1000 - len(rows) - spare
    rows += words[:room - 12] + words[-12:]
    rows += mixtures(rows, 1000 - len(rows))
    assert len(rows) == 1000, len(rows)
    with open(HERE + "/texts.jsonl", "w", encoding="utf-8") as f:
        for i, text in enumerate(rows):
            f.write(json.dumps({"id": "t%04d" % i, "text": text}, ensure_ascii=False) + "\n")
    print(len(EDGES), "edge cases,", len(drawn[::2]), "blocks,", len(signs), "annotations,", room, "of", len(words), "definitions,",
          os.path.getsize(HERE + "/texts.jsonl"), "bytes")


if __name__ == "__main__":
    main()
