"""Single-image networks of other projects, from their files: what spandrel knows, and ONNX."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lfvideo_sr.errors import EngineError, InputError, first_line
from lfvideo_sr.tensor_files import load_tensors

PictureNetwork = Callable[[np.ndarray], np.ndarray]  # float32 [3,h,w] in [0,1] -> [3,s*h,s*w]

_TENSORS = (".safetensors", ".pth", ".pt", ".ckpt")
_ADVICE = "give a .safetensors or .pth file of an architecture that spandrel knows, or an .onnx file"


def open_network(path: Path, device: str, scale: int) -> PictureNetwork:
    """The network in a file. A pickle that holds more than tensors is refused, since it could run any program.

    Raises InputError for a file that holds no such network, and EngineError where a package is missing.
    """
    if not path.is_file():
        raise InputError(f"the anchor model {path} is no file; {_ADVICE}")
    if path.suffix.lower() == ".onnx":
        return _of_onnx(path, device)
    if path.suffix.lower() not in _TENSORS:
        raise InputError(f"the anchor model {path} ends in '{path.suffix}'; {_ADVICE}")
    return _of_spandrel(path, device, scale)


def _of_spandrel(path: Path, device: str, scale: int) -> PictureNetwork:
    try:
        import spandrel
        import torch
    except ImportError as error:
        raise EngineError(
            f"the anchor model {path} needs spandrel and torch; pip install 'lfvideo-sr[spandrel]', or give an .onnx "
            "file"
        ) from error
    try:
        state = spandrel.canonicalize_state_dict(load_tensors(path))
        network = spandrel.ModelLoader(device).load_from_state_dict(state)
    except Exception as error:  # of whichever kind: the state of a file that anybody made
        raise InputError(f"the anchor model {path} cannot be loaded ({first_line(error)[:160]}); {_ADVICE}") from error
    if not isinstance(network, spandrel.ImageModelDescriptor) or network.scale != scale or network.input_channels != 3:
        raise InputError(
            f"the anchor model {path} has scale {network.scale} and {network.input_channels} channels; give one of "
            f"scale {scale} that restores RGB pictures"
        )
    network.eval()

    def enlarge(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            picture = torch.from_numpy(np.ascontiguousarray(pixels))[None].to(network.device)
            return network(picture)[0].float().cpu().numpy()

    return enlarge


def _of_onnx(path: Path, device: str) -> PictureNetwork:
    try:
        from .onnx_engine import open_session, pick_provider
    except ImportError as error:
        raise EngineError(f"the anchor model {path} needs ONNX Runtime; pip install onnxruntime") from error
    kind, number = pick_provider("cpu" if device == "cpu" else "auto")
    session = open_session(path, kind, number, _ADVICE)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)":
        raise InputError(
            f"the anchor model {path} has {len(inputs)} inputs and {len(outputs)} outputs; give one that makes a "
            "picture float32 [1,3,H,W] of a picture float32 [1,3,h,w]"
        )

    def enlarge(pixels: np.ndarray) -> np.ndarray:
        picture = np.ascontiguousarray(pixels)[None]
        try:
            return session.run(None, {inputs[0].name: picture})[0][0]
        except Exception as error:  # its exceptions have no common base but this
            raise EngineError(
                f"the anchor model {path} failed at {picture.shape} ({first_line(error)[:160]}); give one for frames "
                "of any size"
            ) from error

    return enlarge
