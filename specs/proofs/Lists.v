(** Sums and counts over lists, and what a permutation leaves as it is. *)

From Coq Require Import ZArith List Permutation Sorted Lia Bool.
Import ListNotations.
Open Scope Z_scope.

Definition sum_of {A} (f : A -> Z) (l : list A) : Z := fold_right (fun x s => f x + s) 0 l.
Definition sum : list Z -> Z := sum_of (fun x => x).
Definition count {A} (p : A -> bool) (l : list A) : Z := sum_of (fun x => if p x then 1 else 0) l.

Section Sums.
Context {A : Type}.
Implicit Types (f g : A -> Z) (l : list A) (p : A -> bool).

Lemma sum_of_app f l l' : sum_of f (l ++ l') = sum_of f l + sum_of f l'.
Proof. induction l; simpl; lia. Qed.

Lemma sum_of_ext f g l : (forall x, In x l -> f x = g x) -> sum_of f l = sum_of g l.
Proof.
  induction l as [|x l IH]; simpl; intros H; auto.
  rewrite (H x), IH; auto.
Qed.

Lemma sum_of_le f g l : (forall x, In x l -> f x <= g x) -> sum_of f l <= sum_of g l.
Proof.
  induction l as [|x l IH]; simpl; intros H; [lia|].
  pose proof (H x (or_introl eq_refl)).
  assert (sum_of f l <= sum_of g l) by auto. lia.
Qed.

Lemma sum_of_le_eq f g l :
  (forall x, In x l -> f x <= g x) -> sum_of f l = sum_of g l ->
  forall x, In x l -> f x = g x.
Proof.
  induction l as [|y l IH]; simpl; intros H E x I; [easy|].
  pose proof (H y (or_introl eq_refl)).
  assert (sum_of f l <= sum_of g l) by (apply sum_of_le; auto).
  destruct I as [<-|I]; [lia|]. apply IH; auto; lia.
Qed.

Lemma sum_of_0 l : sum_of (fun _ => 0) l = 0.
Proof. induction l; simpl; lia. Qed.

Lemma sum_of_nonneg f l : (forall x, In x l -> 0 <= f x) -> 0 <= sum_of f l.
Proof. intros H. rewrite <- (sum_of_0 l). now apply sum_of_le. Qed.

Lemma sum_of_zero f l :
  (forall x, In x l -> 0 <= f x) -> sum_of f l = 0 -> forall x, In x l -> f x = 0.
Proof.
  intros H E x I. symmetry. apply (sum_of_le_eq (fun _ => 0) f l); auto.
  rewrite sum_of_0. lia.
Qed.

Lemma sum_of_add f g l : sum_of (fun x => f x + g x) l = sum_of f l + sum_of g l.
Proof. induction l; simpl; lia. Qed.

Lemma sum_of_scale k f l : sum_of (fun x => k * f x) l = k * sum_of f l.
Proof. induction l; simpl; lia. Qed.

Lemma sum_of_filter f p l : sum_of f (filter p l) = sum_of (fun x => if p x then f x else 0) l.
Proof. induction l as [|x l IH]; simpl; auto. destruct (p x); simpl; lia. Qed.

Lemma sum_of_member f l x : (forall y, In y l -> 0 <= f y) -> In x l -> f x <= sum_of f l.
Proof.
  induction l as [|y l IH]; simpl; intros H I; [easy|].
  pose proof (H y (or_introl eq_refl)).
  assert (0 <= sum_of f l) by (apply sum_of_nonneg; auto).
  destruct I as [<-|I]; [lia|]. pose proof (IH (fun z J => H z (or_intror J)) I). lia.
Qed.

Lemma sum_of_permutation f l l' : Permutation l l' -> sum_of f l = sum_of f l'.
Proof. induction 1; simpl; lia. Qed.

Lemma filter_permutation p l l' : Permutation l l' -> Permutation (filter p l) (filter p l').
Proof.
  induction 1; simpl; auto; [destruct (p x) | destruct (p x), (p y) | ]; eauto using Permutation.
Qed.

Lemma count_bounds p l : 0 <= count p l <= Z.of_nat (length l).
Proof.
  unfold count. induction l as [|x l IH]; simpl length; simpl sum_of; [lia|].
  destruct (p x); lia.
Qed.

Lemma count_all p l : (forall x, In x l -> p x = true) -> count p l = Z.of_nat (length l).
Proof.
  unfold count. induction l as [|x l IH]; simpl length; simpl sum_of; intros H; auto.
  rewrite (H x (or_introl eq_refl)), IH by (intros; apply H; now right). lia.
Qed.

Lemma count_none p l : (forall x, In x l -> p x = false) -> count p l = 0.
Proof.
  intros H. transitivity (sum_of (fun _ => 0) l); [|apply sum_of_0].
  apply sum_of_ext. intros x I. now rewrite (H x I).
Qed.

Lemma count_member p l x : In x l -> p x = true -> 1 <= count p l.
Proof.
  intros I H. pose proof (sum_of_member (fun y => if p y then 1 else 0) l x) as M.
  simpl in M. rewrite H in M. apply M; auto. intros y _. destruct (p y); lia.
Qed.

Lemma count_without p l x :
  In x l -> p x = false -> count p l <= Z.of_nat (length l) - 1.
Proof.
  unfold count. induction l as [|y l IH]; simpl length; simpl sum_of; intros I H; [easy|].
  pose proof (count_bounds p l) as B. unfold count in B.
  destruct I as [->|I]; [rewrite H; lia|].
  specialize (IH I H). destruct (p y); lia.
Qed.

Lemma count_app p l l' : count p (l ++ l') = count p l + count p l'.
Proof. apply sum_of_app. Qed.

Lemma count_permutation p l l' : Permutation l l' -> count p l = count p l'.
Proof. apply sum_of_permutation. Qed.

Lemma sum_of_map {B} (h : B -> A) f (l : list B) : sum_of f (map h l) = sum_of (fun x => f (h x)) l.
Proof. induction l; simpl; lia. Qed.

Lemma sorted_unique (R : A -> A -> Prop) :
  (forall x y, R x y -> R y x -> x = y) ->
  forall l l', StronglySorted R l -> StronglySorted R l' -> Permutation l l' -> l = l'.
Proof.
  intros antisymmetric. induction l as [|x l IH]; intros l' S S' P.
  - symmetry. now apply Permutation_nil.
  - destruct l' as [|y l']; [now apply Permutation_sym, Permutation_nil in P|].
    inversion S as [|? ? S1 F1]; inversion S' as [|? ? S2 F2]; subst.
    rewrite Forall_forall in F1, F2.
    assert (x = y).
    { assert (I : In x (y :: l')) by (eapply Permutation_in; [exact P | now left]).
      assert (J : In y (x :: l))
        by (eapply Permutation_in; [apply Permutation_sym, P | now left]).
      destruct I as [->|I]; auto. destruct J as [->|J]; auto. }
    subst. f_equal. apply IH; auto. eapply Permutation_cons_inv, P.
Qed.

Lemma sorted_app (R : A -> A -> Prop) l l' x y :
  StronglySorted R (l ++ l') -> In x l -> In y l' -> R x y.
Proof.
  induction l as [|z l IH]; simpl; intros S I J; [easy|].
  inversion S as [|? ? S1 F]; subst. rewrite Forall_forall in F.
  destruct I as [->|I]; [apply F, in_or_app; auto | auto].
Qed.

End Sums.

Lemma sum_map {A} (f : A -> Z) (l : list A) : sum (map f l) = sum_of f l.
Proof. unfold sum. now rewrite sum_of_map. Qed.

Lemma combine_map {A B C} (g : A -> B) (h : A -> C) (l : list A) :
  combine (map g l) (map h l) = map (fun x => (g x, h x)) l.
Proof. induction l; simpl; congruence. Qed.
