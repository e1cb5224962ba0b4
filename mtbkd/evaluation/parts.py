"""What the jobs of an evaluation hand to one another: tables of one method, or of its references, over some blocks.

Small experiments are evaluated in one job, whose parts stay in memory. Large ones have a job for each method and group of
blocks, a folder of sealed Parquet files each. Either way a table is the parts of it, one after another.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame, read_arrow, read_schema, write_parts
from mtbkd.base.lazy import lazy_import
from mtbkd.evaluation.tables import columns_of_tuning

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy_import("pyarrow")

Part = Mapping[str, "pa.Table"]
MIXED = "permissive"  # whole numbers beside fractions are fractions; a column without values takes the others' type
EXPECTED, RULE = "a part of the evaluation", "score"


@dataclass(frozen=True)
class Parts:
    """Parts in memory, or folders of them, in the order of their rows."""

    each: Sequence[Part | str | Path]

    def tables(self, name: str, columns: Sequence[str] | None = None, where: Any = None) -> "Iterator[pa.Table]":
        """The parts of a table: of some ``columns``, and the rows ``where`` an expression of pyarrow holds."""
        for part in self.each:
            if isinstance(part, str | Path):
                yield read_arrow(_file(part, name), EXPECTED, RULE, columns, where)
            else:
                found = part[name] if where is None or not part[name].num_rows else part[name].filter(where)
                yield found if columns is None else found.select(list(columns))

    def frame(self, name: str, columns: Sequence[str] | None = None, where: Any = None) -> Frame:
        """All parts of a table as one frame of pandas."""
        return pa.concat_tables(self.tables(name, columns, where), promote_options=MIXED).to_pandas()

    def schema(self, name: str) -> "pa.Schema":
        """The columns of a table, each of a type that holds what all parts have."""
        found = [
            read_schema(_file(part, name), EXPECTED, RULE) if isinstance(part, str | Path) else part[name].schema
            for part in self.each
        ]
        plain = pa.unify_schemas(found, promote_options=MIXED).remove_metadata()
        if name == "tuning":
            plain = pa.schema([plain.field(column) for column in columns_of_tuning(plain.names)])
        # What pandas is to make of it: in a part whose column is empty that was not known.
        frame = plain.empty_table().to_pandas()
        if "correct" in frame:
            frame = frame.astype({"correct": "boolean"})
        return plain.with_metadata(pa.Schema.from_pandas(frame, preserve_index=False).metadata)

    def write(self, name: str, path: str | Path, change: "Callable[[pa.Table], pa.Table] | None" = None) -> None:
        """Join the parts of a table in a file, a few in memory at a time, each as ``change`` makes it."""
        schema = self.schema(name)
        found = (fitted(each, schema) for each in self.tables(name))
        if change is None:
            write_parts(found, schema, path)
        else:
            write_parts((change(each) for each in found), change(schema.empty_table()).schema, path)


def write_part(part: Part, folder: str | Path) -> None:
    """Write every table of a part into ``folder``, each completely or not at all."""
    for name, table in part.items():
        write_parts([table], table.schema, _file(folder, name))


def fitted(table: "pa.Table", schema: "pa.Schema") -> "pa.Table":
    """``table`` with the columns of ``schema``: those that it lacks are empty."""
    return pa.concat_tables([table, schema.empty_table()], promote_options=MIXED).select(schema.names).cast(schema)


def _file(folder: str | Path, name: str) -> Path:
    return Path(folder) / f"{name}.parquet"
