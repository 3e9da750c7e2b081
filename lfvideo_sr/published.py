"""What the papers report, quoted; measured here by nobody. Rows trained on the reconstruction loss alone (`-rec`),
but E2ENT2's own, trained on its two losses."""

from typing import NamedTuple


class PublishedScore(NamedTuple):
    """Quoted PSNR in dB and SSIM, the protocol they were measured by, and where they stand."""

    psnr: float
    ssim: float
    protocol: str
    source: str


_C2, _RRSR, _AMSA, _E2ENT2 = (f"{paper}, Table 1" for paper in ("C2-Matching", "RRSR", "AMSA", "E2ENT2"))
_LEVELS = "AMSA, Table 3"

# method, data set, references -> figure. References: "best" is one, "all" the five of CUFED5, "none" for a method
# that takes none, L2 and so on less similar ones.
PUBLISHED: dict[tuple[str, str, str], PublishedScore] = {
    ("c2_matching", "cufed5", "best"): PublishedScore(28.24, 0.841, "c2", _C2),
    ("c2_matching", "sun80", "best"): PublishedScore(30.18, 0.817, "c2", _C2),
    ("c2_matching", "urban100", "best"): PublishedScore(26.03, 0.785, "c2", _C2),
    ("c2_matching", "manga109", "best"): PublishedScore(30.47, 0.911, "c2", _C2),
    ("c2_matching", "wr-sr", "best"): PublishedScore(28.32, 0.801, "c2", _C2),
    ("c2_matching", "cufed5", "L2"): PublishedScore(27.39, 0.813, "c2", _LEVELS),
    ("c2_matching", "cufed5", "L3"): PublishedScore(27.17, 0.806, "c2", _LEVELS),
    ("c2_matching", "cufed5", "L4"): PublishedScore(26.94, 0.799, "c2", _LEVELS),
    ("rrsr", "cufed5", "all"): PublishedScore(28.83, 0.856, "rrsr", _RRSR),
    ("rrsr", "sun80", "best"): PublishedScore(30.13, 0.816, "rrsr", _RRSR),
    ("rrsr", "urban100", "best"): PublishedScore(26.21, 0.790, "rrsr", _RRSR),
    ("rrsr", "manga109", "best"): PublishedScore(30.91, 0.913, "rrsr", _RRSR),
    ("rrsr", "wr-sr", "best"): PublishedScore(28.41, 0.804, "rrsr", _RRSR),
    ("amsa", "cufed5", "best"): PublishedScore(28.50, 0.849, "amsa", _AMSA),  # its Table 3 says 28.58 for the same
    ("amsa", "sun80", "best"): PublishedScore(30.29, 0.819, "amsa", _AMSA),
    ("amsa", "urban100", "best"): PublishedScore(26.18, 0.789, "amsa", _AMSA),
    ("amsa", "manga109", "best"): PublishedScore(30.57, 0.914, "amsa", _AMSA),
    ("amsa", "cufed5", "L2"): PublishedScore(27.52, 0.816, "amsa", _LEVELS),
    ("amsa", "cufed5", "L3"): PublishedScore(27.25, 0.809, "amsa", _LEVELS),
    ("amsa", "cufed5", "L4"): PublishedScore(27.04, 0.803, "amsa", _LEVELS),
    ("e2ent2", "cufed5", "best"): PublishedScore(24.01, 0.705, "e2ent2", _E2ENT2),
    ("e2ent2", "sun80", "best"): PublishedScore(28.13, 0.765, "e2ent2", _E2ENT2),
    ("e2ent2", "flickr1024", "best"): PublishedScore(22.89, 0.680, "e2ent2", "E2ENT2, Table 2"),
    ("bicubic", "cufed5", "none"): PublishedScore(22.64, 0.646, "e2ent2", _E2ENT2),
    ("bicubic", "sun80", "none"): PublishedScore(27.25, 0.742, "e2ent2", _E2ENT2),
}
