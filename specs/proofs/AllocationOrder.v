(** What `qfs.reference.allocation.allocate` gives is a function of the set of its rows. *)

From Coq Require Import ZArith List Permutation Lia Bool.
From Qfs Require Import Lists WaterFilling Allocation AllocationSteps AllocationLaws.
From Qfs Require Remainders.
Import ListNotations.
Open Scope Z_scope.

Lemma fallback_in_any_order rows rows' : Permutation rows rows' -> fallback rows = fallback rows'.
Proof.
  intros H.
  assert (E : forallb (fun r => weight r =? 0) rows = forallb (fun r => weight r =? 0) rows').
  { apply eq_true_iff_eq. rewrite !forallb_forall. split; intros F r I; apply F.
    - now apply (Permutation_in r (Permutation_sym H)).
    - now apply (Permutation_in r H). }
  unfold fallback. destruct rows as [|r l].
  - apply Permutation_nil in H. now subst.
  - destruct rows' as [|r' l']; auto. now apply Permutation_sym, Permutation_nil in H.
Qed.

Lemma valid_in_any_order pool common_cap rows rows' :
  Permutation rows rows' -> valid pool common_cap rows -> valid pool common_cap rows'.
Proof.
  intros H [A [B [C D]]]. pose proof (Permutation_sym H) as H'. repeat split; auto.
  - intros r I. apply B. now apply (Permutation_in r H').
  - intros r c I. apply C. now apply (Permutation_in r H').
  - apply (Permutation_NoDup (l := map key rows)); auto. now apply Permutation_map.
Qed.

(** Rows in another order are paid the same, and all other results are the same. *)
Theorem allocation_in_any_order : forall pool common_cap rows rows' a,
  valid pool common_cap rows -> Permutation rows rows' ->
  allocate pool common_cap rows = Some a ->
  exists a', allocate pool common_cap rows' = Some a' /\
    Permutation (combine rows (amounts a)) (combine rows' (amounts a')) /\
    undistributed a = undistributed a' /\ capped_rows a = capped_rows a' /\
    fell_back a = fell_back a' /\ total_weight a = total_weight a' /\
    shared_pool (filling a) = shared_pool (filling a') /\
    shared_weight (filling a) = shared_weight (filling a') /\
    leftover a = leftover a' /\ cut a = cut a'.
Proof.
  intros pool common_cap rows rows' a V H A.
  pose proof (valid_in_any_order _ _ _ _ H V) as V'.
  destruct (all_of_it pool common_cap rows a A) as [T ->].
  exists (allocated_of pool common_cap rows'). split.
  { unfold allocate. rewrite (sum_of_permutation weight _ _ H) in T.
    destruct (Z.ltb_spec MAX_SCALAR (sum_of weight rows')); [lia | reflexivity]. }
  unfold allocated_of.
  cbn [amounts undistributed capped_rows fell_back total_weight filling leftover cut].
  rewrite (amounts_by_row _ _ _ V), (amounts_by_row _ _ _ V'). unfold amount_for.
  rewrite <- (fallback_in_any_order _ _ H).
  set (w := counted (fallback rows)). set (limit := effective_cap common_cap).
  destruct (water_filling_in_any_order w limit pool _ _ H) as [Pe [Ep Ew]].
  set (l := filled w limit pool rows) in *. set (l' := filled w limit pool rows') in *.
  assert (F : floor_share w limit l = floor_share w limit l').
  { unfold floor_share. now rewrite Ep, Ew. }
  rewrite F, Ew.
  assert (Ps : Permutation (map (floor_share w limit l') (entries l))
                 (map (floor_share w limit l') (entries l'))) by now apply Permutation_map.
  rewrite (sum_of_permutation floor _ _ Ps).
  rewrite (Remainders.largest_remainders_in_any_order _ _ _ (Permutation_map candidate_of Ps)).
  rewrite (sum_of_permutation w _ _ H), (count_permutation capped _ _ Pe).
  rewrite !sum_map, (sum_of_permutation _ _ _ Ps).
  repeat split; auto. now apply Permutation_map.
Qed.
