#include "wire.h"

#include <string.h>

/* Without branches, so that the compiler vectorizes the loop. */
void wire_pack_bf16(uint16_t *out, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &in[i], sizeof u);
        uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1)) >> 16;
        uint32_t quiet = u >> 16 | 0x40; /* a NaN stays a NaN */
        out[i] = (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
    }
}

void wire_unpack_bf16(float *out, const uint16_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u = (uint32_t)in[i] << 16;
        memcpy(&out[i], &u, sizeof u);
    }
}
