/* What `hone embed` and `hone bench embed` agree on. */
#ifndef HONE_TOOLS_EMBED_H
#define HONE_TOOLS_EMBED_H

/* What --batch-size counts as one row: a batch holds batch-size times so many tokens. */
#define HONE_EMBED_ROW_TOKENS 64

#endif
