// CUDA C++ as plain C++: what the kernels use of the language, for one block of threads at a time.
//
// Each thread of a block is a fibre that runs until it waits for others, and each warp runs as far as
// it can before the next one does: it overtakes the others wherever no barrier holds it. Warps and
// lanes run in ascending and in descending order by turns. Shared memory is full of garbage when a
// block starts. Asynchronous copies happen at once in one block, and as late as they may in the next.

#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>
#include <setjmp.h>
#include <ucontext.h>

#define MFENX_EMULATED 1
#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(threads)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __shared__ static __attribute__((section("shared_memory")))
extern char __start_shared_memory[], __stop_shared_memory[];

struct Index {
    unsigned x;
};
Index threadIdx, blockIdx, blockDim;

struct alignas(8) int2 {
    int x, y;
};
struct alignas(16) int4 {
    int x, y, z, w;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

inline int byte_of(unsigned word, unsigned at) { return (int8_t)(word >> (8 * at)); }

inline int __dp4a(int a, int b, int sum) {
    for (unsigned i = 0; i < 4; i++) sum += byte_of(a, i) * byte_of(b, i);
    return sum;
}

[[noreturn]] inline void refuse(const char *what) {
    fprintf(stderr, "emulator: %s\n", what);
    abort();
}

enum class State { Ready, AtBarrier, AtWarp, Done };

struct Copy {
    void *to;
    const void *from;
};

struct Fibre {
    ucontext_t context;  // where it begins
    jmp_buf place;       // where it waits: these jumps need no system call
    bool begun;
    std::vector<char> stack = std::vector<char>(64 << 10);
    State state;
    std::vector<std::vector<Copy>> groups;  // the last one is open
};

struct Warp {
    unsigned a[32][4], b[32][2];
};

struct Block {
    std::vector<Fibre> fibres;
    std::vector<Warp> warps;
    jmp_buf scheduler;
    unsigned running = 0;
    bool copies_at_once = false;
    std::function<void()> body;
};
inline Block block;

inline void wait_as(State state) {
    Fibre &me = block.fibres[block.running];
    me.state = state;
    if (!_setjmp(me.place)) _longjmp(block.scheduler, 1);
}

inline void __syncthreads() { wait_as(State::AtBarrier); }

inline void fibre_main() {
    block.body();
    wait_as(State::Done);
}

inline void resume(unsigned thread) {
    block.running = thread;
    threadIdx.x = thread;
    Fibre &fibre = block.fibres[thread];
    if (_setjmp(block.scheduler)) return;
    if (fibre.begun) _longjmp(fibre.place, 1);
    fibre.begun = true;
    setcontext(&fibre.context);
}

// Lets threads go that all wait for the same.
inline bool release(unsigned from, unsigned to, State waiting) {
    for (unsigned i = from; i < to; i++) {
        if (block.fibres[i].state != waiting) return false;
    }
    for (unsigned i = from; i < to; i++) block.fibres[i].state = State::Ready;
    return true;
}

inline void run_warp(unsigned from, unsigned to, bool descending) {
    do {
        for (unsigned i = from; i < to; i++) {
            const unsigned thread = descending ? to - 1 - (i - from) : i;
            if (block.fibres[thread].state == State::Ready) resume(thread);
        }
    } while (release(from, to, State::AtWarp));
}

inline void run_block(unsigned threads, const std::function<void()> &body) {
    memset(__start_shared_memory, 0xa5, __stop_shared_memory - __start_shared_memory);
    if (block.fibres.size() < threads) block.fibres.resize(threads);
    block.warps.resize((threads + 31) / 32);
    block.body = body;
    for (unsigned i = 0; i < threads; i++) {
        Fibre &fibre = block.fibres[i];
        fibre.state = State::Ready;
        fibre.groups.assign(1, {});
        fibre.begun = false;
        getcontext(&fibre.context);
        fibre.context.uc_stack.ss_sp = fibre.stack.data();
        fibre.context.uc_stack.ss_size = fibre.stack.size();
        fibre.context.uc_link = nullptr;
        makecontext(&fibre.context, fibre_main, 0);
    }
    block.copies_at_once = !block.copies_at_once;
    for (unsigned turn = 0;; turn++) {
        const unsigned warps = (threads + 31) / 32;
        for (unsigned i = 0; i < warps; i++) {
            const unsigned warp = turn % 2 ? warps - 1 - i : i;
            run_warp(32 * warp, threads < 32 * (warp + 1) ? threads : 32 * (warp + 1), turn % 2);
        }
        bool done = true;
        for (unsigned i = 0; i < threads; i++) done &= block.fibres[i].state == State::Done;
        if (done) return;
        // Threads that are gone never arrive at a barrier.
        if (!release(0, threads, State::AtBarrier)) refuse("threads wait that nobody lets go");
    }
}

inline void run_grid(unsigned blocks, unsigned threads, const std::function<void()> &body) {
    blockDim.x = threads;
    for (unsigned i = 0; i < blocks; i++) {
        blockIdx.x = i;
        run_block(threads, body);
    }
}

// What the tensor core kernel takes from PTX.

inline void copy_16(void *shared, const void *global) {
    if ((uintptr_t)shared % 16 || (uintptr_t)global % 16) refuse("a copy of 16 bytes is not aligned");
    if (block.copies_at_once) {
        memcpy(shared, global, 16);
    } else {
        block.fibres[block.running].groups.back().push_back({shared, global});
    }
}

inline void end_of_copies() { block.fibres[block.running].groups.emplace_back(); }

template <int N>
inline void wait_for_copies() {
    auto &groups = block.fibres[block.running].groups;
    while (groups.size() > N + 1) {
        for (const Copy &copy : groups.front()) memcpy(copy.to, copy.from, 16);
        groups.erase(groups.begin());
    }
}

// mma.m16n8k32 with s8 factors. PTX ISA, "Matrix Fragments for mma.m16n8k32": with g = lane / 4 and
// t = lane % 4, byte i of a lane's A is row g (+ 8 for i in 4..8 and 12..16), column 4t + i % 4 (+ 16
// from i = 8 on); byte i of B is row 4t + i % 4 (+ 16 from i = 4 on), column g; sum i is row g (+ 8
// from i = 2 on), column 2t + i % 2.
inline void multiply_16_8_32(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    const unsigned lane = threadIdx.x % 32;
    Warp &warp = block.warps[threadIdx.x / 32];
    memcpy(warp.a[lane], a, sizeof a);
    memcpy(warp.b[lane], b, sizeof b);
    wait_as(State::AtWarp);
    for (unsigned i = 0; i < 4; i++) {
        const unsigned row = lane / 4 + (i >= 2 ? 8 : 0);
        const unsigned column = lane % 4 * 2 + i % 2;
        for (unsigned word = 0; word < 8; word++) {
            const unsigned of_a = warp.a[row % 8 * 4 + word % 4][(row >= 8) + 2 * (word >= 4)];
            const unsigned of_b = warp.b[column * 4 + word % 4][word >= 4];
            d[i] = __dp4a(of_a, of_b, d[i]);
        }
    }
    wait_as(State::AtWarp);
}
