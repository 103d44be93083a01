// Our own GPU kernels. NVRTC compiles them at run time (cuda_kernels.cpp) without CUDA's headers,
// so bfloat16 is converted by its bits.
//
// A tensor is a matrix: rows are pixels of all pictures, columns are channels. A "pack" is the
// group of neighbouring channels that one thread moves at once. A block has packs x rows threads; a
// thread keeps its channels and moves down the rows. gridDim.x blocks divide the rows, gridDim.y
// blocks the channels. Sums have a fixed order for a given grid.

typedef unsigned short bfloat16;

template <class T, int N> struct alignas(sizeof(T) * N) pack {
    T at[N];
};

__device__ inline float widened(float x)
{
    return x;
}

__device__ inline float widened(bfloat16 x)
{
    return __uint_as_float((unsigned)x << 16);
}

__device__ inline void narrow(float x, float &out)
{
    out = x;
}

// Rounds to nearest, ties to even.
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
            float sum = widened(v.at[i]) + b[i];
            narrow(sum > 0 ? sum : sum * slope, v.at[i]);
        }
        x[row * packs + own] = v;
    }
}

// dx = the gradient of LeakyReLU's input; y is its output, which is > 0 exactly where the input
// was, since slope > 0. partial[blockIdx.x][channel] = this block's part of the bias's gradient,
// summed by column_sums in parameter_gradients. Shared memory: a float for each channel and row of
// the block.
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
                float d = widened(g.at[i]);
                d = widened(v.at[i]) > 0 ? d : d * slope;
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

enum { WIDE = 8, HIGH = 128 }; // columns and rows of threads of a block that sums columns

// out[column] = the sum of parts[..][column], such as `partial` of bias_leaky_backward. A block of
// WIDE * HIGH threads has WIDE columns.
__device__ void column_sums(const float *parts, float *out, int n_parts, int columns)
{
    __shared__ float sums[HIGH][WIDE];
    int x = threadIdx.x % WIDE, y = threadIdx.x / WIDE, column = blockIdx.x * WIDE + x;
    float sum = 0;
    if (column < columns) {
#pragma unroll 8
        for (int i = y; i < n_parts; i += HIGH)
            sum += parts[(long)i * columns + column];
    }
    sums[y][x] = sum;
    for (int half = HIGH / 2; half > 0; half /= 2) {
        __syncthreads();
        if (y < half)
            sums[y][x] += sums[y + half][x];
    }
    if (y == 0 && column < columns)
        out[column] = sums[0][x];
}

// Converts a convolution's weights from (rows, channels, taps) in float to (rows, taps, channels)
// in T, and back. Both move the taps of one (row, channel), the pair.
template <class T>
__device__ void taps_outward(const float *from, T *to, long pair, int channels, int taps)
{
    long row = pair / channels, channel = pair % channels;
#pragma unroll 16
    for (int tap = 0; tap < taps; tap++)
        narrow(from[pair * taps + tap], to[(row * taps + tap) * channels + channel]);
}

template <class T>
__device__ void taps_inward(const T *from, float *to, long pair, int channels, int taps)
{
    long row = pair / channels, channel = pair % channels;
#pragma unroll 16
    for (int tap = 0; tap < taps; tap++)
        to[pair * taps + tap] = widened(from[(row * taps + tap) * channels + channel]);
}

// One weight of all that a flat array holds.
struct weight {
    long first_pair, from, to, channels, taps; // from, to: its first element in either array
};

// taps_outward of n weights, a thread for each of their pairs. table: the weights, ascending by
// first_pair.
template <class T>
__device__ void turn_all_weights(const float *from, T *to, const weight *table, int n, long pairs)
{
    long own = (long)blockIdx.x * blockDim.x + threadIdx.x;
    if (own >= pairs)
        return;
    int low = 0; // find the weight that owns this pair
    for (int high = n; high - low > 1;) {
        int middle = (low + high) / 2;
        (table[middle].first_pair <= own ? low : high) = middle;
    }
    weight w = table[low];
    taps_outward(from + w.from, to + w.to, own - w.first_pair, (int)w.channels, (int)w.taps);
}

// The first bias_blocks blocks add up the bias's gradient; in the others a thread moves a pair of
// the weight's.
template <class T>
__device__ void parameter_gradients(const float *parts, float *bias, int n_parts, int columns,
                                    int bias_blocks, const T *from, float *to, long pairs,
                                    int channels, int taps)
{
    if (blockIdx.x < bias_blocks) {
        column_sums(parts, bias, n_parts, columns);
        return;
    }
    long pair = (long)(blockIdx.x - bias_blocks) * blockDim.x + threadIdx.x;
    if (pair < pairs)
        taps_inward(from, to, pair, channels, taps);
}

// sums[chunk] = the sum of squares of elements [chunk * each, (chunk + 1) * each). A block has 8
// chunks of 32 threads.
extern "C" __global__ void chunk_squares(const float *x, double *sums, long count, int each)
{
    enum { LANES = 32, CHUNKS = 8 };
    __shared__ double squares[CHUNKS][LANES];
    long chunk = (long)blockIdx.x * CHUNKS + threadIdx.y, first = chunk * each;
    double sum = 0;
    for (int i = threadIdx.x; i < each; i += LANES)
        if (first + i < count)
            sum += (double)x[first + i] * x[first + i];
    squares[threadIdx.y][threadIdx.x] = sum;
    for (int half = LANES / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half)
            squares[threadIdx.y][threadIdx.x] += squares[threadIdx.y][threadIdx.x + half];
    }
    if (threadIdx.x == 0 && first < count)
        sums[chunk] = squares[threadIdx.y][0];
}

#define BIAS_LEAKY_KERNELS(suffix, T, N)                                                          \
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

// Copies the 4 x 4 windows of a convolution of stride 2 and padding 1: from pictures
// (n, 2 high, 2 wide, channels) to (n, high, wide, 4, 4, channels), with zeros outside. A thread
// copies one row of one window; count = n * high * wide * 4.
template <class From, class To>
__device__ void gather_windows(const From *from, To *to, long count, int high, int wide,
                               int channels)
{
    long own = (long)blockIdx.x * blockDim.x + threadIdx.x;
    if (own >= count)
        return;
    long window = own / 4, cell_row = window / wide;
    int y = (int)(cell_row % high) * 2 + (int)(own % 4) - 1, x = (int)(window % wide) * 2 - 1;
    const From *row = from + (cell_row / high * 2 * high + y) * 2 * wide * channels;
    to += own * 4 * channels;
    for (int tap = 0; tap < 4; tap++)
        for (int c = 0; c < channels; c++) {
            bool inside = y >= 0 && y < 2 * high && x + tap >= 0 && x + tap < 2 * wide;
            float value = inside ? widened(row[(x + tap) * channels + c]) : 0.0f;
            narrow(value, to[tap * channels + c]);
        }
}

// The transpose: adds overlapping windows up to pictures. A thread computes one pixel;
// count = n * 2 high * 2 wide.
template <class T>
__device__ void scatter_windows(const T *from, T *to, long count, int high, int wide, int channels)
{
    long own = (long)blockIdx.x * blockDim.x + threadIdx.x;
    if (own >= count)
        return;
    int x = (int)(own % (2 * wide)), y = (int)(own / (2 * wide) % (2 * high));
    long picture = own / (2 * wide) / (2 * high);
    for (int c = 0; c < channels; c++) {
        float sum = 0;
        for (int i = (y + 1) / 2 - 1; i <= (y + 1) / 2; i++)
            for (int j = (x + 1) / 2 - 1; j <= (x + 1) / 2; j++)
                if (i >= 0 && i < high && j >= 0 && j < wide) {
                    int tap = (y + 1 - 2 * i) * 4 + x + 1 - 2 * j;
                    sum += widened(
                        from[(((picture * high + i) * wide + j) * 16 + tap) * channels + c]);
                }
        narrow(sum, to[own * channels + c]);
    }
}

#define WINDOWS(suffix, From, To)                                                            \
    extern "C" __global__ void gather_windows_##suffix(const From *from, To *to, long count, \
                                                       int high, int wide, int channels)     \
    {                                                                                        \
        gather_windows(from, to, count, high, wide, channels);                               \
    }

WINDOWS(f32_f32, float, float)
WINDOWS(f32_bf16, float, bfloat16)
WINDOWS(bf16_bf16, bfloat16, bfloat16)

extern "C" __global__ void scatter_windows_f32(const float *from, float *to, long count, int high,
                                               int wide, int channels)
{
    scatter_windows(from, to, count, high, wide, channels);
}

extern "C" __global__ void scatter_windows_bf16(const bfloat16 *from, bfloat16 *to, long count,
                                                int high, int wide, int channels)
{
    scatter_windows(from, to, count, high, wide, channels);
}

#define WEIGHTS(suffix, T)                                                                         \
    extern "C" __global__ void turn_weight_##suffix(const float *from, T *to, long pairs,          \
                                                    int channels, int taps)                        \
    {                                                                                              \
        long pair = (long)blockIdx.x * blockDim.x + threadIdx.x;                                   \
        if (pair < pairs)                                                                          \
            taps_outward(from, to, pair, channels, taps);                                          \
    }                                                                                              \
    extern "C" __global__ void turn_all_weights_##suffix(const float *from, T *to,                 \
                                                         const weight *table, int n, long pairs)   \
    {                                                                                              \
        turn_all_weights(from, to, table, n, pairs);                                               \
    }                                                                                              \
    extern "C" __global__ void __launch_bounds__(WIDE *HIGH)                                       \
        parameter_gradients_##suffix(const float *parts, float *bias, int n_parts, int columns,    \
                                     int bias_blocks, const T *from, float *to, long pairs,        \
                                     int channels, int taps)                                       \
    {                                                                                              \
        parameter_gradients(parts, bias, n_parts, columns, bias_blocks, from, to, pairs, channels, \
                            taps);                                                                 \
    }

WEIGHTS(f32, float)
WEIGHTS(bf16, bfloat16)
BIAS_LEAKY_KERNELS(f32, float, 4)
BIAS_LEAKY_KERNELS(f32_single, float, 1)
BIAS_LEAKY_KERNELS(bf16, bfloat16, 8)
BIAS_LEAKY_KERNELS(bf16_single, bfloat16, 1)
