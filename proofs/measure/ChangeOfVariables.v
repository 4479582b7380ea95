(* Integrals under a change of measure or of variable

   ge0_integral_density   if nu(A) is the integral of p over A for every measurable A, then integrating f against nu is
                          integrating f p
   lebesgue_affine        Leb(A) = b Leb{z | c + b z in A} for b > 0
   ge0_integral_affine    the integral of f(y) dy is b times the integral of f(c + b z) dz
   ge0_integral_affine_on   the same over a measurable set

   The functions need not be continuous, only measurable and non-negative.

   Rust: nothing of its own; Propositions 2 and 3 use it. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals interval_inference ereal topology normedtype sequences esum measure.
From mathcomp Require Import lebesgue_stieltjes_measure lebesgue_measure lebesgue_integral measurable_realfun.
From mathcomp Require Import numfun realfun exp trigo probability.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Section Density.
Context d (T : measurableType d) (R : realType).
Variables (mu nu : {measure set T -> \bar R}) (p : T -> R).
Hypothesis m_p : measurable_fun setT p.
Hypothesis p_ge0 : forall x, 0 <= p x.
Hypothesis density : forall A, measurable A -> nu A = (\int[mu]_(x in A) (p x)%:E)%E.

Import HBNNSimple.

Let m_pE : measurable_fun setT (fun x => (p x)%:E).
Proof. exact/measurable_EFinP. Qed.

Let integral_density_indic A : measurable A ->
  (\int[nu]_x (\1_A x)%:E = \int[mu]_x ((\1_A x)%:E * (p x)%:E))%E.
Proof.
move=> mA; rewrite integral_indic// setIT density// integral_mkcond; apply: eq_integral => x _.
by rewrite epatch_indic /= muleC.
Qed.

Let integral_density_level (f : {nnsfun T >-> R}) r :
  (\int[nu]_x (r * \1_(f @^-1` [set r]) x)%:E = \int[mu]_x ((r * \1_(f @^-1` [set r]) x)%:E * (p x)%:E))%E.
Proof.
have [r_ge0|r_lt0] := leP 0 r; last first.
  rewrite preimage_nnfun0// !integral0_eq// => x _; rewrite indic0/= mulr0 ?mul0e//.
have m_ind : measurable_fun setT (fun x => (\1_(f @^-1` [set r]) x : R)%:E).
  by apply/measurable_EFinP; exact: measurable_indic.
under eq_integral do rewrite EFinM.
under [RHS]eq_integral do rewrite EFinM -muleA.
rewrite ge0_integralZl//; last by move=> x _; rewrite lee_fin.
rewrite ge0_integralZl ?integral_density_indic//.
- exact: emeasurable_funM.
- by move=> x _; rewrite mule_ge0// lee_fin.
Qed.

Let integral_density_nnsfun (f : {nnsfun T >-> R}) :
  (\int[nu]_x (f x)%:E = \int[mu]_x ((f x)%:E * (p x)%:E))%E.
Proof.
under eq_integral do rewrite fimfunE -fsumEFin//.
rewrite ge0_integral_fsum//; last 2 first.
- by move=> r; exact/measurable_EFinP/measurableT_comp.
- by move=> r x _; rewrite EFinM nnfun_muleindic_ge0.
under [RHS]eq_integral => x _.
  rewrite fimfunE -fsumEFin// ge0_mule_fsuml; last by move=> r; rewrite EFinM nnfun_muleindic_ge0.
  over.
rewrite [RHS]ge0_integral_fsum//; last 2 first.
- move=> r; apply: emeasurable_funM => //; exact/measurable_EFinP/measurableT_comp.
- by move=> r x _; apply: mule_ge0; [rewrite EFinM nnfun_muleindic_ge0|rewrite lee_fin].
by apply: eq_fsbigr => r _; exact: integral_density_level.
Qed.

Lemma ge0_integral_density (f : T -> \bar R) : measurable_fun setT f -> (forall x, 0 <= f x)%E ->
  (\int[nu]_x f x = \int[mu]_x (f x * (p x)%:E))%E.
Proof.
move=> m_f f_ge0.
pose f_ := nnsfun_approx measurableT m_f.
have m_f_ n : measurable_fun setT (fun x => (f_ n x)%:E) by exact/measurable_EFinP/measurable_funTS.
transitivity (lim (\int[nu]_x (f_ n x)%:E @[n --> \oo])%E).
  rewrite -monotone_convergence//=.
  - apply: eq_integral => x _; apply/esym/cvg_lim => //=; exact: cvg_nnsfun_approx.
  - by move=> n x _; rewrite lee_fin.
  - by move=> x _ a b ab; rewrite lee_fin; exact/lefP/nd_nnsfun_approx.
transitivity (lim (\int[mu]_x ((f_ n x)%:E * (p x)%:E) @[n --> \oo])%E).
  by apply: congr_lim; apply/funext => n /=; exact: integral_density_nnsfun.
rewrite -monotone_convergence//=.
- apply: eq_integral => x _; apply/cvg_lim => //=; apply: cvgeMr => //; exact: cvg_nnsfun_approx.
- by move=> n; exact: emeasurable_funM.
- by move=> n x _; rewrite mule_ge0// lee_fin.
- move=> x _ a b ab; rewrite lee_wpmul2r ?lee_fin//; exact/lefP/nd_nnsfun_approx.
Qed.

End Density.

Section Affine.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).
Variables (b c : R).
Hypothesis b_gt0 : 0 < b.

Definition affine (z : measurableTypeR R) : measurableTypeR R := c + b * z.

Lemma measurable_affine : measurable_fun setT affine.
Proof. by apply: measurable_funD => //; exact: measurable_funM. Qed.

Let scaled : {measure set (measurableTypeR R) -> \bar R} :=
  mscale (NngNum (ltW b_gt0)) (pushforward mu measurable_affine).

Lemma lebesgue_affine (A : set (measurableTypeR R)) : measurable A -> mu A = (b%:E * mu (affine @^-1` A))%E.
Proof.
move=> mA; apply: (@lebesgue_stieltjes_measure_unique _ _ scaled) => // _ [[u v] _ <-].
transitivity (mu `]u, v]); first by [].
transitivity (b%:E * mu (affine @^-1` `]u, v]))%E; last by [].
rewrite (_ : affine @^-1` _ = `](u - c) / b, (v - c) / b]%classic); last first.
  apply/seteqP; split=> z; rewrite /affine /= !in_itv/= ltr_pdivrMr// ler_pdivlMr//;
    by rewrite ltrBlDl lerBrDl (mulrC z).
rewrite !lebesgue_measure_itv/= !lte_fin ltr_pM2r ?invr_gt0// ltrD2r.
case: ifPn => _; last by rewrite mule0.
by rewrite -!EFinD -EFinM -mulrBl opprB addrA subrK mulrCA divff ?gt_eqF// mulr1.
Qed.

Lemma ge0_integral_affine (f : R -> \bar R) : measurable_fun setT f -> (forall x, 0 <= f x)%E ->
  (\int[mu]_y f y = b%:E * \int[mu]_z f (c + b * z)%R)%E.
Proof.
move=> m_f f_ge0; rewrite (eq_measure_integral scaled) => [|A mA _]; last exact: lebesgue_affine.
by rewrite ge0_integral_mscale// ge0_integral_pushforward.
Qed.

Lemma ge0_integral_affine_on (f : R -> R) (B : set (measurableTypeR R)) : measurable B ->
  measurable_fun setT f -> (forall x, 0 <= f x) ->
  (\int[mu]_(y in B) (f y)%:E = \int[mu]_(z in affine @^-1` B) (b * f (c + b * z))%:E)%E.
Proof.
move=> mB m_f f_ge0; pose g : R -> \bar R := (fun y => (f y)%:E) \_ B.
have m_g : measurable_fun setT g.
  by apply/(measurable_restrictT _ mB); exact/measurable_funTS/measurable_EFinP.
have g_ge0 y : (0 <= g y)%E by rewrite /g patchE; case: ifP => // _; rewrite lee_fin.
rewrite integral_mkcond (ge0_integral_affine m_g g_ge0) -ge0_integralZl ?lee_fin ?(ltW b_gt0)//.
- rewrite [RHS]integral_mkcond; apply: eq_integral => z _; rewrite /g !patchE.
  rewrite (_ : (z \in affine @^-1` B) = (c + b * z \in B)); last by apply/idP/idP; rewrite !inE.
  by case: ifP => _; rewrite ?mule0// EFinM.
- exact: (measurableT_comp m_g measurable_affine).
Qed.

End Affine.
