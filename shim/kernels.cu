// Kernels of our own for GPUs, compiled where they run (cuda_kernels.cpp) by NVRTC, which has no
// headers at hand: hence the conversions from and to bfloat16 by bits.
//
// Tensors are matrices of rows (pictures and pixels) and channels, channels innermost; a "pack" is
// as many neighbouring channels as one thread moves at once. A block is packs x rows, and a thread
// keeps to its channels while it walks down the rows: gridDim.x blocks share the rows, gridDim.y
// the channels. Sums are in a fixed order for a given grid.

typedef unsigned short bfloat16;

template <class T, int N> struct alignas(sizeof(T) * N) pack {
    T at[N];
};

__device__ inline float wide(float x)
{
    return x;
}

__device__ inline float wide(bfloat16 x)
{
    return __uint_as_float((unsigned)x << 16);
}

__device__ inline void narrow(float x, float &out)
{
    out = x;
}

// To the nearest, ties to even.
__device__ inline void narrow(float x, bfloat16 &out)
{
    unsigned bits = __float_as_uint(x);
    out = x != x ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

__device__ inline int own_pack()
{
    return blockIdx.y * blockDim.x + threadIdx.x;
}

__device__ inline long first_row()
{
    return (long)blockIdx.x * blockDim.y + threadIdx.y;
}

__device__ inline long row_step()
{
    return (long)gridDim.x * blockDim.y;
}

// x = leaky_relu(x + bias)
template <class T, int N>
__device__ void bias_leaky(pack<T, N> *x, const float *bias, long rows, int packs, float slope)
{
    int own = own_pack();
    if (own >= packs)
        return;
    float b[N];
    for (int i = 0; i < N; i++)
        b[i] = bias[own * N + i];
#pragma unroll 4
    for (long row = first_row(); row < rows; row += row_step()) {
        pack<T, N> v = x[row * packs + own];
        for (int i = 0; i < N; i++) {
            float sum = wide(v.at[i]) + b[i];
            narrow(sum > 0 ? sum : sum * slope, v.at[i]);
        }
        x[row * packs + own] = v;
    }
}

// dx = gradient behind LeakyReLU, y being what that gave; partial[blockIdx.x][channel]: this
// block's part of the bias's gradient. Shared memory: a float for each channel and row of the
// block.
template <class T, int N>
__device__ void bias_leaky_backward(const pack<T, N> *gradient, const pack<T, N> *y, pack<T, N> *dx,
                                    float *partial, long rows, int packs, float slope)
{
    extern __shared__ float sums[];
    int own = own_pack(), width = blockDim.x * N;
    float sum[N] = {};
    if (own < packs) {
#pragma unroll 4
        for (long row = first_row(); row < rows; row += row_step()) {
            pack<T, N> g = gradient[row * packs + own], v = y[row * packs + own];
            for (int i = 0; i < N; i++) {
                float d = wide(g.at[i]);
                d = wide(v.at[i]) > 0 ? d : d * slope;
                sum[i] += d;
                narrow(d, g.at[i]);
            }
            dx[row * packs + own] = g;
        }
    }
    for (int i = 0; i < N; i++)
        sums[threadIdx.y * width + threadIdx.x * N + i] = sum[i];
    __syncthreads();
    if (threadIdx.y > 0 || own >= packs)
        return;
    for (int i = 0; i < N; i++) {
        float all = 0;
        for (int r = 0; r < blockDim.y; r++)
            all += sums[r * width + threadIdx.x * N + i];
        partial[(long)blockIdx.x * packs * N + own * N + i] = all;
    }
}

// out[column] = the sum of parts[..][column]; a block of 32 columns x 8.
extern "C" __global__ void column_sums(const float *parts, float *out, int n_parts, int columns)
{
    __shared__ float sums[8][32];
    int column = blockIdx.x * 32 + threadIdx.x;
    float sum = 0;
    if (column < columns)
        for (int i = threadIdx.y; i < n_parts; i += 8)
            sum += parts[(long)i * columns + column];
    sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || column >= columns)
        return;
    for (int i = 1; i < 8; i++)
        sum += sums[i][threadIdx.x];
    out[column] = sum;
}

#define VARIANT(suffix, T, N)                                                                     \
    extern "C" __global__ void bias_leaky_##suffix(pack<T, N> *x, const float *bias, long rows,   \
                                                   int packs, float slope)                        \
    {                                                                                             \
        bias_leaky(x, bias, rows, packs, slope);                                                  \
    }                                                                                             \
    extern "C" __global__ void bias_leaky_backward_##suffix(const pack<T, N> *gradient,           \
                                                            const pack<T, N> *y, pack<T, N> *dx,  \
                                                            float *partial, long rows, int packs, \
                                                            float slope)                          \
    {                                                                                             \
        bias_leaky_backward(gradient, y, dx, partial, rows, packs, slope);                        \
    }

VARIANT(f32, float, 4)
VARIANT(f32_single, float, 1)
VARIANT(bf16, bfloat16, 8)
VARIANT(bf16_single, bfloat16, 1)
