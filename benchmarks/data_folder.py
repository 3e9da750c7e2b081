"""Where the clips, photos and light fields to measure on are."""

import os
from pathlib import Path


def data_folder() -> Path:
    """What LFVIDEO_DATA names; ends with a line where it does not name a folder."""
    named = os.environ.get("LFVIDEO_DATA", "")
    if not named or not Path(named).is_dir():
        raise SystemExit(f"LFVIDEO_DATA is '{named}'; the folder with the data is wanted: LFVIDEO_DATA=FOLDER ...")
    return Path(named)
