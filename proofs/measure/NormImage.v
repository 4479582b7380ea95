(* The image of Lebesgue measure under the norm

   Scaling gives Leb{|x| < rho} = V rho^D in R^D, where V = Leb{|x| < 1} is finite. So the image of Lebesgue measure
   under the norm has density V D r^(D-1) on r >= 0, as both measures agree on every half-line:

     integral of f(|x|) dx  =  integral over r >= 0 of f(r) V D r^(D-1) dr   for measurable f >= 0.

   scale b x           b x
   density_measure     the measure with a given density on the line
   disc n rho          the open ball {|x| < rho} in R^n
   norm_density n r    V D r^(D-1) for D = n + 1, and 0 for r < 0

   Rust: nothing of its own; RadiusLaw.v uses it. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval archimedean.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals interval_inference ereal topology normedtype sequences esum measure.
From mathcomp Require Import derive lebesgue_stieltjes_measure lebesgue_measure lebesgue_integral measurable_realfun.
From mathcomp Require Import numfun realfun exp trigo probability ftc.
From mathcomp Require Import ring lra.
From NcsnMeasure Require Import Space ChangeOfVariables GaussianSum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Section Scaling.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).

Definition scale (b : R) n (x : RD R n) : RD R n := axpby b 0 x x.

Lemma measurable_scale b n : measurable_fun setT (@scale b n).
Proof.
apply: (measurableT_comp (@measurable_axpby R b 0 n) (g := fun x => (x, x))).
exact: measurable_fun_prod.
Qed.

Lemma scaleS b n (x : RD R n.+1) : scale b x = (b * x.1, scale b x.2).
Proof. by rewrite /scale /= mul0r addr0. Qed.

Lemma dist2_scale b n (x : RD R n) : dist2 (scale b x) (origin n) = b ^+ 2 * dist2 x (origin n).
Proof.
elim: n x => [|n IH] x; first by rewrite /= mulr0.
by rewrite scaleS /= IH !subr0 exprMn mulrDr.
Qed.

Lemma norm_scale b n (x : RD R n) : 0 <= b -> norm (scale b x) = b * norm x.
Proof.
by move=> b_ge0; rewrite /norm dist2_scale sqrtrM ?sqr_ge0// sqrtr_sqr ger0_norm.
Qed.

Lemma ge0_integral_scale b n (f : RD R n -> \bar R) : 0 < b ->
  measurable_fun setT f -> (forall x, 0 <= f x)%E ->
  (\int[leb R n]_x f x = (b ^+ n)%:E * \int[leb R n]_x f (scale b x))%E.
Proof.
move=> b_gt0; elim: n f => [|n IH] f m_f f_ge0.
  rewrite expr0 mul1e; apply: eq_integral => x _; congr f; by case: x.
have m_fs : measurable_fun setT (f \o @scale b n.+1) := measurableT_comp m_f (@measurable_scale b n.+1).
rewrite [LHS](fubini_tonelli1 f m_f f_ge0) [in RHS](fubini_tonelli1 (f \o @scale b n.+1) m_fs (fun=> f_ge0 _)).
have m_F : measurable_fun setT (fubini_F (leb R n) f) := measurable_fun_fubini_tonelli_F f m_f f_ge0.
have F_ge0 x : (0 <= fubini_F (leb R n) f x)%E by apply: integral_ge0 => y _; exact: f_ge0.
rewrite (@ge0_integral_affine R b 0 b_gt0 _ m_F F_ge0) exprS EFinM -muleA; congr (_ * _)%E.
rewrite -ge0_integralZl//; last 3 first.
- exact: (measurable_fun_fubini_tonelli_F _ m_fs (fun=> f_ge0 _)).
- by move=> x _; apply: integral_ge0 => y _; exact: f_ge0.
- by rewrite lee_fin exprn_ge0// ltW.
apply: eq_integral => x _; rewrite /fubini_F add0r.
rewrite (IH _ (measurableT_comp m_f (measurable_pair1 (b * x))) (fun=> f_ge0 _)).
by congr (_ * _)%E; apply: eq_integral => y _; rewrite /= scaleS.
Qed.

End Scaling.

Section DensityMeasure.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).
Variable p : R -> R.
Hypothesis m_p : measurable_fun setT p.
Hypothesis p_ge0 : forall r, 0 <= p r.

(* The measure with density p on the line *)
Definition density_measure of measurable_fun setT p & (forall r, 0 <= p r) :=
  fun A : set (measurableTypeR R) => (\int[mu]_(r in A) (p r)%:E)%E.

Let density0 : density_measure m_p p_ge0 set0 = 0%E.
Proof. exact: integral_set0. Qed.

Let density_ge0 A : (0 <= density_measure m_p p_ge0 A)%E.
Proof. by apply: integral_ge0 => r _; rewrite lee_fin. Qed.

Let density_sigma_additive : semi_sigma_additive (density_measure m_p p_ge0).
Proof.
move=> F mF tF mUF; rewrite /density_measure; apply: cvg_toP.
  apply: ereal_nondecreasing_is_cvgn => k l kl; apply: lee_sum_nneg_natr => // j _ _.
  by apply: integral_ge0 => r _; rewrite lee_fin.
rewrite ge0_integral_bigcup//=.
- by apply: measurable_funTS; exact/measurable_EFinP.
- by move=> r _; rewrite lee_fin.
Qed.

HB.instance Definition _ := isMeasure.Build _ _ _ (density_measure m_p p_ge0)
  density0 density_ge0 density_sigma_additive.

End DensityMeasure.

Section Ball.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).
Implicit Types (n : nat) (r rho : R).

Definition disc n rho : set (RD R n) := [set x | norm x < rho].
Arguments disc : clear implicits.

Lemma measurable_disc n rho : measurable (disc n rho).
Proof.
rewrite (_ : disc n rho = (@norm R n) @^-1` `]-oo, rho[%classic); last first.
  by apply/seteqP; split=> x; rewrite /disc/= in_itv.
by rewrite -[X in measurable X]setTI; exact: measurable_norm.
Qed.

Lemma leb_disc n rho : 0 < rho -> leb R n (disc n rho) = ((rho ^+ n)%:E * leb R n (disc n 1))%E.
Proof.
move=> rho_gt0; have m_disc r := measurable_disc n r.
rewrite -[X in leb R n X = _]setIT -[disc n 1]setIT -!integral_indic//.
rewrite (ge0_integral_scale rho_gt0); last 2 first.
- by apply/measurable_EFinP; exact: measurable_indic.
- by move=> x; rewrite lee_fin.
congr (_ * _)%E; apply: eq_integral => x _; rewrite !indicE; congr (_%:R)%:E.
congr nat_of_bool; apply/idP/idP; rewrite !inE /disc/= norm_scale ?ltW// => lt1.
- by move: lt1; rewrite gtr_pMr.
- by rewrite gtr_pMr.
Qed.

Lemma leb_disc_fin n : leb R n (disc n 1) \is a fin_num.
Proof.
pose c : R := (Num.sqrt (2 * pi * 1 ^+ 2)) ^- n * expR (- 1 / (2 * 1 ^+ 2)).
have c_gt0 : 0 < c.
  by rewrite mulr_gt0 ?expR_gt0// invr_gt0 exprn_gt0// sqrtr_gt0 !mulr_gt0 ?pi_gt0// exprn_gt0.
rewrite ge0_fin_numE//; apply: (@le_lt_trans _ _ (c^-1)%:E); last exact: ltry.
rewrite -(@lee_pmul2l _ c%:E) ?lte_fin// -EFinM divff ?gt_eqF//.
rewrite -(@integral_gauss R 1 (oner_neq0 _) n (origin n)).
rewrite -[disc n 1]setIT -integral_indic//; last exact: measurable_disc.
have m_ind : measurable_fun setT (fun x => (\1_(disc n 1) x : R)%:E).
  by apply/measurable_EFinP; apply: measurable_indic; exact: measurable_disc.
have ind_ge0 x : setT x -> (0 <= (\1_(disc n 1) x : R)%:E)%E by rewrite lee_fin.
have c_ge0 : (0 <= c%:E)%E by rewrite lee_fin ltW.
rewrite -ge0_integralZl//.
apply: ge0_le_integral => //.
- by move=> x _; rewrite mule_ge0// lee_fin.
- exact: emeasurable_funM.
- by move=> x _; rewrite lee_fin ltW// gauss_gt0// oner_neq0.
- by apply/measurable_EFinP; exact: measurable_gauss.
move=> x _; rewrite indicE; have [|_] := boolP (x \in disc n 1); last first.
  by rewrite mule0 lee_fin ltW// gauss_gt0// oner_neq0.
rewrite inE /disc/= => norm_lt; rewrite mule1 lee_fin gaussE ?oner_neq0// /c.
rewrite ler_pM2l ?invr_gt0 ?exprn_gt0 ?sqrtr_gt0 ?mulr_gt0 ?pi_gt0//.
rewrite ler_expR ler_pM2r ?invr_gt0// lerN2.
have := norm_lt; rewrite /norm => lt1.
by rewrite -(sqr_sqrtr (dist2_ge0 x (origin n))) expr_le1// ?sqrtr_ge0// ltW.
Qed.

End Ball.
Arguments disc {R} n rho.

Section NormImage.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).
Variable n : nat.

Let V : R := fine (leb R n.+1 (disc n.+1 1)).

Let V_ge0 : 0 <= V.
Proof. exact: fine_ge0. Qed.

Definition norm_density (r : R) : R := if 0 <= r then V * n.+1%:R * r ^+ n else 0.

Lemma norm_density_ge0 r : 0 <= norm_density r.
Proof. by rewrite /norm_density; case: ifP => // r_ge0; rewrite !mulr_ge0// exprn_ge0. Qed.

Lemma measurable_norm_density : measurable_fun setT norm_density.
Proof.
apply: measurable_fun_ifT => //; first exact: measurable_fun_ler.
by apply: measurable_funM => //; exact: measurable_funX.
Qed.

Let integral_norm_density x : 0 < x ->
  (\int[mu]_(r in `]-oo, x[) (norm_density r)%:E = (V * x ^+ n.+1)%:E)%E.
Proof.
move=> x_gt0; transitivity (\int[mu]_(r in `[0%R, x[) (V * n.+1%:R * r ^+ n)%:E)%E.
  rewrite integral_mkcond [RHS]integral_mkcond; apply: eq_integral => r _.
  rewrite !patchE !mem_setE !in_itv/= /norm_density.
  by case: (0 <= r); case: (r < x).
have c_f : continuous (fun r : R => V * n.+1%:R * r ^+ n) by move=> r; apply: cvgMr; exact: exprn_continuous.
have c_F : continuous (fun r : R => V * r ^+ n.+1) by move=> r; apply: cvgMr; exact: exprn_continuous.
have dF (r : R) : is_derive r 1 (V *: ((id : R -> R) ^+ n.+1)) (V * n.+1%:R * r ^+ n).
  by apply: is_derive_eq; rewrite /GRing.scale/= mulr1 mulrA.
have FE : (fun r : R => V * r ^+ n.+1) = V *: ((id : R -> R) ^+ n.+1).
  by apply/funext => r; rewrite fctE exprfctE.
rewrite integral_itv_bndo_bndc; last by apply: measurable_funTS; exact: continuous_measurable_fun.
rewrite (@continuous_FTC2 _ _ (fun r : R => V * r ^+ n.+1))//.
- by rewrite expr0n/= mulr0 sube0.
- exact: continuous_subspaceT.
- split.
  + by move=> r _; rewrite FE; have D := dF r; exact: ex_derive.
  + by apply: cvg_at_right_filter; exact: c_F.
  + by apply: cvg_at_left_filter; exact: c_F.
- by move=> r _; rewrite FE derive1E; have D := dF r; rewrite derive_val.
Qed.

Let m_norm : measurable_fun setT (@norm R n.+1 : RD R n.+1 -> measurableTypeR R).
Proof. exact: measurable_norm. Qed.

Let image : {measure set (measurableTypeR R) -> \bar R} := pushforward (leb R n.+1) m_norm.

Let target : {measure set (measurableTypeR R) -> \bar R} := density_measure measurable_norm_density norm_density_ge0.

Let image_disc x : image `]-oo, x[%classic = leb R n.+1 (disc n.+1 x).
Proof. by congr (leb R n.+1 _); apply/seteqP; split=> y; rewrite /disc/= in_itv. Qed.

Let disc_neg (x : R) : x <= 0 -> disc n.+1 x = set0.
Proof.
move=> x_le0; apply/seteqP; split=> // y; rewrite /disc/= => lt_x.
by have := le_lt_trans (norm_ge0 y) (lt_le_trans lt_x x_le0); rewrite ltxx.
Qed.

Let image_half x : image `]-oo, x[%classic = target `]-oo, x[%classic.
Proof.
rewrite image_disc; have [x_le0|x_gt0] := leP x 0.
  rewrite disc_neg// measure0; apply/esym/integral0_eq => r; rewrite /= in_itv/= => r_lt.
  by rewrite /norm_density leNgt (lt_le_trans r_lt x_le0).
rewrite leb_disc// -(fineK (leb_disc_fin n.+1)) -EFinM mulrC.
by rewrite -integral_norm_density.
Qed.

Lemma norm_image (A : set (measurableTypeR R)) : measurable A ->
  leb R n.+1 (@norm R n.+1 @^-1` A) = (\int[mu]_(r in A) (norm_density r)%:E)%E.
Proof.
move=> mA; transitivity (image A); first by [].
transitivity (target A); last by [].
apply: (@measure_unique _ R (measurableTypeR R) (@RGenInftyO.G R) (fun k => `]-oo, k%:R[%classic)) => //.
- exact: RGenInftyO.measurableE.
- move=> _ _ [x ->] [y ->]; exists (minr x y).
  by apply/seteqP; split=> z; rewrite /= !in_itv/= lt_min; [case=> -> ->|move=> /andP[]].
- by move=> k; exists k%:R.
- apply/seteqP; split=> // x _; exists (Num.bound `|x|) => //=.
  by rewrite in_itv/= (le_lt_trans (ler_norm x))// archi_boundP.
- by move=> _ [x ->]; exact: image_half.
- move=> k; rewrite image_disc; have [->|k_gt0] := posnP k; first by rewrite disc_neg// measure0.
  by rewrite leb_disc ?ltr0n// -(fineK (leb_disc_fin n.+1)) -EFinM ltry.
Qed.

Lemma ge0_integral_norm (f : measurableTypeR R -> \bar R) : measurable_fun setT f -> (forall r, 0 <= f r)%E ->
  (\int[leb R n.+1]_x f (norm x) = \int[mu]_r (f r * (norm_density r)%:E))%E.
Proof.
move=> m_f f_ge0; transitivity (\int[image]_r f r)%E.
  by rewrite (ge0_integral_pushforward m_norm _ m_f f_ge0).
apply: ge0_integral_density => //.
- exact: measurable_norm_density.
- exact: norm_density_ge0.
- by move=> A mA; exact: norm_image.
Qed.

End NormImage.
