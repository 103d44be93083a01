/* CRC-32C (Castagnoli), as the records of event files carry it. */
#ifndef BIFRONS_DRIVER_CRC32C_H
#define BIFRONS_DRIVER_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of RFC 3720: that of "123456789" is 0xE3069283. */
uint32_t crc32c(const void *bytes, size_t n);
/* Rotated right by 15 plus a constant, so that data which holds checksums keeps a useful one. */
uint32_t crc32c_masked(const void *bytes, size_t n);

#endif
