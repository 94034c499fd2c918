(** Allocation as `qfs.reference.allocation.allocate` computes it, step by step, on integers without
bound. Keys are numbers in the order of the ids; a row carries its own. *)

From Coq Require Import ZArith List Bool.
From Qfs Require Import Lists WaterFilling.
From Qfs Require Remainders.
Import ListNotations.
Open Scope Z_scope.

Definition MAX_SCALAR : Z := 2 ^ 128 - 1.

Record allocated := Allocated {
  amounts : list Z;
  undistributed : Z;
  capped_rows : Z;
  fell_back : bool;
  total_weight : Z;
  filling : level;
  leftover : Z;
  cut : option Z }.

Definition fallback (rows : list row) : bool :=
  match rows with [] => false | _ => forallb (fun r => weight r =? 0) rows end.

Definition counted (every_weight_is_0 : bool) (r : row) : Z :=
  if every_weight_is_0 then 1 else weight r.

(** The lower of the two caps; none where there is neither. *)
Definition effective_cap (common_cap : option Z) (r : row) : option Z :=
  match common_cap, cap r with
  | Some common, Some own => Some (Z.min common own)
  | Some common, None => Some common
  | None, own => own
  end.

(** An amount rounded down, and the remainder over the shared weight. *)
Record share := Share { row_of : row; floor : Z; remainder : Z }.

Definition floor_share (w : row -> Z) (limit : row -> option Z) (l : level) (e : entry) : share :=
  if capped e then Share (of e) (cap_of limit e) 0
  else if shared_weight l =? 0 then Share (of e) 0 0
  else let (q, r) := Z.div_eucl (shared_pool l * w (of e)) (shared_weight l) in Share (of e) q r.

Definition candidate_of (s : share) : Remainders.candidate :=
  Remainders.Candidate (key (row_of s)) (remainder s).

Definition wins (winners : list Remainders.candidate) (s : share) : bool :=
  existsb (fun c => Remainders.key c =? key (row_of s)) winners.

Definition amount_of (winners : list Remainders.candidate) (s : share) : Z :=
  floor s + (if wins winners s then 1 else 0).

Fixpoint smallest (winners : list Remainders.candidate) : option Z :=
  match winners with
  | [] => None
  | c :: others =>
      match smallest others with
      | None => Some (Remainders.remainder c)
      | Some least => Some (Z.min (Remainders.remainder c) least)
      end
  end.

Definition allocate (pool : Z) (common_cap : option Z) (rows : list row) : option allocated :=
  (* Step 1. The total is in its bounds. *)
  if MAX_SCALAR <? sum_of weight rows then None else
  (* Step 2. Where every weight is 0, every weight counts as 1. *)
  let every_weight_is_0 := fallback rows in
  let w := counted every_weight_is_0 in
  (* Step 3. Water-filling: rows whose share exceeds their cap are paid the cap and leave. *)
  let limit := effective_cap common_cap in
  let l := filled w limit pool rows in
  (* Step 4. The rest share what is left in proportion, rounded down. *)
  let shares := map (floor_share w limit l) (entries l) in
  (* Step 5. One base unit each to the largest remainders. *)
  let leftover := if shared_weight l =? 0 then 0 else pool - sum_of floor shares in
  let winners := Remainders.largest_remainders (map candidate_of shares) leftover in
  let amounts := map (amount_of winners) shares in
  Some (Allocated amounts (pool - sum amounts) (count capped (entries l)) every_weight_is_0
          (sum_of w rows) l leftover (smallest winners)).

(** What callers ensure: nothing is negative, and no key stands twice. *)
Definition valid (pool : Z) (common_cap : option Z) (rows : list row) : Prop :=
  0 <= pool /\
  (forall r, In r rows -> 0 <= weight r) /\
  (forall r c, In r rows -> effective_cap common_cap r = Some c -> 0 <= c) /\
  NoDup (map key rows).

(** Row `r` is paid `x`. *)
Definition paid (rows : list row) (a : allocated) (r : row) (x : Z) : Prop :=
  In (r, x) (combine rows (amounts a)).
