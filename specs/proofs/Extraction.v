(** The definitions as OCaml, a module for each file; integers are those of zarith. *)

From Coq Require Import ZArith Extraction ExtrOcamlBasic ExtrOcamlZBigInt.
From Qfs Require Import WaterFilling Allocation Issuance Tally Reciprocal.

Extraction Blacklist List Nat.

Separate Extraction
  WaterFilling.row Allocation.allocate
  Issuance.issue Issuance.issue_batches
  Tally.tally Tally.collect_ballots Tally.merge_ballots Tally.finish_tally
  Reciprocal.share
  Z.to_nat.
