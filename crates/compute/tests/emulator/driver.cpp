// A CUDA driver whose cards are this processor: what the backend calls of libcuda, and no more.
//
// Streams are queues. Nothing on them runs before somebody waits for it, and then no more than must:
// work that another stream needs without saying so has not happened. Memory is full of garbage when
// it is given out, and between guards that are looked at when it is given back.

#include "cuda.h"
#include "expand.cu"
#include "product_dp4a.cu"
#include "product_mma.cu"
#include "commit.cu"
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

namespace {

enum Result {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    NOT_FOUND = 500,
    NOT_READY = 600,
    LAUNCH_FAILED = 719,
};

constexpr size_t GUARD = 256;
constexpr unsigned char GUARD_BYTE = 0x5c, FRESH_BYTE = 0xa5;

struct Stream {
    size_t device, done = 0;
    std::deque<std::function<void()>> work;
    size_t end() const { return done + work.size(); }
    void run_to(size_t until) {
        while (done < until) {
            auto next = std::move(work.front());
            work.pop_front();
            done++;
            next();
        }
    }
};

struct Event {
    std::shared_ptr<Stream> stream;
    size_t at = 0;
};

struct Allocation {
    size_t bytes, device;
};

struct Settings {
    int devices = 1, capability = 80, version = 13000;
    size_t memory = size_t(1) << 30;
    long failing_launch = -1;
    std::string lying;
};

std::recursive_mutex all;
Settings settings;
std::map<uintptr_t, Allocation> allocations;
std::map<Stream *, std::shared_ptr<Stream>> streams;
std::map<size_t, size_t> used;
long violations = 0, launches = 0;
thread_local size_t current = 0;  // ordinal + 1

using Guard = std::lock_guard<std::recursive_mutex>;
using Bound = std::function<void()>;
using Kernel = std::function<Bound(void **)>;

template <class... P, size_t... I>
Bound bound(void (*kernel)(P...), void **parameters, std::index_sequence<I...>) {
    std::tuple<std::decay_t<P>...> values{*(std::decay_t<P> *)parameters[I]...};
    return [=] { std::apply(kernel, values); };
}

template <class... P>
Kernel kernel(void (*body)(P...)) {
    return [=](void **parameters) {
        return bound(body, parameters, std::index_sequence_for<P...>{});
    };
}

struct Function {
    std::string name;
    Kernel make;
    unsigned output;  // the parameter that it writes to
};
Function functions[] = {
    {"expand", kernel(expand), 5},           {"product_dp4a", kernel(product_dp4a), 2},
    {"product_mma", kernel(product_mma), 2}, {"chunk_roots", kernel(chunk_roots), 7},
    {"row_roots", kernel(row_roots), 4},
};

int give_out(uint64_t *out, size_t bytes) {
    if (used[current] + bytes > settings.memory) return OUT_OF_MEMORY;
    auto *base = (unsigned char *)aligned_alloc(GUARD, (bytes + 3 * GUARD) / GUARD * GUARD);
    memset(base, GUARD_BYTE, (bytes + 3 * GUARD) / GUARD * GUARD);
    memset(base + GUARD, FRESH_BYTE, bytes);
    *out = (uint64_t)(base + GUARD);
    allocations[*out] = {bytes, current};
    used[current] += bytes;
    return SUCCESS;
}

void take_back(uint64_t address) {
    auto found = allocations.find(address);
    if (found == allocations.end()) refuse("memory is freed that nobody has");
    auto *base = (unsigned char *)address - GUARD;
    const auto [bytes, device] = found->second;
    for (size_t i = 0; i < GUARD; i++) {
        violations += base[i] != GUARD_BYTE;
        violations += base[GUARD + bytes + i] != GUARD_BYTE;
    }
    used[device] -= bytes;
    allocations.erase(found);
    free(base);
}

Stream &stream_of(void *stream) {
    auto found = streams.find((Stream *)stream);
    if (found == streams.end()) refuse("there is no such stream");
    if (found->second->device != current) refuse("a stream of another card");
    return *found->second;
}

}  // namespace

extern "C" {

// For the tests.

void emulator_set(int devices, int capability, int version, uint64_t memory) {
    Guard guard(all);
    settings = Settings{devices, capability, version, memory, -1, ""};
    violations = launches = 0;
}

// Fails the launch after `after` others; never, when negative.
void emulator_fail(long after) { settings.failing_launch = after < 0 ? -1 : launches + after; }

// Makes a kernel flip a bit of the first word that it writes.
void emulator_lie(const char *kernel) { settings.lying = kernel; }

long emulator_violations() { return violations; }
long emulator_launches() { return launches; }

uint64_t emulator_memory_in_use() {
    uint64_t sum = 0;
    for (const auto &[device, bytes] : used) sum += bytes;
    return sum;
}

void emulator_enqueue(void *stream, void (*work)(void *), void *of) {
    Guard guard(all);
    stream_of(stream).work.push_back([=] { work(of); });
}

// The driver.

int cuInit(unsigned) { return settings.devices > 0 ? SUCCESS : NO_DEVICE; }
int cuDriverGetVersion(int *version) { return *version = settings.version, SUCCESS; }
int cuDeviceGetCount(int *count) { return *count = settings.devices, SUCCESS; }
int cuDeviceGet(int *device, int ordinal) { return *device = ordinal, SUCCESS; }

int cuDeviceGetName(char *name, int length, int device) {
    snprintf(name, length, "Emulated %d", device);
    return SUCCESS;
}

int cuDeviceGetPCIBusId(char *id, int length, int device) {
    snprintf(id, length, "0000:%02x:00.0", device + 1);
    return SUCCESS;
}

int cuDeviceTotalMem_v2(size_t *bytes, int) { return *bytes = settings.memory, SUCCESS; }

int cuDeviceGetAttribute(int *value, int attribute, int) {
    switch (attribute) {
        case 75: *value = settings.capability / 10; break;
        case 76: *value = settings.capability % 10; break;
        case 115: *value = 1; break;  // memory pools
        default: refuse("an attribute that is not emulated");
    }
    return SUCCESS;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
    return *context = (void *)(size_t)(device + 1), SUCCESS;
}
int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
int cuCtxGetCurrent(void **context) { return *context = (void *)current, SUCCESS; }
int cuCtxSetCurrent(void *context) { return current = (size_t)context, SUCCESS; }
int cuCtxSetFlags(unsigned) { return SUCCESS; }

int cuCtxSynchronize() {
    Guard guard(all);
    for (auto &[_, stream] : streams) {
        if (stream->device == current) stream->run_to(stream->end());
    }
    return SUCCESS;
}

int cuStreamCreate(void **stream, unsigned) {
    Guard guard(all);
    auto made = std::make_shared<Stream>();
    made->device = current;
    streams[made.get()] = made;
    return *stream = made.get(), SUCCESS;
}

int cuStreamSynchronize(void *stream) {
    Guard guard(all);
    Stream &of = stream_of(stream);
    of.run_to(of.end());
    return SUCCESS;
}

int cuStreamDestroy_v2(void *stream) {
    cuStreamSynchronize(stream);
    Guard guard(all);
    streams.erase((Stream *)stream);
    return SUCCESS;
}

int cuEventCreate(void **event, unsigned) { return *event = new Event, SUCCESS; }
int cuEventDestroy_v2(void *event) { return delete (Event *)event, SUCCESS; }

int cuEventRecord(void *event, void *stream) {
    Guard guard(all);
    Stream &of = stream_of(stream);
    *(Event *)event = {streams[&of], of.end()};
    return SUCCESS;
}

int cuStreamWaitEvent(void *stream, void *event, unsigned) {
    Guard guard(all);
    const Event now = *(Event *)event;
    if (now.stream) stream_of(stream).work.push_back([now] { now.stream->run_to(now.at); });
    return SUCCESS;
}

int cuEventSynchronize(void *event) {
    Guard guard(all);
    const Event now = *(Event *)event;
    if (now.stream) now.stream->run_to(now.at);
    return SUCCESS;
}

int cuEventElapsedTime_v2(float *milliseconds, void *, void *) {
    return *milliseconds = 1, SUCCESS;
}

int cuMemGetInfo_v2(size_t *free, size_t *total) {
    Guard guard(all);
    *total = settings.memory;
    *free = settings.memory - used[current];
    return SUCCESS;
}

int cuMemAllocAsync(uint64_t *out, size_t bytes, void *) {
    Guard guard(all);
    return give_out(out, bytes);
}

int cuMemFreeAsync(uint64_t address, void *stream) {
    Guard guard(all);
    stream_of(stream).work.push_back([=] { take_back(address); });
    return SUCCESS;
}

int cuMemsetD8Async(uint64_t address, unsigned char value, size_t bytes, void *stream) {
    Guard guard(all);
    stream_of(stream).work.push_back([=] { memset((void *)address, value, bytes); });
    return SUCCESS;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
    Guard guard(all);
    std::string held((const char *)from, bytes);
    stream_of(stream).work.push_back([=] { memcpy((void *)to, held.data(), held.size()); });
    return SUCCESS;
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
    cuStreamSynchronize(stream);
    memcpy(to, (void *)from, bytes);
    return SUCCESS;
}

int cuModuleLoadData(void **module, const void *image) {
    // The architecture that the emulated NVRTC compiled for.
    return *module = (void *)strtoul((const char *)image, nullptr, 10), SUCCESS;
}
int cuModuleUnload(void *) { return SUCCESS; }

int cuModuleGetFunction(void **function, void *module, const char *name) {
    for (Function &known : functions) {
        if (known.name != name || (known.name == "product_mma" && (size_t)module < 80)) continue;
        return *function = &known, SUCCESS;
    }
    return NOT_FOUND;
}

int cuLaunchKernel(void *function, unsigned blocks, unsigned y, unsigned z, unsigned threads,
                   unsigned block_y, unsigned block_z, unsigned shared, void *stream,
                   void **parameters, void **) {
    Guard guard(all);
    if (blocks == 0 || threads == 0 || y * z * block_y * block_z != 1 || shared) return INVALID_VALUE;
    if (launches++ == settings.failing_launch) return LAUNCH_FAILED;
    const Function &of = *(Function *)function;
    const Bound body = of.make(parameters);
    int *const lie = of.name == settings.lying ? *(int **)parameters[of.output] : nullptr;
    stream_of(stream).work.push_back([=] {
        run_grid(blocks, threads, body);
        if (lie) *lie ^= 1;
    });
    return SUCCESS;
}

int cuGetErrorName(int, const char **name) { return *name = "CUDA_ERROR", SUCCESS; }
int cuGetErrorString(int error, const char **text) {
    *text = error == OUT_OF_MEMORY ? "out of memory" : "an error of the emulator";
    return SUCCESS;
}

}  // extern "C"
