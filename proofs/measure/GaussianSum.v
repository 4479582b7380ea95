(* The sum of two independent centred Gaussians is Gaussian

   With s' = sqrt (a^2 s^2 + b^2),

     integral of f(a x + b z) against N(0, s^2 I)(dx) N(0, I)(dz)  =  integral of f against N(0, s'^2 I)

   for every measurable f >= 0. On the line this is Tonelli and completing the square,

     (y - a x)^2 / b^2 + x^2 / s^2  =  y^2 / s'^2 + (x - m)^2 / t^2,   m = a s^2 y / s'^2,   t = s b / s',

   and R^n follows coordinate by coordinate.

   gauss_measure s n   N(0, s^2 I) on R^n as the product of n copies of N(0, s^2)

   Rust: the step of proposition3::recursion. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals interval_inference ereal topology normedtype sequences esum measure.
From mathcomp Require Import lebesgue_measure lebesgue_integral measurable_realfun.
From mathcomp Require Import numfun realfun exp trigo probability.
From mathcomp Require Import ring lra.
From NcsnMeasure Require Import Space ChangeOfVariables.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Section Line.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).
Implicit Types (s a b x y z : R).

Lemma ge0_integral_normal_prob (m s : R) (f : R -> \bar R) : measurable_fun setT f -> (forall x, 0 <= f x)%E ->
  (\int[normal_prob m s]_x f x = \int[mu]_x (f x * (normal_pdf m s x)%:E))%E.
Proof.
move=> m_f f_ge0; apply: ge0_integral_density => //; first exact: measurable_normal_pdf.
by move=> x; exact: normal_pdf_ge0.
Qed.

Lemma normal_pdfE m s x : 0 < s ->
  normal_pdf m s x = (Num.sqrt (2 * pi))^-1 * s^-1 * expR (- (x - m) ^+ 2 / (2 * s ^+ 2)).
Proof.
move=> s_gt0; rewrite /normal_pdf gt_eqF// -(mulr_natl (s ^+ 2) 2) -(mulr_natl (s ^+ 2 * pi) 2).
by rewrite mulrCA sqrtrM ?sqr_ge0// sqrtr_sqr gtr0_norm// invfM (mulrC s^-1).
Qed.

Lemma normal_pdf_affine m b z : 0 < b -> b * normal_pdf m b (m + b * z) = normal_pdf 0 1 z.
Proof.
move=> b_gt0; rewrite !normal_pdfE// subr0 (addrC m) addrK invr1 mulr1 mulrA (mulrCA b) divff ?gt_eqF// mulr1.
by congr (_ * expR _); field; rewrite gt_eqF.
Qed.

Lemma normal_pdf_complete_square s a b x y : 0 < s -> 0 < b ->
  let s' := Num.sqrt (a ^+ 2 * s ^+ 2 + b ^+ 2) in
  normal_pdf (a * x) b y * normal_pdf 0 s x =
  normal_pdf 0 s' y * normal_pdf (a * s ^+ 2 * y / s' ^+ 2) (s * b / s') x.
Proof.
move=> s_gt0 b_gt0 s'.
have s2_gt0 : 0 < a ^+ 2 * s ^+ 2 + b ^+ 2 by rewrite ltr_pwDr ?exprn_gt0// mulr_ge0 ?sqr_ge0.
have s'_gt0 : 0 < s' by rewrite sqrtr_gt0.
have s'_sqr : s' ^+ 2 = a ^+ 2 * s ^+ 2 + b ^+ 2 by rewrite sqr_sqrtr// ltW.
have t_gt0 : 0 < s * b / s' by rewrite divr_gt0 ?mulr_gt0.
rewrite !normal_pdfE// !subr0.
set e1 := expR _; set e2 := expR _; set e3 := expR _; set e4 := expR _.
have squares : e1 * e2 = e3 * e4.
  rewrite -!expRD; congr expR; rewrite exprMn exprVn exprMn s'_sqr.
  by field; rewrite exprMn !gt_eqF.
have K_gt0 : 0 < Num.sqrt (2 * pi) :> R by rewrite sqrtr_gt0 mulr_gt0 ?pi_gt0.
transitivity ((Num.sqrt (2 * pi))^-1 ^+ 2 * (b * s)^-1 * (e1 * e2)).
  by clearbody e1 e2; field; rewrite !gt_eqF.
by rewrite squares; clearbody e3 e4 s'; field; rewrite !gt_eqF.
Qed.

Lemma measurable_normal_pdf2 a b : 0 < b ->
  measurable_fun setT (fun p : measurableTypeR R * measurableTypeR R => normal_pdf (a * p.1) b p.2).
Proof.
move=> b_gt0; under eq_fun do rewrite normal_pdfE//.
apply: measurable_funM => //; apply: measurableT_comp => //; apply: measurable_funM => //.
apply: measurableT_comp => //; apply: measurable_funX; apply: measurable_funB => //.
exact: measurable_funM.
Qed.

Lemma normal_sum s a b (f : measurableTypeR R -> \bar R) : 0 < s -> 0 < b ->
  measurable_fun setT f -> (forall x, 0 <= f x)%E ->
  (\int[normal_prob 0 s]_x \int[normal_prob 0 1]_z f (a * x + b * z)%R =
   \int[normal_prob 0 (Num.sqrt (a ^+ 2 * s ^+ 2 + b ^+ 2)%R)]_y f y)%E.
Proof.
move=> s_gt0 b_gt0 m_f f_ge0; set s' := Num.sqrt _.
have pdf_ge0 m t x : (0 <= (normal_pdf m t x)%:E :> \bar R)%E by rewrite lee_fin normal_pdf_ge0.
have m_pdf m t : measurable_fun setT (fun x : measurableTypeR R => (normal_pdf m t x)%:E).
  by apply/measurable_EFinP; exact: measurable_normal_pdf.
have inner x : (\int[normal_prob 0 1]_z f (a * x + b * z)%R = \int[mu]_y (f y * (normal_pdf (a * x) b y)%:E))%E.
  have m_fz : measurable_fun setT (fun z => f (a * x + b * z)).
    exact: (measurableT_comp m_f (measurable_affine b (a * x))).
  pose g (y : measurableTypeR R) := (f y * (normal_pdf (a * x) b y)%:E)%E.
  have m_g : measurable_fun setT g := emeasurable_funM m_f (m_pdf (a * x) b).
  have g_ge0 y : (0 <= g y)%E by rewrite mule_ge0.
  rewrite (ge0_integral_normal_prob 0 1 m_fz (fun z => f_ge0 _)) (ge0_integral_affine (a * x) b_gt0 m_g g_ge0).
  rewrite -ge0_integralZl ?lee_fin ?(ltW b_gt0)//.
  + by apply: eq_integral => z _; rewrite /g muleCA -EFinM normal_pdf_affine.
  + exact: (measurableT_comp m_g (measurable_affine b (a * x))).
under eq_integral do rewrite inner.
pose h (p : measurableTypeR R * measurableTypeR R) := (f p.2 * (normal_pdf (a * p.1) b p.2)%:E)%E.
have m_h : measurable_fun setT h.
  apply: emeasurable_funM; first exact: (measurableT_comp m_f measurable_snd).
  by apply/measurable_EFinP; exact: measurable_normal_pdf2.
have h_ge0 p : (0 <= h p)%E by rewrite mule_ge0.
rewrite (@fubini_tonelli _ _ _ _ R (normal_prob 0 s) mu h m_h h_ge0) (ge0_integral_normal_prob 0 s' m_f f_ge0).
apply: eq_integral => y _; rewrite /fubini_G /h /=.
have m_pdf1 : measurable_fun setT (fun x : measurableTypeR R => (normal_pdf (a * x) b y)%:E).
  apply/measurable_EFinP.
  exact: (measurableT_comp (measurable_normal_pdf2 a b_gt0) (measurable_pair2 y)).
rewrite ge0_integralZl//; congr (_ * _)%E.
rewrite (ge0_integral_normal_prob 0 s m_pdf1 (fun x => pdf_ge0 _ _ _)).
under eq_integral do rewrite -EFinM normal_pdf_complete_square// EFinM.
by rewrite ge0_integralZl// integral_normal_pdf mule1.
Qed.

End Line.
Section Space.
Context {R : realType}.
Implicit Types (s a b : R) (n : nat).

Fixpoint gauss_measure s n : {sigma_finite_measure set (RD R n) -> \bar R} :=
  match n return {sigma_finite_measure set (RD R n) -> \bar R} with
  | O => (dirac tt : {sigma_finite_measure set (unit : measurableType default_measure_display) -> \bar R})
  | S n => ((normal_prob 0 s : {sigma_finite_measure set (measurableTypeR R) -> \bar R}) \x gauss_measure s n)%E
  end.

Lemma measurable_axpby a b n : measurable_fun setT (fun p : RD R n * RD R n => axpby a b p.1 p.2).
Proof.
elim: n => [|n IH] /=; first exact: measurable_cst.
apply: measurable_fun_prod.
- apply: measurable_funD; apply: measurable_funM => //.
  + exact: (measurableT_comp measurable_fst measurable_fst).
  + exact: (measurableT_comp measurable_fst measurable_snd).
- apply: (measurableT_comp IH (g := fun p : RD R n.+1 * RD R n.+1 => (p.1.2, p.2.2))).
  apply: measurable_fun_prod.
  + exact: (measurableT_comp measurable_snd measurable_fst).
  + exact: (measurableT_comp measurable_snd measurable_snd).
Qed.

(* The product measure has density gauss s with respect to Lebesgue measure. *)
Lemma ge0_integral_gauss_measure s n (f : RD R n -> \bar R) : s != 0 ->
  measurable_fun setT f -> (forall x, 0 <= f x)%E ->
  (\int[gauss_measure s n]_x f x = \int[leb R n]_x (f x * (gauss s (origin n) x)%:E))%E.
Proof.
move=> s_neq0; elim: n f => [|n IH] f m_f f_ge0.
  by rewrite /= !integral_dirac//= mule1.
have m_h : measurable_fun setT (fun x : RD R n.+1 => f x * (gauss s (origin n.+1) x)%:E)%E.
  by apply: emeasurable_funM => //; apply/measurable_EFinP; exact: (@measurable_gauss _ _ n.+1).
have h_ge0 (x : RD R n.+1) : (0 <= f x * (gauss s (origin n.+1) x)%:E)%E.
  by rewrite mule_ge0// lee_fin ltW// (@gauss_gt0 _ _ s_neq0 n.+1).
rewrite [LHS](fubini_tonelli1 f m_f f_ge0) [RHS](fubini_tonelli1 _ m_h h_ge0).
rewrite ge0_integral_normal_prob; last 2 first.
- exact: measurable_fun_fubini_tonelli_F.
- by move=> x; apply: integral_ge0.
apply: eq_integral => x _; rewrite /fubini_F /=.
have m_fx : measurable_fun setT (fun y : RD R n => f (x, y)) := measurableT_comp m_f (measurable_pair1 x).
rewrite IH// muleC -ge0_integralZl//.
- by apply: eq_integral => y _; rewrite EFinM muleCA.
- by apply: emeasurable_funM => //; apply/measurable_EFinP; exact: measurable_gauss.
- by move=> y _; rewrite mule_ge0// lee_fin ltW// gauss_gt0.
- by rewrite lee_fin normal_pdf_ge0.
Qed.

Lemma gauss_measureE s n (A : set (RD R n)) : s != 0 -> measurable A ->
  gauss_measure s n A = gauss_prob s (origin n) A.
Proof.
move=> s_neq0 mA; rewrite -[A in LHS]setIT -integral_indic// ge0_integral_gauss_measure//.
- rewrite /gauss_prob [RHS]integral_mkcond; apply: eq_integral => x _.
  by rewrite epatch_indic muleC.
- by apply/measurable_EFinP; exact: measurable_indic.
- by move=> x; rewrite lee_fin.
Qed.

Lemma gauss_sum s a b n (f : RD R n -> \bar R) : 0 < s -> 0 < b ->
  measurable_fun setT f -> (forall x, 0 <= f x)%E ->
  (\int[gauss_measure s n]_x \int[gauss_measure 1 n]_z f (axpby a b x z) =
   \int[gauss_measure (Num.sqrt (a ^+ 2 * s ^+ 2 + b ^+ 2)%R) n]_y f y)%E.
Proof.
move=> s_gt0 b_gt0; elim: n f => [|n IH] f m_f f_ge0.
  have at_tt (g : RD R 0 -> \bar R) : measurable_fun setT g -> (\int[dirac tt]_x g x = g tt)%E.
    by move=> m_g; rewrite integral_dirac//= diracT mul1e.
  rewrite [LHS](at_tt (fun x => \int[dirac tt]_z f (axpby a b x z))%E) ?[RHS](at_tt f)//.
  exact: (at_tt (cst (f tt)) (measurable_cst _)).
set s' := Num.sqrt _.
pose h (p : RD R n.+1 * RD R n.+1) := f (axpby a b p.1 p.2).
have m_h : measurable_fun setT h := measurableT_comp m_f (@measurable_axpby a b n.+1).
have h_ge0 p : (0 <= h p)%E by exact: f_ge0.
pose F (x : RD R n.+1) := (\int[gauss_measure 1 n.+1]_z h (x, z))%E.
have m_F : measurable_fun setT F := measurable_fun_fubini_tonelli_F h m_h h_ge0.
have F_ge0 x : (0 <= F x)%E by apply: integral_ge0 => z _; exact: h_ge0.
pose Phi y := (\int[gauss_measure s' n]_y' f (y, y'))%E.
have m_Phi : measurable_fun setT Phi := measurable_fun_fubini_tonelli_F f m_f f_ge0.
have Phi_ge0 y : (0 <= Phi y)%E by apply: integral_ge0 => y' _; exact: f_ge0.
rewrite [LHS](fubini_tonelli1 F m_F F_ge0) [RHS](fubini_tonelli1 f m_f f_ge0).
rewrite -[RHS](normal_sum a s_gt0 b_gt0 m_Phi Phi_ge0).
apply: eq_integral => x1 _; rewrite /fubini_F.
(* The first coordinates leave the inner integrals: swap x' and z1. *)
pose k (p : RD R n * measurableTypeR R) :=
  (\int[gauss_measure 1 n]_z' f ((a * x1 + b * p.2)%R, axpby a b p.1 z'))%E.
have m_coordinates : measurable_fun setT
    (fun q : (RD R n * measurableTypeR R) * RD R n => (a * x1 + b * q.1.2, axpby a b q.1.1 q.2) : RD R n.+1).
  apply: measurable_fun_prod.
  - exact: (measurableT_comp (measurable_affine b (a * x1)) (measurableT_comp measurable_snd measurable_fst)).
  - apply: (measurableT_comp (@measurable_axpby a b n)
      (g := fun q : (RD R n * measurableTypeR R) * RD R n => (q.1.1, q.2))).
    apply: measurable_fun_prod => //.
    exact: (measurableT_comp measurable_fst measurable_fst).
have m_k : measurable_fun setT k.
  exact: (measurable_fun_fubini_tonelli_F _ (measurableT_comp m_f m_coordinates) (fun=> f_ge0 _)).
have k_ge0 p : (0 <= k p)%E by apply: integral_ge0 => z' _; exact: f_ge0.
transitivity (\int[gauss_measure s n]_x' \int[normal_prob 0 1]_z1 k (x', z1))%E.
  apply: eq_integral => x' _.
  have m_z : measurable_fun setT (fun z => h ((x1, x'), z)) := measurableT_comp m_h (measurable_pair1 (x1, x')).
  by rewrite /F (fubini_tonelli1 _ m_z (fun z => h_ge0 _)).
rewrite (@fubini_tonelli _ _ _ _ R (gauss_measure s n) (normal_prob 0 1) k m_k k_ge0).
apply: eq_integral => z1 _; rewrite /fubini_G /k /Phi/=.
exact: (IH _ (measurableT_comp m_f (measurable_pair1 (a * x1 + b * z1)%R)) (fun=> f_ge0 _)).
Qed.

End Space.
