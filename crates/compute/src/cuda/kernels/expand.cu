// Rows of A or columns of B: ChaCha8, a thread a block of 64 entries.
//
// The key is that of the matrix, the nonce the index of the line, the counter that of the block.
// Lines stand `pitch` entries apart, a multiple of 64, and are zero from `k` on, so that products
// may run over whole pitches.

struct Key {
    unsigned word[8];
};

static __device__ __forceinline__ unsigned rotate_left(unsigned value, unsigned bits) {
    return (value << bits) | (value >> (32 - bits));
}

static __device__ __forceinline__ void quarter(unsigned &a, unsigned &b, unsigned &c, unsigned &d) {
    a += b;
    d = rotate_left(d ^ a, 16);
    c += d;
    b = rotate_left(b ^ c, 12);
    a += b;
    d = rotate_left(d ^ a, 8);
    c += d;
    b = rotate_left(b ^ c, 7);
}

// (byte & 31) - 16 of each of the four bytes. Below 16 the difference is negative: its upper four
// bits are ones; from 16 on they are zeros.
static __device__ __forceinline__ unsigned entries_of(unsigned word) {
    const unsigned negative = ~word & 0x10101010u;
    return (word & 0x0f0f0f0fu) | (negative * 15u);
}

extern "C" __global__ void __launch_bounds__(256)
expand(Key key, unsigned first, unsigned count, unsigned k, unsigned pitch, uint4 *out) {
    const unsigned blocks = pitch / 64;
    const unsigned at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= count * blocks) return;
    const unsigned line = at / blocks;
    const unsigned block = at % blocks;

    unsigned input[16] = {0x61707865u, 0x3320646eu, 0x79622d32u, 0x6b206574u};
#pragma unroll
    for (int i = 0; i < 8; i++) input[4 + i] = key.word[i];
    input[12] = block;
    input[13] = 0;
    input[14] = first + line;
    input[15] = 0;

    unsigned state[16];
#pragma unroll
    for (int i = 0; i < 16; i++) state[i] = input[i];
#pragma unroll
    for (int round = 0; round < 4; round++) {
#pragma unroll
        for (int i = 0; i < 4; i++) quarter(state[i], state[4 + i], state[8 + i], state[12 + i]);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            quarter(state[i], state[4 + (i + 1) % 4], state[8 + (i + 2) % 4], state[12 + (i + 3) % 4]);
        }
    }
    const unsigned start = block * 64;
#pragma unroll
    for (int i = 0; i < 16; i++) {
        state[i] = entries_of(state[i] + input[i]);
        const unsigned entry = start + 4 * i;
        if (entry + 4 > k) {
            state[i] = entry >= k ? 0 : state[i] & (0xffffffffu >> (8 * (entry + 4 - k)));
        }
    }
    uint4 *to = out + (size_t)at * 4;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        to[i] = make_uint4(state[4 * i], state[4 * i + 1], state[4 * i + 2], state[4 * i + 3]);
    }
}
