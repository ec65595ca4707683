// NVRTC for the emulated cards: the "PTX" is the number of the architecture.

#include <cstdlib>
#include <cstring>
#include <string>

struct Program {
    std::string ptx;
};

extern "C" {

int nvrtcCreateProgram(Program **program, const char *, const char *, int, const char *const *,
                       const char *const *) {
    return *program = new Program, 0;
}

int nvrtcCompileProgram(Program *program, int count, const char *const *options) {
    const char *const wanted = "--gpu-architecture=compute_";
    for (int i = 0; i < count; i++) {
        if (strncmp(options[i], wanted, strlen(wanted)) == 0) program->ptx = options[i] + strlen(wanted);
    }
    // As NVRTC 13: older architectures are gone.
    return atoi(program->ptx.c_str()) >= 75 ? 0 : 5;
}

int nvrtcDestroyProgram(Program **program) { return delete *program, 0; }
int nvrtcGetPTXSize(Program *program, size_t *size) { return *size = program->ptx.size() + 1, 0; }
int nvrtcGetPTX(Program *program, char *ptx) { return strcpy(ptx, program->ptx.c_str()), 0; }
int nvrtcGetProgramLogSize(Program *, size_t *size) { return *size = 17, 0; }
int nvrtcGetProgramLog(Program *, char *log) { return strcpy(log, "no such hardware"), 0; }
}
