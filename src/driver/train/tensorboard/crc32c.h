/* CRC-32C (Castagnoli), as used in the records of event files. */
#ifndef BIFRONS_DRIVER_CRC32C_H
#define BIFRONS_DRIVER_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of RFC 3720: that of "123456789" is 0xE3069283. */
uint32_t crc32c(const void *bytes, size_t n);
/* The checksum rotated right by 15 plus a constant, as TensorBoard wants it. */
uint32_t crc32c_masked(const void *bytes, size_t n);

#endif
