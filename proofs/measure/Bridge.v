(* The definitions on Coq's reals and those of mathcomp-analysis agree

   exp        both turn sums into products and are at least 1 + x (Exponential.v)
   Phi        its derivative phi is continuous, so the Lebesgue integral of phi over [a, b] is Phi b - Phi a; phi and the
              density of N(0, 1) are multiples of exp(-t^2/2), and both have total mass 1
   pi         hence the same
   overlap    Phi u - Phi v is the probability of [v, u] under N(0, 1); an affine map makes it one under N(m, s^2)

   Rust: normal::cdf and schedule::overlap, Law::Normal. *)
From Coq Require Reals.
From Coquelicot Require Coquelicot.
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval archimedean.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals interval_inference ereal topology normedtype sequences esum measure.
From mathcomp Require Import derive lebesgue_measure lebesgue_integral measurable_realfun.
From mathcomp Require Import numfun realfun exp trigo probability ftc.
From mathcomp Require Import ring Rstruct Rstruct_topology.
From Ncsn Require Statements Normal Exponential.
From NcsnMeasure Require Import Space Statements ChangeOfVariables GaussianSum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Local Notation mu := (@lebesgue_measure line).
Local Notation phi := (Ncsn.Statements.phi : line -> line).
Local Notation Phi := (Ncsn.Statements.Phi : line -> line).
Implicit Types (x a b c s : line) (n : nat).

(** * Functions and derivatives *)

Lemma expRE x : Rtrigo_def.exp x = expR x.
Proof.
apply/esym/Ncsn.Exponential.exp_unique; first exact: exp.expRD.
by move=> y; apply/RleP; exact: expR_ge1Dx.
Qed.

Lemma is_deriveE (f : line -> line) x l : Ranalysis1.derivable_pt_lim f x l -> is_derive x 1 f l.
Proof.
move=> lim_f; have cvg_f : h^-1 *: (f (h *: 1 + x) - f x) @[h --> 0^'] --> l.
  apply/cvgrPdist_lt => e e_gt0; have [[d d_gt0] near_f] := lim_f e (RltP _ _ e_gt0).
  have d_pos : 0 < d by exact/RltP.
  near=> h.
  have h_neq0 : h != 0 by near: h; exact: nbhs_dnbhs_neq.
  have h_lt : `|h| < d by near: h; exact: dnbhs0_lt.
  have /RltP := near_f h (elimN eqP h_neq0) (RltP _ _ h_lt).
  by rewrite distrC /GRing.scale/= mulr1 (addrC h) mulrC.
apply: DeriveDef; last exact/cvg_lim.
by apply/cvg_ex; exists l.
Unshelve. all: by end_near. Qed.

(** * The normal law *)

Lemma phiE x : phi x = (Num.sqrt (2 * Rtrigo1.PI))^-1 * expR (- x ^+ 2 / 2).
Proof. by rewrite /Ncsn.Statements.phi RdivE RsqrtE expRE RpowE mulrC. Qed.

Lemma is_derive_Phi x : is_derive x 1 Phi (phi x).
Proof. by apply: is_deriveE; apply/Coquelicot.Derive.is_derive_Reals; exact: Ncsn.Normal.is_derive_Phi. Qed.

Lemma continuous_phi : continuous phi.
Proof.
move=> x; rewrite (funext phiE : phi = _).
apply: cvgMr; apply: continuous_comp; last exact: continuous_expR.
by apply: cvgMl; apply: cvgN; exact: exprn_continuous.
Qed.

Lemma integral_phi a b : a < b -> (\int[mu]_(x in `[a, b]) (phi x)%:E = (Phi b - Phi a)%:E)%E.
Proof.
move=> ab; have c_Phi : continuous Phi.
  by move=> x; have D := is_derive_Phi x; apply: differentiable_continuous; apply/derivable1_diffP.
rewrite (@continuous_FTC2 _ _ Phi)//.
- by apply: continuous_subspaceT; exact: continuous_phi.
- split.
  + by move=> x _; have D := is_derive_Phi x; exact: ex_derive.
  + by apply: cvg_at_right_filter; exact: c_Phi.
  + by apply: cvg_at_left_filter; exact: c_Phi.
- by move=> x _; have D := is_derive_Phi x; rewrite derive1E derive_val.
Qed.

Lemma Phi_opp x : Phi (- x) = 1 - Phi x.
Proof. exact: Ncsn.Normal.Phi_opp. Qed.

Lemma cvg_Phi : Phi n.+1%:R @[n --> \oo] --> (1 : line).
Proof.
have [_ [_ /Coquelicot.Continuity.is_lim_spec lim_Phi]] := Ncsn.Normal.normal_law.
apply/cvgrPdist_lt => e e_gt0; have [M near_1] := lim_Phi (RIneq.mkposreal e (RltP _ _ e_gt0)).
near=> n; rewrite distrC; apply/RltP; apply: near_1; apply/RltP.
rewrite -natr1 (@le_lt_trans _ _ n%:R) ?ltrDl//.
by near: n; exact: nbhs_infty_ger.
Unshelve. all: by end_near. Qed.

(* A measure is known from bounded sets. *)
Definition around n : set (measurableTypeR line) := `[- n.+1%:R, n.+1%:R].

Lemma cvg_around (m : {measure set (measurableTypeR line) -> \bar line}) (A : set (measurableTypeR line)) :
  measurable A -> m (A `&` around n) @[n --> \oo] --> m A.
Proof.
move=> mA; have whole : A = \bigcup_n (A `&` around n).
  rewrite -setI_bigcupr (_ : \bigcup_n _ = setT) ?setIT//.
  apply/seteqP; split=> // x _; exists (Num.bound `|x|) => //=.
  rewrite /around/= in_itv/= -ler_norml (le_trans (ltW (archi_boundP _)))// ler_nat.
  exact: leqnSn.
rewrite [in X in _ --> X]whole; apply: nondecreasing_cvg_mu.
- by move=> n; apply: measurableI => //; exact: measurable_itv.
- by rewrite -whole.
- move=> i j ij; apply/subsetPset; apply: setIS => x; rewrite /around/= !in_itv/= -!ler_norml => /le_trans; apply.
  by rewrite ler_nat ltnS.
Qed.

(* The factor between the two densities *)
Definition factor : line := Num.sqrt (2 * pi) / Num.sqrt (2 * Rtrigo1.PI).

Lemma phi_factor x : phi x = factor * normal_pdf 0 1 x.
Proof.
have neq0 : Num.sqrt (2 * pi) != 0 :> line by rewrite gt_eqF// sqrtr_gt0 mulr_gt0 ?pi_gt0.
by rewrite phiE normal_pdfE// subr0 expr1n mulr1 invr1 mulr1 /factor mulrACA divff// mul1r.
Qed.

Lemma integral_factor (A : set (measurableTypeR line)) : measurable A ->
  (\int[mu]_(x in A) (phi x)%:E = factor%:E * normal_prob 0 1 A)%E.
Proof.
move=> mA; under eq_integral do rewrite phi_factor EFinM.
rewrite ge0_integralZl//.
- by apply/measurable_funTS/measurable_EFinP; exact: measurable_normal_pdf.
- by move=> x _; rewrite lee_fin normal_pdf_ge0.
- by rewrite lee_fin divr_ge0 ?sqrtr_ge0.
Qed.

Lemma factor1 : factor = 1.
Proof.
pose mass n := (factor%:E * normal_prob 0 1 (setT `&` around n))%E.
have massE n : mass n = (Phi n.+1%:R + Phi n.+1%:R - 1)%:E.
  rewrite /mass setTI -integral_factor; last exact: measurable_itv.
  by rewrite integral_phi ?gtrN//; congr EFin; rewrite Phi_opp; ring.
have to_1 : mass n @[n --> \oo] --> (1 : line)%:E.
  rewrite (funext massE); apply: cvg_EFin; first exact: nearW.
  rewrite [X in _ --> X](_ : 1 = 1 + 1 - 1); last by ring.
  by apply: cvgB; [apply: cvgD; exact: cvg_Phi|exact: cvg_cst].
have to_factor : mass n @[n --> \oo] --> (factor%:E * 1)%E.
  rewrite -[in X in _ --> X](@probability_setT _ _ _ (normal_prob 0 1)).
  by apply: cvgeMl => //; exact: cvg_around.
have : (1%:E = factor%:E * 1)%E by exact: cvg_unique to_1 to_factor.
by rewrite mule1 => -[].
Qed.

Lemma normal_prob_between a b : a < b -> normal_prob 0 1 `[a, b] = (Phi b - Phi a)%:E.
Proof.
move=> ab; rewrite -integral_phi// integral_factor; last exact: measurable_itv.
by rewrite factor1 mul1e.
Qed.

Theorem bridge_normal_law : bridge_normal_law_statement.
Proof.
move=> x; pose half n := normal_prob 0 1 (`]-oo, x] `&` around n).
have to_half : half n @[n --> \oo] --> normal_prob 0 1 `]-oo, x] by apply: cvg_around; exact: measurable_itv.
have to_Phi : half n @[n --> \oo] --> (Phi x)%:E.
  have limit : (Phi x - (1 - Phi n.+1%:R))%:E @[n --> \oo] --> (Phi x - (1 - 1))%:E.
    apply: cvg_EFin; first exact: nearW.
    apply: cvgB; first exact: cvg_cst.
    by apply: cvgB; [exact: cvg_cst|exact: cvg_Phi].
  rewrite subrr subr0 in limit; apply: cvg_trans limit; apply: near_eq_cvg; near=> n.
  have x_lt : `|x| < n.+1%:R.
    by rewrite -natr1 (@le_lt_trans _ _ n%:R) ?ltrDl//; near: n; exact: nbhs_infty_ger.
  rewrite -Phi_opp -normal_prob_between; last by move: x_lt; rewrite ltr_norml => /andP[].
  congr (normal_prob _ _ _); apply/seteqP; split=> y; rewrite /around/= !in_itv/=.
  + by move=> /andP[ge le]; rewrite le ge/= (le_trans le)// (le_trans (ler_norm _))// ltW.
  + by move=> [le /andP[ge _]]; rewrite le ge.
exact: cvg_unique to_half to_Phi.
Unshelve. all: by end_near. Qed.

(** * The overlap of Technique 2 *)

Lemma normal_prob_standard (m s a b : line) : 0 < s ->
  normal_prob m s `[a, b] = normal_prob 0 1 `[(a - m) / s, (b - m) / s].
Proof.
move=> s_gt0; rewrite /normal_prob (ge0_integral_affine_on m s_gt0).
- rewrite (_ : affine s m @^-1` _ = `[(a - m) / s, (b - m) / s]%classic); last first.
    by apply/seteqP; split=> z; rewrite /affine/= !in_itv/= ler_pdivrMr// ler_pdivlMr// lerBlDl lerBrDl (mulrC z).
  by apply: eq_integral => z _; rewrite normal_pdf_affine.
- exact: measurable_itv.
- exact: measurable_normal_pdf.
- by move=> x; exact: normal_pdf_ge0.
Qed.

Theorem overlap_probability : overlap_probability_statement.
Proof.
move=> D gamma s gamma_gt0 s_gt0 mean deviation.
have root_gt0 : 0 < Num.sqrt 2 :> line by rewrite sqrtr_gt0.
have step_gt0 : 0 < 3 * deviation by rewrite mulr_gt0// divr_gt0// mulr_gt0.
rewrite normal_prob_standard ?divr_gt0// normal_prob_between; last first.
  by rewrite ltr_pM2r ?invr_gt0 ?divr_gt0// ltrD2r ltrD2l gtrN.
have end_at c : (mean + c * deviation - Num.sqrt D * s) / (s / Num.sqrt 2) =
    Num.sqrt (2 * D) * (gamma - 1) + c * gamma.
  rewrite sqrtrM// /mean /deviation; have := sqr_sqrtr (ler0n line 2).
  move: (Num.sqrt 2) root_gt0 (Num.sqrt D) => root root_gt0 d root2.
  by field; rewrite !gt_eqF.
by rewrite -[- (3 * deviation)]mulNr !end_at mulNr /Ncsn.Statements.overlap RsqrtE.
Qed.

(** * Vectors *)

Lemma sum_below_shift n (f : nat -> line) :
  Ncsn.Statements.sum_below n.+1 f = f 0%N + Ncsn.Statements.sum_below n (fun k => f k.+1) :> line.
Proof.
elim: n => [|n IH]; first by rewrite /= !RplusE addrC.
by rewrite [LHS]/= -/(Ncsn.Statements.sum_below n.+1 f) IH RplusE -addrA.
Qed.

Lemma dist2E n (x y : RD line n) : dist2 x y = Ncsn.Statements.dist2 n (coordinates x) (coordinates y).
Proof.
rewrite /Ncsn.Statements.dist2; elim: n x y => [//|n IH] x y.
by rewrite sum_below_shift RpowE [LHS]/= IH.
Qed.

Theorem bridge_gaussian : bridge_gaussian_statement.
Proof.
move=> n s m x s_gt0; have sqrt_pi : Num.sqrt (2 * Rtrigo1.PI) = Num.sqrt (2 * pi) :> line.
  by rewrite -(divr1_eq factor1).
rewrite gaussE ?gt_eqF// dist2E /Ncsn.Statements.gaussian RdivE expRE !RpowE RsqrtE RinvE sqrt_pi.
by rewrite sqrtrM ?mulr_ge0 ?pi_ge0// sqrtr_sqr gtr0_norm// exprVn.
Qed.

Theorem bridge_variance_ratio : bridge_variance_ratio_statement.
Proof. by move=> gamma sigma_L eps T; rewrite /Ncsn.Statements.variance_ratio !RpowE. Qed.
