(** What each step of an allocation gives, and how each row comes to its amount. *)

From Coq Require Import ZArith List Permutation Lia Bool.
From Qfs Require Import Lists WaterFilling Allocation.
From Qfs Require Remainders.
Import ListNotations.
Open Scope Z_scope.

Lemma disjoint {A} (l l' : list A) x : NoDup (l ++ l') -> In x l -> In x l' -> False.
Proof.
  induction l as [|y l IH]; simpl; intros D I J; [easy|].
  inversion D as [|? ? N D']; subst. destruct I as [->|I]; auto.
  apply N, in_or_app. auto.
Qed.

Section Steps.
Variables (pool : Z) (common_cap : option Z) (rows : list row).
Hypothesis is_valid : valid pool common_cap rows.

Let w := counted (fallback rows).
Let limit := effective_cap common_cap.
Let l := filled w limit pool rows.
Let P := shared_pool l.
Let W := shared_weight l.
Let shares := map (floor_share w limit l) (entries l).
Let units := if W =? 0 then 0 else pool - sum_of floor shares.
Let candidates := map candidate_of shares.
Let winners := Remainders.largest_remainders candidates units.

Lemma counted_nonneg r : In r rows -> 0 <= w r.
Proof.
  intros I. unfold w, counted. destruct (fallback rows); [lia|]. now apply is_valid.
Qed.

Lemma caps_nonneg r c : In r rows -> limit r = Some c -> 0 <= c.
Proof. apply is_valid. Qed.

Lemma l_sound : sound w limit pool rows l.
Proof. apply filled_sound; [apply is_valid | exact counted_nonneg | exact caps_nonneg]. Qed.

Lemma in_rows e : In e (entries l) -> In (of e) rows.
Proof. apply entry_is_row with (1 := l_sound). Qed.

Lemma weight_nonneg e : In e (entries l) -> 0 <= w (of e).
Proof. intros I. now apply counted_nonneg, in_rows. Qed.

Lemma W_nonneg : 0 <= W.
Proof.
  unfold W. rewrite (weight_is_left _ _ _ _ _ l_sound). apply sum_of_nonneg.
  intros e I. destruct (capped e); [lia|]. now apply weight_nonneg.
Qed.

Lemma P_nonneg : 0 <= P.
Proof. apply (pool_stays _ _ _ _ _ l_sound). Qed.

Lemma no_weight_left e : W = 0 -> In e (entries l) -> capped e = false -> w (of e) = 0.
Proof.
  intros Z0 I C. unfold W in Z0. rewrite (weight_is_left _ _ _ _ _ l_sound) in Z0.
  pose proof (sum_of_zero (fun x => if capped x then 0 else weight_of w x) (entries l)) as H.
  simpl in H.
  specialize (H ltac:(intros x J; destruct (capped x); [lia | now apply weight_nonneg])).
  specialize (H Z0 e I). now rewrite C in H.
Qed.

(** ** Step 4 *)

Lemma share_of_capped e :
  capped e = true -> floor_share w limit l e = Share (of e) (cap_of limit e) 0.
Proof. intros C. unfold floor_share. now rewrite C. Qed.

Lemma share_of_nothing e :
  W = 0 -> capped e = false -> floor_share w limit l e = Share (of e) 0 0.
Proof. intros Z0 C. unfold floor_share. fold W. rewrite C, Z0. reflexivity. Qed.

Lemma share_of_rest e :
  0 < W -> capped e = false ->
  floor_share w limit l e = Share (of e) (P * w (of e) / W) ((P * w (of e)) mod W).
Proof.
  intros H C. unfold floor_share. fold W P. rewrite C.
  destruct (Z.eqb_spec W 0); [lia|]. unfold Z.div, Z.modulo.
  now destruct (Z.div_eucl (P * w (of e)) W).
Qed.

Lemma row_of_share e : row_of (floor_share w limit l e) = of e.
Proof.
  unfold floor_share. destruct (capped e), (shared_weight l =? 0); auto.
  now destruct (Z.div_eucl _ _).
Qed.

Lemma rows_of_shares : map row_of shares = rows.
Proof.
  unfold shares. rewrite map_map, (map_ext _ of) by apply row_of_share.
  apply (same_rows _ _ _ _ _ l_sound).
Qed.

Lemma keys_of_candidates : map Remainders.key candidates = map key rows.
Proof.
  unfold candidates. rewrite map_map. simpl. rewrite <- rows_of_shares, map_map. reflexivity.
Qed.

Lemma cap_of_nonneg e : In e (entries l) -> 0 <= cap_of limit e.
Proof.
  intros I. unfold cap_of. destruct (limit (of e)) eqn:E; [|lia].
  eapply caps_nonneg; eauto using in_rows.
Qed.

Lemma remainder_bounds s :
  In s shares -> 0 <= remainder s /\ (0 < W -> remainder s < W) /\ (W = 0 -> remainder s = 0).
Proof.
  intros I. apply in_map_iff in I. destruct I as [e [<- I]].
  destruct (capped e) eqn:C; [rewrite share_of_capped by auto; simpl; lia|].
  pose proof W_nonneg. destruct (Z.eq_dec W 0).
  - rewrite share_of_nothing by auto. simpl. lia.
  - rewrite share_of_rest by lia || auto. simpl.
    pose proof (Z.mod_pos_bound (P * w (of e)) W). lia.
Qed.

Lemma floor_nonneg s : In s shares -> 0 <= floor s.
Proof.
  intros I. apply in_map_iff in I. destruct I as [e [<- I]].
  destruct (capped e) eqn:C; [rewrite share_of_capped by auto; now apply cap_of_nonneg|].
  pose proof W_nonneg. destruct (Z.eq_dec W 0); [rewrite share_of_nothing by auto; simpl; lia|].
  rewrite share_of_rest by lia || auto. simpl. apply Z.div_pos; [|lia].
  apply Z.mul_nonneg_nonneg; auto using P_nonneg, weight_nonneg.
Qed.

(** ** Step 5 *)

Lemma units_are_remainders : 0 < W -> W * units = sum_of remainder shares.
Proof.
  intros H. unfold units. destruct (Z.eqb_spec W 0); [lia|].
  enough (W * sum_of floor shares + sum_of remainder shares = W * pool) by lia.
  rewrite <- sum_of_scale, <- sum_of_add. unfold shares. rewrite sum_of_map.
  transitivity (W * sum_of (fun e => if capped e then cap_of limit e else 0) (entries l)
                + P * sum_of (fun e => if capped e then 0 else weight_of w e) (entries l)).
  - rewrite <- !sum_of_scale, <- sum_of_add. apply sum_of_ext. intros e I.
    destruct (capped e) eqn:C; [rewrite share_of_capped by auto; simpl; lia|].
    rewrite share_of_rest by auto. simpl. unfold weight_of.
    pose proof (Z.div_mod (P * w (of e)) W ltac:(lia)). lia.
  - pose proof (pool_is_left _ _ _ _ _ l_sound) as Ep.
    pose proof (weight_is_left _ _ _ _ _ l_sound) as Ew.
    unfold left_pool, left_weight in *. fold P in Ep. fold W in Ew. rewrite <- Ew.
    replace (sum_of (fun e => if capped e then cap_of limit e else 0) (entries l))
      with (pool - P) by lia. ring.
Qed.

Definition positive (c : Remainders.candidate) : bool := 1 <=? Remainders.remainder c.

Lemma units_below_positive :
  0 <= units /\ (units = 0 \/ units < count positive candidates).
Proof.
  destruct (Z.eq_dec W 0) as [Z0|N]; [unfold units; rewrite Z0; simpl; lia|].
  pose proof W_nonneg. assert (0 < W) as H0 by lia.
  pose proof (units_are_remainders H0) as E.
  assert (0 <= sum_of remainder shares)
    by (apply sum_of_nonneg; intros s I; now apply remainder_bounds).
  assert (sum_of remainder shares <= (W - 1) * count positive candidates).
  { unfold count, candidates. rewrite sum_of_map, <- sum_of_scale. apply sum_of_le.
    intros s I. destruct (remainder_bounds s I) as [A [B _]]. specialize (B H0).
    unfold positive. simpl. destruct (Z.leb_spec 1 (remainder s)); lia. }
  pose proof (count_bounds positive candidates).
  assert (0 <= units) by (apply (Z.mul_le_mono_pos_l _ _ W); lia).
  split; auto. destruct (Z.eq_dec units 0); auto. right.
  apply (Z.mul_lt_mono_pos_l W); [lia|].
  destruct (Z.eq_dec (count positive candidates) 0) as [Z1|]; [|lia].
  rewrite Z1 in *. assert (0 < W * units) by (apply Z.mul_pos_pos; lia). lia.
Qed.

Lemma units_fit : 0 <= units <= Z.of_nat (length candidates).
Proof.
  pose proof units_below_positive. pose proof (count_bounds positive candidates). lia.
Qed.

Lemma winner_is_positive c : In c winners -> 0 < Remainders.remainder c.
Proof.
  intros I. pose proof units_below_positive as H. pose proof (count_bounds positive candidates).
  assert (units <= count positive candidates) as L by lia.
  pose proof (Remainders.winners_at_least_the_cut candidates units 1 units_fit L c I). lia.
Qed.

Lemma distinct_candidates :
  NoDup (map Remainders.key
           (winners ++ skipn (Z.to_nat units) (Remainders.Sorting.sort candidates))).
Proof.
  apply (Permutation_NoDup (l := map Remainders.key candidates)).
  - apply Permutation_map, Remainders.winners_and_losers.
  - rewrite keys_of_candidates. apply is_valid.
Qed.

Lemma wins_in s : In s shares -> (wins winners s = true <-> In (candidate_of s) winners).
Proof.
  intros I. unfold wins. rewrite existsb_exists. split.
  - intros [c [J E]]. apply Z.eqb_eq in E.
    assert (K : In (candidate_of s) candidates) by now apply in_map.
    eapply Permutation_in in K; [|apply (Remainders.winners_and_losers candidates units)].
    apply in_app_or in K. destruct K as [K|K]; auto. exfalso.
    pose proof distinct_candidates as D. rewrite map_app in D.
    apply (disjoint _ _ (Remainders.key c) D); [now apply in_map|].
    rewrite E. now apply (in_map Remainders.key) in K.
  - intros J. exists (candidate_of s). split; auto. apply Z.eqb_refl.
Qed.

Lemma as_many_win : count (wins winners) shares = units.
Proof.
  pose proof (Remainders.one_unit_each candidates units units_fit) as U.
  fold winners in U. rewrite <- U.
  set (named := fun c => existsb (fun d => Remainders.key d =? Remainders.key c) winners).
  assert (E : count (wins winners) shares = count named candidates)
    by (unfold count, candidates; now rewrite sum_of_map).
  rewrite E, (Remainders.count_of_all named candidates units). fold winners.
  rewrite count_all, count_none; [lia | |].
  - intros c J. apply not_true_is_false. intros N. apply existsb_exists in N.
    destruct N as [d [K F]]. apply Z.eqb_eq in F.
    pose proof distinct_candidates as D. rewrite map_app in D.
    apply (disjoint _ _ (Remainders.key d) D); [now apply in_map|].
    rewrite F. now apply in_map.
  - intros c J. apply existsb_exists. exists c. split; auto. apply Z.eqb_refl.
Qed.

Lemma amount_bounds s :
  In s shares ->
  (wins winners s = true /\ amount_of winners s = floor s + 1 /\ 0 < remainder s) \/
  (wins winners s = false /\ amount_of winners s = floor s).
Proof.
  intros I. unfold amount_of. destruct (wins winners s) eqn:E; [left | right]; split; auto; [|lia].
  split; auto. apply wins_in in E; auto. now apply winner_is_positive in E.
Qed.

Lemma sum_of_amounts : sum_of (amount_of winners) shares = sum_of floor shares + units.
Proof.
  rewrite <- as_many_win. unfold count. rewrite <- sum_of_add. reflexivity.
Qed.

Lemma sum_of_floors_without_weight : W = 0 -> sum_of floor shares = pool - P.
Proof.
  intros Z0. pose proof (pool_is_left _ _ _ _ _ l_sound) as Ep. fold P in Ep.
  unfold left_pool in Ep. unfold shares. rewrite sum_of_map.
  enough (sum_of (fun e => floor (floor_share w limit l e)) (entries l)
          = sum_of (fun e => if capped e then cap_of limit e else 0) (entries l)) by lia.
  apply sum_of_ext. intros e I. destruct (capped e) eqn:C.
  - now rewrite share_of_capped.
  - now rewrite share_of_nothing.
Qed.

(** ** How a row comes to its amount *)

Definition within_cap (r : row) : Prop := forall c, limit r = Some c -> P * w r <= c * W.

Inductive payment (r : row) (x : Z) : Prop :=
| at_cap : limit r = Some x -> 0 < w r -> x * W <= P * w r -> (0 < W -> x * W < P * w r) ->
    payment r x
| no_weight : W = 0 -> w r = 0 -> x = 0 -> payment r x
| shared : 0 < W -> within_cap r ->
    (x = P * w r / W \/ (x = P * w r / W + 1 /\ 0 < (P * w r) mod W)) -> payment r x.

Lemma below_cap e : In e (entries l) -> capped e = false -> within_cap (of e).
Proof.
  intros I C c L. pose proof (fills_to_one_level w limit pool rows) as F.
  specialize (F (proj1 is_valid) counted_nonneg caps_nonneg e I).
  fold l in F. rewrite C in F. unfold fill in F. rewrite L in F. unfold weight_of in F.
  fold P W in F. lia.
Qed.

Lemma entry_is_paid e :
  In e (entries l) -> payment (of e) (amount_of winners (floor_share w limit l e)).
Proof.
  intros I. assert (J : In (floor_share w limit l e) shares) by now apply in_map.
  pose proof (amount_bounds _ J) as B. pose proof W_nonneg.
  destruct (capped e) eqn:C.
  - destruct (capped_reach _ _ _ _ _ l_sound e I C) as [V [c [L [R S]]]].
    rewrite share_of_capped in * by auto. simpl in B.
    destruct B as [[_ [_ B]]|[_ ->]]; [lia|].
    unfold cap_of. rewrite L. now apply at_cap.
  - destruct (Z.eq_dec W 0) as [Z0|N].
    + rewrite share_of_nothing in * by auto. simpl in B.
      destruct B as [[_ [_ B]]|[_ ->]]; [lia|].
      apply no_weight; auto. now apply no_weight_left.
    + rewrite share_of_rest in * by lia || auto. simpl in B.
      apply shared; [lia | now apply below_cap|].
      destruct B as [[_ [-> B]]|[_ ->]]; auto.
Qed.

Definition amount_for (e : entry) : Z := amount_of winners (floor_share w limit l e).

Lemma amounts_by_row :
  combine rows (map (amount_of winners) shares)
  = map (fun e => (of e, amount_for e)) (entries l).
Proof.
  unfold shares. rewrite map_map. rewrite <- (same_rows _ _ _ _ _ l_sound) at 1.
  apply combine_map.
Qed.

Lemma the_unit_goes_first e e' :
  In e (entries l) -> In e' (entries l) -> 0 < W -> within_cap (of e') ->
  amount_for e = P * w (of e) / W + 1 -> amount_for e' = P * w (of e') / W ->
  (P * w (of e')) mod W < (P * w (of e)) mod W \/
  ((P * w (of e')) mod W = (P * w (of e)) mod W /\ key (of e) <= key (of e')).
Proof.
  intros I I' H0 within X X'. unfold amount_for in *.
  assert (C : capped e = false).
  { destruct (capped e) eqn:C; auto.
    destruct (capped_reach _ _ _ _ _ l_sound e I C) as [_ [c [L [_ S]]]]. specialize (S H0).
    assert (J : In (floor_share w limit l e) shares) by now apply in_map.
    pose proof (amount_bounds _ J) as B. rewrite share_of_capped in * by auto. simpl in B.
    unfold cap_of in B, X. rewrite L in B, X. fold W P in S. unfold weight_of in S.
    exfalso. assert (c <= P * w (of e) / W) by (apply Z.div_le_lower_bound; lia). lia. }
  assert (C' : capped e' = false).
  { destruct (capped e') eqn:C'; auto.
    destruct (capped_reach _ _ _ _ _ l_sound e' I' C') as [_ [c [L [_ S]]]]. specialize (S H0).
    exfalso. specialize (within c L). fold W P in S. unfold weight_of in S. lia. }
  assert (J : In (floor_share w limit l e) shares) by now apply in_map.
  assert (J' : In (floor_share w limit l e') shares) by now apply in_map.
  pose proof (amount_bounds _ J) as B. pose proof (amount_bounds _ J') as B'.
  rewrite share_of_rest in B, B', J, J', X, X' by auto. simpl in B, B'.
  destruct B as [[Wn _]|[_ B]]; [|lia]. destruct B' as [[_ [B' _]]|[Wn' _]]; [lia|].
  apply wins_in in Wn; auto.
  assert (N : ~ In (candidate_of (Share (of e') (P * w (of e') / W) ((P * w (of e')) mod W)))
                   winners).
  { intros K. apply wins_in in K; auto. congruence. }
  pose proof (Remainders.winners_precede_losers candidates units _ _ Wn
                (in_map candidate_of _ _ J') N) as F.
  simpl in F. lia.
Qed.

End Steps.
