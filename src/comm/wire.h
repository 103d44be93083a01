/* Packs fp32 gradients to bf16 (nearest, ties to even) for sending, and unpacks them. */
#ifndef BIFRONS_COMM_WIRE_H
#define BIFRONS_COMM_WIRE_H

#include <stddef.h>
#include <stdint.h>

void wire_pack_bf16(uint16_t *out, const float *in, size_t n);
void wire_unpack_bf16(float *out, const uint16_t *in, size_t n);

#endif
