(** The laws of `qfs.reference.allocation.allocate` and its `qfs.reference.allocation.floor_shares`,
for any number of rows and integers of any size. *)

From Coq Require Import ZArith List Permutation Lia Bool.
From Qfs Require Import Lists WaterFilling Allocation AllocationSteps.
From Qfs Require Remainders.
Import ListNotations.
Open Scope Z_scope.

(** In what follows `w` is a weight as it counts, `limit` a row's lowest cap, and P / W the level at
which water-filling ends. *)
Section Laws.
Variables (pool : Z) (common_cap : option Z) (rows : list row) (a : allocated).
Hypothesis is_valid : valid pool common_cap rows.
Hypothesis is_allocated : allocate pool common_cap rows = Some a.

Let w := counted (fell_back a).
Let limit := effective_cap common_cap.
Let P := shared_pool (filling a).
Let W := shared_weight (filling a).

(** What is given where the total is in its bounds. *)
Definition allocated_of (pool : Z) (common_cap : option Z) (rows : list row) : allocated :=
  let w := counted (fallback rows) in
  let limit := effective_cap common_cap in
  let l := filled w limit pool rows in
  let shares := map (floor_share w limit l) (entries l) in
  let units := if shared_weight l =? 0 then 0 else pool - sum_of floor shares in
  let winners := Remainders.largest_remainders (map candidate_of shares) units in
  let amounts := map (amount_of winners) shares in
  Allocated amounts (pool - sum amounts) (count capped (entries l)) (fallback rows)
    (sum_of w rows) l units (smallest winners).

Lemma all_of_it : sum_of weight rows <= MAX_SCALAR /\ a = allocated_of pool common_cap rows.
Proof.
  pose proof is_allocated as H. unfold allocate in H.
  destruct (Z.ltb_spec MAX_SCALAR (sum_of weight rows)); [discriminate|].
  split; [lia|]. injection H as <-. reflexivity.
Qed.

Ltac open_up :=
  destruct all_of_it as [_ ->]; unfold allocated_of;
  cbn [amounts undistributed leftover filling fell_back total_weight].

Lemma paid_entry r x :
  paid rows a r x -> exists e,
    In e (entries (filling a)) /\ of e = r /\ x = amount_for pool common_cap rows e.
Proof.
  unfold paid. open_up. rewrite (amounts_by_row pool common_cap rows is_valid).
  intros I. apply in_map_iff in I. destruct I as [e [E I]].
  injection E as <- <-. exists e. auto.
Qed.

Lemma how_paid r x : paid rows a r x -> payment pool common_cap rows r x.
Proof.
  intros H. destruct (paid_entry r x H) as [e [I [<- ->]]].
  apply entry_is_paid; auto. destruct all_of_it as [_ E]. now rewrite E in I.
Qed.

Lemma facts r x :
  paid rows a r x ->
  (limit r = Some x /\ 0 < w r /\ x * W <= P * w r /\ (0 < W -> x * W < P * w r)) \/
  (W = 0 /\ w r = 0 /\ x = 0) \/
  (0 < W /\ (forall c, limit r = Some c -> P * w r <= c * W) /\
   (x = P * w r / W \/ (x = P * w r / W + 1 /\ 0 < (P * w r) mod W))).
Proof.
  intros H. apply how_paid in H. unfold P, W, w. open_up.
  destruct H as [A B C D | A B C | A B C]; auto.
Qed.

Lemma paid_row r x : paid rows a r x -> In r rows.
Proof. apply in_combine_l. Qed.

Lemma level_is_sound : sound w limit pool rows (filling a).
Proof. unfold w. open_up. now apply l_sound. Qed.

Lemma P_at_least_0 : 0 <= P.
Proof. apply (pool_stays _ _ _ _ _ level_is_sound). Qed.

Lemma w_at_least_0 r : In r rows -> 0 <= w r.
Proof. unfold w. open_up. apply (counted_nonneg pool common_cap rows is_valid). Qed.

(** There is one amount for each row. *)
Theorem one_amount_per_row : length (amounts a) = length rows.
Proof.
  open_up. rewrite !map_length.
  pose proof (same_rows _ _ _ _ _ (l_sound pool common_cap rows is_valid)) as E.
  apply (f_equal (length (A := row))) in E. now rewrite map_length in E.
Qed.

(** What is paid and what stays undistributed sum to the pool, and neither is negative. *)
Theorem conservation :
  sum (amounts a) + undistributed a = pool /\ 0 <= undistributed a /\
  (forall x, In x (amounts a) -> 0 <= x).
Proof.
  open_up. split; [lia|]. split.
  - rewrite sum_map, (sum_of_amounts pool common_cap rows is_valid).
    destruct (Z.eqb_spec (shared_weight (filled (counted (fallback rows)) (effective_cap common_cap)
      pool rows)) 0) as [Z0|N]; [|lia].
    rewrite (sum_of_floors_without_weight pool common_cap rows is_valid Z0).
    pose proof (P_nonneg pool common_cap rows is_valid). lia.
  - intros x I. apply in_map_iff in I. destruct I as [s [<- I]].
    pose proof (floor_nonneg pool common_cap rows is_valid s I). unfold amount_of.
    destruct (wins _ s); lia.
Qed.

(** Fewer units are left over than there are rows with a remainder, or none at all. *)
Theorem fewer_units_than_remainders :
  let remainders := map (fun e => Allocation.remainder (floor_share w limit (filling a) e))
                        (entries (filling a)) in
  leftover a = 0 \/ 0 < leftover a < count (fun r => 0 <? r) remainders.
Proof.
  unfold w. open_up.
  pose proof (units_below_positive pool common_cap rows is_valid) as U.
  unfold count in *. rewrite !sum_of_map in *.
  match type of U with _ /\ (_ \/ _ < ?c) => set (n := c) in U end.
  match goal with |- _ \/ _ < _ < ?c => replace c with n end; [lia|].
  apply sum_of_ext. intros e _. unfold positive, candidate_of. cbn [Remainders.remainder].
  match goal with |- context [1 <=? ?r] => replace (1 <=? r) with (0 <? r) by lia end.
  reflexivity.
Qed.

(** No row is paid more than its cap. *)
Theorem caps_are_respected : forall r x c, paid rows a r x -> limit r = Some c -> x <= c.
Proof.
  intros r x c H L. destruct (facts r x H) as [[A _]|[[_ [_ ->]]|[W0 [within X]]]].
  - rewrite L in A. injection A as ->. lia.
  - apply (caps_nonneg pool common_cap rows is_valid r c); auto. now apply (paid_row r 0).
  - specialize (within c L).
    assert (P * w r / W <= c) by (apply Z.div_le_upper_bound; lia).
    destruct X as [->|[-> X]]; auto.
    assert (P * w r / W < c); [|lia].
    pose proof (Z.div_mod (P * w r) W ltac:(lia)).
    apply (Z.mul_lt_mono_pos_l W); lia.
Qed.

(** Where any row is below its cap, each is paid less than one unit from the lower of its cap
and its share at one common level. *)
Theorem less_than_a_unit_from_the_level : forall r x,
  paid rows a r x -> 0 < W -> Z.abs (x * W - fill w limit P W r) < W.
Proof.
  intros r x H W0. unfold fill.
  destruct (facts r x H) as [[L [_ [_ B]]]|[[Z0 _]|[_ [within X]]]].
  - specialize (B W0). rewrite L. rewrite Z.min_l by lia. lia.
  - lia.
  - pose proof (Z.div_mod (P * w r) W ltac:(lia)). pose proof (Z.mod_pos_bound (P * w r) W W0).
    assert (E : match limit r with Some c => Z.min (c * W) (P * w r) | None => P * w r end
                = P * w r).
    { destruct (limit r) as [c|]; auto. specialize (within c eq_refl). lia. }
    rewrite E. destruct X as [->|[-> X]]; lia.
Qed.

(** Without caps every row is paid its quota rounded down or up: less than one unit from it. *)
Theorem quota : forall r x,
  (forall s, In s rows -> limit s = None) -> paid rows a r x ->
  Z.abs (x * total_weight a - pool * w r) < total_weight a.
Proof.
  intros r x free H.
  pose proof level_is_sound as S.
  assert (none : forall e, In e (entries (filling a)) -> capped e = false).
  { intros e I. destruct (capped e) eqn:C; auto.
    destruct (capped_reach _ _ _ _ _ S e I C) as [_ [c [L _]]].
    rewrite free in L; [discriminate | apply (entry_is_row _ _ _ _ _ _ S I)]. }
  assert (EP : P = pool).
  { unfold P. rewrite (pool_is_left _ _ _ _ _ S). unfold left_pool.
    rewrite (sum_of_ext _ (fun _ => 0)), sum_of_0; [lia|].
    intros e I. now rewrite none. }
  assert (EW : W = total_weight a).
  { unfold W. rewrite (weight_is_left _ _ _ _ _ S). unfold left_weight.
    rewrite (sum_of_ext _ (weight_of w)) by (intros e I; now rewrite none).
    transitivity (sum_of w (map of (entries (filling a)))); [now rewrite sum_of_map|].
    rewrite (same_rows _ _ _ _ _ S). unfold w. now open_up. }
  rewrite <- EP, <- EW.
  destruct (facts r x H) as [[L _]|[[Z0 _]|[W0 _]]].
  - rewrite free in L; [discriminate | apply (paid_row r x H)].
  - exfalso. pose proof (paid_row r x H) as I.
    assert (Z1 : sum_of w rows = 0)
      by (unfold w in *; destruct all_of_it as [_ E]; rewrite E in *; simpl in *; lia).
    pose proof (sum_of_zero w rows w_at_least_0 Z1) as all.
    unfold w in all. destruct all_of_it as [_ E]. rewrite E in all. simpl in all.
    unfold counted, fallback in all. destruct rows as [|s others] eqn:R; [easy|].
    destruct (forallb (fun t => weight t =? 0) (s :: others)) eqn:F.
    + specialize (all s (or_introl eq_refl)). lia.
    + assert (forallb (fun t => weight t =? 0) (s :: others) = true); [|congruence].
      apply forallb_forall. intros t J. apply Z.eqb_eq. now apply all.
  - pose proof (less_than_a_unit_from_the_level r x H W0) as Q. unfold fill in Q.
    now rewrite (free r (paid_row r x H)) in Q.
Qed.

(** Of two rows below their caps, the one that gets a unit has the larger remainder, or an equal
one and the lower key. *)
Theorem units_go_to_the_largest_remainders : forall r x r' x',
  paid rows a r x -> paid rows a r' x' -> 0 < W ->
  (forall c, limit r' = Some c -> P * w r' <= c * W) ->
  x = P * w r / W + 1 -> x' = P * w r' / W ->
  (P * w r') mod W < (P * w r) mod W \/
  ((P * w r') mod W = (P * w r) mod W /\ key r <= key r').
Proof.
  intros r x r' x' H H' W0 within X X'.
  destruct (paid_entry r x H) as [e [I [<- ->]]].
  destruct (paid_entry r' x' H') as [e' [I' [<- ->]]].
  unfold P, W, w in *. destruct all_of_it as [_ E]. rewrite E in *. simpl in *.
  now apply (the_unit_goes_first pool common_cap rows is_valid e e').
Qed.

(** A row of more weight is paid at least as much as one of less, or its cap. *)
Theorem more_weight_is_paid_no_less : forall r x r' x',
  paid rows a r x -> paid rows a r' x' -> weight r' < weight r ->
  x' <= x \/ limit r = Some x.
Proof.
  intros r x r' x' H H' less.
  assert (Hw : w r' < w r).
  { pose proof (paid_row r x H) as I. pose proof (paid_row r' x' H') as I'.
    assert (0 <= weight r') by (now apply is_valid).
    unfold w. open_up. unfold counted.
    destruct (fallback rows) eqn:F; auto.
    unfold fallback in F. destruct rows as [|s others]; [easy|].
    rewrite forallb_forall in F. specialize (F r I). simpl in F. apply Z.eqb_eq in F. lia. }
  pose proof (w_at_least_0 r' (paid_row r' x' H')) as V. pose proof P_at_least_0 as P0.
  destruct (facts r x H) as [[L _]|[[_ [Z0 _]]|[W0 [within_r X]]]]; auto; [lia|]. left.
  pose proof (Z.mul_le_mono_nonneg_l (w r') (w r) P P0 ltac:(lia)) as M.
  assert (Q : P * w r' / W <= P * w r / W) by (now apply Z.div_le_mono).
  destruct (facts r' x' H') as [[_ [_ [_ B]]]|[[Z0 _]|[_ [within X']]]]; [| lia |].
  - specialize (B W0). assert (x' <= P * w r / W) by (apply Z.div_le_lower_bound; lia).
    destruct X as [->|[-> _]]; lia.
  - destruct X' as [X'|[X' R']]; [destruct X as [->|[-> _]]; lia|].
    destruct X as [X|[X _]]; [|lia].
    destruct (Z.eq_dec (P * w r' / W) (P * w r / W)) as [E|]; [exfalso | lia].
    pose proof (units_go_to_the_largest_remainders r' x' r x H' H W0 within_r X' X) as U.
    pose proof (Z.div_mod (P * w r) W ltac:(lia)). pose proof (Z.div_mod (P * w r') W ltac:(lia)).
    assert (0 < P) by (destruct (Z.eq_dec P 0) as [Z1|]; [rewrite Z1, Z.mod_0_l in R'|]; lia).
    pose proof (proj1 (Z.mul_lt_mono_pos_l P (w r') (w r) ltac:(lia)) Hw).
    rewrite E in *. lia.
Qed.

(** Of two rows of equal weight below their caps the one with the lower key is paid as much as the
other, or one unit more. *)
Theorem equal_weights_differ_by_one_unit : forall r x r' x',
  paid rows a r x -> paid rows a r' x' -> w r = w r' -> key r < key r' -> 0 < W ->
  (forall c, limit r = Some c -> P * w r <= c * W) ->
  (forall c, limit r' = Some c -> P * w r' <= c * W) ->
  x' <= x <= x' + 1.
Proof.
  intros r x r' x' H H' E K W0 within within'.
  assert (X : forall s y, paid rows a s y -> (forall c, limit s = Some c -> P * w s <= c * W) ->
              y = P * w s / W \/ y = P * w s / W + 1).
  { intros s y G B. destruct (facts s y G) as [[L [_ [_ N]]]|[[Z0 _]|[_ [_ Y]]]].
    - specialize (B y L). specialize (N W0). lia.
    - lia.
    - tauto. }
  destruct (X r x H within) as [A|A], (X r' x' H' within') as [A'|A']; rewrite E in A; try lia.
  pose proof (units_go_to_the_largest_remainders r' x' r x H' H W0 within A') as U.
  rewrite E in U. specialize (U A). lia.
Qed.

(** A row of weight 0 is paid nothing, unless every weight is 0. *)
Theorem no_weight_is_paid_nothing : forall r x,
  fell_back a = false -> paid rows a r x -> weight r = 0 -> x = 0.
Proof.
  intros r x F H Z0. assert (Z1 : w r = 0) by (unfold w, counted; now rewrite F).
  destruct (facts r x H) as [[_ [A _]]|[[_ [_ X]]|[W0 [_ X]]]]; auto; [lia|].
  rewrite Z1, Z.mul_0_r, Z.mod_0_l, Z.div_0_l in X by lia. lia.
Qed.

(** Every weight counts as 1 where there are rows and all have weight 0, and only there. *)
Theorem fallback_where_every_weight_is_0 :
  fell_back a = true <-> rows <> [] /\ forall r, In r rows -> weight r = 0.
Proof.
  open_up. unfold fallback. destruct rows as [|s others]; [intuition discriminate|].
  rewrite forallb_forall. split.
  - intros F. split; [discriminate|]. intros r I. now apply Z.eqb_eq, F.
  - intros [_ F] r I. now apply Z.eqb_eq, F.
Qed.

(** Something stays undistributed only where every row with weight is paid its cap. *)
Theorem undistributed_where_all_are_capped : forall r x,
  undistributed a <> 0 -> paid rows a r x -> 0 < w r -> limit r = Some x.
Proof.
  intros r x U H V. destruct (facts r x H) as [[L _]|[[_ [Z0 _]]|[W0 _]]]; auto; [lia|].
  exfalso. apply U. clear U. unfold W in W0. revert W0. open_up. intros W0.
  rewrite sum_map, (sum_of_amounts pool common_cap rows is_valid).
  match goal with |- context [?n =? 0] => destruct (Z.eqb_spec n 0); lia end.
Qed.

End Laws.

(** Allocation fails where the weights sum to more than 2^128 - 1, and only there. *)
Theorem fails_where_the_total_is_too_large : forall pool common_cap rows,
  allocate pool common_cap rows = None <-> MAX_SCALAR < sum_of weight rows.
Proof.
  intros. unfold allocate. destruct (Z.ltb_spec MAX_SCALAR (sum_of weight rows)).
  - tauto.
  - split; [discriminate | lia].
Qed.
