"""Paper-size configurations beside what the papers and their public code state, field by field; what neither states is
not in these tables."""

from pathlib import Path

import pytest
import torch

from lfvideo_sr.commands.train import TRAINERS, shipped_configs
from lfvideo_sr.config import load_config, read_mapping
from lfvideo_sr.methods import c2_matching, rrsr

CORRESPONDENCE = {  # C2-Matching, section 3.5 and A.1; its code's files for stages 1 and 2
    "batch": 8, "learning_rate": 1e-3, "width": 64, "start": "vgg16-397923af.pth", "homographies": "published",
    "warmup": 0, "decay": 0, "whiten": 0, "photos": ("CUFED/train/input",),
}  # fmt: skip
RESTORATION = {  # C2-Matching, section 3.5 and A.2; its code's file for stage 3
    "side": 160, "reference_side": 160, "batch": 9, "accumulate": 1, "max_steps": 255_000, "learning_rate": 1e-4,
    "betas": (0.9, 0.999), "drop_at": (72_545, 211_040), "decay": 0, "offset_rates": (0.01, 0.1, 1.0),
    "initialisation": "published", "no_reference": 0.0, "seen_from_elsewhere": 0.0, "exposure_change": 0.0,
    "wrong_reference": 0.0, "adversarial_weight": 0.0, "perceptual_weight": 0.0, "start": "", "validate_every": 5000,
    "pairs": ("CUFED/train",), "correspondence": "runs/c2_student/last.pt", "features": "vgg19-dcbb9e9d.pth",
}  # fmt: skip
GAN = {  # Eq. 11 to 13 and A.2 there; its code's file for the GAN
    "perceptual_weight": 1e-4, "perceptual": "published", "adversarial_weight": 1e-6, "critic": "published",
    "critic_width": 32, "perceptual_features": "vgg19-dcbb9e9d.pth",
}  # fmt: skip
PUBLISHED = {"tap_flows": "own", "offsets_from": "unmoved", "activation": "leaky"}
SIMILAR_CROPS = {  # E2ENT2, section 4.1; 100,000 photos in 20 epochs
    "learning_rate": 1e-4, "decay": 0, "reconstruction_weight": 1e-2, "adversarial_weight": 1e-5, "size": {},
    "photos": ("CUFED",), "rtrr_weight": 0.0,
}  # fmt: skip
JOINT = {"stage": "joint", "start": "runs/e2ent2_single/last.pt", "max_steps": 20 * 100_000 // 8, "batch": 8}
FUSION = {  # RefSR-Net, section 5.2
    "learning_rate": 1e-4, "max_steps": 30_000, "decay": 0, "scenes": 0, "sintel": "", "light_fields": (), "pairs": (),
    "features": "runs/sisr/last.pt",
}  # fmt: skip
BEHIND_SINTEL = {**FUSION, "correspondence": "runs/ccnet_sintel/last.pt"}
BEHIND_RENDERED = {**FUSION, "correspondence": "runs/ccnet/last.pt"}
STATED = {
    "c2_teacher": {**CORRESPONDENCE, "stage": "teacher", "max_steps": 5000, "drop_at": ()},
    "c2_student": {
        **CORRESPONDENCE, "stage": "student", "max_steps": 75_000, "drop_at": (72_545,), "distillation_weight": 15.0,
        "teacher": "runs/c2_teacher/last.pt",
    },
    "c2_restoration": {**RESTORATION, "method": "c2_matching", "size": {}},
    "c2_published": {**RESTORATION, "method": "c2_matching", "size": PUBLISHED},
    "c2_light": {
        **RESTORATION, "method": "c2_matching",
        "size": {"blocks": [16, 16, 8, 4], "first_aggregation": False, **PUBLISHED},
    },
    "c2_gan": {**RESTORATION, **GAN, "method": "c2_matching", "size": PUBLISHED, "reconstruction_steps": 10_000},
    "rrsr": {**RESTORATION, "method": "rrsr", "size": {}, "rtrr_weight": 0.4, "turned": True},  # RRSR, section 4.2
    "rrsr_gan": {
        **RESTORATION, **GAN, "method": "rrsr", "size": {}, "rtrr_weight": 0.4, "reconstruction_steps": 10_000,
    },
    "amsa": {**RESTORATION, "method": "amsa", "size": {}, "betas": (0.9, 0.99)},  # AMSA, section 4.2
    "amsa_gan": {
        **RESTORATION, **GAN, "method": "amsa", "size": {}, "betas": (0.9, 0.99), "reconstruction_steps": 0,
    },
    "e2ent2_single": {**SIMILAR_CROPS, "stage": "single", "reconstruction": "l1"},
    "e2ent2": {**SIMILAR_CROPS, **JOINT, "reconstruction": "l1"},
    "e2ent2_mse": {**SIMILAR_CROPS, **JOINT, "reconstruction": "mse"},
    "ccnet_sintel": {  # RefSR-Net, section 5.1
        "batch": 16, "learning_rate": 1e-3, "drop_at": (30_000,), "max_steps": 50_000, "reach": 64, "queries": 1,
        "scale": 8, "width": 100, "siamese": True, "unit": False, "sharpness": 1.0, "sintel": "MPI-Sintel/training",
        "enlarge_by": "", "start": "",
    },
    "sisr": {  # SRResNet's own settings, to which RefSR-Net's section 4 points
        "channels": 64, "blocks": 16, "side": 96, "batch": 16, "learning_rate": 1e-4, "max_steps": 1_000_000,
        "loss": "mse", "photos": ("ILSVRC2012/train",),
    },
    "refsr_net_sintel": {**BEHIND_SINTEL, "sintel": "MPI-Sintel/training"},
    "refsr_net_lf": {**BEHIND_SINTEL, "light_fields": ("LFVideo/train",)},
    "refsr_net": {**BEHIND_RENDERED, "scenes": 1000},
    "refsr_net_lf_rendered": {**BEHIND_RENDERED, "light_fields": ("rendered:400",)},
}  # fmt: skip


def config_of(name):
    path = Path(str(shipped_configs()[name]))
    module, kind = TRAINERS[read_mapping(path)["trainer"]]
    return load_config(path, getattr(__import__(f"lfvideo_sr.trainers.{module}", fromlist=[kind]), kind))


@pytest.mark.parametrize("name", STATED)
def test_a_run_of_the_papers_size_has_what_is_stated(name):
    config = config_of(name)
    assert {key: getattr(config, key) for key in STATED[name]} == STATED[name]
    assert config.average == 0  # nobody states averaged weights


@pytest.mark.parametrize("name", STATED)
def test_a_run_of_the_papers_size_validates(name):
    """So that it keeps its best.pt."""
    config = config_of(name)
    always = config.trainer in ("ccnet", "ssnet")  # on scenes of their own
    assert always or getattr(config, "validation", "") or getattr(config, "validation_photos", ())
    assert config.max_steps % config.validate_every == 0 and config.validate_every % config.report_every == 0


@pytest.mark.parametrize("name", ["refsr_net", "refsr_net_lf", "refsr_net_lf_rendered", "refsr_net_sintel"])
def test_a_mini_batch_of_refsr_net_is_8_patches(name):
    config = config_of(name)
    assert config.batch * config.windows == 8 and config.size == {"scale": 8, "windows": True}


def test_an_average_of_zero_is_the_weights_themselves():
    from lfvideo_sr.training.checkpoint import Averaged

    layer = torch.nn.Linear(2, 2)
    averaged = Averaged(layer, 0.0)
    with torch.no_grad():
        layer.weight.add_(1)
    averaged.update(layer, step=1000)
    assert torch.equal(averaged.module.weight, layer.weight)


@pytest.mark.parametrize(
    ("build", "size", "millions"),
    [
        (c2_matching.network, {}, 8.866),  # the paper: 8.9
        (c2_matching.network, {"blocks": (16, 16, 8, 4), "first_aggregation": False}, 4.825),  # 4.8
        (rrsr.network, {}, 19.5),  # with the three extractors 21.2; PlantRSR (2026) counts 21.5 for RRSR
        (rrsr.network, {"filters": 0}, 11.2),
    ],
    ids=["c2", "light", "rrsr", "rrsr without filters"],
)
def test_parameters_are_as_many_as_were_counted(build, size, millions):
    with torch.device("meta"):
        restorer = build(size).restorer
    counted = sum(parameter.numel() for parameter in restorer.parameters()) / 1e6
    assert counted == pytest.approx(millions, abs=0.05 if millions > 10 else 0.0005)
