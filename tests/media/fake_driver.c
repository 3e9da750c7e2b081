/* NVIDIA's driver and its decoder, as much of them as FFmpeg asks for, on the host. As the real ones: there is a primary
   context that others may hold with flags of their own; copies wait in the stream until somebody waits for them; surfaces
   have longer rows than pictures, and are used again. The decoder decodes nothing: the picture it is given as number n is
   grey, of luma 100 + n, wherever a picture can be. */
#include <stdlib.h>
#include <string.h>

enum { GREY = 100, PITCH = 512, COPIES = 64 };

static char primary;
static int held, made, wrong;
static __thread void *stack[8];
static __thread int depth;

int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return number ? 101 : 0; }
int cuDeviceGetAttribute(int *value, int which, int device) { *value = PITCH; return 0; }
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

typedef struct {
    size_t from_x, from_y;
    int from_kind;
    const char *from_host, *from;
    void *from_array;
    size_t from_pitch, to_x, to_y;
    int to_kind;
    char *to_host, *to;
    void *to_array;
    size_t to_pitch, width, height;
} Copy;

static Copy waiting[COPIES];
static int count;

void stream_works(void) {
    for (int n = 0; n < count; n++)
        for (size_t y = 0; y < waiting[n].height; y++)
            memcpy((waiting[n].to_kind == 1 ? waiting[n].to_host : waiting[n].to) + y * waiting[n].to_pitch,
                   waiting[n].from + y * waiting[n].from_pitch, waiting[n].width);
    count = 0;
}

int cuMemAlloc_v2(char **memory, size_t bytes) {
    wrong += !depth || stack[depth - 1] != &primary; /* torch could not read it */
    *memory = calloc(1, bytes);
    return 0;
}
int cuMemFree_v2(char *memory) { stream_works(); free(memory); return 0; }
int cuMemcpy2DAsync_v2(const Copy *copy, void *stream) { waiting[count++] = *copy; return count == COPIES ? 2 : 0; }
int cuStreamSynchronize(void *stream) { stream_works(); return 0; }

typedef struct {
    unsigned long width, height, surfaces;
    int codec, chroma;
    unsigned long flags, more_bits, others[4];
    short area[4];
    int format, deinterlace;
    unsigned long target_width, target_height;
} Decoder;

typedef struct {
    int codec, chroma;
    unsigned more_bits, reserved[3];
    unsigned char supported, engines;
    unsigned short formats;
    unsigned most_width, most_height, most_blocks;
    unsigned short least_width, least_height;
} Abilities;

static Decoder decoder;
static char *surface;
static int decoded;

int cuvidGetDecoderCaps(Abilities *abilities) {
    abilities->supported = 1;
    abilities->formats = 3;
    abilities->most_width = abilities->most_height = 4096;
    abilities->most_blocks = 1 << 16;
    return 0;
}
int cuvidCreateDecoder(void **made, Decoder *wanted) { decoder = *wanted; *made = &decoder; decoded = 0; return 0; }
int cuvidDestroyDecoder(void *decoder) { return 0; }
int cuvidDecodePicture(void *decoder, void *picture) { decoded++; return 0; }
int cuvidMapVideoFrame64(void *which, int index, char **memory, unsigned *pitch, void *options) {
    size_t rows = decoder.target_height, bytes = decoder.more_bits ? 2 : 1;
    *pitch = (decoder.target_width * bytes + PITCH - 1) / PITCH * PITCH;
    stream_works();
    *memory = surface = realloc(surface, *pitch * rows * 3 / 2);
    for (size_t row = 0; row < rows * 3 / 2; row++)
        for (size_t x = 0; x < *pitch; x++)
            surface[row * *pitch + x] = x % bytes < bytes - 1 ? 0 : row < rows ? GREY + decoded - 1 : 128;
    return 0;
}
int cuvidUnmapVideoFrame64(void *which, char *memory) { return 0; }

void torch_begins(void) { held++; }
void makes_current(void) { stack[0] = &primary; depth = 1; }
int own_contexts(void) { return made; }
int spoilt(void) { return wrong; }
