// The commitment to rows of the product: BLAKE3 in key derivation mode.
//
// A leaf and a pair of nodes are one block of 64 bytes each, so that each hash is one compression
// under the key of its context. A block of threads takes a chunk, 256 leaves of a row, to the one
// node above them; a row has at most 16 chunks, which a thread takes to the row's root. A level
// pairs its nodes from the left and its odd last one goes up as it is: a chunk is a subtree.

#define CHUNK 256u
#define CHUNKS_MAX 16
#define LEAF 16u

static __device__ __forceinline__ void mix(unsigned &a, unsigned &b, unsigned &c, unsigned &d,
                                           unsigned x, unsigned y) {
    a += b + x;
    d = rotate_left(d ^ a, 16);
    c += d;
    b = rotate_left(b ^ c, 20);
    a += b + y;
    d = rotate_left(d ^ a, 24);
    c += d;
    b = rotate_left(b ^ c, 25);
}

// The hash of one block of 64 bytes that is a whole input.
static __device__ __forceinline__ void hash_block(const Key &key, unsigned (&m)[16],
                                                  unsigned (&hash)[8]) {
    // CHUNK_START, CHUNK_END, ROOT and DERIVE_KEY_MATERIAL.
    const unsigned flags = 1 | 2 | 8 | 64;
    unsigned v[16] = {key.word[0], key.word[1], key.word[2], key.word[3],
                      key.word[4], key.word[5], key.word[6], key.word[7],
                      0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                      0,           0,           64,          flags};
#pragma unroll
    for (int round = 0; round < 7; round++) {
        mix(v[0], v[4], v[8], v[12], m[0], m[1]);
        mix(v[1], v[5], v[9], v[13], m[2], m[3]);
        mix(v[2], v[6], v[10], v[14], m[4], m[5]);
        mix(v[3], v[7], v[11], v[15], m[6], m[7]);
        mix(v[0], v[5], v[10], v[15], m[8], m[9]);
        mix(v[1], v[6], v[11], v[12], m[10], m[11]);
        mix(v[2], v[7], v[8], v[13], m[12], m[13]);
        mix(v[3], v[4], v[9], v[14], m[14], m[15]);
        const unsigned next[16] = {m[2], m[6],  m[3],  m[10], m[7], m[0],  m[4],  m[13],
                                   m[1], m[11], m[12], m[5],  m[9], m[14], m[15], m[8]};
#pragma unroll
        for (int i = 0; i < 16; i++) m[i] = next[i];
    }
#pragma unroll
    for (int i = 0; i < 8; i++) hash[i] = v[i] ^ v[8 + i];
}

// A block of threads a chunk. `c` holds rows of `pitch` entries of which `columns` are of the
// product; they are the columns of the chunks from `first` on of the `chunks` of a row.
extern "C" __global__ void __launch_bounds__(256)
chunk_roots(Key leaf_key, Key node_key, const int *c, unsigned columns, unsigned pitch,
            unsigned first, unsigned chunks, unsigned *out) {
    __shared__ unsigned nodes[8][CHUNK];
    const unsigned leaves = (columns + LEAF - 1) / LEAF;
    const unsigned chunks_here = (leaves + CHUNK - 1) / CHUNK;
    const unsigned row = blockIdx.x / chunks_here;
    const unsigned chunk = blockIdx.x % chunks_here;
    const unsigned me = threadIdx.x;
    const unsigned left_over = leaves - chunk * CHUNK;
    unsigned width = left_over < CHUNK ? left_over : CHUNK;

    unsigned block[16], hash[8];
    if (me < width) {
        const unsigned column = (chunk * CHUNK + me) * LEAF;
        const uint4 *from = (const uint4 *)(c + (size_t)row * pitch + column);
#pragma unroll
        for (unsigned i = 0; i < 4; i++) {
            const uint4 four = from[i];
            const unsigned word[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
            for (unsigned j = 0; j < 4; j++) {
                block[4 * i + j] = column + 4 * i + j < columns ? word[j] : 0;
            }
        }
        hash_block(leaf_key, block, hash);
#pragma unroll
        for (int i = 0; i < 8; i++) nodes[i][me] = hash[i];
    }
    while (width > 1) {
        __syncthreads();
        const bool pair = 2 * me + 1 < width;
        const bool alone = 2 * me + 1 == width;
        if (pair) {
#pragma unroll
            for (int i = 0; i < 8; i++) {
                block[i] = nodes[i][2 * me];
                block[8 + i] = nodes[i][2 * me + 1];
            }
            hash_block(node_key, block, hash);
        } else if (alone) {
#pragma unroll
            for (int i = 0; i < 8; i++) hash[i] = nodes[i][2 * me];
        }
        __syncthreads();
        if (pair || alone) {
#pragma unroll
            for (int i = 0; i < 8; i++) nodes[i][me] = hash[i];
        }
        width = (width + 1) / 2;
    }
    __syncthreads();
    if (me < 8) out[((size_t)row * chunks + first + chunk) * 8 + me] = nodes[me][0];
}

// A thread a row: the root of a row from the nodes of its chunks, at most CHUNKS_MAX.
extern "C" __global__ void __launch_bounds__(64)
row_roots(Key node_key, const unsigned *in, unsigned rows, unsigned chunks, unsigned *out) {
    const unsigned row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    unsigned nodes[CHUNKS_MAX][8];
    for (unsigned i = 0; i < chunks * 8; i++) nodes[i / 8][i % 8] = in[(size_t)row * chunks * 8 + i];
    for (unsigned width = chunks; width > 1; width = (width + 1) / 2) {
        for (unsigned at = 0; at < width; at += 2) {
            unsigned block[16], hash[8];
            for (int i = 0; i < 8; i++) hash[i] = block[i] = nodes[at][i];
            if (at + 1 < width) {
                for (int i = 0; i < 8; i++) block[8 + i] = nodes[at + 1][i];
                hash_block(node_key, block, hash);
            }
            for (int i = 0; i < 8; i++) nodes[at / 2][i] = hash[i];
        }
    }
    for (int i = 0; i < 8; i++) out[(size_t)row * 8 + i] = nodes[0][i];
}
