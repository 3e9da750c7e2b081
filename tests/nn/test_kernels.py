"""Triton's kernels are compiled for a GPU, with none at hand: its interpreter takes what its compiler does not."""

from types import SimpleNamespace

import pytest
import torch

triton = pytest.importorskip("triton", reason="Triton comes with torch on Linux only")

from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402

from lfvideo_sr.matching import inverse_search_triton, patch_products_triton, patchmatch_triton  # noqa: E402
from lfvideo_sr.nn import blend_triton, deform_triton, fused_triton, kernels, warp_triton  # noqa: E402

FULL, HALF, SHORT, LONG = "*fp32", "*fp16", "*bf16", "*i64"
MATCHES = "index before better tried"
TILE = {"OVER": 1.6, "FREE": 1e-6, "ROWS": 8, "PAIRS": 16}
PATCHES = {"DESCENTS": 3, "FAINT": 32.0, "PATCH": 8, "STRIDE": 4, "COUNT": 8}
WEIGHTS = {"LEVELS": 5.0, "GRADIENTS": 10.0, "SMOOTH": 20.0, "NOISE": 0.01, "SHARP": 1e-6, "COUNT": 256}
BLEND = {"COLOURS": 3, "SCALE": 4, "STRIDE": 2, "SUREST": 8.0, "SHARP": -0.5, "COUNT": 256}
DEFORM = {
    "num_warps": 8,
    "num_stages": 1,
    "TAPS": 9,
    "OFFSETS": True,
    "MASK": True,
    "BIAS": True,
    "PLACES": 64,
    "offset_part": 1,
}
FINISH = {"CHANNELS": 64, "COUNT": 1024}

# Kernel, its constants (strides of 1 are such), and the types of its pointers; what else it takes are whole numbers.
KERNELS = [
    (inverse_search_triton._descend, PATCHES, {FULL: "source target flow other patch_flow"}),
    (inverse_search_triton._spread, {"STRIDE": 4, "COUNT": 256}, {FULL: "patch_flow source target flow"}),
    (inverse_search_triton._look, {"COUNT": 256}, {FULL: "target flow there"}),
    (inverse_search_triton._weigh, WEIGHTS, {FULL: "source there first now maps"}),
    (inverse_search_triton._sweep, TILE, {FULL: "maps now moved"}),
    (
        warp_triton._warp,
        {"CHANNELS": 3, "STRIDE": 2, "SHRUNK": 2, "BLOCK": 4, "SHARP": -0.75, "COUNT": 256, "channel_step": 1},
        {FULL: "picture positions", SHORT: "made"},
    ),
    (
        blend_triton._blend,
        BLEND | {"A": 0, "B": 1, "C": 2, "colour_step": 1},
        {FULL: "frame relevance_a relevance_b relevance_c picture", SHORT: "tail detail_a detail_b detail_c"},
    ),
    (
        blend_triton._blend,
        BLEND | {"A": 2, "B": -1, "C": -1, "column_step": 1},
        {FULL: "frame relevance_a relevance_b relevance_c picture", SHORT: "tail detail_a detail_b detail_c"},
    ),
    (
        deform_triton._aggregate,
        DEFORM | {"CHANNELS": 64, "GROUPS": 8, "OUTPUTS": 64, "OUT": 64, "ABREAST": 8, "DEEP": 8},
        {FULL: "positions bias", SHORT: "source offsets mask weights made"},
    ),
    (
        deform_triton._aggregate,
        DEFORM | {"CHANNELS": 256, "GROUPS": 8, "OUTPUTS": 256, "OUT": 256, "ABREAST": 2, "DEEP": 32},
        {FULL: "positions bias", SHORT: "source offsets mask weights made"},
    ),
    (
        deform_triton._fetch,
        {"CHANNELS": 64, "PLACES": 64, "DEEP": 64},
        {FULL: "positions", SHORT: "source made"},
    ),
    (
        fused_triton._finish,
        FINISH | {"BIAS": True, "OTHER": True, "SLOPE": 0.1, "FADES": 4},
        {FULL: "fade", SHORT: "made bias other"},
    ),
    (
        fused_triton._finish,
        FINISH | {"BIAS": False, "OTHER": False, "SLOPE": 1.0, "FADES": 0},
        {FULL: "made bias other fade"},
    ),
    (
        patchmatch_triton._improve,
        {"KIND": 1, "COHERENT": True, "AROUND": 8, "PLACES": 4, "CHANNELS": 256, "BLOCK": 128},
        {FULL: "scale query_lengths reference_lengths score scores", HALF: "query reference", "*i32": MATCHES},
    ),
    (
        patchmatch_triton._improve,
        {"KIND": 0, "COHERENT": True, "AROUND": 1, "PLACES": 4, "CHANNELS": 256, "BLOCK": 128},
        {FULL: "scale query_lengths reference_lengths score scores", HALF: "query reference", "*i32": MATCHES},
    ),
    (
        patch_products_triton._products,
        {"PAIRS": 16, "CHANNELS": 256, "BLOCK": 128},
        {FULL: "query reference sums", LONG: "mine theirs"},
    ),
]


@pytest.mark.parametrize(("kernel", "constants", "pointers"), KERNELS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_kernel_is_compiled(kernel, constants, pointers, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    options = {name: constants[name] for name in ("num_warps", "num_stages") if name in constants}
    constants = {name: constant for name, constant in constants.items() if name not in options}
    types = {name: kind for kind, names in pointers.items() for name in names.split()}
    types |= {name: "constexpr" for name in constants}
    signature = {name: types.get(name, "i32") for name in kernel.arg_names}
    assert set(types) <= set(signature)
    places = {name: (number,) for number, name in enumerate(kernel.arg_names)}
    aligned = {places[name]: [["tt.divisibility", 16]] for name in types if name not in constants}
    source = ASTSource(kernel, signature, {places[name]: constant for name, constant in constants.items()}, aligned)
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    assert made.asm["cubin"] and made.metadata.shared < 100_000


@pytest.mark.parametrize(
    ("is_cuda", "capability", "training", "allowed"),
    [
        (True, (9, 0), False, True),
        (True, (7, 0), False, True),
        (True, (6, 1), False, False),  # Triton does not compile for it
        (True, (9, 0), True, False),
        (False, (9, 0), False, False),
    ],
)
def test_where_kernels_may_work(is_cuda, capability, training, allowed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(kernels, "_starts", lambda: True)
    with torch.set_grad_enabled(training):
        assert kernels.by_triton(SimpleNamespace(is_cuda=is_cuda, device="cuda")) == allowed


def test_without_a_compiler_torch_does_it_and_that_is_said(monkeypatch):
    def active(driver):
        raise RuntimeError("Failed to find C compiler. Please specify via CC")

    monkeypatch.setattr(type(triton.runtime.driver), "active", property(active))
    with pytest.warns(UserWarning, match=r"Triton does not start \(Failed to find C compiler"):
        assert not kernels._starts.__wrapped__()
    monkeypatch.setattr(type(triton.runtime.driver), "active", SimpleNamespace(get_current_device=lambda: 0))
    assert kernels._starts.__wrapped__()
