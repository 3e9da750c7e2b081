/* What FFmpeg asks of NVIDIA's driver to have a device, and no more: contexts, and whose they are.
   As the real one, it has a primary context that others may hold with flags of their own. */
#include <stdlib.h>

static char primary;
static int held, made, wrong;
static __thread void *stack[8];
static __thread int depth;

int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return number ? 101 : 0; }
int cuGetErrorName(int error, const char **text) { *text = "error"; return 0; }
int cuGetErrorString(int error, const char **text) { *text = "error"; return 0; }

int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { *flags = 0; *active = held > 0; return 0; }
int cuDevicePrimaryCtxSetFlags(int device, unsigned flags) { wrong += held > 0; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { held++; *context = &primary; return 0; }
int cuDevicePrimaryCtxRelease(int device) { wrong += --held < 1; return 0; }

int cuCtxGetCurrent(void **context) { *context = depth ? stack[depth - 1] : 0; wrong += !depth; return 0; }
int cuCtxPushCurrent_v2(void *context) { stack[depth++] = context; return context ? 0 : 201; }
int cuCtxPopCurrent_v2(void **context) { *context = stack[--depth]; return 0; }
int cuCtxCreate_v2(void **context, unsigned flags, int device) { *context = stack[depth++] = malloc(1); made++; return 0; }
int cuCtxDestroy_v2(void *context) { wrong += context == &primary; made--; return 0; }

void torch_begins(void) { held++; }
void makes_current(void) { stack[0] = &primary; depth = 1; }
int own_contexts(void) { return made; }
int spoilt(void) { return wrong; }
