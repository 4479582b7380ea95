(* Euclidean space R^n, Lebesgue measure and isotropic Gaussians on it

   RD n         R^n as the iterated product R * (R * ... * unit)
   leb n        Lebesgue measure on R^n: the product of n copies of Lebesgue measure on R
   dist2 x y    |x - y|^2 = sum_d (x_d - y_d)^2
   norm x       |x| = sqrt (sum_d x_d^2)
   axpby a b x y   a x + b y
   gauss s m x  density of N(m, s^2 I) at x: prod_d (2 pi s^2)^(-1/2) exp(-(x_d - m_d)^2 / (2 s^2))
   gauss_prob s m A   N(m, s^2 I)(A), the integral of that density over A

   The Rust function `Mixture::log_density` (theory/src/proposition1/mod.rs) evaluates logarithms of sums of `gauss`. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint interval.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions cardinality fsbigop.
From mathcomp Require Import reals ereal topology normedtype sequences esum measure.
From mathcomp Require Import lebesgue_measure lebesgue_integral measurable_realfun numfun realfun exp trigo probability.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Def Num.Theory.
Import numFieldNormedType.Exports.
Local Open Scope ring_scope.
Local Open Scope classical_set_scope.

Section Space.
Context {R : realType}.
Notation mu := (@lebesgue_measure R).

(* The display is the index that mathcomp-analysis attaches to a sigma-algebra; it carries no content. *)
Definition line_display : measure_display := sigma_display (R.-ocitv.-measurable).

Fixpoint space_display (n : nat) : measure_display :=
  match n with
  | O => default_measure_display
  | S n => measure_prod_display (line_display, space_display n)
  end.

Fixpoint RD (n : nat) : measurableType (space_display n) :=
  match n return measurableType (space_display n) with
  | O => unit : measurableType _
  | S n => (measurableTypeR R * RD n)%type : measurableType _
  end.

Fixpoint leb (n : nat) : {sigma_finite_measure set (RD n) -> \bar R} :=
  match n return {sigma_finite_measure set (RD n) -> \bar R} with
  | O => (dirac tt : {sigma_finite_measure set (unit : measurableType default_measure_display) -> \bar R})
  | S n => ((mu : {sigma_finite_measure set (measurableTypeR R) -> \bar R}) \x leb n)%E
  end.

Fixpoint origin n : RD n :=
  match n return RD n with
  | O => tt
  | S n => (0, origin n)
  end.

Fixpoint dist2 n : RD n -> RD n -> R :=
  match n return RD n -> RD n -> R with
  | O => fun _ _ => 0
  | S n => fun x y => (x.1 - y.1) ^+ 2 + dist2 x.2 y.2
  end.

Definition norm n (x : RD n) : R := Num.sqrt (dist2 x (origin n)).

Fixpoint axpby (a b : R) n : RD n -> RD n -> RD n :=
  match n return RD n -> RD n -> RD n with
  | O => fun _ _ => tt
  | S n => fun x y => (a * x.1 + b * y.1, axpby a b x.2 y.2)
  end.

Fixpoint gauss (s : R) n : RD n -> RD n -> R :=
  match n return RD n -> RD n -> R with
  | O => fun _ _ => 1
  | S n => fun m x => normal_pdf m.1 s x.1 * gauss s m.2 x.2
  end.

Definition gauss_prob (s : R) n (m : RD n) (A : set (RD n)) : \bar R :=
  (\int[leb n]_(x in A) (gauss s m x)%:E)%E.

Lemma dist2_ge0 n (x y : RD n) : 0 <= dist2 x y.
Proof. by elim: n x y => [|n IH] x y //=; rewrite addr_ge0// sqr_ge0. Qed.

Lemma dist2_eq0 n (x y : RD n) : dist2 x y = 0 -> x = y.
Proof.
elim: n x y => [|n IH] /=; first by move=> [] [].
move=> [x1 x2] [y1 y2] /eqP; rewrite paddr_eq0 ?sqr_ge0 ?dist2_ge0//= => /andP[].
by rewrite sqrf_eq0 subr_eq0 => /eqP -> /eqP /IH ->.
Qed.

Lemma dist2xx n (x : RD n) : dist2 x x = 0.
Proof. by elim: n x => [|n IH] x //=; rewrite subrr expr0n/= add0r IH. Qed.

Lemma norm_ge0 n (x : RD n) : 0 <= norm x.
Proof. exact: sqrtr_ge0. Qed.

Lemma measurable_dist2 n (y : RD n) : measurable_fun setT (fun x : RD n => dist2 x y).
Proof.
elim: n y => [|n IH] y /=; first exact: measurable_cst.
apply: measurable_funD.
- apply: (measurableT_comp (f := fun z : R => (z - y.1) ^+ 2)); last exact: measurable_fst.
  by apply: measurable_funX; exact: measurable_funB.
- apply: (measurableT_comp (IH y.2)); exact: measurable_snd.
Qed.

Lemma measurable_norm n : measurable_fun setT (@norm n).
Proof.
apply: (measurableT_comp (f := @Num.sqrt R)); last exact: measurable_dist2.
by apply: continuous_measurable_fun; exact: sqrt_continuous.
Qed.

Section Gaussian.
Variable s : R.
Hypothesis s_neq0 : s != 0.

Lemma gauss_gt0 n (m x : RD n) : 0 < gauss s m x.
Proof.
elim: n m x => [|n IH] m x /=; first exact: ltr01.
by rewrite mulr_gt0// normal_pdf_gt0.
Qed.

Lemma measurable_gauss n (m : RD n) : measurable_fun setT (gauss s m).
Proof.
elim: n m => [|n IH] m /=; first exact: measurable_cst.
apply: measurable_funM.
- apply: (measurableT_comp (measurable_normal_pdf m.1 s)); exact: measurable_fst.
- apply: (measurableT_comp (IH m.2)); exact: measurable_snd.
Qed.

(* A Gaussian has total mass 1. *)
Lemma integral_gauss n (m : RD n) : (\int[leb n]_x (gauss s m x)%:E = 1)%E.
Proof.
elim: n m => [|n IH] m.
  by rewrite /= integral_dirac//= diracE mem_set// mul1e.
have m_gauss : measurable_fun setT (fun x : RD n.+1 => (gauss s m x)%:E).
  by apply/measurable_EFinP; exact: measurable_gauss.
have -> : (\int[leb n.+1]_x (gauss s m x)%:E =
    \int[mu]_x fubini_F (leb n) (fun x : RD n.+1 => (gauss s m x)%:E) x)%E.
  apply: (@fubini_tonelli1 _ _ _ _ R mu (leb n)) => //.
  by move=> x; rewrite lee_fin; exact/ltW/(@gauss_gt0 n.+1).
rewrite -(integral_normal_pdf m.1 s).
apply: eq_integral => x _; rewrite /fubini_F /=.
under eq_integral do rewrite EFinM.
rewrite ge0_integralZl//.
- by rewrite IH mule1.
- by apply/measurable_EFinP; exact: measurable_gauss.
- by move=> y _; rewrite lee_fin ltW// gauss_gt0.
- by rewrite lee_fin normal_pdf_ge0.
Qed.

(* The product of the one-dimensional densities is the density of the paper's appendix A. *)
Lemma gaussE n (m x : RD n) :
  gauss s m x = (Num.sqrt (2 * pi * s ^+ 2)) ^- n * expR (- dist2 x m / (2 * s ^+ 2)).
Proof.
elim: n m x => [|n IH] m x /=.
  by rewrite oppr0 mul0r expR0 expr0 invr1 mulr1.
rewrite IH /normal_pdf (negbTE s_neq0) mulrACA -expRD.
rewrite -(mulr_natl (s ^+ 2) 2) -(mulr_natl (s ^+ 2 * pi) 2) (mulrC (s ^+ 2)) mulrA.
set c := Num.sqrt _; set v := (2 * s ^+ 2)^-1.
by rewrite [c ^+ n.+1]exprS invfM opprD (mulrDl _ _ v).
Qed.

End Gaussian.
End Space.

Arguments RD R n : clear implicits.
Arguments leb R n : clear implicits.
Arguments origin {R} n.
