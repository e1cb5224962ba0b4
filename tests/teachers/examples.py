"""Files of a teacher's values in every format that is read."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file


def write_as(ending: str, path: Path, ids: np.ndarray, values: np.ndarray, names: list[str], id_column: str = "id") -> str:
    """A file of any format with rows and columns in the order given."""
    frame = pd.DataFrame(values, columns=names)
    frame.insert(0, id_column, ids)
    if ending == "npy":
        np.save(path, values)
    elif ending == "npz":
        np.savez(path, values=values, ids=ids, class_names=np.array(names))
    elif ending == "safetensors":
        about = {"ids": json.dumps(ids.tolist()), "class_names": json.dumps(names)}
        save_file({"values": np.ascontiguousarray(values)}, path, about)
    elif ending == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, sep="\t" if ending == "tsv" else ",", index=False)
    return str(path)
