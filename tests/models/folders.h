/* Copies of the golden models' folders, for tests that change something in one. */
#ifndef HONE_TESTS_MODELS_FOLDERS_H
#define HONE_TESTS_MODELS_FOLDERS_H

#include "tests/test.h"

/* A copy of tests/golden/models/<model>, always under the same path: the one before is gone. Static memory. */
const char *folder_copy(const char *model);
/* In the folder's file, `from` becomes `to`; the whole file when `from` is empty; no file when `to` is NULL. Fails the
 * test when `from` is not there. */
void folder_edit(const char *dir, const char *name, const char *from, const char *to);

#endif
