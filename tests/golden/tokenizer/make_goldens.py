#!/usr/bin/env python3
"""Writes the golden files beside it: small tokenizer folders and what the tokenizers library makes of about 1,200 texts.

    python tests/golden/tokenizer/make_goldens.py

Made with tokenizers 0.23.3 and transformers 5.23.0 (the versions it prints must be these). The texts are our own
sentences, made-up edge cases, glosses of WordNet 3.0 (Debian package wordnet-base, WordNet licence) and character names.
A case is one JSON line: {"text", "pair"?, "max"?, "how"?, "plain"? (no special tokens), "split"? (special tokens in the
text are not special), "ids", "types" (absent: all 0), "at": [begin, end, ...] in characters, "tokens"? (where they are not
the vocabulary's)}.
"""
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_parity as parity  # noqa: E402
import tokenizers  # noqa: E402
import transformers  # noqa: E402
from tokenizers import Tokenizer, normalizers, pre_tokenizers, trainers  # noqa: E402
from tokenizers.models import WordPiece  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

OWN = """The train leaves at a quarter past nine, doesn't it?
Der Zug fährt um Viertel nach neun ab; größere Verspätungen sind möglich.
Le train part à neuf heures et quart, n'est-ce pas ? Ça dépend de la météo…
El tren sale a las nueve y cuarto, ¿verdad? ¡Qué sueño!
O comboio parte às nove e um quarto; não há pão nem maçãs.
Il treno parte alle nove e un quarto: perché è già così tardi?
De trein vertrekt om kwart over negen, maar coördinatie blijft moeilijk.
Tåget går kvart över nio, och sjön är blå på våren.
Toget går kvart over ni; æbler, ører og åer.
Juna lähtee varttia yli yhdeksän, hyvää päivää kaikille.
Lestin fer korter yfir níu, þetta er örlítið öðruvísi.
Pociąg odjeżdża kwadrans po dziewiątej, źdźbło trawy żółknie.
Vlak odjíždí ve čtvrt na deset, příliš žluťoučký kůň.
A vonat negyed tízkor indul, árvíztűrő tükörfúrógép.
Trenul pleacă la nouă și un sfert, înțelegi?
Tren dokuzu çeyrek geçe kalkıyor; İstanbul'da ığdır ağacı var.
Tàu khởi hành lúc chín giờ mười lăm, người Việt Nam đọc được không?
Поезд отправляется в четверть десятого, ёлка и йод.
Потяг відправляється о чверть на десяту, ґанок і їжак.
Влакът тръгва в девет и четвърт.
Το τρένο φεύγει στις εννέα και τέταρτο· ΟΔΥΣΣΕΎΣ και Όμηρος.
הרכבת יוצאת בתשע ורבע, שָׁלוֹם לכולם.
يغادر القطار في التاسعة والربع، مَرْحَبًا بِكُمْ.
قطار ساعت نه و ربع حرکت می‌کند.
ट्रेन सवा नौ बजे निकलती है, नमस्ते दुनिया क़लम।
ট্রেন সোয়া নটায় ছাড়ে, ধন্যবাদ।
ரயில் ஒன்பதேகால் மணிக்குப் புறப்படும்.
రైలు తొమ్మిదింపావుకి బయలుదేరుతుంది.
รถไฟออกเวลาเก้าโมงสิบห้านาที น้ำใจ
ລົດໄຟອອກເວລາເກົ້າໂມງ.
မီးရထား ကိုးနာရီ ဆယ့်ငါးမိနစ်တွင် ထွက်သည်။
བོད་སྐད་ཀྱི་ཚིག་གྲུབ།
火车九点一刻出发,对吗?我们在北京大学见面。
火車九點一刻出發,臺灣的天氣很好。
電車は九時十五分に出ます。カタカナとひらがな、ｶﾞｷﾞｸﾞ、がぎぐ。
기차는 아홉 시 십오 분에 출발합니다. 한국어와 조선말.
ሰላም ለዓለም፣ ባቡሩ ይሄዳል።
მატარებელი ათის თხუთმეტ წუთზე გადის. ᲐᲑᲒ
Գնացքը մեկնում է իննին, ԲԱՐԵՎ։
ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ꭰꭱꭲ
Ŝi iris al la ĉielo, eĥoŝanĝo ĉiuĵaŭde.
Tha an trèana a' falbh aig cairteal às dèidh naoi.
Mae'r trên yn gadael am chwarter wedi naw, tŷ gŵr.
ʻŌlelo Hawaiʻi: he aliʻi ka ʻāina.
Ọkọ̀ ojú irin ń lọ ní aago mẹ́sàn-án.
E = mc², H₂O, ½ + ⅓ = ⅚, x ≥ −1, ∑ᵢ aᵢ, ℝⁿ, 10 µm, 5 Ω, 20 °C
Price: €12.50 (£10), ¥1,500; 50% off!!! #sale @shop a_b_c c++ C# $x = {a: [1, 2]};
https://example.org/path?q=caf%C3%A9&lang=fr#top  me@example.org  192.168.0.1
def f(x): return x ** 2  # comment\tTab and  two  spaces
👩‍👩‍👧‍👦 👍🏽 🇫🇷🇩🇪 ❤️ 🏴‍☠️ 1️⃣ ☺︎ 🤷🏿‍♀️ family
“Quotes” ‘single’ «guillemets» ‹x› „low“ – en — em … • bullet § ¶ † ‡
ﬁne ﬂow oﬃce ﬀ ﬅ ĳ ǆ ǅ Ǆ ŉ ſharp ẞ ß
Ａｆｕｌｌｗｉｄｔｈ　ｔｅｘｔ　１２３！
𝐛𝐨𝐥𝐝 𝑖𝑡𝑎𝑙𝑖𝑐 𝔣𝔯𝔞𝔨 𝟙𝟚𝟛 𐐀𐐨 𞤀𞤢 𝄞𝅘𝅥𝅮
[CLS] in a text [SEP] is that token [MASK], [mask] is not, [PAD][UNK]
Zalgo: Z̷̡̧a̵͎͌l̴̨̛g̸̢̀o̶̧͝ e\u0323\u0301 \u1eb9\u0301 \u00e9\u0323 a\u0315\u0300\u05ae\u0062""".replace("\\t", "\t")

EDGE = ["", " ", "\t\n\r ", "\0", "a\0b", "\0\0\0", "\ufffd", "a\ufffdb", "\u200b", "a\u200bb", "\ufeffbom", "soft\u00adhyphen", "\u0085next",
        "a\u000bb\u000cc", "\u2028line\u2029para", "\u00a0nbsp\u00a0", "\u3000wide\u3000", "\u180emongol", "\ue000private\uf8ff", "\U000f0000plane",
        "\u0378unassigned", "\uffffnon\ufffe", "x" * 99, "x" * 100, "x" * 101, "ab" * 51, "\u00e9" * 100, "\u00e9" * 101, "e\u0301" * 100,
        "e\u0301" * 101, "\u4e2d" * 60, "a\u4e2db", "\u4e2d\u6587\u5b57", "\u3400\u4dbf\u9fff\uf900\ufaff", "\U00020000\U0002a6df\U0002b740\U0002b81f",
        "\U0002b820x\U0002b91fx\U0002b920x\U0002ceaf", "\U0002f800\U0002fa1f", "\uac00\uac01\ud7a3", "\u1100\u1161\u11a8", "\u0344", "a\u0344\u0323b",
        "\u0f73\u0f81", "\u1e9b\u0323", "\u212b\u2126\u2002", "\u0130I\u0131i", "\u03a3\u03c3\u03c2 \u039f\u03a3", "\u01c5 \u01c8 \u1f88", "\u0301a", " \u0301",
        "\u0301\u0301", "a\u0301\u0323\u0301\u0323", "a\u302a\u302e\u0301", "\U0001d165\U0001d16d\u0655", "*\u0655\0\U0001d165\u0a9a", "\u08d4\u0301a\U0001e000",
        "\u1734 \u1885 \u166d \ua9bd \U000111c9", "\u0e33\u0eb3", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "\u00a1\u00bf\u2010\u3001\u3002\uff01\uff3f\ufe4f",
        "\u2e3a\u2e43\u2e44\u2e52", "$\u00a3\u20ac+=<>^`|~", "[CLS]", "[CLS][SEP]", " [MASK] ", "[ MASK ]", "a[SEP]b", "[CLS", "[UNK]x", "##ing", "a ##b",
        "\U000e0041\U000e007f", "\u200d\u200c", "\u2066rtl\u2069", "\U0010fffd", "\U0001f9d1\u200d\U0001f4bb", "\u3099\u309a\u304b\u3099\u30ab\u309a",
        "don't", "U.S.A.", "3.14e-10", "a" * 1000, "a b " * 60, "\u0660\u0661\u0662", "\u1c89\ua7cb\ua7dc\U00010d50", "\u1c90\u10d0"]


def corpus(r):
    texts = OWN.split("\n") + EDGE
    glosses = []
    for name in ("noun", "verb", "adj", "adv"):
        with open(f"/usr/share/wordnet/data.{name}", encoding="utf-8") as f:
            glosses += [line.split("| ", 1)[1].strip() for line in f if "| " in line and not line.startswith("  ")]
    texts += [g[:90] for g in r.sample(glosses, 330)]
    names = []
    with open("/usr/share/unicode/UnicodeData.txt", encoding="utf-8") as f:
        for line in f:
            code, name = line.split(";")[:2]
            if not name.startswith("<"):
                names.append((int(code, 16), name.lower()))
    texts += [f"{chr(c)} {name} {chr(c)}x{chr(c)}" for c, name in r.sample(names, 330)]
    words = [w for g in r.sample(glosses, 500) for w in g.split()]
    texts += [parity.random_text(r, words)[:70] for _ in range(420)]
    return texts, glosses


def train(texts, glosses, r, lower):
    t = Tokenizer(WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lower)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(texts + r.sample(glosses, 15000),
                          trainers.WordPieceTrainer(vocab_size=2600, limit_alphabet=420, special_tokens=SPECIALS, show_progress=False))
    vocab = t.get_vocab()
    return {w: i for i, w in enumerate(sorted(vocab, key=lambda w: (SPECIALS.index(w) if w in SPECIALS else 9, vocab[w])))}


def case(t, vocab, text, pair=None, plain=False, split=False, cut=0, how=None):
    t.encode_special_tokens = split
    if cut:
        t.enable_truncation(cut, strategy=how)
    else:
        t.no_truncation()
    e = t.encode(text, pair, add_special_tokens=not plain) if pair is not None else t.encode(text, add_special_tokens=not plain)
    out = {"text": text}
    if pair is not None:
        out["pair"] = pair
    if cut:
        out["max"], out["how"] = cut, how
    if plain:
        out["plain"] = True
    if split:
        out["split"] = True
    out["ids"] = e.ids
    if any(e.type_ids):
        out["types"] = e.type_ids
    out["at"] = [x for o in e.offsets for x in o]
    if e.tokens != [t.id_to_token(i) for i in e.ids]:
        out["tokens"] = e.tokens
    return out


def write(name, cases):
    with open(os.path.join(HERE, name + ".jsonl"), "w", encoding="utf-8") as f:
        for c in cases:
            f.write(json.dumps(c, ensure_ascii=False, separators=(",", ":")) + "\n")


def put(name, filename, value):
    os.makedirs(os.path.join(HERE, name), exist_ok=True)
    with open(os.path.join(HERE, name, filename), "w", encoding="utf-8") as f:
        f.write(value if isinstance(value, str) else json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def main():
    print(f"tokenizers {tokenizers.__version__}, transformers {transformers.__version__}")
    r = random.Random(20)
    texts, glosses = corpus(r)
    specials = [parity.added(i, c, special=True) for i, c in enumerate(SPECIALS)]
    bert_post = parity.posts()[1]

    # uncased: tokenizer.json and every text, then pairs and truncation
    vocab = train(texts, glosses, r, True)
    doc = parity.document(vocab, parity.bert(), parity.PRE["bert"], bert_post, specials)
    doc["truncation"] = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    doc["padding"] = {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}
    put("uncased", "tokenizer.json", doc)
    put("uncased", "tokenizer_config.json", '{"tokenizer_class": "BertTokenizer", "do_lower_case": true, "model_max_length": 512}\n')
    t = Tokenizer.from_file(os.path.join(HERE, "uncased", "tokenizer.json"))
    t.no_padding()
    cases = [case(t, vocab, x) for x in texts]
    short = [x for x in texts if len(x) < 60]
    for _ in range(150):
        a, b = r.choice(short), r.choice(short)
        cut = r.choice([0, 0, 3, 5, 8, 12, 20])
        how = "longest_first"
        if cut and r.random() < 0.4:
            how = r.choice(["only_first", "only_second"])
        try:
            cases.append(case(t, vocab, a, b, plain=r.random() < 0.2, split=r.random() < 0.2, cut=cut, how=how))
        except Exception:
            pass
    write("uncased", cases)

    # cased: vocab.txt, as transformers opens it
    vocab = train(texts, glosses, r, False)
    put("cased", "vocab.txt", "\n".join(vocab) + "\n")
    put("cased", "tokenizer_config.json", '{"tokenizer_class": "BertTokenizer", "do_lower_case": false, "model_max_length": '
                                          '1000000000000000019884624838656}\n')
    put("cased", "config.json", '{"model_type": "bert"}\n')
    from transformers import AutoTokenizer
    t = AutoTokenizer.from_pretrained(os.path.join(HERE, "cased")).backend_tokenizer
    t.no_padding()
    write("cased", [case(t, vocab, x) for x in texts[::3]])

    # small vocabularies for everything else
    small = parity.small_vocab(r)
    pool = OWN.split("\n")[:20:3] + EDGE + ["hello world <x> HELLO Hello caf\u00e9", "<x><xy>  <m>  x", "xhellox hello, <X> the\u00a0<m>", "<m><m> <m>\t<m>",
                                            "Caf\u00e9 CAFE\u0301 cafe", "abab ab x[MASK] y", "the [SEP] abing<x>", "  hello  "]
    flags = [parity.added(len(small), "<x>", lstrip=True), parity.added(len(small) + 1, "<xy>", rstrip=True, special=True),
             parity.added(len(small) + 2, "Hello", normalized=True), parity.added(len(small) + 3, "<m>", lstrip=True, rstrip=True, special=True),
             parity.added(small["the"], "the", single_word=True, normalized=True), parity.added(len(small) + 4, "CAF\u00c9", normalized=True, single_word=True),
             parity.added(len(small) + 5, "y", single_word=True)]
    variants = {
        "added": parity.document(small, parity.bert(), parity.PRE["bert"], bert_post, specials + flags),
        "added_cased": parity.document(small, parity.bert(lower=False), parity.PRE["whitespace"], None, flags),
        "template": parity.document(small, parity.bert(strip=False), parity.PRE["bert"], parity.posts()[3], specials),
        "roberta": parity.document(small, parity.bert(chinese=False), parity.PRE["bert"], parity.posts()[5], specials + [dict(flags[3], id=len(small))]),
        "prefix": parity.document({("@@" + w[2:] if w.startswith("##") and len(w) > 2 else w): i for w, i in small.items()},
                                  parity.bert(clean=False), parity.PRE["bert"], bert_post, specials, unk="x", prefix="@@", longest=5),
        "course": parity.document(small, parity.NORMALIZERS["course"], parity.PRE["whitespace"], bert_post, specials),
        "forms": parity.document(small, parity.NORMALIZERS["nfkd strip nfc"], parity.PRE["split"], None, specials),
        "replace": parity.document(small, parity.NORMALIZERS["replace 2"], parity.PRE["punctuation MergedWithNext"], bert_post, specials),
        "strip": parity.document(small, parity.NORMALIZERS["strip left nfc"], parity.PRE["sequence"], bert_post, specials),
        "prepend": parity.document(small, parity.NORMALIZERS["prepend 2"], parity.PRE["punctuation Contiguous"], None, specials),
    }
    for name, doc in variants.items():
        put(name, "tokenizer.json", doc)
        t = Tokenizer.from_file(os.path.join(HERE, name, "tokenizer.json"))
        cases = [case(t, small, x[:60], split=r.random() < 0.1) for x in pool]
        cases += [case(t, small, r.choice(pool)[:40], r.choice(pool)[:40], plain=r.random() < 0.3) for _ in range(25)]
        write(name, cases)
    print(sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(HERE) for f in fs if "pycache" not in d), "bytes")


if __name__ == "__main__":
    main()
