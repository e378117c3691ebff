"""Reads of delivery: a carrier's run, one tray at the bed, what was handed over, what was called back."""

from .recalls import recalls, recalls_on
from .runs import Carried, Handed, ProofFile, carried_by, handed_on, old_proofs, proof_file, run, stop, tray_of

__all__ = [
    "Carried",
    "Handed",
    "ProofFile",
    "carried_by",
    "handed_on",
    "old_proofs",
    "proof_file",
    "recalls",
    "recalls_on",
    "run",
    "stop",
    "tray_of",
]
