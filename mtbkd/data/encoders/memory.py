"""Cache of embeddings under the hash of the encoder's input: nothing is encoded twice, in whichever job.

A folder <encoder>-<hash> holds one safetensors file a job that added something: ``key`` uint8 (n, 16) and ``x`` float32
(n, D). The hash is that of the encoder's settings, of its module's text and of its weights.
"""

import fcntl
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.reading import AGAIN, read_arrays
from mtbkd.base.sources import module_file
from mtbkd.base.writing import write_arrays
from mtbkd.contracts.artefacts import digest

WIDTH = 16


def key_of(text: str) -> bytes:
    """The key of what an encoder reads."""
    return hashlib.blake2b(text.encode(), digest_size=WIDTH).digest()


@dataclass
class Memory:
    """One encoder's vectors.

    Attributes:
        folder: where they are kept, or None: nowhere.
        known: key -> vector (D,).
        added: keys that are new.
    """

    folder: Path | None
    dim: int
    known: dict[bytes, np.ndarray] = field(default_factory=dict)
    added: list[bytes] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, remember: Path | None, name: str, settings: BaseModel, raw: Iterable[str], dim: int) -> "Memory":
        """The memory of the encoder ``name``, with everything that its folder under ``remember`` holds."""
        from mtbkd.data.raw_files import raw_files

        if remember is None:
            return cls(None, dim)
        module = module_file(registry.module_name("encoder", name))
        text = module.read_text(encoding="utf-8") if module else ""
        weights = [raw_files()[key].sha256 for key in raw]
        memory = cls(remember / f"{name}-{digest([settings.model_dump(mode='json'), text, weights])}", dim)
        memory._read()
        return memory

    def __contains__(self, key: bytes) -> bool:
        return key in self.known

    def add(self, keys: Sequence[bytes], x: np.ndarray) -> None:
        """Remember rows ``x`` (n, D) under ``keys``."""
        self.known.update(zip(keys, x, strict=True))
        self.added += keys

    def rows(self, keys: Sequence[bytes]) -> np.ndarray:
        """The vectors (N, D) of ``keys``."""
        return np.stack([self.known[key] for key in keys]) if keys else np.zeros((0, self.dim), np.float32)

    @contextmanager
    def adding(self, keys: Iterable[bytes]) -> Iterator[list[bytes]]:
        """Yield those of ``keys`` that are unknown; what is added inside is kept. One job at a time adds to a folder."""
        keys = list(keys)
        if self.folder is None or not keys:
            yield keys
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._read()  # another job may have added them meanwhile
            yield [key for key in keys if key not in self.known]
            self._write()

    def _read(self) -> None:
        for path in sorted(self.folder.glob("*.safetensors")) if self.folder else ():
            if path.name not in self.read:
                shard = read_arrays(path)
                if {"key", "x"} - set(shard) or path.name != _name(shard["key"], shard["x"]):
                    raise ContractError(path, "content", "changed since it was written", "the content that names it", AGAIN)
                self.known.update(zip(map(bytes, shard["key"]), shard["x"], strict=True))
                self.read.add(path.name)

    def _write(self) -> None:
        if not self.added or self.folder is None:
            return
        keys = np.frombuffer(b"".join(self.added), np.uint8).reshape(-1, WIDTH)
        x = self.rows(self.added).astype(np.float32)
        name = _name(keys, x)
        write_arrays(self.folder / name, {"key": keys.copy(), "x": x})
        self.read.add(name)
        self.added.clear()


def _name(keys: np.ndarray, x: np.ndarray) -> str:
    """The name of a shard: the hash of its content."""
    return f"{hashlib.blake2b(keys.tobytes() + x.tobytes(), digest_size=WIDTH).hexdigest()}.safetensors"
