// cuBLASLt for the emulated cards: int8 products with int32 sums, for the one order of factors that
// the real one has such kernels for. Refuses what the real one refuses.

#include <cstdint>
#include <cstring>

extern "C" void emulator_enqueue(void *stream, void (*work)(void *), void *of);

namespace {

enum { SUCCESS = 0, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
enum { R_8I = 3, R_32I = 10, COMPUTE_32I = 72, TRANSA = 3, TRANSB = 4, MAX_WORKSPACE_BYTES = 1 };

struct Operation {
    int compute, scale, trans_a = 0, trans_b = 0;
};
struct Layout {
    int type;
    uint64_t rows, columns;
    int64_t stride;
};
struct Preference {
    uint64_t workspace = 0;
};
struct Algorithm {
    uint64_t data[8];
};
struct Choice {
    Algorithm algorithm;
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};
struct Work {
    Layout a, b, d;
    const int8_t *from_a, *from_b;
    int32_t *to;
};

bool supported(const Operation &of, const Layout &a, const Layout &b, const Layout &c,
               const Layout &d) {
    return of.compute == COMPUTE_32I && of.scale == R_32I && of.trans_a == 1 && of.trans_b == 0 &&
           a.type == R_8I && b.type == R_8I && c.type == R_32I && d.type == R_32I &&
           a.rows == b.rows && a.columns == d.rows && b.columns == d.columns && c.rows == d.rows &&
           c.columns == d.columns && a.rows % 4 == 0 && d.rows % 4 == 0 && a.stride % 4 == 0 &&
           b.stride % 4 == 0 && c.stride % 4 == 0 && (uint64_t)a.stride >= a.rows &&
           (uint64_t)b.stride >= b.rows && (uint64_t)d.stride >= d.rows;
}

void multiply(void *of) {
    Work *work = (Work *)of;
    for (uint64_t column = 0; column < work->d.columns; column++) {
        for (uint64_t row = 0; row < work->d.rows; row++) {
            const int8_t *a = work->from_a + row * work->a.stride;
            const int8_t *b = work->from_b + column * work->b.stride;
            int32_t sum = 0;
            for (uint64_t i = 0; i < work->a.rows; i++) sum += a[i] * b[i];
            work->to[column * work->d.stride + row] = sum;
        }
    }
    delete work;
}

}  // namespace

extern "C" {

int cublasLtCreate(void **handle) { return *handle = new char, SUCCESS; }
int cublasLtDestroy(void *handle) { return delete (char *)handle, SUCCESS; }

int cublasLtMatmulDescCreate(Operation **of, int compute, int scale) {
    return *of = new Operation{compute, scale}, SUCCESS;
}
int cublasLtMatmulDescDestroy(Operation *of) { return delete of, SUCCESS; }
int cublasLtMatmulDescSetAttribute(Operation *of, int attribute, const void *value, size_t size) {
    if (size != 4 || (attribute != TRANSA && attribute != TRANSB)) return INVALID_VALUE;
    memcpy(attribute == TRANSA ? &of->trans_a : &of->trans_b, value, size);
    return SUCCESS;
}

int cublasLtMatrixLayoutCreate(Layout **layout, int type, uint64_t rows, uint64_t columns,
                               int64_t stride) {
    return *layout = new Layout{type, rows, columns, stride}, SUCCESS;
}
int cublasLtMatrixLayoutDestroy(Layout *layout) { return delete layout, SUCCESS; }

int cublasLtMatmulPreferenceCreate(Preference **of) { return *of = new Preference, SUCCESS; }
int cublasLtMatmulPreferenceDestroy(Preference *of) { return delete of, SUCCESS; }
int cublasLtMatmulPreferenceSetAttribute(Preference *of, int attribute, const void *value,
                                         size_t size) {
    if (size != 8 || attribute != MAX_WORKSPACE_BYTES) return INVALID_VALUE;
    memcpy(&of->workspace, value, size);
    return SUCCESS;
}

int cublasLtMatmulAlgoGetHeuristic(void *, Operation *of, Layout *a, Layout *b, Layout *c,
                                   Layout *d, Preference *, int wanted, Choice *choices,
                                   int *count) {
    if (wanted < 1) return INVALID_VALUE;
    *count = supported(*of, *a, *b, *c, *d);
    choices[0] = Choice{};
    return *count ? SUCCESS : NOT_SUPPORTED;
}

int cublasLtMatmul(void *, Operation *of, const int32_t *alpha, const void *a, Layout *a_layout,
                   const void *b, Layout *b_layout, const int32_t *beta, const void *,
                   Layout *c_layout, void *d, Layout *d_layout, const Algorithm *, void *, size_t,
                   void *stream) {
    if (!supported(*of, *a_layout, *b_layout, *c_layout, *d_layout)) return NOT_SUPPORTED;
    if (*alpha != 1 || *beta != 0) return INVALID_VALUE;
    if ((uintptr_t)a % 16 || (uintptr_t)b % 16 || (uintptr_t)d % 16) return INVALID_VALUE;
    emulator_enqueue(stream, multiply,
                     new Work{*a_layout, *b_layout, *d_layout, (const int8_t *)a,
                              (const int8_t *)b, (int32_t *)d});
    return SUCCESS;
}
}
