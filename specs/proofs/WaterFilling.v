(** Water-filling as `qfs.reference.allocation.water_fill` does it: rows whose share
`qfs.reference.allocation.exceeds` their cap are paid the cap and leave, in rounds. *)

From Coq Require Import ZArith List Permutation Lia Bool.
From Qfs Require Import Lists.
Import ListNotations.
Open Scope Z_scope.

(** A row of an allocation: its tie key, weight and own cap. *)
Record row := Row { key : Z; weight : Z; cap : option Z }.

(** A row, and whether it has left with its cap. *)
Record entry := Entry { of : row; capped : bool }.

(** What the rows that have not left share, and by which weight. *)
Record level := Level { entries : list entry; shared_pool : Z; shared_weight : Z }.

Definition exceeds (pool shared_weight weight cap : Z) : bool :=
  cap * shared_weight <? pool * weight.

Lemma positive_factor a b c d : 0 <= a -> 0 <= b -> 0 <= d -> a * b < c * d -> 0 < d.
Proof. intros. destruct (Z.eq_dec d 0) as [->|]; [nia | lia]. Qed.

Section Filling.
Variable w : row -> Z.
Variable limit : row -> option Z.

Definition cap_of (e : entry) : Z := match limit (of e) with Some c => c | None => 0 end.
Definition weight_of (e : entry) : Z := w (of e).

Definition leaves (pool shared_weight : Z) (e : entry) : bool :=
  negb (capped e) &&
  match limit (of e) with
  | None => false
  | Some c => exceeds pool shared_weight (weight_of e) c
  end.

Definition round (l : level) (exceeding : list entry) : level :=
  Level
    (map (fun e => Entry (of e) (capped e || leaves (shared_pool l) (shared_weight l) e))
         (entries l))
    (shared_pool l - sum_of cap_of exceeding)
    (shared_weight l - sum_of weight_of exceeding).

Fixpoint water_fill (rounds : nat) (l : level) : level :=
  match rounds with
  | O => l
  | S others =>
      match filter (leaves (shared_pool l) (shared_weight l)) (entries l) with
      | [] => l
      | exceeding => water_fill others (round l exceeding)
      end
  end.

Definition start (pool : Z) (rows : list row) : level :=
  Level (map (fun r => Entry r false) rows) pool (sum_of w rows).

(** One round more than there are rows: none is ever taken in vain. *)
Definition filled (pool : Z) (rows : list row) : level :=
  water_fill (S (length rows)) (start pool rows).

Definition exceeding_of (l : level) : list entry :=
  filter (leaves (shared_pool l) (shared_weight l)) (entries l).

Lemma water_fill_S n l :
  water_fill (S n) l =
  match exceeding_of l with [] => l | _ => water_fill n (round l (exceeding_of l)) end.
Proof.
  unfold exceeding_of. simpl.
  now destruct (filter (leaves (shared_pool l) (shared_weight l)) (entries l)).
Qed.

(** ** Each round makes some rows leave, so it ends *)

Definition below (l : level) : Z := count (fun e => negb (capped e)) (entries l).

Lemma round_leaves l : exceeding_of l <> [] -> below (round l (exceeding_of l)) < below l.
Proof.
  intros H. destruct (exceeding_of l) as [|x xs] eqn:E; [easy|].
  assert (I : In x (exceeding_of l)) by (rewrite E; now left).
  unfold exceeding_of in I. apply filter_In in I. destruct I as [I J].
  unfold below, count, round. simpl. rewrite sum_of_map. simpl.
  enough (sum_of (fun e => if negb (capped e || leaves (shared_pool l) (shared_weight l) e)
                           then 1 else 0) (entries l)
          + sum_of (fun e => if leaves (shared_pool l) (shared_weight l) e then 1 else 0)
                   (entries l)
          <= sum_of (fun e => if negb (capped e) then 1 else 0) (entries l)) as L.
  { pose proof (count_member (leaves (shared_pool l) (shared_weight l)) (entries l) x I J) as C.
    unfold count in C. lia. }
  rewrite <- sum_of_add. apply sum_of_le. intros e _.
  unfold leaves. destruct (capped e); simpl; [lia|].
  destruct (limit (of e)); simpl; [|lia].
  destruct (exceeds _ _ _ _); simpl; lia.
Qed.

Lemma fill_ends n : forall l, below l < Z.of_nat n -> exceeding_of (water_fill n l) = [].
Proof.
  induction n as [|n IH]; intros l H.
  - pose proof (count_bounds (fun e => negb (capped e)) (entries l)). unfold below in H. lia.
  - rewrite water_fill_S. destruct (exceeding_of l) as [|x xs] eqn:E; auto.
    rewrite <- E. apply IH.
    pose proof (round_leaves l). rewrite E in *.
    assert (below (round l (x :: xs)) < below l) by (apply H0; easy). lia.
Qed.

(** Water-filling ends within as many rounds as there are rows: none exceeds its cap then. *)
Theorem water_filling_ends : forall pool rows, exceeding_of (filled pool rows) = [].
Proof.
  intros pool rows. apply fill_ends. unfold below. simpl.
  pose proof (count_bounds (fun e => negb (capped e)) (map (fun r => Entry r false) rows)).
  rewrite map_length in *. simpl entries. lia.
Qed.

(** More rounds change nothing. *)
Theorem more_rounds_change_nothing : forall more pool rows,
  water_fill more (filled pool rows) = filled pool rows.
Proof.
  intros [|more] pool rows; auto. rewrite water_fill_S, water_filling_ends. reflexivity.
Qed.

(** ** What every round keeps *)

Section Laws.
Variable pool : Z.
Variable rows : list row.
Hypothesis pool_nonneg : 0 <= pool.
Hypothesis weights_nonneg : forall r, In r rows -> 0 <= w r.
Hypothesis caps_nonneg : forall r c, In r rows -> limit r = Some c -> 0 <= c.

Definition left_pool (l : level) : Z :=
  pool - sum_of (fun e => if capped e then cap_of e else 0) (entries l).
Definition left_weight (l : level) : Z :=
  sum_of (fun e => if capped e then 0 else weight_of e) (entries l).

Record sound (l : level) : Prop := {
  same_rows : map of (entries l) = rows;
  pool_is_left : shared_pool l = left_pool l;
  weight_is_left : shared_weight l = left_weight l;
  pool_stays : 0 <= shared_pool l;
  capped_reach : forall e, In e (entries l) -> capped e = true ->
    0 < weight_of e /\
    exists c, limit (of e) = Some c /\ c * shared_weight l <= shared_pool l * weight_of e /\
      (0 < shared_weight l -> c * shared_weight l < shared_pool l * weight_of e) }.

Lemma entry_is_row l e : sound l -> In e (entries l) -> In (of e) rows.
Proof. intros H I. rewrite <- (same_rows l H). now apply in_map. Qed.

Lemma start_sound : sound (start pool rows).
Proof.
  constructor; unfold left_pool, left_weight; simpl.
  - rewrite map_map. apply map_id.
  - rewrite sum_of_map. simpl. rewrite sum_of_0. lia.
  - rewrite sum_of_map. reflexivity.
  - exact pool_nonneg.
  - intros e I C. apply in_map_iff in I. destruct I as [r [<- _]]. discriminate.
Qed.

Section Round.
Variable l : level.
Hypothesis l_sound : sound l.
Hypothesis some_leave : exceeding_of l <> [].

Let taken := sum_of cap_of (exceeding_of l).
Let gone := sum_of weight_of (exceeding_of l).

Lemma leaving e :
  In e (exceeding_of l) ->
  In e (entries l) /\ capped e = false /\
  exists c, limit (of e) = Some c /\ cap_of e = c /\
    c * shared_weight l < shared_pool l * weight_of e.
Proof.
  intros I. apply filter_In in I. destruct I as [I L]. split; auto.
  unfold leaves, exceeds, cap_of in *. destruct (capped e), (limit (of e)) as [c|]; try easy.
  split; auto. exists c. repeat split; auto. now apply Z.ltb_lt.
Qed.

Lemma gone_at_most : gone <= shared_weight l.
Proof.
  rewrite (weight_is_left l l_sound). unfold gone, left_weight, exceeding_of.
  rewrite sum_of_filter. apply sum_of_le. intros e I.
  pose proof (weights_nonneg (of e) (entry_is_row l e l_sound I)).
  unfold leaves, weight_of in *. destruct (capped e); simpl; [lia|].
  destruct (limit (of e)); [destruct (exceeds _ _ _ _)|]; lia.
Qed.

Lemma some_row_leaves : exists e, In e (exceeding_of l).
Proof.
  destruct (exceeding_of l) as [|x xs]; [easy|]. exists x. now left.
Qed.

Lemma gone_positive : 0 < gone.
Proof.
  destruct some_row_leaves as [x I].
  pose proof (leaving x I) as [J [_ [c [L [_ X]]]]].
  pose proof (caps_nonneg (of x) c (entry_is_row l x l_sound J) L) as C.
  pose proof (pool_stays l l_sound) as P.
  assert (M : weight_of x <= gone).
  { apply (sum_of_member weight_of); auto. intros y K. apply leaving in K.
    apply weights_nonneg, (entry_is_row l); tauto. }
  pose proof gone_at_most as G.
  assert (0 <= weight_of x) by (apply weights_nonneg, (entry_is_row l); auto).
  assert (0 <= shared_weight l) by lia.
  pose proof (positive_factor _ _ _ _ C H0 H X). lia.
Qed.

Lemma taken_within : taken * shared_weight l <= shared_pool l * gone.
Proof.
  unfold taken, gone. rewrite <- sum_of_scale, Z.mul_comm, <- sum_of_scale.
  apply sum_of_le. intros e I. apply leaving in I. destruct I as [_ [_ [c [_ [-> X]]]]]. lia.
Qed.

Lemma level_rises :
  shared_pool l * (shared_weight l - gone) <= (shared_pool l - taken) * shared_weight l.
Proof. pose proof taken_within. lia. Qed.

Lemma pool_is_enough : taken <= shared_pool l.
Proof.
  pose proof taken_within. pose proof gone_at_most. pose proof gone_positive.
  pose proof (pool_stays l l_sound).
  apply (Z.mul_le_mono_pos_r _ _ (shared_weight l)); [lia|].
  apply Z.le_trans with (shared_pool l * gone); auto.
  apply Z.mul_le_mono_nonneg_l; lia.
Qed.

Lemma reach_stays c v :
  0 <= v -> c * shared_weight l < shared_pool l * v ->
  let l' := round l (exceeding_of l) in
  c * shared_weight l' <= shared_pool l' * v /\
  (0 < shared_weight l' -> c * shared_weight l' < shared_pool l' * v).
Proof.
  intros V X l'. simpl. fold taken gone.
  pose proof level_rises as R. pose proof gone_at_most as G. pose proof gone_positive as G0.
  pose proof pool_is_enough as E.
  set (s := shared_weight l) in *. set (p := shared_pool l) in *. clearbody s p.
  assert (M : (p * (s - gone)) * v <= ((p - taken) * s) * v)
    by (now apply Z.mul_le_mono_nonneg_r).
  destruct (Z.eq_dec (s - gone) 0) as [Z0|N].
  - rewrite Z0. split; [rewrite Z.mul_0_r; apply Z.mul_nonneg_nonneg|]; lia.
  - assert (c * (s - gone) < (p - taken) * v); [|lia].
    apply (Z.mul_lt_mono_pos_r s); [lia|].
    pose proof (proj1 (Z.mul_lt_mono_pos_r (s - gone) _ _ ltac:(lia)) X). lia.
Qed.

Lemma round_sound : sound (round l (exceeding_of l)).
Proof.
  assert (rows' : map of (entries (round l (exceeding_of l))) = rows).
  { simpl. rewrite map_map. simpl. apply (same_rows l l_sound). }
  constructor; auto.
  - pose proof (pool_is_left l l_sound) as P. unfold left_pool, round, exceeding_of in *.
    cbn [entries shared_pool]. rewrite P at 1. rewrite sum_of_map, sum_of_filter.
    rewrite <- Z.sub_add_distr. f_equal. rewrite <- sum_of_add. apply sum_of_ext.
    intros e _. unfold cap_of. cbn [capped of].
    unfold leaves. destruct (capped e); cbn [negb andb orb]; [lia|].
    destruct (limit (of e)); [destruct (exceeds _ _ _ _)|]; cbn [negb andb orb]; lia.
  - pose proof (weight_is_left l l_sound) as W. unfold left_weight, round, exceeding_of in *.
    cbn [entries shared_weight]. rewrite W at 1. rewrite sum_of_map, sum_of_filter.
    apply Z.sub_move_r. rewrite <- sum_of_add. apply sum_of_ext. intros e _.
    unfold weight_of, leaves. cbn [capped of]. destruct (capped e); cbn [negb andb orb]; [lia|].
    destruct (limit (of e)); [destruct (exceeds _ _ _ _)|]; cbn [negb andb orb]; lia.
  - simpl. pose proof pool_is_enough as E. unfold taken in E. lia.
  - intros e' I C. simpl in I. apply in_map_iff in I. destruct I as [e [<- I]]. simpl in C.
    unfold weight_of. simpl of. fold (weight_of e).
    assert (0 <= weight_of e) by (apply weights_nonneg, (entry_is_row l); auto).
    destruct (capped e) eqn:D.
    + destruct (capped_reach l l_sound e I D) as [W [c [L [X Y]]]].
      split; auto. exists c. split; auto. apply reach_stays; auto.
      apply Y. pose proof gone_at_most. pose proof gone_positive. lia.
    + simpl in C. assert (J : In e (exceeding_of l)) by (apply filter_In; auto).
      destruct (leaving e J) as [_ [_ [c [L [_ X]]]]].
      split; [|exists c; split; auto; apply reach_stays; auto].
      pose proof (caps_nonneg _ _ (entry_is_row l e l_sound I) L).
      pose proof gone_at_most. pose proof gone_positive.
      apply (positive_factor c (shared_weight l) (shared_pool l)); lia.
Qed.

End Round.

Lemma fill_sound n : forall l, sound l -> sound (water_fill n l).
Proof.
  induction n as [|n IH]; intros l H; auto. rewrite water_fill_S.
  destruct (exceeding_of l) as [|x xs] eqn:E; auto. rewrite <- E.
  apply IH, round_sound; auto. rewrite E. easy.
Qed.

Lemma filled_sound : sound (filled pool rows).
Proof. apply fill_sound, start_sound. Qed.

(** ** The level at which it ends *)

(** What a row is filled to at the level p / q, times q. *)
Definition fill (p q : Z) (r : row) : Z :=
  match limit r with Some c => Z.min (c * q) (p * w r) | None => p * w r end.

(** Rows that left have reached their cap at the level in the end; no other row exceeds its own:
each is filled to the lower of its cap and its share. *)
Theorem fills_to_one_level : forall e,
  let l := filled pool rows in
  In e (entries l) ->
  (if capped e then cap_of e * shared_weight l else shared_pool l * weight_of e)
  = fill (shared_pool l) (shared_weight l) (of e).
Proof.
  intros e l I. unfold fill, cap_of. destruct (capped e) eqn:C.
  - destruct (capped_reach l filled_sound e I C) as [_ [c [-> [X _]]]].
    unfold weight_of in X. lia.
  - destruct (limit (of e)) as [c|] eqn:L; auto.
    assert (N : leaves (shared_pool l) (shared_weight l) e = false).
    { destruct (leaves _ _ e) eqn:E; auto.
      assert (J : In e (exceeding_of l)) by (apply filter_In; auto).
      unfold l in J. now rewrite water_filling_ends in J. }
    unfold leaves, exceeds in N. rewrite C, L in N. simpl in N.
    apply Z.ltb_ge in N. unfold weight_of in *. lia.
Qed.

(** What the rows are filled to sums to the pool. *)
Theorem the_level_uses_the_pool :
  let l := filled pool rows in
  sum_of (fill (shared_pool l) (shared_weight l)) rows = shared_weight l * pool
  \/ shared_weight l = 0.
Proof.
  intros l. destruct (Z.eq_dec (shared_weight l) 0) as [|N]; auto. left.
  rewrite <- (same_rows l filled_sound), sum_of_map at 1.
  transitivity (shared_weight l * sum_of (fun e => if capped e then cap_of e else 0) (entries l)
                + shared_pool l
                  * sum_of (fun e => if capped e then 0 else weight_of e) (entries l)).
  - rewrite <- !sum_of_scale, <- sum_of_add. apply sum_of_ext. intros e I.
    pose proof (fills_to_one_level e I) as F. cbv zeta in F. fold l in F.
    rewrite <- F. destruct (capped e); lia.
  - pose proof (pool_is_left l filled_sound) as P. pose proof (weight_is_left l filled_sound) as W.
    unfold left_pool, left_weight in *. rewrite <- W.
    replace (sum_of (fun e => if capped e then cap_of e else 0) (entries l))
      with (pool - shared_pool l) by lia. ring.
Qed.

Lemma fill_rises p q p' q' r :
  In r rows -> 0 < q -> 0 < q' -> p * q' <= p' * q -> fill p q r * q' <= fill p' q' r * q.
Proof.
  intros I Q Q' H. pose proof (weights_nonneg r I) as V.
  pose proof (Z.mul_le_mono_nonneg_r _ _ (w r) V H).
  unfold fill. destruct (limit r) as [c|]; [|lia].
  destruct (Z.min_spec (c * q) (p * w r)) as [[A ->]|[A ->]],
    (Z.min_spec (c * q') (p' * w r)) as [[B ->]|[B ->]]; try lia.
  - pose proof (Z.mul_le_mono_nonneg_r _ _ q' ltac:(lia) (Z.lt_le_incl _ _ A)). lia.
  - pose proof (Z.mul_le_mono_nonneg_r _ _ q' ltac:(lia) A). lia.
Qed.

Lemma one_level_of_two p q p' q' :
  0 < q -> 0 < q' -> p * q' <= p' * q ->
  sum_of (fill p q) rows = q * pool -> sum_of (fill p' q') rows = q' * pool ->
  forall r, In r rows -> fill p q r * q' = fill p' q' r * q.
Proof.
  intros Q Q' H E E' r I.
  apply (sum_of_le_eq (fun x => fill p q x * q') (fun x => fill p' q' x * q) rows); auto.
  - intros x J. now apply fill_rises.
  - rewrite (sum_of_ext _ (fun x => q' * fill p q x)) by (intros; lia).
    rewrite (sum_of_ext (fun x => fill p' q' x * q) (fun x => q * fill p' q' x)) by (intros; lia).
    rewrite !sum_of_scale, E, E'. ring.
Qed.

(** The solution is unique: two levels that use the pool fill every row to the same. *)
Theorem the_level_is_unique : forall p q p' q',
  0 < q -> 0 < q' ->
  sum_of (fill p q) rows = q * pool -> sum_of (fill p' q') rows = q' * pool ->
  forall r, In r rows -> fill p q r * q' = fill p' q' r * q.
Proof.
  intros p q p' q' Q Q' E E' r I. destruct (Z.le_ge_cases (p * q') (p' * q)).
  - now apply one_level_of_two.
  - symmetry. now apply one_level_of_two.
Qed.

End Laws.

(** ** The order of the rows does not matter *)

Definition same_level (l l' : level) : Prop :=
  Permutation (entries l) (entries l') /\ shared_pool l = shared_pool l'
  /\ shared_weight l = shared_weight l'.

Lemma fill_permutation n : forall l l',
  same_level l l' -> same_level (water_fill n l) (water_fill n l').
Proof.
  induction n as [|n IH]; intros l l' H; auto. rewrite !water_fill_S.
  destruct H as [P [Ep Ew]].
  assert (X : Permutation (exceeding_of l) (exceeding_of l')).
  { unfold exceeding_of. rewrite Ep, Ew. now apply filter_permutation. }
  assert (Y : same_level (round l (exceeding_of l)) (round l' (exceeding_of l'))).
  { unfold same_level, round. simpl. rewrite Ep, Ew.
    rewrite !(sum_of_permutation _ _ _ X). repeat split; auto. now apply Permutation_map. }
  destruct (exceeding_of l) as [|x xs] eqn:E.
  - apply Permutation_nil in X. rewrite X. repeat split; auto.
  - destruct (exceeding_of l') as [|y ys] eqn:E'.
    { now apply Permutation_sym, Permutation_nil in X. }
    apply IH, Y.
Qed.

(** Rows in another order leave with the same caps, and share the same pool by the same weight. *)
Theorem water_filling_in_any_order : forall pool rows rows',
  Permutation rows rows' -> same_level (filled pool rows) (filled pool rows').
Proof.
  intros pool rows rows' P. unfold filled. rewrite (Permutation_length P).
  apply fill_permutation. unfold same_level, start. simpl. repeat split.
  - now apply Permutation_map.
  - now apply sum_of_permutation.
Qed.

End Filling.
