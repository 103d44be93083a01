/* Uses Intel's ISA-L, and with it the CRC instruction of the CPU, if it has one. */
#include "crc32c.h"

#include <isa-l/crc.h>

#include "base/checked.h"

#include "base/poison.h"

static const size_t piece_bytes = 1u << 30; /* ISA-L counts in int */

uint32_t crc32c(const void *bytes, size_t n)
{
    unsigned char *p =
        (unsigned char *)(uintptr_t)bytes; /* ISA-L only reads, but does not say so */
    uint32_t crc = 0xFFFFFFFFu;
    while (n > 0) {
        size_t piece = MIN(n, piece_bytes);
        crc = crc32_iscsi(p, (int)piece, crc);
        p += piece;
        n -= piece;
    }
    return ~crc;
}

uint32_t crc32c_masked(const void *bytes, size_t n)
{
    uint32_t crc = crc32c(bytes, n);
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}
