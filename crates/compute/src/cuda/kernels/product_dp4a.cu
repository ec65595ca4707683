// The product on any card since compute capability 6.1: four multiply-adds an instruction.
//
// A block of 256 threads makes 128 x 128 entries, a thread 8 x 8 of them: rows 4y.. and 64 + 4y..,
// columns 4x.. and 64 + 4x.. of its block, so that neighbours read neighbouring words.

#define SIDE 128u
#define DP4A_WORDS 8u

// Which block of entries this one makes. Blocks that run at a time share sixteen blocks of rows:
// what they read of B then stays in the second-level cache.
static __device__ __forceinline__ void place(unsigned rows, unsigned columns, unsigned *row,
                                             unsigned *column) {
    const unsigned height = (rows + SIDE - 1) / SIDE;
    const unsigned width = (columns + SIDE - 1) / SIDE;
    const unsigned band = blockIdx.x / (16 * width);
    const unsigned within = blockIdx.x % (16 * width);
    const unsigned left = height - 16 * band;
    const unsigned tall = left < 16 ? left : 16;
    *row = (16 * band + within % tall) * SIDE;
    *column = within / tall * SIDE;
}

// The line to read for `index`: one past the end is read as the last, and its product not stored.
static __device__ __forceinline__ size_t line_of(unsigned index, unsigned count) {
    return index < count ? index : count - 1;
}

// `a` and `b` hold lines of `words` words of four entries, a multiple of 16; `c` rows of `pitch`
// entries, a multiple of 16 and at least `columns`. Columns from `columns` on hold no result.
extern "C" __global__ void __launch_bounds__(256)
product_dp4a(const int *a, const int *b, int *c, unsigned rows, unsigned columns, unsigned words,
             unsigned pitch) {
    __shared__ __align__(16) int a_tile[DP4A_WORDS][SIDE + 4];
    __shared__ __align__(16) int b_tile[DP4A_WORDS][SIDE + 4];
    unsigned row, column;
    place(rows, columns, &row, &column);
    const unsigned x = threadIdx.x % 16;
    const unsigned y = threadIdx.x / 16;
    const unsigned line = threadIdx.x / 2;
    const unsigned part = threadIdx.x % 2 * 4;
    const int *a_line = a + line_of(row + line, rows) * words + part;
    const int *b_line = b + line_of(column + line, columns) * words + part;

    int sum[8][8] = {};
    for (unsigned at = 0; at < words; at += DP4A_WORDS) {
        const int4 from_a = *(const int4 *)(a_line + at);
        const int4 from_b = *(const int4 *)(b_line + at);
        __syncthreads();
        a_tile[part + 0][line] = from_a.x;
        a_tile[part + 1][line] = from_a.y;
        a_tile[part + 2][line] = from_a.z;
        a_tile[part + 3][line] = from_a.w;
        b_tile[part + 0][line] = from_b.x;
        b_tile[part + 1][line] = from_b.y;
        b_tile[part + 2][line] = from_b.z;
        b_tile[part + 3][line] = from_b.w;
        __syncthreads();
#pragma unroll
        for (unsigned w = 0; w < DP4A_WORDS; w++) {
            int left[8], right[8];
            *(int4 *)left = *(const int4 *)&a_tile[w][4 * y];
            *(int4 *)(left + 4) = *(const int4 *)&a_tile[w][64 + 4 * y];
            *(int4 *)right = *(const int4 *)&b_tile[w][4 * x];
            *(int4 *)(right + 4) = *(const int4 *)&b_tile[w][64 + 4 * x];
#pragma unroll
            for (int i = 0; i < 8; i++) {
#pragma unroll
                for (int j = 0; j < 8; j++) sum[i][j] = __dp4a(left[i], right[j], sum[i][j]);
            }
        }
    }
#pragma unroll
    for (unsigned i = 0; i < 8; i++) {
        const unsigned to = row + i / 4 * 64 + 4 * y + i % 4;
        if (to >= rows) continue;
#pragma unroll
        for (unsigned j = 0; j < 8; j += 4) {
            const unsigned over = column + j / 4 * 64 + 4 * x;
            if (over >= pitch) continue;
            *(int4 *)(c + (size_t)to * pitch + over) =
                make_int4(sum[i][j], sum[i][j + 1], sum[i][j + 2], sum[i][j + 3]);
        }
    }
}
