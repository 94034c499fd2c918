(** A tally as `qfs.reference.tally.tally` computes it, with `qfs.reference.tally.collect_ballots`,
`qfs.reference.tally.merge_ballots` and `qfs.reference.tally.finish_tally`, and its laws for any
number of ballots. *)

From Coq Require Import ZArith List Permutation Lia Bool.
From Qfs Require Import Lists Allocation.
Import ListNotations.
Open Scope Z_scope.

Definition AGAINST : Z := 0.
Definition FOR : Z := 1.
Definition ABSTAIN : Z := 2.
Definition CHOICES_PER_SEQ : Z := 4.
Definition NO_BALLOT : Z := 2 ^ 64 - 1.

Record ballot := Ballot { seq : Z; voter : Z; choice : Z }.

(** Per voter seq * 4 + choice of the ballot with the lowest seq, or NO_BALLOT. *)
Record partial := Partial { firsts : list Z; ballots : Z; unknown : Z }.

Record tallied := Tallied {
  yes : Z; no : Z; abstain : Z; counted : Z;
  unknown_voter : Z; duplicate : Z; zero_power : Z; attainable : Z }.

Fixpoint unique (seqs : list Z) : bool :=
  match seqs with
  | [] => true
  | s :: others => negb (existsb (Z.eqb s) others) && unique others
  end.

Fixpoint keep_lowest (firsts : list Z) (voter value : Z) : list Z :=
  match firsts with
  | [] => []
  | first :: others =>
      if voter =? 0 then Z.min first value :: others
      else first :: keep_lowest others (voter - 1) value
  end.

Definition value_of (b : ballot) : Z := seq b * CHOICES_PER_SEQ + choice b.

Definition take (p : partial) (b : ballot) : partial :=
  (* Step 2. A ballot of nobody in the snapshot is refused. *)
  if Z.of_nat (length (firsts p)) <=? voter b
  then Partial (firsts p) (ballots p) (unknown p + 1)
  (* Step 3. Of a voter's ballots the one with the lowest seq is kept. *)
  else Partial (keep_lowest (firsts p) (voter b) (value_of b)) (ballots p + 1) (unknown p).

Definition nothing (voters : nat) : partial := Partial (repeat NO_BALLOT voters) 0 0.

Definition collected (voters : nat) (given : list ballot) : partial :=
  fold_left take given (nothing voters).

Definition collect_ballots (voters : nat) (given : list ballot) : option partial :=
  (* Step 1. A seq stands once. *)
  if unique (map seq given) then Some (collected voters given) else None.

Fixpoint lower_of_each (l l' : list Z) : list Z :=
  match l, l' with
  | x :: others, x' :: others' => Z.min x x' :: lower_of_each others others'
  | _, _ => []
  end.

Definition merge_ballots (p q : partial) : partial :=
  Partial (lower_of_each (firsts p) (firsts q)) (ballots p + ballots q) (unknown p + unknown q).

(** What counts of a power. *)
Definition counting (cap : option Z) (power : Z) : Z :=
  match cap with None => power | Some c => Z.min power c end.

Definition voted (first : Z) : bool := negb (first =? NO_BALLOT).

Definition chose (what : Z) (first : Z) : bool :=
  voted first && (first mod CHOICES_PER_SEQ =? what).

(** The powers, as they count, of the voters whose first ballot is such. *)
Definition powers_of (which : Z -> bool) (cap : option Z) (voters : list (Z * Z)) : Z :=
  sum_of (fun v => if which (fst v) then counting cap (snd v) else 0) voters.

Definition finish_tally (p : partial) (powers : list Z) (cap : option Z) : option tallied :=
  (* Step 2. A power counts up to the cap. Step 3. The first ballot counts with it. *)
  let voters := combine (firsts p) powers in
  let who_voted := count (fun v => voted (fst v)) voters in
  let counted := count (fun v => voted (fst v) && (0 <? counting cap (snd v))) voters in
  let attainable := sum_of (fun v => counting cap (snd v)) voters in
  (* Step 4. The total is in its bounds. *)
  if MAX_SCALAR <? attainable then None else
  Some (Tallied (powers_of (chose FOR) cap voters) (powers_of (chose AGAINST) cap voters)
          (powers_of (chose ABSTAIN) cap voters) counted
          (unknown p) (ballots p - who_voted) (who_voted - counted) attainable).

Definition tally (given : list ballot) (powers : list Z) (cap : option Z) : option tallied :=
  match collect_ballots (length powers) given with
  | None => None
  | Some p => finish_tally p powers cap
  end.

(** What callers ensure of a ballot: its value is below NO_BALLOT. *)
Definition valid_ballot (b : ballot) : Prop :=
  0 <= seq b < 2 ^ 53 /\ 0 <= voter b /\
  (choice b = AGAINST \/ choice b = FOR \/ choice b = ABSTAIN).

(** ** Ballots in any order *)

Lemma keep_lowest_length l : forall v x, length (keep_lowest l v x) = length l.
Proof. induction l; intros v x; simpl; auto. destruct (v =? 0); simpl; auto. Qed.

Lemma keep_lowest_commutes l : forall v x v' x',
  keep_lowest (keep_lowest l v x) v' x' = keep_lowest (keep_lowest l v' x') v x.
Proof.
  induction l as [|f l IH]; intros v x v' x'; simpl; auto.
  destruct (v =? 0) eqn:E, (v' =? 0) eqn:E'; simpl; rewrite ?E, ?E'; auto.
  - f_equal. lia.
  - f_equal. apply IH.
Qed.

Lemma take_length p b : length (firsts (take p b)) = length (firsts p).
Proof. unfold take. destruct (_ <=? _); simpl; auto. apply keep_lowest_length. Qed.

Lemma take_commutes p a b : take (take p a) b = take (take p b) a.
Proof.
  unfold take. destruct (Z.of_nat (length (firsts p)) <=? voter a) eqn:A,
    (Z.of_nat (length (firsts p)) <=? voter b) eqn:B; simpl;
    rewrite ?keep_lowest_length, ?A, ?B; auto.
  f_equal. apply keep_lowest_commutes.
Qed.

Lemma fold_in_any_order given given' : Permutation given given' ->
  forall p, fold_left take given p = fold_left take given' p.
Proof.
  induction 1; intros p; simpl; auto.
  - now rewrite take_commutes.
  - now rewrite IHPermutation1.
Qed.

Lemma unique_iff l : unique l = true <-> NoDup l.
Proof.
  induction l as [|s l IH]; simpl.
  - split; [constructor | reflexivity].
  - rewrite andb_true_iff, IH, negb_true_iff. split.
    + intros [N D]. constructor; auto. intros I.
      assert (existsb (Z.eqb s) l = true); [|congruence].
      apply existsb_exists. exists s. split; auto. apply Z.eqb_refl.
    + intros D. inversion D as [|? ? N D']; subst. split; auto.
      apply not_true_is_false. intros E. apply existsb_exists in E.
      destruct E as [t [I E]]. apply Z.eqb_eq in E. now subst.
Qed.

(** Ballots in another order give the same tally. *)
Theorem tally_in_any_order : forall given given' powers cap,
  Permutation given given' -> tally given powers cap = tally given' powers cap.
Proof.
  intros given given' powers cap P. unfold tally, collect_ballots.
  assert (unique (map seq given) = unique (map seq given')) as ->.
  { apply eq_true_iff_eq. rewrite !unique_iff. pose proof (Permutation_map seq P).
    split; intros D; [apply (Permutation_NoDup H D)|].
    apply (Permutation_NoDup (Permutation_sym H) D). }
  unfold collected. now rewrite (fold_in_any_order _ _ P).
Qed.

(** ** Partials of batches merge *)

Lemma lower_of_each_comm l : forall l', lower_of_each l l' = lower_of_each l' l.
Proof.
  induction l as [|x l IH]; intros [|x' l']; simpl; auto. now rewrite Z.min_comm, IH.
Qed.

Lemma lower_of_each_assoc l : forall l' l'',
  lower_of_each l (lower_of_each l' l'') = lower_of_each (lower_of_each l l') l''.
Proof.
  induction l as [|x l IH]; intros [|x' l'] [|x'' l'']; simpl; auto.
  rewrite Z.min_assoc. f_equal. auto.
Qed.

(** Merging is commutative. *)
Theorem merge_is_commutative : forall p q, merge_ballots p q = merge_ballots q p.
Proof. intros. unfold merge_ballots. rewrite lower_of_each_comm. f_equal; lia. Qed.

(** Merging is associative. *)
Theorem merge_is_associative : forall p q r,
  merge_ballots p (merge_ballots q r) = merge_ballots (merge_ballots p q) r.
Proof. intros. unfold merge_ballots. simpl. rewrite lower_of_each_assoc. f_equal; lia. Qed.

Lemma lower_of_each_length l : forall l',
  length l = length l' -> length (lower_of_each l l') = length l.
Proof. induction l as [|x l IH]; intros [|x' l'] E; simpl in *; auto. Qed.

Lemma lower_keep l : forall l' v x, length l = length l' ->
  lower_of_each l (keep_lowest l' v x) = keep_lowest (lower_of_each l l') v x.
Proof.
  induction l as [|y l IH]; intros [|y' l'] v x E; simpl in *; auto; try discriminate.
  destruct (v =? 0); simpl; f_equal; auto. lia.
Qed.

Lemma merge_take p q b : length (firsts p) = length (firsts q) ->
  merge_ballots p (take q b) = take (merge_ballots p q) b.
Proof.
  intros E. unfold take, merge_ballots. simpl. rewrite lower_of_each_length, <- E by auto.
  destruct (_ <=? _); simpl; rewrite ?lower_keep by auto; f_equal; lia.
Qed.

Lemma merge_fold given : forall p q, length (firsts p) = length (firsts q) ->
  fold_left take given (merge_ballots p q) = merge_ballots p (fold_left take given q).
Proof.
  induction given as [|b given IH]; intros p q E; simpl; auto.
  rewrite <- merge_take by auto. apply IH. now rewrite take_length.
Qed.

Lemma keep_lowest_bounded l m : forall v x,
  Forall (fun f => f <= m) l -> Forall (fun f => f <= m) (keep_lowest l v x).
Proof.
  induction l as [|f l IH]; intros v x H; simpl; auto.
  inversion H; subst. destruct (v =? 0); constructor; auto. lia.
Qed.

Lemma fold_bounded given : forall p, Forall (fun f => f <= NO_BALLOT) (firsts p) ->
  Forall (fun f => f <= NO_BALLOT) (firsts (fold_left take given p)).
Proof.
  induction given as [|b given IH]; intros p H; simpl; auto. apply IH.
  unfold take. destruct (_ <=? _); simpl; auto. now apply keep_lowest_bounded.
Qed.

Lemma fold_length given : forall p, length (firsts (fold_left take given p)) = length (firsts p).
Proof.
  induction given as [|b given IH]; intros p; simpl; auto. now rewrite IH, take_length.
Qed.

Lemma lower_of_none l : Forall (fun f => f <= NO_BALLOT) l ->
  lower_of_each l (repeat NO_BALLOT (length l)) = l.
Proof. induction 1; simpl; auto. f_equal; auto. lia. Qed.

Lemma collected_bounded voters given :
  Forall (fun f => f <= NO_BALLOT) (firsts (collected voters given)).
Proof.
  apply fold_bounded. simpl. apply Forall_forall. intros f I.
  apply repeat_spec in I. subst. apply Z.le_refl.
Qed.

Lemma collected_length voters given : length (firsts (collected voters given)) = voters.
Proof. unfold collected. rewrite fold_length. apply repeat_length. Qed.

(** Two batches that are collected apart merge to what both together give. *)
Theorem batches_merge : forall voters given others,
  collected voters (given ++ others)
  = merge_ballots (collected voters given) (collected voters others).
Proof.
  intros voters given others. unfold collected at 1. rewrite fold_left_app.
  fold (collected voters given). unfold collected at 3.
  rewrite <- merge_fold by (simpl; now rewrite collected_length, repeat_length).
  f_equal. unfold merge_ballots, nothing. simpl.
  rewrite <- (collected_length voters given) at 3. rewrite lower_of_none.
  - destruct (collected voters given). simpl. f_equal; lia.
  - apply collected_bounded.
Qed.

(** ** One ballot of each voter counts *)

Lemma nth_keep_lowest l : forall v x i,
  0 <= v -> nth i (keep_lowest l v x) NO_BALLOT =
  if (Z.of_nat i =? v) && (v <? Z.of_nat (length l))
  then Z.min (nth i l NO_BALLOT) x else nth i l NO_BALLOT.
Proof.
  induction l as [|f l IH]; intros v x i V.
  - simpl. replace (v <? 0) with false by lia. now rewrite andb_false_r.
  - simpl keep_lowest. destruct (Z.eqb_spec v 0) as [->|N].
    + destruct i; simpl nth; [reflexivity|].
      destruct (Z.eqb_spec (Z.of_nat (S i)) 0); [lia | reflexivity].
    + destruct i; simpl nth.
      * destruct (Z.eqb_spec (Z.of_nat 0) v); [lia | reflexivity].
      * rewrite IH by lia.
        assert (Z.of_nat i =? v - 1 = (Z.of_nat (S i) =? v)) as ->
          by (apply eq_true_iff_eq; rewrite !Z.eqb_eq; lia).
        assert (v - 1 <? Z.of_nat (length l) = (v <? Z.of_nat (length (f :: l)))) as ->
          by (apply eq_true_iff_eq; rewrite !Z.ltb_lt; cbn [length]; lia).
        reflexivity.
Qed.

Definition of_voter (i : nat) (b : ballot) : Prop := voter b = Z.of_nat i.

Lemma fold_first given : forall p i,
  (forall b, In b given -> valid_ballot b) -> (i < length (firsts p))%nat ->
  let first := nth i (firsts (fold_left take given p)) NO_BALLOT in
  first <= nth i (firsts p) NO_BALLOT /\
  (forall b, In b given -> of_voter i b -> first <= value_of b) /\
  (first = nth i (firsts p) NO_BALLOT \/
   exists b, In b given /\ of_voter i b /\ first = value_of b).
Proof.
  induction given as [|b given IH]; intros p i V L; simpl.
  - split; [lia|]. split; [easy | now left].
  - destruct (V b (or_introl eq_refl)) as [_ [b0 _]].
    assert (L' : (i < length (firsts (take p b)))%nat) by now rewrite take_length.
    destruct (IH (take p b) i (fun c I => V c (or_intror I)) L') as [A [B C]].
    set (first := nth i (firsts (fold_left take given (take p b))) NO_BALLOT) in *.
    assert (E : nth i (firsts (take p b)) NO_BALLOT
                = if Z.of_nat i =? voter b then Z.min (nth i (firsts p) NO_BALLOT) (value_of b)
                  else nth i (firsts p) NO_BALLOT).
    { unfold take. destruct (Z.leb_spec (Z.of_nat (length (firsts p))) (voter b)); simpl.
      - now replace (Z.of_nat i =? voter b) with false by lia.
      - rewrite nth_keep_lowest by auto.
        replace (voter b <? Z.of_nat (length (firsts p))) with true by lia.
        now rewrite andb_true_r. }
    rewrite E in *. unfold of_voter in *. destruct (Z.eqb_spec (Z.of_nat i) (voter b)).
    + split; [lia|]. split.
      * intros c [<-|I] O; [lia | now apply B].
      * destruct C as [C|[c [I [O C]]]]; [|right; exists c; auto].
        destruct (Z.min_spec (nth i (firsts p) NO_BALLOT) (value_of b)) as [[_ M]|[_ M]];
          rewrite M in C; [now left | right; exists b; auto].
    + split; [lia|]. split.
      * intros c [<-|I] O; [lia | now apply B].
      * destruct C as [C|[c [I [O C]]]]; [now left | right; exists c; auto].
Qed.

(** Of the ballots of a voter the one with the lowest seq is kept, and one without a ballot has
none. *)
Theorem the_lowest_seq_is_kept : forall voters given i,
  (forall b, In b given -> valid_ballot b) -> (i < voters)%nat ->
  let first := nth i (firsts (collected voters given)) NO_BALLOT in
  (first = NO_BALLOT /\ forall b, In b given -> ~ of_voter i b) \/
  (exists b, In b given /\ of_voter i b /\ first = value_of b /\
   forall c, In c given -> of_voter i c -> seq b <= seq c).
Proof.
  intros voters given i V L. unfold collected.
  assert (L' : (i < length (firsts (nothing voters)))%nat)
    by (simpl; now rewrite repeat_length).
  destruct (fold_first given (nothing voters) i V L') as [A [B C]]. cbv zeta.
  set (first := nth i (firsts (fold_left take given (nothing voters))) NO_BALLOT) in *.
  assert (E : nth i (firsts (nothing voters)) NO_BALLOT = NO_BALLOT).
  { simpl. clear. revert i. induction voters; intros [|i]; simpl; auto. }
  rewrite E in *.
  assert (below : forall b, In b given -> value_of b < NO_BALLOT).
  { intros b I. destruct (V b I) as [S [_ Ch]]. unfold value_of, CHOICES_PER_SEQ, NO_BALLOT in *.
    unfold AGAINST, FOR, ABSTAIN in *. lia. }
  destruct C as [C|[b [I [O C]]]].
  - left. split; auto. intros b I O. specialize (B b I O). specialize (below b I). lia.
  - right. exists b. repeat split; auto. intros c J Oc. specialize (B c J Oc).
    destruct (V b I) as [_ [_ Cb]]. destruct (V c J) as [_ [_ Cc]].
    rewrite C in B. unfold value_of, CHOICES_PER_SEQ, AGAINST, FOR, ABSTAIN in *. lia.
Qed.

Lemma counts_of_take p b : ballots (take p b) + unknown (take p b) = ballots p + unknown p + 1.
Proof. unfold take. destruct (_ <=? _); simpl; lia. Qed.

Lemma counts_of_all given : forall p,
  ballots (fold_left take given p) + unknown (fold_left take given p)
  = ballots p + unknown p + Z.of_nat (length given).
Proof.
  induction given as [|b given IH]; intros p; simpl length; simpl fold_left; [lia|].
  rewrite IH, counts_of_take. lia.
Qed.

(** Each ballot is counted or refused for one reason, and no voter has more than one counted. *)
Theorem every_ballot_is_accounted_for : forall given powers cap t,
  tally given powers cap = Some t ->
  counted t + unknown_voter t + duplicate t + zero_power t = Z.of_nat (length given) /\
  0 <= counted t <= Z.of_nat (length powers).
Proof.
  intros given powers cap t H. unfold tally, collect_ballots in H.
  destruct (unique (map seq given)); [|discriminate]. unfold finish_tally in H.
  destruct (_ <? _); [discriminate|]. injection H as <-. simpl. split.
  - pose proof (counts_of_all given (nothing (length powers))) as C.
    fold (collected (length powers) given) in C. simpl in C. lia.
  - match goal with |- _ <= count ?p ?l <= _ => pose proof (count_bounds p l) as B end.
    rewrite combine_length, collected_length, Nat.min_id in B. exact B.
Qed.

Lemma chose_one first :
  (voted first = true -> first mod CHOICES_PER_SEQ <= ABSTAIN) ->
  forall x, (if chose FOR first then x else 0) + (if chose AGAINST first then x else 0)
            + (if chose ABSTAIN first then x else 0) = if voted first then x else 0.
Proof.
  intros H x. unfold chose. destruct (voted first); simpl; auto.
  specialize (H eq_refl). unfold CHOICES_PER_SEQ, ABSTAIN, FOR, AGAINST in *.
  pose proof (Z.mod_pos_bound first 4).
  destruct (Z.eqb_spec (first mod 4) 1), (Z.eqb_spec (first mod 4) 0), (Z.eqb_spec (first mod 4) 2);
    lia.
Qed.

(** For, against and abstain sum to the powers, as they count, of the voters with a ballot: at
most what is attainable. *)
Theorem powers_sum_to_those_who_voted : forall given powers cap t,
  (forall b, In b given -> valid_ballot b) ->
  (forall x, In x powers -> 0 <= x) -> (forall c, cap = Some c -> 0 <= c) ->
  tally given powers cap = Some t ->
  yes t + no t + abstain t
    = powers_of voted cap (combine (firsts (collected (length powers) given)) powers) /\
  yes t + no t + abstain t <= attainable t /\ 0 <= yes t /\ 0 <= no t /\ 0 <= abstain t.
Proof.
  intros given powers cap t V P C H. unfold tally, collect_ballots in H.
  destruct (unique (map seq given)); [|discriminate]. unfold finish_tally in H.
  destruct (_ <? _); [discriminate|]. injection H as <-. cbn [yes no abstain attainable].
  set (all := combine (firsts (collected (length powers) given)) powers).
  assert (power0 : forall v, In v all -> 0 <= counting cap (snd v)).
  { intros [f x] I. apply in_combine_r in I. specialize (P x I). simpl.
    destruct cap as [c|]; simpl; auto. specialize (C c eq_refl). lia. }
  assert (one : powers_of (chose FOR) cap all + powers_of (chose AGAINST) cap all
                + powers_of (chose ABSTAIN) cap all = powers_of voted cap all).
  { unfold powers_of. rewrite <- !sum_of_add. apply sum_of_ext. intros [f x] I. simpl.
    apply chose_one. intros W. apply in_combine_l in I.
    apply (In_nth _ _ NO_BALLOT) in I. destruct I as [i [L E]].
    rewrite collected_length in L.
    destruct (the_lowest_seq_is_kept _ given i V L) as [[N _]|[b [I [_ [F _]]]]].
    - rewrite E in N. rewrite N in W. vm_compute in W. discriminate.
    - rewrite E in F. rewrite F. destruct (V b I) as [_ [_ Ch]].
      unfold value_of. rewrite Z.add_comm, Z.mod_add by (unfold CHOICES_PER_SEQ; lia).
      destruct Ch as [->|[->| ->]]; vm_compute; discriminate. }
  assert (part0 : forall which, 0 <= powers_of which cap all).
  { intros which. apply sum_of_nonneg. intros v I. destruct (which (fst v)); [auto | lia]. }
  split; auto. split; [|auto]. rewrite one. apply sum_of_le. intros v I.
  specialize (power0 v I). destruct (voted (fst v)); lia.
Qed.
