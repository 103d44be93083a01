#include "base/philox.h"

#include <math.h>

enum { ROUNDS = 10 };

static void multiply(uint32_t a, uint32_t b, uint32_t *high, uint32_t *low)
{
    uint64_t product = (uint64_t)a * b;
    *high = (uint32_t)(product >> 32);
    *low = (uint32_t)product;
}

void philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t high0, low0, high1, low1;
        multiply(0xD2511F53u, c0, &high0, &low0);
        multiply(0xCD9E8D57u, c2, &high1, &low1);
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

struct philox philox_at(uint64_t seed, enum philox_stream stream, uint64_t index)
{
    return (struct philox){
        .key = {(uint32_t)seed,   (uint32_t)(seed >> 32) },
        .counter = { 0, (uint32_t)stream, (uint32_t)index, (uint32_t)(index >> 32)},
        .used = 4,
    };
}

uint32_t philox_u32(struct philox *p)
{
    if (p->used == 4) {
        philox_block(p->counter, p->key, p->block);
        p->counter[0]++; /* overflows after 2^34 words of one index: nothing here draws so many */
        p->used = 0;
    }
    return p->block[p->used++];
}

uint64_t philox_u64(struct philox *p)
{
    uint64_t high = philox_u32(p);
    return high << 32 | philox_u32(p);
}

uint64_t philox_below(struct philox *p, uint64_t n)
{
    uint64_t reject_below = (0 - n) % n; /* 2^64 mod n: rejecting these removes the bias */
    uint64_t x;
    do
        x = philox_u64(p);
    while (x < reject_below);
    return x % n;
}

float philox_uniform(struct philox *p, float low, float high)
{
    float unit = (float)(philox_u32(p) >> 8) * 0x1p-24f;
    return low + (high - low) * unit;
}

float philox_normal(struct philox *p)
{
    const float two_pi = 6.28318530717958647692f;
    float u = ((float)(philox_u32(p) >> 8) + 0.5f) * 0x1p-24f; /* never 0, for the logarithm */
    float v = (float)(philox_u32(p) >> 8) * 0x1p-24f;
    return sqrtf(-2.0f * logf(u)) * cosf(two_pi * v);
}
