"""The codes of languages that FFmpeg reads and writes in MOV, which has a list of its own and loses any other code."""

MOV = "mov"  # FFmpeg's name of the container

_IN_MOV = {
    "cym": "wel", "cze": "ces", "deu": "ger", "ell": "gre", "eus": "baq", "fas": "per", "fre": "fra", "hye": "arm",
    "isl": "ice", "kat": "geo", "mkd": "mac", "msa": "may", "mya": "bur", "nld": "dut", "nob": "nor", "rum": "ron",
    "slo": "slk", "sqi": "alb", "swe": "sve", "bod": "tib", "zho": "chi",
}  # fmt: skip
_OF_NO_STANDARD = {"sve": "swe"}  # the only code of that list that ISO 639-2 does not have


def language_in(container: str, language: str) -> str:
    """How a container, by FFmpeg's name of it, states the language with this code of ISO 639-2 or of MOV."""
    standard = _OF_NO_STANDARD.get(language, language)
    return _IN_MOV.get(standard, standard) if container == MOV else standard
