# Hone. `make help` lists what there is. Output goes to build/ only; V=1 shows commands; ONLY=room picks tests.
# As many jobs as processors; -jN or MAKEFLAGS=-jN says otherwise.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
ifeq ($(origin CC),default)
CC      := gcc
endif
PREFIX  ?= /usr/local
CONFIG  ?= release
VERSION := 0.1.0
DATE    := 2026-11-21
# Objects of two compilers never mix.
BUILD   := build/$(CONFIG)$(if $(findstring clang,$(CC)),-clang)

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
ifeq ($(findstring clang,$(CC)),) # clang warns of every INFINITY, which is a float
WARN    += -Wdouble-promotion
endif
OPT     := -O3
DEFS    := -D_GNU_SOURCE -DHONE_VERSION='"$(VERSION)"' -DHONE_DATE='"$(DATE)"' -DHONE_CONFIG='"$(CONFIG)"'
ifeq ($(CONFIG),test)   # the same optimisation, plus fault hooks, poisoned arenas and asserts
DEFS    += -DHONE_TEST_HOOKS
endif
ifeq ($(CONFIG),fuzz)   # clang's libFuzzer
DEFS    += -DHONE_TEST_HOOKS
OPT     := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow -fno-sanitize-recover=all
LDFLAGS += -fsanitize=fuzzer,address,undefined
endif
ifeq ($(CONFIG),gcov)   # which lines of the parsers the kinds and the kept corpus reach
DEFS    += -DHONE_TEST_HOOKS
OPT     := -O0 --coverage
LDFLAGS += --coverage
endif
# What reads files of strangers, and the checkpoints: looked at closest by asan (clang), cov and mutants.
PARSERS := $(filter-out %/unicode_tables.c,$(wildcard base/json*.c base/io_reader.c base/utf8.c tensor/safetensors*.c data/csv.c data/jsonl.c \
           data/ejson.c data/table.c data/roles.c data/tokenizer/*.c models/model.c models/bert.c models/sentence.c models/weights.c \
           train/checkpoint.c))
ifeq ($(CONFIG),asan)
DEFS    += -DHONE_TEST_HOOKS
OPT     := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all
LDFLAGS += -fsanitize=address,undefined
endif
# gcc knows neither: an unsigned number that wraps, a value that a conversion changes.
ifneq ($(and $(filter asan fuzz,$(CONFIG)),$(findstring clang,$(CC))),)
$(PARSERS:%.c=$(BUILD)/%.o): OPT += -fsanitize=integer,implicit-conversion -fno-sanitize-recover=all
LDFLAGS += -fsanitize=integer,implicit-conversion
endif
ifeq ($(CONFIG),tsan)
DEFS    += -DHONE_TEST_HOOKS
OPT     := -O1 -fno-omit-frame-pointer -fsanitize=thread
LDFLAGS += -fsanitize=thread
endif
PKGS    := jansson libutf8proc zlib
CFLAGS   = -g $(OPT) $(WARN)
# Whatever the user's CFLAGS and CPPFLAGS are: no fused products that the text does not have, or bits would depend on the compiler.
override CFLAGS += -std=c11 -fPIC -ffp-contract=off
ALL_CPPFLAGS = $(CPPFLAGS) -I. $(DEFS) $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS    := $(shell pkg-config --libs $(PKGS) 2>/dev/null || echo -ljansson -lutf8proc -lz) -lm -lpthread

# A missing package is one clear line rather than a compiler's page; goals that compile nothing need none.
GOALS   := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out help clean format layers uninstall,$(GOALS)),)
NEEDED  := $(PKGS) $(if $(filter test asan tsan cov mutants baddata mistakes nan emulated avx512,$(GOALS) $(CONFIG)),cmocka)
MISSING := $(shell for p in $(NEEDED); do pkg-config --exists $$p 2>/dev/null || echo $$p; done; command -v $(firstword $(CC)) >/dev/null || echo $(firstword $(CC)))
ifneq ($(MISSING),)
$(error not found: $(MISSING). hint: "tools/setup make $(GOALS)" installs it)
endif
ifdef CUDA
$(error CUDA=1: this release has no CUDA kernels yet. hint: leave CUDA out, the CPU build is complete by itself)
endif
endif

ROOMS   := base kernels kernels/* tensor autograd autograd/ops nn losses models data data/* eval train
LIB_SRC := $(sort $(foreach r,$(ROOMS),$(wildcard $(r)/*.c)))
CMD_SRC := $(sort $(wildcard tools/*.c))
# Each program of tests/reliability is a target of its own, not a test of the suite.
TEST_SRC:= $(sort $(filter-out tests/reliability/% tests/fuzz/main.c,$(wildcard tests/*.c tests/*/*.c tests/*/*/*.c)))
PROOFS  := signals powerloss kill9 bitflip iofault oom soak malformed
# Parsers as functions of bytes: for malformed, for the fuzzers, and for the tests, which replay what the fuzzers kept.
FUZZ_OBJ = $(addprefix $(BUILD)/tests/fuzz/,targets.o files.o folders.o)
# What every proof stands on, the command's main among it, and malformed's own.
PROOF_OBJ := $(patsubst %,$(BUILD)/tests/reliability/%.o,common command faults disk) $(BUILD)/proofs/hone_main.o
MALFORMED_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/reliability/malformed*.c)) $(FUZZ_OBJ)
EXP_SRC := $(sort $(wildcard experiments/*.c))
# Installed: the pages of hone.h and what they stand on (kernels/simd.h: for rows of one's own).
HEADERS := $(filter-out %internal.h,$(sort $(wildcard hone.h) $(foreach r,$(ROOMS),$(wildcard $(r)/*.h $(r)/*.def))))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CMD_OBJ := $(CMD_SRC:%.c=$(BUILD)/%.o)
TEST_OBJ:= $(TEST_SRC:%.c=$(BUILD)/%.o)
EXP_BIN := $(EXP_SRC:%.c=$(BUILD)/%)
# The command without its main: what tests/tools/*.c call directly.
TOOL_OBJ:= $(filter-out $(BUILD)/tools/hone.o,$(CMD_OBJ))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)';)

.PHONY: all lib experiments test asan tsan cov mutants baddata mistakes nan emulated avx512 forecast chunk fuzz fuzz-cov $(PROOFS) bench compare plots demo layers docs install uninstall format format-check help clean
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY: $(EXP_SRC:%.c=$(BUILD)/%.o) $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/reliability/*.c))

all: build/hone $(BUILD)/libhone.so experiments ## the command build/hone, the static and shared library, the experiments
lib: $(BUILD)/libhone.a $(BUILD)/libhone.so ## libhone.a and libhone.so
experiments: $(EXP_BIN) ## one binary per experiments/*.c

# The instruction set comes from a file's name and nowhere else.
%_avx2.o: ISA := -mavx2 -mfma -mf16c
AVX512  := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -mprefer-vector-width=512
%_avx512.o: ISA := $(AVX512)
%_avxvnni.o: ISA := -mavx2 -mfma -mf16c -mavxvnni
%_avx512vnni.o: ISA := $(AVX512) -mavx512vnni
%_avx512bf16.o: ISA := $(AVX512) -mavx512bf16

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CPPFLAGS) $(CFLAGS) $(ISA) -MMD -MP -c $< -o $@

$(BUILD)/libhone.a: $(LIB_OBJ)
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $(LIB_OBJ)

$(BUILD)/libhone.so: $(LIB_OBJ)
	$(call say,LD,$@)$(CC) -shared -Wl,-soname,libhone.so.0 $(LDFLAGS) -o $@ $(LIB_OBJ) $(LIBS)

$(BUILD)/hone: $(CMD_OBJ) $(BUILD)/libhone.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(CMD_OBJ) $(BUILD)/libhone.a $(LIBS)

ifeq ($(CONFIG),release)
build/hone: $(BUILD)/hone
	$(Q)ln -sfn $(notdir $(BUILD))/hone $@
else
build/hone: $(BUILD)/hone # build/hone is always the release one
endif

# new_op brings the rows of its kernels.
$(BUILD)/experiments/new_op: $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard experiments/softcap/*.c)))
$(BUILD)/experiments/%: $(BUILD)/experiments/%.o $(BUILD)/libhone.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libhone.a $(LIBS)

$(BUILD)/hone-tests: $(TEST_OBJ) $(TOOL_OBJ) $(BUILD)/libhone.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(TEST_OBJ) $(TOOL_OBJ) $(BUILD)/libhone.a -lcmocka $(LIBS)

-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(BUILD)/tests/fuzz/main.d $(wildcard $(BUILD)/tests/reliability/*.d) $(EXP_SRC:%.c=$(BUILD)/%.d) $(wildcard $(BUILD)/experiments/*/*.d)

ifeq ($(CONFIG),release)
test: build/hone lib experiments ## every test; `make test ONLY=softmax` runs one room's
	$(Q)HONE_CC='$(CC)' $(MAKE) --no-print-directory CONFIG=test test
else
# HONE_CC: the release library is there to be installed by a test.
test: $(BUILD)/hone-tests $(BUILD)/hone $(EXP_BIN)
	$(Q)HONE_BIN=$(BUILD)/hone $(BUILD)/hone-tests $(ONLY)
endif

asan: ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 $(MAKE) --no-print-directory CONFIG=asan test

tsan: ## the tests under ThreadSanitizer
	$(Q)TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 $(MAKE) --no-print-directory CONFIG=tsan test

# Both take the objects of the test build and compile the parsers alone in their own way: cov without optimising, which makes
# other branches than the text has; mutants one at a time.
cov: ## lines and branches of parsers and checkpoints that the tests reach, file by file; ONLY=room
	$(Q)$(MAKE) --no-print-directory CONFIG=test cov-run
# N=100 mutants of SEED=1; JOBS at a time, LIMIT seconds in all, TIMEOUT of processor time a room: see tests/reliability/mutants.sh.
export N SEED JOBS LIMIT TIMEOUT
mutants: ## N=100 small changes in parsers and checkpoints, one at a time: at least 90 % found by a test; SEED= JOBS= LIMIT=
	$(Q)$(MAKE) --no-print-directory CONFIG=test mutants-run

ifeq ($(CONFIG),test)
COV_OBJ := $(PARSERS:%.c=build/cov/%.o)
MALFORMED := $(MALFORMED_OBJ) $(PROOF_OBJ) $(TOOL_OBJ)
build/cov/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CPPFLAGS) $(filter-out -O3,$(CFLAGS)) -O0 --coverage -include tests/reliability/cov.h -MMD -MP -c $< -o $@
build/cov/hone-tests: $(COV_OBJ) $(TEST_OBJ) $(TOOL_OBJ) $(BUILD)/libhone.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) --coverage -o $@ $(TEST_OBJ) $(TOOL_OBJ) $(COV_OBJ) $(BUILD)/libhone.a -lcmocka $(LIBS)
build/cov/hone: $(COV_OBJ) $(CMD_OBJ) $(BUILD)/libhone.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) --coverage -o $@ $(CMD_OBJ) $(COV_OBJ) $(BUILD)/libhone.a $(LIBS)
build/cov/malformed: $(COV_OBJ) $(MALFORMED) $(BUILD)/libhone.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) --coverage -o $@ $(MALFORMED) $(COV_OBJ) $(BUILD)/libhone.a $(LIBS)
-include $(COV_OBJ:.o=.d)
cov-run: build/cov/hone-tests build/cov/hone build/cov/malformed $(EXP_BIN)
	$(Q)ln -sfn ../$(notdir $(BUILD))/experiments build/cov/experiments # a room looks for them beside the command
	$(Q)find build/cov -name '*.gcda' -delete
	$(Q)HONE_BIN=build/cov/hone build/cov/hone-tests $(ONLY) >build/cov/tests.log 2>&1 || { tail -n 40 build/cov/tests.log; exit 1; }
	$(Q)build/cov/malformed
	$(Q)tests/reliability/coverage.sh build/cov $(PARSERS)

mutants-run: export COMPILE = $(CC) $(ALL_CPPFLAGS) $(filter-out -O3,$(CFLAGS)) -O1 -g0 -w
mutants-run: export LINK_TESTS = $(CC) $(LDFLAGS) -o OUT $(TEST_OBJ) $(TOOL_OBJ) MUTANT $(BUILD)/libhone.a -lcmocka $(LIBS)
mutants-run: export LINK_HONE = $(CC) $(LDFLAGS) -o OUT $(CMD_OBJ) MUTANT $(BUILD)/libhone.a $(LIBS)
mutants-run: export LINK_MALFORMED = $(CC) $(LDFLAGS) -o OUT $(MALFORMED) MUTANT $(BUILD)/libhone.a $(LIBS)
mutants-run: $(BUILD)/hone-tests $(BUILD)/hone $(BUILD)/proofs/malformed
	$(Q)BUILD=$(BUILD) tests/reliability/mutants.sh $(PARSERS)
endif

baddata: build/hone ## 10,000 rows, 1 % of them bad in twenty ways, as JSON lines and as CSV: each named, each skipped
	$(Q)$(MAKE) --no-print-directory CONFIG=test build/test/hone-tests build/test/hone
	$(Q)if HONE_BIN=build/test/hone build/test/hone-tests baddata >build/test/baddata.log 2>&1; \
	    then echo 'baddata: 200/200 PASS'; else cat build/test/baddata.log; echo 'baddata: below 200/200 FAIL'; exit 1; fi

# Each runs its program from the root of the tree with a hone that has the fault hooks; the page of each is the head of its file.
mistakes: ## 150 wrong command lines: exit 2, at most three lines, under a second
	$(Q)$(MAKE) --no-print-directory CONFIG=test build/test/hone-tests build/test/hone
	$(Q)HONE_BIN=build/test/hone build/test/hone-tests mistakes >build/test/mistakes.log 2>&1; s=$$?; \
	    grep '^mistakes: ' build/test/mistakes.log || { cat build/test/mistakes.log; echo 'mistakes: FAIL'; }; exit $$s
nan: ## a NaN behind every operation of a step of each model and loss: caught in that step, named, no weight changed
	$(Q)$(MAKE) --no-print-directory CONFIG=test build/test/hone-tests
	$(Q)HONE_NAN_STRIDE=1 build/test/hone-tests nan >build/test/nan.log 2>&1; s=$$?; \
	    grep '^nan: ' build/test/nan.log || { cat build/test/nan.log; echo 'nan: FAIL'; }; exit $$s
powerloss: ## 2,000 states of a disk after the power failed: what was not synced lost, reordered, torn; STATES=2000
signals: ## SIGINT, SIGTERM, SIGHUP at every file operation of a run and at random moments; a second one; then --resume
kill9: ## kill -9 at random moments and at every file operation, then --resume; KILLS=200 RUNS=20
bitflip: ## every bit of a checkpoint and of a model file's header flipped: found, or harmless
iofault: ## every file operation of every command failing in turn, once and for ever
soak: ## 5,000 steps with dropout, evaluations and checkpoints: memory and open files must not grow after step 100
oom: ## every allocation of every command failing in turn, once and for ever
malformed: ## 880 named kinds of bad files, JSONTestSuite, every prefix of a good file of each sort
$(PROOFS):
	$(Q)$(MAKE) --no-print-directory CONFIG=test build/test/proofs/$@
	$(Q)build/test/proofs/$@

emulated: ## every test with the AVX-512, VNNI and BF16 rows in plain C, on any machine with AVX2; ONLY=room
	$(Q)HONE_TEST_EMULATE=1 $(MAKE) --no-print-directory CONFIG=test test

# Minutes to an hour: everything but the two programs is emulated, one instruction after another.
avx512: ## the kernels' tests on an emulated processor with AVX-512; ROOMS= CPUS= LIMIT=3600 (tests/kernels/avx512.sh)
	$(Q)$(MAKE) --no-print-directory CONFIG=test build/test/hone-tests build/test/hone
	$(Q)tests/kernels/avx512.sh build/test/hone-tests build/test/hone

forecast: build/hone ## hone train --dry-run against the runs that follow: memory and time within 20 %; FORECAST_MODEL=DIR for a real model
	$(Q)$(MAKE) --no-print-directory CONFIG=test build/test/proofs/forecast
	$(Q)HONE_BIN=build/hone build/test/proofs/forecast

chunk: build/hone ## the gradient cache of a real model: at most 1.35 times a plain step, 4,096 pairs in 1.2 GB; CHUNK_MODEL=DIR
	$(Q)$(MAKE) --no-print-directory CONFIG=test build/test/proofs/chunk
	$(Q)HONE_BIN=build/hone build/test/proofs/chunk

# The command's main under another name: the proofs call it in forks of their own, thousands of times.
$(BUILD)/proofs/hone_main.o: tools/hone.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CPPFLAGS) $(filter-out -Wmissing-prototypes,$(CFLAGS)) -Dmain=hone_main -MMD -MP -c $< -o $@

$(BUILD)/proofs/%: $(BUILD)/tests/reliability/%.o $(PROOF_OBJ) $(TOOL_OBJ) $(BUILD)/libhone.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# One target a parser, FUZZ_SECONDS for all of them together; FUZZ_ONLY="json csv" picks. Crashes go to build/fuzz-found/.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS := json safetensors shards csv jsonl array gzip table_gz ejson tokenizer vocab model checkpoint
fuzz: ## each parser under libFuzzer with sanitizers; FUZZ_SECONDS=600 FUZZ_ONLY="json csv"
	$(Q)tests/fuzz/fuzz.sh $(FUZZ_SECONDS) $(or $(FUZZ_ONLY),$(FUZZ_TARGETS))
$(BUILD)/fuzz/%: tests/fuzz/main.c $(FUZZ_OBJ) $(BUILD)/libhone.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_CPPFLAGS) $(CFLAGS) $(LDFLAGS) -DFUZZ_TARGET='"$*"' -o $@ $^ $(LIBS)
fuzz-cov: ## lines of the parsers that the named kinds and the kept corpus reach
	$(Q)$(MAKE) --no-print-directory CONFIG=gcov build/gcov/proofs/malformed build/gcov/hone-tests
	$(Q)tests/fuzz/coverage.sh

$(BUILD)/proofs/malformed: $(MALFORMED_OBJ)

bench: build/hone ## every kernel against the roof of this machine, and whole training steps
	$(Q)build/hone bench kernels
	$(Q)build/hone bench step --arch minilm-l6 --batch 16 --tokens 128 --dropout 0.1

# PAIRS, BUDGET (seconds a row), ONLY (rows), THREADS, COMPARE_MODEL, COMPARE_PYTHON, COMPARE_PIP: see bench/README.md.
compare: build/hone ## Hone and PyTorch in turns on the same work; PAIRS=3 for a quick look (bench/README.md)
	$(Q)python3 bench/compare.py $(if $(PAIRS),--pairs $(PAIRS)) $(if $(BUDGET),--budget $(BUDGET)) $(if $(THREADS),--threads $(THREADS)) \
	    --only '$(ONLY)' --model '$(COMPARE_MODEL)' --python '$(COMPARE_PYTHON)'

plots: build/hone ## docs/plots/*.svg: a step's time against tokens, length, threads and width
	$(Q)python3 bench/plots.py

demo: build/hone ## fine-tune a real model on real pairs, before and after; at most three minutes on two cores
	$(Q)tools/demo.sh

layers: ## fail on an #include that points up (tools/layers.sh)
	$(Q)tools/layers.sh

docs: ## the API reference in build/docs/html, by doxygen; a public name without a comment is an error
	$(Q)command -v doxygen >/dev/null || { echo 'make docs: doxygen not found. hint: apt-get install doxygen'; exit 1; }
	$(Q)mkdir -p build/docs && { cat docs/Doxyfile; echo 'INPUT = $(sort $(filter %.h,$(shell $(CC) $(ALL_CPPFLAGS) -MM hone.h)))'; } | doxygen - && echo 'docs: build/docs/html/index.html'

# PREFIX says where; DESTDIR is put before it for packagers. Man pages are the help pages.
ifeq ($(filter /%,$(PREFIX)),) # hone.pc must find it from anywhere
override PREFIX := $(CURDIR)/$(PREFIX)
endif
bindir := $(DESTDIR)$(PREFIX)/bin
libdir := $(DESTDIR)$(PREFIX)/lib
incdir := $(DESTDIR)$(PREFIX)/include/hone
mandir := $(DESTDIR)$(PREFIX)/share/man/man1
install: build/hone lib ## command, libraries, headers, pkg-config file, man pages; PREFIX=/usr/local DESTDIR=
	$(Q)install -d '$(bindir)' '$(libdir)/pkgconfig' '$(incdir)' '$(mandir)'
	$(Q)install -m 755 $(BUILD)/hone '$(bindir)/hone'
	$(Q)install -m 644 $(BUILD)/libhone.a '$(libdir)/libhone.a'
	$(Q)install -m 755 $(BUILD)/libhone.so '$(libdir)/libhone.so.0' && ln -sfn libhone.so.0 '$(libdir)/libhone.so'
	$(Q)for h in $(HEADERS); do install -D -m 644 $$h '$(incdir)'/$$h || exit 1; done
	$(Q)sed -e 's|@PREFIX@|$(subst $(subst ,, ),\\ ,$(PREFIX))|; s|@VERSION@|$(VERSION)|' hone.pc.in > '$(libdir)/pkgconfig/hone.pc'
	$(Q)$(BUILD)/hone help --man > '$(mandir)/hone.1'
	$(Q)$(BUILD)/hone help --list | while read -r c; do \
	    $(BUILD)/hone help --man $$c > '$(mandir)'/hone-$$(echo $$c | tr ' ' -).1 || exit 1; done
# The loader looks into the system's own folders through a cache.
	$(Q)case '$(DESTDIR):$(PREFIX)' in :/usr | :/usr/local) ldconfig 2>/dev/null || echo "run ldconfig as root before programs use $(libdir)/libhone.so";; esac

uninstall: ## remove what install put there
	$(Q)rm -f '$(bindir)/hone' '$(libdir)/libhone.a' '$(libdir)/libhone.so.0' '$(libdir)/libhone.so' \
	    '$(libdir)/pkgconfig/hone.pc' '$(mandir)/hone.1' '$(mandir)'/hone-*.1
	$(Q)rm -rf '$(incdir)'

# Other versions break lines in other places.
CLANG_FORMAT ?= clang-format
FORMATTED = hone.h $(sort $(firstword $(ROOMS)) $(ROOMS:/*=) tools tests experiments)
format: ## clang-format 14 over every source
	$(Q)find $(FORMATTED) -name '*.[ch]' -exec $(CLANG_FORMAT) -i {} +

format-check: ## fail where a source is not as clang-format 14 leaves it
	$(Q)find $(FORMATTED) -name '*.[ch]' -exec $(CLANG_FORMAT) --dry-run -Werror {} + && echo 'format: every source is as clang-format leaves it'

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

clean: ## remove build/
	rm -rf build
