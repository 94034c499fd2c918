(** The kernel's division by a reciprocal, as `division.share`, `division.settled` and
`division.estimate` of `specs/models` have it. *)

From Coq Require Import ZArith Lia.
Open Scope Z_scope.

Definition bits (weight : Z) : Z := Z.log2 weight + 1.

Definition reciprocal (pool weight scale : Z) : Z := pool * scale / weight.

Definition estimate (factor scale w : Z) : Z := w * factor / scale.

(** One comparison corrects the guess. Words have `word` bits; what goes over is lost. *)
Definition settled (product taken guess weight word : Z) : Z * Z :=
  let modulus := 2 ^ word in
  let is_wide := modulus / 2 <=? weight in
  let rest := (product - taken) mod modulus in
  let borrow := if product mod modulus <? taken mod modulus then 1 else 0 in
  let upper := (product / modulus - taken / modulus - borrow) mod 2 ^ (word / 2) in
  let over := (is_wide && negb (upper =? 0))%bool in
  if (over || (weight <=? rest))%bool
  then ((guess + 1) mod modulus, (rest - weight) mod modulus)
  else (guess, rest).

Definition share (pool weight word w : Z) : Z * Z :=
  let modulus := 2 ^ word in
  let factor := reciprocal pool weight (2 ^ bits weight) in
  let lifted := w * 2 ^ (word - bits weight) mod modulus in
  let guess := estimate factor modulus lifted in
  settled (pool * w) (guess * weight) guess weight word.

Lemma quotient_bounds a b : 0 < b -> b * (a / b) <= a < b * (a / b) + b.
Proof.
  intros H. pose proof (Z.div_mod a b ltac:(lia)). pose proof (Z.mod_pos_bound a b H). lia.
Qed.

(** The estimate by a reciprocal is the quotient or one less. *)
Theorem estimate_is_quotient_or_one_less : forall pool weight scale w,
  0 <= pool -> 0 < weight <= scale -> 0 <= w <= weight ->
  let q := pool * w / weight in
  q - 1 <= estimate (reciprocal pool weight scale) scale w <= q.
Proof.
  intros P W K w HP HW Hw q. subst q. unfold estimate, reciprocal.
  pose proof (quotient_bounds (P * K) W ltac:(lia)) as HF.
  set (F := P * K / W) in *. clearbody F.
  pose proof (quotient_bounds (w * F) K ltac:(lia)) as He.
  set (e := w * F / K) in *. clearbody e.
  pose proof (quotient_bounds (P * w) W ltac:(lia)) as Hq.
  set (q := P * w / W) in *. clearbody q.
  split.
  - pose proof (Z.mul_le_mono_nonneg_l _ _ K ltac:(lia) (proj1 Hq)).
    pose proof (Z.mul_le_mono_nonneg_l _ _ w ltac:(lia) (Z.lt_le_incl _ _ (proj2 HF))).
    pose proof (proj1 (Z.mul_lt_mono_pos_l W _ _ ltac:(lia)) (proj2 He)).
    pose proof (Z.mul_le_mono_nonneg_l w K W ltac:(lia) ltac:(lia)).
    enough (q < e + 2) by lia. apply (Z.mul_lt_mono_pos_l (K * W)); [apply Z.mul_pos_pos|]; lia.
  - pose proof (Z.mul_le_mono_nonneg_l _ _ W ltac:(lia) (proj1 He)).
    pose proof (Z.mul_le_mono_nonneg_l _ _ w ltac:(lia) (proj1 HF)).
    pose proof (proj1 (Z.mul_lt_mono_pos_l K _ _ ltac:(lia)) (proj2 Hq)).
    enough (e < q + 1) by lia. apply (Z.mul_lt_mono_pos_l (K * W)); [apply Z.mul_pos_pos|]; lia.
Qed.

Lemma quotient_of pool weight w q rest :
  0 < weight -> pool * w = q * weight + rest -> 0 <= rest < weight ->
  (pool * w / weight, (pool * w) mod weight) = (q, rest).
Proof.
  intros H E R. f_equal.
  - symmetry. apply Z.div_unique with rest; lia.
  - symmetry. apply Z.mod_unique with q; lia.
Qed.

Lemma upper_is_quotient product taken modulus :
  0 < modulus ->
  product / modulus - taken / modulus
    - (if product mod modulus <? taken mod modulus then 1 else 0)
  = (product - taken) / modulus.
Proof.
  intros HM.
  pose proof (Z.div_mod product modulus). pose proof (Z.mod_pos_bound product modulus).
  pose proof (Z.div_mod taken modulus). pose proof (Z.mod_pos_bound taken modulus).
  destruct (Z.ltb_spec (product mod modulus) (taken mod modulus)).
  - apply Z.div_unique with (product mod modulus - taken mod modulus + modulus); nia.
  - apply Z.div_unique with (product mod modulus - taken mod modulus); nia.
Qed.

(** One comparison settles the guess, from a rest modulo a power of two. *)
Theorem one_comparison_settles : forall product guess weight word,
  2 <= word -> 0 < weight < 2 ^ word -> 0 <= guess -> guess + 1 < 2 ^ word ->
  0 <= product - guess * weight < 2 * weight ->
  settled product (guess * weight) guess weight word =
  if weight <=? product - guess * weight
  then (guess + 1, product - guess * weight - weight)
  else (guess, product - guess * weight).
Proof.
  intros product g W word Hword HW Hg Hg1 Ht. unfold settled.
  assert (HM : 0 < 2 ^ word) by (apply Z.pow_pos_nonneg; lia).
  rewrite upper_is_quotient by lia.
  assert (half_word : 1 < 2 ^ (word / 2)).
  { apply Z.pow_gt_1; [lia | apply Z.div_str_pos; lia]. }
  set (t := product - g * W) in *. clearbody t.
  assert (half : 2 * (2 ^ word / 2) = 2 ^ word).
  { replace word with (Z.succ (word - 1)) by lia. rewrite Z.pow_succ_r by lia.
    rewrite (Z.mul_comm 2 (2 ^ (word - 1))), Z.div_mul; lia. }
  set (M := 2 ^ word) in *. clearbody M.
  rewrite (Z.mod_small (g + 1)) by lia.
  destruct (Z.ltb_spec t M) as [small|large].
  - rewrite (Z.mod_small t) by lia. rewrite (Z.div_small t) by lia.
    rewrite Z.mod_0_l by lia. rewrite Bool.andb_false_r. simpl.
    destruct (Z.leb_spec W t); auto. rewrite Z.mod_small by lia. reflexivity.
  - assert (t / M = 1) as -> by (symmetry; apply Z.div_unique with (t - M); lia).
    assert (t mod M = t - M) as -> by (symmetry; apply Z.mod_unique with 1; lia).
    rewrite Z.mod_1_l by lia.
    assert ((M / 2 <=? W) = true) as -> by (apply Z.leb_le; lia). simpl.
    assert ((W <=? t) = true) as -> by (apply Z.leb_le; lia).
    f_equal. symmetry. apply Z.mod_unique with (-1); lia.
Qed.

(** The kernel's share by a reciprocal is the quotient and the remainder of a division. *)
Theorem share_is_division : forall pool weight word w,
  2 <= word -> 0 <= pool < 2 ^ word -> 0 < weight < 2 ^ word -> 0 <= w <= weight ->
  pool + 1 < 2 ^ word ->
  share pool weight word w = (pool * w / weight, (pool * w) mod weight).
Proof.
  intros P W word w Hword HP HW Hw HP1. unfold share.
  assert (B : 2 ^ (bits W - 1) <= W < 2 ^ bits W).
  { unfold bits. replace (Z.log2 W + 1 - 1) with (Z.log2 W) by lia.
    pose proof (Z.log2_spec W). unfold Z.succ in *. lia. }
  assert (Hb : 0 <= bits W <= word).
  { unfold bits in *. pose proof (Z.log2_nonneg W).
    assert (Z.log2 W < word) by (apply Z.log2_lt_pow2; lia). lia. }
  assert (split : 2 ^ word = 2 ^ bits W * 2 ^ (word - bits W)).
  { rewrite <- Z.pow_add_r by lia. f_equal. lia. }
  assert (S0 : 0 < 2 ^ (word - bits W)) by (apply Z.pow_pos_nonneg; lia).
  assert (K0 : 0 < 2 ^ bits W) by lia.
  rewrite (Z.mod_small (w * 2 ^ (word - bits W))) by (rewrite split; nia).
  assert (same : estimate (reciprocal P W (2 ^ bits W)) (2 ^ word) (w * 2 ^ (word - bits W))
                 = estimate (reciprocal P W (2 ^ bits W)) (2 ^ bits W) w).
  { unfold estimate. rewrite split.
    replace (w * 2 ^ (word - bits W) * reciprocal P W (2 ^ bits W))
      with (w * reciprocal P W (2 ^ bits W) * 2 ^ (word - bits W)) by ring.
    apply Z.div_mul_cancel_r; lia. }
  rewrite same.
  pose proof (estimate_is_quotient_or_one_less P W (2 ^ bits W) w) as E.
  simpl in E. specialize (E (proj1 HP) ltac:(lia) Hw).
  assert (G0 : 0 <= estimate (reciprocal P W (2 ^ bits W)) (2 ^ bits W) w).
  { unfold estimate, reciprocal. apply Z.div_pos; [|lia].
    apply Z.mul_nonneg_nonneg; [lia|]. apply Z.div_pos; nia. }
  set (g := estimate _ _ w) in *. clearbody g.
  pose proof (Z.div_mod (P * w) W). pose proof (Z.mod_pos_bound (P * w) W).
  assert (QP : P * w / W <= P) by (apply Z.div_le_upper_bound; nia).
  rewrite one_comparison_settles by nia.
  destruct (Z.leb_spec W (P * w - g * W)); symmetry; apply quotient_of; try lia; nia.
Qed.
