(** Issuance as `qfs.reference.issuance.issue` computes it, and its laws for any sequence of fees
and rates. *)

From Coq Require Import ZArith List Lia Bool.
From Qfs Require Import Lists Allocation.
Import ListNotations.
Open Scope Z_scope.

Definition BASE_UNITS_PER_TOKEN : Z := 10 ^ 18.

Record issuance := Issuance { issued : list Z; withheld : Z; carried : Z }.

Fixpoint issue_each (fees : list Z) (rate residue left : Z) : issuance :=
  match fees with
  | [] => Issuance [] 0 residue
  | fee :: others =>
      (* Step 2. What the rate gives, and what it leaves below one base unit. *)
      let (raw, rest) := Z.div_eucl (residue + fee * rate) BASE_UNITS_PER_TOKEN in
      (* Step 3. No more than the cap leaves; the rest is withheld, not carried. *)
      let amount := Z.min raw left in
      let after := issue_each others rate rest (left - amount) in
      Issuance (amount :: issued after) (raw - amount + withheld after) (carried after)
  end.

Definition room_left (room : option Z) : Z := match room with None => MAX_SCALAR | Some r => r end.

Definition issue (fees : list Z) (rate residue : Z) (room : option Z) : option issuance :=
  (* Step 1. The total is in its bounds. *)
  if MAX_SCALAR <? sum fees then None else
  Some (issue_each fees rate residue (room_left room)).

(** Batches of fees, each at a rate of its own: the residue goes on, and so does what the cap
leaves. What they issue and withhold together, and the last residue. *)
Fixpoint issue_batches (batches : list (Z * list Z)) (residue : Z) (room : option Z)
  : option (Z * Z * Z) :=
  match batches with
  | [] => Some (0, 0, residue)
  | (rate, fees) :: others =>
      match issue fees rate residue room with
      | None => None
      | Some i =>
          let left := option_map (fun r => r - sum (issued i)) room in
          match issue_batches others (carried i) left with
          | None => None
          | Some (more, refused, last) => Some (sum (issued i) + more, withheld i + refused, last)
          end
      end
  end.

(** What the rate gives for each fee, without a cap. *)
Fixpoint raw_each (fees : list Z) (rate residue : Z) : list Z :=
  match fees with
  | [] => []
  | fee :: others =>
      (residue + fee * rate) / BASE_UNITS_PER_TOKEN
      :: raw_each others rate ((residue + fee * rate) mod BASE_UNITS_PER_TOKEN)
  end.

Definition charged (batches : list (Z * list Z)) : Z :=
  sum_of (fun b => fst b * sum (snd b)) batches.

Lemma charged_cons rate fees others :
  charged ((rate, fees) :: others) = rate * sum fees + charged others.
Proof. reflexivity. Qed.

Lemma base_positive : 0 < BASE_UNITS_PER_TOKEN.
Proof. reflexivity. Qed.

Lemma issue_each_cons fee others rate residue left :
  issue_each (fee :: others) rate residue left =
  let raw := (residue + fee * rate) / BASE_UNITS_PER_TOKEN in
  let rest := (residue + fee * rate) mod BASE_UNITS_PER_TOKEN in
  let amount := Z.min raw left in
  let after := issue_each others rate rest (left - amount) in
  Issuance (amount :: issued after) (raw - amount + withheld after) (carried after).
Proof.
  simpl. unfold Z.div, Z.modulo.
  now destruct (Z.div_eucl (residue + fee * rate) BASE_UNITS_PER_TOKEN).
Qed.

Opaque BASE_UNITS_PER_TOKEN.

Section Each.
Variable rate : Z.
Hypothesis rate_nonneg : 0 <= rate.

Lemma raw_nonneg residue fee :
  0 <= residue -> 0 <= fee -> 0 <= (residue + fee * rate) / BASE_UNITS_PER_TOKEN.
Proof.
  intros R F. apply Z.div_pos; [|apply base_positive].
  pose proof (Z.mul_nonneg_nonneg fee rate F rate_nonneg). lia.
Qed.

Lemma each_accounts : forall fees residue left,
  let i := issue_each fees rate residue left in
  BASE_UNITS_PER_TOKEN * (sum (issued i) + withheld i) + carried i = residue + rate * sum fees.
Proof.
  induction fees as [|fee fees IH]; intros residue left; [simpl; lia|].
  rewrite issue_each_cons. cbn [issued withheld carried].
  specialize (IH ((residue + fee * rate) mod BASE_UNITS_PER_TOKEN)
                 (left - Z.min ((residue + fee * rate) / BASE_UNITS_PER_TOKEN) left)).
  pose proof (Z.div_mod (residue + fee * rate) BASE_UNITS_PER_TOKEN ltac:(discriminate)).
  unfold sum in *. simpl sum_of in *. cbv zeta in IH. lia.
Qed.

Lemma carried_bounds : forall fees residue left,
  0 <= residue < BASE_UNITS_PER_TOKEN ->
  0 <= carried (issue_each fees rate residue left) < BASE_UNITS_PER_TOKEN.
Proof.
  induction fees as [|fee fees IH]; intros residue left H; auto.
  rewrite issue_each_cons. cbn [carried]. apply IH, Z.mod_pos_bound, base_positive.
Qed.

Lemma each_within : forall fees residue left,
  0 <= left -> 0 <= residue -> (forall f, In f fees -> 0 <= f) ->
  let i := issue_each fees rate residue left in
  sum (issued i) <= left /\ 0 <= withheld i /\ (forall x, In x (issued i) -> 0 <= x).
Proof.
  induction fees as [|fee fees IH]; intros residue left L R F; [simpl; intuition; lia|].
  rewrite issue_each_cons. cbv zeta. cbn [issued withheld].
  pose proof (raw_nonneg residue fee R (F fee (or_introl eq_refl))) as raw0.
  set (raw := (residue + fee * rate) / BASE_UNITS_PER_TOKEN) in *.
  pose proof (Z.mod_pos_bound (residue + fee * rate) _ base_positive) as M.
  destruct (IH ((residue + fee * rate) mod BASE_UNITS_PER_TOKEN) (left - Z.min raw left)
               ltac:(lia) (proj1 M) (fun f I => F f (or_intror I))) as [A [B C]].
  unfold sum in *. simpl sum_of. split; [lia|]. split; [lia|].
  intros x [<-|I]; [lia | now apply C].
Qed.

Lemma each_app : forall fees others residue left,
  let i := issue_each (fees ++ others) rate residue left in
  let first := issue_each fees rate residue left in
  let second := issue_each others rate (carried first) (left - sum (issued first)) in
  issued i = issued first ++ issued second /\
  withheld i = withheld first + withheld second /\ carried i = carried second.
Proof.
  induction fees as [|fee fees IH]; intros others residue left.
  - simpl. rewrite Z.sub_0_r. auto.
  - rewrite <- app_comm_cons, !issue_each_cons. cbv zeta. cbn [issued withheld carried].
    set (raw := (residue + fee * rate) / BASE_UNITS_PER_TOKEN).
    destruct (IH others ((residue + fee * rate) mod BASE_UNITS_PER_TOKEN)
                 (left - Z.min raw left)) as [A [B C]].
    rewrite A, B, C. unfold sum. simpl sum_of. rewrite Z.sub_add_distr.
    repeat split; simpl; try lia.
Qed.

Lemma each_without_cap : forall fees residue left,
  0 <= residue -> (forall f, In f fees -> 0 <= f) ->
  (residue + rate * sum fees) / BASE_UNITS_PER_TOKEN <= left ->
  issued (issue_each fees rate residue left) = raw_each fees rate residue /\
  withheld (issue_each fees rate residue left) = 0.
Proof.
  induction fees as [|fee fees IH]; intros residue left R F H; [simpl; auto|].
  rewrite issue_each_cons. cbv zeta. cbn [issued withheld raw_each].
  pose proof (raw_nonneg residue fee R (F fee (or_introl eq_refl))) as raw0.
  pose proof (Z.mod_pos_bound (residue + fee * rate) _ base_positive) as M.
  pose proof (Z.div_mod (residue + fee * rate) BASE_UNITS_PER_TOKEN ltac:(discriminate)) as D.
  set (raw := (residue + fee * rate) / BASE_UNITS_PER_TOKEN) in *.
  set (rest := (residue + fee * rate) mod BASE_UNITS_PER_TOKEN) in *.
  assert (S0 : 0 <= sum fees) by (apply sum_of_nonneg; intros x I; apply F; now right).
  assert (E : (residue + rate * sum (fee :: fees)) / BASE_UNITS_PER_TOKEN
              = raw + (rest + rate * sum fees) / BASE_UNITS_PER_TOKEN).
  { replace (residue + rate * sum (fee :: fees))
      with (raw * BASE_UNITS_PER_TOKEN + (rest + rate * sum fees))
      by (unfold sum in *; simpl sum_of; lia).
    apply Z.div_add_l. discriminate. }
  rewrite E in H.
  assert (0 <= (rest + rate * sum fees) / BASE_UNITS_PER_TOKEN).
  { apply Z.div_pos; [|apply base_positive].
    pose proof (Z.mul_nonneg_nonneg rate (sum fees) rate_nonneg S0). lia. }
  rewrite Z.min_l by lia.
  destruct (IH rest (left - raw) ltac:(lia) (fun f I => F f (or_intror I)) ltac:(lia)) as [A B].
  rewrite A, B. split; auto. lia.
Qed.
End Each.

(** 10^18 * (issued + withheld) + residue grows by exactly the sum of rate * fee, for every
sequence of batches and rates. *)
Theorem every_fee_is_accounted_for : forall batches residue room more refused last,
  issue_batches batches residue room = Some (more, refused, last) ->
  BASE_UNITS_PER_TOKEN * (more + refused) + last = residue + charged batches.
Proof.
  induction batches as [|[rate fees] others IH]; intros residue room more refused last H.
  - injection H as <- <- <-. change (charged []) with 0. lia.
  - simpl in H. unfold issue in H.
    destruct (MAX_SCALAR <? sum fees); [discriminate|].
    set (i := issue_each fees rate residue (room_left room)) in *.
    destruct (issue_batches others _ _) as [[[m r] c]|] eqn:E; [|discriminate].
    injection H as <- <- <-. apply IH in E.
    pose proof (each_accounts rate fees residue (room_left room)) as A. cbv zeta in A. fold i in A.
    rewrite charged_cons. lia.
Qed.

(** No residue reaches one base unit, and none is negative. *)
Theorem residue_stays_below_one_unit : forall batches residue room more refused last,
  0 <= residue < BASE_UNITS_PER_TOKEN ->
  issue_batches batches residue room = Some (more, refused, last) ->
  0 <= last < BASE_UNITS_PER_TOKEN.
Proof.
  induction batches as [|[rate fees] others IH]; intros residue room more refused last R H.
  - injection H as <- <- <-. exact R.
  - simpl in H. unfold issue in H.
    destruct (MAX_SCALAR <? sum fees); [discriminate|].
    destruct (issue_batches others _ _) as [[[m r] c]|] eqn:E; [|discriminate].
    injection H as <- <- <-. eapply IH; [|exact E]. now apply carried_bounds.
Qed.

(** Batches issue no more than the cap leaves, and withhold nothing negative. *)
Theorem no_more_than_the_cap_leaves : forall batches residue room more refused last,
  0 <= room -> 0 <= residue < BASE_UNITS_PER_TOKEN ->
  (forall b, In b batches -> 0 <= fst b /\ forall f, In f (snd b) -> 0 <= f) ->
  issue_batches batches residue (Some room) = Some (more, refused, last) ->
  more <= room /\ 0 <= refused.
Proof.
  induction batches as [|[rate fees] others IH]; intros residue room more refused last L R F H.
  - injection H as <- <- <-. lia.
  - simpl in H. unfold issue in H. destruct (MAX_SCALAR <? sum fees); [discriminate|].
    simpl in H. destruct (F _ (or_introl eq_refl)) as [rate0 fees0]. simpl in rate0, fees0.
    destruct (each_within rate rate0 fees residue room L (proj1 R) fees0) as [A [B _]].
    set (i := issue_each fees rate residue room) in *.
    destruct (issue_batches others _ _) as [[[m r] c]|] eqn:E; [|discriminate].
    injection H as <- <- <-.
    destruct (IH (carried i) (room - sum (issued i)) m r c) as [C D]; auto; [lia | | |lia].
    + now apply carried_bounds.
    + intros b I. apply F. now right.
Qed.

Lemma carried_whatever_is_left rate : forall fees residue left left',
  carried (issue_each fees rate residue left) = carried (issue_each fees rate residue left').
Proof.
  induction fees as [|fee fees IH]; intros residue left left'; auto.
  rewrite !issue_each_cons. cbn [carried]. apply IH.
Qed.

Lemma floor_fits rate residue total :
  0 <= rate <= BASE_UNITS_PER_TOKEN -> 0 <= residue < BASE_UNITS_PER_TOKEN ->
  0 <= total <= MAX_SCALAR -> (residue + rate * total) / BASE_UNITS_PER_TOKEN <= MAX_SCALAR.
Proof.
  intros rate0 R T. pose proof base_positive. apply Z.lt_succ_r, Z.div_lt_upper_bound; auto.
  pose proof (Z.mul_le_mono_nonneg_r rate BASE_UNITS_PER_TOKEN total (proj1 T) (proj2 rate0)).
  pose proof (Z.mul_le_mono_nonneg_l _ _ BASE_UNITS_PER_TOKEN ltac:(lia) (proj2 T)). lia.
Qed.

(** Fees issue the same, each of them, in one batch and in two that are cut anywhere, with a cap
and without. *)
Theorem batches_do_not_matter : forall fees others rate residue room i,
  issue (fees ++ others) rate residue room = Some i ->
  0 <= rate <= BASE_UNITS_PER_TOKEN -> 0 <= residue < BASE_UNITS_PER_TOKEN ->
  (forall f, In f (fees ++ others) -> 0 <= f) ->
  exists first second,
    issue fees rate residue room = Some first /\
    issue others rate (carried first) (option_map (fun r => r - sum (issued first)) room)
      = Some second /\
    issued i = issued first ++ issued second /\
    withheld i = withheld first + withheld second /\ carried i = carried second.
Proof.
  intros fees others rate residue room i H rate0 R F. unfold issue in *.
  destruct (Z.ltb_spec MAX_SCALAR (sum (fees ++ others))) as [|T]; [discriminate|].
  injection H as <-. pose proof (sum_of_app (fun x => x) fees others) as S.
  fold sum in S. rewrite S in T.
  assert (F1 : forall f, In f fees -> 0 <= f) by (intros; apply F, in_or_app; auto).
  assert (F2 : forall f, In f others -> 0 <= f) by (intros; apply F, in_or_app; auto).
  pose proof (sum_of_nonneg _ fees F1 : 0 <= sum fees) as S1.
  pose proof (sum_of_nonneg _ others F2 : 0 <= sum others) as S2.
  exists (issue_each fees rate residue (room_left room)).
  set (first := issue_each fees rate residue (room_left room)).
  exists (issue_each others rate (carried first)
            (room_left (option_map (fun r => r - sum (issued first)) room))).
  destruct (Z.ltb_spec MAX_SCALAR (sum fees)); [lia|].
  destruct (Z.ltb_spec MAX_SCALAR (sum others)); [lia|].
  destruct (each_app rate fees others residue (room_left room)) as [A [B C]]. fold first in A, B, C.
  destruct room as [r|]; [auto|]. cbn [room_left option_map] in *.
  rewrite A, B, C.
  assert (C0 : 0 <= carried first < BASE_UNITS_PER_TOKEN) by (now apply carried_bounds).
  destruct (each_without_cap rate (proj1 rate0) fees residue MAX_SCALAR (proj1 R) F1) as [_ W];
    [apply floor_fits; lia|].
  pose proof (each_accounts rate fees residue MAX_SCALAR) as E. cbv zeta in E. fold first in E, W.
  pose proof (floor_fits rate residue (sum fees + sum others) rate0 R ltac:(lia)) as whole.
  replace (residue + rate * (sum fees + sum others))
    with (sum (issued first) * BASE_UNITS_PER_TOKEN + (carried first + rate * sum others))
    in whole by lia.
  rewrite Z.div_add_l in whole by (pose proof base_positive; lia).
  destruct (each_without_cap rate (proj1 rate0) others (carried first)
              (MAX_SCALAR - sum (issued first)) (proj1 C0) F2) as [I1 W1]; [lia|].
  destruct (each_without_cap rate (proj1 rate0) others (carried first) MAX_SCALAR
              (proj1 C0) F2) as [I2 W2]; [apply floor_fits; lia|].
  rewrite I1, I2, W1, W2. repeat split; auto. apply carried_whatever_is_left.
Qed.

(** Without a cap nothing is withheld, and one rate issues its part of the fees and the residue,
rounded down once. *)
Theorem issues_the_floor : forall fees rate residue i,
  issue fees rate residue None = Some i ->
  0 <= rate <= BASE_UNITS_PER_TOKEN -> 0 <= residue < BASE_UNITS_PER_TOKEN ->
  (forall f, In f fees -> 0 <= f) ->
  withheld i = 0 /\ sum (issued i) = (residue + rate * sum fees) / BASE_UNITS_PER_TOKEN.
Proof.
  intros fees rate residue i H rate0 R F. unfold issue in H.
  destruct (Z.ltb_spec MAX_SCALAR (sum fees)) as [|T]; [discriminate|].
  injection H as <-. unfold room_left.
  assert (S0 : 0 <= sum fees) by now apply sum_of_nonneg.
  assert (L : (residue + rate * sum fees) / BASE_UNITS_PER_TOKEN <= MAX_SCALAR)
    by (apply floor_fits; lia).
  destruct (each_without_cap rate (proj1 rate0) fees residue MAX_SCALAR (proj1 R) F L) as [A B].
  split; auto.
  pose proof (each_accounts rate fees residue MAX_SCALAR) as E. cbv zeta in E. rewrite B in E.
  pose proof (carried_bounds rate fees residue MAX_SCALAR R) as C.
  apply Z.div_unique with (carried (issue_each fees rate residue MAX_SCALAR)); lia.
Qed.
