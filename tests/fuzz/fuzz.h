/*
 * What the fuzzers share. A fuzzer is a function that gives bytes to one reader:
 *
 *     int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
 *     {
 *         struct weights *w = NULL;
 *         if (weights_open(fuzz_file(data, n), &w, NULL) == ST_OK)
 *             weights_free(w);
 *         return 0;
 *     }
 *
 * It fails by a crash, a report of a sanitizer, a leak, more than 10 s or more than 512 MB. What
 * cannot be written ends the program.
 */
#ifndef BIFRONS_FUZZ_H
#define BIFRONS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t room);

/* The path of a file in memory with these bytes, until the next call. */
const char *fuzz_file(const uint8_t *data, size_t n);
/* The path of a folder of this process in memory; it is removed at the end. */
const char *fuzz_folder(void);
/* Writes or replaces a file in that folder and returns its path, until the next call. */
const char *fuzz_file_in_folder(const char *name, const uint8_t *data, size_t n);

/* Cuts the next part off an input whose parts end with the byte 0xFF, which no text in UTF-8 has.
 * The last part is all that is left. Returns its bytes. */
size_t fuzz_part(const uint8_t **at, size_t *left, const uint8_t **part);
/* The bytes as text with a zero at the end; the caller frees. Ends at a zero among them. */
char *fuzz_text(const uint8_t *data, size_t n);

/* Makes the checksums right, without which a changed archive or PNG is refused at once. */
void fuzz_repair_zip(uint8_t *data, size_t n);
void fuzz_repair_png(uint8_t *data, size_t n);

#endif
