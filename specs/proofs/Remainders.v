(** Who gets the units that division leaves, as `qfs.reference.allocation.largest_remainders`
chooses them: the largest remainders, of equal ones the lower key. *)

From Coq Require Import ZArith List Permutation Sorted Mergesort Orders Lia Bool.
From Qfs Require Import Lists.
Import ListNotations.
Open Scope Z_scope.

(** A row that may get a unit. *)
Record candidate := Candidate { key : Z; remainder : Z }.

Definition precedes (a b : candidate) : bool :=
  (remainder b <? remainder a) || ((remainder a =? remainder b) && (key a <=? key b)).

Module Order <: TotalLeBool.
  Definition t := candidate.
  Definition leb := precedes.
  Lemma leb_total : forall a b, leb a b = true \/ leb b a = true.
  Proof. intros a b. unfold leb, precedes. lia. Qed.
End Order.

Module Import Sorting := Sort Order.

Definition largest_remainders (rows : list candidate) (leftover : Z) : list candidate :=
  firstn (Z.to_nat leftover) (sort rows).

Lemma precedes_antisymmetric a b : precedes a b = true -> precedes b a = true -> a = b.
Proof. destruct a, b. unfold precedes. simpl. intros. f_equal; lia. Qed.

Definition before (a b : candidate) : Prop := is_true (precedes a b).

Lemma precedes_transitive : Transitive before.
Proof. intros a b c. unfold before, is_true, precedes. lia. Qed.

Lemma sorted rows : StronglySorted before (sort rows).
Proof. apply StronglySorted_sort, precedes_transitive. Qed.

Lemma sort_permutation rows rows' : Permutation rows rows' -> sort rows = sort rows'.
Proof.
  intros P. apply (sorted_unique before); auto using sorted, precedes_antisymmetric.
  eapply Permutation_trans; [apply Permutation_sym, Permuted_sort|].
  eapply Permutation_trans; [exact P | apply Permuted_sort].
Qed.

Lemma winners_and_losers rows leftover :
  Permutation rows
    (largest_remainders rows leftover ++ skipn (Z.to_nat leftover) (sort rows)).
Proof. unfold largest_remainders. rewrite firstn_skipn. apply Permuted_sort. Qed.

(** The choice of who gets a unit does not depend on the order of the rows. *)
Theorem largest_remainders_in_any_order : forall rows rows' leftover,
  Permutation rows rows' -> largest_remainders rows leftover = largest_remainders rows' leftover.
Proof. intros. unfold largest_remainders. now rewrite (sort_permutation rows rows'). Qed.

(** As many rows get a unit as there are units, where there are rows enough. *)
Theorem one_unit_each : forall rows leftover,
  0 <= leftover <= Z.of_nat (length rows) ->
  Z.of_nat (length (largest_remainders rows leftover)) = leftover.
Proof.
  intros rows leftover H. unfold largest_remainders.
  rewrite firstn_length, <- (Permutation_length (Permuted_sort rows)). lia.
Qed.

(** Who gets a unit has a larger remainder than who does not, or an equal one and a lower key. *)
Theorem winners_precede_losers : forall rows leftover a b,
  In a (largest_remainders rows leftover) ->
  In b rows -> ~ In b (largest_remainders rows leftover) ->
  remainder a > remainder b \/ (remainder a = remainder b /\ key a <= key b).
Proof.
  intros rows leftover a b I J N.
  assert (L : In b (skipn (Z.to_nat leftover) (sort rows))).
  { eapply Permutation_in in J; [|apply (winners_and_losers rows leftover)].
    apply in_app_or in J. tauto. }
  pose proof (sorted rows) as S.
  rewrite <- (firstn_skipn (Z.to_nat leftover) (sort rows)) in S.
  pose proof (sorted_app before _ _ a b S I L) as P.
  unfold before, is_true, precedes in P. lia.
Qed.

Lemma count_of_all p rows leftover :
  count p rows = count p (largest_remainders rows leftover)
                 + count p (skipn (Z.to_nat leftover) (sort rows)).
Proof. rewrite <- count_app. apply count_permutation, winners_and_losers. Qed.

Section Cut.
Variables (rows : list candidate) (leftover cut : Z).
Hypothesis units : 0 <= leftover <= Z.of_nat (length rows).
Hypothesis at_least : leftover <= count (fun a => cut <=? remainder a) rows.
Hypothesis above : count (fun a => cut <? remainder a) rows < leftover.

Let winners := largest_remainders rows leftover.
Let losers := skipn (Z.to_nat leftover) (sort rows).

Lemma winner_before_loser a b : In a winners -> In b losers -> precedes a b = true.
Proof.
  intros I J. pose proof (sorted rows) as S.
  rewrite <- (firstn_skipn (Z.to_nat leftover) (sort rows)) in S.
  exact (sorted_app before _ _ a b S I J).
Qed.

Lemma losers_at_most_the_cut a : In a losers -> remainder a <= cut.
Proof.
  intros I. destruct (Z.leb_spec (remainder a) cut) as [|H]; auto.
  assert (W : count (fun b => cut <? remainder b) winners = leftover).
  { rewrite count_all; [apply one_unit_each, units|].
    intros b J. pose proof (winner_before_loser b a J I) as P. unfold precedes in P. lia. }
  pose proof (count_of_all (fun b => cut <? remainder b) rows leftover) as E.
  fold winners losers in E. rewrite W in E.
  pose proof (count_bounds (fun b => cut <? remainder b) losers). lia.
Qed.

Lemma winners_at_least_the_cut a : In a winners -> cut <= remainder a.
Proof.
  intros I. destruct (Z.leb_spec cut (remainder a)) as [|H]; auto.
  assert (L : count (fun b => cut <=? remainder b) losers = 0).
  { apply count_none. intros b J.
    pose proof (winner_before_loser a b I J) as P. unfold precedes in P. lia. }
  pose proof (count_of_all (fun b => cut <=? remainder b) rows leftover) as E.
  fold winners losers in E. rewrite L in E.
  pose proof (count_without (fun b => cut <=? remainder b) winners a I) as W.
  pose proof (one_unit_each rows leftover units) as U. fold winners in U. lia.
Qed.

End Cut.

(** The cut decides: all remainders above it get a unit, none below it, and those that equal it
share the units that are left. *)
Theorem the_cut_decides : forall rows leftover cut,
  0 <= leftover <= Z.of_nat (length rows) ->
  leftover <= count (fun a => cut <=? remainder a) rows ->
  count (fun a => cut <? remainder a) rows < leftover ->
  let winners := largest_remainders rows leftover in
  (forall a, In a rows -> cut < remainder a -> In a winners) /\
  (forall a, In a winners -> cut <= remainder a) /\
  count (fun a => remainder a =? cut) winners
    = leftover - count (fun a => cut <? remainder a) rows.
Proof.
  intros rows leftover cut units least above winners. split; [|split].
  - intros a I H. eapply Permutation_in in I; [|apply (winners_and_losers rows leftover)].
    apply in_app_or in I. destruct I as [I|I]; auto.
    apply (losers_at_most_the_cut rows leftover cut units above) in I. lia.
  - apply (winners_at_least_the_cut rows leftover cut units least).
  - rewrite (count_of_all (fun a => cut <? remainder a) rows leftover).
    rewrite (count_none _ (skipn _ _)).
    2:{ intros b J. apply (losers_at_most_the_cut rows leftover cut units above) in J. lia. }
    pose proof (one_unit_each rows leftover units) as U. fold winners in U |- *.
    rewrite <- U, <- (count_all (fun a => cut <=? remainder a) winners).
    2:{ intros b J. apply (winners_at_least_the_cut rows leftover cut units least) in J. lia. }
    enough (count (fun a => cut <=? remainder a) winners
            = count (fun a => remainder a =? cut) winners
              + count (fun a => cut <? remainder a) winners) by lia.
    unfold count. rewrite <- sum_of_add. apply sum_of_ext. intros a _.
    destruct (Z.leb_spec cut (remainder a)), (Z.eqb_spec (remainder a) cut),
      (Z.ltb_spec cut (remainder a)); lia.
Qed.
