// The product on tensor cores, from compute capability 8.0 on.
//
// A block of eight warps makes 128 x 128 entries, a warp 64 x 32 of them, by steps of 64 along the
// inner size. The next step's lines are copied while this one is multiplied. Lines in shared memory
// stand 80 bytes apart: the eight rows of a fragment then lie in different banks.

#if defined(MFENX_EMULATED) || __CUDA_ARCH__ >= 800

#define STEP 64u
#define LINE 80u

#ifndef MFENX_EMULATED
static __device__ __forceinline__ void copy_16(void *shared, const void *global) {
    const unsigned to = (unsigned)__cvta_generic_to_shared(shared);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global) : "memory");
}

static __device__ __forceinline__ void end_of_copies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

// Waits for all groups of copies of this thread but the last `N`.
template <int N>
static __device__ __forceinline__ void wait_for_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// d += a * b for a 16 x 32 and a 32 x 8 matrix of int8, spread over the warp as PTX says.
static __device__ __forceinline__ void multiply_16_8_32(int (&d)[4], const unsigned (&a)[4],
                                                        const unsigned (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

// Copies STEP entries of each of the SIDE lines from `first` on: two pieces of 16 bytes a thread.
static __device__ __forceinline__ void copy_lines(unsigned char *to, const unsigned char *from,
                                                  unsigned first, unsigned count, unsigned at,
                                                  size_t length) {
#pragma unroll
    for (unsigned i = 0; i < 2; i++) {
        const unsigned piece = threadIdx.x + 256 * i;
        const unsigned line = piece / 4;
        const unsigned byte = piece % 4 * 16;
        copy_16(to + line * LINE + byte, from + line_of(first + line, count) * length + at + byte);
    }
}

static __device__ __forceinline__ unsigned word_at(const unsigned char *tile, unsigned line,
                                                   unsigned byte) {
    return *(const unsigned *)(tile + line * LINE + byte);
}

// As product_dp4a, with lines of `length` entries, a multiple of 64.
extern "C" __global__ void __launch_bounds__(256)
product_mma(const unsigned char *a, const unsigned char *b, int *c, unsigned rows, unsigned columns,
            unsigned length, unsigned pitch) {
    __shared__ __align__(16) unsigned char a_tile[2][SIDE * LINE];
    __shared__ __align__(16) unsigned char b_tile[2][SIDE * LINE];
    unsigned row, column;
    place(rows, columns, &row, &column);
    const unsigned lane = threadIdx.x % 32;
    const unsigned warp = threadIdx.x / 32;
    const unsigned warp_row = warp / 4 * 64;
    const unsigned warp_column = warp % 4 * 32;
    const unsigned group = lane / 4;
    const unsigned byte = lane % 4 * 4;

    int sum[4][4][4] = {};
    copy_lines(a_tile[0], a, row, rows, 0, length);
    copy_lines(b_tile[0], b, column, columns, 0, length);
    end_of_copies();
    for (unsigned at = 0; at < length; at += STEP) {
        const unsigned now = at / STEP % 2;
        if (at + STEP < length) {
            copy_lines(a_tile[1 - now], a, row, rows, at + STEP, length);
            copy_lines(b_tile[1 - now], b, column, columns, at + STEP, length);
        }
        end_of_copies();
        wait_for_copies<1>();
        __syncthreads();
#pragma unroll
        for (unsigned inner = 0; inner < STEP; inner += 32) {
            unsigned left[4][4], right[4][2];
#pragma unroll
            for (unsigned i = 0; i < 4; i++) {
                const unsigned line = warp_row + 16 * i + group;
                left[i][0] = word_at(a_tile[now], line, inner + byte);
                left[i][1] = word_at(a_tile[now], line + 8, inner + byte);
                left[i][2] = word_at(a_tile[now], line, inner + 16 + byte);
                left[i][3] = word_at(a_tile[now], line + 8, inner + 16 + byte);
            }
#pragma unroll
            for (unsigned j = 0; j < 4; j++) {
                const unsigned line = warp_column + 8 * j + group;
                right[j][0] = word_at(b_tile[now], line, inner + byte);
                right[j][1] = word_at(b_tile[now], line, inner + 16 + byte);
            }
#pragma unroll
            for (int i = 0; i < 4; i++) {
#pragma unroll
                for (int j = 0; j < 4; j++) multiply_16_8_32(sum[i][j], left[i], right[j]);
            }
        }
        // The next step copies into what this one has read.
        __syncthreads();
    }
#pragma unroll
    for (unsigned i = 0; i < 4; i++) {
#pragma unroll
        for (unsigned half = 0; half < 2; half++) {
            const unsigned to = row + warp_row + 16 * i + 8 * half + group;
            if (to >= rows) continue;
#pragma unroll
            for (unsigned j = 0; j < 4; j++) {
                const unsigned over = column + warp_column + 8 * j + lane % 4 * 2;
                if (over >= pitch) continue;
                *(int2 *)(c + (size_t)to * pitch + over) =
                    make_int2(sum[i][j][2 * half], sum[i][j][2 * half + 1]);
            }
        }
    }
}

#endif
