(* The standard normal law.

   phi(t) = exp(-t^2/2)/sqrt(2 pi),  Phi(x) = 1/2 + int_0^x phi.  Phi' = phi, Phi -> 0 at -oo and 1 at +oo.

   The limits rest on int_0^oo exp(-t^2) = sqrt(pi)/2: with A(t) = int_0^t exp(-x^2) and
   B(t) = int_0^1 exp(-t^2 (1 + x^2))/(1 + x^2), A^2 + B is constant, B(0) = pi/4 and B -> 0.

   Rust: normal::cdf, normal::probability_between. *)

From Coq Require Import Reals Psatz Lia.
From Coquelicot Require Import Coquelicot.
From Ncsn Require Import Statements.

Open Scope R_scope.

(* A function that is differentiable everywhere is integrable on every interval. *)
Lemma ex_RInt_smooth (f : R -> R) a b : (forall x, ex_derive f x) -> ex_RInt f a b.
Proof.
  intros Hf. apply (ex_RInt_continuous (V := R_CompleteNormedModule)). intros x _.
  now apply (ex_derive_continuous (V := R_NormedModule)).
Qed.

(* And its integral is differentiable. *)
Lemma is_derive_RInt_smooth (f : R -> R) a x : (forall x, ex_derive f x) -> is_derive (RInt f a) x (f x).
Proof.
  intros Hf. apply (is_derive_RInt f (RInt f a) a x).
  - exists (mkposreal 1 Rlt_0_1). intros y _.
    now apply (RInt_correct (V := R_CompleteNormedModule)), ex_RInt_smooth.
  - now apply (ex_derive_continuous (V := R_NormedModule)).
Qed.

(** * The Gaussian integral *)

Module GaussianIntegral.

Definition f (t : R) := exp (- t ^ 2).
Definition g (t x : R) := exp (- (t ^ 2 * (1 + x ^ 2))) / (1 + x ^ 2).
Definition g' (t x : R) := - 2 * t * exp (- (t ^ 2 * (1 + x ^ 2))).
Definition A (t : R) := RInt f 0 t.
Definition B (t : R) := RInt (g t) 0 1.

Lemma pos x : 0 < 1 + x ^ 2.
Proof. nra. Qed.

Lemma ex_derive_f x : ex_derive f x.
Proof. unfold f. auto_derive. exact I. Qed.

Lemma ex_derive_g t x : ex_derive (g t) x.
Proof. unfold g. auto_derive. generalize (pos x). simpl. lra. Qed.

Lemma is_derive_g t x : is_derive (fun t => g t x) t (g' t x).
Proof.
  unfold g, g'. generalize (pos x). generalize (1 + x ^ 2). intros c Hc.
  auto_derive; [lra|]. replace (t * (t * 1)) with (t ^ 2) by ring. field. lra.
Qed.

Lemma continuity_2d_g' t x : continuity_2d_pt g' t x.
Proof.
  unfold g'. apply continuity_2d_pt_mult.
  - apply (continuity_1d_2d_pt_comp (fun u => -2 * u) (fun u v => u)).
    + apply derivable_continuous_pt. reg.
    + apply continuity_2d_pt_id1.
  - apply (continuity_1d_2d_pt_comp exp).
    + apply derivable_continuous_pt, derivable_pt_exp.
    + apply continuity_2d_pt_opp, continuity_2d_pt_mult.
      * apply (continuity_1d_2d_pt_comp (fun u => u ^ 2) (fun u v => u)).
        -- apply derivable_continuous_pt. reg.
        -- apply continuity_2d_pt_id1.
      * apply (continuity_1d_2d_pt_comp (fun u => 1 + u ^ 2) (fun u v => v)).
        -- apply derivable_continuous_pt. reg.
        -- apply continuity_2d_pt_id2.
Qed.

Lemma is_derive_B t : is_derive B t (RInt (g' t) 0 1).
Proof.
  rewrite (RInt_ext (g' t) (fun x => Derive (fun u => g u x) t)).
  - apply (is_derive_RInt_param g 0 1 t).
    + exists (mkposreal 1 Rlt_0_1). intros y _ x _. eexists. apply is_derive_g.
    + intros x _. apply (continuity_2d_pt_ext g').
      * intros u v. symmetry. apply is_derive_unique, is_derive_g.
      * apply continuity_2d_g'.
    + exists (mkposreal 1 Rlt_0_1). intros y _. apply ex_RInt_smooth, ex_derive_g.
  - intros x _. symmetry. apply is_derive_unique, is_derive_g.
Qed.

(* B' = -2 A A', by the substitution y = t x *)
Lemma derivative_B t : RInt (g' t) 0 1 = - 2 * f t * A t.
Proof.
  apply is_RInt_unique. apply (is_RInt_ext (fun x => scal (- 2 * f t) (scal t (f (t * x + 0))))).
  - intros x _. change (- 2 * f t * (t * f (t * x + 0)) = g' t x). unfold g', f.
    replace (- (t ^ 2 * (1 + x ^ 2))) with (- t ^ 2 + - (t * x + 0) ^ 2) by ring. rewrite exp_plus. ring.
  - apply (is_RInt_scal (fun x => scal t (f (t * x + 0))) 0 1 (- 2 * f t) (RInt f 0 t)).
    apply (is_RInt_comp_lin f t 0 0 1). rewrite Rmult_0_r, Rmult_1_r, !Rplus_0_r.
    apply (RInt_correct (V := R_CompleteNormedModule)), ex_RInt_smooth, ex_derive_f.
Qed.

Lemma B_0 : B 0 = PI / 4.
Proof.
  unfold B. rewrite (RInt_ext (g 0) (fun x => / (1 + x ^ 2))).
  - rewrite <- atan_1. replace (atan 1) with (minus (atan 1) (atan 0)).
    + apply is_RInt_unique. apply (is_RInt_derive atan).
      * intros x _. apply is_derive_Reals, derivable_pt_lim_atan.
      * intros x _. apply (ex_derive_continuous (V := R_NormedModule)). auto_derive. generalize (pos x). simpl. lra.
    + rewrite atan_0. unfold minus, plus, opp. simpl. ring.
  - intros x _. unfold g. replace (- (0 ^ 2 * (1 + x ^ 2))) with 0 by ring. rewrite exp_0. generalize (pos x).
    intros Hpos. change (1 / (1 + x ^ 2) = / (1 + x ^ 2)). field. lra.
Qed.

Lemma A_square_plus_B t : A t ^ 2 + B t = PI / 4.
Proof.
  assert (Hderive : forall u, is_derive (fun u => A u ^ 2 + B u) u 0).
  { intros u. evar_last.
    - apply (is_derive_plus (fun u => A u ^ 2) B).
      + apply is_derive_pow, is_derive_RInt_smooth, ex_derive_f.
      + apply is_derive_B.
    - rewrite derivative_B. unfold plus. simpl. ring. }
  transitivity (A 0 ^ 2 + B 0).
  - destruct (MVT_gen (fun u => A u ^ 2 + B u) 0 t (fun _ => 0)) as (c & _ & Hmean).
    + intros x _. apply Hderive.
    + intros x _. apply continuity_pt_filterlim.
      apply (ex_derive_continuous (V := R_NormedModule) (fun u => A u ^ 2 + B u)). eexists. apply Hderive.
    + lra.
  - rewrite B_0. unfold A. rewrite RInt_point. unfold zero. simpl. ring.
Qed.

Lemma B_bound t : 0 <= B t <= exp (- t ^ 2).
Proof.
  assert (Hg : forall x, 0 <= g t x <= exp (- t ^ 2)).
  { intros x. assert (Hx := pow2_ge_0 x). assert (Ht := pow2_ge_0 t). unfold g. split.
    - apply Rlt_le, Rdiv_lt_0_compat; [apply exp_pos | apply pos].
    - replace (- (t ^ 2 * (1 + x ^ 2))) with (- t ^ 2 + - (t ^ 2 * x ^ 2)) by ring. rewrite exp_plus.
      assert (Hle : exp (- (t ^ 2 * x ^ 2)) <= 1).
      { rewrite <- exp_0. destruct (Rmult_le_pos _ _ Ht Hx) as [Hlt|Hzero].
        - apply Rlt_le, exp_increasing. lra.
        - rewrite <- Hzero, Ropp_0. lra. }
      apply (Rmult_le_reg_r (1 + x ^ 2)); [apply pos|].
      unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by (generalize (pos x); lra).
      apply Rmult_le_compat_l; [apply Rlt_le, exp_pos | lra]. }
  assert (Hint : ex_RInt (g t) 0 1) by apply ex_RInt_smooth, ex_derive_g.
  split.
  - apply RInt_ge_0; [lra | exact Hint |]. intros x _. apply Hg.
  - replace (exp (- t ^ 2)) with (RInt (fun _ => exp (- t ^ 2)) 0 1).
    + apply RInt_le; [lra | exact Hint | apply ex_RInt_const |]. intros x _. apply Hg.
    + rewrite RInt_const. unfold scal. simpl. unfold mult. simpl. ring.
Qed.

Lemma is_lim_exp_opp_square : is_lim (fun t => exp (- t ^ 2)) p_infty 0.
Proof.
  apply (is_lim_comp exp (fun t => - t ^ 2) p_infty 0 m_infty).
  - apply is_lim_exp_m.
  - apply (is_lim_opp (fun t => t ^ 2) p_infty p_infty). apply (is_lim_ext (fun t => t * t)).
    + intros t. ring.
    + now apply (is_lim_mult (fun t => t) (fun t => t) p_infty p_infty p_infty); try apply is_lim_id.
  - exists 0. intros; discriminate.
Qed.

Lemma is_lim_A : is_lim A p_infty (sqrt PI / 2).
Proof.
  assert (Hpi := PI_RGT_0).
  assert (HB : is_lim B p_infty 0).
  { apply (is_lim_le_le_loc (fun _ => 0) (fun t => exp (- t ^ 2))).
    - exists 0. intros t _. apply B_bound.
    - apply is_lim_const.
    - apply is_lim_exp_opp_square. }
  replace (sqrt PI / 2) with (sqrt (PI / 4 - 0)).
  - apply (is_lim_ext_loc (fun t => sqrt (PI / 4 - B t))).
    + exists 0. intros t Ht. rewrite <- (A_square_plus_B t). replace (A t ^ 2 + B t - B t) with (A t ^ 2) by ring.
      apply sqrt_pow2. apply RInt_ge_0; [lra | apply ex_RInt_smooth, ex_derive_f |]. intros. apply Rlt_le, exp_pos.
    + assert (Hlim : is_lim (fun t => PI / 4 - B t) p_infty (PI / 4 - 0)).
      { apply (is_lim_minus (fun _ => PI / 4) B p_infty (PI / 4) 0); [apply is_lim_const | exact HB | reflexivity]. }
      apply (filterlim_comp _ _ _ _ sqrt _ _ _ Hlim), continuous_sqrt.
  - apply Rsqr_inj; [apply sqrt_pos | generalize (sqrt_pos PI); lra |].
    rewrite Rsqr_sqrt, Rsqr_div', Rsqr_sqrt by lra. unfold Rsqr. field.
Qed.

End GaussianIntegral.

(** * Phi *)

Lemma phi_pos t : 0 < phi t.
Proof. apply Rdiv_lt_0_compat; [apply exp_pos|]. apply sqrt_lt_R0. generalize PI_RGT_0. lra. Qed.

Lemma ex_derive_phi t : ex_derive phi t.
Proof. unfold phi. auto_derive. generalize PI_RGT_0 (sqrt_lt_R0 (2 * PI)). lra. Qed.

Lemma ex_RInt_phi a b : ex_RInt phi a b.
Proof. apply ex_RInt_smooth, ex_derive_phi. Qed.

Lemma phi_opp t : phi (- t) = phi t.
Proof. unfold phi. do 3 f_equal. ring. Qed.

Lemma is_derive_Phi x : is_derive Phi x (phi x).
Proof.
  unfold Phi. replace (phi x) with (plus 0 (phi x)) by (unfold plus; simpl; ring).
  apply (is_derive_plus (fun _ => 1 / 2) (RInt phi 0)).
  - apply (is_derive_const (V := R_NormedModule)).
  - apply is_derive_RInt_smooth, ex_derive_phi.
Qed.

Lemma Phi_minus a b : Phi b - Phi a = RInt phi a b.
Proof.
  unfold Phi. rewrite <- (RInt_Chasles phi a 0 b), <- (opp_RInt_swap phi 0 a) by apply ex_RInt_phi.
  unfold plus, opp. simpl. lra.
Qed.

Lemma Phi_opp x : Phi (- x) = 1 - Phi x.
Proof.
  unfold Phi. replace (RInt phi 0 (- x)) with (- RInt phi 0 x); [lra|]. symmetry.
  apply is_RInt_unique. replace (- RInt phi 0 x) with (opp (RInt phi 0 x)) by reflexivity.
  apply (is_RInt_ext (fun t => opp (opp (phi (- t))))).
  - intros t _. rewrite phi_opp. apply opp_opp.
  - apply (is_RInt_opp (fun t => opp (phi (- t)))). apply (is_RInt_comp_opp phi 0 (- x)).
    rewrite Ropp_0, Ropp_involutive. apply (RInt_correct (V := R_CompleteNormedModule)), ex_RInt_phi.
Qed.

(* int_0^x phi = A(x/sqrt 2)/sqrt pi *)
Lemma Phi_A x : Phi x = 1 / 2 + / sqrt PI * GaussianIntegral.A (x / sqrt 2).
Proof.
  assert (Hpi := PI_RGT_0). assert (H2 : 0 < sqrt 2) by (apply sqrt_lt_R0; lra).
  assert (Hsqrt : 0 < sqrt PI) by (apply sqrt_lt_R0; lra).
  assert (Hsquare : sqrt 2 * sqrt 2 = 2) by (apply sqrt_sqrt; lra).
  unfold Phi. f_equal. apply is_RInt_unique.
  apply (is_RInt_ext (fun t => scal (/ sqrt PI) (scal (/ sqrt 2) (GaussianIntegral.f (/ sqrt 2 * t + 0))))).
  - intros t _. change (/ sqrt PI * (/ sqrt 2 * exp (- (/ sqrt 2 * t + 0) ^ 2)) = phi t). unfold phi.
    rewrite sqrt_mult by lra. replace (- (/ sqrt 2 * t + 0) ^ 2) with (- t ^ 2 / 2).
    + field. split; lra.
    + replace (- (/ sqrt 2 * t + 0) ^ 2) with (- t ^ 2 / (sqrt 2 * sqrt 2)) by (field; lra). now rewrite Hsquare.
  - apply (is_RInt_scal (fun t => scal (/ sqrt 2) (GaussianIntegral.f (/ sqrt 2 * t + 0)))).
    apply (is_RInt_comp_lin GaussianIntegral.f (/ sqrt 2) 0 0 x). rewrite Rmult_0_r, !Rplus_0_r.
    replace (/ sqrt 2 * x) with (x / sqrt 2) by (unfold Rdiv; ring).
    apply (RInt_correct (V := R_CompleteNormedModule)), ex_RInt_smooth, GaussianIntegral.ex_derive_f.
Qed.

Lemma is_lim_Phi_p_infty : is_lim Phi p_infty 1.
Proof.
  assert (Hsqrt : 0 < sqrt PI) by (apply sqrt_lt_R0, PI_RGT_0).
  assert (H2 : 0 < / sqrt 2) by (apply Rinv_0_lt_compat, sqrt_lt_R0; lra).
  apply (is_lim_ext (fun x => 1 / 2 + / sqrt PI * GaussianIntegral.A (x / sqrt 2))).
  - intros x. symmetry. apply Phi_A.
  - replace 1 with (1 / 2 + / sqrt PI * (sqrt PI / 2)) at 1 by (field; lra).
    apply (is_lim_plus (fun _ => 1 / 2) _ p_infty (1 / 2) (/ sqrt PI * (sqrt PI / 2))).
    + apply is_lim_const.
    + apply (is_lim_scal_l _ (/ sqrt PI) p_infty (sqrt PI / 2)).
      apply (is_lim_comp GaussianIntegral.A (fun x => x / sqrt 2) p_infty (sqrt PI / 2) p_infty).
      * apply GaussianIntegral.is_lim_A.
      * intros P (M & HM). exists (M * sqrt 2). intros x Hx. apply HM.
        apply (Rmult_lt_reg_r (sqrt 2)); [apply sqrt_lt_R0; lra|].
        replace (x / sqrt 2 * sqrt 2) with x; [exact Hx|]. field. apply Rgt_not_eq, sqrt_lt_R0. lra.
      * exists 0. intros; discriminate.
    + reflexivity.
Qed.

Theorem normal_law : normal_law_statement.
Proof.
  split; [exact is_derive_Phi|]. split; [|exact is_lim_Phi_p_infty].
  apply (is_lim_ext (fun x => 1 - Phi (- x))).
  - intros x. rewrite Phi_opp. ring.
  - replace 0 with (1 - 1) by ring.
    apply (is_lim_minus (fun _ => 1) (fun x => Phi (- x)) m_infty 1 1); [apply is_lim_const | | reflexivity].
    apply (is_lim_comp Phi (fun x => - x) m_infty 1 p_infty).
    + exact is_lim_Phi_p_infty.
    + apply (is_lim_opp (fun x => x) m_infty m_infty), is_lim_id.
    + exists 0. intros; discriminate.
Qed.

Lemma Phi_increasing a b : a < b -> Phi a < Phi b.
Proof.
  intros Hab. apply Rlt_0_minus. rewrite Phi_minus. apply RInt_gt_0; [exact Hab | |].
  - intros x _. apply phi_pos.
  - intros x _. apply (ex_derive_continuous (V := R_NormedModule)), ex_derive_phi.
Qed.

(* int_{-1}^1 phi >= int_{-1}^1 (1 - t^2/2)/sqrt(2 pi) = 5/(3 sqrt(2 pi)) > 1/2 *)
Lemma one_sigma : 1 / 2 < Phi 1 - Phi (-1).
Proof.
  assert (Hroot : 0 < sqrt (2 * PI) < 10 / 3).
  { split; [apply sqrt_lt_R0; generalize PI_RGT_0; lra|].
    replace (10 / 3) with (sqrt (10 / 3 * (10 / 3))) by (apply sqrt_square; lra).
    apply sqrt_lt_1_alt. generalize PI_4 PI_RGT_0. lra. }
  rewrite Phi_minus. set (r := sqrt (2 * PI)) in *.
  assert (Hint : is_RInt (fun t => (1 - t ^ 2 / 2) / r) (-1) 1 (minus ((1 - 1 ^ 3 / 6) / r) ((-1 - (-1) ^ 3 / 6) / r))).
  { apply (is_RInt_derive (fun t => (t - t ^ 3 / 6) / r)).
    - intros t _. auto_derive; [lra | field; lra].
    - intros t _. apply (ex_derive_continuous (V := R_NormedModule)). auto_derive. lra. }
  apply Rlt_le_trans with (RInt (fun t => (1 - t ^ 2 / 2) / r) (-1) 1).
  - rewrite (is_RInt_unique _ _ _ _ Hint). unfold minus, plus, opp. simpl.
    apply (Rmult_lt_reg_r r); [lra|]. field_simplify; lra.
  - apply RInt_le; [lra | eexists; exact Hint | apply ex_RInt_phi |].
    intros t _. unfold phi. fold r. apply Rmult_le_compat_r; [apply Rlt_le, Rinv_0_lt_compat; lra|].
    generalize (exp_ineq1_le (- t ^ 2 / 2)). lra.
Qed.

(** * Tails *)

(* For 1 <= a <= b, the mass between a and b is below int_a^b t phi(t) dt = phi(a) - phi(b) < 1/(1 + a^2/2). *)
Lemma tail_bound a b : 1 <= a <= b -> Phi b - Phi a < / (1 + a ^ 2 / 2).
Proof.
  intros Hab. rewrite Phi_minus.
  assert (Hint : is_RInt (fun t => t * phi t) a b (minus (- phi b) (- phi a))).
  { apply (is_RInt_derive (fun t => - phi t)).
    - intros t _. unfold phi. auto_derive.
      + generalize PI_RGT_0 (sqrt_lt_R0 (2 * PI)). lra.
      + replace (t * (t * 1)) with (t ^ 2) by ring. unfold Rdiv. field.
        generalize PI_RGT_0 (sqrt_lt_R0 (2 * PI)). lra.
    - intros t _. apply (ex_derive_continuous (V := R_NormedModule)).
      unfold phi. auto_derive. generalize PI_RGT_0 (sqrt_lt_R0 (2 * PI)). lra. }
  apply Rle_lt_trans with (phi a).
  - apply Rle_trans with (RInt (fun t => t * phi t) a b).
    + apply RInt_le; [lra | apply ex_RInt_phi | eexists; exact Hint |].
      intros t Ht. generalize (phi_pos t). nra.
    + rewrite (is_RInt_unique _ _ _ _ Hint). unfold minus, plus, opp. simpl. generalize (phi_pos b). lra.
  - assert (Hroot : 1 <= sqrt (2 * PI)).
    { rewrite <- sqrt_1. apply sqrt_le_1_alt. generalize PI2_1. unfold PI2. lra. }
    unfold phi. replace (- a ^ 2 / 2) with (- (a ^ 2 / 2)) by field. rewrite exp_Ropp.
    assert (Hexp : 1 + a ^ 2 / 2 < exp (a ^ 2 / 2)) by (apply exp_ineq1; nra).
    apply Rle_lt_trans with (/ exp (a ^ 2 / 2)).
    + assert (Hpos : 0 < / exp (a ^ 2 / 2)) by (apply Rinv_0_lt_compat, exp_pos).
      apply (Rmult_le_reg_r (sqrt (2 * PI))); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. nra.
    + apply Rinv_lt_contravar; [|exact Hexp]. apply Rmult_lt_0_compat; [nra | apply exp_pos].
Qed.
